/* SPDX-License-Identifier: ISC */
/* The plan's listeners: one replaces another, and none is closed before its queue is empty. */
#include "tests/suites.h"

START_TEST(new_listener_serves_before_the_old_one_is_closed)
{
	script_serve(2);
	script_moves(2);
	script_says("spawn 2/2, spawn 3/2");
	ck_assert_uint_eq(script.slots[2].listener, 1);
	script_ready(2);
	script_says("");
	script_ready(3);
	script_says("RELOADED g2 2, gate 0");
	script_pass(PLAN_SETTLE_MS - 1);
	script_says("");
	script_pass(1);
	script_says("drain 0, retire 0, retire 1");
	script_dies_with(0, 0);
	script_says("");
	script_queue_empty(1); /* not that one */
	script_says("");
	script_queue_empty(0);
	script_says("close 0, retire 1");
	script_dies_with(1, 0);
	script_says("");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(old_workers_are_not_replaced_while_they_settle)
{
	script_serve(2);
	script_moves(1);
	script_ready(2);
	script_says("spawn 2/2, RELOADED g2 1, gate 0");
	script_dies(0);
	script_asks(1);
	script_says("");
	script_dies(1);
	script_says("close 0"); /* nobody is left to empty its queue */
	script_pass(PLAN_SETTLE_MS);
	script_says("");
}
END_TEST

START_TEST(sessions_on_the_old_listener_get_their_time)
{
	script_serve(1);
	script_moves(1);
	script_ready(1);
	script_pass(PLAN_SETTLE_MS);
	script_says("spawn 1/2, RELOADED g2 1, gate 0, drain 0, retire 0");
	script_queue_empty(0);
	script_says("close 0, retire 0");
	script_pass(SCRIPT_DRAIN_MS - 1);
	script_says("");
	script_pass(1);
	script_says("TIME_UP 1, end 0");
}
END_TEST

START_TEST(failed_move_closes_the_new_listener_in_order)
{
	script_serve(1);
	script_moves(2);
	script_ready(1);
	script_dies(2);
	script_says("spawn 1/2, spawn 2/2, RELOAD_FAILED g2 2, gate 1");
	script_pass(PLAN_SETTLE_MS); /* the one that was ready may have clients */
	script_says("drain 1, retire 1");
	script_queue_empty(1);
	script_dies_with(1, 0);
	script_says("close 1, retire 1");
	ck_assert_uint_eq(script.plan.slots.charge.listener, 0);
	ck_assert_uint_eq(script.plan.slots.charge.ready, 1);
}
END_TEST

START_TEST(listener_of_a_failed_fork_is_closed_at_once)
{
	script_serve(1);
	script.failing_forks = 1;
	script_moves(1);
	script_says("spawn 1/2, RELOAD_FAILED g2 1, gate 1, close 1");
	ck_assert_int_eq(plan_free_listener(&script.plan), 1);
}
END_TEST

START_TEST(reload_that_waits_finds_the_failed_listener_closed)
{
	script_serve(1);
	script_moves(1);
	script_moves(1);
	script_says("spawn 1/2, QUEUED");
	script_dies(1);
	script_says("RELOAD_FAILED g2 1, gate 1, close 1, spawn 1/3");
	ck_assert_uint_eq(script.slots[1].listener, 1);
}
END_TEST

START_TEST(stop_closes_old_and_new_listeners)
{
	script_serve(1);
	script_moves(1);
	script_ready(1);
	script_says("spawn 1/2, RELOADED g2 1, gate 0");
	script_pass(PLAN_SETTLE_MS / 2);
	script_happens(PLAN_STOP);
	script_says("STOPPING, gate 1");
	script_pass(PLAN_SETTLE_MS / 2);
	script_says("drain 0, retire 0");
	script_pass(PLAN_SETTLE_MS / 2);
	script_says("drain 1, retire 1");
	script_queue_empty(1);
	script_dies_with(1, 0);
	script_says("close 1, retire 1");
	script_dies_with(0, 0);
	script_says("close 0, exit 0");
}
END_TEST

START_TEST(fast_stop_in_the_middle_of_a_move)
{
	script_serve(1);
	script_moves(1);
	script_says("spawn 1/2");
	script_happens(PLAN_STOP_FAST);
	script_says("STOPPING_FAST, gate 0, gate 1, drain 0, drain 1, end 0, end 1");
}
END_TEST

START_TEST(number_of_a_listener_is_not_used_again_while_sessions_on_it_last)
{
	script_serve(1);
	for (unsigned moves = 1; moves < PLAN_LISTENERS_MAX; moves++) {
		script_moves(1);
		script_ready(moves);
		script_pass(PLAN_SETTLE_MS);
		script_queue_empty(moves - 1);
	}
	ck_assert_uint_eq(script.plan.slots.charge.listener, PLAN_LISTENERS_MAX - 1);
	ck_assert_int_eq(plan_free_listener(&script.plan), -1);
	script_dies_with(3, 0);
	ck_assert_int_eq(plan_free_listener(&script.plan), 3);
}
END_TEST

START_TEST(inherited_listener_is_left_to_its_owner)
{
	script.inherited = true;
	script_serve(2);
	script_happens(PLAN_STOP);
	script_says("STOPPING, close 0");
	script_pass(0);
	script_says("retire 0, retire 1");
	script_dies_with(0, 0);
	script_pass(SCRIPT_DRAIN_MS);
	script_says("TIME_UP 1, end 1");
	script_dies_with(1, 0);
	script_says("exit 0");
}
END_TEST

START_TEST(fast_stop_leaves_an_inherited_listener_too)
{
	script.inherited = true;
	script_serve(1);
	script_happens(PLAN_STOP_FAST);
	script_says("STOPPING_FAST, close 0, end 0");
}
END_TEST

START_TEST(bad_settings_change_nothing)
{
	script_serve(1);
	script.bad_settings = true;
	script_reload(3, 5000);
	script_says("BAD");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
	script.bad_settings = false;
	script_reload(1, 5000);
	script_says("spawn 1/2");
}
END_TEST

Suite *moves_suite(void)
{
	Suite *suite = suite_create("moves");
	TCase *tcase = tcase_create("listeners");

	tcase_add_test(tcase, new_listener_serves_before_the_old_one_is_closed);
	tcase_add_test(tcase, old_workers_are_not_replaced_while_they_settle);
	tcase_add_test(tcase, sessions_on_the_old_listener_get_their_time);
	tcase_add_test(tcase, failed_move_closes_the_new_listener_in_order);
	tcase_add_test(tcase, listener_of_a_failed_fork_is_closed_at_once);
	tcase_add_test(tcase, reload_that_waits_finds_the_failed_listener_closed);
	tcase_add_test(tcase, stop_closes_old_and_new_listeners);
	tcase_add_test(tcase, fast_stop_in_the_middle_of_a_move);
	tcase_add_test(tcase, number_of_a_listener_is_not_used_again_while_sessions_on_it_last);
	tcase_add_test(tcase, inherited_listener_is_left_to_its_owner);
	tcase_add_test(tcase, fast_stop_leaves_an_inherited_listener_too);
	tcase_add_test(tcase, bad_settings_change_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
