/* SPDX-License-Identifier: ISC */
/*
 * The bucket is kept as a time: when it would be full again, were nothing more
 * taken (the generic cell rate algorithm, ITU-T I.371). That leaves room in the
 * word for what was held back: 42 bits of time in ms above 22 of a count.
 */
#include "common/ratelimit.h"

#include <stddef.h>

static uint64_t state_of(int64_t full_at, uint64_t held_back)
{
	return (uint64_t)full_at << RATE_LIMIT_MISSED_BITS | held_back;
}

bool rate_limit_pass(struct rate_limit *limit, int64_t now, uint64_t *missed)
{
	uint64_t old = atomic_load_explicit(&limit->state, memory_order_relaxed);
	uint64_t held_back, new;
	bool passes;

	do {
		int64_t full_at = (int64_t)(old >> RATE_LIMIT_MISSED_BITS);

		held_back = old & RATE_LIMIT_MISSED_MAX;
		passes = full_at - now <= (int64_t)(limit->burst - 1) * limit->interval_ms;
		if (passes)
			new = state_of((full_at > now ? full_at : now) + limit->interval_ms, 0);
		else
			new = old + (held_back < RATE_LIMIT_MISSED_MAX);
	} while (!atomic_compare_exchange_weak_explicit(&limit->state, &old, new,
	    memory_order_relaxed, memory_order_relaxed));
	if (passes && missed != NULL)
		*missed = held_back;
	return passes;
}
