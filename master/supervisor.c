/* SPDX-License-Identifier: ISC */
#include "master/supervisor.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/readypipe.h"
#include "master/actions.h"
#include "master/listener.h"
#include "master/signals.h"
#include "master/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(BOARD_LISTENERS == PLAN_LISTENERS_MAX, "one place for each listener");
_Static_assert(TABLES_SLOTS <= IDLE_SET_MAX, "a bit for each slot");

/* What is taken of workers in one turn, so that a flood does not hold up the rest. */
#define RECORDS_A_TURN 256
#define MESSAGES_A_TURN 1024

/* ---- finding out what happened ---- */

static void take_message(struct supervisor *master, const struct ready_message *message)
{
	int slot = workers_find(&master->workers, message->pid);
	struct plan_event event = { .slot = (unsigned)slot };

	if (slot < 0)
		return; /* a stranger */
	switch (message->kind) {
	case READY_TO_ACCEPT:
		event.kind = PLAN_WORKER_READY;
		break;
	case READY_ASKS_TO_LEAVE:
		event.kind = PLAN_WORKER_ASKS;
		break;
	case READY_SERVED_ENOUGH:
		event.kind = PLAN_SERVED_ENOUGH;
		break;
	default:
		return; /* only meant to wake us */
	}
	actions_happened(master, event);
}

static void take_messages(struct supervisor *master)
{
	struct ready_message message;
	int got = 1;

	for (unsigned most = MESSAGES_A_TURN; most > 0 && got != 0; most--) {
		got = ready_pipe_receive(master->channels.ready[0], &message);
		if (got > 0)
			take_message(master, &message);
	}
}

static int exit_code_for(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;

	return code >= EX__BASE && code <= EX__MAX ? code : EX_SOFTWARE;
}

/* `denied` is the number of the call that its sandbox did not let it make, plus 1; 0: none. */
static void log_death(struct supervisor *master, unsigned slot, int status, uint32_t denied)
{
	const struct worker_entry *entry = &master->workers.entry[slot];
	char how[REPORT_DEATH_MAX];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		report_leaving(slot, entry, master->plan.slots.slot[slot].by_load);
		return;
	}
	strlcpy(master->last_death, report_death(status, denied, how), sizeof master->last_death);
	/* A mistake of ours, or somebody has broken in. */
	log_line(denied != 0 ? LOG_ERR : LOG_WARNING, "worker %u (pid %d, generation %u) %s",
	    slot + 1, (int)entry->pid, entry->generation, how);
}

/* Of another worker than the one in `slot`, that has many connections on the same listener. */
static bool has_fellow(const struct supervisor *master, unsigned slot)
{
	for (unsigned i = 0; i < master->workers.used; i++)
		if (i != slot && master->workers.entry[i].pid != 0 &&
		    board_get_places(&master->board->slots[i]) > 1 &&
		    master->plan.slots.slot[i].listener == master->plan.slots.slot[slot].listener)
			return true;
	return false;
}

/*
 * Workers of the event engine make their listener non-blocking, for everybody
 * who has it. When the last of them is gone it is made blocking again: a worker
 * of the blocking engine serves on either, but with fewer calls on that. One that
 * was inherited is again as it came, at a stop too: others have it, and will.
 */
static bool is_to_block(const struct supervisor *master, enum plan_listener_state state)
{
	if (master->plan.inherited)
		return !master->was_nonblocking;
	return state == PLAN_LISTENER_OPEN || state == PLAN_LISTENER_GATED;
}

static void restore_listener(const struct supervisor *master, unsigned slot)
{
	unsigned listener = master->plan.slots.slot[slot].listener;
	enum plan_listener_state state = master->plan.listener[listener].state;

	if (board_get_places(&master->board->slots[slot]) <= 1 || has_fellow(master, slot) ||
	    !is_to_block(master, state))
		return;
	if (listener_set_blocking(master->channels.listener[listener]) < 0)
		log_error("making the listener blocking: %s", strerror(errno));
}

static void bury(struct supervisor *master, unsigned slot, int status)
{
	uint32_t denied = atomic_load(&master->board->slots[slot].denied);
	struct board_totals own = { 0 };

	board_add(&master->board->slots[slot], &own);
	board_add(&master->board->slots[slot], &master->gone);
	restore_listener(master, slot);
	board_clear(&master->board->slots[slot]);
	cpu_alarm_clear(&master->tables->alarm[slot]);
	sources_give_back(master->sources, slot);
	actions_nobody_idle_in(master, slot);
	log_death(master, slot, status, denied);
	workers_remove(&master->workers, slot);
	actions_happened(master, (struct plan_event){ .kind = PLAN_WORKER_EXITED, .slot = slot,
	    .completed = own.completed > 0, .code = exit_code_for(status) });
}

/* Returns the pid of a child that has died and was not reaped, 0 when there is none. */
static pid_t next_dead(void)
{
	siginfo_t info = { 0 };
	int result;

	do
		result = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	while (result < 0 && errno == EINTR);
	return result == 0 ? info.si_pid : 0;
}

/* Has the kernel forget a child that has died. */
static bool release(pid_t pid, int *status)
{
	pid_t released;

	do
		released = waitpid(pid, status, WNOHANG);
	while (released < 0 && errno == EINTR);
	return released == pid;
}

/*
 * One SIGCHLD may stand for many deaths. What a worker had to say before it
 * died is in the pipe by now, and is acted on before it is reaped: until then
 * its pid is its own. As process 1 of a container we also get children that
 * are not ours.
 */
static void reap(struct supervisor *master)
{
	int status;
	pid_t pid;

	while ((pid = next_dead()) > 0) {
		int slot = workers_find(&master->workers, pid);

		take_messages(master);
		if (!release(pid, &status))
			return;
		if (slot >= 0)
			bury(master, (unsigned)slot, status);
		else
			log_debug("reaped process %d, which is no worker", (int)pid);
	}
}

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
		reap(master);
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

static int64_t time_left(const struct supervisor *master)
{
	int64_t deadline = plan_deadline(&master->plan);
	int64_t now = clock_ms();

	if (master->watchdog_due < deadline)
		deadline = master->watchdog_due;
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
		spawn_channels_renew_log(&master->channels);
	if (fds[2].revents != 0)
		log_flush();
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
		log_relay(master->channels.log[0], RECORDS_A_TURN);
		take_messages(master);
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
