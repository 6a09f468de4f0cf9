/* SPDX-License-Identifier: ISC */
/* Events in, actions out; what each event means is in the parts (master/plan_parts.h). */
#include "master/plan_parts.h"

#include <assert.h>
#include <stddef.h>
#include <sysexits.h>

void plan_queue(struct plan *plan, struct plan_action action)
{
	assert(plan->queued < PLAN_ACTIONS_MAX);
	plan->queue[plan->queued++] = action;
}

void plan_say(struct plan *plan, enum plan_report what, unsigned count)
{
	plan_queue(plan, (struct plan_action){ .kind = PLAN_REPORT, .report = what,
	    .generation = plan->slots.charge.generation, .count = count });
}

unsigned plan_number_of(const struct plan *plan, const struct slot *slot)
{
	return (unsigned)(slot - plan->slots.slot);
}

bool plan_is_stopping(const struct plan *plan)
{
	return plan->mode >= PLAN_ENDING;
}

static void start_is_due(struct plan *plan)
{
	if (plan->ever_ready) {
		plan_start_is_over(plan, PLAN_STARTED_PARTLY);
	} else {
		plan->exit_code = EX_SOFTWARE;
		plan_fail_start(plan);
	}
}

/* When the sessions of a worker that retires now are to be ended. */
static int64_t drain_due(const struct plan *plan, int64_t now)
{
	return plan_is_stopping(plan) ? plan->stop_due : now + plan->drain_ms;
}

/* Every phase that has an end has one that follows it. */
static void slot_is_due(struct plan *plan, struct slot *slot, int64_t now)
{
	switch (slot->phase) {
	case SLOT_WAITING:
		slots_set_phase(&plan->slots, slot, SLOT_STARTING, now + PLAN_START_MS);
		break;
	case SLOT_STARTING:
		slots_set_phase(&plan->slots, slot, SLOT_HUNG, SLOT_NEVER);
		break;
	case SLOT_SETTLING:
		slots_set_phase(&plan->slots, slot, SLOT_RETIRING, drain_due(plan, now));
		break;
	case SLOT_RETIRING:
		slots_set_phase(&plan->slots, slot, SLOT_ENDING, now + PLAN_END_MS);
		break;
	default:
		slots_set_phase(&plan->slots, slot, SLOT_KILLED, SLOT_NEVER);
		break;
	}
}

static void slots_are_due(struct plan *plan, int64_t now)
{
	unsigned hung = 0;
	unsigned cut_short = 0;

	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		while (slot->phase != SLOT_FREE && slot->due <= now) {
			hung += slot->phase == SLOT_STARTING;
			cut_short += slot->phase == SLOT_RETIRING;
			slot_is_due(plan, slot, now);
		}
	}
	if (hung > 0)
		plan_say(plan, PLAN_WORKERS_HUNG, hung);
	if (cut_short > 0)
		plan_say(plan, PLAN_TIME_UP, cut_short);
}

static void on_tick(struct plan *plan, int64_t now)
{
	if (plan->start_due <= now)
		start_is_due(plan);
	if (plan->next_due <= now)
		plan_roll_back(plan, PLAN_RELOAD_LATE, 0, now);
	plan_listeners_are_due(plan, now);
	slots_are_due(plan, now);
	plan_hangs_are_due(plan, now);
	plan_growth_is_due(plan, now);
}

int64_t plan_deadline(const struct plan *plan)
{
	int64_t first = slots_deadline(&plan->slots);

	if (plan->mode == PLAN_OVER)
		return SLOT_NEVER;
	if (plan->start_due < first)
		first = plan->start_due;
	if (plan->next_due < first)
		first = plan->next_due;
	if (plan_growth_deadline(plan) < first)
		first = plan_growth_deadline(plan);
	if (plan_hang_deadline(plan) < first)
		first = plan_hang_deadline(plan);
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		if (plan->listener[i].state == PLAN_LISTENER_GATED && plan->listener[i].due < first)
			first = plan->listener[i].due;
	return first;
}

void plan_init(struct plan *plan, struct slot *slots, const struct plan_start *start, int64_t now)
{
	*plan = (struct plan){
		.slots = { .slot = slots, .capacity = start->most * PLAN_SLOTS_PER_WORKER,
		    .charge = plan_pool(1, 0, start->workers, start->max_workers) },
		.most = start->most, .newest = 1, .drain_ms = start->drain_ms,
		.spare_ms = start->spare_ms, .hang_ms = start->hang_ms,
		.full_said = now - PLAN_FULL_AGAIN_MS,
		.mode = PLAN_FIRST_START, .start_due = now + PLAN_START_MS, .next_due = SLOT_NEVER,
		.listener[0] = { .state = PLAN_LISTENER_OPEN }, .inherited = start->inherited,
	};
	plan_forget_growth(plan);
	plan_fill(plan, &plan->slots.charge, now);
}

