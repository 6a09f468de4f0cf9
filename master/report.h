/* SPDX-License-Identifier: ISC */
/* What the master says: lines about the plan, the status report, the title. */
#ifndef MASTER_REPORT_H
#define MASTER_REPORT_H

#include "common/board.h"
#include "common/settings.h"
#include "master/plan.h"
#include "master/workers.h"

#include <stdbool.h>

/* Room for what report_death() writes. */
#define REPORT_DEATH_MAX 128

/*
 * Writes how a process ended, from waitpid(2)'s status, to `text`, of
 * REPORT_DEATH_MAX bytes: "was killed by signal 9 (Killed)". `denied` is what it has left
 * on the board: "was killed by its sandbox: it called execve (59)". Returns `text`.
 */
char *report_death(int status, uint32_t denied, char *text);

/* Logs what holds workers with these settings to their task. */
void report_sandbox(const struct settings *settings);

/*
 * Logs that a worker has been started, or has left as it was told. Where that is
 * `by_load`, only who debugs wants to know: a client can have it happen as often as
 * it likes.
 */
void report_coming(const struct plan_action *action, pid_t pid);
void report_leaving(unsigned slot, const struct worker_entry *entry, bool by_load);

/* Logs that a worker is aborted because it hangs. `action` is PLAN_ABORT. */
void report_hanging(const struct plan_action *action, const struct worker_entry *entry);

/*
 * Logs one of the plan's reports. `sessions` is how many clients are being
 * served, `timeout_s` for how many seconds they may go on; `on_terminal` tells
 * whether somebody watches; `last_death` is what became of the last worker or
 * fork that failed.
 */
void report_plan(const struct plan_action *action, unsigned sessions, unsigned timeout_s,
    bool on_terminal, const char *last_death);

/* Logs where a listener is, and when the kernel has cut its backlog. */
void report_listening(int listener);
void report_backlog(int listener, unsigned backlog);

/* Logs that a listener is about to be closed, and whom that leaves unserved. */
void report_closing(int listener);

/* Returns how many clients are being served. */
unsigned report_sessions(const struct workers *workers, const struct board *board);

/* Room for what report_summary() writes. */
#define REPORT_SUMMARY_MAX 128

/*
 * Writes in a few words how things are, to `text` of REPORT_SUMMARY_MAX bytes:
 * "8 workers, 3 serving, 120 connections so far". Returns `text`.
 */
char *report_summary(const struct workers *workers, const struct board *board,
    const struct board_totals *gone, char *text);

/* Shows in the master's process title how many workers there are to be. */
void report_title(const struct plan *plan);

/*
 * Logs a status report: a line for every worker, and the totals, to which
 * `gone` brings what workers that are gone have done.
 */
void report_status(const struct workers *workers, const struct board *board,
    const struct board_totals *gone, const struct plan *plan, int64_t now);

#endif
