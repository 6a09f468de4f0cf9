/* SPDX-License-Identifier: ISC */
/*
 * The master's tables, with an entry for each slot there can be. No child has
 * them: the master writes to them between one fork and the next, and each worker
 * would be left with a copy of its own of the pages that it had at its birth, and
 * with the tokens of others.
 */
#ifndef MASTER_TABLES_H
#define MASTER_TABLES_H

#include "common/idleset.h"
#include "common/readypipe.h"
#include "common/settings.h"
#include "master/cpualarm.h"
#include "master/plan.h"
#include "master/workers.h"

#include <stdint.h>

/* Slots there can be, old generations included. */
#define TABLES_SLOTS (SETTINGS_WORKERS_MAX * PLAN_SLOTS_PER_WORKER)

struct tables {
	struct slot slot[TABLES_SLOTS];          /* the plan's */
	struct worker_entry entry[TABLES_SLOTS]; /* the child table's */
	struct cpu_alarm alarm[TABLES_SLOTS];    /* of the worker in it: it has run for so long */
	uint64_t token[TABLES_SLOTS];            /* likewise: that its messages show */
	struct ready_reader said;                /* by workers */
	uint64_t idle[IDLE_SET_WORDS];           /* who was, when it was last looked at */
	uint64_t vacant[IDLE_SET_WORDS];         /* who of them had no session */
};

/*
 * Maps the tables, all zero, for this process alone. Memory is taken only for
 * what is used. Returns NULL with errno of mmap(2) or madvise(2).
 */
struct tables *tables_open(void);

/* NULL is allowed. */
void tables_close(struct tables *tables);

#endif
