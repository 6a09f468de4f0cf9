/* SPDX-License-Identifier: ISC */
#include "master/report.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/nethelp.h"
#include "common/ratelimit.h"
#include "common/title.h"
#include "master/listener.h"
#include "worker/sandbox.h"
#include "worker/sandbox_filter.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

char *report_death(int status, uint32_t denied, char *text)
{
	char call[FILTER_CALL_TEXT_MAX];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS && denied != 0)
		snprintf(text, REPORT_DEATH_MAX, "was killed by its sandbox: it called %s",
		    filter_call_text((int)(denied - 1), call));
	else if (WIFSIGNALED(status))
		snprintf(text, REPORT_DEATH_MAX, "was killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(text, REPORT_DEATH_MAX, "exited with code %d", WEXITSTATUS(status));
	return text;
}

void report_sandbox(const struct settings *settings)
{
	const struct sandbox *sandbox = sandbox_for(settings);
	char text[SANDBOX_TEXT_MAX];

	if (sandbox == NULL)
		return; /* the first worker that cannot have it is told of */
	log_line(sandbox_is_whole(sandbox) ? LOG_INFO : LOG_WARNING, "sandbox %s",
	    sandbox_text(sandbox, text));
}

static const char *plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

void report_coming(const struct plan_action *action, pid_t pid)
{
	log_line(action->by_load ? LOG_DEBUG : LOG_INFO, "worker %u started: pid %d, generation %u",
	    action->slot + 1, (int)pid, action->generation);
}

void report_leaving(unsigned slot, const struct worker_entry *entry, bool by_load)
{
	log_line(by_load ? LOG_DEBUG : LOG_INFO, "worker %u left: pid %d, generation %u", slot + 1,
	    (int)entry->pid, entry->generation);
}

void report_hanging(const struct plan_action *action, const struct worker_entry *entry)
{
	log_error("worker %u (pid %d, generation %u) hangs: it %s %d s%s; it is aborted",
	    action->slot + 1, (int)entry->pid, entry->generation,
	    action->stopped ? "has been stopped for" : "has run for",
	    (int)(action->delay_ms / 1000),
	    action->stopped ? "" : " and got nowhere");
}

static void report_stopping(unsigned sessions, unsigned timeout_s, bool on_terminal)
{
	if (sessions == 0)
		log_notice("stopping");
	else
		log_notice("stopping: waiting for %u session%s, up to %u s%s", sessions,
		    plural(sessions), timeout_s,
		    on_terminal ? "; Ctrl-C again to stop now" : "");
}

static void report_reload(const struct plan_action *action, const char *last_death)
{
	switch (action->report) {
	case PLAN_RELOADED:
		log_notice("reloaded: generation %u is in charge, %u worker%s ready",
		    action->generation, action->count, plural(action->count));
		break;
	case PLAN_RELOAD_FAILED:
		log_error("reload failed, the old workers stay: worker %u of generation %u %s",
		    action->slot + 1, action->generation, last_death);
		break;
	case PLAN_RELOAD_LATE:
		log_error("reload failed, the old workers stay: generation %u was not ready "
		          "within %d s", action->generation, PLAN_START_MS / 1000);
		break;
	default:
		log_notice("this reload begins when the present one, or the start, is over");
		break;
	}
}

/* Clients can have the pool grow and shrink as often as they like. */
static bool may_log_load(struct rate_limit *limit)
{
	uint64_t missed;

	if (!log_wants(LOG_INFO) || !rate_limit_pass(limit, clock_ms(), &missed))
		return false;
	if (missed > 0)
		log_info("%" PRIu64 " lines like the next one were left out", missed);
	return true;
}

static void report_size(const struct plan_action *action)
{
	static struct rate_limit growth = RATE_LIMIT(5, 10000);
	static struct rate_limit shrinking = RATE_LIMIT(5, 10000);

	if (action->report == PLAN_GREW && may_log_load(&growth))
		log_info("grew to %u workers", action->count);
	else if (action->report == PLAN_SHRUNK && may_log_load(&shrinking))
		log_info("%u spare worker%s leave%s", action->count, plural(action->count),
		    action->count == 1 ? "s" : "");
	else if (action->report == PLAN_FULL)
		log_warning("all %u workers are busy, which is max-workers; %u client%s wait%s in "
		            "the queue", action->count, action->waiting, plural(action->waiting),
		    action->waiting == 1 ? "s" : "");
}

