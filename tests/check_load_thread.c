/* SPDX-License-Identifier: ISC */
/* What the threads of a load share out, decide together, and have put together in the end. */
#include "tests/suites.h"

#include "client/load_result.h"

#include <errno.h>
#include <stdlib.h>

#define THREADS 3

static struct load_options options;
static struct load_shared shared;
static struct load_thread *threads[THREADS];

static void set_up(void)
{
	options = (struct load_options){
		.connections = 4, .threads = THREADS, .timeout_s = 5, .rate = { .steps = 1 },
	};
	shared = (struct load_shared){ .options = &options };
}

static void make_threads(void)
{
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i] = calloc(1, sizeof *threads[i]);
		ck_assert_ptr_nonnull(threads[i]);
		ck_assert_int_eq(load_thread_init(threads[i], &shared, i, THREADS), 0);
	}
}

static void tear_down(void)
{
	for (unsigned i = 0; i < THREADS; i++)
		if (threads[i] != NULL) {
			load_thread_free(threads[i]);
			free(threads[i]);
			threads[i] = NULL;
		}
}

/* ---- the shares ---- */

/* 4 connections on 3 threads are 1, 1 and 2. */
START_TEST(echoes_are_split_as_the_connections_are)
{
	options.echoes = 400;
	make_threads();
	ck_assert_uint_eq(threads[0]->quota, 100);
	ck_assert_uint_eq(threads[1]->quota, 100);
	ck_assert_uint_eq(threads[2]->quota, 200);
}
END_TEST

START_TEST(echoes_that_do_not_divide_are_all_shared_out)
{
	options.connections = 10;
	for (uint64_t echoes = 1; echoes < 50; echoes++) {
		uint64_t sum = 0;

		options.echoes = echoes;
		make_threads();
		for (unsigned i = 0; i < THREADS; i++)
			sum += threads[i]->quota;
		ck_assert_uint_eq(sum, echoes);
		tear_down();
	}
}
END_TEST

/* ---- slow reading ---- */

static void expect_slow(double bytes_per_s, size_t piece, int64_t pause_us)
{
	options.slow_read = bytes_per_s;
	make_threads();
	ck_assert_uint_eq(threads[0]->io.piece, piece);
	ck_assert_int_eq(threads[0]->reads.length / 1000, pause_us);
	tear_down();
}

START_TEST(pieces_and_their_pauses_make_the_rate_that_was_asked)
{
	expect_slow(1000, 10, 10000);
	expect_slow(1550, 15, 9677);
	expect_slow(10, 1, 100000);
	expect_slow(64 * 1024 * 1024, 64 * 1024, 976);
}
END_TEST

/* ---- whether anybody is reached ---- */

static struct load_connection one, other;

/* Two threads connect to a host of three addresses. */
static void set_up_reach(void)
{
	set_up();
	shared.addresses_count = 3;
	atomic_store(&shared.reached, LOAD_NOT_REACHED);
	make_threads();
	one = (struct load_connection){ .fd = 1000, .class = LOAD_REFUSED, .error = ECONNREFUSED };
	other = one;
	load_reach_begin(threads[0], &one);
	load_reach_begin(threads[1], &other);
}

START_TEST(addresses_are_tried_one_after_the_other)
{
	ck_assert(load_reach_another(threads[0], &one));
	ck_assert_uint_eq(one.address, 1);
	ck_assert(load_reach_another(threads[0], &one));
	ck_assert(!load_reach_another(threads[0], &one));
	ck_assert_uint_eq(one.address, 2);
}
END_TEST

START_TEST(no_other_address_is_tried_after_a_signal_or_the_end)
{
	atomic_store(&shared.stop, LOAD_STOP);
	ck_assert(!load_reach_another(threads[0], &one));
	atomic_store(&shared.stop, LOAD_GOES_ON);
	threads[0]->ending = true;
	ck_assert(!load_reach_another(threads[0], &one));
	ck_assert_uint_eq(one.address, 0);
}
END_TEST

START_TEST(nobody_is_reached_when_the_last_connect_of_all_threads_has_failed)
{
	load_reach_failed(threads[0], &one);
	ck_assert_int_eq(atomic_load(&shared.stop), LOAD_GOES_ON);
	load_reach_failed(threads[1], &other);
	ck_assert_int_eq(atomic_load(&shared.stop), LOAD_STOP_AT_ONCE);
	ck_assert_int_eq(atomic_load(&shared.unreachable), ECONNREFUSED);
}
END_TEST

