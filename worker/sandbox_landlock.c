/* SPDX-License-Identifier: ISC */
/*
 * The kernel's interface is written down here rather than taken from linux/landlock.h,
 * which many machines do not have, or have older than their kernel.
 */
#include "worker/sandbox_landlock.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * No worker that it holds can write its counts for `make coverage`, whose builds do without.
 * GCOVR_EXCL_START
 */

/* The same number on all machines but alpha; there the kernel says that it has none. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION 1U

/* What a ruleset forbids unless a rule allows it: bits of each kind of access. */
struct ruleset {
	uint64_t files;  /* since version 1 */
	uint64_t tcp;    /* bind and connect, since version 4 */
	uint64_t scopes; /* abstract UNIX sockets and signals, since version 6 */
};

/* How many bits each version knows. */
static const struct {
	unsigned files, tcp, scopes;
	size_t size; /* of the structure */
} versions[] = {
	{ 13, 0, 0, 8 }, { 14, 0, 0, 8 }, { 15, 0, 0, 8 }, { 15, 2, 0, 16 },
	{ 16, 2, 0, 16 }, { 16, 2, 2, 24 },
};

#define VERSIONS ((int)(sizeof versions / sizeof versions[0]))

static uint64_t first_bits(unsigned count)
{
	return (UINT64_C(1) << count) - 1;
}

int landlock_make(int *version)
{
	int known;
	struct ruleset all;

	*version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	if (*version < 1)
		return -1;
	/* A later kernel forbids what the last version that is known here can. */
	known = (*version < VERSIONS ? *version : VERSIONS) - 1;
	all = (struct ruleset){ .files = first_bits(versions[known].files),
		.tcp = first_bits(versions[known].tcp),
		.scopes = first_bits(versions[known].scopes) };
	return (int)syscall(SYS_landlock_create_ruleset, &all, versions[known].size, 0);
}

int landlock_enter(int ruleset)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* GCOVR_EXCL_STOP */
