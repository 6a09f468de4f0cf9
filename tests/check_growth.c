/* SPDX-License-Identifier: ISC */
/* The plan under load: the pool grows, shrinks, says that it is full, renews its workers. */
#include "tests/suites.h"

#include <string.h>

/* Has the workers in these slots ready, and all of them busy again. */
static void get_ready_and_busy(unsigned first, unsigned count)
{
	for (unsigned slot = first; slot < first + count; slot++)
		script_ready(slot);
	script.said[0] = '\0';
	script_idle(0);
}

/* Serves with 2 workers at rest, up to `most`. */
static void serve_two(unsigned most)
{
	script.max_workers = most;
	script_serve(2);
}

/* The same, and has grown to 5, all of them busy. */
static void serve_two_grown_to_five(void)
{
	serve_two(5);
	script_idle(0);
	get_ready_and_busy(2, 1);
	get_ready_and_busy(3, 2);
	ck_assert_uint_eq(script.plan.slots.charge.ready, 5);
	script.said[0] = '\0';
}

/* ---- growth ---- */

START_TEST(pool_at_rest_does_nothing)
{
	serve_two(24);
	script_idle(2);
	script_idle(1);
	script_idle(2);
	script_says("");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
	ck_assert(plan_watch(&script.plan).all_busy);
	ck_assert_uint_eq(plan_watch(&script.plan).above, 0);
}
END_TEST

START_TEST(batches_double_while_nobody_is_idle)
{
	serve_two(24);
	script_idle(0);
	script_says("GREW 3, spawn 2/1");
	get_ready_and_busy(2, 1);
	script_says("GREW 5, spawn 3/1, spawn 4/1");
	get_ready_and_busy(3, 2);
	script_says("GREW 9, spawn 5/1, spawn 6/1, spawn 7/1, spawn 8/1");
	get_ready_and_busy(5, 4);
	ck_assert_uint_eq(script.plan.slots.charge.members, 17);
	script.said[0] = '\0';
	get_ready_and_busy(9, 8);
	ck_assert_uint_eq(script.plan.slots.charge.members, 24); /* and not 33 */
}
END_TEST

static struct plan big;
static struct slot slots[128 * PLAN_SLOTS_PER_WORKER];

/* Everybody there is, is ready. Returns how many that are. */
static unsigned all_get_ready(void)
{
	struct plan_action action;

	while (plan_next(&big, &action))
		if (action.kind == PLAN_SPAWN)
			plan_event(&big, &(struct plan_event){ .kind = PLAN_WORKER_READY,
			    .slot = action.slot }, 1000);
	return big.slots.charge.ready;
}

START_TEST(batches_have_a_limit)
{
	static const unsigned sizes[] = { 2, 4, 8, 16, 32, 64, 96, 128, 128 };

	plan_init(&big, slots, &(struct plan_start){ .most = 128, .workers = 1,
	    .max_workers = 128, .spare_ms = 1000 }, 1000);
	ck_assert_uint_eq(all_get_ready(), 1);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		plan_event(&big, &(struct plan_event){ .kind = PLAN_ALL_BUSY }, 1000);
		ck_assert_uint_eq(all_get_ready(), sizes[i]);
	}
}
END_TEST

START_TEST(batches_begin_anew_after_a_calm_while)
{
	serve_two(24);
	script_idle(0);
	get_ready_and_busy(2, 1);
	script_says("GREW 5, spawn 3/1, spawn 4/1");
	script_ready(3);
	script_ready(4);
	script_pass(PLAN_CALM_MS - 1);
	script_idle(0);
	ck_assert_uint_eq(script.plan.slots.charge.members, 9);
	for (unsigned slot = 5; slot < 9; slot++)
		script_ready(slot);
	script.said[0] = '\0';
	script_pass(PLAN_CALM_MS);
	script_idle(0);
	script_says("GREW 10, spawn 9/1");
}
END_TEST

