/* SPDX-License-Identifier: ISC */
#include "client/client_ledger.h"

#include "client/pattern.h"

void ledger_open(struct ledger *ledger, uint32_t size, uint64_t timeout_us)
{
	*ledger = (struct ledger){ .size = size, .timeout_us = timeout_us, .next = 1,
		.in_time = 1, .least_us = UINT64_MAX };
}

static uint64_t begun_us(const struct ledger *ledger, uint64_t sequence)
{
	return ledger->begun_us[sequence % LEDGER_MOST];
}

uint64_t ledger_begin(struct ledger *ledger, uint64_t now)
{
	ledger->sent++;
	ledger->begun_us[ledger->sent % LEDGER_MOST] = now;
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
	uint64_t first = ledger->next + (ledger->next_corrupt ? 1 : 0);

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
		.bytes = first == ledger->next ? ledger->offset : 0 };
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

static void look_for_wrong_byte(struct ledger *ledger, const char *bytes, size_t size,
    struct ledger_note *note)
{
	size_t right = pattern_compare(bytes, size, ledger->next, ledger->offset);

	if (right == size)
		return;
	note->event = LEDGER_CORRUPT;
	note->offset = ledger->offset + right;
	note->byte = (unsigned char)bytes[right];
	ledger->next_corrupt = true;
	ledger->corrupted++;
}

static size_t too_many(struct ledger *ledger, size_t size, struct ledger_note *note)
{
	note->event = LEDGER_EXTRA;
	note->sequence = ledger->sent;
	note->bytes = size;
	ledger->extra += size;
	return size;
}

size_t ledger_receive(struct ledger *ledger, const char *bytes, size_t size, uint64_t now,
    struct ledger_note *note)
{
	size_t rest = ledger->size - ledger->offset;

	*note = (struct ledger_note){ .sequence = ledger->next };
	if (ledger->next > ledger->sent)
		return too_many(ledger, size, note);
	if (size > rest)
		size = rest;
	if (!ledger->next_corrupt)
		look_for_wrong_byte(ledger, bytes, size, note);
	ledger->offset += (uint32_t)size;
	if (size == rest) {
		if (!ledger->next_corrupt)
			came_back_right(ledger, now, note);
		ledger->next++;
		ledger->offset = 0;
		ledger->next_corrupt = false;
	}
	return size;
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
