/* SPDX-License-Identifier: ISC */
/* Drives one plan as the supervisor does, and writes down in words what it says. */
#include "tests/suites.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct script script;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	size_t length = strlen(script.said);
	va_list arguments;

	if (length > 0)
		length += (size_t)snprintf(script.said + length, sizeof script.said - length, ", ");
	va_start(arguments, format);
	length += (size_t)vsnprintf(script.said + length, sizeof script.said - length, format,
	    arguments);
	va_end(arguments);
	ck_assert_uint_lt(length, sizeof script.said);
}

static void say_report(const struct plan_action *action)
{
	static const char *const names[] = {
		[PLAN_STARTED] = "STARTED", [PLAN_STARTED_PARTLY] = "STARTED_PARTLY",
		[PLAN_WORKERS_HUNG] = "HUNG",
		[PLAN_RESIZED] = "RESIZED", [PLAN_RESIZE_LEAST] = "LEAST",
		[PLAN_RESIZE_MOST] = "MOST",
		[PLAN_TIME_UP] = "TIME_UP", [PLAN_GREW] = "GREW",
		[PLAN_SHRUNK] = "SHRUNK",
	};

	switch (action->report) {
	case PLAN_START_FAILED:
		say("START_FAILED");
		break;
	case PLAN_BACKING_OFF:
		say("BACKING_OFF %u %d", action->slot, (int)action->delay_ms);
		break;
	case PLAN_RELOADED:
		say("RELOADED g%u %u", action->generation, action->count);
		break;
	case PLAN_RELOAD_FAILED:
		say("RELOAD_FAILED g%u %u", action->generation, action->slot);
		break;
	case PLAN_RELOAD_LATE:
		say("RELOAD_LATE g%u", action->generation);
		break;
	case PLAN_RELOAD_QUEUED:
		say("QUEUED");
		break;
	case PLAN_FULL:
		say("FULL %u %u", action->count, action->waiting);
		break;
	case PLAN_STOPPING:
		say("STOPPING");
		break;
	case PLAN_STOPPING_FAST:
		say("STOPPING_FAST");
		break;
	default:
		say("%s %u", names[action->report], action->count);
		break;
	}
}

static void say_action(const struct plan_action *action)
{
	static const char *const words[] = { [PLAN_RETIRE] = "retire", [PLAN_END] = "end",
		[PLAN_KILL] = "kill",
		[PLAN_GATE] = "gate", [PLAN_DRAIN] = "drain",
		[PLAN_CLOSE] = "close" };

	switch (action->kind) {
	case PLAN_SPAWN:
		say("spawn %u/%u", action->slot, action->generation);
		break;
	case PLAN_RETIRE:
	case PLAN_END:
	case PLAN_KILL:
		say("%s %u", words[action->kind], action->slot);
		break;
	case PLAN_ABORT:
		say("abort %u %d", action->slot, (int)action->delay_ms);
		break;
	case PLAN_CLOCK:
		say("clock %u %d", action->slot, (int)action->delay_ms);
		break;
	case PLAN_GATE:
	case PLAN_DRAIN:
	case PLAN_CLOSE:
		say("%s %u", words[action->kind], action->listener);
		break;
	case PLAN_READ:
	case PLAN_LOOK:
		break; /* what comes of it is said */
	case PLAN_REPORT:
		say_report(action);
		break;
	case PLAN_EXIT:
		say("exit %d", action->code);
		break;
	}
}

static unsigned max_workers(void)
{
	return script.max_workers > 0 ? script.max_workers : SCRIPT_MOST;
}

static void read_settings(void)
{
	struct plan_event settings = script.settings;

	if (script.bad_settings) {
		say("BAD");
		return;
	}
	settings.kind = PLAN_RELOAD;
	settings.max_workers = max_workers();
	settings.spare_ms = SCRIPT_SPARE_MS;
	settings.hang_ms = script.hang_ms;
	settings.listener = script.plan.slots.charge.listener;
	if (script.moves) {
		ck_assert_int_ge(plan_free_listener(&script.plan), 0);
		settings.listener = (unsigned)plan_free_listener(&script.plan);
		script.moves = false;
	}
	plan_event(&script.plan, &settings, script.now);
}

static void look(void)
{
	uint64_t idle[sizeof script.busy / sizeof script.busy[0]];
	uint64_t vacant[sizeof idle / sizeof idle[0]];

	for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
		idle[i] = ~script.busy[i];
		vacant[i] = idle[i] & ~script.in_session[i];
	}
	plan_event(&script.plan, &(struct plan_event){ .kind = PLAN_IDLE, .idle = idle,
	    .vacant = vacant, .waiting = script.waiting }, script.now);
}

