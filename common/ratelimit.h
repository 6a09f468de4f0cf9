/* SPDX-License-Identifier: ISC */
/*
 * A limit on how often something may happen: so many at once, then one each
 * interval (a token bucket). Pure: the caller brings the time.
 *
 * Its first use is log lines that a stranger can provoke: what the limit holds
 * back is counted, and the next line that passes can say how many there were.
 */
#ifndef COMMON_RATELIMIT_H
#define COMMON_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
	unsigned burst;       /* how many may pass at once, at least 1 */
	int64_t interval_ms;  /* after which one more may pass, above 0 */
	unsigned used;        /* of the burst, not yet given back */
	int64_t since_ms;     /* up to when time has been given back */
	uint64_t held_back;   /* refused since the last that passed */
};

/* A limit in its first state: RATE_LIMIT(5, 1000) lets 5 pass, then 1 a second. */
#define RATE_LIMIT(burst_count, interval) { .burst = (burst_count), .interval_ms = (interval) }

/*
 * Asks whether one more may pass at `now` (milliseconds, never running
 * backwards). On true, `*missed` is how many were refused since the last
 * true; on false it is left alone. `missed` may be NULL.
 */
bool rate_limit_pass(struct rate_limit *limit, int64_t now, uint64_t *missed);

#endif
