/* SPDX-License-Identifier: ISC */
/* The parts of a load that decide from numbers alone: schedule, delays, seconds, classes. */
#include "tests/suites.h"

#include "client/load_clock.h"
#include "client/load_schedule.h"
#include "common/delays.h"

#include <errno.h>
#include <string.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

static struct load_schedule schedule;

static void plan(double first, double last, unsigned steps, double duration_s, uint64_t messages)
{
	struct load_rate rate = { first, last, steps };

	load_schedule_plan(&schedule, &rate, duration_s, messages);
}

/* Times are rounded to nanoseconds. */
static void expect_time(uint64_t number, int64_t time)
{
	int64_t off = load_schedule_time(&schedule, number) - time;

	ck_assert_msg(off >= -1 && off <= 1, "message %ju is off by %jd ns", (uintmax_t)number,
	    (intmax_t)off);
}

/* ---- schedule ---- */

START_TEST(constant_rate_is_even)
{
	plan(1000, 1000, 1, 10, 0);
	for (uint64_t number = 0; number < 20000; number += 7)
		expect_time(number, (int64_t)number * MS);
}
END_TEST

START_TEST(steps_are_equally_long_and_rise_evenly)
{
	plan(100, 300, 3, 3, 0);
	expect_time(0, 0);
	expect_time(50, 500 * MS);
	expect_time(100, 1 * S);
	expect_time(200, 1500 * MS);
	expect_time(300, 2 * S);
	expect_time(450, 2500 * MS);
	expect_time(600, 3 * S);
}
END_TEST

START_TEST(last_rate_goes_on_after_the_last_step)
{
	plan(100, 300, 3, 3, 0);
	expect_time(900, 4 * S);
	ck_assert_double_eq_tol(load_schedule_count(&schedule, 4 * S), 900, 1e-6);
}
END_TEST

START_TEST(rate_can_fall)
{
	plan(300, 100, 2, 2, 0);
	expect_time(150, 500 * MS);
	expect_time(300, 1 * S);
	expect_time(350, 1500 * MS);
}
END_TEST

/* 100/s and 300/s for as long as makes 400 messages: a second of each. */
START_TEST(without_a_duration_the_messages_say_how_long)
{
	plan(100, 300, 2, 0, 400);
	expect_time(100, 1 * S);
	expect_time(400, 2 * S);
}
END_TEST

START_TEST(times_never_go_back)
{
	int64_t last = -1;

	plan(1000, 20000, 100, 1.7, 0);
	for (uint64_t number = 0; number < 20000; number++) {
		int64_t time = load_schedule_time(&schedule, number);

		ck_assert_int_gt(time, last);
		last = time;
	}
}
END_TEST

START_TEST(count_is_the_inverse_of_time)
{
	plan(1000, 20000, 5, 10, 0);
	for (uint64_t number = 0; number < 200000; number += 997)
		ck_assert_double_eq_tol(load_schedule_count(&schedule,
		    load_schedule_time(&schedule, number)), (double)number, 0.001);
}
END_TEST

START_TEST(messages_are_due_from_their_moment_on)
{
	plan(100, 300, 3, 3, 0);
	ck_assert_uint_eq(load_schedule_due(&schedule, 0), 0);
	ck_assert_uint_eq(load_schedule_due(&schedule, 1), 1);
	ck_assert_uint_eq(load_schedule_due(&schedule, 10 * MS), 1);
	ck_assert_uint_eq(load_schedule_due(&schedule, 10 * MS + 1), 2);
	ck_assert_uint_eq(load_schedule_due(&schedule, 3 * S), 600);
	plan(1000, 20000, 100, 1.7, 0);
	for (uint64_t number = 0; number < 20000; number += 13) {
		int64_t time = load_schedule_time(&schedule, number);

		ck_assert_uint_eq(load_schedule_due(&schedule, time), number);
		ck_assert_uint_eq(load_schedule_due(&schedule, time + 1), number + 1);
	}
}
END_TEST

/*
 * What a stall of the server delays keeps its moment: at 100/s, of the messages
 * of the 200 ms after 1 s, the first was meant 200 ms before the end and the last 10 ms.
 */
