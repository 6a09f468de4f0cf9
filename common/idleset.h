/* SPDX-License-Identifier: ISC */
/*
 * Who is idle: a bit for each worker that accepts from one listener, in memory
 * that master and workers share. There is no count beside the bits that a
 * worker killed in mid-write could leave wrong: the master takes the bit of a
 * dead worker away, and what is left is true.
 *
 * The master sleeps until it is needed. It says so by watching: whoever takes
 * the last idle place, or is one more idle worker than it wants, takes the watch
 * and wakes it. To miss nothing it sets the watch first and then looks, as they
 * change their bit first and then look for a watch; each such step is in one
 * order for all processes.
 */
#ifndef COMMON_IDLESET_H
#define COMMON_IDLESET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Members there can be, from 0. */
#define IDLE_SET_MAX 65536
#define IDLE_SET_WORDS (IDLE_SET_MAX / 64)

/* What the master wants to be woken for. */
struct idle_watch {
	bool none;      /* nobody is idle any more */
	unsigned above; /* more than so many are idle; 0: it does not matter */
};

/* The watch is on a cache line of its own: it is mostly read, the bits are mostly written. */
struct idle_set {
	_Alignas(128) _Atomic uint32_t watch_none;      /* struct idle_watch, taken by who wakes */
	_Atomic uint32_t watch_above;
	_Atomic uint32_t words;                         /* of `word`, that members were ever in */
	_Alignas(128) _Atomic uint64_t word[IDLE_SET_WORDS]; /* 64 members each, 1: idle */
};

/* Has the set look at this member from now on. Before its process is there. */
void idle_set_make_room(struct idle_set *set, unsigned member);

/* Puts a member in, or takes it out; either may be so already. Safe in a signal handler. */
void idle_set_add(struct idle_set *set, unsigned member);
void idle_set_remove(struct idle_set *set, unsigned member);

/* Returns how many are in the set. */
unsigned idle_set_count(const struct idle_set *set);

/* Copies the bits to `copy`, of IDLE_SET_WORDS words. */
void idle_set_copy(const struct idle_set *set, uint64_t *copy);

/* Tells whether a member is in such a copy. */
bool idle_copy_has(const uint64_t *copy, unsigned member);

/* Sets what the master wants to be woken for, from now on until somebody has taken it. */
void idle_set_watch(struct idle_set *set, struct idle_watch watch);

/*
 * For whoever changed the set: tells whether the master is to be woken now,
 * because nobody is idle any more, or because too many are. True for one of
 * those who might, as it takes the watch. Safe in a signal handler.
 */
bool idle_set_take_none(struct idle_set *set);
bool idle_set_take_above(struct idle_set *set);

#endif
