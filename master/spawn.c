/* SPDX-License-Identifier: ISC */
#include "master/spawn.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/logchannel.h"
#include "common/ratelimit.h"
#include "common/readypipe.h"
#include "master/daemon.h"
#include "master/pidfile.h"
#include "master/privileges.h"
#include "master/signals.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

/* Records that are asked for in one go. */
#define RECORDS_AT_ONCE 256

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int open_pass_on(struct spawn_channels *channels)
{
	for (unsigned i = 0; i < BOARD_LISTENERS; i++) {
		channels->pass_on[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (channels->pass_on[i] < 0)
			return -1;
	}
	return 0;
}

int spawn_channels_open(struct spawn_channels *channels)
{
	int saved;

	*channels = (struct spawn_channels){ .nowhere = -1, .ready = { -1, -1 },
		.log = { -1, -1 } };
	for (unsigned i = 0; i < BOARD_LISTENERS; i++)
		channels->listener[i] = channels->pass_on[i] = -1;
	channels->nowhere = open(_PATH_DEVNULL, O_RDWR | O_CLOEXEC);
	if (channels->nowhere >= 0 && ready_pipe_open(channels->ready) == 0 &&
	    log_channel_open(channels->log) == 0 && open_pass_on(channels) == 0)
		return 0;
	saved = errno;
	spawn_channels_close(channels);
	errno = saved;
	return -1;
}

void spawn_channels_close(struct spawn_channels *channels)
{
	for (unsigned i = 0; i < BOARD_LISTENERS; i++) {
		close_one(&channels->listener[i]);
		close_one(&channels->pass_on[i]);
	}
	close_one(&channels->nowhere);
	for (int end = 0; end < 2; end++) {
		close_one(&channels->ready[end]);
		close_one(&channels->log[end]);
	}
}

void spawn_channels_drop_log(struct spawn_channels *channels)
{
	while (log_relay(channels->log[0], RECORDS_AT_ONCE))
		continue; /* nothing can be added any more */
	for (int end = 0; end < 2; end++)
		close_one(&channels->log[end]);
	log_error("a worker has shut down the channel that all workers log by: their lines are "
	    "lost until each is replaced");
}

bool spawn_channels_renew_log(struct spawn_channels *channels)
{
	static struct rate_limit limit = RATE_LIMIT(1, 60000);

	if (channels->log[0] >= 0)
		return false;
	if (log_channel_open(channels->log) == 0)
		return true;
	if (rate_limit_pass(&limit, clock_ms(), NULL))
		log_error("a new channel for the log of workers: %s; it is tried again",
		    strerror(errno));
	return false;
}

/* A listener that is closed must not live on in a worker that has another. */
static void close_what_is_not_ours(const struct spawn_channels *channels, unsigned listener)
{
	daemon_forget();
	pidfile_forget();
	close(channels->ready[0]);
	close(channels->log[0]);
	for (unsigned i = 0; i < BOARD_LISTENERS; i++) {
		if (i == listener)
			continue;
		close(channels->pass_on[i]);
		if (channels->listener[i] >= 0)
			close(channels->listener[i]);
	}
}

/*
 * The child begins with its signals blocked, so that one sent to it a moment
 * after the fork waits until the worker's own handlers are in place.
 *
 * It leaves the terminal's foreground group: Ctrl-C is for the master, which
 * stops its workers in order.
 */
static void become_worker(const struct spawn_channels *channels, struct board *board,
    const struct spawn_order *order, pid_t master)
{
	char why[REASON_MAX];
	struct worker worker = { .listener = channels->listener[order->listener],
		.listener_state = &board->listeners[order->listener],
		.inherited = order->inherited, .pass_on = channels->pass_on[order->listener],
		.nowhere = channels->nowhere,
		.ready_fd = channels->ready[1], .number = order->number, .master = master,
		.buffer_size = order->settings->buffer,
		.connections = order->settings->connections,
		.busy_poll_us = order->settings->busy_poll,
		.limits = limits_of(order->settings), .sources = order->sources,
		.max_served = order->settings->max_served,
		.idle = &board->idle[order->listener], .sandbox = order->sandbox, .board = board };

	signals_forget();
	setpgid(0, 0);
	close_what_is_not_ours(channels, order->listener);
	log_to_channel(channels->log[1]);
	ready_pipe_set_token(order->token);
	log_adjust((int)order->settings->log_level, false);
	if (privileges_drop(order->identity, why) < 0) {
		log_error("worker %u: %s", order->number + 1, why);
		exit(EX_NOPERM);
	}
	exit(worker_run(&worker));
}

pid_t spawn_worker(const struct spawn_channels *channels, struct board *board,
    const struct spawn_order *order)
{
	pid_t master = getpid();
	pid_t pid = fork();

	if (pid == 0)
		become_worker(channels, board, order, master);
	return pid;
}
