/* SPDX-License-Identifier: ISC */
/* The plan's stops: the phases of a graceful one, the fast one, and when they begin. */
#include "tests/suites.h"

#include <sysexits.h>

/* Begins a graceful stop and lets it come to the emptying of the queue. */
static void stop_and_settle(void)
{
	script_happens(PLAN_STOP);
	script_says("STOPPING, gate 0");
	script_pass(PLAN_SETTLE_MS - 1);
	script_says("");
	script_pass(1);
}

START_TEST(graceful_stop_goes_through_its_phases_in_order)
{
	script_serve(2);
	script_queue_empty(0); /* means nothing before the draining */
	stop_and_settle();
	script_says("drain 0, retire 0, retire 1");
	script_dies_with(0, EX_OK);
	script_says("");
	script_queue_empty(0);
	script_says("close 0, retire 1"); /* who is left must let go of the listener too */
	script_queue_empty(0);
	script_says("");
	script_dies_with(1, EX_OK);
	script_says("exit 0");
	script_happens(PLAN_STOP_FAST);
	script_pass(100000);
	script_says("");
}
END_TEST

START_TEST(queue_that_is_empty_early_closes_nothing)
{
	script_serve(1);
	script_happens(PLAN_STOP);
	script_queue_empty(0);
	script_says("STOPPING, gate 0");
}
END_TEST

START_TEST(graceful_stop_ends_sessions_at_its_deadline)
{
	script_serve(2);
	stop_and_settle();
	script_says("drain 0, retire 0, retire 1");
	script_queue_empty(0);
	script_says("close 0, retire 0, retire 1");
	script_pass(SCRIPT_DRAIN_MS - PLAN_SETTLE_MS - 1);
	script_says("");
	script_pass(1);
	script_says("TIME_UP 2, end 0, end 1");
	script_dies_with(0, EX_OK);
	script_pass(PLAN_END_MS - 1);
	script_says("");
	script_pass(1);
	script_says("kill 1");
	script_dies(1);
	script_says("exit 0");
}
END_TEST

START_TEST(stop_with_no_time_for_sessions_ends_them_after_settling)
{
	script_serve(1);
	script_reload(1, 0);
	script_ready(1);
	script_dies(0);
	script.said[0] = '\0';
	stop_and_settle();
	script_says("drain 0, TIME_UP 1, end 1");
}
END_TEST

START_TEST(second_stop_is_fast)
{
	script_serve(2);
	stop_and_settle();
	script_says("drain 0, retire 0, retire 1");
	script_happens(PLAN_STOP);
	script_says("STOPPING_FAST, end 0, end 1");
	script_happens(PLAN_STOP);
	script_happens(PLAN_STOP_FAST);
	script_says("");
	script_pass(PLAN_END_MS);
	script_says("kill 0, kill 1");
	script_dies(0);
	script_dies(1);
	script_says("close 0, exit 0");
}
END_TEST

START_TEST(second_stop_does_not_wait_for_the_settling)
{
	script_serve(1);
	script_happens(PLAN_STOP);
	script_happens(PLAN_STOP);
	script_says("STOPPING, gate 0, STOPPING_FAST, drain 0, end 0");
	script_pass(PLAN_SETTLE_MS);
	script_says("");
}
END_TEST

START_TEST(second_stop_after_closing_is_fast_too)
{
	script_serve(1);
	stop_and_settle();
	script_queue_empty(0);
	script_says("drain 0, retire 0, close 0, retire 0");
	script_happens(PLAN_STOP_FAST);
	script_says("STOPPING_FAST, end 0");
}
END_TEST

START_TEST(fast_stop_is_fast_at_once)
{
	script_serve(2);
	script_happens(PLAN_STOP_FAST);
	script_says("STOPPING_FAST, gate 0, drain 0, end 0, end 1");
	script_queue_empty(0);
	script_says("close 0");
	script_dies(0);
	script_dies(1);
	script_says("exit 0");
}
END_TEST

START_TEST(stop_replaces_nobody)
{
	script_serve(3);
	script_happens(PLAN_STOP);
	script_dies(0);
	script_asks(1);
	script_happens(PLAN_ONE_MORE);
	script_reload(2, 5000);
	script_says("STOPPING, gate 0");
	script_pass(PLAN_SETTLE_MS);
	script_says("drain 0, retire 1, retire 2");
	script_dies(1);
	script_dies(2);
	script_says("close 0, exit 0");
}
END_TEST

START_TEST(stop_during_the_first_start)
{
	script_start(2);
	script_ready(0);
	script_says("spawn 0/1, spawn 1/1");
	script_happens(PLAN_STOP);
	script_ready(1);
	script_says("STOPPING, gate 0"); /* and not STARTED */
	script_pass(PLAN_SETTLE_MS);
	script_says("drain 0, retire 0, retire 1");
	script_dies(0);
	script_dies(1);
	script_says("close 0, exit 0");
}
END_TEST

