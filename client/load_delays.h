/* SPDX-License-Identifier: ISC */
/*
 * Moments to wait for. All that wait in one queue wait equally long, so each
 * that joins goes to the end and the queue is in order by itself: to start, to
 * start anew and to stop take no longer with 5000 of them than with one. Only
 * one that goes on with a wait that was held has to look for its place.
 * Pure; times are nanoseconds of any clock.
 */
#ifndef CLIENT_LOAD_DELAYS_H
#define CLIENT_LOAD_DELAYS_H

#include <stdint.h>
#include <sys/queue.h>

struct load_delay_queue;

/* One that may wait; all zero: it does not. */
struct load_delay {
	struct load_delay_queue *in;  /* where it waits, or NULL */
	int64_t due;                  /* when its wait is over */
	int64_t left;                 /* what was left of it when it was held */
	TAILQ_ENTRY(load_delay) link;
};

struct load_delay_queue {
	int64_t length;               /* how long every one waits in here */
	TAILQ_HEAD(load_delay_list, load_delay) waiting; /* the one that is due first comes first */
};

/* Makes it empty. */
void load_delays_init(struct load_delay_queue *queue, int64_t length);

/* Begins to wait, from `now` on; a wait that goes on already, here or elsewhere, is dropped. */
void load_delay_start(struct load_delay *delay, struct load_delay_queue *queue, int64_t now);

/* Does not wait any longer, if it did. */
void load_delay_stop(struct load_delay *delay);

/* Holds its wait, if it goes on: what is left of it at `now` is kept, and may be none. */
void load_delay_hold(struct load_delay *delay, int64_t now);

/* Goes on with a wait that was held, in the queue where it was, from `now` on. */
void load_delay_go_on(struct load_delay *delay, struct load_delay_queue *queue, int64_t now);

/* Takes out one whose wait is over and returns it; NULL when there is none. */
struct load_delay *load_delay_take(struct load_delay_queue *queue, int64_t now);

/* Returns when the first will be due, or INT64_MAX. */
int64_t load_delays_next(const struct load_delay_queue *queue);

#endif
