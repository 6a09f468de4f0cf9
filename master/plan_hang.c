/* SPDX-License-Identifier: ISC */
/*
 * Workers that hang, told from those that wait without asking any of them.
 *
 * One that waits uses no processor time, however long its client is silent. So a
 * worker is looked at when it has used up so much of it (PLAN_CLOCK), and hangs if
 * it has not got on by then: no byte, no connection, not one wait for anything.
 * Time on the clock says nothing here: on a busy machine a worker may wait for long
 * until it runs.
 *
 * One that was stopped by a signal does nothing, and hangs if that lasts; this is
 * the only one that time is taken of, and nothing is asked for while there is none.
 */
#include "master/plan_parts.h"

/* A worker in any other phase has an end that it cannot put off. */
static bool may_hang(const struct slot *slot)
{
	return slot->phase == SLOT_READY || slot->phase == SLOT_SETTLING ||
	    slot->phase == SLOT_RETIRING;
}

/* A generation that is coming is held to what it was started for. */
static int64_t allowed_ms(const struct plan *plan, const struct slot *slot)
{
	bool is_next = slot->generation == plan->slots.next.generation;

	return is_next ? plan->reload.hang_ms : plan->hang_ms;
}

/* It leaves its pool, which is filled up again at once. */
static void give_up(struct plan *plan, struct slot *slot, int64_t now)
{
	slots_set_phase(&plan->slots, slot, SLOT_ABORTED, now + PLAN_ABORT_MS);
}

/* ---- workers that run ---- */

/* Has it clocked until it has run for what it is allowed, of which it has run `so_far`. */
static void clock_from(struct plan *plan, struct slot *slot, int64_t so_far)
{
	slot->hang_ms = allowed_ms(plan, slot);
	if (slot->hang_ms > so_far)
		plan_queue(plan, (struct plan_action){ .kind = PLAN_CLOCK,
		    .slot = plan_number_of(plan, slot), .delay_ms = slot->hang_ms - so_far });
}

void plan_clock(struct plan *plan, struct slot *slot)
{
	clock_from(plan, slot, 0);
}

/* It is judged by what is allowed now: a reload may have made that more since. */
void plan_on_ran(struct plan *plan, struct slot *slot, uint64_t steps, int64_t now)
{
	bool got_on = steps != slot->steps;

	if (!may_hang(slot) || allowed_ms(plan, slot) == 0)
		return;
	slot->steps = steps;
	if (got_on)
		plan_clock(plan, slot);
	else if (slot->hang_ms < allowed_ms(plan, slot))
		clock_from(plan, slot, slot->hang_ms);
	else
		give_up(plan, slot, now);
}

/* ---- workers that are stopped ---- */

/* One that is stopped again has been continued, and that is as good as a step. */
void plan_on_stopped(struct plan *plan, struct slot *slot, int64_t now)
{
	plan->stopped += !slot->stopped;
	slot->stopped = true;
	slot->stopped_since = now;
}

void plan_on_continued(struct plan *plan, struct slot *slot)
{
	plan->stopped -= slot->stopped;
	slot->stopped = false;
}

/* By what is allowed now: a reload may have changed that since. */
static int64_t due_of(const struct plan *plan, const struct slot *slot)
{
	int64_t allowed = allowed_ms(plan, slot);

	if (!slot->stopped || !may_hang(slot) || allowed == 0)
		return SLOT_NEVER;
	return slot->stopped_since + allowed;
}

void plan_hangs_are_due(struct plan *plan, int64_t now)
{
	for (unsigned i = 0; i < plan->slots.used && plan->stopped > 0; i++) {
		struct slot *slot = &plan->slots.slot[i];

		if (due_of(plan, slot) > now)
			continue;
		slot->hang_ms = allowed_ms(plan, slot);
		give_up(plan, slot, now);
	}
}

int64_t plan_hang_deadline(const struct plan *plan)
{
	int64_t first = SLOT_NEVER;

	for (unsigned i = 0; i < plan->slots.used && plan->stopped > 0; i++) {
		int64_t due = due_of(plan, &plan->slots.slot[i]);

		if (due < first)
			first = due;
	}
	return first;
}

/* ---- both ---- */

/* The slot's process is gone, or never came to be. */
void plan_forget_hang(struct plan *plan, struct slot *slot)
{
	plan_on_continued(plan, slot);
	slot->steps = 0;
}
