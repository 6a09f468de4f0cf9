/* SPDX-License-Identifier: ISC */
/*
 * A stop closes every listener (plan_close.c) and lets sessions finish until
 * their time is up. A fast one does the same without waiting for anything but
 * the orderly end of each session.
 */
#include "master/plan_parts.h"

#include <sysexits.h>

/* A reload under way is forgotten, and nobody stays longer than the stop may last. */
static void begin_stop(struct plan *plan, int64_t now)
{
	plan->mode = PLAN_ENDING;
	plan->start_due = plan->next_due = SLOT_NEVER;
	plan->stop_due = now + plan->drain_ms;
	plan->slots.next = (struct pool){ 0 };
	plan_forget_growth(plan);
	plan->read_due = plan->reload_waits = false;
	plan->exit_code = EX_OK;
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		plan_close(plan, i, now);
	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		if (slot->phase == SLOT_RETIRING && slot->due > plan->stop_due)
			slot->due = plan->stop_due;
	}
}

static void stop_fast(struct plan *plan, int64_t now)
{
	if (plan->fast)
		return;
	plan->fast = true;
	plan_say(plan, PLAN_STOPPING_FAST, 0);
	if (!plan_is_stopping(plan))
		begin_stop(plan, now);
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		plan_drain(plan, i);
	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		if (slot->phase != SLOT_FREE && !slot_is_leaving(slot))
			slots_set_phase(&plan->slots, slot, SLOT_ENDING, now + PLAN_END_MS);
	}
}

void plan_on_stop(struct plan *plan, bool fast, int64_t now)
{
	if (fast || plan_is_stopping(plan)) {
		stop_fast(plan, now);
	} else {
		plan_say(plan, PLAN_STOPPING, 0);
		begin_stop(plan, now);
	}
}
