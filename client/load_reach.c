/* SPDX-License-Identifier: ISC */
/* Which of the host's addresses is loaded, and when there is none. */
#include "client/load_thread.h"

#include "common/nethelp.h"

bool load_reach_another(struct load_thread *thread, struct load_connection *connection)
{
	unsigned reached = atomic_load(&thread->shared->reached);
	unsigned next = reached != LOAD_NOT_REACHED ? reached : connection->address + 1;

	if (next == connection->address || next == thread->shared->addresses_count ||
	    atomic_load(&thread->shared->stop) == LOAD_STOP_AT_ONCE)
		return false;
	connection->address = next;
	return true;
}

void load_reach_note(struct load_thread *thread, const struct load_connection *connection)
{
	const struct load_address *to = &thread->shared->addresses[connection->address];
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	unsigned nobody = LOAD_NOT_REACHED;

	if (thread->result.to_address[0] != '\0')
		return;
	atomic_compare_exchange_strong(&thread->shared->reached, &nobody, connection->address);
	address_text((const struct sockaddr *)&to->to, to->length, thread->result.to_address);
	if (getsockname(connection->fd, (struct sockaddr *)&from, &length) == 0)
		address_text((const struct sockaddr *)&from, length, thread->result.from_address);
}

void load_reach_failed(struct load_thread *thread, const struct load_connection *connection)
{
	struct load_shared *shared = thread->shared;
	int none = 0;

	if (connection->fd < 0) {
		atomic_store(&shared->failure, connection->error);
	} else {
		if (atomic_load(&shared->reached) != LOAD_NOT_REACHED)
			return;
		atomic_compare_exchange_strong(&shared->unreachable, &none, connection->error);
		if (thread->alive > 0 || connection->class == LOAD_NO_PORT)
			return;
	}
	atomic_store(&shared->stop, LOAD_STOP_AT_ONCE);
	load_thread_wake(thread);
}
