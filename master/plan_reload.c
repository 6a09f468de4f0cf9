/* SPDX-License-Identifier: ISC */
/*
 * Reload: a new generation is brought up beside the old one and takes over when
 * every one of its workers is ready. Until then nothing has changed, and any
 * failure leaves the old one in charge. Where the address changes, the new
 * generation has a listener of its own, and the old one's is closed after it.
 */
#include "master/plan_parts.h"

#include <assert.h>

static bool is_busy(const struct plan *plan)
{
	return plan->mode != PLAN_SERVING || plan->slots.next.generation != 0;
}

/* One at a time; those asked for meanwhile become one more. */
void plan_on_reload_asked(struct plan *plan)
{
	if (plan_is_stopping(plan))
		return;
	if (!is_busy(plan)) {
		plan->read_due = true;
		return;
	}
	if (!plan->reload_waits)
		plan_say(plan, PLAN_RELOAD_QUEUED, 0);
	plan->reload_waits = true;
}

void plan_on_reload(struct plan *plan, const struct plan_event *event, int64_t now)
{
	assert(!is_busy(plan));
	plan->reload = *event;
	plan->listener[event->listener].state = PLAN_LISTENER_OPEN;
	plan->slots.next = plan_pool(++plan->newest, event->listener, event->workers,
	    event->max_workers);
	plan->next_due = now + PLAN_START_MS;
}

void plan_reload_is_over(struct plan *plan)
{
	plan->slots.next = (struct pool){ 0 };
	plan->next_due = SLOT_NEVER;
	plan->read_due = plan->reload_waits;
	plan->reload_waits = false;
}

/* A generation leaves to another; its listener stays open if that one has the same. */
static void replace(struct plan *plan, const struct pool *old, const struct pool *by, int64_t now)
{
	if (old->listener != by->listener)
		plan_close(plan, old->listener, now);
	slots_retire_generation(&plan->slots, old->generation, now + plan->drain_ms);
}

/* Every worker of the new generation is ready: it takes over. */
void plan_commit(struct plan *plan, int64_t now)
{
	struct pool old = plan->slots.charge;

	plan->drain_ms = plan->reload.drain_ms;
	plan->spare_ms = plan->reload.spare_ms;
	plan->hang_ms = plan->reload.hang_ms;
	plan_forget_growth(plan);
	plan_queue(plan, (struct plan_action){ .kind = PLAN_REPORT, .report = PLAN_RELOADED,
	    .generation = plan->slots.next.generation, .count = plan->slots.next.ready });
	replace(plan, &old, &plan->slots.next, now);
	plan->slots.charge = plan->slots.next;
	plan_reload_is_over(plan);
}

/* Those of the new generation that are ready may have clients: they retire like others. */
void plan_roll_back(struct plan *plan, enum plan_report why, unsigned slot, int64_t now)
{
	struct pool failed = plan->slots.next;

	plan_queue(plan, (struct plan_action){ .kind = PLAN_REPORT, .report = why, .slot = slot,
	    .generation = failed.generation });
	replace(plan, &failed, &plan->slots.charge, now);
	plan_reload_is_over(plan);
}
