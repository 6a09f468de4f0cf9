/* SPDX-License-Identifier: ISC */
/* The rate limit: a burst, then one each interval, and a count of what was held back. */
#include "tests/suites.h"

#include "common/ratelimit.h"

#include <stdatomic.h>
#include <sys/mman.h>

START_TEST(burst_passes_and_then_nothing)
{
	struct rate_limit limit = RATE_LIMIT(3, 1000);

	for (int i = 0; i < 3; i++)
		ck_assert(rate_limit_pass(&limit, 5000, NULL));
	for (int i = 0; i < 10; i++)
		ck_assert(!rate_limit_pass(&limit, 5000, NULL));
}
END_TEST

START_TEST(one_more_passes_each_interval)
{
	struct rate_limit limit = RATE_LIMIT(1, 1000);

	ck_assert(rate_limit_pass(&limit, 5000, NULL));
	ck_assert(!rate_limit_pass(&limit, 5999, NULL));
	ck_assert(rate_limit_pass(&limit, 6000, NULL));
	ck_assert(!rate_limit_pass(&limit, 6999, NULL));
	ck_assert(rate_limit_pass(&limit, 7000, NULL));
}
END_TEST

/* A part of an interval is not lost when somebody asks in the middle of it. */
START_TEST(asking_often_costs_nothing)
{
	struct rate_limit limit = RATE_LIMIT(2, 100);
	unsigned passed = 0;

	for (int64_t now = 0; now < 10000; now += 7)
		passed += rate_limit_pass(&limit, now, NULL);
	ck_assert_uint_ge(passed, 100);
	ck_assert_uint_le(passed, 102);
}
END_TEST

START_TEST(burst_comes_back_bit_by_bit)
{
	struct rate_limit limit = RATE_LIMIT(3, 100);

	for (int i = 0; i < 3; i++)
		ck_assert(rate_limit_pass(&limit, 0, NULL));
	ck_assert(rate_limit_pass(&limit, 200, NULL));
	ck_assert(rate_limit_pass(&limit, 200, NULL));
	ck_assert(!rate_limit_pass(&limit, 200, NULL));
}
END_TEST

START_TEST(long_silence_saves_up_one_burst_and_no_more)
{
	struct rate_limit limit = RATE_LIMIT(2, 100);

	ck_assert(rate_limit_pass(&limit, 0, NULL));
	ck_assert(rate_limit_pass(&limit, INT64_C(1) << 41, NULL));
	ck_assert(rate_limit_pass(&limit, INT64_C(1) << 41, NULL));
	ck_assert(!rate_limit_pass(&limit, INT64_C(1) << 41, NULL));
}
END_TEST

START_TEST(what_was_held_back_is_told_once)
{
	struct rate_limit limit = RATE_LIMIT(1, 100);
	uint64_t missed = 99;

	ck_assert(rate_limit_pass(&limit, 0, &missed));
	ck_assert_uint_eq(missed, 0);
	missed = 99;
	for (int i = 0; i < 5; i++)
		ck_assert(!rate_limit_pass(&limit, 50, &missed));
	ck_assert_uint_eq(missed, 99);
	ck_assert(rate_limit_pass(&limit, 100, &missed));
	ck_assert_uint_eq(missed, 5);
	ck_assert(rate_limit_pass(&limit, 200, &missed));
	ck_assert_uint_eq(missed, 0);
}
END_TEST

START_TEST(what_is_held_back_is_counted_up_to_a_limit)
{
	struct rate_limit limit = RATE_LIMIT(1, 100);
	uint64_t missed = 0;
	bool passed = false;

	ck_assert(rate_limit_pass(&limit, 1000, NULL));
	for (uint64_t i = 0; i < RATE_LIMIT_MISSED_MAX + 5; i++)
		passed = rate_limit_pass(&limit, 1099, NULL) || passed;
	ck_assert(!passed);
	ck_assert(rate_limit_pass(&limit, 1100, &missed));
	ck_assert_uint_eq(missed, RATE_LIMIT_MISSED_MAX);
	ck_assert(!rate_limit_pass(&limit, 1199, NULL));
}
END_TEST

#define PROCESSES 4
#define TRIES 50000

/* What processes share, and what came of it. */
struct shared {
	struct rate_limit limit;
	_Atomic uint64_t passed;
	_Atomic uint64_t missed;
};

static int try_often(void *with)
{
	struct shared *shared = with;
	uint64_t missed;

	for (int i = 0; i < TRIES; i++)
		if (rate_limit_pass(&shared->limit, i, &missed)) {
			atomic_fetch_add(&shared->passed, 1);
			atomic_fetch_add(&shared->missed, missed);
		}
	return 0;
}

START_TEST(processes_that_share_a_limit_have_it_together)
{
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[PROCESSES];
	uint64_t missed = 0;

	ck_assert_ptr_ne(shared, MAP_FAILED);
	*shared = (struct shared){ .limit = RATE_LIMIT(5, 10000) };
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child_start(try_often, shared);
	for (int i = 0; i < PROCESSES; i++)
		child_succeeded(pids[i]);
	ck_assert_uint_eq(shared->passed, 5 + (TRIES - 1) / 10000);
	ck_assert(rate_limit_pass(&shared->limit, 100000, &missed));
	ck_assert_uint_eq(shared->passed + shared->missed + missed, PROCESSES * TRIES);
	munmap(shared, sizeof *shared);
}
END_TEST

Suite *ratelimit_suite(void)
{
	Suite *suite = suite_create("ratelimit");
	TCase *tcase = tcase_create("limit");

	tcase_add_test(tcase, burst_passes_and_then_nothing);
	tcase_add_test(tcase, one_more_passes_each_interval);
	tcase_add_test(tcase, asking_often_costs_nothing);
	tcase_add_test(tcase, burst_comes_back_bit_by_bit);
	tcase_add_test(tcase, long_silence_saves_up_one_burst_and_no_more);
	tcase_add_test(tcase, what_was_held_back_is_told_once);
	tcase_add_test(tcase, what_is_held_back_is_counted_up_to_a_limit);
	tcase_add_test(tcase, processes_that_share_a_limit_have_it_together);
	suite_add_tcase(suite, tcase);
	return suite;
}
