/* SPDX-License-Identifier: ISC */
/*
 * Reload: a new generation is brought up beside the old one and takes over when
 * every one of its workers is ready. Until then nothing has changed, and any
 * failure leaves the old one in charge.
 */
#include "master/plan_parts.h"

static void begin_reload(struct plan *plan, const struct plan_event *asked, int64_t now)
{
	plan->reload = *asked;
	plan->slots.next = (struct pool){ .generation = ++plan->newest, .wanted = asked->workers };
	plan->next_due = now + PLAN_START_MS;
}

void plan_reload_is_over(struct plan *plan, int64_t now)
{
	plan->slots.next = (struct pool){ 0 };
	plan->next_due = SLOT_NEVER;
	if (plan->reload_waits) {
		plan->reload_waits = false;
		begin_reload(plan, &plan->waiting, now);
	}
}

/* Every worker of the new generation is ready: it takes over. */
void plan_commit(struct plan *plan, int64_t now)
{
	plan->drain_ms = plan->reload.drain_ms;
	slots_retire_generation(&plan->slots, plan->slots.charge.generation, now + plan->drain_ms);
	plan->slots.charge = plan->slots.next;
	plan_say(plan, PLAN_RELOADED, plan->slots.charge.ready);
	plan_reload_is_over(plan, now);
}

/* Those of the new generation that are ready may have clients: they retire like others. */
void plan_roll_back(struct plan *plan, enum plan_report why, unsigned slot, int64_t now)
{
	unsigned generation = plan->slots.next.generation;

	plan_queue(plan, (struct plan_action){ .kind = PLAN_REPORT, .report = why, .slot = slot,
	    .generation = generation });
	slots_retire_generation(&plan->slots, generation, now + plan->drain_ms);
	plan_reload_is_over(plan, now);
}

void plan_on_reload(struct plan *plan, const struct plan_event *event, int64_t now)
{
	if (plan_is_stopping(plan))
		return;
	if (plan->mode == PLAN_SERVING && plan->slots.next.generation == 0) {
		begin_reload(plan, event, now);
		return;
	}
	if (!plan->reload_waits)
		plan_say(plan, PLAN_RELOAD_QUEUED, event->workers);
	plan->reload_waits = true;
	plan->waiting = *event;
}
