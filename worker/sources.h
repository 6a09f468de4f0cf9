/* SPDX-License-Identifier: ISC */
/*
 * Where connections come from: how many each source has at a time, and how fast
 * they come. A source is an IPv4 address, or the /64 network of an IPv6 address,
 * which is the least that one customer gets (RFC 6177).
 *
 * All workers share one table, in memory that the master maps before it forks
 * them. There is no lock that a dead worker could hold: an entry is one word with
 * the source and its count, and one with its rate, and both change by compare and
 * swap. An entry is free again when its count is 0 and its rate is used up no
 * more; nothing is ever cleaned up.
 *
 * The table has a fixed size. A source for which there is no room is let in
 * uncounted: many sources cannot turn the service off for others.
 *
 * What a worker has counted is written down, in the same memory, so that the
 * master can give it back when the worker is dead.
 */
#ifndef WORKER_SOURCES_H
#define WORKER_SOURCES_H

#include "common/access.h"

#include <stdbool.h>
#include <stdint.h>

/* The most connections of one source that can be asked for. */
#define SOURCES_COUNT_MAX 1000000

struct sources;

/* What one source may do. */
struct source_limits {
	unsigned at_a_time;  /* connections, up to SOURCES_COUNT_MAX; 0: any number */
	int64_t interval_ns; /* between connections, in the long run; 0: none */
	unsigned burst;      /* connections at once, before the interval counts; at least 1 */
};

enum source_answer {
	SOURCE_MAY_COME,
	SOURCE_HAS_TOO_MANY,
	SOURCE_COMES_TOO_FAST,
	SOURCE_HAS_NO_ROOM, /* the table is full: it may come, uncounted */
};

/* Where a connection's count is written down, from 1; 0: it has not been counted. */
typedef uint32_t source_ticket;

/* What one worker keeps for itself; all else but `owner` is 0 in the beginning. */
struct source_holder {
	unsigned owner;     /* number of the worker's slot */
	source_ticket free; /* first of the places that are its own and free, 0: none */
	uint32_t looked_at; /* blocks of places, in its search for one of its own */
};

/*
 * Maps an empty table, with a hash key of its own (getrandom(2)), for all
 * processes that are forked later. Memory is taken as it is used. Returns NULL
 * with errno of mmap(2).
 */
struct sources *sources_open(void);
void sources_close(struct sources *sources);

/* Returns the source that an address belongs to, as a number. */
uint64_t source_of(const struct access_address *address);

/*
 * Asks whether a connection from `source` may come at `now` (nanoseconds of
 * CLOCK_MONOTONIC, above 0). `*ticket` is what sources_leave() takes at its end; it
 * is 0 when the connection was refused, or need not be counted.
 */
enum source_answer sources_enter(struct sources *sources, struct source_holder *holder,
    uint64_t source, const struct source_limits *limits, int64_t now, source_ticket *ticket);

/* The connection has ended. Nothing happens for a ticket of 0. */
void sources_leave(struct sources *sources, struct source_holder *holder, source_ticket ticket);

/* The worker in slot `owner` is dead: gives back what it had counted. For the master. */
void sources_give_back(struct sources *sources, unsigned owner);

/* Returns how many connections of `source` are counted. For tests and reports. */
unsigned sources_count(const struct sources *sources, uint64_t source);

#endif
