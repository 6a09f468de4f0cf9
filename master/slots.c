/* SPDX-License-Identifier: ISC */
#include "master/slots.h"

#include <stddef.h>

static struct pool *pool_of(struct slots *slots, unsigned generation)
{
	if (generation != 0 && generation == slots->charge.generation)
		return &slots->charge;
	if (generation != 0 && generation == slots->next.generation)
		return &slots->next;
	return NULL;
}

bool slot_is_live(const struct slot *slot)
{
	if (slot->phase == SLOT_STARTING)
		return slot->told;
	return slot->phase != SLOT_FREE && slot->phase != SLOT_WAITING;
}

bool slot_is_member(const struct slot *slot)
{
	return slot->phase >= SLOT_WAITING && slot->phase <= SLOT_HUNG;
}

bool slot_is_leaving(const struct slot *slot)
{
	return slot->phase == SLOT_ABORTED || slot->phase == SLOT_ENDING ||
	    slot->phase == SLOT_KILLED;
}

static bool asks_for_something(const struct slot *slot)
{
	return slot->phase != SLOT_FREE && slot->phase != SLOT_WAITING &&
	    slot->phase != SLOT_READY && slot->phase != SLOT_SETTLING;
}

/* Takes the slot, as it is now, out of every count ... */
static void count_out(struct slots *slots, const struct slot *slot)
{
	struct pool *pool = pool_of(slots, slot->generation);

	slots->occupied -= slot->phase != SLOT_FREE;
	slots->live -= slot_is_live(slot);
	slots->untold -= asks_for_something(slot) && !slot->told;
	slots->leaving -= slot_is_leaving(slot);
	if (pool != NULL) {
		pool->members -= slot_is_member(slot);
		pool->ready -= slot->phase == SLOT_READY;
	}
}

/* ... and, changed, back into them. */
static void count_in(struct slots *slots, const struct slot *slot)
{
	struct pool *pool = pool_of(slots, slot->generation);

	slots->occupied += slot->phase != SLOT_FREE;
	slots->live += slot_is_live(slot);
	slots->untold += asks_for_something(slot) && !slot->told;
	slots->leaving += slot_is_leaving(slot);
	if (pool != NULL) {
		pool->members += slot_is_member(slot);
		pool->ready += slot->phase == SLOT_READY;
	}
}

void slots_set_phase(struct slots *slots, struct slot *slot, enum slot_phase phase, int64_t due)
{
	count_out(slots, slot);
	slot->phase = phase;
	slot->told = false;
	slot->worn = slot->by_load = false;
	slot->due = due;
	count_in(slots, slot);
}

static void set_told(struct slots *slots, struct slot *slot, bool told)
{
	count_out(slots, slot);
	slot->told = told;
	count_in(slots, slot);
}

void slots_tell_again(struct slots *slots, struct slot *slot)
{
	set_told(slots, slot, false);
}

void slots_take(struct slots *slots, struct pool *pool, unsigned count, int64_t due)
{
	for (unsigned i = 0; i < slots->capacity && count > 0; i++) {
		struct slot *slot = &slots->slot[i];

		if (slot->phase != SLOT_FREE)
			continue;
		if (i >= slots->used)
			slots->used = i + 1;
		slot->generation = pool->generation;
		slot->listener = pool->listener;
		slot->failures = 0;
		slots_set_phase(slots, slot, SLOT_STARTING, due);
		slot->by_load = pool->by_load > 0;
		pool->by_load -= slot->by_load;
		count--;
	}
}

void slots_retire(struct slots *slots, struct slot *slot, int64_t due)
{
	if (slot_is_live(slot))
		slots_set_phase(slots, slot, SLOT_RETIRING, due);
	else
		slots_set_phase(slots, slot, SLOT_FREE, SLOT_NEVER);
}

void slots_retire_generation(struct slots *slots, unsigned generation, int64_t due)
{
	for (unsigned i = 0; i < slots->used; i++) {
		struct slot *slot = &slots->slot[i];

		if (slot->generation != generation)
			continue;
		if (slot_is_member(slot))
			slots_retire(slots, slot, due);
		else if (slot->phase == SLOT_RETIRING && slot->due > due)
			slot->due = due;
	}
}

void slots_settle(struct slots *slots, unsigned listener, int64_t due)
{
	for (unsigned i = 0; i < slots->used; i++) {
		struct slot *slot = &slots->slot[i];

		if (slot->listener != listener || !slot_is_member(slot))
			continue;
		if (slot_is_live(slot))
			slots_set_phase(slots, slot, SLOT_SETTLING, due);
		else
			slots_set_phase(slots, slot, SLOT_FREE, SLOT_NEVER);
	}
}

bool slots_have(const struct slots *slots, unsigned listener)
{
	for (unsigned i = 0; i < slots->used; i++)
		if (slots->slot[i].listener == listener && slot_is_live(&slots->slot[i]))
			return true;
	return false;
}

void slots_retire_one(struct slots *slots, int64_t due)
{
	struct slot *chosen = NULL;

	for (unsigned i = 0; i < slots->used; i++) {
		struct slot *slot = &slots->slot[i];

		if (slot->generation != slots->charge.generation || !slot_is_member(slot))
			continue;
		if (chosen == NULL || slot_is_live(chosen) || !slot_is_live(slot))
			chosen = slot;
	}
	if (chosen != NULL)
		slots_retire(slots, chosen, due);
}

void slots_end_oldest(struct slots *slots, unsigned count, int64_t due)
{
	for (; count > 0; count--) {
		struct slot *oldest = NULL;

		for (unsigned i = 0; i < slots->used; i++) {
			struct slot *slot = &slots->slot[i];

			if (slot->phase == SLOT_RETIRING &&
			    (oldest == NULL || slot->generation < oldest->generation))
				oldest = slot;
		}
		if (oldest == NULL)
			return;
		slots_set_phase(slots, oldest, SLOT_ENDING, due);
	}
}

struct slot *slots_next_untold(struct slots *slots)
{
	for (unsigned i = 0; i < slots->used && slots->untold > 0; i++) {
		struct slot *slot = &slots->slot[i];

		if (asks_for_something(slot) && !slot->told) {
			set_told(slots, slot, true);
			return slot;
		}
	}
	return NULL;
}

int64_t slots_deadline(const struct slots *slots)
{
	int64_t first = SLOT_NEVER;

	for (unsigned i = 0; i < slots->used; i++)
		if (slots->slot[i].phase != SLOT_FREE && slots->slot[i].due < first)
			first = slots->slot[i].due;
	return first;
}
