/* SPDX-License-Identifier: ISC */
/* master/report.h: what the plan says, word for word as it is logged. */
#include "tests/suites.h"

#include "master/report.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	struct plan_action said;
	const char *line;
} reports[] = {
	{ { .report = PLAN_STARTED, .count = 8 }, "ready: 8 workers" },
	{ { .report = PLAN_STARTED, .count = 1 }, "ready: 1 worker" },
	{ { .report = PLAN_STARTED_PARTLY, .count = 1 },
	    "serving with only 1 worker: the others did not get ready" },
	{ { .report = PLAN_START_FAILED }, "no worker could be started: the last one fell ill" },
	{ { .report = PLAN_BACKING_OFF, .slot = 2, .delay_ms = 12800 },
	    "worker 3 will be started again in 12.8 s" },
	{ { .report = PLAN_WORKERS_HUNG, .count = 2 },
	    "2 workers did not get ready within 10 s: killed" },
	{ { .report = PLAN_RELOADED, .generation = 2, .count = 4 },
	    "reloaded: generation 2 is in charge, 4 workers ready" },
	{ { .report = PLAN_RELOAD_FAILED, .generation = 2, .slot = 0 },
	    "reload failed, the old workers stay: worker 1 of generation 2 fell ill" },
	{ { .report = PLAN_RELOAD_LATE, .generation = 2 },
	    "reload failed, the old workers stay: generation 2 was not ready within 10 s" },
	{ { .report = PLAN_RELOAD_QUEUED },
	    "this reload begins when the present one, or the start, is over" },
	{ { .report = PLAN_RESIZED, .count = 9 }, "9 workers from now on, until the next reload" },
	{ { .report = PLAN_RESIZE_LEAST, .count = 1 },
	    "the number of workers stays at 1, which is the least" },
	{ { .report = PLAN_RESIZE_MOST, .count = 9 },
	    "the number of workers stays at 9, which is max-workers" },
	{ { .report = PLAN_FULL, .count = 8, .waiting = 1 },
	    "all 8 workers are busy, which is max-workers; 1 client waits in the queue" },
	{ { .report = PLAN_FULL, .count = 8, .waiting = 3 },
	    "all 8 workers are busy, which is max-workers; 3 clients wait in the queue" },
	{ { .report = PLAN_GREW, .count = 12 }, "grew to 12 workers" },
	{ { .report = PLAN_SHRUNK, .count = 1 }, "1 spare worker leaves" },
	{ { .report = PLAN_SHRUNK, .count = 4 }, "4 spare workers leave" },
	{ { .report = PLAN_STOPPING }, "stopping: waiting for 3 sessions, up to 30 s" },
	{ { .report = PLAN_STOPPING_FAST }, "stopping now: 3 sessions will be ended" },
	{ { .report = PLAN_TIME_UP, .count = 1 },
	    "1 worker did not finish in time: sessions are ended" },
};

START_TEST(plan_is_reported_word_for_word)
{
	char line[256];

	setprogname("tester");
	stderr_catch();
	report_plan(&reports[_i].said, 3, 30, false, "fell ill");
	snprintf(line, sizeof line, "tester: %s\n", reports[_i].line);
	ck_assert_str_eq(stderr_caught(), line);
	stderr_release();
}
END_TEST

START_TEST(stop_tells_a_terminal_how_to_be_quicker)
{
	const struct plan_action stopping = { .report = PLAN_STOPPING };

	setprogname("tester");
	stderr_catch();
	report_plan(&stopping, 0, 30, true, "");
	report_plan(&stopping, 1, 30, true, "");
	ck_assert_str_eq(stderr_caught(), "tester: stopping\n"
	    "tester: stopping: waiting for 1 session, up to 30 s; Ctrl-C again to stop now\n");
	stderr_release();
}
END_TEST

Suite *report_suite(void)
{
	Suite *suite = suite_create("report");
	TCase *tcase = tcase_create("plan");

	tcase_add_loop_test(tcase, plan_is_reported_word_for_word, 0,
	    sizeof reports / sizeof reports[0]);
	tcase_add_test(tcase, stop_tells_a_terminal_how_to_be_quicker);
	suite_add_tcase(suite, tcase);
	return suite;
}
