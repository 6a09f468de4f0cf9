/* SPDX-License-Identifier: ISC */
/* The plan: the first start, back-off, workers that come and go, the size of the pool. */
#include "tests/suites.h"

#include <limits.h>
#include <stdio.h>
#include <sysexits.h>

/* ---- the first start ---- */

START_TEST(start_is_over_when_all_are_ready)
{
	script_start(3);
	script_says("spawn 0/1, spawn 1/1, spawn 2/1");
	script_ready(2);
	script_ready(0);
	script_says("");
	ck_assert_int_eq(script.plan.mode, PLAN_FIRST_START);
	script_ready(1);
	script_says("STARTED 3");
	ck_assert_int_eq(script.plan.mode, PLAN_SERVING);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(start_fails_when_nobody_was_ever_ready)
{
	script_start(2);
	script_says("spawn 0/1, spawn 1/1");
	script_dies(0);
	script_says("spawn 0/1");
	script_dies(1);
	script_says("spawn 1/1");
	script_dies_with(0, EX_OSERR);
	script_says("BACKING_OFF 0 100");
	script_dies_with(1, EX_NOPERM);
	script_says("BACKING_OFF 1 100, START_FAILED, exit 77");
	ck_assert(plan_is_stopping(&script.plan));
	script_pass(100000);
	script_says("");
}
END_TEST

START_TEST(start_fails_when_no_fork_works)
{
	script.failing_forks = 3;
	script_start(3);
	script_says("spawn 0/1, BACKING_OFF 0 100, spawn 1/1, BACKING_OFF 1 100, "
	            "spawn 2/1, BACKING_OFF 2 100, START_FAILED, exit 71");
}
END_TEST

START_TEST(start_goes_on_while_somebody_may_get_ready)
{
	script.failing_forks = 1;
	script_start(2);
	script_says("spawn 0/1, BACKING_OFF 0 100, spawn 1/1");
	script_pass(99);
	script_says("");
	script_pass(1);
	script_says("spawn 0/1");
	script_ready(1);
	script_dies(0);
	script_says("BACKING_OFF 0 200");
	script_pass(200);
	script_says("spawn 0/1");
	script_ready(0);
	script_says("STARTED 2");
}
END_TEST

START_TEST(start_outlives_the_death_of_all_once_one_was_ready)
{
	script_start(1);
	script_says("spawn 0/1");
	script_happens(PLAN_ONE_MORE);
	script_says("RESIZED 2, spawn 1/1");
	script_ready(0);
	script.failing_forks = 1;
	script_dies(0);
	script_says("spawn 0/1, BACKING_OFF 0 100");
	script.failing_forks = 1;
	script_dies(1);
	script_says("spawn 1/1, BACKING_OFF 1 100");
	ck_assert_int_eq(script.plan.mode, PLAN_FIRST_START);
}
END_TEST

START_TEST(start_with_some_ready_serves_after_ten_seconds)
{
	script_start(3);
	script_says("spawn 0/1, spawn 1/1, spawn 2/1");
	script_ready(0);
	script_ready(2);
	script_pass(PLAN_START_MS - 1);
	script_says("");
	script_pass(1);
	script_says("STARTED_PARTLY 2, HUNG 1, kill 1");
	script_ready(1); /* too late: it is being killed */
	ck_assert_uint_eq(script.plan.slots.charge.ready, 2);
	script_dies(1);
	script_says("spawn 1/1");
	script_ready(1);
	script_says("");
	ck_assert_uint_eq(script.plan.slots.charge.ready, 3);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(start_with_nobody_ready_after_ten_seconds_fails)
{
	script_start(2);
	script_says("spawn 0/1, spawn 1/1");
	script_pass(PLAN_START_MS - 1);
	script_says("");
	script_pass(1);
	script_says("START_FAILED, kill 0, kill 1");
	script_dies(0);
	script_says("");
	script_dies(1);
	script_says("exit 70");
}
END_TEST

START_TEST(start_is_over_when_those_that_lacked_are_no_longer_wanted)
{
	script_start(2);
	script_ready(0);
	script_says("spawn 0/1, spawn 1/1");
	script_happens(PLAN_ONE_FEWER);
	script_says("RESIZED 1, STARTED 1, retire 1");
}
END_TEST

static TCase *first_start(void)
{
	TCase *tcase = tcase_create("first start");

	tcase_add_test(tcase, start_is_over_when_all_are_ready);
	tcase_add_test(tcase, start_fails_when_nobody_was_ever_ready);
	tcase_add_test(tcase, start_fails_when_no_fork_works);
	tcase_add_test(tcase, start_goes_on_while_somebody_may_get_ready);
	tcase_add_test(tcase, start_outlives_the_death_of_all_once_one_was_ready);
	tcase_add_test(tcase, start_with_some_ready_serves_after_ten_seconds);
	tcase_add_test(tcase, start_with_nobody_ready_after_ten_seconds_fails);
	tcase_add_test(tcase, start_is_over_when_those_that_lacked_are_no_longer_wanted);
	return tcase;
}

/* ---- back-off ---- */

static const struct { unsigned failures; int wait_ms; } backoff[] = {
	{ 0, 0 }, { 1, 0 }, { 2, 100 }, { 3, 200 }, { 4, 400 }, { 5, 800 }, { 6, 1600 },
	{ 7, 3200 }, { 8, 6400 }, { 9, 12800 }, { 10, 25600 }, { 11, 30000 }, { 12, 30000 },
	{ 64, 30000 }, { UINT_MAX, 30000 },
};

#define BACKOFFS (sizeof backoff / sizeof backoff[0])

START_TEST(backoff_doubles_up_to_its_cap)
{
	ck_assert_int_eq(plan_backoff_ms(backoff[_i].failures), backoff[_i].wait_ms);
}
END_TEST

/* Has the worker in slot 0, which was just started, die `times` times, each after its wait. */
static void fail_repeatedly(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		script_dies(0);
		script_pass(plan_backoff_ms(i + 1));
		ck_assert_int_eq(script.slots[0].phase, SLOT_STARTING);
	}
	script.said[0] = '\0';
}

START_TEST(death_after_death_is_waited_for)
{
	char expected[64];

	script_serve(1);
	script_dies(0);
	script_says("spawn 0/1");
	for (size_t i = 2; backoff[i].failures == i; i++) {
		script_ready(0);
		script_pass(PLAN_HEALTHY_MS - 1); /* not yet forgiven */
		script_says("");
		script_dies(0);
		snprintf(expected, sizeof expected, "BACKING_OFF 0 %d", backoff[i].wait_ms);
		script_says(expected);
		script_pass(backoff[i].wait_ms - 1);
		script_says("");
		script_pass(1);
		script_says("spawn 0/1");
	}
}
END_TEST

START_TEST(completed_session_forgives)
{
	script_serve(1);
	fail_repeatedly(4);
	script_ready(0);
	script_dies_after_session(0);
	script_says("spawn 0/1");
	script_dies(0);
	script_says("spawn 0/1");
	script_dies(0);
	script_says("BACKING_OFF 0 100");
}
END_TEST

START_TEST(sixty_seconds_of_health_forgive)
{
	script_serve(1);
	fail_repeatedly(4);
	script_ready(0);
	script_pass(PLAN_HEALTHY_MS);
	script_dies(0);
	script_says("spawn 0/1");
	script_dies(0);
	script_says("spawn 0/1");
	script_dies(0);
	script_says("BACKING_OFF 0 100");
}
END_TEST

START_TEST(failed_fork_is_never_repeated_at_once)
{
	script_serve(1);
	script.failing_forks = 2;
	script_dies_after_session(0);
	script_says("spawn 0/1, BACKING_OFF 0 100");
	script_pass(100);
	script_says("spawn 0/1, BACKING_OFF 0 200");
	script_pass(200);
	script_says("spawn 0/1");
}
END_TEST

START_TEST(slots_back_off_apart)
{
	script_serve(2);
	script_dies(0);
	script_dies(0);
	script_says("spawn 0/1, BACKING_OFF 0 100");
	script_dies(1);
	script_says("spawn 1/1");
}
END_TEST

START_TEST(worker_that_hangs_is_killed_and_replaced)
{
	script_serve(1);
	script_dies(0);
	script_says("spawn 0/1");
	script_pass(PLAN_START_MS);
	script_says("HUNG 1, kill 0");
	script_pass(1000000); /* nothing is started where a process still lives */
	script_says("");
	script_dies(0);
	script_says("BACKING_OFF 0 100");
}
END_TEST

static TCase *back_off(void)
{
	TCase *tcase = tcase_create("back-off");

	tcase_add_loop_test(tcase, backoff_doubles_up_to_its_cap, 0, BACKOFFS);
	tcase_add_test(tcase, death_after_death_is_waited_for);
	tcase_add_test(tcase, completed_session_forgives);
	tcase_add_test(tcase, sixty_seconds_of_health_forgive);
	tcase_add_test(tcase, failed_fork_is_never_repeated_at_once);
	tcase_add_test(tcase, slots_back_off_apart);
	tcase_add_test(tcase, worker_that_hangs_is_killed_and_replaced);
	return tcase;
}

/* ---- one more, one fewer; a worker that wants to leave ---- */

START_TEST(pool_grows_and_shrinks_by_one)
{
	script_serve(2);
	script_happens(PLAN_ONE_MORE);
	script_says("RESIZED 3, spawn 2/1");
	script_ready(2);
	script_happens(PLAN_ONE_FEWER);
	script_says("RESIZED 2, retire 2");
	script_dies(2);
	script_says("");
	ck_assert_uint_eq(script.plan.slots.occupied, 2);
}
END_TEST

START_TEST(pool_never_shrinks_to_nothing)
{
	script_serve(1);
	script_happens(PLAN_ONE_FEWER);
	script_says("LEAST 1");
}
END_TEST

START_TEST(pool_never_grows_beyond_its_limit)
{
	script_serve(SCRIPT_MOST);
	script_happens(PLAN_ONE_MORE);
	script_says("MOST 24");
}
END_TEST

START_TEST(pool_shrinks_first_by_whom_it_does_not_have)
{
	script_serve(3);
	script_dies(1);
	script_dies(1);
	script_says("spawn 1/1, BACKING_OFF 1 100");
	script_happens(PLAN_ONE_FEWER);
	script_says("RESIZED 2");
	script_pass(1000);
	script_says("");
	ck_assert_uint_eq(script.plan.slots.charge.members, 2);
}
END_TEST

START_TEST(worker_that_asks_to_leave_is_retired_and_replaced)
{
	script_serve(2);
	script_asks(1);
	script_says("retire 1, spawn 2/1");
	script_asks(2); /* not yet ready */
	script_says("");
	script_asks(1); /* what it was told may have been hidden by another's signal */
	script_says("retire 1");
	script_dies(1);
	script_says("");
	script_ready(2);
	ck_assert_uint_eq(script.plan.slots.charge.ready, 2);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(death_of_a_retiring_worker_starts_nobody)
{
	script_serve(2);
	script_happens(PLAN_ONE_FEWER);
	script_says("RESIZED 1, retire 1");
	script_dies_with(1, EX_SOFTWARE);
	script_pass(100000);
	script_says("");
}
END_TEST

START_TEST(retiring_worker_is_ended_and_then_killed)
{
	script_serve(2);
	script_happens(PLAN_ONE_FEWER);
	script_says("RESIZED 1, retire 1");
	script_pass(SCRIPT_DRAIN_MS - 1);
	script_says("");
	script_pass(1);
	script_says("TIME_UP 1, end 1");
	script_pass(PLAN_END_MS - 1);
	script_says("");
	script_pass(1);
	script_says("kill 1");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
	script_dies(1);
	script_says("");
}
END_TEST

static TCase *pool(void)
{
	TCase *tcase = tcase_create("pool");

	tcase_add_test(tcase, pool_grows_and_shrinks_by_one);
	tcase_add_test(tcase, pool_never_shrinks_to_nothing);
	tcase_add_test(tcase, pool_never_grows_beyond_its_limit);
	tcase_add_test(tcase, pool_shrinks_first_by_whom_it_does_not_have);
	tcase_add_test(tcase, worker_that_asks_to_leave_is_retired_and_replaced);
	tcase_add_test(tcase, death_of_a_retiring_worker_starts_nobody);
	tcase_add_test(tcase, retiring_worker_is_ended_and_then_killed);
	return tcase;
}

Suite *plan_suite(void)
{
	Suite *suite = suite_create("plan");

	suite_add_tcase(suite, first_start());
	suite_add_tcase(suite, back_off());
	suite_add_tcase(suite, pool());
	return suite;
}
