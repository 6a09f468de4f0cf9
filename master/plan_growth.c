/* SPDX-License-Identifier: ISC */
/*
 * A pool follows its load. It grows when nobody is idle, by batches that double
 * while that comes again and again, and only when all it has are there: whoever
 * is being started may be enough. It shrinks when too many have been idle for a
 * while, by those that have no session at the end of it: an idle one may have
 * some, and room for more, and would go on beside its successors. One of them may
 * have taken a client by the time it hears of that: it has all the time it needs.
 *
 * Workers that have served enough are replaced here too, one after another.
 */
#include "master/plan_parts.h"

#include "common/idleset.h"

struct pool plan_pool(unsigned generation, unsigned listener, unsigned wanted, unsigned most)
{
	return (struct pool){ .generation = generation, .listener = listener, .wanted = wanted,
		.target = wanted, .most = most };
}

/* Another pool is in charge, or none. When the limit was last spoken of is not forgotten. */
void plan_forget_growth(struct plan *plan)
{
	plan->spare_due = plan->full_due = SLOT_NEVER;
	plan->batch = 0;
}

/* Tells whether every worker that the pool in charge should have is there and ready. */
static bool is_complete(const struct plan *plan)
{
	const struct pool *charge = &plan->slots.charge;

	return plan->mode == PLAN_SERVING && charge->ready == charge->members &&
	    charge->members >= charge->target;
}

/*
 * Whoever is being started wakes the master anyway. At the limit there is nothing
 * to do but to say so, and to put off the shrinking that was thought of.
 */
struct plan_watch plan_watch(const struct plan *plan)
{
	const struct pool *charge = &plan->slots.charge;
	struct plan_watch watch = { 0 };

	if (plan->mode != PLAN_SERVING)
		return watch;
	watch.all_busy = is_complete(plan) &&
	    (plan->full_due == SLOT_NEVER || plan->spare_due != SLOT_NEVER);
	if (charge->members > charge->wanted && plan->spare_due == SLOT_NEVER)
		watch.above = charge->wanted;
	return watch;
}

/* ---- growth ---- */

static unsigned next_batch(const struct plan *plan, int64_t now)
{
	if (plan->batch == 0 || now - plan->grown >= PLAN_CALM_MS)
		return 1;
	return plan->batch < PLAN_BATCH_MAX ? 2 * plan->batch : PLAN_BATCH_MAX;
}

/* The places are filled when the event is over, as all that are empty. */
void plan_on_all_busy(struct plan *plan, int64_t now)
{
	struct pool *charge = &plan->slots.charge;
	unsigned room;

	plan->spare_due = SLOT_NEVER;
	if (!is_complete(plan))
		return;
	if (charge->members >= charge->most) {
		if (plan->full_due == SLOT_NEVER)
			plan->full_due = now + PLAN_FULL_MS;
		return;
	}
	room = charge->most - charge->members;
	plan->batch = next_batch(plan, now);
	plan->grown = now;
	charge->by_load = plan->batch < room ? plan->batch : room;
	charge->target = charge->members + charge->by_load;
	plan_say(plan, PLAN_GREW, charge->target);
}

/* ---- shrinking, and the limit ---- */

void plan_on_too_many_idle(struct plan *plan, int64_t now)
{
	if (plan->mode == PLAN_SERVING && plan->spare_due == SLOT_NEVER &&
	    plan->slots.charge.members > plan->slots.charge.wanted)
		plan->spare_due = now + plan->spare_ms;
}

int64_t plan_growth_deadline(const struct plan *plan)
{
	return plan->spare_due < plan->full_due ? plan->spare_due : plan->full_due;
}

void plan_growth_is_due(struct plan *plan, int64_t now)
{
	if (plan_growth_deadline(plan) <= now)
		plan_queue(plan, (struct plan_action){ .kind = PLAN_LOOK });
}

