/* SPDX-License-Identifier: ISC */
#include "worker/sources.h"

#include "common/siphash.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/*
 * A source can be in each entry of one bucket. Of 20,000 sources at a time, about
 * one in 25,000 finds its bucket full.
 */
#define BUCKET_BITS 14
#define BUCKETS (UINT64_C(1) << BUCKET_BITS)
#define WAYS 8

/* A word: the upper bits of the source's hash, and below them its count. */
#define COUNT_BITS 20
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define HELD (UINT64_C(1) << 63) /* in a place: this is no way to the next one */
#define MARK_MASK (~(COUNT_MASK | HELD))

_Static_assert(SOURCES_COUNT_MAX <= COUNT_MASK, "a count has room");
_Static_assert(BUCKETS * WAYS <= COUNT_MASK + 1, "the number of an entry has room");

struct entry {
	_Atomic uint64_t word;
	_Atomic int64_t busy_until; /* when its rate is used up no more, in ns */
};

/*
 * Places where workers write down what they have counted: the mark of the source
 * and, where the count would be, the number of its entry. A place that is free
 * leads to the next free one of its worker.
 */
#define BLOCK_PLACES 16U
#define BLOCKS 65536

struct sources {
	uint64_t key[2];                    /* of the hash; fixed */
	_Atomic uint32_t blocks_used;       /* no block from here on has ever had an owner */
	struct entry entry[BUCKETS * WAYS];
	_Atomic uint32_t owner[BLOCKS];     /* slot that has the block, from 1; 0: free */
	_Atomic uint64_t place[BLOCKS * BLOCK_PLACES];
};

struct sources *sources_open(void)
{
	struct sources *sources = mmap(NULL, sizeof *sources, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (sources == MAP_FAILED)
		return NULL;
	if (getrandom(sources->key, sizeof sources->key, 0) != sizeof sources->key) {
		sources_close(sources);
		return NULL;
	}
	return sources;
}

void sources_close(struct sources *sources)
{
	if (sources != NULL)
		munmap(sources, sizeof *sources);
}

/* IPv4 is put where IPv6 has multicast, which no client comes from. */
uint64_t source_of(const struct access_address *address)
{
	const uint8_t *byte = address->byte + (address->is_ipv4 ? 12 : 0);
	uint64_t source = address->is_ipv4 ? UINT64_MAX : 0;

	for (int i = 0; i < (address->is_ipv4 ? 4 : 8); i++)
		source = source << 8 | byte[i];
	return source;
}

/* ---- places ---- */

static bool take_block(struct sources *sources, struct source_holder *holder)
{
	for (; holder->looked_at < BLOCKS; holder->looked_at++) {
		uint32_t block = (holder->owner + holder->looked_at) % BLOCKS;
		uint32_t used = atomic_load(&sources->blocks_used);
		uint32_t nobody = 0;

		/* Before it has an owner: the master is not to overlook it. */
		while (used <= block &&
		    !atomic_compare_exchange_weak(&sources->blocks_used, &used, block + 1))
			continue;
		if (!atomic_compare_exchange_strong(&sources->owner[block], &nobody,
		        holder->owner + 1))
			continue;
		for (uint32_t i = 0; i < BLOCK_PLACES; i++) {
			uint32_t place = block * BLOCK_PLACES + i;

			atomic_store(&sources->place[place], holder->free);
			holder->free = place + 1;
		}
		return true;
	}
	return false;
}

/* Returns 0 when there is none left. */
static source_ticket take_place(struct sources *sources, struct source_holder *holder)
{
	source_ticket ticket;

	if (holder->free == 0 && !take_block(sources, holder))
		return 0;
	ticket = holder->free;
	holder->free = (source_ticket)atomic_load(&sources->place[ticket - 1]);
	return ticket;
}

static void free_place(struct sources *sources, struct source_holder *holder,
    source_ticket ticket)
{
	atomic_store(&sources->place[ticket - 1], holder->free);
	holder->free = ticket;
}

/* ---- entries ---- */

static bool is_free(const struct entry *entry, uint64_t word, int64_t now)
{
	return (word & COUNT_MASK) == 0 && atomic_load(&entry->busy_until) <= now;
}

/*
 * Counts one less, but never less than none: a worker that is killed between
 * writing down and counting is given back one that it never had. That favours its
 * source, and is over when the source has no connection left.
 */
static void count_down(struct sources *sources, uint64_t held)
{
	struct entry *entry = &sources->entry[held & COUNT_MASK];
	uint64_t word = atomic_load(&entry->word);

	while (((word ^ held) & MARK_MASK) == 0 && (word & COUNT_MASK) > 0 &&
	    !atomic_compare_exchange_weak(&entry->word, &word, word - 1))
		continue;
}

/* What became of an attempt to count one more in a bucket. */
enum attempt { COUNTED, FULL, NO_ENTRY, AGAIN };

/* Writes down first and counts then: see count_down(). */
static enum attempt count_up(struct sources *sources, struct entry *entry, uint64_t word,
    uint64_t mark, _Atomic uint64_t *place)
{
	uint64_t count = ((word ^ mark) & MARK_MASK) == 0 ? word & COUNT_MASK : 0;

	atomic_store(place, HELD | mark | (uint64_t)(entry - sources->entry));
	return atomic_compare_exchange_strong(&entry->word, &word, mark | (count + 1)) ? COUNTED
	                                                                              : AGAIN;
}

/*
 * Whoever had the entry may have come again and gone in the moment before it was
 * taken; what its rate had used up is nothing to its successor.
 */
static void forgive(struct entry *entry, int64_t now)
{
	int64_t until = atomic_load(&entry->busy_until);

	if (until > now)
		atomic_compare_exchange_strong(&entry->busy_until, &until, now);
}

/* Two workers can give one source an entry each at the same time; the first one stays. */
static bool is_first(const struct entry *bucket, const struct entry *entry, uint64_t mark)
{
	for (; bucket < entry; bucket++) {
		uint64_t word = atomic_load(&bucket->word);

		if ((word & MARK_MASK) == mark)
			return false;
	}
	return true;
}

static enum attempt take_entry(struct sources *sources, struct entry *bucket,
    struct entry *free_one, uint64_t mark, int64_t now, _Atomic uint64_t *place)
{
	uint64_t word = atomic_load(&free_one->word);

