/* SPDX-License-Identifier: ISC */
#include "master/actions.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/ratelimit.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

/* Takes the next child of which there is news. Returns false when there is none. */
static bool take_news(siginfo_t *info)
{
	int result;

	info->si_pid = 0;
	do
		result = waitid(P_ALL, 0, info, WSTOPPED | WCONTINUED | WNOHANG);
	while (result < 0 && errno == EINTR);
	return result == 0 && info->si_pid != 0;
}

/*
 * The kernel tells the parent of each stop, of a stop once: what is taken here is the
 * last that has become of each child. A process that a debugger holds is not stopped
 * in this sense.
 */
void hangs_take_stops(struct supervisor *master)
{
	siginfo_t info;

	while (take_news(&info)) {
		int slot = workers_find(&master->workers, info.si_pid);

		if (slot < 0)
			continue; /* a stranger */
		actions_happened(master, (struct plan_event){ .slot = (unsigned)slot,
		    .kind = info.si_code == CLD_CONTINUED ? PLAN_WORKER_CONTINUED
		                                          : PLAN_WORKER_STOPPED });
	}
}

void hangs_clock(struct supervisor *master, unsigned slot, int64_t ms)
{
	static struct rate_limit limit = RATE_LIMIT(1, 60000);
	pid_t pid = master->workers.entry[slot].pid;
	uint64_t missed;

	if (pid == 0 || cpu_alarm_set(&master->tables->alarm[slot], pid, ms) == 0 || errno == ESRCH)
		return;
	if (rate_limit_pass(&limit, clock_ms(), &missed))
		log_warning("worker %u (pid %d) would not be missed if it ran for ever: %s",
		    slot + 1, (int)pid, strerror(errno));
}

/* Once is enough: what hides one worker hides them all. */
static void say_hidden(const struct supervisor *master, unsigned slot, int error)
{
	static bool is_said;

	if (!is_said)
		log_warning("worker %u (pid %d) would not be missed if it ran for ever: "
		    "how often it waits cannot be read in /proc (%s); is that mounted "
		    "with hidepid?", slot + 1, (int)master->workers.entry[slot].pid,
		    strerror(error));
	is_said = true;
}

/*
 * All that shows that a worker gets on. A protocol may talk to its client in ways
 * that the board does not count; whoever does that waits for the client now and then.
 * Of whom that cannot be seen, it is not known that it hangs: it has made a step.
 */
static uint64_t steps_of(const struct supervisor *master, unsigned slot)
{
	struct board_totals own = { 0 };
	uint64_t waits;

	if (cpu_waits(master->workers.entry[slot].pid, &waits) < 0) {
		say_hidden(master, slot, errno);
		return master->plan.slots.slot[slot].steps + 1;
	}
	board_add(&master->board->slots[slot], &own);
	return own.accepted + own.completed + own.refused + own.turned_away + own.bytes_in +
	    own.bytes_out + waits;
}

void hangs_look(struct supervisor *master)
{
	for (unsigned i = 0; i < master->workers.used; i++)
		if (cpu_alarm_take(&master->tables->alarm[i]))
			actions_happened(master, (struct plan_event){ .kind = PLAN_WORKER_RAN,
			    .slot = i, .steps = steps_of(master, i) });
}
