/* SPDX-License-Identifier: ISC */
#include "common/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where control groups of version 2 are, and where a process sees which one is its own. */
#define GROUPS "/sys/fs/cgroup"
#define OWN_GROUP "/proc/self/cgroup"

/* What is not limited at all is as much as can be counted. */
#define UNLIMITED UINT_MAX

/* "QUOTA PERIOD" in microseconds: so much time in each period. Without a quota, "max PERIOD". */
static unsigned worth_of(const char *line)
{
	char *rest;
	uint64_t quota = strtoull(line, &rest, 10);
	uint64_t period = strtoull(rest, NULL, 10);
	uint64_t cpus;

	if (quota == 0 || period == 0)
		return UNLIMITED;
	cpus = quota / period + (quota % period != 0);
	return cpus < UNLIMITED ? (unsigned)cpus : UNLIMITED;
}

static unsigned quota_of(const char *group)
{
	char path[PATH_MAX];
	char line[64] = "";
	FILE *file;

	if (snprintf(path, sizeof path, "%s/cpu.max", group) >= (int)sizeof path)
		return UNLIMITED;
	file = fopen(path, "re");
	if (file == NULL)
		return UNLIMITED;
	if (fgets(line, sizeof line, file) == NULL)
		line[0] = '\0';
	fclose(file);
	return worth_of(line);
}

/* The line of version 2 is "0::" and a path from GROUPS on; "" when there is none. */
static void find_own_group(const char *root, char *path, size_t size)
{
	char line[PATH_MAX];
	FILE *file;

	path[0] = '\0';
	snprintf(line, sizeof line, "%s" OWN_GROUP, root);
	file = fopen(line, "re");
	if (file == NULL)
		return;
	while (path[0] == '\0' && fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) == 0)
			strlcpy(path, line + 3, size);
	}
	fclose(file);
}

unsigned cpus_of_quota(const char *root)
{
	char group[PATH_MAX];
	size_t top = strlen(root) + strlen(GROUPS);
	unsigned least;

	snprintf(group, sizeof group, "%s" GROUPS, root);
	find_own_group(root, group + top, sizeof group - top);
	least = quota_of(group);
	while (group[top] != '\0') {
		unsigned quota;

		*strrchr(group, '/') = '\0';
		quota = quota_of(group);
		if (quota < least)
			least = quota;
	}
	return least;
}

unsigned cpus_available(void)
{
	unsigned quota = cpus_of_quota("");
	unsigned count = 1;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
		count = (unsigned)CPU_COUNT(&cpus);
	return quota < count ? quota : count;
}
