/* SPDX-License-Identifier: ISC */
#include "master/actions.h"

#include "common/clock.h"
#include "common/gate.h"
#include "common/log.h"
#include "master/daemon.h"
#include "master/descriptors.h"
#include "master/listener.h"
#include "master/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* From the last worker's end to our own, log included, in milliseconds. */
#define LAST_STEPS_MS 2000

static void report(const struct supervisor *master, const struct plan_action *action)
{
	report_plan(action, report_sessions(&master->workers, master->board),
	    master->reload.current.shutdown_timeout, master->on_terminal, master->last_death);
}

void actions_show_status(const struct supervisor *master)
{
	char text[REPORT_SUMMARY_MAX];

	systemd_status("%s", report_summary(&master->workers, master->board, &master->gone, text));
}

/* After a start, and after a reload whatever became of it. */
static void tell_ready(const struct supervisor *master)
{
	pid_t main_pid = master->reload.current.daemon ? getpid() : 0;
	char text[REPORT_SUMMARY_MAX];

	systemd_ready(main_pid, "%s",
	    report_summary(&master->workers, master->board, &master->gone, text));
}

static void cannot_spawn(struct supervisor *master, unsigned slot, const char *what)
{
	board_clear(&master->board->slots[slot]);
	snprintf(master->last_death, sizeof master->last_death, "could not %s: %s", what,
	    strerror(errno));
	log_error("worker %u %s", slot + 1, master->last_death);
	actions_happened(master, (struct plan_event){ .kind = PLAN_SPAWN_FAILED, .slot = slot,
	    .code = EX_OSERR });
}

/* The token must not stay where workers to come have it too; the tables they have not. */
static pid_t spawn_with_token(struct supervisor *master, struct spawn_order *order)
{
	pid_t pid;

	order->token = master->tables->token[order->number];
	pid = spawn_worker(&master->channels, master->board, order);
	explicit_bzero(&order->token, sizeof order->token);
	return pid;
}

static bool make_token(struct supervisor *master, unsigned slot)
{
	uint64_t *token = &master->tables->token[slot];

	if (getrandom(token, sizeof *token, 0) != sizeof *token)
		return false;
	*token = ready_pipe_token(*token);
	return true;
}

static void spawn(struct supervisor *master, const struct plan_action *action)
{
	bool is_next = action->generation == master->plan.slots.next.generation;
	struct spawn_order order = { .number = action->slot, .listener = action->listener,
		.inherited = master->plan.inherited,
		.settings = is_next ? &master->reload.coming : &master->reload.current,
		.identity = is_next ? &master->reload.coming_identity : &master->reload.identity,
		.sources = master->sources };
	pid_t pid;

	board_assign(master->board, action->slot, action->generation, order.settings->connections);
	idle_set_make_room(&master->board->idle[action->listener], action->slot);
	order.sandbox = sandbox_for(order.settings);
	if (order.sandbox == NULL) {
		cannot_spawn(master, action->slot, "have its sandbox (see the setting sandbox)");
		return;
	}
	if (!make_token(master, action->slot)) {
		cannot_spawn(master, action->slot, "be given a random token");
		return;
	}
	pid = spawn_with_token(master, &order);
	if (pid < 0) {
		cannot_spawn(master, action->slot, "be forked");
		return;
	}
	workers_add(&master->workers, action->slot, pid, action->generation, clock_ms());
	report_coming(action, pid);
}

void actions_nobody_idle_in(const struct supervisor *master, unsigned slot)
{
	idle_set_remove(&master->board->idle[master->plan.slots.slot[slot].listener], slot);
}

/* Only processes in the table are signalled, and those are not yet reaped: the pid is theirs. */
static void tell(struct supervisor *master, unsigned slot, int number)
{
	pid_t pid = master->workers.entry[slot].pid;

	if (pid > 0 && kill(pid, number) < 0)
		log_error("signal %d to worker %u (pid %d): %s", number, slot + 1, (int)pid,
		    strerror(errno));
}

static void gate(struct supervisor *master, unsigned listener)
{
	int fd = master->channels.listener[listener];

	/* First the word to workers: what they accept from now on may need gate_lift(). */
	atomic_store(&master->board->listeners[listener], (uint32_t)LISTENER_GATED);
	if (!plan_is_stopping(&master->plan) && gate_divert(fd) == 0)
		return; /* its successor may have the same port, and is not to be in its shadow */
	if (gate_close(fd) < 0)
		log_warning("new clients cannot be turned away: %s", strerror(errno));
}

