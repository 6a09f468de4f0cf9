/* SPDX-License-Identifier: ISC */
/* Time stamps: that they are true, also when the time has gone on. */
#include "tests/suites.h"

#include "common/timestamp.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Compares within one second of the clock; returns which. */
static time_t expect_true(void)
{
	char expected[32];
	char got[32];
	time_t now;

	do {
		now = time(NULL);
		strlcpy(got, timestamp(), sizeof got);
	} while (time(NULL) != now);
	strftime(expected, sizeof expected, "%b %e %H:%M:%S", localtime(&now));
	ck_assert_str_eq(got, expected);
	return now;
}

START_TEST(it_is_the_local_time)
{
	setenv("TZ", "HERE-05:45", 1);
	tzset();
	expect_true();
}
END_TEST

START_TEST(it_goes_on_with_the_time)
{
	time_t first = expect_true();

	while (time(NULL) == first)
		poll(NULL, 0, 10);
	ck_assert_int_gt(expect_true(), first);
}
END_TEST

Suite *timestamp_suite(void)
{
	Suite *suite = suite_create("timestamp");
	TCase *tcase = tcase_create("text");

	tcase_add_test(tcase, it_is_the_local_time);
	tcase_add_test(tcase, it_goes_on_with_the_time);
	suite_add_tcase(suite, tcase);
	return suite;
}
