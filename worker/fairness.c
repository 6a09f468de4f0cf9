/* SPDX-License-Identifier: ISC */
#include "worker/fairness.h"

/* How many slots are looked at: each is a cache line that another CPU has written. */
#define SLOTS_LOOKED_AT 64

bool fairness_ahead(unsigned own, uint64_t all, unsigned workers)
{
	return (uint64_t)own * workers * 8 > all * 9 + (uint64_t)workers * 8;
}

static uint32_t generation_of(const struct board_slot *slot)
{
	return atomic_load_explicit(&slot->generation, memory_order_relaxed);
}

static bool is_at_door(const struct board_slot *slot)
{
	return atomic_load_explicit(&slot->at_door, memory_order_relaxed) != 0;
}

bool fairness_ahead_on_board(const struct board *board, unsigned number)
{
	unsigned used = atomic_load_explicit(&board->used, memory_order_relaxed);
	unsigned looks = used < SLOTS_LOOKED_AT ? used : SLOTS_LOOKED_AT;
	const struct board_slot *own = &board->slots[number];
	unsigned workers = 0;
	uint64_t all = 0;

	for (unsigned i = 0; i < looks; i++) {
		const struct board_slot *slot = &board->slots[(number + i) % used];

		if (generation_of(slot) != generation_of(own) || !is_at_door(slot))
			continue;
		all += board_get_open(slot);
		workers++;
	}
	return fairness_ahead(board_get_open(own), all, workers);
}
