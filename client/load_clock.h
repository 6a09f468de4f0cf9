/* SPDX-License-Identifier: ISC */
/* The clock that echoes are timed by. */
#ifndef CLIENT_LOAD_CLOCK_H
#define CLIENT_LOAD_CLOCK_H

#include <stdint.h>

#define LOAD_NS_PER_S INT64_C(1000000000)
#define LOAD_NS_PER_MS INT64_C(1000000)

/*
 * Returns nanoseconds of CLOCK_MONOTONIC; never fails, and on the usual
 * hardware takes no system call (vdso(7)).
 */
int64_t load_clock(void);

/* Returns a span of nanoseconds as the histograms count it: whole microseconds, rounded. */
uint64_t load_microseconds(int64_t span);

/*
 * Returns the next of moments that are a second apart, one of which is `due`:
 * the first that lies after `now`. Those that were missed do not come later.
 */
int64_t load_next_second(int64_t due, int64_t now);

/* Returns seconds as nanoseconds. */
int64_t load_nanoseconds(double seconds);

#endif
