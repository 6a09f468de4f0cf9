/* SPDX-License-Identifier: ISC */
#include "master/workers.h"

#include <assert.h>

void workers_add(struct workers *workers, unsigned slot, pid_t pid, unsigned generation,
    int64_t now)
{
	assert(slot < workers->capacity && workers->entry[slot].pid == 0 && pid > 0);
	workers->entry[slot] = (struct worker_entry){ pid, generation, now };
	workers->count++;
	if (slot >= workers->used)
		workers->used = slot + 1;
}

int workers_find(const struct workers *workers, pid_t pid)
{
	for (unsigned i = 0; i < workers->used && pid > 0; i++)
		if (workers->entry[i].pid == pid)
			return (int)i;
	return -1;
}

void workers_remove(struct workers *workers, unsigned slot)
{
	assert(slot < workers->capacity && workers->entry[slot].pid != 0);
	workers->entry[slot] = (struct worker_entry){ 0 };
	workers->count--;
}
