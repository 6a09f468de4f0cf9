/* SPDX-License-Identifier: ISC */
/*
 * Whose turn it is: connections that can go on, in the order in which they
 * could. Each gets one step in a round, and one that could do more goes to the
 * end, so that a client who sends without a pause holds up nobody. Pure.
 */
#ifndef WORKER_TURNS_H
#define WORKER_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* A place in the line; all zero: not in it. */
struct turn {
	TAILQ_ENTRY(turn) link;
	bool waits; /* it is in the line */
};

struct turns {
	TAILQ_HEAD(turn_line, turn) line;
	size_t count; /* that wait */
};

/* Makes it empty. */
void turns_init(struct turns *turns);

/* Puts it at the end, if it does not wait already. */
void turns_add(struct turns *turns, struct turn *turn);

/* Takes it out, if it waits. */
void turns_remove(struct turns *turns, struct turn *turn);

/*
 * Takes the first one out; NULL when nobody waits. For one round call it as
 * often as turns->count said in the beginning.
 */
struct turn *turns_take(struct turns *turns);

#endif