START_TEST(pool_waits_for_those_that_are_being_started)
{
	serve_two(24);
	script_idle(0);
	script_says("GREW 3, spawn 2/1");
	ck_assert(!plan_watch(&script.plan).all_busy);
	script_happens(PLAN_ALL_BUSY);
	script_happens(PLAN_ALL_BUSY);
	script_says("");
	script_ready(2);
	ck_assert(plan_watch(&script.plan).all_busy);
	script_idle(0);
	script_says("GREW 5, spawn 3/1, spawn 4/1");
}
END_TEST

START_TEST(pool_does_not_grow_while_workers_die_young)
{
	serve_two(24);
	script_dies(0);
	script_dies(0);
	script_says("spawn 0/1, BACKING_OFF 0 100");
	script_idle(0);
	script_happens(PLAN_ALL_BUSY);
	script_says("");
	script_pass(100);
	script_says("spawn 0/1");
	script_ready(0);
	script_idle(0);
	script_says("GREW 3, spawn 2/1");
}
END_TEST

START_TEST(fork_that_fails_holds_growth_up)
{
	serve_two(24);
	script.failing_forks = 1;
	script_idle(0);
	script_says("GREW 3, spawn 2/1, BACKING_OFF 2 100");
	script_happens(PLAN_ALL_BUSY);
	script_says("");
	script_pass(100);
	script_says("spawn 2/1");
}
END_TEST

START_TEST(first_start_does_not_grow)
{
	script.max_workers = 24;
	script_start(2);
	script_ready(0);
	script_says("spawn 0/1, spawn 1/1");
	ck_assert(!plan_watch(&script.plan).all_busy);
	script_happens(PLAN_ALL_BUSY);
	script_says("");
}
END_TEST

START_TEST(worker_that_dies_in_a_grown_pool_is_replaced)
{
	serve_two_grown_to_five();
	script_dies_after_session(4);
	script_says("spawn 4/1");
	ck_assert_uint_eq(script.plan.slots.charge.members, 5);
}
END_TEST

/* Whether the processes of these slots come or go because of the load alone: a bit each. */
static uint64_t by_load(void)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < script.plan.slots.used; i++)
		found |= (uint64_t)script.slots[i].by_load << i;
	return found;
}

START_TEST(who_comes_or_goes_by_load_is_told_from_who_was_asked_for)
{
	serve_two(9);
	ck_assert_uint_eq(by_load(), 0);
	script_happens(PLAN_ONE_MORE);
	ck_assert_uint_eq(by_load(), 0);
	script_ready(2);
	script_idle(0);
	ck_assert_uint_eq(by_load(), 0x08);
	script_ready(3);
	script_idle(0);
	ck_assert_uint_eq(by_load(), 0x30);
	script_dies(4); /* its successor comes for another reason */
	ck_assert_uint_eq(by_load(), 0x20);
	script_ready(4);
	script_ready(5);
	script_asks(5);
	ck_assert_uint_eq(by_load(), 0);
	script_ready(6);
	script_idle(6);
	script_pass(SCRIPT_SPARE_MS);
	ck_assert_uint_eq(by_load(), 0x58);
	script_happens(PLAN_ONE_FEWER);
	ck_assert_uint_eq(by_load(), 0x58);
	script_served_enough(0);
	ck_assert_uint_eq(by_load(), 0xd9);
	script_happens(PLAN_STOP_FAST);
	ck_assert_uint_eq(by_load(), 0);
}
END_TEST

static TCase *growing(void)
{
	TCase *tcase = tcase_create("growing");

	tcase_add_test(tcase, pool_at_rest_does_nothing);
	tcase_add_test(tcase, batches_double_while_nobody_is_idle);
	tcase_add_test(tcase, batches_have_a_limit);
	tcase_add_test(tcase, batches_begin_anew_after_a_calm_while);
	tcase_add_test(tcase, pool_waits_for_those_that_are_being_started);
	tcase_add_test(tcase, pool_does_not_grow_while_workers_die_young);
	tcase_add_test(tcase, fork_that_fails_holds_growth_up);
	tcase_add_test(tcase, first_start_does_not_grow);
	tcase_add_test(tcase, worker_that_dies_in_a_grown_pool_is_replaced);
	tcase_add_test(tcase, who_comes_or_goes_by_load_is_told_from_who_was_asked_for);
	return tcase;
}

/* ---- shrinking ---- */

