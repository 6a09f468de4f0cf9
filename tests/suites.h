/* SPDX-License-Identifier: ISC */
/*
 * What the unit tests share: the list of suites, and a few small sets of tools.
 *
 * Every test sets up all that it needs and waits for events, never for a while.
 * Each runs in a process of its own (CK_FORK=no runs all of them in one).
 */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include "master/plan.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * `make coverage`: what a test's child has run counts too, and only exit(3) would see to that. To
 * be able to write a part only would spoil the counts of all; and where they are cannot be reached
 * from everywhere.
 */
#ifdef COUNTS_LINES
#include <stdlib.h>
#include <sys/resource.h>

void __gcov_dump(void);

__attribute__((noreturn)) static inline void count_and_exit(int code)
{
	const struct rlimit files = { 1024, 1024 };
	const struct rlimit size = { RLIM_INFINITY, RLIM_INFINITY };
	const char *folder = getenv("GCOV_PREFIX");

	if (folder != NULL && access(folder, W_OK) == 0 &&
	    setrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_FSIZE, &size) == 0)
		__gcov_dump();
	_exit(code);
}

#define _exit count_and_exit
#endif

/* ---- one for each file, check_<module>.c ---- */

Suite *access_suite(void);
Suite *admission_suite(void);
Suite *board_suite(void);
Suite *cpus_suite(void);
Suite *cpualarm_suite(void);
Suite *daemon_suite(void);
Suite *deaths_suite(void);
Suite *growth_suite(void);
Suite *hang_suite(void);
Suite *idleset_suite(void);
Suite *listener_suite(void);
Suite *histogram_suite(void);
Suite *load_options_suite(void);
Suite *load_schedule_suite(void);
Suite *load_report_suite(void);
Suite *load_thread_suite(void);
Suite *log_suite(void);
Suite *moves_suite(void);
Suite *mux_suite(void);
Suite *nethelp_suite(void);
Suite *pattern_suite(void);
Suite *pidfile_suite(void);
Suite *ping_suite(void);
Suite *plan_suite(void);
Suite *privileges_suite(void);
Suite *ratelimit_suite(void);
Suite *readypipe_suite(void);
Suite *refused_suite(void);
Suite *reload_suite(void);
Suite *report_suite(void);
Suite *sandbox_suite(void);
Suite *session_suite(void);
Suite *settings_suite(void);
Suite *simulation_suite(void);
Suite *settings_file_suite(void);
Suite *settings_rules_suite(void);
Suite *settings_types_suite(void);
Suite *signals_suite(void);
Suite *standard_suite(void);
Suite *stop_suite(void);
Suite *sources_suite(void);
Suite *systemd_suite(void);
Suite *tables_suite(void);
Suite *timestamp_suite(void);
Suite *workers_suite(void);

/* ---- check_script.c: a plan, what is made to happen to it, and what it says ---- */

/* The largest pool that a script can ask for. */
#define SCRIPT_MOST 24

/* How long there are too many idle in a script before some leave, in milliseconds. */
#define SCRIPT_SPARE_MS 10000

/* Time that a retiring worker gets in a script that does not care, in milliseconds. */
#define SCRIPT_DRAIN_MS 30000

struct script {
	struct plan plan;
	struct slot slots[SCRIPT_MOST * PLAN_SLOTS_PER_WORKER];
	int64_t now;            /* in ms */
	unsigned failing_forks; /* how many of the next forks are to fail, with code 71 */
	struct plan_event settings; /* what is read at the next reload */
	bool bad_settings;      /* and it has mistakes */
	bool moves;             /* and another address */
	bool inherited;         /* at the next start */
	int64_t hang_ms;        /* at the next start or reload */
	unsigned max_workers;   /* at the next start or reload; 0: SCRIPT_MOST */
	uint64_t busy[SCRIPT_MOST * PLAN_SLOTS_PER_WORKER / 64 + 1]; /* slots that are, a bit each */
	uint64_t in_session[SCRIPT_MOST * PLAN_SLOTS_PER_WORKER / 64 + 1]; /* though not busy */
	unsigned waiting;       /* clients in the queue */
	char said[4096];        /* the plan's actions since they were last looked at */
};

extern struct script script;

/* Begins a first start, or gets over it: then all `workers` are ready and it was looked at. */
void script_start(unsigned workers);
void script_serve(unsigned workers);

/* What can happen to the worker in a slot. Deaths are with code 70, if it does not matter. */
void script_ready(unsigned slot);
void script_asks(unsigned slot);
void script_served_enough(unsigned slot);
void script_dies(unsigned slot);
void script_dies_with(unsigned slot, int code);
void script_dies_after_session(unsigned slot);
void script_stopped(unsigned slot);
void script_continued(unsigned slot);
void script_ran(unsigned slot, uint64_t steps);

/*
 * What can happen to the server. A reload asks for one and gives it these
 * settings when they are read, one that moves gives it a new listener too.
 */
void script_reload(unsigned workers, int64_t drain_ms);
void script_moves(unsigned workers);
void script_queue_empty(unsigned listener);
void script_happens(enum plan_event_kind kind);

/*
 * What workers do with their clients: all but `idle`, from slot 0 on, are busy.
 * The plan is told what it watches for.
 */
void script_idle(unsigned idle);

/* Lets time pass; whatever is due meanwhile happens exactly when it is due. */
void script_pass(int64_t ms);

/*
 * Compares what the plan said with `text`, and forgets it. It says "spawn
 * 2/1" (slot 2, generation 1), "retire 2", "gate 0" (listener 0), "exit 0"
 * ..., and reports in capitals, as in "STARTED 3" or "RELOADED g2 3".
 */
#define script_says(text)                                                                          \
	do {                                                                                       \
		ck_assert_str_eq(script.said, (text));                                             \
		script.said[0] = '\0';                                                             \
	} while (0)

/* ---- check_tools.c: children, lies, interruptions, standard error ---- */

/*
 * Forks a child that does `work` and leaves with the code it returns. The child
 * must not use libcheck's assertions.
 */
pid_t child_start(int (*work)(void *), void *with);

/* Waits for a child and asserts that it left with code 0. */
void child_succeeded(pid_t pid);

/* Kills a child and waits for it. */
void child_kill(pid_t pid);

/* What a system call does instead of its work: it fails with an errno, or one of these. */
#define DOES_NOTHING 0 /* and claims success */
#define KILLS (-1)

struct lie {
	int call;
	int argument;   /* counted from 0: only if this one is `value`; -1: always */
	uint32_t value;
	int error;
};

/*
 * For a child: from now on it is told this lie, by a filter of seccomp(2). Returns 0, or -1
 * with errno.
 */
int tell_lie(const struct lie *lie);

/* Calls `handler` every `ms` milliseconds, interrupting any system call, until it is stopped. */
void interruptions_start(void (*handler)(int), int ms);
void interruptions_stop(void);

/*
 * Puts a pipe in the place of standard error, for this process and its children,
 * until it is released. Returns the end that is written to, open until then too.
 */
int stderr_catch(void);
void stderr_release(void);

/* Returns what was said there since it was last asked for, up to what a pipe holds. */
const char *stderr_caught(void);

/* Fills a buffer with a pattern in which any loss or change of order shows. */
void pattern_fill(char *bytes, size_t size);

#endif
