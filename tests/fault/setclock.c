/* SPDX-License-Identifier: ISC */
/*
 * setclock.so: preloaded, it has a program see a clock that was set, while the machine's own
 * stays as it is:
 *
 *     SETCLOCK=FILE LD_PRELOAD=setclock.so program
 *
 * The first 32 bytes of FILE are a number of seconds, which is added to the time of day; it may
 * change at any time. What measures how long something took (CLOCK_MONOTONIC) is not changed,
 * as it is not by setting a real clock.
 */
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#define FILE_SIZE 32

static const char *file; /* mapped: a worker may not be able to open it */
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SETCLOCK");
	int fd;

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (path == NULL)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	file = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || file == MAP_FAILED)
		err(1, "%s", path);
}

static time_t offset(void)
{
	return file != NULL ? (time_t)strtoll(file, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int failed = real_gettime(clock, now);

	if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += offset();
	return failed;
}

time_t time(time_t *also)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (also != NULL)
		*also = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone)
{
	struct timespec exact;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}
