/* SPDX-License-Identifier: ISC */
/*
 * The two ways in which a worker can serve, behind one door: blocking.c has one
 * connection at a time and waits in accept(2) and recv(2); mux.c has many, and
 * waits in epoll_wait(2). Everything about a session that a client could
 * notice is the same in both.
 */
#ifndef WORKER_ENGINE_H
#define WORKER_ENGINE_H

#include "worker/worker.h"

/* Called in this order, once each in a worker's life, but for told(). */
struct engine {
	/*
	 * Makes ready to accept. `buffer` has room for `worker->buffer_size` bytes, and both
	 * outlive the engine. Returns 0, or -1 when it cannot; the reason has been logged.
	 */
	int (*prepare)(const struct worker *worker, char *buffer);
	/* SIGTERM or SIGQUIT came from the master: see worker/orders.h. In a signal handler. */
	void (*told)(int number);
	/* Serves until the worker is to leave. Returns its exit code. */
	int (*serve)(void);
	/* The listener is let go: closes what the server has ended, in order. */
	void (*finish)(void);
};

extern const struct engine blocking_engine;
extern const struct engine mux_engine;

#endif
