/* SPDX-License-Identifier: ISC */
#include "master/actions.h"

/*
 * Returns false when nobody has sent it. What follows may be a fork, whose child has a copy of our
 * stack: there is nothing of a message on it but whose it was.
 */
static bool take_message(struct supervisor *master, const struct ready_message *message)
{
	int slot = workers_find(&master->workers, message->pid);
	struct plan_event event = { .slot = (unsigned)slot };

	if (slot < 0 || master->tables->token[slot] != message->token)
		return false; /* a stranger */
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
		return true; /* only meant to wake us */
	}
	actions_happened(master, event);
	return true;
}

size_t messages_take(struct supervisor *master)
{
	struct ready_reader *reader = &master->tables->said;
	size_t waiting = ready_pipe_look(reader, master->channels.ready[0]);

	while (ready_pipe_next(reader))
		if (!take_message(master, &reader->message))
			ready_pipe_refuse(reader);
	return waiting;
}
