/* SPDX-License-Identifier: ISC */
/* Which of the host's addresses is loaded, and when there is none. */
#include "client/load_thread.h"

#include "common/nethelp.h"

void load_reach_begin(struct load_thread *thread, struct load_connection *connection)
{
	unsigned reached = atomic_load(&thread->shared->reached);

	if (reached != LOAD_NOT_REACHED)
		connection->address = reached;
	atomic_fetch_add(&thread->shared->connecting, 1);
}

bool load_reach_another(struct load_thread *thread, struct load_connection *connection)
{
	unsigned reached = atomic_load(&thread->shared->reached);
	unsigned next = reached != LOAD_NOT_REACHED ? reached : connection->address + 1;

	if (next == connection->address || next == thread->shared->addresses_count ||
	    thread->ending || atomic_load(&thread->shared->stop) != LOAD_GOES_ON)
		return false;
	connection->address = next;
	return true;
}

static void note_addresses(struct load_thread *thread, const struct load_connection *connection)
{
	const struct load_address *to = &thread->shared->addresses[connection->address];
	struct sockaddr_storage from;
	socklen_t length = sizeof from;

	address_text((const struct sockaddr *)&to->to, to->length, thread->result.to_address);
	if (getsockname(connection->fd, (struct sockaddr *)&from, &length) == 0)
		address_text((const struct sockaddr *)&from, length, thread->result.from_address);
}

/* `reached` first: whoever finds that no connect is left under way must see it. */
void load_reach_note(struct load_thread *thread, const struct load_connection *connection)
{
	unsigned nobody = LOAD_NOT_REACHED;

	if (thread->result.to_address[0] == '\0') {
		atomic_compare_exchange_strong(&thread->shared->reached, &nobody,
		    connection->address);
		note_addresses(thread, connection);
	}
	atomic_fetch_sub(&thread->shared->connecting, 1);
}

void load_reach_failed(struct load_thread *thread, const struct load_connection *connection)
{
	struct load_shared *shared = thread->shared;
	bool was_the_last = atomic_fetch_sub(&shared->connecting, 1) == 1;
	int none = 0;

	if (connection->fd < 0) {
		load_thread_refused(thread, connection->refused, connection->error);
		return;
	}
	if (atomic_load(&shared->reached) != LOAD_NOT_REACHED)
		return;
	atomic_compare_exchange_strong(&shared->unreachable, &none, connection->error);
	if (!was_the_last || connection->class == LOAD_NO_PORT)
		return;
	atomic_store(&shared->stop, LOAD_STOP_AT_ONCE);
	load_thread_wake(thread);
}
