/* SPDX-License-Identifier: ISC */
#include "worker/orders.h"

#include "common/gate.h"
#include "common/readypipe.h"
#include "worker/idleness.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct orders orders;

/* What the handler needs. */
static const struct worker *self;
static void (*engine_told)(int number);

bool orders_of_orphan(const struct worker *worker)
{
	return getppid() != worker->master;
}

enum board_listener orders_listener(const struct worker *worker)
{
	return (enum board_listener)atomic_load_explicit(worker->listener_state,
	    memory_order_relaxed);
}

/*
 * Nobody follows a worker whose master is dead: it does what the master would
 * have done at a stop, and serves what waits. Unless the listener is somebody
 * else's, who has a successor for us.
 */
bool orders_to_drain(const struct worker *worker)
{
	if (!orders_of_orphan(worker) || worker->inherited)
		return orders_listener(worker) == LISTENER_DRAINING;
	atomic_store(worker->listener_state, (uint32_t)LISTENER_DRAINING);
	gate_close(worker->listener);
	fcntl(worker->listener, F_SETFL, O_NONBLOCK); /* no other flag is ever set on ours */
	return true;
}

/* Every call in here is on the list of signal-safety(7). */
static void told_to_leave(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (info->si_pid != self->master && !orders_of_orphan(self)) {
		ready_pipe_send(self->ready_fd, READY_ASKS_TO_LEAVE);
	} else {
		orders.retiring = 1;
		idleness_leaves(&worker_idleness);
		if (number == SIGQUIT)
			orders.ending = 1;
		engine_told(number);
	}
	errno = saved;
}

/*
 * Signals for the master that reach everybody (`pkill -HUP echo-master`) are
 * none of a worker's business.
 */
int orders_begin(const struct worker *worker, void (*told)(int number))
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGPIPE, SIGTTIN, SIGTTOU, SIGUSR1,
		SIGUSR2 };
	struct sigaction leave = { .sa_sigaction = told_to_leave, .sa_flags = SA_SIGINFO };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	self = worker;
	engine_told = told;
	sigemptyset(&leave.sa_mask);
	sigaddset(&leave.sa_mask, SIGTERM);
	sigaddset(&leave.sa_mask, SIGQUIT);
	if (sigaction(SIGTERM, &leave, NULL) < 0 || sigaction(SIGQUIT, &leave, NULL) < 0)
		return -1;
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		if (sigaction(ignored[i], &ignore, NULL) < 0)
			return -1;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}
