/* SPDX-License-Identifier: ISC */
#include "client/load_clock.h"

#include <time.h>

int64_t load_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * LOAD_NS_PER_S + now.tv_nsec;
}

uint64_t load_microseconds(int64_t span)
{
	return span > 0 ? ((uint64_t)span + 500) / 1000 : 0;
}

int64_t load_next_second(int64_t due, int64_t now)
{
	return now < due ? due : due + ((now - due) / LOAD_NS_PER_S + 1) * LOAD_NS_PER_S;
}

int64_t load_nanoseconds(double seconds)
{
	return (int64_t)(seconds * (double)LOAD_NS_PER_S);
}