void report_plan(const struct plan_action *action, unsigned sessions, unsigned timeout_s,
    bool on_terminal, const char *last_death)
{
	unsigned count = action->count;

	switch (action->report) {
	case PLAN_STARTED:
		log_notice("ready: %u worker%s", count, plural(count));
		break;
	case PLAN_STARTED_PARTLY:
		log_error("serving with only %u worker%s: the others did not get ready", count,
		    plural(count));
		break;
	case PLAN_START_FAILED:
		log_error("no worker could be started: the last one %s", last_death);
		break;
	case PLAN_BACKING_OFF:
		log_warning("worker %u will be started again in %" PRId64 ".%" PRId64 " s",
		    action->slot + 1, action->delay_ms / 1000, action->delay_ms % 1000 / 100);
		break;
	case PLAN_WORKERS_HUNG:
		log_error("%u worker%s did not get ready within %d s: killed", count,
		    plural(count), PLAN_START_MS / 1000);
		break;
	case PLAN_RELOADED:
	case PLAN_RELOAD_FAILED:
	case PLAN_RELOAD_LATE:
	case PLAN_RELOAD_QUEUED:
		report_reload(action, last_death);
		break;
	case PLAN_RESIZED:
		log_notice("%u worker%s from now on, until the next reload", count, plural(count));
		break;
	case PLAN_RESIZE_LEAST:
		log_warning("the number of workers stays at %u, which is the least", count);
		break;
	case PLAN_RESIZE_MOST:
		log_warning("the number of workers stays at %u, which is max-workers", count);
		break;
	case PLAN_FULL:
	case PLAN_GREW:
	case PLAN_SHRUNK:
		report_size(action);
		break;
	case PLAN_STOPPING:
		report_stopping(sessions, timeout_s, on_terminal);
		break;
	case PLAN_STOPPING_FAST:
		log_notice("stopping now: %u session%s will be ended", sessions, plural(sessions));
		break;
	case PLAN_TIME_UP:
		log_warning("%u worker%s did not finish in time: sessions are ended", count,
		    plural(count));
		break;
	}
}

static const char *where(int listener, char *text)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;

	if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		return "an unknown address";
	return address_text((struct sockaddr *)&address, length, text);
}

void report_listening(int listener)
{
	char text[ADDRESS_TEXT_MAX];

	log_notice("echo-master " ECHO_VERSION " listening on %s", where(listener, text));
}

void report_closing(int listener)
{
	int waiting = listener_depth(listener);
	char text[ADDRESS_TEXT_MAX];

	if (waiting > 0)
		log_warning("%d clients wait in the queue and are not served", waiting);
	log_info("the listener on %s is closed", where(listener, text));
}

void report_backlog(int listener, unsigned backlog)
{
	int limit = listener_limit(listener);

	if (limit >= 0 && (unsigned)limit < backlog)
		log_warning("backlog %u is cut to %d by net.core.somaxconn", backlog, limit);
}

/* Of a pool that has grown: how many workers it has when nobody comes. */
#define AT_REST_MAX 32

static const char *text_at_rest(const struct pool *pool, char *text)
{
	text[0] = '\0';
	if (pool->target > pool->wanted)
		snprintf(text, AT_REST_MAX, ", %u at rest", pool->wanted);
	return text;
}

void report_title(const struct plan *plan)
{
	const struct pool *charge = &plan->slots.charge;
	char at_rest[AT_REST_MAX];

	title_set("master (%u worker%s%s, generation %u%s)", charge->target, plural(charge->target),
	    text_at_rest(charge, at_rest), charge->generation,
	    plan_is_stopping(plan) ? ", stopping" : "");
}

static void report_totals(const char *who, const struct board_totals *totals)
{
	log_notice("%s: %" PRIu64 " connections, %" PRIu64 " completed, %" PRIu64 " refused, "
	           "%" PRIu64 " turned away, %" PRIu64 " cut off, "
	           "%" PRIu64 " bytes in, %" PRIu64 " bytes out", who, totals->accepted,
	    totals->completed, totals->refused, totals->turned_away, totals->cut,
	    totals->bytes_in, totals->bytes_out);
}

unsigned report_sessions(const struct workers *workers, const struct board *board)
{
	unsigned sessions = 0;

	for (unsigned i = 0; i < workers->used; i++)
		if (workers->entry[i].pid != 0)
			sessions += board_get_open(&board->slots[i]);
	return sessions;
}

char *report_summary(const struct workers *workers, const struct board *board,
    const struct board_totals *gone, char *text)
{
	struct board_totals all = *gone;

	for (unsigned i = 0; i < workers->used; i++)
		if (workers->entry[i].pid != 0)
			board_add(&board->slots[i], &all);
	snprintf(text, REPORT_SUMMARY_MAX,
	    "%u worker%s, %u serving, %" PRIu64 " connection%s so far", workers->count,
	    plural(workers->count), report_sessions(workers, board), all.accepted,
	    all.accepted == 1 ? "" : "s");
	return text;
}

void report_status(const struct workers *workers, const struct board *board,
    const struct board_totals *gone, const struct plan *plan, int64_t now)
{
	const struct pool *charge = &plan->slots.charge;
	struct board_totals all = *gone;
	char at_rest[AT_REST_MAX];
	char who[128];

	log_notice("status: %u worker%s%s, generation %u in charge, %u process%s",
	    charge->ready, plural(charge->ready), text_at_rest(charge, at_rest),
	    charge->generation, workers->count, workers->count == 1 ? "" : "es");
	for (unsigned i = 0; i < workers->used; i++) {
		const struct worker_entry *entry = &workers->entry[i];
		const struct board_slot *slot = &board->slots[i];
		struct board_totals own = { 0 };

		if (entry->pid == 0)
			continue;
		board_add(slot, &own);
		board_add(slot, &all);
		snprintf(who, sizeof who, "worker %u: pid %d, generation %u, %s, age %" PRId64 " s",
		    i + 1, (int)entry->pid, entry->generation,
		    board_state_name(board_get_state(slot)), (now - entry->born) / 1000);
		report_totals(who, &own);
	}
	report_totals("all workers, those that are gone included", &all);
}
