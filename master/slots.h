/* SPDX-License-Identifier: ISC */
/*
 * The plan's picture of its processes: one slot each, in one phase, and for
 * every generation a count of the slots it has. Pure, like the plan, whose
 * verbs these are: nothing here decides anything.
 *
 *     FREE -> STARTING -> READY -> SETTLING -> RETIRING -> ENDING -> KILLED -> FREE
 *              |   ^        |
 *            HUNG  WAITING <-  (died: started again, at once or after a while)
 *
 * One that hangs goes from READY, SETTLING or RETIRING to ABORTED, and on to KILLED.
 *
 * A phase may ask for something to be done to its process (start it, tell it
 * to retire ...). That is handed out once, by slots_next_untold(), so no action
 * can be forgotten, done twice, or done to a process that is gone.
 */
#ifndef MASTER_SLOTS_H
#define MASTER_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_NEVER INT64_MAX /* as the end of a phase: none */

enum slot_phase {
	SLOT_FREE,     /* no process, none wanted */
	SLOT_WAITING,  /* no process until `due`, then STARTING */
	SLOT_STARTING, /* being born; not ready by `due`: HUNG */
	SLOT_READY,    /* serves */
	SLOT_HUNG,     /* did not get ready, is killed and will be replaced */
	SLOT_SETTLING, /* its listener is being closed: serves on; at `due`: RETIRING */
	SLOT_RETIRING, /* finishes what it has; at `due`: ENDING */
	SLOT_ABORTED,  /* hung when it was READY or later, and was aborted; at `due`: KILLED */
	SLOT_ENDING,   /* ends its session now, in order; at `due`: KILLED */
	SLOT_KILLED,   /* gone as soon as it is reaped */
};

struct slot {
	enum slot_phase phase;
	bool told;           /* what the phase asks for has been handed out */
	unsigned generation; /* of its process, or of the one it waits for */
	unsigned listener;   /* from which it accepts */
	unsigned failures;   /* deaths in a row before a first session was completed */
	bool worn;           /* STARTING, READY: it may be replaced, as when it has served enough */
	bool by_load;        /* STARTING, RETIRING: as clients come and go, nobody asked for it */
	bool stopped;        /* its process is, by a signal such as SIGSTOP */
	int64_t stopped_since; /* stopped: in ms */
	int64_t hang_ms;     /* by what it was last clocked, or given up for being stopped */
	uint64_t steps;      /* what its process had done when it was last looked at: plan_hang.c */
	int64_t since;       /* READY: when it became so, in ms */
	int64_t due;         /* end of the phase, in ms, or SLOT_NEVER */
};

/* The slots that a generation has, or should have. */
struct pool {
	unsigned generation; /* 1, 2, 3 ...; 0: there is no such pool */
	unsigned listener;   /* from which they accept */
	unsigned wanted;     /* workers it should have at rest */
	unsigned target;     /* workers it should have now: `wanted`, or more under load */
	unsigned most;       /* workers it may have */
	unsigned by_load;    /* members it lacks because of the load, and not for another reason */
	unsigned members;    /* slots WAITING, STARTING, READY or HUNG */
	unsigned ready;      /* slots READY */
};

struct slots {
	struct slot *slot;   /* `capacity` of them, the caller's */
	unsigned capacity;
	unsigned used;       /* slots at and above this index have never been used */
	unsigned occupied;   /* slots not FREE */
	unsigned live;       /* slots with a process that was not yet reaped */
	unsigned untold;     /* slots whose phase asks for something not yet handed out */
	unsigned leaving;    /* slots ABORTED, ENDING or KILLED: places that will soon be free */
	struct pool charge;  /* the generation in charge */
	struct pool next;    /* the one that a reload brings up */
};

/* Tells whether a slot has a process: handed out to be started, not yet reaped. */
bool slot_is_live(const struct slot *slot);

/* Tells whether a slot is one of those that its generation's pool counts. */
bool slot_is_member(const struct slot *slot);

/* Tells whether a slot has been told to end at once, or was aborted or killed. */
bool slot_is_leaving(const struct slot *slot);

/* The one way to change a phase; what the new one asks for is still to be told. */
void slots_set_phase(struct slots *slots, struct slot *slot, enum slot_phase phase, int64_t due);

/* Has what a slot's phase asks for handed out once more. */
void slots_tell_again(struct slots *slots, struct slot *slot);

/* Makes `count` free slots STARTING members of `pool`, those with the lowest numbers first. */
void slots_take(struct slots *slots, struct pool *pool, unsigned count, int64_t due);

/* Takes a slot out of its pool; its worker, if it has one, is RETIRING until `due`. */
void slots_retire(struct slots *slots, struct slot *slot, int64_t due);

/* The same with all of a generation; those that are RETIRING already are so no longer than that. */
void slots_retire_generation(struct slots *slots, unsigned generation, int64_t due);

/* Takes the members that accept from a listener out of their pool, SETTLING until `due`. */
void slots_settle(struct slots *slots, unsigned listener, int64_t due);

/* Tells whether a process lives that was started to accept from a listener. */
bool slots_have(const struct slots *slots, unsigned listener);

/* Retires one member of the pool in charge: one without a process, else the last. */
void slots_retire_one(struct slots *slots, int64_t due);

/* Makes up to `count` RETIRING slots ENDING, those of the oldest generations first. */
void slots_end_oldest(struct slots *slots, unsigned count, int64_t due);

/*
 * Returns the first slot whose phase asks for something that was not handed
 * out, and counts it as handed out; NULL when there is none.
 */
struct slot *slots_next_untold(struct slots *slots);

/* Returns the earliest end of a phase, or SLOT_NEVER. */
int64_t slots_deadline(const struct slots *slots);

#endif