/* Who empties a queue on a listener that blocks never leaves: then it is not emptied. */
static void drain(struct supervisor *master, unsigned listener)
{
	if (listener_set_nonblocking(master->channels.listener[listener]) < 0) {
		log_error("making the listener non-blocking: %s", strerror(errno));
		return;
	}
	atomic_store(&master->board->listeners[listener], (uint32_t)LISTENER_DRAINING);
}

static void close_listener(struct supervisor *master, unsigned listener)
{
	int *fd = &master->channels.listener[listener];

	atomic_store(&master->board->listeners[listener], (uint32_t)LISTENER_CLOSED);
	report_closing(*fd);
	if (master->plan.inherited)
		return; /* until its last worker is gone: it is given back as it came */
	close(*fd);
	*fd = -1;
}

/*
 * Opens the listener that the coming settings ask for, where they ask for
 * another. Returns its number, or -1 when it cannot be had; that has been logged.
 */
static int coming_listener(struct supervisor *master)
{
	const struct settings *coming = &master->reload.coming;
	unsigned current = master->plan.slots.charge.listener;
	int *listeners = master->channels.listener;
	struct net_failure failure;
	int number, fd;

	if (!reload_moves(&master->reload))
		return (int)current;
	number = plan_free_listener(&master->plan);
	if (number < 0) {
		log_error("sessions on too many earlier addresses still go on; allowed: %d",
		    BOARD_LISTENERS - 1);
		return -1;
	}
	fd = listener_bind(coming, listeners, BOARD_LISTENERS, &failure);
	if (fd >= 0 && listener_is_same(fd, listeners[current])) {
		close(fd); /* another name for where we are */
		return (int)current;
	}
	if (fd < 0 || (fd = listener_begin(fd, coming, &failure)) < 0) {
		listener_explain(coming, &failure);
		return -1;
	}
	listeners[number] = fd;
	atomic_store(&master->board->listeners[number], (uint32_t)LISTENER_OPEN);
	return number;
}

static void read_settings(struct supervisor *master)
{
	const struct settings *coming = &master->reload.coming;
	int listener = -1;

	systemd_reloading();
	systemd_watchdog(); /* names may take a while to be looked up */
	if (reload_read(&master->reload) == 0 &&
	    descriptors_allow(coming->connections) == 0)
		listener = coming_listener(master);
	if (listener < 0) {
		log_error("reload refused, nothing has changed");
		tell_ready(master);
		return;
	}
	actions_happened(master, (struct plan_event){ .kind = PLAN_RELOAD,
	    .workers = coming->workers, .max_workers = coming->max_workers,
	    .listener = (unsigned)listener,
	    .drain_ms = (int64_t)coming->shutdown_timeout * 1000,
	    .spare_ms = (int64_t)coming->spare_timeout * 1000,
	    .hang_ms = (int64_t)coming->hang_timeout * 1000 });
}

/* Leaves in a copy of who is idle those that have no session. */
static void keep_vacant(const struct supervisor *master, uint64_t *copy)
{
	for (unsigned i = 0; i < master->workers.used; i++)
		if (board_get_open(&master->board->slots[i]) > 0)
			copy[i / 64] &= ~(UINT64_C(1) << i % 64);
}

/* Who is idle is copied, as it goes on changing while the plan thinks. */
static void look(struct supervisor *master)
{
	struct tables *tables = master->tables;
	unsigned number = master->plan.slots.charge.listener;
	int waiting = listener_depth(master->channels.listener[number]);

	idle_set_copy(&master->board->idle[number], tables->idle);
	memcpy(tables->vacant, tables->idle, sizeof tables->vacant);
	keep_vacant(master, tables->vacant);
	actions_happened(master, (struct plan_event){ .kind = PLAN_IDLE, .idle = tables->idle,
	    .vacant = tables->vacant, .waiting = waiting > 0 ? (unsigned)waiting : 0 });
}

