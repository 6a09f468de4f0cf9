/* SPDX-License-Identifier: ISC */
#include "master/supervisor.h"

#include "common/clock.h"
#include "common/log.h"
#include "master/actions.h"
#include "master/listener.h"
#include "master/signals.h"
#include "master/systemd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(BOARD_LISTENERS == PLAN_LISTENERS_MAX, "one place for each listener");
_Static_assert(TABLES_SLOTS <= IDLE_SET_MAX, "a bit for each slot");

/* What is taken of workers in one turn, so that a flood does not hold up the rest. */
#define RECORDS_A_TURN 256

/* How long workers are at most without a channel to log by that could be had, in milliseconds. */
#define RENEW_LOG_MS 1000

/* ---- finding out what happened ---- */

/* SIGHUP is also what a terminal sends when it goes away. */
static bool terminal_is_gone(const struct supervisor *master)
{
	struct termios unused;

	return master->on_terminal && tcgetattr(STDERR_FILENO, &unused) < 0;
}

static void take_hangup(struct supervisor *master)
{
	if (plan_is_stopping(&master->plan))
		return; /* nothing to reload; a terminal and its shell may both say it is gone */
	if (terminal_is_gone(master)) {
		log_notice("the terminal is gone");
		actions_happened(master, (struct plan_event){ .kind = PLAN_STOP });
		return;
	}
	log_notice("SIGHUP: reloading");
	actions_happened(master, (struct plan_event){ .kind = PLAN_RELOAD_ASKED });
}

static void take_signals(struct supervisor *master)
{
	if (signals_take(SIGCHLD)) {
		deaths_take(master);
		hangs_take_stops(master);
	}
	if (signals_take(CPU_ALARM_SIGNAL))
		hangs_look(master);
	if (signals_take(SIGHUP))
		take_hangup(master);
	if (signals_take(SIGTTIN))
		actions_happened(master, (struct plan_event){ .kind = PLAN_ONE_MORE });
	if (signals_take(SIGTTOU))
		actions_happened(master, (struct plan_event){ .kind = PLAN_ONE_FEWER });
	if (signals_take(SIGUSR1))
		report_status(&master->workers, master->board, &master->gone, &master->plan,
		    clock_ms());
	if (signals_take(SIGTERM))
		actions_happened(master, (struct plan_event){ .kind = PLAN_STOP });
	if (signals_take(SIGINT))
		actions_happened(master, (struct plan_event){ .kind = PLAN_STOP });
	if (signals_take(SIGQUIT))
		actions_happened(master, (struct plan_event){ .kind = PLAN_STOP_FAST });
}

/* While a queue is being emptied, everything that wakes us may have emptied it. */
static void look_at_queues(struct supervisor *master)
{
	for (unsigned i = 0; i < BOARD_LISTENERS; i++)
		if (master->plan.listener[i].state == PLAN_LISTENER_DRAINING &&
		    listener_depth(master->channels.listener[i]) == 0)
			actions_happened(master, (struct plan_event){ .kind = PLAN_QUEUE_EMPTY,
			    .listener = i });
}

/* Has the workers of the listener in force, and of no other, wake us for what the plan wants. */
static struct plan_watch watch_idle(struct supervisor *master)
{
	struct plan_watch watch = plan_watch(&master->plan);

	for (unsigned i = 0; i < BOARD_LISTENERS; i++) {
		bool in_force = i == master->plan.slots.charge.listener;

		idle_set_watch(&master->board->idle[i], (struct idle_watch){
		    .none = in_force && watch.all_busy, .above = in_force ? watch.above : 0 });
	}
	return watch;
}

/*
 * Whatever woke us, what the plan wants to be told may be so by now; a message
 * that was lost is made up for. What the plan makes of it may have it want
 * something else.
 */
static void look_at_idle(struct supervisor *master)
{
	for (;;) {
		struct plan_watch watch = watch_idle(master);
		unsigned idle = idle_set_count(
		    &master->board->idle[master->plan.slots.charge.listener]);

		if (watch.all_busy && idle == 0)
			actions_happened(master, (struct plan_event){ .kind = PLAN_ALL_BUSY });
		else if (watch.above > 0 && idle > watch.above)
			actions_happened(master, (struct plan_event){ .kind = PLAN_TOO_MANY_IDLE });
		else
			return;
	}
}

/* ---- the loop ---- */

static int64_t earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

