/* SPDX-License-Identifier: ISC */
/* How many CPUs there are for this process: what `auto` means where workers are counted. */
#ifndef COMMON_CPUS_H
#define COMMON_CPUS_H

/*
 * Returns how many CPUs the process may use, at least 1: those that it may run on
 * (sched_getaffinity(2)), or as many as its quota is worth where that is less.
 */
unsigned cpus_available(void);

/*
 * Returns how many CPUs the quota of the process's control group is worth, rounded
 * up, or UINT_MAX when it has none; the least of its own and of all groups above it
 * (cgroups(7), version 2; cpu.max in Documentation/admin-guide/cgroup-v2.rst of
 * Linux). The files are looked for below the folder `root`, "" for the real ones; one
 * that cannot be read sets no quota.
 */
unsigned cpus_of_quota(const char *root);

#endif