START_TEST(spare_workers_leave_after_a_while)
{
	serve_two_grown_to_five();
	ck_assert_uint_eq(plan_watch(&script.plan).above, 2);
	script_idle(2);
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS - 1);
	script_says("");
	script_pass(1);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4");
	for (unsigned slot = 2; slot < 5; slot++)
		script_dies_with(slot, 0);
	script_says("");
	ck_assert_uint_eq(script.plan.slots.charge.members, 2);
	ck_assert_uint_eq(script.plan.slots.occupied, 2);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(only_the_idle_leave_and_as_many_stay_idle_as_at_rest)
{
	serve_two_grown_to_five();
	script_idle(3);
	script_pass(SCRIPT_SPARE_MS);
	script_says("SHRUNK 1, retire 2");
	script_dies_with(2, 0);
	ck_assert_uint_eq(script.plan.slots.charge.members, 4);
	ck_assert_uint_eq(plan_watch(&script.plan).above, 2);
	script_idle(4);
	script_pass(SCRIPT_SPARE_MS);
	script_says("SHRUNK 2, retire 3, retire 4");
}
END_TEST

START_TEST(who_has_a_session_does_not_leave_however_much_room_there_is)
{
	serve_two_grown_to_five();
	script_idle(5);
	script.in_session[0] = 0x1a; /* 1, 3 and 4 */
	script_pass(SCRIPT_SPARE_MS);
	script_says("SHRUNK 2, retire 0, retire 2");
	script_dies_with(0, 0);
	script_dies_with(2, 0);
	ck_assert_uint_eq(script.plan.slots.charge.target, 3);
	for (int i = 0; i < 10; i++) {
		script_idle(5);
		script_pass(SCRIPT_SPARE_MS);
	}
	script_says("");
	script_idle(5);
	script.in_session[0] = 0x02;
	script_pass(SCRIPT_SPARE_MS);
	script_says("SHRUNK 1, retire 4");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(pool_with_sessions_everywhere_grows_to_its_limit_and_no_further)
{
	serve_two_grown_to_five();
	script.in_session[0] = 0x1f;
	for (int i = 0; i < 10; i++) {
		script_idle(5);
		script_pass(SCRIPT_SPARE_MS);
		script_idle(0);
	}
	ck_assert_uint_eq(script.plan.slots.occupied, 5);
	script_says("");
}
END_TEST

START_TEST(nobody_leaves_when_the_spare_were_needed_after_all)
{
	serve_two_grown_to_five();
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS - 1);
	for (unsigned slot = 0; slot < 5; slot++)
		script.busy[0] |= UINT64_C(1) << slot;
	script_pass(1);
	script_says("");
	script_idle(5); /* from the beginning */
	script_pass(SCRIPT_SPARE_MS - 1);
	script_says("");
	script_pass(1);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4");
}
END_TEST

START_TEST(a_moment_in_which_all_are_busy_puts_it_off)
{
	serve_two_grown_to_five();
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS - 1);
	script_idle(0);
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS - 1);
	script_says("");
	script_pass(1);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4");
}
END_TEST

START_TEST(spare_worker_that_just_accepted_has_all_the_time_it_needs)
{
	serve_two_grown_to_five();
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4");
	script_pass(1000000);
	script_says("");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(a_later_stop_ends_it_as_all_others)
{
	serve_two_grown_to_five();
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS);
	script_dies_with(3, 0);
	script_dies_with(4, 0);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4");
	script_happens(PLAN_STOP);
	script_pass(SCRIPT_DRAIN_MS);
	script_says("STOPPING, gate 0, drain 0, retire 0, retire 1, "
	            "TIME_UP 3, end 0, end 1, end 2");
}
END_TEST

START_TEST(a_later_reload_ends_it_as_the_rest_of_its_generation)
{
	serve_two_grown_to_five();
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS);
	script_dies_with(3, 0);
	script_dies_with(4, 0);
	script_reload(1, 5000);
	script_ready(3);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4, spawn 3/2, "
	            "RELOADED g2 1, retire 0, retire 1");
	script_dies_with(0, 0);
	script_dies_with(1, 0);
	script_pass(5000);
	script_says("TIME_UP 1, end 2");
}
END_TEST

