/* SPDX-License-Identifier: ISC */
/*
 * The child table: which process lives in which slot. An entry exists from the
 * fork until the process has been reaped, so a pid found here is still ours:
 * the kernel cannot have given it to somebody else. Pure.
 */
#ifndef MASTER_WORKERS_H
#define MASTER_WORKERS_H

#include <stdint.h>
#include <sys/types.h>

struct worker_entry {
	pid_t pid;           /* 0: nobody lives here */
	unsigned generation; /* of the process */
	int64_t born;        /* when it was forked, in ms */
};

struct workers {
	struct worker_entry *entry; /* one a slot, the caller's, all zero to begin with */
	unsigned capacity;          /* of entry */
	unsigned used;              /* entries at and above this index have never been used */
	unsigned count;             /* processes */
};

/* Enters a process into a slot in which nobody lives. */
void workers_add(struct workers *workers, unsigned slot, pid_t pid, unsigned generation,
    int64_t now);

/* Returns the slot in which `pid` lives, or -1: a stranger. */
int workers_find(const struct workers *workers, pid_t pid);

/* Removes the process that lives in a slot, because it was reaped. */
void workers_remove(struct workers *workers, unsigned slot);

#endif
