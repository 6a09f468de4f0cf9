/* SPDX-License-Identifier: ISC */
/* The master's tables: that they are empty at first, and nobody else's. */
#include "tests/suites.h"

#include "master/tables.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static struct tables *tables;

static void open_them(void)
{
	tables = tables_open();
	ck_assert_ptr_nonnull(tables);
}

static void close_them(void)
{
	tables_close(tables);
}

START_TEST(they_are_empty_at_first)
{
	for (unsigned i = 0; i < TABLES_SLOTS; i++) {
		ck_assert_int_eq(tables->slot[i].phase, SLOT_FREE);
		ck_assert_int_eq(tables->entry[i].pid, 0);
	}
}
END_TEST

/* mincore(2) knows ENOMEM for addresses that are not mapped. */
static int look_for(void *address)
{
	unsigned char is_there;

	return mincore(address, 1, &is_there) < 0 && errno == ENOMEM ? 0 : 1;
}

START_TEST(child_has_none_of_them)
{
	char *last = (char *)(tables + 1) - 1;

	last -= (uintptr_t)last % (uintptr_t)getpagesize();
	tables->slot[0].phase = SLOT_READY;
	tables->vacant[IDLE_SET_WORDS - 1] = 1;
	child_succeeded(child_start(look_for, &tables->slot[0]));
	child_succeeded(child_start(look_for, last));
	ck_assert_int_eq(tables->slot[0].phase, SLOT_READY);
}
END_TEST

Suite *tables_suite(void)
{
	Suite *suite = suite_create("tables");
	TCase *tcase = tcase_create("memory");

	tcase_add_checked_fixture(tcase, open_them, close_them);
	tcase_add_test(tcase, they_are_empty_at_first);
	tcase_add_test(tcase, child_has_none_of_them);
	suite_add_tcase(suite, tcase);
	return suite;
}