START_TEST(pool_can_grow_again_after_it_shrank)
{
	serve_two_grown_to_five();
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS);
	script.said[0] = '\0';
	script_idle(0);
	script_says("GREW 3, spawn 5/1");
}
END_TEST

static TCase *shrinking(void)
{
	TCase *tcase = tcase_create("shrinking");

	tcase_add_test(tcase, spare_workers_leave_after_a_while);
	tcase_add_test(tcase, only_the_idle_leave_and_as_many_stay_idle_as_at_rest);
	tcase_add_test(tcase, who_has_a_session_does_not_leave_however_much_room_there_is);
	tcase_add_test(tcase, pool_with_sessions_everywhere_grows_to_its_limit_and_no_further);
	tcase_add_test(tcase, nobody_leaves_when_the_spare_were_needed_after_all);
	tcase_add_test(tcase, a_moment_in_which_all_are_busy_puts_it_off);
	tcase_add_test(tcase, spare_worker_that_just_accepted_has_all_the_time_it_needs);
	tcase_add_test(tcase, a_later_stop_ends_it_as_all_others);
	tcase_add_test(tcase, a_later_reload_ends_it_as_the_rest_of_its_generation);
	tcase_add_test(tcase, pool_can_grow_again_after_it_shrank);
	return tcase;
}

/* ---- the limit ---- */

START_TEST(limit_is_told_once_in_a_while_for_as_long_as_all_are_busy)
{
	serve_two_grown_to_five();
	script.waiting = 7;
	script_pass(PLAN_FULL_MS - 1);
	script_says("");
	script_pass(1);
	script_says("FULL 5 7");
	ck_assert(!plan_watch(&script.plan).all_busy); /* nobody is woken in vain */
	script_pass(PLAN_FULL_AGAIN_MS - 1);
	script_says("");
	script.waiting = 9;
	script_pass(1);
	script_says("FULL 5 9");
}
END_TEST

START_TEST(limit_is_not_told_when_somebody_is_idle_by_then)
{
	serve_two_grown_to_five();
	script_idle(1);
	script_pass(PLAN_FULL_MS);
	script_says("");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
	ck_assert(plan_watch(&script.plan).all_busy);
}
END_TEST

START_TEST(limit_that_comes_and_goes_is_told_no_more_often)
{
	serve_two_grown_to_five();
	script_pass(PLAN_FULL_MS);
	script_says("FULL 5 0");
	script_idle(1);
	script_pass(PLAN_FULL_AGAIN_MS - PLAN_FULL_MS);
	script_idle(0);
	for (int64_t left = PLAN_FULL_AGAIN_MS; left > 0; left -= PLAN_FULL_MS) {
		script_idle(left % 2000 == 0 ? 0 : 1);
		script_pass(PLAN_FULL_MS);
	}
	script_says("FULL 5 0");
}
END_TEST

START_TEST(limit_is_told_no_more_often_after_a_reload)
{
	serve_two(2);
	script_idle(0);
	script_pass(PLAN_FULL_MS);
	script.max_workers = 1;
	script_reload(1, 5000);
	script_ready(2);
	script.said[0] = '\0';
	script_idle(0);
	script_pass(PLAN_FULL_AGAIN_MS - 1);
	ck_assert_ptr_null(strstr(script.said, "FULL"));
	script_pass(PLAN_FULL_AGAIN_MS);
	ck_assert_ptr_nonnull(strstr(script.said, "FULL 1 0"));
}
END_TEST

START_TEST(all_busy_at_the_limit_puts_shrinking_off)
{
	serve_two_grown_to_five();
	script_pass(PLAN_FULL_MS);
	script_says("FULL 5 0");
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS - 1);
	script_idle(0);
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS - 1);
	script_says("");
	script_pass(1);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4");
}
END_TEST

START_TEST(fixed_pool_has_its_limit_from_the_beginning)
{
	serve_two(2);
	script_idle(0);
	script_pass(PLAN_FULL_MS);
	script_says("FULL 2 0");
	script_happens(PLAN_ONE_MORE);
	script_says("MOST 2");
	script_idle(2);
	ck_assert_uint_eq(plan_watch(&script.plan).above, 0);
}
END_TEST

