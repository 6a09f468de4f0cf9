/* SPDX-License-Identifier: ISC */
/* What the threads of a load share out, decide together, and have put together in the end. */
#include "tests/suites.h"

#include "client/load_thread.h"

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

Suite *load_thread_suite(void)
{
	Suite *suite = suite_create("load_thread");
	TCase *shares = tcase_create("shares");

	tcase_add_checked_fixture(shares, set_up, tear_down);
	tcase_add_test(shares, echoes_are_split_as_the_connections_are);
	tcase_add_test(shares, echoes_that_do_not_divide_are_all_shared_out);
	suite_add_tcase(suite, shares);
	return suite;
}