START_TEST(stall_is_charged_to_all_that_it_delayed)
{
	plan(100, 100, 1, 10, 0);
	for (uint64_t number = 100; number < 120; number++)
		ck_assert_int_eq(1200 * MS - load_schedule_time(&schedule, number),
		    (200 - 10 * (int64_t)(number - 100)) * MS);
}
END_TEST

/* After 115 days at the highest rate, the step from one to the next is still right. */
START_TEST(large_numbers_stay_exact)
{
	uint64_t number = UINT64_C(100000000000000);

	plan(10000000, 10000000, 1, 10, 0);
	ck_assert_int_eq(load_schedule_time(&schedule, number + 10) -
	    load_schedule_time(&schedule, number), 1000);
}
END_TEST

/* ---- delays ---- */

static struct delay_queue queue;
static struct delay one, two, three;

static void fresh_queue(void)
{
	delays_init(&queue, 10);
	memset(&one, 0, sizeof one);
	memset(&two, 0, sizeof two);
	memset(&three, 0, sizeof three);
}

START_TEST(delays_come_in_order_and_not_early)
{
	delay_start(&one, &queue, 100);
	delay_start(&two, &queue, 105);
	ck_assert_int_eq(delays_next(&queue), 110);
	ck_assert_ptr_null(delay_take(&queue, 109));
	ck_assert_ptr_eq(delay_take(&queue, 110), &one);
	ck_assert_ptr_null(one.in);
	ck_assert_ptr_null(delay_take(&queue, 114));
	ck_assert_ptr_eq(delay_take(&queue, 1000), &two);
	ck_assert_ptr_null(delay_take(&queue, 1000));
	ck_assert_int_eq(delays_next(&queue), INT64_MAX);
}
END_TEST

START_TEST(delay_started_anew_waits_from_then)
{
	delay_start(&one, &queue, 100);
	delay_start(&two, &queue, 101);
	delay_start(&one, &queue, 102);
	ck_assert_ptr_eq(delay_take(&queue, 200), &two);
	ck_assert_ptr_eq(delay_take(&queue, 200), &one);
	ck_assert_ptr_null(delay_take(&queue, 200));
}
END_TEST

START_TEST(delay_that_was_stopped_never_comes)
{
	delay_start(&one, &queue, 100);
	delay_start(&two, &queue, 100);
	delay_start(&three, &queue, 100);
	delay_stop(&two);
	delay_stop(&two);
	ck_assert_ptr_eq(delay_take(&queue, 110), &one);
	ck_assert_ptr_eq(delay_take(&queue, 110), &three);
	ck_assert_ptr_null(delay_take(&queue, 110));
}
END_TEST

START_TEST(delay_that_was_held_goes_on_with_what_was_left_in_its_place)
{
	delay_start(&one, &queue, 100);
	delay_start(&two, &queue, 104);
	delay_hold(&one, 107);
	delay_hold(&one, 109); /* it does not wait any more */
	delay_start(&three, &queue, 112);
	ck_assert_int_eq(delays_next(&queue), 114);
	delay_go_on(&one, &queue, 112);
	ck_assert_ptr_null(delay_take(&queue, 113));
	ck_assert_ptr_eq(delay_take(&queue, 115), &two);
	ck_assert_ptr_eq(delay_take(&queue, 115), &one);
	ck_assert_ptr_eq(delay_take(&queue, 122), &three);
}
END_TEST

START_TEST(delay_that_was_held_after_it_was_due_comes_first)
{
	delay_start(&one, &queue, 100);
	delay_hold(&one, 130);
	delay_start(&two, &queue, 130);
	delay_go_on(&one, &queue, 130);
	ck_assert_ptr_eq(delay_take(&queue, 130), &one);
	ck_assert_ptr_null(delay_take(&queue, 130));
	ck_assert_ptr_eq(delay_take(&queue, 140), &two);
}
END_TEST

START_TEST(delay_is_in_one_queue_at_a_time)
{
	struct delay_queue other;

	delays_init(&other, 1);
	delay_start(&one, &queue, 100);
	delay_start(&one, &other, 100);
	ck_assert_ptr_null(delay_take(&queue, 1000));
	ck_assert_ptr_eq(delay_take(&other, 101), &one);
}
END_TEST

/* ---- seconds ---- */

