/* SPDX-License-Identifier: ISC */
/*
 * The plan: every decision that the master takes, and nothing else.
 *
 * How it is used: something happened -> plan_event() -> plan_next() again and
 * again, each action carried out, until it has none left. Before sleeping, ask
 * plan_deadline() for how long. Pure: the time is a parameter, nothing is
 * allocated, no system call is made, nothing is logged.
 */
#ifndef MASTER_PLAN_H
#define MASTER_PLAN_H

#include "master/slots.h"

#include <stdbool.h>
#include <stdint.h>

/* Slots there may be, old generations included, for each worker that a pool may have. */
#define PLAN_SLOTS_PER_WORKER 8

/* Listeners there may be: the one in force, a coming one, and old ones with sessions left. */
#define PLAN_LISTENERS_MAX 8

/* Times, in milliseconds. */
#define PLAN_START_MS 10000       /* a worker is ready by then, or it hangs */
#define PLAN_BACKOFF_MS 100       /* first wait of a slot whose workers die */
#define PLAN_BACKOFF_MAX_MS 30000 /* and the longest; each is twice the one before */
#define PLAN_HEALTHY_MS 60000     /* ready for so long: earlier deaths are forgiven */
#define PLAN_SETTLE_MS 100        /* for handshakes under way when a listener is to be closed */
#define PLAN_END_MS 2000          /* from "end now" to SIGKILL */
#define PLAN_ABORT_MS 2000        /* from SIGABRT to SIGKILL */
#define PLAN_CALM_MS 1000         /* nobody was lacking for so long: growth begins anew */
#define PLAN_FULL_MS 1000         /* from the limit being reached to the first word about it */
#define PLAN_FULL_AGAIN_MS 60000  /* and to the next */

/* A pool grows by 1, 2, 4 ... workers at a time, and never by more than this. */
#define PLAN_BATCH_MAX 32

enum plan_mode {
	PLAN_FIRST_START, /* nobody has been told yet that the server runs */
	PLAN_SERVING,
	PLAN_ENDING,      /* listeners are being closed, sessions finish */
	PLAN_OVER,        /* the exit has been handed out */
};

/* From OPEN to ABSENT a listener goes through all of them, at a stop or when it was replaced. */
enum plan_listener_state {
	PLAN_LISTENER_ABSENT,   /* closed, or never opened */
	PLAN_LISTENER_OPEN,
	PLAN_LISTENER_GATED,    /* new clients are turned away, workers accept as before */
	PLAN_LISTENER_DRAINING, /* workers serve what is in the queue, then leave */
};

struct plan_listener {
	enum plan_listener_state state;
	int64_t due; /* GATED: when it is to be drained, in ms */
};

enum plan_event_kind {
	PLAN_WORKER_READY,  /* slot */
	PLAN_WORKER_ASKS,   /* slot: it wants to leave, because somebody told it to */
	PLAN_SERVED_ENOUGH, /* slot: it has had so many connections that it may be replaced */
	PLAN_ALL_WORN,      /* all workers that were forked are to be, one after another */
	PLAN_WORKER_EXITED, /* slot, completed, code */
	PLAN_WORKER_STOPPED,   /* slot: its process is, by a signal, or is so again */
	PLAN_WORKER_CONTINUED, /* slot: it goes on */
	PLAN_WORKER_RAN,    /* slot, steps: as PLAN_CLOCK asked for */
	PLAN_SPAWN_FAILED,  /* slot, code */
	PLAN_RELOAD_ASKED,  /* somebody wants one */
	PLAN_RELOAD,        /* workers, max_workers, times, listener: as PLAN_READ asked for */
	PLAN_ALL_BUSY,      /* nobody in the pool in charge is idle */
	PLAN_TOO_MANY_IDLE, /* more than it wants are idle */
	PLAN_IDLE,          /* idle, vacant, waiting: as PLAN_LOOK asked for */
	PLAN_STOP,          /* graceful; when already stopping: fast */
	PLAN_STOP_FAST,
	PLAN_ONE_MORE,
	PLAN_ONE_FEWER,
	PLAN_QUEUE_EMPTY,   /* listener, while it is drained: nobody waits to be accepted */
	PLAN_TICK,          /* plan_deadline() has come */
};

