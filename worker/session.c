/* SPDX-License-Identifier: ISC */
#include "worker/session.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/nethelp.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

/*
 * From the moment the server wants to end, only what has already arrived is
 * served: a client that never stops sending must not keep the session alive.
 */
static size_t within_budget(struct session *session, size_t size)
{
	int queued = 0;

	if (!session->ending_seen) {
		session->ending_seen = true;
		session->budget = ioctl(session->fd, FIONREAD, &queued) == 0 ? (size_t)queued : 0;
	}
	return size < session->budget ? size : session->budget;
}

static size_t within_limit(const struct session *session, size_t size)
{
	uint64_t limit = session->limits->session_bytes;
	uint64_t left = limit - session->bytes_in;

	return limit == 0 || size < left ? size : (size_t)left;
}

size_t session_allowance(struct session *session, size_t size)
{
	size = within_limit(session, size);
	if (size == 0) {
		session->end = SESSION_LARGE;
	} else if (*session->ending) {
		size = within_budget(session, size);
		if (size == 0)
			session->end = SESSION_ENDED;
	}
	return size;
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

bool session_is_taken_from(struct session *session)
{
	uint64_t before = session->bytes_taken;
	int under_way = 0;

	if (ioctl(session->fd, SIOCOUTQ, &under_way) == 0)
		session->bytes_taken = session->bytes_out - (uint64_t)under_way;
	return session->bytes_taken != before;
}

/* How long the client may be silent now, in milliseconds; 0: for ever. */
static unsigned silence_ms(const struct session *session)
{
	const struct limits *limits = session->limits;

	return session->bytes_in == 0 && limits->first_byte_ms > 0 ? limits->first_byte_ms :
	    limits->idle_ms;
}

static void wait_for_silence(const struct session *session)
{
	unsigned ms = silence_ms(session);
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

	setsockopt(session->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

/*
 * Whether EAGAIN of recv(2) means that the client has been silent for too long. A
 * connection that was established before a reload has the wait of that time, perhaps
 * a short one for the first byte: it is given the one in force, and waited for.
 */
static bool was_silent(const struct session *session)
{
	unsigned ms = silence_ms(session);
	struct timeval waited;
	socklen_t size = sizeof waited;

	if (*session->ending || ms == 0 ||
	    getsockopt(session->fd, SOL_SOCKET, SO_RCVTIMEO, &waited, &size) < 0)
		return false;
	if (waited.tv_sec * 1000 + waited.tv_usec / 1000 >= (long)ms)
		return true;
	wait_for_silence(session);
	return false;
}

static int over(struct session *session, enum session_end end)
{
	session->end = end;
	return 0;
}

ssize_t session_receive(struct session *session, void *buffer, size_t size)
{
	while ((size = session_allowance(session, size)) > 0) {
		ssize_t got = recv(session->fd, buffer, size, 0);

		if (got > 0) {
			bool is_first = session->bytes_in == 0;

			session_received(session, (size_t)got);
			if (is_first && session->limits->first_byte_ms > 0)
				wait_for_silence(session);
			return got;
		}
		if (got == 0)
			return over(session, SESSION_CLOSED);
		if (errno == EAGAIN && was_silent(session))
			return over(session, SESSION_SILENT);
		/* Else EAGAIN: "end now" came after the check above, and cut the wait short. */
		if (errno != EINTR && errno != EAGAIN)
			return session_broke(session);
	}
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
		} else if (errno == EAGAIN) {
			if (*session->ending || !session_is_taken_from(session)) {
				session->end = *session->ending ? SESSION_ENDED : SESSION_UNREAD;
				return -1;
			}
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

static const char *const how[] = {
	[SESSION_OPEN] = "ended by the protocol",
	[SESSION_CLOSED] = "closed by the client",
	[SESSION_ENDED] = "ended by the server",
	[SESSION_BROKEN] = "broken",
	[SESSION_SILENT] = "silent for too long",
	[SESSION_UNREAD] = "did not read for too long",
	[SESSION_LONG] = "had its time",
	[SESSION_LARGE] = "had its bytes",
};

static const char *peer_of(const struct session *session, char *text)
{
	return address_text((const struct sockaddr *)&session->peer, session->peer_length, text);
}

static void log_session(const struct session *session)
{
	int64_t lasted = clock_ms() - session->began;
	char peer[ADDRESS_TEXT_MAX];

	log_debug("%s: %" PRIu64 " bytes in, %" PRIu64 " out, %" PRId64 ".%03d s, %s%s%s",
	    peer_of(session, peer), session->bytes_in, session->bytes_out, lasted / 1000,
	    (int)(lasted % 1000), how[session->end], session->end == SESSION_BROKEN ? ": " : "",
	    session->end == SESSION_BROKEN ? strerror(session->error) : "");
}

static void cut_off(const struct session *session)
{
	char peer[ADDRESS_TEXT_MAX];
	uint64_t missed;

	board_count(&session->slot->cut, 1);
	if (!log_wants(LOG_INFO) || !rate_limit_pass(session->cut_lines, clock_ms(), &missed))
		return;
	if (missed > 0)
		log_info("%" PRIu64 " lines like the next one were left out", missed);
	log_info("%s: cut off: %s", peer_of(session, peer), how[session->end]);
}

void session_finish(const struct session *session)
{
	board_count(&session->slot->completed, 1);
	if (session->end >= SESSION_SILENT)
		cut_off(session);
	if (log_wants(LOG_DEBUG))
		log_session(session);
	free(session->state);
}