START_TEST(stop_forgets_the_limit_and_the_spare)
{
	serve_two_grown_to_five();
	script_idle(5);
	script_happens(PLAN_STOP_FAST);
	ck_assert(!plan_watch(&script.plan).all_busy);
	ck_assert_uint_eq(plan_watch(&script.plan).above, 0);
	script.said[0] = '\0';
	script_happens(PLAN_ALL_BUSY);
	script_happens(PLAN_TOO_MANY_IDLE);
	ck_assert_int_eq(plan_deadline(&script.plan), script.now + PLAN_END_MS);
	script_says("");
}
END_TEST

static TCase *limit(void)
{
	TCase *tcase = tcase_create("limit");

	tcase_add_test(tcase, limit_is_told_once_in_a_while_for_as_long_as_all_are_busy);
	tcase_add_test(tcase, limit_is_not_told_when_somebody_is_idle_by_then);
	tcase_add_test(tcase, limit_that_comes_and_goes_is_told_no_more_often);
	tcase_add_test(tcase, limit_is_told_no_more_often_after_a_reload);
	tcase_add_test(tcase, all_busy_at_the_limit_puts_shrinking_off);
	tcase_add_test(tcase, fixed_pool_has_its_limit_from_the_beginning);
	tcase_add_test(tcase, stop_forgets_the_limit_and_the_spare);
	return tcase;
}

/* ---- a grown pool, and what else may happen ---- */

START_TEST(new_generation_begins_at_rest_and_grows_by_itself)
{
	serve_two_grown_to_five();
	script.max_workers = 6;
	script_reload(3, 5000);
	script_says("spawn 5/2, spawn 6/2, spawn 7/2");
	script_ready(5);
	script_ready(6);
	script_ready(7);
	script_says("RELOADED g2 3, retire 0, retire 1, retire 2, retire 3, retire 4");
	script_idle(0);
	script_says("GREW 4, spawn 8/2"); /* from the beginning */
	get_ready_and_busy(8, 1);
	script_says("GREW 6, spawn 9/2, spawn 10/2");
	get_ready_and_busy(9, 2);
	script_says("");
	script_pass(PLAN_FULL_MS);
	script_says("FULL 6 0");
}
END_TEST

START_TEST(failed_reload_leaves_a_grown_pool_as_it_was)
{
	serve_two_grown_to_five();
	script_reload(1, 5000);
	script_dies(5);
	script_says("spawn 5/2, RELOAD_FAILED g2 5");
	ck_assert_uint_eq(script.plan.slots.charge.members, 5);
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS);
	script_says("SHRUNK 3, retire 2, retire 3, retire 4");
}
END_TEST

START_TEST(old_workers_do_not_take_places_from_a_pool_that_grows)
{
	serve_two(4);
	for (unsigned reloads = 0; reloads < 7; reloads++) {
		script_idle(0);
		script_reload(2, 1000000);
		for (unsigned slot = 0; slot < 32; slot++)
			if (script.slots[slot].phase == SLOT_STARTING)
				script_ready(slot);
	}
	ck_assert_uint_eq(script.plan.slots.live, 2 + 7 * 3);
	script_idle(0);
	script_idle(0);
	for (unsigned slot = 0; slot < 32; slot++)
		if (script.slots[slot].phase == SLOT_STARTING)
			script_ready(slot);
	script_idle(0);
	ck_assert_uint_eq(script.plan.slots.charge.members, 4);
}
END_TEST

START_TEST(size_at_rest_changes_under_load_too)
{
	serve_two_grown_to_five();
	script_happens(PLAN_ONE_MORE);
	script_says("RESIZED 3"); /* there are enough */
	script_happens(PLAN_ONE_FEWER);
	script_happens(PLAN_ONE_FEWER);
	script_says("RESIZED 2, RESIZED 1"); /* whoever is spare leaves when it is idle */
	script_idle(5);
	script_pass(SCRIPT_SPARE_MS);
	script_says("SHRUNK 4, retire 1, retire 2, retire 3, retire 4");
	script_happens(PLAN_ONE_MORE);
	script_says("RESIZED 2, spawn 5/1");
}
END_TEST