static int64_t time_left(const struct supervisor *master)
{
	int64_t deadline = earlier(plan_deadline(&master->plan), master->watchdog_due);
	int64_t now = clock_ms();

	if (master->channels.log[0] < 0)
		deadline = earlier(deadline, now + RENEW_LOG_MS);
	if (deadline == SLOT_NEVER)
		return -1;
	return deadline > now ? deadline - now : 0;
}

static void wait_for_something(struct supervisor *master)
{
	struct pollfd fds[] = {
		{ .fd = master->channels.ready[0], .events = POLLIN },
		{ .fd = master->channels.log[0], .events = POLLIN | POLLRDHUP },
		{ .fd = log_pollfd(), .events = POLLOUT },
	};

	signals_wait(fds, sizeof fds / sizeof fds[0], time_left(master));
	if ((fds[1].revents & POLLRDHUP) != 0)
		spawn_channels_drop_log(&master->channels);
	if (fds[2].revents != 0)
		log_flush();
}

/*
 * Before any of what woke us has a worker forked: that one has the new channel. Those
 * of now have none, and to replace them while there is none would be for nothing.
 */
static void keep_workers_heard(struct supervisor *master)
{
	if (spawn_channels_renew_log(&master->channels))
		actions_happened(master, (struct plan_event){ .kind = PLAN_ALL_WORN });
}

/* Whoever watches us is told in time that we live. */
static void feed_watchdog(struct supervisor *master)
{
	systemd_watchdog();
	actions_show_status(master);
	master->watchdog_due = clock_ms() + systemd_watchdog_ms();
}

static void supervise(struct supervisor *master)
{
	if (systemd_watchdog_ms() >= 0)
		master->watchdog_due = clock_ms();
	actions_carry_out(master);
	while (!master->done) {
		report_title(&master->plan);
		wait_for_something(master);
		keep_workers_heard(master);
		log_relay(master->channels.log[0], RECORDS_A_TURN);
		messages_take(master);
		take_signals(master);
		if (plan_deadline(&master->plan) <= clock_ms())
			actions_happened(master, (struct plan_event){ .kind = PLAN_TICK });
		look_at_queues(master);
		look_at_idle(master);
		if (master->watchdog_due <= clock_ms())
			feed_watchdog(master);
	}
	while (log_relay(master->channels.log[0], RECORDS_A_TURN))
		continue;
}

/* ---- beginning and end ---- */

static int prepare(struct supervisor *master, int listener)
{
	if (spawn_channels_open(&master->channels) < 0) {
		close(listener);
		return -1;
	}
	master->channels.listener[0] = listener;
	master->was_nonblocking = listener_is_nonblocking(listener);
	master->board = board_open(TABLES_SLOTS);
	master->sources = sources_open();
	master->tables = tables_open();
	if (master->board == NULL || master->sources == NULL || master->tables == NULL)
		return -1;
	master->workers = (struct workers){ .entry = master->tables->entry,
		.capacity = TABLES_SLOTS };
	return 0;
}

static void clean_up(struct supervisor *master)
{
	spawn_channels_close(&master->channels);
	board_close(master->board);
	sources_close(master->sources);
	tables_close(master->tables);
}

int supervisor_run(const struct supervisor_start *start)
{
	const struct settings *settings = start->settings;
	struct supervisor master = { .on_terminal = start->on_terminal,
		.watchdog_due = SLOT_NEVER, .last_death = "did not get ready in time",
		.reload = { .sources = start->sources, .held = start->held,
		    .keeps_identity = start->keeps_identity,
		    .current = *settings, .identity = *start->identity } };

	if (prepare(&master, start->listener) < 0) {
		log_error("cannot start: %s", strerror(errno));
		master.code = EX_OSERR;
	} else {
		report_listening(start->listener);
		report_sandbox(settings);
		if (start->inherited)
			listener_set_times(start->listener, settings);
		else
			report_backlog(start->listener, settings->backlog);
		plan_init(&master.plan, master.tables->slot, &(struct plan_start){
		    .most = SETTINGS_WORKERS_MAX, .workers = settings->workers,
		    .max_workers = settings->max_workers,
		    .drain_ms = (int64_t)settings->shutdown_timeout * 1000,
		    .spare_ms = (int64_t)settings->spare_timeout * 1000,
		    .hang_ms = (int64_t)settings->hang_timeout * 1000,
		    .inherited = start->inherited }, clock_ms());
		supervise(&master);
	}
	clean_up(&master);
	return master.code;
}
