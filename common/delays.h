/* SPDX-License-Identifier: ISC */
/*
 * Moments to wait for. All that wait in one queue wait equally long, so each
 * that joins goes to the end and the queue is in order by itself: to start, to
 * start anew and to stop take no longer with 5000 of them than with one. Only
 * one that goes on with a wait that was held has to look for its place.
 * Pure; times are of any clock, in any unit, the same for all of a queue.
 */
#ifndef COMMON_DELAYS_H
#define COMMON_DELAYS_H

#include <stdint.h>
#include <sys/queue.h>

struct delay_queue;

/* One that may wait; all zero: it does not. */
struct delay {
	struct delay_queue *in; /* where it waits, or NULL */
	int64_t due;            /* when its wait is over */
	int64_t left;           /* what was left of it when it was held */
	TAILQ_ENTRY(delay) link;
};

struct delay_queue {
	int64_t length;                        /* how long every one waits in here */
	TAILQ_HEAD(delay_list, delay) waiting; /* the one that is due first comes first */
};

/* Makes it empty. */
void delays_init(struct delay_queue *queue, int64_t length);

/* Begins to wait, from `now` on; a wait that goes on already, here or elsewhere, is dropped. */
void delay_start(struct delay *delay, struct delay_queue *queue, int64_t now);

/* Does not wait any longer, if it did. */
void delay_stop(struct delay *delay);

/* Holds its wait, if it goes on: what is left of it at `now` is kept, and may be none. */
void delay_hold(struct delay *delay, int64_t now);

/* Goes on with a wait that was held, in the queue where it was, from `now` on. */
void delay_go_on(struct delay *delay, struct delay_queue *queue, int64_t now);

/* Takes out one whose wait is over and returns it; NULL when there is none. */
struct delay *delay_take(struct delay_queue *queue, int64_t now);

/* Returns when the first will be due, or INT64_MAX. */
int64_t delays_next(const struct delay_queue *queue);

#endif
