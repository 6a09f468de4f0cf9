/* SPDX-License-Identifier: ISC */
#include "master/supervisor.h"

#include "common/board.h"
#include "common/clock.h"
#include "common/gate.h"
#include "common/log.h"
#include "common/readypipe.h"
#include "master/listener.h"
#include "master/plan.h"
#include "master/report.h"
#include "master/signals.h"
#include "master/spawn.h"
#include "master/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

static const unsigned slots_max = SETTINGS_WORKERS_MAX * PLAN_SLOTS_PER_WORKER;

/* Log records of workers taken in one turn, so that a flood does not hold up the rest. */
#define RECORDS_A_TURN 256

struct supervisor {
	const struct settings *settings;
	bool on_terminal;                 /* standard error was one at the start */
	struct spawn_channels channels;
	struct board *board;
	struct slot *slots;               /* the plan's */
	struct plan plan;
	struct workers workers;
	struct board_totals gone;         /* done by workers that have been reaped */
	char last_death[REPORT_DEATH_MAX]; /* of the last worker that failed */
	bool carrying_out;                /* happened() is at it already */
	bool done;
	int code;                         /* exit code, when done */
};

/* ---- carrying out ---- */

static void happened(struct supervisor *master, struct plan_event event);

static unsigned count_sessions(const struct supervisor *master)
{
	unsigned serving = 0;

	for (unsigned i = 0; i < master->workers.used; i++)
		serving += master->workers.entry[i].pid != 0 &&
		    board_get_state(&master->board->slots[i]) == BOARD_SERVING;
	return serving;
}

static void spawn(struct supervisor *master, unsigned slot, unsigned generation)
{
	pid_t pid;

	board_clear(&master->board->slots[slot]);
	pid = spawn_worker(&master->channels, master->board, slot);
	if (pid < 0) {
		snprintf(master->last_death, sizeof master->last_death,
		    "could not be forked: %s", strerror(errno));
		log_error("worker %u %s", slot + 1, master->last_death);
		happened(master, (struct plan_event){ .kind = PLAN_SPAWN_FAILED, .slot = slot,
		    .code = EX_OSERR });
		return;
	}
	workers_add(&master->workers, slot, pid, generation, clock_ms());
	log_info("worker %u started: pid %d, generation %u", slot + 1, (int)pid, generation);
}

/* Only processes in the table are signalled, and those are not yet reaped: the pid is theirs. */
static void tell(struct supervisor *master, unsigned slot, int number)
{
	pid_t pid = master->workers.entry[slot].pid;

	if (pid > 0 && kill(pid, number) < 0)
		log_error("signal %d to worker %u (pid %d): %s", number, slot + 1, (int)pid,
		    strerror(errno));
}

static void gate(struct supervisor *master)
{
	/* First the word to workers: what they accept from now on may need gate_lift(). */
	atomic_store(&master->board->listener, (uint32_t)LISTENER_GATED);
	if (gate_close(master->channels.listener) < 0)
		log_warning("new clients cannot be turned away: %s", strerror(errno));
}

static void drain(struct supervisor *master)
{
	if (listener_set_nonblocking(master->channels.listener) < 0)
		log_error("making the listener non-blocking: %s", strerror(errno));
	atomic_store(&master->board->listener, (uint32_t)LISTENER_DRAINING);
}

static void close_listener(struct supervisor *master)
{
	atomic_store(&master->board->listener, (uint32_t)LISTENER_CLOSED);
	close(master->channels.listener);
	master->channels.listener = -1;
	log_debug("the queue is empty, the listener is closed");
}

/* Only when there was no worker left to serve them. */
static void leave(struct supervisor *master, int code)
{
	int waiting = master->channels.listener < 0 ? 0 : listener_depth(master->channels.listener);

	if (waiting > 0)
		log_warning("%d clients wait in the queue and are not served", waiting);
	master->done = true;
	master->code = code;
}

