/* SPDX-License-Identifier: ISC */
/*
 * How a listener is closed, at a stop or because a reload has replaced it. The
 * kernel resets what waits in the queue of a listener that is closed; so new
 * clients are turned away first (GATED), handshakes under way get a while to
 * finish, then its workers serve what is in the queue (DRAINING), and only when
 * that is empty it is let go.
 *
 * One that was inherited is left as it is: whoever gave it to us keeps it open
 * and gives its queue to our successor.
 */
#include "master/plan_parts.h"

static void say_of(struct plan *plan, enum plan_action_kind kind, unsigned listener)
{
	plan_queue(plan, (struct plan_action){ .kind = kind, .listener = listener });
}

static void let_go(struct plan *plan, unsigned listener)
{
	plan->listener[listener].state = PLAN_LISTENER_ABSENT;
	say_of(plan, PLAN_CLOSE, listener);
}

void plan_close(struct plan *plan, unsigned listener, int64_t now)
{
	struct plan_listener *closing = &plan->listener[listener];

	if (closing->state != PLAN_LISTENER_OPEN)
		return;
	if (plan->inherited) {
		let_go(plan, listener);
		slots_settle(&plan->slots, listener, now);
		return;
	}
	*closing = (struct plan_listener){ PLAN_LISTENER_GATED, now + PLAN_SETTLE_MS };
	say_of(plan, PLAN_GATE, listener);
	slots_settle(&plan->slots, listener, closing->due);
}

void plan_drain(struct plan *plan, unsigned listener)
{
	if (plan->listener[listener].state != PLAN_LISTENER_GATED)
		return;
	plan->listener[listener].state = PLAN_LISTENER_DRAINING;
	say_of(plan, PLAN_DRAIN, listener);
}

/* Its workers have been SETTLING until the same moment: they retire after this. */
void plan_listeners_are_due(struct plan *plan, int64_t now)
{
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		if (plan->listener[i].due <= now)
			plan_drain(plan, i);
}

/* Whoever is still in a session must let go of the listener too: it is told again. */
void plan_on_queue_empty(struct plan *plan, unsigned listener)
{
	if (plan->listener[listener].state != PLAN_LISTENER_DRAINING)
		return;
	let_go(plan, listener);
	for (unsigned i = 0; i < plan->slots.used; i++)
		if (plan->slots.slot[i].phase == SLOT_RETIRING &&
		    plan->slots.slot[i].listener == listener)
			slots_tell_again(&plan->slots, &plan->slots.slot[i]);
}

/* Where nobody is left to serve the queue, waiting for that has no sense. */
void plan_close_deserted(struct plan *plan)
{
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		if (plan->listener[i].state >= PLAN_LISTENER_GATED && !slots_have(&plan->slots, i))
			let_go(plan, i);
}

int plan_free_listener(const struct plan *plan)
{
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		if (plan->listener[i].state == PLAN_LISTENER_ABSENT && !slots_have(&plan->slots, i))
			return (int)i;
	return -1;
}
