/* SPDX-License-Identifier: ISC */
#include "master/actions.h"

#include "common/log.h"
#include "master/listener.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

/*
 * After so many bytes of the ready pipe, a full one (pipe(7)), a turn takes no more deaths; with
 * those of its last one it may have been nearly two. Where a worker fills the pipe all the time,
 * the dead can wait and its own end must not.
 */
#define HEARD_A_TURN 65536

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
 * was inherited is so only where it came so, but at a stop too: others have it,
 * and will.
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
void deaths_take(struct supervisor *master)
{
	size_t heard = 0;
	int status;
	pid_t pid;

	while ((pid = next_dead()) > 0) {
		int slot = workers_find(&master->workers, pid);

		if (heard >= HEARD_A_TURN) {
			raise(SIGCHLD); /* that is blocked, and ends the next wait at once */
			return;
		}
		heard += messages_take(master);
		if (!release(pid, &status))
			return;
		if (slot >= 0)
			bury(master, (unsigned)slot, status);
		else
			log_debug("reaped process %d, which is no worker", (int)pid);
	}
}
