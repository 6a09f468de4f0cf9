/* SPDX-License-Identifier: ISC */
#include "common/board.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

static size_t board_size(unsigned capacity)
{
	return sizeof(struct board) + capacity * sizeof(struct board_slot);
}

static const struct rate_limit lines[BOARD_LINES] = {
	[BOARD_LINE_TURNED_AWAY] = RATE_LIMIT(5, 10000),
	[BOARD_LINE_CUT_OFF] = RATE_LIMIT(5, 10000),
	[BOARD_LINE_UNCOUNTED] = RATE_LIMIT(1, 60000),
	[BOARD_LINE_PAUSE] = RATE_LIMIT(1, 10000),
};

struct board *board_open(unsigned capacity)
{
	struct board *board;

	assert(capacity <= IDLE_SET_MAX);
	board = mmap(NULL, board_size(capacity), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (board == MAP_FAILED)
		return NULL;
	board->capacity = capacity;
	memcpy(board->line, lines, sizeof lines);
	return board;
}

void board_close(struct board *board)
{
	if (board != NULL)
		munmap(board, board_size(board->capacity));
}

void board_clear(struct board_slot *slot)
{
	board_set_state(slot, BOARD_STARTING);
	board_set_open(slot, 0);
	atomic_store_explicit(&slot->places, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->generation, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->at_door, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->denied, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->accepted, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->completed, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->refused, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->turned_away, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->cut, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->bytes_in, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->bytes_out, 0, memory_order_relaxed);
}

void board_assign(struct board *board, unsigned number, unsigned generation, unsigned places)
{
	struct board_slot *slot = &board->slots[number];

	board_clear(slot);
	atomic_store_explicit(&slot->places, places, memory_order_relaxed);
	atomic_store_explicit(&slot->generation, generation, memory_order_relaxed);
	if (number >= atomic_load_explicit(&board->used, memory_order_relaxed))
		atomic_store_explicit(&board->used, number + 1, memory_order_relaxed);
}

static uint64_t value_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void board_add(const struct board_slot *slot, struct board_totals *totals)
{
	totals->accepted += value_of(&slot->accepted);
	totals->completed += value_of(&slot->completed);
	totals->refused += value_of(&slot->refused);
	totals->turned_away += value_of(&slot->turned_away);
	totals->cut += value_of(&slot->cut);
	totals->bytes_in += value_of(&slot->bytes_in);
	totals->bytes_out += value_of(&slot->bytes_out);
}

const char *board_state_name(enum board_state state)
{
	switch (state) {
	case BOARD_STARTING:
		return "starting";
	case BOARD_IDLE:
		return "idle";
	case BOARD_SERVING:
		return "serving";
	case BOARD_LEAVING:
		return "leaving";
	}
	return "unknown";
}