struct plan_event {
	enum plan_event_kind kind;
	unsigned slot;
	bool completed;    /* the worker had completed a session */
	int code;          /* exit code with which a failed first start should end */
	uint64_t steps;    /* the worker's so far; any number that grows whenever it gets on */
	unsigned workers;  /* size of the pool at rest, from now on, at least 1 */
	unsigned max_workers; /* and under load, at least as many */
	int64_t drain_ms;  /* how long a retiring worker may go on */
	int64_t spare_ms;  /* how long there are too many idle before those leave, at least 1 */
	int64_t hang_ms;   /* how long a worker may hang; 0: for ever */
	const uint64_t *idle; /* who is, by slot, as idle_set_copy() has it; the caller's */
	const uint64_t *vacant; /* who of them has no session at all, likewise */
	unsigned waiting;  /* clients in the queue of the listener in force */
	unsigned listener; /* the one in force, or a free one that is open by now */
};

enum plan_action_kind {
	PLAN_SPAWN,  /* slot, generation, listener: fork a worker; failure is an event */
	PLAN_RETIRE, /* slot: accept nothing more, finish what you have */
	PLAN_END,    /* slot: end your session now, in order */
	PLAN_ABORT,  /* slot, stopped, delay_ms: it hangs, and has for so long */
	PLAN_KILL,   /* slot */
	PLAN_CLOCK,  /* slot, delay_ms: report PLAN_WORKER_RAN when it has run for so long */
	PLAN_GATE,   /* listener: turn new clients away from it */
	PLAN_DRAIN,  /* listener: from now on a worker that retires empties its queue first */
	PLAN_CLOSE,  /* listener: let go of it; a worker that retires does too */
	PLAN_READ,   /* read the settings; if all is well with them, report PLAN_RELOAD at once */
	PLAN_LOOK,   /* look who is idle and how many clients wait; report PLAN_IDLE at once */
	PLAN_REPORT, /* report, and what it says it carries: for the log */
	PLAN_EXIT,   /* code */
};

enum plan_report {
	PLAN_STARTED,        /* count workers are ready */
	PLAN_STARTED_PARTLY, /* time is up, only count workers are ready */
	PLAN_START_FAILED,   /* no worker came up */
	PLAN_BACKING_OFF,    /* slot will be started again after delay_ms */
	PLAN_WORKERS_HUNG,   /* count workers did not get ready in time */
	PLAN_RELOADED,       /* generation is in charge, with count workers */
	PLAN_RELOAD_FAILED,  /* worker in slot of generation died before all were ready */
	PLAN_RELOAD_LATE,    /* generation was not ready in time */
	PLAN_RELOAD_QUEUED,  /* another is under way; this one follows it */
	PLAN_RESIZED,        /* the pool is now to have count workers */
	PLAN_RESIZE_LEAST,   /* it stays at count: a pool has one worker at least */
	PLAN_RESIZE_MOST,    /* it stays at count, which is as many as it may have */
	PLAN_FULL,           /* all count workers are busy, no more may be; waiting clients */
	PLAN_GREW,           /* the pool is now to have count workers, because of the load */
	PLAN_SHRUNK,         /* count workers too many are told to leave */
	PLAN_STOPPING,       /* gracefully */
	PLAN_STOPPING_FAST,
	PLAN_TIME_UP,        /* count workers did not finish in time and are ended */
};

struct plan_action {
	enum plan_action_kind kind;
	unsigned slot;
	unsigned generation;
	unsigned listener;
	bool by_load;  /* PLAN_SPAWN: as clients come and go, nobody asked for it */
	bool stopped;  /* PLAN_ABORT: that is how it hangs; else it runs and gets nowhere */
	enum plan_report report;
	unsigned count;
	unsigned waiting;
	int64_t delay_ms;
	int code;
};

