/* SPDX-License-Identifier: ISC */
#include "master/actions.h"

#include "common/readypipe.h"

/* Taken in one go, so that a flood does not hold up the rest. */
#define MESSAGES_A_TURN 1024

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

void messages_take(struct supervisor *master)
{
	struct ready_message message;
	int got = 1;

	for (unsigned most = MESSAGES_A_TURN; most > 0 && got != 0; most--) {
		got = ready_pipe_receive(master->channels.ready[0], &message);
		if (got > 0)
			take_message(master, &message);
	}
}
