/* SPDX-License-Identifier: ISC */
/*
 * What a worker tells of whether it has room for a connection, so that the
 * master has others at hand when nobody has. It costs two atomic operations a
 * connection, and a message only when the master watches for one (common/idleset.h).
 */
#ifndef WORKER_IDLENESS_H
#define WORKER_IDLENESS_H

#include "common/idleset.h"

#include <signal.h>

struct idleness {
	struct idle_set *set;              /* of those that accept from the same listener */
	unsigned number;                   /* of this worker in it: its slot on the board */
	int ready_fd;                      /* sending end of the ready pipe */
	unsigned max_served;               /* connections before it asks to be replaced, 0: no end */
	unsigned served;                   /* connections it has had, as far as that matters */
	volatile sig_atomic_t leaving;     /* it never becomes idle again */
};

/* Of the worker that runs in this process. */
extern struct idleness worker_idleness;

/* It has room for a connection; in the beginning too, before it says that it is ready. */
void idleness_became_idle(struct idleness *idleness);

/* It has none any more. */
void idleness_became_busy(struct idleness *idleness);

/* One more connection has come to its end. */
void idleness_served_one(struct idleness *idleness);

/* It accepts nothing more, whether it was idle or not. Safe in a signal handler. */
void idleness_leaves(struct idleness *idleness);

#endif
