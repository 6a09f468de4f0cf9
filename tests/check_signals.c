/* SPDX-License-Identifier: ISC */
/* master/signals.h: no signal is missed, none is seen twice. Each test is a process of its own. */
#include "tests/suites.h"

#include "master/signals.h"

#include <unistd.h>

START_TEST(signal_that_is_pending_ends_the_wait_at_once)
{
	ck_assert_int_eq(signals_catch(), 0);
	raise(SIGTERM); /* blocked until the wait */
	ck_assert(!signals_take(SIGTERM));
	signals_wait(NULL, 0, -1);
	ck_assert(signals_take(SIGTERM));
	ck_assert(!signals_take(SIGTERM));
	ck_assert(!signals_take(SIGHUP));
}
END_TEST

START_TEST(descriptor_that_is_always_ready_keeps_no_signal_out)
{
	struct pollfd fd = { .events = POLLIN };
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(signals_catch(), 0);
	fd.fd = ends[0];
	raise(SIGTERM);
	raise(SIGCHLD);
	signals_wait(&fd, 1, -1);
	ck_assert_int_eq(fd.revents, POLLIN);
	ck_assert(signals_take(SIGTERM));
	ck_assert(signals_take(SIGCHLD));
}
END_TEST

START_TEST(wait_without_an_event_ends_when_its_time_is_up)
{
	struct pollfd fd = { .events = POLLIN };
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(signals_catch(), 0);
	fd.fd = ends[0];
	fd.revents = POLLIN;
	signals_wait(&fd, 1, 20);
	ck_assert_int_eq(fd.revents, 0);
	ck_assert(!signals_take(SIGTERM));
}
END_TEST

START_TEST(interrupted_wait_reports_no_descriptor)
{
	struct pollfd fd = { .events = POLLIN, .revents = POLLIN };
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(signals_catch(), 0);
	fd.fd = ends[0];
	raise(SIGUSR1);
	signals_wait(&fd, 1, -1);
	ck_assert_int_eq(fd.revents, 0);
	ck_assert(signals_take(SIGUSR1));
}
END_TEST

START_TEST(child_starts_with_default_actions_and_nothing_caught)
{
	struct sigaction action;
	sigset_t blocked;

	ck_assert_int_eq(signals_catch(), 0);
	raise(SIGHUP);
	signals_wait(NULL, 0, -1);
	signals_forget();
	ck_assert(!signals_take(SIGHUP));
	ck_assert_int_eq(sigaction(SIGHUP, NULL, &action), 0);
	ck_assert(action.sa_handler == SIG_DFL);
	/* Still blocked: what comes now waits for the child's own handlers. */
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &blocked), 0);
	ck_assert_int_eq(sigismember(&blocked, SIGTERM), 1);
}
END_TEST

START_TEST(signals_without_a_meaning_do_no_harm)
{
	ck_assert_int_eq(signals_catch(), 0);
	raise(SIGUSR2);
	raise(SIGPIPE);
}
END_TEST

Suite *signals_suite(void)
{
	Suite *suite = suite_create("signals");
	TCase *tcase = tcase_create("master");

	tcase_add_test(tcase, signal_that_is_pending_ends_the_wait_at_once);
	tcase_add_test(tcase, descriptor_that_is_always_ready_keeps_no_signal_out);
	tcase_add_test(tcase, wait_without_an_event_ends_when_its_time_is_up);
	tcase_add_test(tcase, interrupted_wait_reports_no_descriptor);
	tcase_add_test(tcase, child_starts_with_default_actions_and_nothing_caught);
	tcase_add_test(tcase, signals_without_a_meaning_do_no_harm);
	suite_add_tcase(suite, tcase);
	return suite;
}