static void carry_out(struct supervisor *master, const struct plan_action *action)
{
	switch (action->kind) {
	case PLAN_SPAWN:
		spawn(master, action->slot, action->generation);
		break;
	case PLAN_RETIRE:
		tell(master, action->slot, SIGTERM);
		break;
	case PLAN_END:
		tell(master, action->slot, SIGQUIT);
		break;
	case PLAN_KILL:
		tell(master, action->slot, SIGKILL);
		break;
	case PLAN_GATE:
		gate(master);
		break;
	case PLAN_DRAIN:
		drain(master);
		break;
	case PLAN_CLOSE:
		close_listener(master);
		break;
	case PLAN_REPORT:
		report_plan(action, count_sessions(master), master->settings->shutdown_timeout,
		    master->on_terminal, master->last_death);
		if (action->report == PLAN_STARTED || action->report == PLAN_STARTED_PARTLY)
			log_started();
		break;
	case PLAN_EXIT:
		leave(master, action->code);
		break;
	}
}

static void carry_out_all(struct supervisor *master)
{
	struct plan_action action;

	master->carrying_out = true;
	while (!master->done && plan_next(&master->plan, &action))
		carry_out(master, &action);
	master->carrying_out = false;
}

/*
 * Tells the plan, and does at once what follows from it. An action that fails
 * is an event too; what follows from that is done by the loop it came from.
 */
static void happened(struct supervisor *master, struct plan_event event)
{
	if (master->done)
		return;
	plan_event(&master->plan, &event, clock_ms());
	if (!master->carrying_out)
		carry_out_all(master);
}

/* ---- finding out what happened ---- */

static void take_messages(struct supervisor *master)
{
	struct ready_message message;

	while (ready_pipe_receive(master->channels.ready[0], &message)) {
		int slot = workers_find(&master->workers, message.pid);
		enum plan_event_kind kind = message.kind == READY_TO_ACCEPT ? PLAN_WORKER_READY
		                                                            : PLAN_WORKER_ASKS;

		if (slot < 0 || message.kind == READY_TOOK_ONE)
			continue; /* a stranger; or only meant to wake us */
		happened(master, (struct plan_event){ .kind = kind, .slot = (unsigned)slot });
	}
}

static int exit_code_for(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;

	return code >= EX__BASE && code <= EX__MAX ? code : EX_SOFTWARE;
}

static void log_death(struct supervisor *master, unsigned slot, int status)
{
	const struct worker_entry *entry = &master->workers.entry[slot];
	char how[REPORT_DEATH_MAX];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		log_info("worker %u left: pid %d, generation %u", slot + 1, (int)entry->pid,
		    entry->generation);
		return;
	}
	strlcpy(master->last_death, report_death(status, how), sizeof master->last_death);
	log_warning("worker %u (pid %d, generation %u) %s", slot + 1, (int)entry->pid,
	    entry->generation, how);
}

static void bury(struct supervisor *master, unsigned slot, int status)
{
	struct board_totals own = { 0 };

	board_add(&master->board->slots[slot], &own);
	board_add(&master->board->slots[slot], &master->gone);
	log_death(master, slot, status);
	workers_remove(&master->workers, slot);
	happened(master, (struct plan_event){ .kind = PLAN_WORKER_EXITED, .slot = slot,
	    .completed = own.completed > 0, .code = exit_code_for(status) });
}

/* Returns the pid of a child that has died and was not reaped, 0 when there is none. */
static pid_t next_dead(void)
{
	siginfo_t info = { 0 };

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : 0;
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
		if (waitpid(pid, &status, WNOHANG) != pid)
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
	if (terminal_is_gone(master)) {
		if (plan_is_stopping(&master->plan))
			return; /* a terminal and its shell may both say so */
		log_notice("the terminal is gone");
		happened(master, (struct plan_event){ .kind = PLAN_STOP });
		return;
	}
	log_notice("SIGHUP: reloading");
	happened(master, (struct plan_event){ .kind = PLAN_RELOAD,
	    .workers = master->settings->workers,
	    .drain_ms = (int64_t)master->settings->shutdown_timeout * 1000 });
}