static void carry_out_all(void)
{
	struct plan_action action;

	while (plan_next(&script.plan, &action)) {
		say_action(&action);
		if (action.kind == PLAN_READ)
			read_settings();
		if (action.kind == PLAN_LOOK)
			look();
		if (action.kind == PLAN_SPAWN && script.failing_forks > 0) {
			script.failing_forks--;
			plan_event(&script.plan, &(struct plan_event){ .kind = PLAN_SPAWN_FAILED,
			    .slot = action.slot, .code = EX_OSERR }, script.now);
		}
	}
}

static void happen(struct plan_event event)
{
	plan_event(&script.plan, &event, script.now);
	carry_out_all();
}

void script_start(unsigned workers)
{
	struct plan_start start = { .most = SCRIPT_MOST, .workers = workers,
		.max_workers = max_workers(), .drain_ms = SCRIPT_DRAIN_MS,
		.spare_ms = SCRIPT_SPARE_MS, .hang_ms = script.hang_ms,
		.inherited = script.inherited };

	script = (struct script){ .now = 1000, .failing_forks = script.failing_forks,
		.max_workers = script.max_workers, .hang_ms = script.hang_ms };
	plan_init(&script.plan, script.slots, &start, script.now);
	carry_out_all();
}

void script_serve(unsigned workers)
{
	script_start(workers);
	for (unsigned slot = 0; slot < workers; slot++)
		script_ready(slot);
	ck_assert_int_eq(script.plan.mode, PLAN_SERVING);
	script.said[0] = '\0';
}

void script_ready(unsigned slot)
{
	happen((struct plan_event){ .kind = PLAN_WORKER_READY, .slot = slot });
}

void script_asks(unsigned slot)
{
	happen((struct plan_event){ .kind = PLAN_WORKER_ASKS, .slot = slot });
}

void script_served_enough(unsigned slot)
{
	happen((struct plan_event){ .kind = PLAN_SERVED_ENOUGH, .slot = slot });
}

void script_dies_with(unsigned slot, int code)
{
	happen((struct plan_event){ .kind = PLAN_WORKER_EXITED, .slot = slot, .code = code });
}

void script_dies(unsigned slot)
{
	script_dies_with(slot, EX_SOFTWARE);
}

void script_dies_after_session(unsigned slot)
{
	happen((struct plan_event){ .kind = PLAN_WORKER_EXITED, .slot = slot, .completed = true,
	    .code = EX_SOFTWARE });
}

void script_stopped(unsigned slot)
{
	happen((struct plan_event){ .kind = PLAN_WORKER_STOPPED, .slot = slot });
}

void script_continued(unsigned slot)
{
	happen((struct plan_event){ .kind = PLAN_WORKER_CONTINUED, .slot = slot });
}

void script_ran(unsigned slot, uint64_t steps)
{
	happen((struct plan_event){ .kind = PLAN_WORKER_RAN, .slot = slot, .steps = steps });
}

void script_reload(unsigned workers, int64_t drain_ms)
{
	script.settings = (struct plan_event){ .workers = workers, .drain_ms = drain_ms };
	happen((struct plan_event){ .kind = PLAN_RELOAD_ASKED });
}

void script_moves(unsigned workers)
{
	script.moves = true;
	script_reload(workers, SCRIPT_DRAIN_MS);
}

void script_queue_empty(unsigned listener)
{
	happen((struct plan_event){ .kind = PLAN_QUEUE_EMPTY, .listener = listener });
}

void script_happens(enum plan_event_kind kind)
{
	happen((struct plan_event){ .kind = kind });
}

static bool is_ready(unsigned slot)
{
	return script.slots[slot].phase == SLOT_READY;
}

/* As the supervisor does: what the plan wants to be told, as long as it wants it and it is so. */
static void tell_what_is_watched(unsigned idle)
{
	for (;;) {
		struct plan_watch watch = plan_watch(&script.plan);

		if (watch.all_busy && idle == 0)
			script_happens(PLAN_ALL_BUSY);
		else if (watch.above > 0 && idle > watch.above)
			script_happens(PLAN_TOO_MANY_IDLE);
		else
			return;
	}
}

void script_idle(unsigned idle)
{
	unsigned so_far = 0;

	for (unsigned slot = 0; slot < script.plan.slots.used; slot++) {
		bool is_idle = is_ready(slot) && so_far < idle;
		uint64_t bit = UINT64_C(1) << slot % 64;

		so_far += is_idle;
		script.busy[slot / 64] = (script.busy[slot / 64] & ~bit) | (is_idle ? 0 : bit);
	}
	tell_what_is_watched(so_far);
}

void script_pass(int64_t ms)
{
	int64_t end = script.now + ms;

	while (plan_deadline(&script.plan) <= end) {
		if (plan_deadline(&script.plan) > script.now)
			script.now = plan_deadline(&script.plan);
		script_happens(PLAN_TICK);
		ck_assert_int_gt(plan_deadline(&script.plan), script.now);
	}
	script.now = end;
}