START_TEST(seconds_that_were_missed_are_skipped)
{
	ck_assert_int_eq(load_next_second(3 * S, 3 * S - 1), 3 * S);
	ck_assert_int_eq(load_next_second(3 * S, 3 * S), 4 * S);
	ck_assert_int_eq(load_next_second(3 * S, 4 * S - 1), 4 * S);
	ck_assert_int_eq(load_next_second(3 * S, 8 * S + 500 * MS), 9 * S);
}
END_TEST

/* ---- classes ---- */

START_TEST(every_class_has_a_name_of_its_own)
{
	for (int class = 0; class < LOAD_CLASSES; class++)
		ck_assert_int_eq(load_class_from_name(load_class_name((enum load_class)class)),
		    class);
	ck_assert_int_eq(load_class_from_name("none"), -1);
	ck_assert_int_eq(load_class_from_name(""), -1);
}
END_TEST

START_TEST(failed_connect_has_its_class)
{
	ck_assert_int_eq(load_class_of_connect(ECONNREFUSED), LOAD_REFUSED);
	ck_assert_int_eq(load_class_of_connect(ECONNRESET), LOAD_REFUSED);
	ck_assert_int_eq(load_class_of_connect(EHOSTUNREACH), LOAD_REFUSED);
	ck_assert_int_eq(load_class_of_connect(ENETUNREACH), LOAD_REFUSED);
	ck_assert_int_eq(load_class_of_connect(ETIMEDOUT), LOAD_TIMEOUT);
	ck_assert_int_eq(load_class_of_connect(EADDRNOTAVAIL), LOAD_NO_PORT);
	ck_assert_int_eq(load_class_of_connect(EAGAIN), LOAD_NO_PORT);
}
END_TEST

START_TEST(broken_connection_has_its_class)
{
	ck_assert_int_eq(load_class_of_break(ECONNRESET, false), LOAD_RESET_BEFORE);
	ck_assert_int_eq(load_class_of_break(ECONNRESET, true), LOAD_RESET_AFTER);
	ck_assert_int_eq(load_class_of_break(EPIPE, true), LOAD_RESET_AFTER);
	ck_assert_int_eq(load_class_of_break(ETIMEDOUT, true), LOAD_TIMEOUT);
	ck_assert_int_eq(load_class_of_break(ETIMEDOUT, false), LOAD_TIMEOUT);
}
END_TEST

Suite *load_schedule_suite(void)
{
	Suite *suite = suite_create("load_schedule");
	TCase *times = tcase_create("schedule");
	TCase *delays = tcase_create("delays");
	TCase *classes = tcase_create("classes");

	tcase_add_test(times, constant_rate_is_even);
	tcase_add_test(times, steps_are_equally_long_and_rise_evenly);
	tcase_add_test(times, last_rate_goes_on_after_the_last_step);
	tcase_add_test(times, rate_can_fall);
	tcase_add_test(times, without_a_duration_the_messages_say_how_long);
	tcase_add_test(times, times_never_go_back);
	tcase_add_test(times, count_is_the_inverse_of_time);
	tcase_add_test(times, messages_are_due_from_their_moment_on);
	tcase_add_test(times, stall_is_charged_to_all_that_it_delayed);
	tcase_add_test(times, large_numbers_stay_exact);
	tcase_add_checked_fixture(delays, fresh_queue, NULL);
	tcase_add_test(delays, delays_come_in_order_and_not_early);
	tcase_add_test(delays, delay_started_anew_waits_from_then);
	tcase_add_test(delays, delay_that_was_stopped_never_comes);
	tcase_add_test(delays, delay_that_was_held_goes_on_with_what_was_left_in_its_place);
	tcase_add_test(delays, delay_that_was_held_after_it_was_due_comes_first);
	tcase_add_test(delays, delay_is_in_one_queue_at_a_time);
	tcase_add_test(times, seconds_that_were_missed_are_skipped);
	tcase_add_test(classes, every_class_has_a_name_of_its_own);
	tcase_add_test(classes, failed_connect_has_its_class);
	tcase_add_test(classes, broken_connection_has_its_class);
	suite_add_tcase(suite, times);
	suite_add_tcase(suite, delays);
	suite_add_tcase(suite, classes);
	return suite;
}