static void take_signals(struct supervisor *master)
{
	if (signals_take(SIGCHLD))
		reap(master);
	if (signals_take(SIGHUP))
		take_hangup(master);
	if (signals_take(SIGTTIN))
		happened(master, (struct plan_event){ .kind = PLAN_ONE_MORE });
	if (signals_take(SIGTTOU))
		happened(master, (struct plan_event){ .kind = PLAN_ONE_FEWER });
	if (signals_take(SIGUSR1))
		report_status(&master->workers, master->board, &master->gone, &master->plan,
		    clock_ms());
	if (signals_take(SIGTERM))
		happened(master, (struct plan_event){ .kind = PLAN_STOP });
	if (signals_take(SIGINT))
		happened(master, (struct plan_event){ .kind = PLAN_STOP });
	if (signals_take(SIGQUIT))
		happened(master, (struct plan_event){ .kind = PLAN_STOP_FAST });
}

/* While the queue is being emptied, everything that wakes us may have emptied it. */
static void look_at_queue(struct supervisor *master)
{
	if (master->plan.mode == PLAN_DRAINING && listener_depth(master->channels.listener) == 0)
		happened(master, (struct plan_event){ .kind = PLAN_QUEUE_EMPTY });
}

/* ---- the loop ---- */

static int64_t time_left(const struct supervisor *master)
{
	int64_t deadline = plan_deadline(&master->plan);
	int64_t now = clock_ms();

	if (deadline == SLOT_NEVER)
		return -1;
	return deadline > now ? deadline - now : 0;
}

static void wait_for_something(struct supervisor *master)
{
	struct pollfd fds[] = {
		{ .fd = master->channels.ready[0], .events = POLLIN },
		{ .fd = master->channels.log[0], .events = POLLIN },
		{ .fd = log_pollfd(), .events = POLLOUT },
	};

	signals_wait(fds, sizeof fds / sizeof fds[0], time_left(master));
	if (fds[2].revents != 0)
		log_flush();
}

static void supervise(struct supervisor *master)
{
	carry_out_all(master);
	while (!master->done) {
		report_title(&master->plan);
		wait_for_something(master);
		log_relay(master->channels.log[0], RECORDS_A_TURN);
		take_messages(master);
		take_signals(master);
		if (plan_deadline(&master->plan) <= clock_ms())
			happened(master, (struct plan_event){ .kind = PLAN_TICK });
		look_at_queue(master);
	}
	while (log_relay(master->channels.log[0], RECORDS_A_TURN))
		continue;
}

/* ---- beginning and end ---- */

static int prepare(struct supervisor *master, int listener)
{
	if (spawn_channels_open(&master->channels, listener) < 0) {
		close(listener);
		return -1;
	}
	master->board = board_open(slots_max);
	master->slots = calloc(slots_max, sizeof *master->slots);
	master->workers.entry = calloc(slots_max, sizeof *master->workers.entry);
	master->workers.capacity = slots_max;
	if (master->board == NULL || master->slots == NULL || master->workers.entry == NULL)
		return -1;
	return signals_catch();
}

static void clean_up(struct supervisor *master)
{
	spawn_channels_close(&master->channels);
	board_close(master->board);
	free(master->slots);
	free(master->workers.entry);
}

int supervisor_run(const struct settings *settings, int listener, bool on_terminal)
{
	struct supervisor master = { .settings = settings, .on_terminal = on_terminal,
		.last_death = "did not get ready in time" };

	if (prepare(&master, listener) < 0) {
		log_error("cannot start: %s", strerror(errno));
		master.code = EX_OSERR;
	} else {
		plan_init(&master.plan, master.slots, SETTINGS_WORKERS_MAX, settings->workers,
		    (int64_t)settings->shutdown_timeout * 1000, clock_ms());
		supervise(&master);
	}
	clean_up(&master);
	return master.code;
}