/* The new settings are in force: what is not a worker's is put into effect here. */
static void adopt_settings(struct supervisor *master)
{
	const struct settings *settings = &master->reload.current;
	unsigned number = master->plan.slots.charge.listener;
	int listener = master->channels.listener[number];

	if (settings_differ(settings, &master->reload.coming, "sandbox"))
		report_sandbox(&master->reload.coming);
	reload_commit(&master->reload);
	listener_set_times(listener, settings);
	if (master->plan.inherited)
		return; /* where it is and how long its queue is, is not for us to say */
	if (number != master->listener)
		report_listening(listener);
	else if (listen(listener, (int)settings->backlog) < 0)
		log_error("setting the backlog: %s", strerror(errno));
	master->listener = number;
	report_backlog(listener, settings->backlog);
}

/* Workers are ready: whoever started us, and whoever watches us, may know. */
static void started(struct supervisor *master)
{
	if (daemon_ready() < 0) {
		log_error("whoever started this is gone: %s", strerror(errno));
		actions_happened(master, (struct plan_event){ .kind = PLAN_STOP });
		return;
	}
	log_started();
	tell_ready(master);
}

static void reloaded(struct supervisor *master, const struct plan_action *action)
{
	const struct settings *settings = &master->reload.current;

	/* A level that lets more through is to let through that it has come. */
	if ((int)master->reload.coming.log_level > log_threshold)
		log_threshold = (int)master->reload.coming.log_level;
	adopt_settings(master);
	report(master, action);
	log_adjust((int)settings->log_level, settings->log_stderr || master->on_terminal);
	tell_ready(master);
}

static void hear_report(struct supervisor *master, const struct plan_action *action)
{
	int64_t timeout_ms = (int64_t)master->reload.current.shutdown_timeout * 1000;

	if (action->report == PLAN_RELOADED) {
		reloaded(master, action);
		return;
	}
	report(master, action);
	switch (action->report) {
	case PLAN_STARTED:
	case PLAN_STARTED_PARTLY:
		started(master);
		break;
	case PLAN_RELOAD_FAILED:
	case PLAN_RELOAD_LATE:
		tell_ready(master);
		break;
	case PLAN_STOPPING:
		systemd_stopping(PLAN_SETTLE_MS + timeout_ms + PLAN_END_MS + LAST_STEPS_MS);
		break;
	case PLAN_STOPPING_FAST:
		systemd_stopping(PLAN_END_MS + LAST_STEPS_MS);
		break;
	default:
		break;
	}
}

static void carry_out(struct supervisor *master, const struct plan_action *action)
{
	switch (action->kind) {
	case PLAN_SPAWN:
		spawn(master, action);
		break;
	case PLAN_RETIRE:
		actions_nobody_idle_in(master, action->slot);
		tell(master, action->slot, SIGTERM);
		break;
	case PLAN_END:
		tell(master, action->slot, SIGQUIT);
		break;
	case PLAN_ABORT:
		actions_nobody_idle_in(master, action->slot);
		report_hanging(action, &master->workers.entry[action->slot]);
		tell(master, action->slot, SIGABRT);
		break;
	case PLAN_KILL:
		tell(master, action->slot, SIGKILL);
		break;
	case PLAN_CLOCK:
		hangs_clock(master, action->slot, action->delay_ms);
		break;
	case PLAN_GATE:
		gate(master, action->listener);
		break;
	case PLAN_DRAIN:
		drain(master, action->listener);
		break;
	case PLAN_CLOSE:
		close_listener(master, action->listener);
		break;
	case PLAN_READ:
		read_settings(master);
		break;
	case PLAN_LOOK:
		look(master);
		break;
	case PLAN_REPORT:
		hear_report(master, action);
		break;
	case PLAN_EXIT:
		master->done = true;
		master->code = action->code;
		break;
	}
}

void actions_carry_out(struct supervisor *master)
{
	struct plan_action action;

	master->carrying_out = true;
	while (!master->done && plan_next(&master->plan, &action))
		carry_out(master, &action);
	master->carrying_out = false;
}

/* An action that fails is an event too; what follows is done by the loop it came from. */
void actions_happened(struct supervisor *master, struct plan_event event)
{
	if (master->done)
		return;
	plan_event(&master->plan, &event, clock_ms());
	if (!master->carrying_out)
		actions_carry_out(master);
}