/* What the plan wants to be told when it comes about. */
struct plan_watch {
	bool all_busy;  /* PLAN_ALL_BUSY */
	unsigned above; /* PLAN_TOO_MANY_IDLE: more than so many are; 0: never */
};

/* Actions that are not about a slot wait here; no event makes more than a few. */
#define PLAN_ACTIONS_MAX (12 + 3 * PLAN_LISTENERS_MAX)

struct plan {
	struct slots slots;
	unsigned most;             /* workers that any pool can be allowed */
	enum plan_mode mode;
	struct plan_listener listener[PLAN_LISTENERS_MAX];
	bool inherited;            /* the first listener's queue is left to others at a stop */
	int64_t start_due;         /* when the first start is over */
	int64_t next_due;          /* when a reload has failed */
	unsigned newest;           /* generation number given out last */
	struct plan_event reload;  /* what the reload under way asked for */
	bool reload_waits;         /* one is to follow it */
	bool read_due;             /* PLAN_READ is to be handed out */
	int64_t drain_ms;          /* from "retire" to "end now" */
	int64_t spare_ms;          /* from too many being idle to their leaving */
	int64_t spare_due;         /* when that is over */
	int64_t hang_ms;           /* for how long a worker may hang; 0: for ever */
	unsigned stopped;          /* slots whose process is stopped */
	int64_t full_due;          /* when the limit, which was reached, may be worth a word */
	int64_t full_said;         /* when that was last said */
	int64_t grown;             /* when the pool last grew */
	unsigned batch;            /* by how many */
	bool worn;                 /* some slot may be */
	int64_t stop_due;          /* graceful stop: when all sessions are ended */
	bool fast;                 /* the stop has become a fast one */
	bool ever_ready;           /* a worker has been ready at least once */
	int exit_code;             /* for PLAN_EXIT */
	struct plan_action queue[PLAN_ACTIONS_MAX];
	unsigned queued;           /* of them, in order */
};

struct plan_start {
	unsigned most;        /* workers that any pool can ever be allowed */
	unsigned workers;     /* at rest, to begin with, 1 to `max_workers` */
	unsigned max_workers; /* under load, to begin with, up to `most` */
	int64_t drain_ms;     /* how long a retiring worker may go on */
	int64_t spare_ms;     /* how long there are too many idle before those leave */
	int64_t hang_ms;      /* how long a worker may hang; 0: for ever */
	bool inherited;       /* listener 0 came from somebody who keeps it, and its queue */
};

/*
 * Begins the first start at time `now`, with workers of generation 1 on
 * listener 0. `slots` has at least PLAN_SLOTS_PER_WORKER times `most` entries,
 * all zero; it stays the caller's and must outlive the plan.
 */
void plan_init(struct plan *plan, struct slot *slots, const struct plan_start *start, int64_t now);

/* Takes in what happened at `now`, which never runs backwards. */
void plan_event(struct plan *plan, const struct plan_event *event, int64_t now);

/*
 * Hands out the next thing to do, in the order in which it must be done.
 * Returns false when there is nothing (more) to do.
 */
bool plan_next(struct plan *plan, struct plan_action *action);

/*
 * Returns the number of a listener that can be opened, or -1 when all are in
 * use: an old one's is free again when it is closed and its sessions are over.
 */
int plan_free_listener(const struct plan *plan);

/* Returns when PLAN_TICK is due, in milliseconds, or SLOT_NEVER. */
int64_t plan_deadline(const struct plan *plan);

/*
 * Returns what the plan is to be told as soon as it is so, and at once if it is
 * so already. It may be another after any event.
 */
struct plan_watch plan_watch(const struct plan *plan);

/* Tells whether the server is on its way to its end. */
bool plan_is_stopping(const struct plan *plan);

/* Returns for how long a slot waits after `failures` deaths in a row, in ms. */
int64_t plan_backoff_ms(unsigned failures);

#endif