START_TEST(somebody_is_reached_by_any_thread)
{
	load_reach_note(threads[1], &other);
	load_reach_failed(threads[0], &one);
	ck_assert_int_eq(atomic_load(&shared.stop), LOAD_GOES_ON);
	ck_assert_uint_eq(atomic_load(&shared.connecting), 0);
}
END_TEST

START_TEST(no_local_port_ends_nothing)
{
	load_reach_failed(threads[0], &one);
	other.class = LOAD_NO_PORT;
	load_reach_failed(threads[1], &other);
	ck_assert_int_eq(atomic_load(&shared.stop), LOAD_GOES_ON);
}
END_TEST

START_TEST(no_socket_ends_all_and_the_first_call_refused_is_named)
{
	one.fd = -1;
	one.refused = "socket";
	one.error = EMFILE;
	load_reach_failed(threads[0], &one);
	load_thread_refused(threads[1], "epoll_pwait2", ENOSYS);
	ck_assert_int_eq(atomic_load(&shared.stop), LOAD_STOP_AT_ONCE);
	ck_assert_int_eq(atomic_load(&shared.failure), EMFILE);
	ck_assert_str_eq(shared.refused, "socket");
}
END_TEST

/* ---- the open loop ---- */

#define S INT64_C(1000000000)

/* 4 connections, 100 messages a second for 2 s, all that were due in the first second sent. */
static void set_up_open_loop(void)
{
	set_up();
	options.rate = (struct load_rate){ .first = 100, .last = 100, .steps = 1 };
	options.duration_s = 2;
	load_schedule_plan(&shared.schedule, &options.rate, options.duration_s, 0);
	make_threads();
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i]->begins = 5 * S;
		threads[i]->ends = 7 * S;
		for (unsigned j = 0; j < threads[i]->talking; j++)
			threads[i]->connections[j].number += 100;
	}
}

static uint64_t unsent_at(int64_t now)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		threads[i]->now = now;
		sum += load_due_unsent(threads[i]);
	}
	return sum;
}

START_TEST(messages_due_and_never_sent_are_counted)
{
	ck_assert_uint_eq(unsent_at(6 * S), 0);
	ck_assert_uint_eq(unsent_at(6 * S + 1), 1);
	ck_assert_uint_eq(unsent_at(6 * S + S / 2), 50);
}
END_TEST

START_TEST(messages_due_after_the_end_are_not_missed)
{
	ck_assert_uint_eq(unsent_at(9 * S), 100);
	threads[0]->now = 9 * S;
	threads[0]->connections[0].number = 200;
	ck_assert(!load_due_has_come(threads[0], &threads[0]->connections[0]));
	threads[0]->connections[0].number = 196;
	ck_assert(load_due_has_come(threads[0], &threads[0]->connections[0]));
}
END_TEST

START_TEST(messages_that_n_does_not_allow_are_not_missed)
{
	threads[0]->quota = threads[1]->quota = 3;
	threads[2]->quota = 0;
	ck_assert_uint_eq(unsent_at(9 * S), 6);
}
END_TEST

/* Its connection is free again half a second late, of which we were away for a tenth. */
START_TEST(waiting_for_the_server_is_not_our_lateness)
{
	struct load_thread *thread = threads[0];
	struct load_connection *connection = &thread->connections[0];

	thread->now = 6 * S + S / 2;
	load_due_note_lateness(thread, connection);
	ck_assert_uint_eq(thread->result.lateness.total, 1);
	ck_assert_uint_eq(thread->result.lateness.most, 0);
	thread->stall_began = 6 * S - S / 10;
	thread->stall_ended = 6 * S;
	load_due_note_lateness(thread, connection);
	ck_assert_uint_eq(thread->result.lateness.most, 0);
	thread->stall_ended = 6 * S + S / 10;
	load_due_note_lateness(thread, connection);
	ck_assert_uint_eq(thread->result.lateness.total, 3);
	ck_assert_uint_eq(thread->result.lateness.most, 100000);
}
END_TEST

/* ---- what comes of it in the end ---- */

static struct load_result result;

static void end_at(int64_t end, uint64_t echoes)
{
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i]->ended = end - i;
		threads[i]->echoes_at_end = echoes / THREADS;
		threads[i]->bytes_at_end = 10 * echoes / THREADS;
		threads[i]->result.echoes = echoes / THREADS;
	}
	shared.start = 5 * S;
	load_result_gather(threads, THREADS, &result);
}

