/* SPDX-License-Identifier: ISC */
/*
 * The blocking engine: one connection at a time, six system calls each, and two
 * for an echo.
 *
 * How it is told to stop accepting without losing a connection or missing the
 * message: the handler puts /dev/null in the listener's place. accept(2) that
 * is about to be called, or is interrupted, then fails with ENOTSOCK; one that
 * already has a connection returns it, and it is served. There is no moment
 * between looking at a flag and going to sleep, because no flag is looked at
 * before sleeping.
 *
 * "End now" reaches a worker that waits for its client in the same way: the
 * handler gives the socket receive and send timeouts, which the next call
 * reads when it begins; a call that is already waiting is interrupted.
 */
#include "worker/engine.h"

#include "common/log.h"
#include "worker/arrival.h"
#include "worker/echo.h"
#include "worker/linger.h"
#include "worker/orders.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

/* What the handler needs, and what it says. */
static const struct worker *self;
static volatile sig_atomic_t listener_is_gone; /* /dev/null is in its place */
static volatile sig_atomic_t session_fd = -1;  /* the client's socket, if there is one */

static struct linger_list lingering;

/* One for all sessions, as there is one at a time. */
static char *buffer;

static int prepare(const struct worker *worker, char *for_sessions)
{
	self = worker;
	buffer = for_sessions;
	return 0;
}

/* From here on no call on this socket waits for long. */
static void hurry(int fd)
{
	struct timeval to_receive = { .tv_usec = 1000 };
	struct timeval to_send = { .tv_usec = 500000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &to_receive, sizeof to_receive);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &to_send, sizeof to_send);
}

/* Every call in here is on the list of signal-safety(7). */
static void told(int number)
{
	if (!orders_to_drain(self)) {
		dup2(self->nowhere, self->listener);
		listener_is_gone = 1;
	}
	if (number == SIGQUIT && session_fd >= 0)
		hurry(session_fd);
}

/* A connection that we, not the client, end must not be reset. */
static void end_connection(const struct session *session)
{
	if (!orders.ending &&
	    (session->end == SESSION_CLOSED || session->end == SESSION_BROKEN)) {
		close(session->fd);
		return;
	}
	linger_add(&lingering, session->fd);
	if (!orders.ending)
		linger_finish(&lingering, LINGER_MS);
}

/* To serve another protocol, call its function here in place of echo_serve(). */
static void serve_one(struct session *session)
{
	session_begin(session);
	board_set_open(session->slot, 1);
	worker_show_state(self, BOARD_SERVING);
	session_fd = session->fd;
	if (orders.ending)
		hurry(session->fd); /* the handler came too early to do it */
	echo_serve(session);
	session_fd = -1;
	end_connection(session);
	session_finish(session);
	board_set_open(session->slot, 0);
	worker_show_state(self, BOARD_IDLE);
}

/*
 * Somebody else who has this socket made it non-blocking: wait without
 * spinning. Here a flag is looked at before sleeping, so no signal may come
 * in between.
 */
static void wait_for_connection(void)
{
	struct pollfd readable = { .fd = self->listener, .events = POLLIN };
	sigset_t leave, open_mask;

	sigemptyset(&leave);
	sigaddset(&leave, SIGTERM);
	sigaddset(&leave, SIGQUIT);
	sigprocmask(SIG_BLOCK, &leave, &open_mask);
	if (!orders.retiring)
		ppoll(&readable, 1, NULL, &open_mask);
	sigprocmask(SIG_SETMASK, &open_mask, NULL);
}

/* Returns the exit code when the worker is to leave, or -1 to go on accepting. */
static int after_failure(int error, struct accept_trouble *trouble)
{
	switch (arrival_failed(self, trouble, error)) {
	case ACCEPT_EMPTY:
		if (orders.retiring)
			return EX_OK;
		wait_for_connection();
		return -1;
	case ACCEPT_REFUSED:
	case ACCEPT_AGAIN:
		return -1;
	case ACCEPT_PAUSE:
		if (listener_is_gone || orders.ending)
			return EX_OK;
		poll(NULL, 0, arrival_pause(self, trouble, error));
		return -1;
	case ACCEPT_FATAL:
		break;
	}
	if (orders.retiring)
		return EX_OK;
	log_error("accept: %s; worker %u gives up", strerror(error), self->number + 1);
	return EX_SOFTWARE;
}

static int serve(void)
{
	struct accept_trouble trouble = { 0 };
	int code = -1;

	while (code < 0) {
		struct session session;

		if (arrival_accept(self, &session, 0) < 0) {
			code = after_failure(errno, &trouble);
			continue;
		}
		trouble = (struct accept_trouble){ 0 };
		session.buffer = buffer;
		session.buffer_size = self->buffer_size;
		serve_one(&session);
	}
	return code;
}

static void finish(void)
{
	linger_finish(&lingering, orders_of_orphan(self) ? LINGER_ORPHAN_MS : LINGER_MS);
}

const struct engine blocking_engine = { prepare, told, serve, finish };
