/* SPDX-License-Identifier: ISC */
/* The plan's workers that hang: stopped for too long, or with nothing to show for their time. */
#include "tests/suites.h"

#define HANG_MS 5000

/* Serves with workers that may hang for HANG_MS. */
static void serve(unsigned workers)
{
	script.hang_ms = HANG_MS;
	script_serve(workers);
}

/* ---- stopped ---- */

START_TEST(stopped_worker_is_aborted_replaced_and_killed)
{
	serve(2);
	script_stopped(0);
	script_pass(HANG_MS - 1);
	script_says("");
	script_pass(1);
	script_says("abort 0 5000, spawn 2/1");
	script_ready(2);
	script_says("clock 2 5000");
	script_pass(PLAN_ABORT_MS - 1);
	script_says("");
	script_pass(1);
	script_says("kill 0");
	script_dies(0);
	script_says("");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(worker_that_goes_on_in_time_is_left_alone)
{
	serve(1);
	script_stopped(0);
	script_pass(HANG_MS - 1);
	script_continued(0);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
	script_stopped(0);
	script_pass(HANG_MS - 1);
	script_stopped(0); /* it went on in between */
	script_pass(HANG_MS - 1);
	script_continued(0);
	script_continued(0);
	script_pass(100000);
	script_says("");
}
END_TEST

START_TEST(stopped_worker_that_dies_leaves_nothing_to_its_successor)
{
	serve(1);
	script_stopped(0);
	script_dies_after_session(0);
	script_says("spawn 0/1");
	script_ready(0);
	script_says("clock 0 5000");
	script_pass(100000);
	script_says("");
}
END_TEST

START_TEST(stopped_worker_that_retires_is_aborted)
{
	serve(1);
	script_reload(1, 1000000);
	script_ready(1);
	script_says("spawn 1/2, clock 1 5000, RELOADED g2 1, retire 0");
	script_pass(100000);
	script_says("");
	script_stopped(0);
	script_pass(HANG_MS);
	script_says("abort 0 5000");
	script_dies(0);
	script_says("");
}
END_TEST

/* Who is being born, or was told to end, has an end of its own. */
START_TEST(stopped_worker_with_an_end_of_its_own_is_left_to_that)
{
	script.hang_ms = HANG_MS;
	script_start(2);
	script_ready(0);
	script_stopped(1);
	script_pass(PLAN_START_MS - 1);
	script_says("spawn 0/1, spawn 1/1, clock 0 5000");
	script_pass(1);
	script_says("STARTED_PARTLY 1, HUNG 1, kill 1");
	script_dies(1);
	script_ready(1);
	script.said[0] = '\0';
	script_happens(PLAN_STOP_FAST);
	script_stopped(0);
	script_dies(1);
	script_says("STOPPING_FAST, gate 0, drain 0, end 0, end 1");
	script_pass(HANG_MS);
	script_says("kill 0");
}
END_TEST

START_TEST(worker_that_is_stopped_while_it_is_born_is_aborted_when_it_is_there)
{
	script.hang_ms = HANG_MS;
	script_start(1);
	script_stopped(0);
	script_ready(0);
	script_says("spawn 0/1, clock 0 5000, STARTED 1");
	script_pass(HANG_MS);
	script_says("abort 0 5000, spawn 1/1");
}
END_TEST

START_TEST(stop_does_not_wait_for_a_worker_that_hangs)
{
	serve(1);
	script_stopped(0);
	script_happens(PLAN_STOP);
	script_says("STOPPING, gate 0");
	script_pass(HANG_MS);
	script_says("drain 0, retire 0, abort 0 5000");
	script_pass(PLAN_ABORT_MS);
	script_says("kill 0");
	script_dies(0);
	script_says("close 0, exit 0");
}
END_TEST

static TCase *stopped(void)
{
	TCase *tcase = tcase_create("stopped");

	tcase_add_test(tcase, stopped_worker_is_aborted_replaced_and_killed);
	tcase_add_test(tcase, worker_that_goes_on_in_time_is_left_alone);
	tcase_add_test(tcase, stopped_worker_that_dies_leaves_nothing_to_its_successor);
	tcase_add_test(tcase, stopped_worker_that_retires_is_aborted);
	tcase_add_test(tcase, stopped_worker_with_an_end_of_its_own_is_left_to_that);
	tcase_add_test(tcase, worker_that_is_stopped_while_it_is_born_is_aborted_when_it_is_there);
	tcase_add_test(tcase, stop_does_not_wait_for_a_worker_that_hangs);
	return tcase;
}

/* ---- running ---- */

START_TEST(worker_that_gets_on_is_clocked_again)
{
	serve(1);
	for (uint64_t steps = 1; steps < 5; steps++) {
		script_ran(0, steps);
		script_says("clock 0 5000");
	}
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(worker_that_ran_and_got_nowhere_is_aborted_and_replaced)
{
	serve(1);
	script_ran(0, 7);
	script_says("clock 0 5000");
	script_ran(0, 7);
	script_says("abort 0 5000, spawn 1/1");
	script_ran(0, 7);
	script_says("");
	script_pass(PLAN_ABORT_MS);
	script_says("kill 0");
}
END_TEST

START_TEST(steps_of_one_worker_are_not_those_of_its_successor)
{
	serve(1);
	script_ran(0, 7);
	script_dies_after_session(0);
	script_ready(0);
	script_says("clock 0 5000, spawn 0/1, clock 0 5000");
	script_ran(0, 7);
	script_says("clock 0 5000");
}
END_TEST

START_TEST(worker_that_retires_is_clocked_too)
{
	serve(1);
	script_reload(1, 1000000);
	script_ready(1);
	script.said[0] = '\0';
	script_ran(0, 3);
	script_says("clock 0 5000");
	script_ran(0, 3);
	script_says("abort 0 5000");
}
END_TEST

static TCase *running(void)
{
	TCase *tcase = tcase_create("running");

	tcase_add_test(tcase, worker_that_gets_on_is_clocked_again);
	tcase_add_test(tcase, worker_that_ran_and_got_nowhere_is_aborted_and_replaced);
	tcase_add_test(tcase, steps_of_one_worker_are_not_those_of_its_successor);
	tcase_add_test(tcase, worker_that_retires_is_clocked_too);
	return tcase;
}

/* ---- the setting ---- */

START_TEST(without_the_setting_nobody_is_missed)
{
	script_serve(1);
	script_stopped(0);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
	script_ran(0, 3); /* as asked for before a reload took the setting away */
	script_ran(0, 3);
	script_says("");
}
END_TEST

START_TEST(reload_brings_its_own_time)
{
	serve(1);
	script.hang_ms = 2000;
	script_reload(1, 1000000);
	script_ready(1);
	script_says("spawn 1/2, clock 1 2000, RELOADED g2 1, retire 0");
	script_ran(0, 3);
	script_says("clock 0 2000");
	script_stopped(1);
	script_pass(2000);
	script_says("abort 1 2000, spawn 2/2");
}
END_TEST

/* Else the log would say of it that it has run for as long as others may now. */
START_TEST(who_was_clocked_before_a_reload_is_said_to_have_run_for_so_long)
{
	serve(1);
	script_ran(0, 7);
	script.hang_ms = 2000;
	script_reload(1, 1000000);
	script_ready(1);
	script_says("clock 0 5000, spawn 1/2, clock 1 2000, RELOADED g2 1, retire 0");
	script_ran(0, 7);
	script_says("abort 0 5000");
}
END_TEST

START_TEST(reload_to_a_longer_time_gives_the_rest_of_it_to_who_was_clocked_before)
{
	serve(1);
	script_ran(0, 7);
	script.hang_ms = 3 * HANG_MS;
	script_reload(1, 1000000);
	script_ready(1);
	script_says("clock 0 5000, spawn 1/2, clock 1 15000, RELOADED g2 1, retire 0");
	script_ran(0, 7);
	script_says("clock 0 10000");
	script_ran(0, 7);
	script_says("abort 0 15000");
}
END_TEST

START_TEST(who_gets_on_in_the_rest_of_a_longer_time_is_clocked_for_all_of_it)
{
	serve(1);
	script_ran(0, 7);
	script.hang_ms = 3 * HANG_MS;
	script_reload(1, 1000000);
	script_ready(1);
	script_ran(0, 7);
	script_says("clock 0 5000, spawn 1/2, clock 1 15000, RELOADED g2 1, retire 0, "
	    "clock 0 10000");
	script_ran(0, 8);
	script_says("clock 0 15000");
}
END_TEST

START_TEST(reload_brings_its_own_time_to_who_is_stopped_already)
{
	serve(1);
	script_stopped(0);
	script.hang_ms = 2 * HANG_MS;
	script_reload(1, 1000000);
	script_ready(1);
	script_says("spawn 1/2, clock 1 10000, RELOADED g2 1, retire 0");
	script_pass(2 * HANG_MS - 1);
	script_says("");
	script_pass(1);
	script_says("abort 0 10000");
}
END_TEST

START_TEST(reload_to_a_shorter_time_is_felt_at_once)
{
	serve(1);
	script_stopped(0);
	script_pass(3000);
	script.hang_ms = 2000;
	script_reload(1, 1000000);
	script_ready(1);
	script_pass(0);
	script_says("spawn 1/2, clock 1 2000, RELOADED g2 1, retire 0, abort 0 2000");
}
END_TEST

START_TEST(reload_that_takes_the_setting_away_lets_who_is_stopped_be)
{
	serve(1);
	script_stopped(0);
	script.hang_ms = 0;
	script_reload(1, 1000000);
	script_ready(1);
	script_says("spawn 1/2, RELOADED g2 1, retire 0");
	script_pass(100 * HANG_MS);
	script_says("");
}
END_TEST

START_TEST(reload_that_waits_for_a_worker_that_hangs_has_another)
{
	serve(1);
	script_reload(2, 1000);
	script_ready(1);
	script_stopped(1);
	script_pass(HANG_MS);
	script_says("spawn 1/2, spawn 2/2, clock 1 5000, abort 1 5000, spawn 3/2");
	script_ready(2);
	script_ready(3);
	script_says("clock 2 5000, clock 3 5000, RELOADED g2 2, retire 0");
}
END_TEST

static TCase *setting(void)
{
	TCase *tcase = tcase_create("setting");

	tcase_add_test(tcase, without_the_setting_nobody_is_missed);
	tcase_add_test(tcase, reload_brings_its_own_time);
	tcase_add_test(tcase, who_was_clocked_before_a_reload_is_said_to_have_run_for_so_long);
	tcase_add_test(tcase, reload_to_a_longer_time_gives_the_rest_of_it_to_who_was_clocked_before);
	tcase_add_test(tcase, who_gets_on_in_the_rest_of_a_longer_time_is_clocked_for_all_of_it);
	tcase_add_test(tcase, reload_brings_its_own_time_to_who_is_stopped_already);
	tcase_add_test(tcase, reload_to_a_shorter_time_is_felt_at_once);
	tcase_add_test(tcase, reload_that_takes_the_setting_away_lets_who_is_stopped_be);
	tcase_add_test(tcase, reload_that_waits_for_a_worker_that_hangs_has_another);
	return tcase;
}

Suite *hang_suite(void)
{
	Suite *suite = suite_create("hang");

	suite_add_tcase(suite, stopped());
	suite_add_tcase(suite, running());
	suite_add_tcase(suite, setting());
	return suite;
}