START_TEST(rates_are_of_the_time_until_nothing_was_sent_any_more)
{
	end_at(7 * S, 180);
	threads[0]->result.echoes += 10; /* sent in time, and back later */
	load_result_gather(threads, THREADS, &result);
	ck_assert_double_eq_tol(result.load_seconds, 2, 1e-6);
	ck_assert_uint_eq(result.load_echoes, 180);
	ck_assert_double_eq_tol(result.echoes_per_s, 90, 1e-6);
	ck_assert_double_eq_tol(result.bytes_per_s, 900, 1e-6);
	ck_assert_double_eq_tol(result.rate_had, 95, 1e-6);
}
END_TEST

/* 30 messages, the last of which was due after 29 intervals. */
START_TEST(rate_is_of_as_many_intervals_as_messages)
{
	end_at(5 * S + 29 * S / 100, 30);
	ck_assert_double_eq_tol(result.rate_had, 100, 1e-6);
}
END_TEST

START_TEST(few_messages_do_not_tell_that_the_rate_was_missed)
{
	for (unsigned i = 0; i < 99; i++)
		histogram_record(&threads[0]->result.lateness, i < 5 ? 20000 : 0);
	end_at(7 * S, 180);
	ck_assert(!result.rate_missed);
	histogram_record(&threads[1]->result.lateness, 0);
	end_at(7 * S, 180);
	ck_assert(result.rate_missed);
}
END_TEST

START_TEST(being_away_for_long_does_however_seldom)
{
	histogram_record(&threads[0]->result.lateness, 60000);
	end_at(7 * S, 180);
	ck_assert(result.rate_missed);
	end_at(7 * S, 198); /* of 200 */
	ck_assert(result.rate_reached);
}
END_TEST

/* Half of the rate is had: it is our doing only if a thread never waited. */
START_TEST(slow_server_is_told_from_a_busy_thread)
{
	end_at(7 * S, 99);
	ck_assert(!result.rate_missed);
	ck_assert(!result.rate_reached);
	threads[2]->busy = 2 * S;
	end_at(7 * S, 99);
	ck_assert(result.rate_missed);
}
END_TEST

Suite *load_thread_suite(void)
{
	Suite *suite = suite_create("load_thread");
	TCase *shares = tcase_create("shares");
	TCase *slow = tcase_create("slow reading");
	TCase *reach = tcase_create("reach");
	TCase *due = tcase_create("open loop");
	TCase *end = tcase_create("end");

	tcase_add_checked_fixture(shares, set_up, tear_down);
	tcase_add_test(shares, echoes_are_split_as_the_connections_are);
	tcase_add_test(shares, echoes_that_do_not_divide_are_all_shared_out);
	tcase_add_checked_fixture(reach, set_up_reach, tear_down);
	tcase_add_test(reach, addresses_are_tried_one_after_the_other);
	tcase_add_test(reach, no_other_address_is_tried_after_a_signal_or_the_end);
	tcase_add_test(reach, nobody_is_reached_when_the_last_connect_of_all_threads_has_failed);
	tcase_add_test(reach, somebody_is_reached_by_any_thread);
	tcase_add_test(reach, no_local_port_ends_nothing);
	tcase_add_test(reach, no_socket_ends_all_and_the_first_call_refused_is_named);
	tcase_add_checked_fixture(slow, set_up, tear_down);
	tcase_add_test(slow, pieces_and_their_pauses_make_the_rate_that_was_asked);
	tcase_add_checked_fixture(due, set_up_open_loop, tear_down);
	tcase_add_test(due, messages_due_and_never_sent_are_counted);
	tcase_add_test(due, messages_due_after_the_end_are_not_missed);
	tcase_add_test(due, messages_that_n_does_not_allow_are_not_missed);
	tcase_add_test(due, waiting_for_the_server_is_not_our_lateness);
	tcase_add_checked_fixture(end, set_up_open_loop, tear_down);
	tcase_add_test(end, rates_are_of_the_time_until_nothing_was_sent_any_more);
	tcase_add_test(end, rate_is_of_as_many_intervals_as_messages);
	tcase_add_test(end, few_messages_do_not_tell_that_the_rate_was_missed);
	tcase_add_test(end, being_away_for_long_does_however_seldom);
	tcase_add_test(end, slow_server_is_told_from_a_busy_thread);
	suite_add_tcase(suite, shares);
	suite_add_tcase(suite, slow);
	suite_add_tcase(suite, reach);
	suite_add_tcase(suite, due);
	suite_add_tcase(suite, end);
	return suite;
}
