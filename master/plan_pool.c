/* SPDX-License-Identifier: ISC */
/* A pool is kept full: at the first start, when workers die, when its size is changed. */
#include "master/plan_parts.h"

/* How many slots there may be in all. */
static unsigned limit_of(const struct plan *plan)
{
	unsigned most = plan->slots.charge.most;

	if (plan->slots.next.most > most)
		most = plan->slots.next.most;
	return most * PLAN_SLOTS_PER_WORKER;
}

bool plan_has_place(const struct plan *plan)
{
	return plan->slots.occupied < limit_of(plan);
}

/* Where places are short, the oldest of those that still finish make room. */
void plan_fill(struct plan *plan, struct pool *pool, int64_t now)
{
	struct slots *slots = &plan->slots;
	unsigned missing, places, too_many;

	if (pool->members >= pool->target)
		pool->by_load = 0;
	if (pool->generation == 0 || pool->members >= pool->target || plan_is_stopping(plan))
		return;
	missing = pool->target - pool->members;
	places = slots->occupied + missing;
	too_many = places > limit_of(plan) ? places - limit_of(plan) : 0;
	if (too_many > slots->leaving)
		slots_end_oldest(slots, too_many - slots->leaving, now + PLAN_END_MS);
	if (missing > too_many)
		slots_take(slots, pool, missing - too_many, now + PLAN_START_MS);
}

void plan_start_is_over(struct plan *plan, enum plan_report how)
{
	plan->mode = PLAN_SERVING;
	plan->start_due = SLOT_NEVER;
	plan_say(plan, how, plan->slots.charge.ready);
	plan_reload_is_over(plan);
}

/* Nobody was ever ready: there is nothing to serve with, and nobody to be served. */
void plan_fail_start(struct plan *plan)
{
	plan_say(plan, PLAN_START_FAILED, 0);
	plan->mode = PLAN_ENDING;
	plan->start_due = SLOT_NEVER;
	plan->reload_waits = false;
	plan->listener[0].state = PLAN_LISTENER_ABSENT; /* nothing is in its queue that matters */
	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		slots_set_phase(&plan->slots, slot, slot_is_live(slot) ? SLOT_KILLED : SLOT_FREE,
		    SLOT_NEVER);
	}
}

void plan_on_ready(struct plan *plan, struct slot *slot, int64_t now)
{
	const struct slots *slots = &plan->slots;
	bool worn = slot->worn;

	if (slot->phase != SLOT_STARTING)
		return; /* too late: it has been told to go */
	slots_set_phase(&plan->slots, slot, SLOT_READY, SLOT_NEVER);
	slot->worn = worn;
	slot->since = now;
	plan->ever_ready = true;
	plan_clock(plan, slot);
	if (slots->next.generation != 0 && slots->next.ready == slots->next.wanted)
		plan_commit(plan, now);
	else if (plan->mode == PLAN_FIRST_START && slots->charge.ready == slots->charge.wanted)
		plan_start_is_over(plan, PLAN_STARTED);
}

/*
 * It leaves as if we had wanted it, and the pool is filled up again. One that
 * has been told to leave and still asks has mistaken our signal for somebody
 * else's that came just before: the kernel keeps only the first of two.
 */
void plan_on_asks(struct plan *plan, struct slot *slot, int64_t now)
{
	if (slot->phase == SLOT_RETIRING || slot->phase == SLOT_ENDING)
		slots_tell_again(&plan->slots, slot);
	else if (!plan_is_stopping(plan) && slot->phase == SLOT_READY)
		slots_retire(&plan->slots, slot, now + plan->drain_ms);
}

int64_t plan_backoff_ms(unsigned failures)
{
	int64_t wait = PLAN_BACKOFF_MS;

	if (failures < 2)
		return 0;
	for (; failures > 2 && wait < PLAN_BACKOFF_MAX_MS; failures--)
		wait *= 2;
	return wait < PLAN_BACKOFF_MAX_MS ? wait : PLAN_BACKOFF_MAX_MS;
}

/* Has a member of the pool in charge started again, at once or after a while. */
static void start_again(struct plan *plan, struct slot *slot, int64_t now)
{
	int64_t wait = plan_backoff_ms(slot->failures);

	if (plan->slots.charge.members > plan->slots.charge.target) {
		slots_set_phase(&plan->slots, slot, SLOT_FREE, SLOT_NEVER);
	} else if (wait == 0) {
		slots_set_phase(&plan->slots, slot, SLOT_STARTING, now + PLAN_START_MS);
	} else {
		slots_set_phase(&plan->slots, slot, SLOT_WAITING, now + wait);
		plan_queue(plan, (struct plan_action){ .kind = PLAN_REPORT,
		    .report = PLAN_BACKING_OFF, .slot = plan_number_of(plan, slot),
		    .delay_ms = wait });
	}
}

/* A pool lost a member, whose `failures` is up to date. */
static void on_loss(struct plan *plan, struct slot *slot, int code, int64_t now)
{
	if (plan_is_stopping(plan)) {
		slots_set_phase(&plan->slots, slot, SLOT_FREE, SLOT_NEVER);
	} else if (slot->generation == plan->slots.next.generation) {
		slots_set_phase(&plan->slots, slot, SLOT_FREE, SLOT_NEVER);
		plan_roll_back(plan, PLAN_RELOAD_FAILED, plan_number_of(plan, slot), now);
	} else {
		start_again(plan, slot, now);
		plan->exit_code = code;
		if (plan->mode == PLAN_FIRST_START && !plan->ever_ready &&
		    plan->slots.live == 0 && plan->slots.untold == 0)
			plan_fail_start(plan);
	}
}

void plan_on_exit(struct plan *plan, struct slot *slot, const struct plan_event *event,
    int64_t now)
{
	bool healthy = slot->phase == SLOT_READY && now - slot->since >= PLAN_HEALTHY_MS;

	if (!slot_is_member(slot)) {
		slots_set_phase(&plan->slots, slot, SLOT_FREE, SLOT_NEVER);
		return;
	}
	slot->failures = event->completed || healthy ? 0 : slot->failures + 1;
	on_loss(plan, slot, event->code, now);
}

/* The machine, not the worker, is in trouble: never again at once. */
void plan_on_spawn_failed(struct plan *plan, struct slot *slot, int code, int64_t now)
{
	slot->failures = slot->failures < 1 ? 2 : slot->failures + 1;
	on_loss(plan, slot, code, now);
}

/* One that has grown under load is as large as it has to be: it shrinks as ever, after that. */
void plan_resize(struct plan *plan, int change, int64_t now)
{
	struct pool *charge = &plan->slots.charge;
	unsigned wanted = charge->wanted + (unsigned)change;
	bool grown = charge->target > charge->wanted;

	if (plan_is_stopping(plan))
		return;
	if (wanted < 1 || wanted > charge->most) {
		plan_say(plan, change < 0 ? PLAN_RESIZE_LEAST : PLAN_RESIZE_MOST, charge->wanted);
		return;
	}
	charge->wanted = wanted;
	if (!grown)
		charge->target = wanted;
	plan_say(plan, PLAN_RESIZED, wanted);
	if (charge->members > charge->target)
		slots_retire_one(&plan->slots, now + plan->drain_ms);
	if (plan->mode == PLAN_FIRST_START && charge->ready == wanted)
		plan_start_is_over(plan, PLAN_STARTED);
}
