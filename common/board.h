/* SPDX-License-Identifier: ISC */
/*
 * The board: memory that master and workers share, one slot a worker.
 *
 * Each field has one writer, or is a set of bits that change each for itself, so
 * nothing here needs a lock, and a worker that is killed in mid-write leaves
 * nothing held. Values are read and written whole but not together: a report
 * taken under load may show a connection counted and its bytes not yet.
 *
 * A slot belongs to the master while no worker lives in it (board_clear()),
 * and to that worker from its birth to the moment it is reaped.
 */
#ifndef COMMON_BOARD_H
#define COMMON_BOARD_H

#include "common/idleset.h"
#include "common/ratelimit.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What a worker is doing. */
enum board_state {
	BOARD_STARTING, /* not yet ready */
	BOARD_IDLE,     /* waits for a connection */
	BOARD_SERVING,  /* has one */
	BOARD_LEAVING,  /* accepts no more, closes what it has */
};

/* What has been done: by one worker, or by many together. */
struct board_totals {
	uint64_t accepted;    /* connections taken from the queue */
	uint64_t completed;   /* of them, sessions that have ended, in whatever way */
	uint64_t refused;     /* accept(2) calls that failed with EPERM: a firewall's word */
	uint64_t turned_away; /* of those accepted, denied or over a limit of their source */
	uint64_t cut;         /* of those completed, ended by us at a limit of the session */
	uint64_t bytes_in;    /* received from clients */
	uint64_t bytes_out;   /* sent to clients */
};

/* Two cache lines, so that no two workers write to the same one. */
struct board_slot {
	_Alignas(128) _Atomic uint32_t state; /* enum board_state */
	_Atomic uint32_t open;                /* sessions that it has now */
	_Atomic uint32_t places;              /* sessions it may have; by the master, as is this: */
	_Atomic uint32_t generation;
	_Atomic uint32_t at_door;             /* not 0: takes connections now (event engine) */
	_Atomic uint32_t denied;              /* system call it is killed for, plus 1; 0: none */
	_Atomic uint64_t accepted;            /* these: see struct board_totals */
	_Atomic uint64_t completed;
	_Atomic uint64_t refused;
	_Atomic uint64_t turned_away;
	_Atomic uint64_t cut;
	_Atomic uint64_t bytes_in;
	_Atomic uint64_t bytes_out;
};

/* Room for the one in use, a coming one, and those that were replaced. */
#define BOARD_LISTENERS 8

/*
 * What the master does with a listener; its workers read it when they are told
 * to retire. When the master is dead its orphans write LISTENER_DRAINING.
 */
enum board_listener {
	LISTENER_OPEN,     /* or not there; a worker that retires leaves the queue to others */
	LISTENER_GATED,    /* no new clients come; all else is as before */
	LISTENER_DRAINING, /* nobody follows: it serves the queue until that is empty */
	LISTENER_CLOSED,   /* the queue is empty, the listener is to be let go */
};

/*
 * Log lines that clients can provoke. The limits on them are of all workers
 * together, and outlive each of them: a client can have as many workers speak as
 * it has connections, and with max-served as many as it likes one after another.
 */
enum board_line {
	BOARD_LINE_TURNED_AWAY, /* at the door */
	BOARD_LINE_CUT_OFF,     /* at a limit of the session */
	BOARD_LINE_UNCOUNTED,   /* there are more sources than can be counted */
	BOARD_LINE_PAUSE,       /* accept(2) failed */
	BOARD_LINES,
};

struct board {
	_Atomic uint32_t listeners[BOARD_LISTENERS]; /* enum board_listener, by the master */
	_Atomic uint32_t used;                       /* no slot from here on was ever used */
	unsigned capacity;                           /* slots; fixed */
	struct rate_limit line[BOARD_LINES];         /* enum board_line */
	struct idle_set idle[BOARD_LISTENERS];       /* of each listener: slots with room */
	struct board_slot slots[];                   /* all zero in the beginning */
};

/*
 * Maps a board of `capacity` slots, up to IDLE_SET_MAX, shared with every
 * process forked later. Memory is taken only for slots that are used. Returns
 * NULL with errno of mmap(2).
 */
struct board *board_open(unsigned capacity);
void board_close(struct board *board);

/* Puts a slot back to its first state. Only while no worker lives in it. */
void board_clear(struct board_slot *slot);

/*
 * Makes a slot ready for a worker of `generation` that may have up to `places`
 * sessions at once. By the master, before it forks.
 */
void board_assign(struct board *board, unsigned number, unsigned generation, unsigned places);

/* Adds what `slot` has counted to `totals`. */
void board_add(const struct board_slot *slot, struct board_totals *totals);

/* Returns a state's name, as titles and reports show it. */
const char *board_state_name(enum board_state state);

/*
 * Adds to a counter of which the caller is the one writer: an ordinary
 * addition, no locked instruction.
 */
static inline void board_count(_Atomic uint64_t *counter, uint64_t more)
{
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + more, memory_order_relaxed);
}

static inline void board_set_open(struct board_slot *slot, unsigned sessions)
{
	atomic_store_explicit(&slot->open, sessions, memory_order_relaxed);
}

static inline unsigned board_get_open(const struct board_slot *slot)
{
	return atomic_load_explicit(&slot->open, memory_order_relaxed);
}

static inline unsigned board_get_places(const struct board_slot *slot)
{
	return atomic_load_explicit(&slot->places, memory_order_relaxed);
}

static inline void board_set_at_door(struct board_slot *slot, bool at_door)
{
	atomic_store_explicit(&slot->at_door, at_door, memory_order_relaxed);
}

static inline void board_set_state(struct board_slot *slot, enum board_state state)
{
	atomic_store_explicit(&slot->state, (uint32_t)state, memory_order_relaxed);
}

static inline enum board_state board_get_state(const struct board_slot *slot)
{
	return (enum board_state)atomic_load_explicit(&slot->state, memory_order_relaxed);
}

#endif
