/* SPDX-License-Identifier: ISC */
/* The child table: who lives where, and that it is never asked for nonsense. */
#include "tests/suites.h"

#include "master/workers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPACITY 8

static struct worker_entry entries[CAPACITY];
static struct workers table;

static void make_empty(void)
{
	for (unsigned i = 0; i < CAPACITY; i++)
		entries[i] = (struct worker_entry){ 0 };
	table = (struct workers){ .entry = entries, .capacity = CAPACITY };
}

START_TEST(process_is_found_where_it_lives)
{
	workers_add(&table, 3, 1003, 7, 500);
	workers_add(&table, 0, 1000, 8, 600);
	ck_assert_int_eq(workers_find(&table, 1003), 3);
	ck_assert_int_eq(workers_find(&table, 1000), 0);
	ck_assert_uint_eq(table.count, 2);
	ck_assert_uint_eq(table.used, 4);
	ck_assert_int_eq(table.entry[3].pid, 1003);
	ck_assert_uint_eq(table.entry[3].generation, 7);
	ck_assert_int_eq(table.entry[3].born, 500);
}
END_TEST

START_TEST(stranger_is_not_found)
{
	workers_add(&table, 2, 1002, 1, 0);
	ck_assert_int_eq(workers_find(&table, 1003), -1);
	ck_assert_int_eq(workers_find(&table, 0), -1); /* what an empty entry holds */
	ck_assert_int_eq(workers_find(&table, -1), -1);
}
END_TEST

START_TEST(process_that_was_reaped_is_a_stranger)
{
	workers_add(&table, 1, 1001, 1, 0);
	workers_add(&table, 7, 1007, 1, 0);
	workers_remove(&table, 1);
	ck_assert_int_eq(workers_find(&table, 1001), -1);
	ck_assert_int_eq(workers_find(&table, 1007), 7);
	ck_assert_uint_eq(table.count, 1);
	ck_assert_int_eq(table.entry[1].pid, 0);
	workers_add(&table, 1, 2001, 2, 900);
	ck_assert_int_eq(workers_find(&table, 2001), 1);
	ck_assert_uint_eq(table.count, 2);
}
END_TEST

/* ---- our own bugs ---- */

static int add_where_somebody_lives(void *unused)
{
	(void)unused;
	workers_add(&table, 0, 1001, 1, 0);
	return 0;
}

static int add_outside(void *unused)
{
	(void)unused;
	workers_add(&table, CAPACITY, 1001, 1, 0);
	return 0;
}

static int add_nobody(void *unused)
{
	(void)unused;
	workers_add(&table, 1, 0, 1, 0);
	return 0;
}

static int remove_where_nobody_lives(void *unused)
{
	(void)unused;
	workers_remove(&table, 1);
	return 0;
}

static int (*const nonsense[])(void *) = { add_where_somebody_lives, add_outside, add_nobody,
	remove_where_nobody_lives };

/* What the assertion says is nobody's business here. */
static int in_silence(void *work)
{
	int (*const *nonsensical)(void *) = work;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(nowhere, STDERR_FILENO);
	return (*nonsensical)(NULL);
}

START_TEST(nonsense_aborts)
{
	int (*what)(void *) = nonsense[_i];
	int status = 0;
	pid_t pid;

	workers_add(&table, 0, 1000, 1, 0);
	pid = child_start(in_silence, &what);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

Suite *workers_suite(void)
{
	Suite *suite = suite_create("workers");
	TCase *tcase = tcase_create("table");

	tcase_add_checked_fixture(tcase, make_empty, NULL);
	tcase_add_test(tcase, process_is_found_where_it_lives);
	tcase_add_test(tcase, stranger_is_not_found);
	tcase_add_test(tcase, process_that_was_reaped_is_a_stranger);
	tcase_add_loop_test(tcase, nonsense_aborts, 0, sizeof nonsense / sizeof nonsense[0]);
	suite_add_tcase(suite, tcase);
	return suite;
}
