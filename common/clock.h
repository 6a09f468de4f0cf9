/* SPDX-License-Identifier: ISC */
/*
 * The one clock that decisions are made by: monotonic, so that setting the
 * time of day moves no deadline.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/*
 * Returns milliseconds of CLOCK_MONOTONIC (clock_gettime(2)); never fails.
 * On the usual hardware it is answered without a system call (vdso(7)).
 */
int64_t clock_ms(void);

/* The same in microseconds. */
int64_t clock_us(void);

/* In nanoseconds. */
int64_t clock_ns(void);

#endif
