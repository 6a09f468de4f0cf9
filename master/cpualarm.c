/* SPDX-License-Identifier: ISC */
#include "master/cpualarm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make(struct cpu_alarm *alarm, pid_t pid)
{
	struct sigevent signal = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = CPU_ALARM_SIGNAL };
	clockid_t clock;
	int error = clock_getcpuclockid(pid, &clock);

	if (error != 0) {
		errno = error;
		return -1;
	}
	if (timer_create(clock, &signal, &alarm->timer) < 0)
		return -1;
	alarm->is_made = true;
	return 0;
}

int cpu_alarm_set(struct cpu_alarm *alarm, pid_t pid, int64_t ms)
{
	struct itimerspec when = { .it_value = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 } };

	if (!alarm->is_made && make(alarm, pid) < 0)
		return -1;
	alarm->is_set = timer_settime(alarm->timer, 0, &when, NULL) == 0;
	return alarm->is_set ? 0 : -1;
}

/* One that has gone off is the one that has no time left. */
bool cpu_alarm_take(struct cpu_alarm *alarm)
{
	struct itimerspec left;

	if (!alarm->is_set || timer_gettime(alarm->timer, &left) < 0 ||
	    left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0)
		return false;
	alarm->is_set = false;
	return true;
}

void cpu_alarm_clear(struct cpu_alarm *alarm)
{
	if (alarm->is_made)
		timer_delete(alarm->timer);
	*alarm = (struct cpu_alarm){ 0 };
}

int cpu_waits(pid_t pid, uint64_t *waits)
{
	static const char name[] = "voluntary_ctxt_switches:";
	char path[32], line[128];
	bool is_told = false;
	FILE *status;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	if (status == NULL)
		return -1;
	while (fgets(line, sizeof line, status) != NULL)
		if (strncmp(line, name, sizeof name - 1) == 0) {
			*waits = strtoull(line + sizeof name - 1, NULL, 10);
			is_told = true;
		}
	fclose(status);
	if (is_told)
		return 0;
	errno = ENODATA;
	return -1;
}
