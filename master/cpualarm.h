/* SPDX-License-Identifier: ISC */
/*
 * An alarm that goes off when another process has run for a while: a timer on that
 * process's own clock (clock_getcpuclockid(3), timer_create(2)), which stands still
 * while the process does, so that nobody has to look how far it is.
 */
#ifndef MASTER_CPUALARM_H
#define MASTER_CPUALARM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* What it sends to the calling process. */
#define CPU_ALARM_SIGNAL SIGVTALRM

/* All zero: none. */
struct cpu_alarm {
	timer_t timer;
	bool is_made;
	bool is_set;
};

/*
 * Sets an alarm of its own, or a new one in its place, for when `pid` has used
 * `ms` milliseconds of processor time from now on, at least 1. Returns 0, or -1 with
 * errno: ESRCH when there is no such process, else of timer_create(2), as EAGAIN
 * when there can be no more timers (RLIMIT_SIGPENDING).
 */
int cpu_alarm_set(struct cpu_alarm *alarm, pid_t pid, int64_t ms);

/* Tells whether it has gone off; true once for each time. */
bool cpu_alarm_take(struct cpu_alarm *alarm);

/* Takes it back, if there is one. */
void cpu_alarm_clear(struct cpu_alarm *alarm);

/*
 * Sets `*waits` to how often a process has given up the processor by itself, to wait
 * for something (proc(5): voluntary_ctxt_switches). Returns 0, or -1 with errno: ENOENT
 * or EPERM also when the process is there, but hidden from us (proc(5): hidepid), else
 * of fopen(3), and ENODATA when the kernel does not tell.
 */
int cpu_waits(pid_t pid, uint64_t *waits);

#endif
