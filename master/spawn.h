/* SPDX-License-Identifier: ISC */
/* Forking a worker, and what a child must undo before it is one. */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include "common/board.h"
#include "common/settings.h"
#include "master/identity.h"
#include "worker/sandbox.h"
#include "worker/sources.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The descriptors that master and workers talk over. */
struct spawn_channels {
	int listener[BOARD_LISTENERS]; /* listening sockets, -1: none; workers have one each */
	int pass_on[BOARD_LISTENERS];  /* eventfd(2) of each, for its workers among themselves */
	int nowhere;   /* /dev/null, for workers that let go of the listener */
	int ready[2];  /* ready pipe: [0] the master's end, [1] the workers' */
	int log[2];    /* log channel, likewise; -1 while it cannot be had */
};

/*
 * Opens all of `channels` but the listeners: there is none yet. Returns 0, or
 * -1 with errno, nothing left open.
 */
int spawn_channels_open(struct spawn_channels *channels);

/* Closes everything that is still open, listeners included. */
void spawn_channels_close(struct spawn_channels *channels);

/*
 * Logs what workers have sent before one of them shut the log channel down, says so,
 * and closes it. Workers that are forked while there is none are silent.
 */
void spawn_channels_drop_log(struct spawn_channels *channels);

/*
 * Opens a log channel where there is none, which only workers to come will have: those
 * of now are to be replaced. Returns true if it did. Why it could not, it says now and
 * then.
 */
bool spawn_channels_renew_log(struct spawn_channels *channels);

/* What one worker is to be. */
struct spawn_order {
	unsigned number;                 /* its slot on the board */
	unsigned listener;               /* where it accepts, by its place in the channels */
	bool inherited;                  /* that one belongs to a service manager */
	const struct settings *settings; /* of its generation */
	const struct identity *identity; /* whom it becomes */
	struct sources *sources;         /* shared by all workers */
	const struct sandbox *sandbox;   /* likewise, by those of one engine */
	uint64_t token;                  /* that it shows to the master (common/readypipe.h) */
};

/*
 * Forks a worker. Must be called with the master's signals blocked. Returns the
 * child's pid, or -1 with errno of fork(2). In the child it does not return.
 */
pid_t spawn_worker(const struct spawn_channels *channels, struct board *board,
    const struct spawn_order *order);

#endif
