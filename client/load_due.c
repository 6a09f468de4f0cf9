/* SPDX-License-Identifier: ISC */
/*
 * The open loop: which message is due on which connection, what was late and by
 * whose doing, and what was never sent. Message k of all is for connection
 * k modulo their number, so a message that has to wait is stored nowhere: the
 * connection's `number` stays behind.
 */
#include "client/load_thread.h"

#include "client/load_clock.h"

bool load_due_applies(const struct load_thread *thread)
{
	return thread->options->rate.first > 0;
}

int64_t load_due_time(const struct load_thread *thread, uint64_t number)
{
	return thread->begins + load_schedule_time(&thread->shared->schedule, number);
}

/* A moment at the end of the load, or after it, is no part of it. */
static bool has_come(const struct load_thread *thread, int64_t due)
{
	return due <= thread->now && due < thread->ends;
}

bool load_due_has_come(const struct load_thread *thread, const struct load_connection *connection)
{
	if (thread->quota == 0)
		return false;
	if (!load_due_applies(thread))
		return true;
	return thread->begins != INT64_MAX &&
	    has_come(thread, load_due_time(thread, connection->number));
}

/* The next one in the schedule becomes the one after it. */
static void advance(struct load_thread *thread)
{
	thread->next_number++;
	if (++thread->next_connection == thread->talking) {
		thread->next_connection = 0;
		thread->next_number += thread->options->connections - thread->talking;
	}
}

/*
 * A connection that is not free is passed over: its number stays behind, and
 * is sent when it has become free; or it was sent already, by one that became
 * free while this had not come so far.
 */
struct load_connection *load_due_take(struct load_thread *thread, int64_t *due)
{
	while (thread->quota > 0) {
		struct load_connection *connection = &thread->connections[thread->next_connection];
		bool is_free = connection->state == LOAD_READY &&
		    connection->number == thread->next_number;

		*due = load_due_time(thread, thread->next_number);
		if (!has_come(thread, *due))
			break;
		advance(thread);
		if (is_free)
			return connection;
	}
	return NULL;
}

void load_due_note_lateness(struct load_thread *thread, const struct load_connection *connection)
{
	int64_t due;
	bool is_ours;

	if (!load_due_applies(thread))
		return;
	due = load_due_time(thread, connection->number);
	is_ours = due >= thread->stall_began && due < thread->stall_ended;
	histogram_record(&thread->result.lateness,
	    is_ours ? load_microseconds(thread->stall_ended - due) : 0);
}

uint64_t load_due_unsent(const struct load_thread *thread)
{
	int64_t until = thread->now < thread->ends ? thread->now : thread->ends;
	uint64_t unsent = 0;
	uint64_t due;

	if (thread->begins == INT64_MAX)
		return 0;
	due = load_schedule_due(&thread->shared->schedule, until - thread->begins);
	for (unsigned i = 0; i < thread->talking; i++) {
		uint64_t next = thread->connections[i].number;

		if (next < due)
			unsent += (due - next - 1) / thread->options->connections + 1;
	}
	return unsent < thread->quota ? unsent : thread->quota;
}