/* What a worker did, or what became of it. */
static void on_worker(struct plan *plan, const struct plan_event *event, int64_t now)
{
	struct slot *slot = &plan->slots.slot[event->slot];

	switch (event->kind) {
	case PLAN_WORKER_READY:
		plan_on_ready(plan, slot, now);
		break;
	case PLAN_WORKER_ASKS:
		plan_on_asks(plan, slot, now);
		break;
	case PLAN_SERVED_ENOUGH:
		plan_on_served_enough(plan, slot);
		break;
	case PLAN_WORKER_EXITED:
		plan_forget_hang(plan, slot);
		plan_on_exit(plan, slot, event, now);
		break;
	case PLAN_WORKER_STOPPED:
		plan_on_stopped(plan, slot, now);
		break;
	case PLAN_WORKER_CONTINUED:
		plan_on_continued(plan, slot);
		break;
	case PLAN_WORKER_RAN:
		plan_on_ran(plan, slot, event->steps, now);
		break;
	case PLAN_SPAWN_FAILED:
		plan_on_spawn_failed(plan, slot, event->code, now);
		break;
	default:
		break;
	}
}

void plan_event(struct plan *plan, const struct plan_event *event, int64_t now)
{
	if (plan->mode == PLAN_OVER)
		return;
	switch (event->kind) {
	case PLAN_WORKER_READY:
	case PLAN_WORKER_ASKS:
	case PLAN_SERVED_ENOUGH:
	case PLAN_WORKER_EXITED:
	case PLAN_WORKER_STOPPED:
	case PLAN_WORKER_CONTINUED:
	case PLAN_WORKER_RAN:
	case PLAN_SPAWN_FAILED:
		on_worker(plan, event, now);
		break;
	case PLAN_ALL_WORN:
		plan_on_all_worn(plan);
		break;
	case PLAN_RELOAD_ASKED:
		plan_on_reload_asked(plan);
		break;
	case PLAN_RELOAD:
		plan_on_reload(plan, event, now);
		break;
	case PLAN_ALL_BUSY:
		plan_on_all_busy(plan, now);
		break;
	case PLAN_TOO_MANY_IDLE:
		plan_on_too_many_idle(plan, now);
		break;
	case PLAN_IDLE:
		plan_on_idle(plan, event, now);
		break;
	case PLAN_STOP:
	case PLAN_STOP_FAST:
		plan_on_stop(plan, event->kind == PLAN_STOP_FAST, now);
		break;
	case PLAN_ONE_MORE:
	case PLAN_ONE_FEWER:
		plan_resize(plan, event->kind == PLAN_ONE_MORE ? 1 : -1, now);
		break;
	case PLAN_QUEUE_EMPTY:
		plan_on_queue_empty(plan, event->listener);
		break;
	case PLAN_TICK:
		on_tick(plan, now);
		break;
	}
	plan_close_deserted(plan);
	plan_renew(plan);
	plan_fill(plan, &plan->slots.charge, now);
	plan_fill(plan, &plan->slots.next, now);
}

static enum plan_action_kind action_for(enum slot_phase phase)
{
	switch (phase) {
	case SLOT_STARTING:
		return PLAN_SPAWN;
	case SLOT_RETIRING:
		return PLAN_RETIRE;
	case SLOT_ABORTED:
		return PLAN_ABORT;
	case SLOT_ENDING:
		return PLAN_END;
	default:
		return PLAN_KILL;
	}
}

static struct plan_action take_queued(struct plan *plan)
{
	struct plan_action first = plan->queue[0];

	plan->queued--;
	for (unsigned i = 0; i < plan->queued; i++)
		plan->queue[i] = plan->queue[i + 1];
	return first;
}

bool plan_next(struct plan *plan, struct plan_action *action)
{
	const struct slot *slot;

	if (plan->queued > 0) {
		*action = take_queued(plan);
		return true;
	}
	if (plan->read_due) { /* by now a listener that was closed is free */
		plan->read_due = false;
		*action = (struct plan_action){ .kind = PLAN_READ };
		return true;
	}
	slot = slots_next_untold(&plan->slots);
	if (slot != NULL) {
		*action = (struct plan_action){ .kind = action_for(slot->phase),
			.slot = plan_number_of(plan, slot), .generation = slot->generation,
			.listener = slot->listener, .by_load = slot->by_load,
			.stopped = slot->stopped, .delay_ms = slot->hang_ms };
		return true;
	}
	if (!plan_is_stopping(plan) || plan->slots.live > 0 || plan->mode == PLAN_OVER)
		return false;
	plan->mode = PLAN_OVER;
	*action = (struct plan_action){ .kind = PLAN_EXIT, .code = plan->exit_code };
	return true;
}
