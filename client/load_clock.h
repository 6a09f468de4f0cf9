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

/* Returns seconds as nanoseconds. */
int64_t load_nanoseconds(double seconds);

#endif
