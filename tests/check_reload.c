/* SPDX-License-Identifier: ISC */
/* The plan's reloads: a new generation takes over as a whole, or not at all. */
#include "tests/suites.h"

#include <stdio.h>

START_TEST(new_generation_takes_over_when_all_of_it_is_ready)
{
	script_serve(2);
	script_reload(3, 5000);
	script_says("spawn 2/2, spawn 3/2, spawn 4/2");
	script_ready(2);
	script_ready(4);
	script_says("");
	ck_assert_uint_eq(script.plan.slots.charge.generation, 1);
	script_ready(3);
	script_says("RELOADED g2 3, retire 0, retire 1");
	script_dies(0);
	script_dies(1);
	script_says("");
	ck_assert_uint_eq(script.plan.slots.occupied, 3);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(death_before_that_takes_the_reload_back)
{
	script_serve(1);
	script_reload(3, 5000);
	script_says("spawn 1/2, spawn 2/2, spawn 3/2");
	script_ready(1);
	script_dies(2);
	script_says("RELOAD_FAILED g2 2, retire 1, retire 3");
	script_ready(3); /* it was told to go */
	script_dies(3);
	script_says("");
	ck_assert_uint_eq(script.plan.slots.charge.generation, 1);
	ck_assert_uint_eq(script.plan.slots.charge.ready, 1);
	script_pass(SCRIPT_DRAIN_MS); /* the new one may have a client: it gets the usual time */
	script_says("TIME_UP 1, end 1");
}
END_TEST

START_TEST(death_of_a_ready_new_worker_takes_the_reload_back)
{
	script_serve(1);
	script_reload(2, 5000);
	script_says("spawn 1/2, spawn 2/2");
	script_ready(1);
	script_dies_after_session(1);
	script_says("RELOAD_FAILED g2 1, retire 2");
}
END_TEST

START_TEST(failed_fork_takes_the_reload_back)
{
	script_serve(1);
	script.failing_forks = 1;
	script_reload(3, 5000);
	script_says("spawn 1/2, RELOAD_FAILED g2 1");
	ck_assert_uint_eq(script.plan.slots.occupied, 1);
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(late_reload_is_taken_back)
{
	script_serve(1);
	script_reload(2, 5000);
	script_says("spawn 1/2, spawn 2/2");
	script_ready(2);
	script_pass(PLAN_START_MS - 1);
	script_says("");
	script_pass(1);
	script_says("RELOAD_LATE g2, retire 1, retire 2");
	ck_assert_uint_eq(script.plan.slots.charge.generation, 1);
}
END_TEST

START_TEST(generation_numbers_are_not_used_twice)
{
	script_serve(1);
	script_reload(1, 5000);
	script_dies(1);
	script_says("spawn 1/2, RELOAD_FAILED g2 1");
	script_reload(1, 5000);
	script_ready(1);
	script_says("spawn 1/3, RELOADED g3 1, retire 0");
}
END_TEST

START_TEST(reloads_asked_during_one_become_one)
{
	script_serve(1);
	script_reload(1, 5000);
	script_says("spawn 1/2");
	script_reload(4, 5000);
	script_says("QUEUED");
	script_reload(3, 5000);
	script_reload(2, 5000);
	script_says("");
	script_ready(1);
	script_says("RELOADED g2 1, retire 0, spawn 2/3, spawn 3/3");
	script_ready(2);
	script_ready(3);
	script_says("RELOADED g3 2, retire 1");
	script_dies(0);
	script_dies(1);
	script_pass(100000);
	script_says("");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(reload_that_waits_follows_a_failed_one_too)
{
	script_serve(1);
	script_reload(2, 5000);
	script_reload(1, 5000);
	script_says("spawn 1/2, spawn 2/2, QUEUED");
	script_dies(1);
	script_says("RELOAD_FAILED g2 1, spawn 1/3, retire 2");
}
END_TEST

START_TEST(reload_asked_during_the_first_start_follows_it)
{
	script_start(1);
	script_reload(2, 5000);
	script_reload(2, 5000);
	script_says("spawn 0/1, QUEUED");
	script_ready(0);
	script_says("STARTED 1, spawn 1/2, spawn 2/2");
}
END_TEST

START_TEST(reload_that_waits_dies_with_the_first_start)
{
	script_start(1);
	script_reload(1, 5000);
	script_dies(0);
	script_dies(0);
	script_says("spawn 0/1, QUEUED, spawn 0/1, BACKING_OFF 0 100, START_FAILED, exit 70");
}
END_TEST

START_TEST(old_generation_is_kept_full_meanwhile)
{
	script_serve(2);
	script_reload(1, 5000);
	script_says("spawn 2/2");
	script_dies(0);
	script_says("spawn 0/1");
	script_dies(0);
	script_says("BACKING_OFF 0 100");
	script_dies(1);
	script_says("spawn 1/1");
	script_asks(1); /* not ready: no matter */
	script_ready(2);
	script_says("RELOADED g2 1, retire 1"); /* who waited in slot 0 is not wanted any more */
	script_pass(1000);
	script_says("");
}
END_TEST

START_TEST(workers_that_ask_to_leave_are_replaced_meanwhile)
{
	script_serve(1);
	script_reload(2, 5000);
	script_asks(0);
	script_says("spawn 1/2, spawn 2/2, retire 0, spawn 3/1");
	script_ready(1);
	script_asks(1); /* and so is a new one, before its generation is in charge */
	script_says("retire 1, spawn 4/2");
	script_ready(2);
	script_ready(4);
	script_says("RELOADED g2 2, retire 3");
}
END_TEST

START_TEST(size_changed_meanwhile_holds_until_the_reload)
{
	script_serve(2);
	script_reload(2, 5000);
	script_happens(PLAN_ONE_MORE);
	script_says("spawn 2/2, spawn 3/2, RESIZED 3, spawn 4/1");
	script_ready(2);
	script_ready(3);
	script_says("RELOADED g2 2, retire 0, retire 1, retire 4");
	script_happens(PLAN_ONE_MORE);
	script_says("RESIZED 3, spawn 5/2");
	script_ready(5);
	script_reload(2, 5000);
	script_says("spawn 6/3, spawn 7/3");
	script_ready(6);
	script_ready(7);
	script_says("RELOADED g3 2, retire 2, retire 3, retire 5");
	ck_assert_uint_eq(script.plan.slots.charge.wanted, 2);
}
END_TEST

START_TEST(retired_generation_gets_the_new_settings_time)
{
	script_serve(1);
	script_reload(1, 5000);
	script_ready(1);
	script_says("spawn 1/2, RELOADED g2 1, retire 0");
	script_pass(4999);
	script_says("");
	script_pass(1);
	script_says("TIME_UP 1, end 0");
	script_pass(PLAN_END_MS);
	script_says("kill 0");
	ck_assert(plan_deadline(&script.plan) == SLOT_NEVER);
}
END_TEST

START_TEST(settings_of_a_failed_reload_are_forgotten)
{
	script_serve(2);
	script_reload(1, 5000);
	script_dies(2);
	script_says("spawn 2/2, RELOAD_FAILED g2 2");
	script_happens(PLAN_ONE_FEWER);
	script_says("RESIZED 1, retire 1");
	script_pass(SCRIPT_DRAIN_MS - 1);
	script_says("");
	script_pass(1);
	script_says("TIME_UP 1, end 1");
}
END_TEST

/* Reloads `times` times with workers that never leave by themselves, without time passing. */
static void reload_repeatedly(unsigned workers, unsigned times)
{
	for (unsigned i = 1; i <= times; i++) {
		script_reload(workers, 1000000);
		for (unsigned slot = 0; slot < workers; slot++)
			script_ready(i * workers + slot);
	}
	ck_assert_uint_eq(script.plan.slots.charge.generation, times + 1);
	script.said[0] = '\0';
}

START_TEST(old_generations_are_ended_when_places_are_short)
{
	script.max_workers = 2;
	script_serve(2);
	reload_repeatedly(2, PLAN_SLOTS_PER_WORKER - 1);
	ck_assert_uint_eq(script.plan.slots.live, 16);
	script_reload(2, 1000000);
	script_says("end 0, end 1"); /* the oldest, and nobody is born before they are gone */
	script_dies(1);
	script_says("spawn 1/9");
	script_ready(1);
	script_pass(PLAN_END_MS);
	script_says("kill 0");
	script_dies(0);
	script_says("spawn 0/9");
	script_ready(0);
	script_says("RELOADED g9 2, retire 14, retire 15");
	ck_assert_uint_eq(script.plan.slots.live, 16);
	script_reload(2, 1000000);
	script_says("end 2, end 3");
}
END_TEST

START_TEST(nobody_is_ended_when_places_are_about_to_be_free)
{
	script.max_workers = 2;
	script_serve(2);
	script_reload(2, 5000);
	script_ready(2);
	script_ready(3);
	for (unsigned slot = 4; slot < 16; slot += 2) {
		script_reload(2, slot < 6 ? 5000 : 1000000);
		script_ready(slot);
		script_ready(slot + 1);
	}
	script.said[0] = '\0';
	script_pass(5000);
	script_says("TIME_UP 4, end 0, end 1, end 2, end 3");
	script_reload(2, 5000);
	script_says(""); /* four places for two */
	script_dies(2);
	script_says("spawn 2/9");
}
END_TEST

START_TEST(places_are_made_for_the_pool_in_charge_too)
{
	script.max_workers = 1;
	script_serve(1);
	reload_repeatedly(1, PLAN_SLOTS_PER_WORKER - 1);
	script_asks(7);
	script_says("end 0, retire 7");
	script_dies(0);
	script_says("spawn 0/8");
}
END_TEST

/*
 * From 20 to 1 worker at most, all the old ones with sessions: 8 places for 21. The next
 * reload must not be late for want of one, even if each is left by force.
 */
START_TEST(many_old_workers_do_not_keep_a_small_pool_from_reloading)
{
	unsigned ended = 0;

	script_serve(20);
	script.max_workers = 1;
	script_reload(1, 1000000);
	script_ready(20);
	script.said[0] = '\0';
	script_reload(1, 1000000);
	for (int64_t end = script.now + PLAN_START_MS; script.now < end;) {
		script_pass(PLAN_END_MS);
		for (unsigned slot = 0; slot < 20; slot++)
			if (script.slots[slot].phase == SLOT_KILLED) {
				script_dies(slot);
				ended++;
			}
		if (script.plan.slots.next.members == 1)
			break;
	}
	ck_assert_uint_eq(script.plan.slots.next.members, 1);
	ck_assert_uint_le(ended, 14);
}
END_TEST

static TCase *takeover(void)
{
	TCase *tcase = tcase_create("takeover");

	tcase_add_test(tcase, new_generation_takes_over_when_all_of_it_is_ready);
	tcase_add_test(tcase, death_before_that_takes_the_reload_back);
	tcase_add_test(tcase, death_of_a_ready_new_worker_takes_the_reload_back);
	tcase_add_test(tcase, failed_fork_takes_the_reload_back);
	tcase_add_test(tcase, late_reload_is_taken_back);
	tcase_add_test(tcase, generation_numbers_are_not_used_twice);
	tcase_add_test(tcase, reloads_asked_during_one_become_one);
	tcase_add_test(tcase, reload_that_waits_follows_a_failed_one_too);
	tcase_add_test(tcase, reload_asked_during_the_first_start_follows_it);
	tcase_add_test(tcase, reload_that_waits_dies_with_the_first_start);
	return tcase;
}

static TCase *old_generations(void)
{
	TCase *tcase = tcase_create("old generations");

	tcase_add_test(tcase, old_generation_is_kept_full_meanwhile);
	tcase_add_test(tcase, workers_that_ask_to_leave_are_replaced_meanwhile);
	tcase_add_test(tcase, size_changed_meanwhile_holds_until_the_reload);
	tcase_add_test(tcase, retired_generation_gets_the_new_settings_time);
	tcase_add_test(tcase, settings_of_a_failed_reload_are_forgotten);
	tcase_add_test(tcase, old_generations_are_ended_when_places_are_short);
	tcase_add_test(tcase, nobody_is_ended_when_places_are_about_to_be_free);
	tcase_add_test(tcase, places_are_made_for_the_pool_in_charge_too);
	tcase_add_test(tcase, many_old_workers_do_not_keep_a_small_pool_from_reloading);
	return tcase;
}

Suite *reload_suite(void)
{
	Suite *suite = suite_create("reload");

	suite_add_tcase(suite, takeover());
	suite_add_tcase(suite, old_generations());
	return suite;
}
