/* SPDX-License-Identifier: ISC */
#include "common/ratelimit.h"

#include <stddef.h>

static void give_back(struct rate_limit *limit, int64_t now)
{
	int64_t returned = (now - limit->since_ms) / limit->interval_ms;

	if (limit->used == 0 || returned >= limit->used) {
		limit->used = 0;
		limit->since_ms = now;
	} else if (returned > 0) {
		limit->used -= (unsigned)returned;
		limit->since_ms += returned * limit->interval_ms;
	}
}

bool rate_limit_pass(struct rate_limit *limit, int64_t now, uint64_t *missed)
{
	give_back(limit, now);
	if (limit->used >= limit->burst) {
		limit->held_back++;
		return false;
	}
	limit->used++;
	if (missed != NULL)
		*missed = limit->held_back;
	limit->held_back = 0;
	return true;
}