START_TEST(stop_while_nobody_lives_is_over_at_once)
{
	script_serve(1);
	script.failing_forks = 1;
	script_dies(0);
	script_says("spawn 0/1, BACKING_OFF 0 100");
	script_happens(PLAN_STOP);
	script_says("STOPPING, gate 0, close 0, exit 0");
}
END_TEST

START_TEST(nothing_follows_the_exit)
{
	script_serve(1);
	script_happens(PLAN_STOP);
	script_dies_with(0, EX_OK);
	script_says("STOPPING, gate 0, close 0, exit 0");
	script_pass(PLAN_SETTLE_MS);
	script_happens(PLAN_TICK);
	script_happens(PLAN_STOP_FAST);
	script_says("");
	ck_assert_int_eq(script.plan.mode, PLAN_OVER);
}
END_TEST

START_TEST(stop_does_not_hide_a_failed_start)
{
	script_start(1);
	script_pass(PLAN_START_MS);
	script_says("spawn 0/1, START_FAILED, kill 0");
	script_happens(PLAN_STOP);
	script_says("STOPPING_FAST");
	script_dies(0);
	script_says("exit 70");
}
END_TEST

START_TEST(stop_during_a_reload)
{
	script_serve(1);
	script_reload(2, 5000);
	script_reload(1, 5000);
	script_ready(2);
	script_says("spawn 1/2, spawn 2/2, QUEUED");
	script_happens(PLAN_STOP);
	script_ready(1);
	script_says("STOPPING, gate 0"); /* and not RELOADED */
	script_pass(PLAN_SETTLE_MS);
	script_says("drain 0, retire 0, retire 1, retire 2");
	script_dies(1);
	script_says(""); /* and not RELOAD_FAILED */
	script_dies(0);
	script_dies(2);
	script_says("close 0, exit 0");
}
END_TEST

START_TEST(fast_stop_during_a_reload)
{
	script_serve(1);
	script_reload(1, 5000);
	script_says("spawn 1/2");
	script_happens(PLAN_STOP_FAST);
	script_says("STOPPING_FAST, gate 0, drain 0, end 0, end 1");
	script_pass(PLAN_START_MS);
	script_says("kill 0, kill 1");
}
END_TEST

START_TEST(stop_gives_nobody_more_time_than_itself)
{
	script_serve(1);
	script_reload(1, 1000000);
	script_ready(1);
	script_says("spawn 1/2, RELOADED g2 1, retire 0");
	script_reload(1, 5000);
	script_ready(2);
	script_says("spawn 2/3, RELOADED g3 1, retire 1");
	script_pass(4000); /* slot 1 has 1 s left, slot 0 a quarter of an hour */
	stop_and_settle();
	script_says("drain 0, retire 2");
	script_pass(1000 - PLAN_SETTLE_MS);
	script_says("TIME_UP 1, end 1");
	script_pass(PLAN_END_MS);
	script_says("kill 1");
	script_pass(2000);
	script_says("TIME_UP 2, end 0, end 2");
}
END_TEST

START_TEST(stop_while_a_worker_hangs)
{
	script_serve(1);
	script_dies(0);
	script_pass(PLAN_START_MS);
	script_says("spawn 0/1, HUNG 1, kill 0");
	script_happens(PLAN_STOP);
	script_dies(0);
	script_says("STOPPING, gate 0, close 0, exit 0");
}
END_TEST

static TCase *graceful(void)
{
	TCase *tcase = tcase_create("graceful");

	tcase_add_test(tcase, graceful_stop_goes_through_its_phases_in_order);
	tcase_add_test(tcase, queue_that_is_empty_early_closes_nothing);
	tcase_add_test(tcase, graceful_stop_ends_sessions_at_its_deadline);
	tcase_add_test(tcase, stop_with_no_time_for_sessions_ends_them_after_settling);
	tcase_add_test(tcase, stop_replaces_nobody);
	tcase_add_test(tcase, stop_gives_nobody_more_time_than_itself);
	return tcase;
}

static TCase *fast(void)
{
	TCase *tcase = tcase_create("fast");

	tcase_add_test(tcase, second_stop_is_fast);
	tcase_add_test(tcase, second_stop_does_not_wait_for_the_settling);
	tcase_add_test(tcase, second_stop_after_closing_is_fast_too);
	tcase_add_test(tcase, fast_stop_is_fast_at_once);
	tcase_add_test(tcase, fast_stop_during_a_reload);
	return tcase;
}

static TCase *in_the_middle_of_something(void)
{
	TCase *tcase = tcase_create("in the middle of something");

	tcase_add_test(tcase, stop_during_the_first_start);
	tcase_add_test(tcase, stop_while_nobody_lives_is_over_at_once);
	tcase_add_test(tcase, nothing_follows_the_exit);
	tcase_add_test(tcase, stop_does_not_hide_a_failed_start);
	tcase_add_test(tcase, stop_during_a_reload);
	tcase_add_test(tcase, stop_while_a_worker_hangs);
	return tcase;
}

Suite *stop_suite(void)
{
	Suite *suite = suite_create("stop");

	suite_add_tcase(suite, graceful());
	suite_add_tcase(suite, fast());
	suite_add_tcase(suite, in_the_middle_of_something());
	return suite;
}
