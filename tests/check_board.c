/* SPDX-License-Identifier: ISC */
/* The board: what a worker writes there, the master reads, however the worker ends. */
#include "tests/suites.h"

#include "common/board.h"

#include <unistd.h>

static struct board *board;
static int began[2]; /* a pipe: a child that has begun writes a byte */

static void open_all(void)
{
	board = board_open(16);
	ck_assert_ptr_nonnull(board);
	ck_assert_int_eq(pipe(began), 0);
}

static void close_all(void)
{
	board_close(board);
	close(began[0]);
	close(began[1]);
}

static struct board_totals totals_of(unsigned slot)
{
	struct board_totals totals = { 0 };

	board_add(&board->slots[slot], &totals);
	return totals;
}

START_TEST(new_board_is_empty)
{
	struct board_totals totals = { 0 };

	ck_assert_uint_eq(board->capacity, 16);
	ck_assert_uint_eq(board->listeners[0], LISTENER_OPEN);
	for (unsigned i = 0; i < 16; i++) {
		board_add(&board->slots[i], &totals);
		ck_assert_int_eq(board_get_state(&board->slots[i]), BOARD_STARTING);
	}
	ck_assert_uint_eq(totals.accepted + totals.completed + totals.refused, 0);
	ck_assert_uint_eq(totals.bytes_in + totals.bytes_out, 0);
}
END_TEST

START_TEST(counts_are_added_up_each_for_itself)
{
	struct board_totals totals = { 1, 2, 3, 4, 5, 6, 7 };

	board_count(&board->slots[1].accepted, 10);
	board_count(&board->slots[1].accepted, 1);
	board_count(&board->slots[1].completed, 20);
	board_count(&board->slots[1].refused, 30);
	board_count(&board->slots[1].turned_away, 40);
	board_count(&board->slots[1].cut, 60);
	board_count(&board->slots[1].bytes_in, UINT64_C(1) << 40);
	board_count(&board->slots[1].bytes_out, 50);
	board_add(&board->slots[0], &totals);
	board_add(&board->slots[1], &totals);
	ck_assert_uint_eq(totals.accepted, 12);
	ck_assert_uint_eq(totals.completed, 22);
	ck_assert_uint_eq(totals.refused, 33);
	ck_assert_uint_eq(totals.turned_away, 44);
	ck_assert_uint_eq(totals.cut, 65);
	ck_assert_uint_eq(totals.bytes_in, (UINT64_C(1) << 40) + 6);
	ck_assert_uint_eq(totals.bytes_out, 57);
}
END_TEST

START_TEST(clearing_touches_one_slot_and_all_of_it)
{
	for (unsigned i = 2; i < 5; i++) {
		board_set_state(&board->slots[i], BOARD_SERVING);
		board_count(&board->slots[i].accepted, 1);
		board_count(&board->slots[i].completed, 1);
		board_count(&board->slots[i].refused, 1);
		board_count(&board->slots[i].turned_away, 1);
		board_count(&board->slots[i].cut, 1);
		board_count(&board->slots[i].bytes_in, 1);
		board_count(&board->slots[i].bytes_out, 1);
		board_set_open(&board->slots[i], 7);
	}
	board_clear(&board->slots[3]);
	ck_assert_uint_eq(board_get_open(&board->slots[3]), 0);
	ck_assert_uint_eq(board_get_open(&board->slots[2]), 7);
	ck_assert_int_eq(board_get_state(&board->slots[3]), BOARD_STARTING);
	ck_assert_uint_eq(totals_of(3).accepted, 0);
	ck_assert_uint_eq(totals_of(3).completed, 0);
	ck_assert_uint_eq(totals_of(3).refused, 0);
	ck_assert_uint_eq(totals_of(3).turned_away, 0);
	ck_assert_uint_eq(totals_of(3).cut, 0);
	ck_assert_uint_eq(totals_of(3).bytes_in, 0);
	ck_assert_uint_eq(totals_of(3).bytes_out, 0);
	ck_assert_uint_eq(totals_of(2).accepted + totals_of(4).bytes_out, 2);
	ck_assert_int_eq(board_get_state(&board->slots[4]), BOARD_SERVING);
}
END_TEST

START_TEST(slot_that_is_assigned_is_cleared_and_counted_as_used)
{
	board_count(&board->slots[5].accepted, 1);
	board_set_open(&board->slots[5], 3);
	board_assign(board, 5, 9, 100);
	ck_assert_uint_eq(totals_of(5).accepted, 0);
	ck_assert_uint_eq(board_get_open(&board->slots[5]), 0);
	ck_assert_uint_eq(board_get_places(&board->slots[5]), 100);
	ck_assert_uint_eq(board->slots[5].generation, 9);
	ck_assert_uint_eq(board->used, 6);
	board_assign(board, 2, 9, 1);
	ck_assert_uint_eq(board->used, 6);
}
END_TEST

