/* SPDX-License-Identifier: ISC */
/* Who is idle: bits in shared memory, and who is to wake the master. */
#include "tests/suites.h"

#include "common/idleset.h"

#include <sys/mman.h>
#include <unistd.h>

static struct idle_set *set;

static void open_set(void)
{
	set = mmap(NULL, sizeof *set, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(set != MAP_FAILED);
}

static void close_set(void)
{
	munmap(set, sizeof *set);
}

static void watch(bool none, unsigned above)
{
	idle_set_watch(set, (struct idle_watch){ none, above });
}

START_TEST(members_are_counted_each_once)
{
	idle_set_make_room(set, 200);
	ck_assert_uint_eq(idle_set_count(set), 0);
	idle_set_add(set, 0);
	idle_set_add(set, 63);
	idle_set_add(set, 64);
	idle_set_add(set, 200);
	idle_set_add(set, 200);
	ck_assert_uint_eq(idle_set_count(set), 4);
	idle_set_remove(set, 63);
	idle_set_remove(set, 63);
	idle_set_remove(set, 1);
	ck_assert_uint_eq(idle_set_count(set), 3);
}
END_TEST

START_TEST(last_member_of_all_has_room)
{
	idle_set_make_room(set, IDLE_SET_MAX - 1);
	idle_set_make_room(set, 0); /* and it keeps it */
	idle_set_add(set, IDLE_SET_MAX - 1);
	ck_assert_uint_eq(idle_set_count(set), 1);
}
END_TEST

START_TEST(copy_has_who_is_in)
{
	static uint64_t copy[IDLE_SET_WORDS];

	idle_set_make_room(set, 130);
	copy[1] = copy[IDLE_SET_WORDS - 1] = UINT64_MAX; /* of an earlier time */
	idle_set_add(set, 3);
	idle_set_add(set, 130);
	idle_set_copy(set, copy);
	ck_assert(idle_copy_has(copy, 3));
	ck_assert(idle_copy_has(copy, 130));
	ck_assert(!idle_copy_has(copy, 2));
	ck_assert(!idle_copy_has(copy, 64));
	ck_assert(!idle_copy_has(copy, IDLE_SET_MAX - 1));
}
END_TEST

START_TEST(last_one_takes_the_watch_and_only_once)
{
	idle_set_make_room(set, 65);
	idle_set_add(set, 1);
	idle_set_add(set, 65);
	ck_assert(!idle_set_take_none(set)); /* nobody watches */
	watch(true, 0);
	idle_set_remove(set, 1);
	ck_assert(!idle_set_take_none(set)); /* the other one is there */
	idle_set_remove(set, 65);
	ck_assert(idle_set_take_none(set));
	ck_assert(!idle_set_take_none(set));
	watch(true, 0);
	ck_assert(idle_set_take_none(set));
	watch(true, 0);
	watch(false, 0);
	ck_assert(!idle_set_take_none(set));
}
END_TEST

START_TEST(one_too_many_takes_the_watch_and_only_once)
{
	idle_set_make_room(set, 65);
	idle_set_add(set, 1);
	idle_set_add(set, 65);
	ck_assert(!idle_set_take_above(set)); /* nobody watches */
	watch(false, 2);
	ck_assert(!idle_set_take_above(set));
	idle_set_add(set, 2);
	ck_assert(idle_set_take_above(set));
	ck_assert(!idle_set_take_above(set));
}
END_TEST

/* ---- between processes ---- */

#define CHILDREN 4
#define ROUNDS 20000

static unsigned number; /* of this child */

/* Comes and goes, and says by its code whether it lost its own bit ever. */
static int come_and_go(void *unused)
{
	static uint64_t copy[IDLE_SET_WORDS];

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		idle_set_add(set, number);
		if (i % 1000 == 0) {
			idle_set_copy(set, copy);
			if (!idle_copy_has(copy, number))
				return 1;
		}
		idle_set_remove(set, number);
	}
	idle_set_add(set, number);
	return 0;
}

START_TEST(processes_do_not_disturb_each_others_bits)
{
	pid_t pids[CHILDREN];

	idle_set_make_room(set, CHILDREN);
	for (number = 0; number < CHILDREN; number++)
		pids[number] = child_start(come_and_go, NULL);
	for (unsigned i = 0; i < CHILDREN; i++)
		child_succeeded(pids[i]);
	ck_assert_uint_eq(idle_set_count(set), CHILDREN);
}
END_TEST

/* Leaves the set in each round, as the parent does, and counts in `word` whether it was to wake. */
static int leave_at_once(void *shared)
{
	_Atomic uint32_t *turn = shared; /* [0] the round, [1] who has left, [2] who is to wake */

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		while (atomic_load(&turn[0]) < round)
			continue;
		idle_set_remove(set, 1);
		if (idle_set_take_none(set))
			atomic_fetch_add(&turn[2], 1);
		atomic_fetch_add(&turn[1], 1);
	}
	return 0;
}

/* Two that leave at the same moment: one of them always wakes the master, and never both. */
START_TEST(exactly_one_of_two_last_ones_takes_the_watch)
{
	_Atomic uint32_t *turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	ck_assert(turn != MAP_FAILED);
	idle_set_make_room(set, 1);
	pid = child_start(leave_at_once, turn);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		idle_set_add(set, 0);
		idle_set_add(set, 1);
		watch(true, 0);
		atomic_store(&turn[0], round);
		idle_set_remove(set, 0);
		if (idle_set_take_none(set))
			atomic_fetch_add(&turn[2], 1);
		while (atomic_load(&turn[1]) < round)
			continue;
		ck_assert_uint_eq(atomic_load(&turn[2]), round);
	}
	child_succeeded(pid);
	munmap(turn, 4096);
}
END_TEST

Suite *idleset_suite(void)
{
	Suite *suite = suite_create("idleset");
	TCase *tcase = tcase_create("set");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, open_set, close_set);
	tcase_add_test(tcase, members_are_counted_each_once);
	tcase_add_test(tcase, last_member_of_all_has_room);
	tcase_add_test(tcase, copy_has_who_is_in);
	tcase_add_test(tcase, last_one_takes_the_watch_and_only_once);
	tcase_add_test(tcase, one_too_many_takes_the_watch_and_only_once);
	tcase_add_test(tcase, processes_do_not_disturb_each_others_bits);
	tcase_add_test(tcase, exactly_one_of_two_last_ones_takes_the_watch);
	suite_add_tcase(suite, tcase);
	return suite;
}
