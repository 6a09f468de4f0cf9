/* SPDX-License-Identifier: ISC */
#include "master/actions.h"

#include "common/readypipe.h"

static void take_message(struct supervisor *master, const struct ready_message *message)
{
	int slot = workers_find(&master->workers, message->pid);
	struct plan_event event = { .slot = (unsigned)slot };

	if (slot < 0 || master->tables->token[slot] != message->token)
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

/* No more than there are now, so that a flood does not hold up the rest. */
void messages_take(struct supervisor *master)
{
	int fd = master->channels.ready[0];
	struct ready_message message;

	for (unsigned left = ready_pipe_waiting(fd); left > 0; left--)
		if (ready_pipe_receive(fd, &message) > 0)
			take_message(master, &message);
}