	if (!is_free(free_one, word, now) ||
	    count_up(sources, free_one, word, mark, place) == AGAIN)
		return AGAIN;
	forgive(free_one, now);
	if (is_first(bucket, free_one, mark))
		return COUNTED;
	count_down(sources, atomic_load(place));
	return AGAIN;
}

/* `most` is how many there may be, this one included. */
static enum attempt try_to_count(struct sources *sources, struct entry *bucket, uint64_t mark,
    uint64_t most, int64_t now, _Atomic uint64_t *place)
{
	struct entry *free_one = NULL;

	for (struct entry *entry = bucket; entry < bucket + WAYS; entry++) {
		uint64_t word = atomic_load(&entry->word);

		if ((word & MARK_MASK) == mark)
			return (word & COUNT_MASK) >= most
			    ? FULL : count_up(sources, entry, word, mark, place);
		if (free_one == NULL && is_free(entry, word, now))
			free_one = entry;
	}
	return free_one == NULL ? NO_ENTRY
	                        : take_entry(sources, bucket, free_one, mark, now, place);
}

/*
 * The generic cell rate algorithm (ITU-T I.371): each connection uses up one
 * interval, and of those that are not over yet there may be `burst`.
 */
static bool passes_rate(struct entry *entry, const struct source_limits *limits, int64_t now)
{
	int64_t until = atomic_load(&entry->busy_until);
	int64_t next;

	do {
		next = (until > now ? until : now) + limits->interval_ns;
		if (next - now > limits->interval_ns * limits->burst)
			return false;
	} while (!atomic_compare_exchange_weak(&entry->busy_until, &until, next));
	return true;
}

static struct entry *bucket_of(const struct sources *sources, uint64_t hash)
{
	return (struct entry *)&sources->entry[(hash & (BUCKETS - 1)) * WAYS];
}

/* Other workers may come in between, each time one of them with success. */
static enum attempt count_source(struct sources *sources, uint64_t source, uint64_t most,
    int64_t now, _Atomic uint64_t *place)
{
	uint64_t hash = siphash_word(sources->key, source);
	enum attempt attempt;

	do
		attempt = try_to_count(sources, bucket_of(sources, hash), hash & MARK_MASK, most,
		    now, place);
	while (attempt == AGAIN);
	return attempt;
}

enum source_answer sources_enter(struct sources *sources, struct source_holder *holder,
    uint64_t source, const struct source_limits *limits, int64_t now, source_ticket *ticket)
{
	unsigned most = limits->at_a_time > 0 ? limits->at_a_time : SOURCES_COUNT_MAX;
	source_ticket own = take_place(sources, holder);
	enum attempt attempt;
	bool passes;
	_Atomic uint64_t *place;

	*ticket = 0;
	if (own == 0)
		return SOURCE_HAS_NO_ROOM;
	place = &sources->place[own - 1];
	attempt = count_source(sources, source, most, now, place);
	if (attempt != COUNTED) {
		free_place(sources, holder, own);
		return attempt == FULL ? SOURCE_HAS_TOO_MANY : SOURCE_HAS_NO_ROOM;
	}
	passes = limits->interval_ns == 0 ||
	    passes_rate(&sources->entry[atomic_load(place) & COUNT_MASK], limits, now);
	if (passes && limits->at_a_time > 0)
		*ticket = own;
	else
		sources_leave(sources, holder, own);
	return passes ? SOURCE_MAY_COME : SOURCE_COMES_TOO_FAST;
}

void sources_leave(struct sources *sources, struct source_holder *holder, source_ticket ticket)
{
	if (ticket == 0)
		return;
	count_down(sources, atomic_load(&sources->place[ticket - 1]));
	free_place(sources, holder, ticket);
}

void sources_give_back(struct sources *sources, unsigned owner)
{
	uint32_t used = atomic_load(&sources->blocks_used);

	for (uint32_t block = 0; block < used; block++) {
		if (atomic_load(&sources->owner[block]) != owner + 1)
			continue;
		for (uint32_t i = 0; i < BLOCK_PLACES; i++) {
			uint64_t held = atomic_exchange(&sources->place[block * BLOCK_PLACES + i], 0);

			if (held & HELD)
				count_down(sources, held);
		}
		atomic_store(&sources->owner[block], 0);
	}
}

unsigned sources_count(const struct sources *sources, uint64_t source)
{
	uint64_t hash = siphash_word(sources->key, source);
	const struct entry *bucket = bucket_of(sources, hash);
	unsigned count = 0;

	for (int i = 0; i < WAYS; i++) {
		uint64_t word = atomic_load(&bucket[i].word);

		if ((word & MARK_MASK) == (hash & MARK_MASK))
			count += (unsigned)(word & COUNT_MASK);
	}
	return count;
}
