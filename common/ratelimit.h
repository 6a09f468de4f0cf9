/* SPDX-License-Identifier: ISC */
/*
 * A limit on how often something may happen: so many at once, then one each
 * interval (a token bucket). The caller brings the time.
 *
 * Its first use is log lines that a stranger can provoke: what the limit holds
 * back is counted, and the next line that passes can say how many there were.
 * All of its state is one word, changed by compare and swap, so that processes
 * can share a limit, and one that is killed leaves nothing held.
 */
#ifndef COMMON_RATELIMIT_H
#define COMMON_RATELIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
	unsigned burst;         /* how many may pass at once, at least 1 */
	int64_t interval_ms;    /* after which one more may pass, above 0 */
	_Atomic uint64_t state; /* 0: the first; else see ratelimit.c */
};

/* More refusals in a row than fit into so many bits are not counted. */
#define RATE_LIMIT_MISSED_BITS 22
#define RATE_LIMIT_MISSED_MAX ((UINT64_C(1) << RATE_LIMIT_MISSED_BITS) - 1)

/* A limit in its first state: RATE_LIMIT(5, 1000) lets 5 pass, then 1 a second. */
#define RATE_LIMIT(burst_count, interval) { .burst = (burst_count), .interval_ms = (interval) }

/*
 * Asks whether one more may pass at `now` (milliseconds, from 0 to 2^41, never
 * running backwards in any one process). On true, `*missed` is how many were
 * refused since the last true; on false it is left alone. `missed` may be NULL.
 */
bool rate_limit_pass(struct rate_limit *limit, int64_t now, uint64_t *missed);

#endif
