/* SPDX-License-Identifier: ISC */
#include "master/spawn.h"

#include "common/log.h"
#include "common/logchannel.h"
#include "common/readypipe.h"
#include "master/signals.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdlib.h>
#include <unistd.h>

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int spawn_channels_open(struct spawn_channels *channels, int listener)
{
	int saved;

	*channels = (struct spawn_channels){ .listener = -1, .nowhere = -1, .ready = { -1, -1 },
		.log = { -1, -1 } };
	channels->nowhere = open(_PATH_DEVNULL, O_RDWR | O_CLOEXEC);
	if (channels->nowhere < 0 || ready_pipe_open(channels->ready) < 0 ||
	    log_channel_open(channels->log) < 0) {
		saved = errno;
		spawn_channels_close(channels);
		errno = saved;
		return -1;
	}
	channels->listener = listener;
	return 0;
}

void spawn_channels_close(struct spawn_channels *channels)
{
	close_one(&channels->listener);
	close_one(&channels->nowhere);
	for (int end = 0; end < 2; end++) {
		close_one(&channels->ready[end]);
		close_one(&channels->log[end]);
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
    unsigned number, pid_t master, const struct settings *settings)
{
	struct worker worker = { .listener = channels->listener, .nowhere = channels->nowhere,
		.ready_fd = channels->ready[1], .number = number, .master = master,
		.buffer_size = settings->buffer, .board = board };

	signals_forget();
	setpgid(0, 0);
	close(channels->ready[0]);
	close(channels->log[0]);
	log_to_channel(channels->log[1]);
	log_adjust((int)settings->log_level, false);
	exit(worker_run(&worker));
}

pid_t spawn_worker(const struct spawn_channels *channels, struct board *board, unsigned number,
    const struct settings *settings)
{
	pid_t master = getpid();
	pid_t pid = fork();

	if (pid == 0)
		become_worker(channels, board, number, master, settings);
	return pid;
}