START_TEST(states_have_names)
{
	ck_assert_str_eq(board_state_name(BOARD_STARTING), "starting");
	ck_assert_str_eq(board_state_name(BOARD_IDLE), "idle");
	ck_assert_str_eq(board_state_name(BOARD_SERVING), "serving");
	ck_assert_str_eq(board_state_name(BOARD_LEAVING), "leaving");
	ck_assert_str_eq(board_state_name((enum board_state)77), "unknown");
}
END_TEST

/* Two writers that share a cache line slow each other down. */
START_TEST(slots_share_no_cache_line)
{
	ck_assert_uint_eq((uintptr_t)&board->slots[0] % 128, 0);
	ck_assert_uint_eq((uintptr_t)&board->slots[1] - (uintptr_t)&board->slots[0], 128);
}
END_TEST

/* ---- between processes ---- */

static int serve_three(void *slot)
{
	struct board_slot *own = slot;

	board_set_state(own, BOARD_SERVING);
	for (int i = 0; i < 3; i++) {
		board_count(&own->accepted, 1);
		board_count(&own->bytes_in, 100);
	}
	board_count(&own->completed, 2);
	return 0;
}

START_TEST(children_write_and_the_parent_reads)
{
	pid_t first = child_start(serve_three, &board->slots[0]);
	pid_t second = child_start(serve_three, &board->slots[15]);
	struct board_totals totals = { 0 };

	child_succeeded(first);
	child_succeeded(second);
	board_add(&board->slots[0], &totals);
	board_add(&board->slots[15], &totals);
	ck_assert_int_eq(board_get_state(&board->slots[15]), BOARD_SERVING);
	ck_assert_uint_eq(totals.accepted, 6);
	ck_assert_uint_eq(totals.completed, 4);
	ck_assert_uint_eq(totals.bytes_in, 600);
}
END_TEST

/* Counts until it is killed. */
static int serve_without_end(void *slot)
{
	struct board_slot *own = slot;

	board_set_state(own, BOARD_SERVING);
	board_count(&own->bytes_in, 7);
	if (write(began[1], "", 1) != 1)
		return 1;
	for (;;)
		board_count(&own->bytes_in, 7);
}

START_TEST(child_killed_in_between_leaves_whole_counts)
{
	char byte;

	for (int round = 0; round < 20; round++) {
		pid_t pid = child_start(serve_without_end, &board->slots[3]);

		ck_assert_int_eq(read(began[0], &byte, 1), 1);
		child_kill(pid);
		ck_assert_uint_ge(totals_of(3).bytes_in, 7);
		ck_assert_uint_eq(totals_of(3).bytes_in % 7, 0);
		ck_assert_int_eq(board_get_state(&board->slots[3]), BOARD_SERVING);
		board_clear(&board->slots[3]);
		ck_assert_uint_eq(totals_of(3).bytes_in, 0);
	}
}
END_TEST

/* The other direction: what the master does with the listener. */
static int see_draining(void *unused)
{
	char byte;

	(void)unused;
	if (read(began[0], &byte, 1) != 1)
		return 1;
	return atomic_load(&board->listeners[0]) == LISTENER_DRAINING ? 0 : 2;
}

START_TEST(parent_writes_and_children_read)
{
	pid_t pid = child_start(see_draining, NULL);

	atomic_store(&board->listeners[0], (uint32_t)LISTENER_DRAINING);
	ck_assert_int_eq(write(began[1], "", 1), 1);
	child_succeeded(pid);
}
END_TEST

Suite *board_suite(void)
{
	Suite *suite = suite_create("board");
	TCase *tcase = tcase_create("board");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_all, close_all);
	tcase_add_test(tcase, new_board_is_empty);
	tcase_add_test(tcase, counts_are_added_up_each_for_itself);
	tcase_add_test(tcase, clearing_touches_one_slot_and_all_of_it);
	tcase_add_test(tcase, slot_that_is_assigned_is_cleared_and_counted_as_used);
	tcase_add_test(tcase, states_have_names);
	tcase_add_test(tcase, slots_share_no_cache_line);
	tcase_add_test(tcase, children_write_and_the_parent_reads);
	tcase_add_test(tcase, child_killed_in_between_leaves_whole_counts);
	tcase_add_test(tcase, parent_writes_and_children_read);
	suite_add_tcase(suite, tcase);
	return suite;
}