/* ---- renewal ---- */

START_TEST(workers_that_have_served_enough_are_replaced_one_after_another)
{
	serve_two(2);
	script_served_enough(1);
	script_says("retire 1, spawn 2/1");
	script_served_enough(0);
	script_served_enough(0);
	script_served_enough(1); /* it goes already */
	script_dies_with(1, 0);
	script_says(""); /* only when the other's place is taken */
	script_ready(2);
	script_says("retire 0, spawn 1/1");
	script_ready(1);
	script_dies_with(0, 0);
	script_says("");
	script_pass(1000000); /* and one in a session had all the time it needed */
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(renewal_waits_for_whoever_is_being_started)
{
	serve_two(24);
	script_dies_after_session(0);
	script_served_enough(1);
	script_says("spawn 0/1");
	script_ready(0);
	script_says("retire 1, spawn 2/1");
}
END_TEST

START_TEST(all_workers_of_now_can_be_replaced_one_after_another)
{
	serve_two(2);
	script_happens(PLAN_ALL_WORN);
	script_says("retire 0, spawn 2/1");
	script_ready(2);
	script_says("retire 1, spawn 3/1");
	script_dies_with(0, 0);
	script_ready(3);
	script_says("");
	script_dies_with(1, 0);
	script_says("");
}
END_TEST

START_TEST(who_is_being_started_is_one_of_all_workers_of_now)
{
	serve_two(24);
	script_dies_after_session(0);
	script_happens(PLAN_ALL_WORN);
	script_says("spawn 0/1");
	script_ready(0);
	script_says("retire 0, spawn 2/1");
	script_ready(2);
	script_says("retire 1, spawn 3/1");
	script_ready(3);
	script_says("");
}
END_TEST

/* It is to be forked again, and is one of those to come. */
START_TEST(who_waits_to_be_started_is_none_of_all_workers_of_now)
{
	serve_two(24);
	script_dies(0);
	script_dies(0);
	script_happens(PLAN_ALL_WORN);
	script_says("spawn 0/1, BACKING_OFF 0 100");
	script_pass(100);
	script_ready(0);
	script_says("spawn 0/1, retire 1, spawn 2/1");
	script_ready(2);
	script_says("");
}
END_TEST

START_TEST(reload_renews_everybody_anyway)
{
	serve_two(2);
	script_reload(2, 5000);
	script_served_enough(0);
	script_says("spawn 2/2, spawn 3/2");
	script_ready(2);
	script_ready(3);
	script_says("RELOADED g2 2, retire 0, retire 1");
}
END_TEST

START_TEST(renewal_does_not_interfere_with_a_stop)
{
	serve_two(2);
	script_happens(PLAN_STOP);
	script_served_enough(0);
	script_says("STOPPING, gate 0");
}
END_TEST

static TCase *together(void)
{
	TCase *tcase = tcase_create("together");

	tcase_add_test(tcase, new_generation_begins_at_rest_and_grows_by_itself);
	tcase_add_test(tcase, failed_reload_leaves_a_grown_pool_as_it_was);
	tcase_add_test(tcase, old_workers_do_not_take_places_from_a_pool_that_grows);
	tcase_add_test(tcase, size_at_rest_changes_under_load_too);
	tcase_add_test(tcase, workers_that_have_served_enough_are_replaced_one_after_another);
	tcase_add_test(tcase, renewal_waits_for_whoever_is_being_started);
	tcase_add_test(tcase, all_workers_of_now_can_be_replaced_one_after_another);
	tcase_add_test(tcase, who_is_being_started_is_one_of_all_workers_of_now);
	tcase_add_test(tcase, who_waits_to_be_started_is_none_of_all_workers_of_now);
	tcase_add_test(tcase, reload_renews_everybody_anyway);
	tcase_add_test(tcase, renewal_does_not_interfere_with_a_stop);
	return tcase;
}

Suite *growth_suite(void)
{
	Suite *suite = suite_create("growth");

	suite_add_tcase(suite, growing());
	suite_add_tcase(suite, shrinking());
	suite_add_tcase(suite, limit());
	suite_add_tcase(suite, together());
	return suite;
}
