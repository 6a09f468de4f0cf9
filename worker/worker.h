/* SPDX-License-Identifier: ISC */
/*
 * One worker's life: ready -> accept -> session -> accept ... -> leave. It is a
 * forked child that serves by one of the engines (worker/engine.h) and knows
 * nothing of how its master works; all it needs is in struct worker.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "common/board.h"
#include "worker/limits.h"
#include "worker/sandbox.h"

#include <stddef.h>
#include <stdbool.h>
#include <sys/types.h>

struct worker {
	int listener;        /* listening socket, shared with other workers */
	_Atomic uint32_t *listener_state; /* on the board; enum board_listener */
	bool inherited;      /* it belongs to somebody who keeps it: its queue is not for us to empty */
	int pass_on;         /* eventfd(2): who cannot accept has another one of the listener do it */
	int nowhere;         /* /dev/null: what takes the listener's place when it is let go */
	int ready_fd;        /* sending end of the ready pipe */
	unsigned number;     /* slot on the board, from 0; titles and logs count from 1 */
	pid_t master;        /* the process that forked it */
	size_t buffer_size;  /* most that is read at once, in bytes */
	unsigned connections; /* served at once; 1: by the blocking engine */
	unsigned busy_poll_us; /* event engine: how long it looks before it sleeps; 0: not at all */
	struct limits limits; /* that clients are held to */
	struct sources *sources; /* where connections come from; shared by all workers */
	unsigned max_served; /* connections after which it asks to be replaced, 0: never */
	struct idle_set *idle; /* on the board, of its listener */
	const struct sandbox *sandbox; /* that it enters before it is ready */
	struct board *board;
};

/*
 * Runs the worker in the calling process, a child of `worker->master` in which
 * no signal has a handler, and TERM and QUIT are blocked. Returns the exit code:
 * 0 when it was told to leave, else one of sysexits.h, and the reason has been
 * logged.
 *
 * The master talks to it by signals:
 *   TERM  accept nothing more (or, while the board says LISTENER_DRAINING, only
 *         what already waits), finish the session, leave
 *   QUIT  the same, and end the session now: what has arrived is served, then
 *         the connection is closed in order
 * The same signals from anybody else are passed on to the master as a wish. If
 * the master dies, the worker serves what waits, ends as by QUIT and is gone
 * within a second.
 */
int worker_run(const struct worker *worker);

/* For engines: shows what the worker is doing, on the board and in its title. */
void worker_show_state(const struct worker *worker, enum board_state state);

#endif
