/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the supervisor share; nobody else includes this.
 *
 *   supervisor.c  the loop; finding out what happened
 *   messages.c    the same about what workers say
 *   deaths.c      about whose process is dead, and what is left of it
 *   hangs.c       about whose process is stopped, or runs and runs
 *   actions.c     telling the plan, and carrying out what it says
 */
#ifndef MASTER_ACTIONS_H
#define MASTER_ACTIONS_H

#include "common/board.h"
#include "master/plan.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/spawn.h"
#include "master/tables.h"
#include "master/workers.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * On the master's stack, which workers are born with a copy of. What changes from one
 * fork to the next comes first, next to where the calls below write, and what is large
 * and seldom changes comes last: the fewer pages are written to, the fewer does a worker
 * have for itself.
 */
struct supervisor {
	bool on_terminal;                 /* standard error was one at the start */
	struct spawn_channels channels;
	unsigned listener;                /* number of the one in force, as was last logged */
	bool was_nonblocking;             /* an inherited listener when it came */
	struct board *board;
	struct sources *sources;          /* of connections; workers count them there */
	struct tables *tables;            /* of the plan and of the workers */
	struct plan plan;
	struct workers workers;
	struct board_totals gone;         /* done by workers that have been reaped */
	char last_death[REPORT_DEATH_MAX]; /* of the last worker that failed */
	int64_t watchdog_due;             /* when the service manager is told that we live */
	bool carrying_out;                /* happened() is at it already */
	bool done;
	int code;                         /* exit code, when done */
	struct reload reload;             /* the settings */
};

/* Tells the plan what has happened and does at once all that follows from it. */
void actions_happened(struct supervisor *master, struct plan_event event);

/* Does all that the plan wants done. */
void actions_carry_out(struct supervisor *master);

/* Takes the worker in a slot out of those that are idle: it has been told to leave, or is gone. */
void actions_nobody_idle_in(const struct supervisor *master, unsigned slot);

/* Takes what workers have said over the ready pipe by now. Returns how many bytes that was. */
size_t messages_take(struct supervisor *master);

/*
 * Whose process has died: to be asked after each SIGCHLD. When others are left for the
 * next turn, there will be another one.
 */
void deaths_take(struct supervisor *master);

/* Whose process has been stopped by a signal, or goes on: to be asked after each SIGCHLD. */
void hangs_take_stops(struct supervisor *master);

/* Carries out PLAN_CLOCK. */
void hangs_clock(struct supervisor *master, unsigned slot, int64_t ms);

/* Who has run for as long as PLAN_CLOCK said: to be asked after each CPU_ALARM_SIGNAL. */
void hangs_look(struct supervisor *master);

/* Tells the service manager in words how things are. */
void actions_show_status(const struct supervisor *master);

#endif
