/* SPDX-License-Identifier: ISC */
/*
 * What a worker is told by signals, and by whom: its master's word is an order,
 * a stranger's is passed on to the master as a wish, and when the master has
 * died the worker acts for it.
 */
#ifndef WORKER_ORDERS_H
#define WORKER_ORDERS_H

#include "common/board.h"
#include "worker/worker.h"

#include <signal.h>
#include <stdbool.h>

/* What has been ordered so far; handlers write it. */
struct orders {
	volatile sig_atomic_t retiring; /* to leave */
	volatile sig_atomic_t ending;   /* and to end all sessions */
};

extern struct orders orders;

/*
 * Handles signals from now on, and lets them in. `told` is called in the
 * handler after each order, with the signal's number. `worker` is kept by
 * reference. Returns 0, or -1 with errno of sigaction(2) or sigprocmask(2): who
 * cannot hear an order is not to begin.
 */
int orders_begin(const struct worker *worker, void (*told)(int number));

/* Tells whether the master is dead. Safe in a signal handler. */
bool orders_of_orphan(const struct worker *worker);

/* Returns what the board says of the worker's listener. Safe in a signal handler. */
enum board_listener orders_listener(const struct worker *worker);

/*
 * To be asked after each order. Tells whether the queue is to be emptied before
 * the worker leaves (the listener is non-blocking by then); else the listener
 * is to be let go at once. Safe in a signal handler.
 */
bool orders_to_drain(const struct worker *worker);

#endif
