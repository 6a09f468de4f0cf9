/* SPDX-License-Identifier: ISC */
/*
 * hanging: echo-master with a protocol that echoes lines until one of them is an
 * order to do something else:
 *
 *     loop     runs for ever and gets nowhere
 *     call     the same with a system call each time
 *     aside    blocking engine: talks on in calls of its own, which nobody counts, and
 *              uses some processor time before each answer
 *
 * It takes the place of worker/echo.c; all else is the server's.
 */
#include "worker/echo.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of processor time, for each answer of the one who talks aside. */
#define THINKING_MS 50

static bool is_order(const char *bytes, size_t size, const char *order)
{
	return size == strlen(order) && memcmp(bytes, order, size) == 0;
}

static void hang_if_told(const char *bytes, size_t size)
{
	bool calls = is_order(bytes, size, "call\n");

	while (calls || is_order(bytes, size, "loop\n")) {
		atomic_signal_fence(memory_order_seq_cst);
		if (calls)
			getppid();
	}
}

static void think(void)
{
	clock_t end = clock() + THINKING_MS * CLOCKS_PER_SEC / 1000;

	while (clock() < end)
		continue;
}

static void talk_aside(struct session *session)
{
	ssize_t got;

	while ((got = recv(session->fd, session->buffer, session->buffer_size, 0)) > 0) {
		think();
		if (send(session->fd, session->buffer, (size_t)got, MSG_NOSIGNAL) != got)
			return;
	}
}

void echo_serve(struct session *session)
{
	ssize_t got;

	while ((got = session_receive(session, session->buffer, session->buffer_size)) > 0) {
		hang_if_told(session->buffer, (size_t)got);
		if (session_send(session, session->buffer, (size_t)got) < 0)
			return;
		if (is_order(session->buffer, (size_t)got, "aside\n"))
			talk_aside(session);
	}
}

int echo_received(struct session *session, char *bytes, size_t size)
{
	hang_if_told(bytes, size);
	return session_reply(session, bytes, size);
}