static void retire(struct plan *plan, struct slot *slot)
{
	slots_retire(&plan->slots, slot, SLOT_NEVER);
	slot->by_load = true;
}

/* Tells whether a slot is in the pool in charge, ready, and one of `them`. */
static bool is_among(const struct plan *plan, const struct slot *slot, const uint64_t *them)
{
	return slot->phase == SLOT_READY && slot->generation == plan->slots.charge.generation &&
	    idle_copy_has(them, plan_number_of(plan, slot));
}

static unsigned count_among(const struct plan *plan, const uint64_t *them)
{
	unsigned count = 0;

	for (unsigned i = 0; i < plan->slots.used; i++)
		count += is_among(plan, &plan->slots.slot[i], them);
	return count;
}

/*
 * So many stay idle as the pool wants at rest, and those with the lowest numbers.
 * As long as more of them have sessions, this is thought of again and again.
 */
static void shrink(struct plan *plan, const uint64_t *vacant, unsigned spare)
{
	struct pool *charge = &plan->slots.charge;
	unsigned vacancies = count_among(plan, vacant);

	if (spare > vacancies)
		spare = vacancies;
	if (spare == 0)
		return;
	plan_say(plan, PLAN_SHRUNK, spare);
	for (unsigned i = plan->slots.used; i-- > 0 && spare > 0;) {
		if (!is_among(plan, &plan->slots.slot[i], vacant))
			continue;
		retire(plan, &plan->slots.slot[i]);
		spare--;
	}
	charge->target = charge->members;
}

static void speak_of_limit(struct plan *plan, unsigned waiting, int64_t now)
{
	plan->full_due = now + PLAN_FULL_AGAIN_MS;
	if (now - plan->full_said < PLAN_FULL_AGAIN_MS)
		return;
	plan->full_said = now;
	plan_queue(plan, (struct plan_action){ .kind = PLAN_REPORT, .report = PLAN_FULL,
	    .count = plan->slots.charge.members, .waiting = waiting });
}

void plan_on_idle(struct plan *plan, const struct plan_event *event, int64_t now)
{
	const struct pool *charge = &plan->slots.charge;
	bool spare_is_due = plan->spare_due <= now;
	bool full_is_due = plan->full_due <= now;
	unsigned count;

	if (plan->mode != PLAN_SERVING)
		return;
	if (spare_is_due)
		plan->spare_due = SLOT_NEVER;
	if (full_is_due)
		plan->full_due = SLOT_NEVER;
	count = count_among(plan, event->idle);
	if (spare_is_due && count > charge->wanted)
		shrink(plan, event->vacant, count - charge->wanted);
	if (full_is_due && count == 0 && is_complete(plan) && charge->members >= charge->most)
		speak_of_limit(plan, event->waiting, now);
}

/* ---- renewal ---- */

void plan_on_served_enough(struct plan *plan, struct slot *slot)
{
	if (slot->phase != SLOT_READY)
		return; /* it goes already */
	slot->worn = plan->worn = true;
}

/* Those in any other phase go already, or are still to be forked. */
void plan_on_all_worn(struct plan *plan)
{
	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		if (slot->phase == SLOT_READY || (slot->phase == SLOT_STARTING && slot->told))
			slot->worn = plan->worn = true;
	}
}

/*
 * The next one when the last one's place is taken. No session is ended to make a
 * place for that; and a reload renews all of them anyway.
 */
void plan_renew(struct plan *plan)
{
	if (!plan->worn || !is_complete(plan) || !plan_has_place(plan) ||
	    plan->slots.next.generation != 0)
		return;
	for (unsigned i = 0; i < plan->slots.used; i++) {
		struct slot *slot = &plan->slots.slot[i];

		if (!slot->worn || slot->generation != plan->slots.charge.generation)
			continue;
		retire(plan, slot);
		plan->slots.charge.by_load++;
		return;
	}
	plan->worn = false;
}
