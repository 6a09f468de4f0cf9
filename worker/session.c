/* SPDX-License-Identifier: ISC */
#include "worker/session.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/nethelp.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/*
 * From the moment the server wants to end, only what has already arrived is
 * served: a client that never stops sending must not keep the session alive.
 */
size_t session_allowance(struct session *session, size_t size)
{
	int queued = 0;

	if (!*session->ending)
		return size;
	if (!session->ending_seen) {
		session->ending_seen = true;
		session->budget = ioctl(session->fd, FIONREAD, &queued) == 0 ? (size_t)queued : 0;
	}
	return size < session->budget ? size : session->budget;
}

int session_broke(struct session *session)
{
	session->end = SESSION_BROKEN;
	session->error = errno;
	return -1;
}

void session_received(struct session *session, size_t size)
{
	session->bytes_in += size;
	session->budget -= session->ending_seen ? size : 0;
	board_count(&session->slot->bytes_in, size);
	log_debug("server received %zu bytes", size);
}

void session_sent(struct session *session, size_t size)
{
	session->bytes_out += size;
	board_count(&session->slot->bytes_out, size);
}

ssize_t session_receive(struct session *session, void *buffer, size_t size)
{
	for (;;) {
		ssize_t got;

		size = session_allowance(session, size);
		if (size == 0)
			break;
		got = recv(session->fd, buffer, size, 0);
		if (got > 0) {
			session_received(session, (size_t)got);
			return got;
		}
		if (got == 0) {
			session->end = SESSION_CLOSED;
			return 0;
		}
		/* EAGAIN: "end now" came after the check above, and cut the wait short. */
		if (errno != EINTR && errno != EAGAIN)
			return session_broke(session);
	}
	session->end = SESSION_ENDED;
	return 0;
}

int session_send(struct session *session, const void *bytes, size_t size)
{
	const char *rest = bytes;

	while (size > 0) {
		ssize_t sent = send(session->fd, rest, size, MSG_NOSIGNAL);

		if (sent > 0) {
			rest += sent;
			size -= (size_t)sent;
			session_sent(session, (size_t)sent);
		} else if (errno == EAGAIN && *session->ending) {
			session->end = SESSION_ENDED; /* the client does not read: enough */
			return -1;
		} else if (errno != EINTR) {
			return session_broke(session);
		}
	}
	return 0;
}

void session_begin(struct session *session)
{
	board_count(&session->slot->accepted, 1);
	session->began = log_wants(LOG_DEBUG) ? clock_ms() : 0;
}

static void log_session(const struct session *session)
{
	static const char *const how[] = { "ended by the protocol", "closed by the client",
		"ended by the server", "broken", "timed out" };
	int64_t lasted = clock_ms() - session->began;
	char peer[ADDRESS_TEXT_MAX];

	log_debug("%s: %" PRIu64 " bytes in, %" PRIu64 " out, %" PRId64 ".%03d s, %s%s%s",
	    address_text((const struct sockaddr *)&session->peer, session->peer_length, peer),
	    session->bytes_in, session->bytes_out, lasted / 1000, (int)(lasted % 1000),
	    how[session->end], session->end == SESSION_BROKEN ? ": " : "",
	    session->end == SESSION_BROKEN ? strerror(session->error) : "");
}

void session_finish(const struct session *session)
{
	board_count(&session->slot->completed, 1);
	if (log_wants(LOG_DEBUG))
		log_session(session);
}
