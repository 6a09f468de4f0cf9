/* SPDX-License-Identifier: ISC */
#include "common/idleset.h"

#include <assert.h>
#include <string.h>

void idle_set_make_room(struct idle_set *set, unsigned member)
{
	assert(member < IDLE_SET_MAX);
	if (atomic_load(&set->words) <= member / 64)
		atomic_store(&set->words, member / 64 + 1);
}

void idle_set_add(struct idle_set *set, unsigned member)
{
	atomic_fetch_or(&set->word[member / 64], UINT64_C(1) << member % 64);
}

void idle_set_remove(struct idle_set *set, unsigned member)
{
	atomic_fetch_and(&set->word[member / 64], ~(UINT64_C(1) << member % 64));
}

static bool is_empty(const struct idle_set *set)
{
	unsigned words = atomic_load(&set->words);

	for (unsigned i = 0; i < words; i++)
		if (atomic_load(&set->word[i]) != 0)
			return false;
	return true;
}

unsigned idle_set_count(const struct idle_set *set)
{
	unsigned words = atomic_load(&set->words);
	unsigned count = 0;

	for (unsigned i = 0; i < words; i++)
		count += (unsigned)__builtin_popcountll(atomic_load(&set->word[i]));
	return count;
}

void idle_set_copy(const struct idle_set *set, uint64_t *copy)
{
	unsigned words = atomic_load(&set->words);

	memset(copy, 0, IDLE_SET_WORDS * sizeof *copy);
	for (unsigned i = 0; i < words; i++)
		copy[i] = atomic_load(&set->word[i]);
}

bool idle_copy_has(const uint64_t *copy, unsigned member)
{
	return (copy[member / 64] >> member % 64 & 1) != 0;
}

void idle_set_watch(struct idle_set *set, struct idle_watch watch)
{
	atomic_store(&set->watch_none, watch.none);
	atomic_store(&set->watch_above, watch.above);
}

bool idle_set_take_none(struct idle_set *set)
{
	return atomic_load(&set->watch_none) != 0 && is_empty(set) &&
	    atomic_exchange(&set->watch_none, 0) != 0;
}

bool idle_set_take_above(struct idle_set *set)
{
	unsigned above = atomic_load(&set->watch_above);

	return above != 0 && idle_set_count(set) > above &&
	    atomic_exchange(&set->watch_above, 0) != 0;
}
