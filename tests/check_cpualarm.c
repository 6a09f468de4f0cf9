/* SPDX-License-Identifier: ISC */
/* master/cpualarm.h: it goes off when another process has run for so long, and only then. */
#include "tests/suites.h"

#include "master/cpualarm.h"

#include <errno.h>
#include <unistd.h>

static volatile sig_atomic_t went_off;

static void note(int number)
{
	(void)number;
	went_off = 1;
}

static void catch_alarm(void)
{
	struct sigaction action = { .sa_handler = note };

	ck_assert_int_eq(sigaction(CPU_ALARM_SIGNAL, &action, NULL), 0);
}

static int run(void *with)
{
	(void)with;
	for (volatile bool on = true; on;)
		continue;
	return 0;
}

static int sleep_for_ever(void *with)
{
	(void)with;
	pause();
	return 0;
}

static void sleep_ms(int64_t ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Milliseconds that a process has run. */
static int64_t ran_ms(pid_t pid)
{
	clockid_t clock;
	struct timespec now;

	ck_assert_int_eq(clock_getcpuclockid(pid, &clock), 0);
	ck_assert_int_eq(clock_gettime(clock, &now), 0);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(goes_off_when_the_process_has_run_and_each_time_it_is_set)
{
	struct cpu_alarm alarm = { 0 };
	pid_t pid = child_start(run, NULL);

	catch_alarm();
	for (int times = 0; times < 2; times++) {
		int64_t before = ran_ms(pid);

		went_off = 0;
		ck_assert_int_eq(cpu_alarm_set(&alarm, pid, 50), 0);
		ck_assert(!cpu_alarm_take(&alarm));
		for (int turns = 0; !went_off && turns < 600; turns++)
			sleep_ms(100); /* a signal ends it */
		ck_assert(went_off);
		ck_assert_int_ge(ran_ms(pid) - before, 49);
		ck_assert(cpu_alarm_take(&alarm));
		ck_assert(!cpu_alarm_take(&alarm));
	}
	cpu_alarm_clear(&alarm);
	child_kill(pid);
}
END_TEST

START_TEST(does_not_go_off_while_the_process_waits_or_when_it_is_dead)
{
	struct cpu_alarm alarm = { 0 };
	pid_t pid = child_start(sleep_for_ever, NULL);

	catch_alarm();
	ck_assert_int_eq(cpu_alarm_set(&alarm, pid, 20), 0);
	sleep_ms(300); /* what is looked for is that nothing happens */
	ck_assert(!went_off && !cpu_alarm_take(&alarm));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	sleep_ms(50);
	ck_assert(!went_off && !cpu_alarm_take(&alarm));
	cpu_alarm_clear(&alarm);
	ck_assert(!cpu_alarm_take(&alarm));
	child_kill(pid);
}
END_TEST

START_TEST(process_that_is_gone_is_told_as_such)
{
	struct cpu_alarm alarm = { 0 };
	struct cpu_alarm late = { 0 };
	pid_t pid = child_start(sleep_for_ever, NULL);

	ck_assert_int_eq(cpu_alarm_set(&alarm, pid, 1000), 0);
	child_kill(pid);
	ck_assert_int_eq(cpu_alarm_set(&alarm, pid, 1000), -1);
	ck_assert_int_eq(errno, ESRCH);
	ck_assert_int_eq(cpu_alarm_set(&late, pid, 1000), -1);
	ck_assert_int_eq(errno, ESRCH);
	cpu_alarm_clear(&alarm);
	cpu_alarm_clear(&late);
}
END_TEST

START_TEST(waits_are_counted_of_whom_waits)
{
	uint64_t before = 0;
	uint64_t after = 0;

	sleep_ms(1);
	ck_assert_int_eq(cpu_waits(getpid(), &before), 0);
	ck_assert_uint_gt(before, 0);
	sleep_ms(1);
	sleep_ms(1);
	ck_assert_int_eq(cpu_waits(getpid(), &after), 0);
	ck_assert_uint_ge(after, before + 2);
}
END_TEST

START_TEST(waits_that_cannot_be_read_are_not_none)
{
	pid_t pid = child_start(sleep_for_ever, NULL);
	uint64_t waits;

	child_kill(pid);
	ck_assert_int_eq(cpu_waits(pid, &waits), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

Suite *cpualarm_suite(void)
{
	Suite *suite = suite_create("cpualarm");
	TCase *tcase = tcase_create("alarm");

	tcase_set_timeout(tcase, 120); /* processor time may be long in coming */
	tcase_add_test(tcase, goes_off_when_the_process_has_run_and_each_time_it_is_set);
	tcase_add_test(tcase, does_not_go_off_while_the_process_waits_or_when_it_is_dead);
	tcase_add_test(tcase, process_that_is_gone_is_told_as_such);
	tcase_add_test(tcase, waits_are_counted_of_whom_waits);
	tcase_add_test(tcase, waits_that_cannot_be_read_are_not_none);
	suite_add_tcase(suite, tcase);
	return suite;
}
