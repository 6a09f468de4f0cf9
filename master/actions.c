/* SPDX-License-Identifier: ISC */
#include "master/actions.h"

#include "common/clock.h"
#include "common/gate.h"
#include "common/log.h"
#include "master/listener.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

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
	bool is_next = generation == master->plan.slots.next.generation;
	const struct settings *settings = is_next ? &master->reload.coming
	                                          : &master->reload.current;
	pid_t pid;

	board_clear(&master->board->slots[slot]);
	pid = spawn_worker(&master->channels, master->board, slot, settings);
	if (pid < 0) {
		snprintf(master->last_death, sizeof master->last_death,
		    "could not be forked: %s", strerror(errno));
		log_error("worker %u %s", slot + 1, master->last_death);
		actions_happened(master, (struct plan_event){ .kind = PLAN_SPAWN_FAILED, .slot = slot,
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

/* The new settings are in force: what is not a worker's is put into effect here. */
static void apply_settings(struct supervisor *master)
{
	const struct settings *settings = &master->reload.current;

	log_adjust((int)settings->log_level, settings->log_stderr || master->on_terminal);
	if (listen(master->channels.listener, (int)settings->backlog) < 0)
		log_error("setting the backlog: %s", strerror(errno));
	report_backlog(master->channels.listener, settings->backlog);
}

static void hear_report(struct supervisor *master, const struct plan_action *action)
{
	int coming_level = (int)master->reload.coming.log_level;

	/* A level that lets more through is to let through that it has come. */
	if (action->report == PLAN_RELOADED && coming_level > log_threshold)
		log_threshold = coming_level;
	report_plan(action, count_sessions(master), master->reload.current.shutdown_timeout,
	    master->on_terminal, master->last_death);
	switch (action->report) {
	case PLAN_STARTED:
	case PLAN_STARTED_PARTLY:
		log_started();
		break;
	case PLAN_RELOADED:
		reload_commit(&master->reload);
		apply_settings(master);
		break;
	case PLAN_RELOAD_FAILED:
	case PLAN_RELOAD_LATE:
		break;
	default:
		return;
	}
	if (master->plan.slots.next.generation != 0)
		reload_begin(&master->reload, true); /* one that had to wait follows */
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
		hear_report(master, action);
		break;
	case PLAN_EXIT:
		leave(master, action->code);
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
