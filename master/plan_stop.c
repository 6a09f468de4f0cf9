/* SPDX-License-Identifier: ISC */
/*
 * The phases of a stop. Graceful: turn new clients away, let handshakes under
 * way finish (SETTLING), serve what is in the queue (DRAINING), let go of the
 * listener (CLOSED), let sessions finish until their time is up. Fast: the same
 * without waiting for anything but the orderly end of each session.
 */
#include "master/plan_parts.h"

#include <sysexits.h>

/* A reload under way is forgotten, and nobody stays longer than the stop may last. */
static void begin_stop(struct plan *plan, int64_t now)
{
	plan->stop_due = now + plan->drain_ms;
	plan->slots.next = (struct pool){ 0 };
	plan->next_due = SLOT_NEVER;
	plan->exit_code = EX_OK;
	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		if (slot->phase != SLOT_FREE && !slot_is_live(slot))
			slots_set_phase(&plan->slots, slot, SLOT_FREE, SLOT_NEVER);
		else if (slot->phase == SLOT_RETIRING && slot->due > plan->stop_due)
			slot->due = plan->stop_due;
	}
	plan_queue(plan, (struct plan_action){ .kind = PLAN_GATE });
}

void plan_begin_drain(struct plan *plan)
{
	plan->mode = PLAN_DRAINING;
	plan->mode_due = SLOT_NEVER;
	plan_queue(plan, (struct plan_action){ .kind = PLAN_DRAIN });
}

static void stop_gracefully(struct plan *plan, int64_t now)
{
	plan_say(plan, PLAN_STOPPING, 0);
	begin_stop(plan, now);
	plan->mode = PLAN_SETTLING;
	plan->mode_due = now + PLAN_SETTLE_MS;
}

static void stop_fast(struct plan *plan, int64_t now)
{
	if (plan->fast)
		return;
	plan->fast = true;
	plan_say(plan, PLAN_STOPPING_FAST, 0);
	if (!plan_is_stopping(plan))
		begin_stop(plan, now);
	if (plan->mode < PLAN_DRAINING)
		plan_begin_drain(plan);
	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		if (slot->phase != SLOT_FREE && !slot_is_leaving(slot))
			slots_set_phase(&plan->slots, slot, SLOT_ENDING, now + PLAN_END_MS);
	}
}

void plan_on_stop(struct plan *plan, bool fast, int64_t now)
{
	if (fast || plan_is_stopping(plan))
		stop_fast(plan, now);
	else
		stop_gracefully(plan, now);
}

/* Whoever is still in a session must let go of the listener too: it is told again. */
void plan_on_queue_empty(struct plan *plan)
{
	if (plan->mode != PLAN_DRAINING)
		return;
	plan->mode = PLAN_CLOSED;
	plan_queue(plan, (struct plan_action){ .kind = PLAN_CLOSE });
	for (unsigned i = 0; i < plan->slots.used; i++)
		if (plan->slots.slot[i].phase == SLOT_RETIRING)
			slots_tell_again(&plan->slots, &plan->slots.slot[i]);
}
