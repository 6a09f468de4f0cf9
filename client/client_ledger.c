/* SPDX-License-Identifier: ISC */
#include "client/client_ledger.h"

#include "client/pattern.h"

#include <string.h>

void ledger_open(struct ledger *ledger, uint32_t size, uint64_t timeout_us)
{
	*ledger = (struct ledger){ .size = size, .timeout_us = timeout_us, .next = 1,
		.in_time = 1, .least_us = UINT64_MAX };
}

static uint64_t begun_us(const struct ledger *ledger, uint64_t sequence)
{
	return ledger->begun_us[sequence % LEDGER_MOST];
}

/* Of a small message the head goes on into those after it. */
static uint64_t head_of(const struct ledger *ledger, uint64_t sequence)
{
	char bytes[LEDGER_HEAD];
	uint64_t head;

	for (size_t done = 0; done < sizeof bytes; sequence++) {
		size_t rest = sizeof bytes - done;
		size_t size = ledger->size < rest ? ledger->size : rest;

		pattern_write(bytes + done, size, sequence, 0);
		done += size;
	}
	memcpy(&head, bytes, sizeof head);
	return head;
}

uint64_t ledger_begin(struct ledger *ledger, uint64_t now)
{
	ledger->sent++;
	ledger->begun_us[ledger->sent % LEDGER_MOST] = now;
	ledger->heads[ledger->sent % LEDGER_MOST] = head_of(ledger, ledger->sent);
	return ledger->sent;
}

void ledger_withdraw(struct ledger *ledger, uint64_t last)
{
	if (last < ledger->in_time - 1)
		last = ledger->in_time - 1;
	if (last < ledger->sent)
		ledger->sent = last;
}

bool ledger_full(const struct ledger *ledger)
{
	return ledger->sent - ledger->next + 1 >= LEDGER_MOST;
}

/* The first message that may still come back right and in time; sent + 1: none. */
static uint64_t first_awaited(const struct ledger *ledger)
{
	uint64_t first = ledger->next > ledger->told ? ledger->next : ledger->told + 1;

	return first > ledger->in_time ? first : ledger->in_time;
}

bool ledger_awaits(const struct ledger *ledger)
{
	return first_awaited(ledger) <= ledger->sent;
}

uint64_t ledger_deadline(const struct ledger *ledger)
{
	if (!ledger_awaits(ledger))
		return UINT64_MAX;
	return begun_us(ledger, first_awaited(ledger)) + ledger->timeout_us;
}

bool ledger_overdue(struct ledger *ledger, uint64_t now, struct ledger_note *note)
{
	uint64_t first = first_awaited(ledger);

	if (now < ledger_deadline(ledger) || first > ledger->sent)
		return false;
	*note = (struct ledger_note){ .event = LEDGER_OVERDUE, .sequence = first,
		.bytes = first == ledger->next && !ledger->searching ? ledger->offset : 0 };
	ledger->in_time = first + 1;
	return true;
}

/* Mean and squares are kept as B. P. Welford does (Technometrics 4, 1962): no cancellation. */
static void record(struct ledger *ledger, uint64_t us)
{
	double difference = (double)us - ledger->mean_us;

	ledger->received++;
	ledger->mean_us += difference / (double)ledger->received;
	ledger->squares += difference * ((double)us - ledger->mean_us);
	if (us < ledger->least_us)
		ledger->least_us = us;
	if (us > ledger->most_us)
		ledger->most_us = us;
}

static void came_back_right(struct ledger *ledger, uint64_t now, struct ledger_note *note)
{
	note->time_us = now - begun_us(ledger, ledger->next);
	if (note->time_us >= ledger->timeout_us) {
		note->event = LEDGER_LATE;
		ledger->late++;
	} else {
		note->event = LEDGER_ANSWER;
		record(ledger, note->time_us);
	}
}

static size_t too_many(struct ledger *ledger, size_t size, struct ledger_note *note)
{
	note->event = LEDGER_EXTRA;
	note->sequence = ledger->sent;
	note->bytes = size;
	ledger->extra += size;
	return size;
}

static void tell_corrupt(struct ledger *ledger, uint64_t offset, unsigned char byte,
    struct ledger_note *note)
{
	note->event = LEDGER_CORRUPT;
	note->offset = offset;
	note->byte = byte;
	ledger->told = ledger->next;
	ledger->corrupted++;
}

/* All bytes of `next` have come, as far as their place says. */
static void complete(struct ledger *ledger, uint64_t now, struct ledger_note *note)
{
	note->sequence = ledger->next;
	if (ledger->next > ledger->told && ledger->wrong) {
		tell_corrupt(ledger, ledger->wrong_offset, ledger->wrong_byte, note);
	} else if (ledger->next > ledger->told) {
		came_back_right(ledger, now, note);
		ledger->searching = false;
	}
	ledger->next++;
	ledger->offset = 0;
	ledger->wrong = false;
}

