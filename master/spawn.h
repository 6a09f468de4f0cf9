/* SPDX-License-Identifier: ISC */
/* Forking a worker, and what a child must undo before it is one. */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include "common/board.h"
#include "common/settings.h"

#include <sys/types.h>

/* The descriptors that master and workers talk over. */
struct spawn_channels {
	int listener;  /* the listening socket */
	int nowhere;   /* /dev/null, for workers that let go of the listener */
	int ready[2];  /* ready pipe: [0] the master's end, [1] the workers' */
	int log[2];    /* log channel, likewise */
};

/*
 * Opens all of `channels` but the listener, which becomes `listener`. Returns
 * 0, or -1 with errno, nothing left open.
 */
int spawn_channels_open(struct spawn_channels *channels, int listener);

/* Closes everything that is still open, the listener included. */
void spawn_channels_close(struct spawn_channels *channels);

/*
 * Forks a worker for slot `number` of the board, to which `settings` apply for
 * its life. Must be called with the master's signals blocked. Returns the
 * child's pid, or -1 with errno of fork(2). In the child it does not return.
 */
pid_t spawn_worker(const struct spawn_channels *channels, struct board *board, unsigned number,
    const struct settings *settings);

#endif