static void remember(struct ledger *ledger, const char *bytes, size_t size)
{
	size_t fresh = size < LEDGER_HEAD ? size : LEDGER_HEAD;

	memmove(ledger->recent, ledger->recent + fresh, LEDGER_HEAD - fresh);
	memcpy(ledger->recent + LEDGER_HEAD - fresh, bytes + size - fresh, fresh);
}

/* ---- while the place is certain ---- */

static size_t follow(struct ledger *ledger, const char *bytes, size_t size, uint64_t now,
    struct ledger_note *note)
{
	size_t rest = ledger->size - ledger->offset;
	size_t right;

	if (size > rest)
		size = rest;
	right = pattern_compare(bytes, size, ledger->next, ledger->offset);
	if (right < size) {
		size = right + 1;
		ledger->searching = true;
		ledger->lost_at = ledger->next;
		if (ledger->next > ledger->told)
			tell_corrupt(ledger, ledger->offset + right, (unsigned char)bytes[right],
			    note);
	}
	remember(ledger, bytes, size);
	ledger->offset += (uint32_t)size;
	if (ledger->offset == ledger->size)
		complete(ledger, now, note);
	return size;
}

/* ---- while it is searched for ---- */

/*
 * Returns the message that begins with the last bytes, `byte` being the very
 * last; 0: none. What was told to be wrong may be found too: the bytes before it
 * were too many. A head that goes on into messages not yet sent cannot have come.
 */
static uint64_t find_beginning(const struct ledger *ledger, char byte)
{
	uint64_t first = ledger->lost_at;
	uint64_t in_others = (LEDGER_HEAD - 1) / ledger->size;
	char bytes[LEDGER_HEAD];
	uint64_t head;

	if (ledger->sent - first >= LEDGER_MOST)
		first = ledger->sent - LEDGER_MOST + 1;
	memcpy(bytes, ledger->recent + 1, LEDGER_HEAD - 1);
	bytes[LEDGER_HEAD - 1] = byte;
	memcpy(&head, bytes, sizeof head);
	for (uint64_t sequence = first; sequence + in_others <= ledger->sent; sequence++)
		if (ledger->heads[sequence % LEDGER_MOST] == head)
			return sequence;
	return 0;
}

/* Tells the first message before `sequence` that might still have come. */
static bool tell_missed(struct ledger *ledger, uint64_t sequence, struct ledger_note *note)
{
	uint64_t first = ledger->next > ledger->told ? ledger->next : ledger->told + 1;

	if (first >= sequence)
		return false;
	note->event = LEDGER_MISSED;
	note->sequence = first;
	ledger->told = first;
	ledger->corrupted++;
	return true;
}

/* The place of the next byte is `offset` of message `sequence`. */
static void settle(struct ledger *ledger, uint64_t sequence, uint32_t offset)
{
	ledger->next = sequence;
	ledger->offset = offset;
	ledger->searching = false;
	ledger->wrong = false;
}

/* The next byte, by its place. */
static void look_at(struct ledger *ledger, char byte)
{
	if (!ledger->wrong && pattern_compare(&byte, 1, ledger->next, ledger->offset) == 0) {
		ledger->wrong = true;
		ledger->wrong_offset = ledger->offset;
		ledger->wrong_byte = (unsigned char)byte;
	}
	ledger->offset++;
}

/* Takes one byte, or none when there is something to tell first. */
static size_t search(struct ledger *ledger, const char *byte, uint64_t now,
    struct ledger_note *note)
{
	uint64_t found = find_beginning(ledger, *byte);
	/* Of messages that are smaller than a head, those in it are given up. */
	uint64_t passed = ledger->size < LEDGER_HEAD ? LEDGER_HEAD / ledger->size : 0;

	if (found > 0 && tell_missed(ledger, found + passed, note))
		return 0;
	remember(ledger, byte, 1);
	if (found > 0)
		settle(ledger, found + passed, LEDGER_HEAD - (uint32_t)passed * ledger->size);
	else
		look_at(ledger, *byte);
	if (ledger->offset == ledger->size)
		complete(ledger, now, note);
	return 1;
}

size_t ledger_receive(struct ledger *ledger, const char *bytes, size_t size, uint64_t now,
    struct ledger_note *note)
{
	size_t taken = 0;
	size_t one = 1;

	*note = (struct ledger_note){ .sequence = ledger->next };
	if (ledger->next > ledger->sent)
		return too_many(ledger, size, note);
	if (!ledger->searching)
		return follow(ledger, bytes, size, now, note);
	while (one > 0 && taken < size && ledger->searching && ledger->next <= ledger->sent &&
	    note->event == LEDGER_NOTHING) {
		one = search(ledger, bytes + taken, now, note);
		taken += one;
	}
	return taken;
}

/* Newton's method; libm would be linked for this alone. */
static uint64_t square_root(uint64_t square)
{
	uint64_t root = square;
	uint64_t better = square / 2 + square % 2;

	while (better < root) {
		root = better;
		better = (root + square / root) / 2;
	}
	return root;
}

uint64_t ledger_deviation_us(const struct ledger *ledger)
{
	if (ledger->received == 0)
		return 0;
	return square_root((uint64_t)(ledger->squares / (double)ledger->received + 0.5));
}
