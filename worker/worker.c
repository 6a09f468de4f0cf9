/* SPDX-License-Identifier: ISC */
/*
 * How a worker is told to stop accepting without losing a connection or
 * missing the message: the handler puts /dev/null in the listener's place.
 * accept(2) that is about to be called, or is interrupted, then fails with
 * ENOTSOCK; one that already has a connection returns it, and it is served.
 * There is no moment between looking at a flag and going to sleep, because no
 * flag is looked at before sleeping.
 *
 * "End now" reaches a worker that waits for its client in the same way: the
 * handler gives the socket receive and send timeouts, which the next call
 * reads when it begins; a call that is already waiting is interrupted.
 */
#include "worker/worker.h"

#include "common/clock.h"
#include "common/gate.h"
#include "common/log.h"
#include "common/nethelp.h"
#include "common/ratelimit.h"
#include "common/readypipe.h"
#include "common/title.h"
#include "worker/accepting.h"
#include "worker/echo.h"
#include "worker/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

/* How long clients may take to close after the server did, in milliseconds ... */
#define LINGER_MS 1000
/* ... and when the master is dead and the port must soon be free. */
#define LINGER_ORPHAN_MS 250

/* When the machine is out of something: first and longest pause, in milliseconds. */
#define PAUSE_MS 50
#define PAUSE_MAX_MS 1000

/* So many failed accept(2) calls in a row, each for a reason of its own, are no trouble yet. */
#define PASSED_OVER 64

/* What the handlers need, and what they say. */
static const struct worker *self;
static volatile sig_atomic_t retiring;        /* told to leave */
static volatile sig_atomic_t ending;          /* told to leave now */
static volatile sig_atomic_t listener_is_gone; /* /dev/null is in its place */
static volatile sig_atomic_t session_fd = -1; /* the client's socket, if there is one */

static struct linger_list lingering;

/* One for all sessions, as there is one at a time. */
static char *buffer;

static bool is_orphan(void)
{
	return getppid() != self->master;
}

static enum board_listener listener_state(void)
{
	return (enum board_listener)atomic_load_explicit(self->listener_state,
	    memory_order_relaxed);
}

/*
 * Nobody follows a worker whose master is dead: it does what the master would
 * have done at a stop, and serves what waits. Unless the listener is somebody
 * else's, who has a successor for us.
 */
static void let_go_of_listener(void)
{
	if (is_orphan() && !self->inherited) {
		atomic_store(self->listener_state, (uint32_t)LISTENER_DRAINING);
		gate_close(self->listener);
		fcntl(self->listener, F_SETFL, fcntl(self->listener, F_GETFL) | O_NONBLOCK);
	} else if (listener_state() != LISTENER_DRAINING) {
		dup2(self->nowhere, self->listener);
		listener_is_gone = 1;
	}
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
static void told_to_leave(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (info->si_pid != self->master && !is_orphan()) {
		ready_pipe_send(self->ready_fd, READY_ASKS_TO_LEAVE);
	} else {
		retiring = 1;
		let_go_of_listener();
		if (number == SIGQUIT) {
			ending = 1;
			if (session_fd >= 0)
				hurry(session_fd);
		}
	}
	errno = saved;
}

static void set_action(int number, const struct sigaction *action)
{
	if (sigaction(number, action, NULL) < 0)
		log_error("sigaction for signal %d: %s", number, strerror(errno));
}

/*
 * Signals for the master that reach everybody (`pkill -HUP echo-master`) are
 * none of a worker's business.
 */
static void catch_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGPIPE, SIGTTIN, SIGTTOU, SIGUSR1,
		SIGUSR2 };
	struct sigaction leave = { .sa_sigaction = told_to_leave, .sa_flags = SA_SIGINFO };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	sigemptyset(&leave.sa_mask);
	sigaddset(&leave.sa_mask, SIGTERM);
	sigaddset(&leave.sa_mask, SIGQUIT);
	set_action(SIGTERM, &leave);
	set_action(SIGQUIT, &leave);
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		set_action(ignored[i], &ignore);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void show_state(enum board_state state)
{
	board_set_state(&self->board->slots[self->number], state);
	title_set("worker %u (%s)", self->number + 1, board_state_name(state));
}

static void log_session(const struct session *session, int64_t began)
{
	static const char *const how[] = { "ended by the protocol", "closed by the client",
		"ended by the server", "broken" };
	int64_t lasted = clock_ms() - began;
	char peer[ADDRESS_TEXT_MAX];

	log_debug("%s: %" PRIu64 " bytes in, %" PRIu64 " out, %" PRId64 ".%03d s, %s%s%s",
	    address_text((const struct sockaddr *)&session->peer, session->peer_length, peer),
	    session->bytes_in, session->bytes_out, lasted / 1000, (int)(lasted % 1000),
	    how[session->end], session->end == SESSION_BROKEN ? ": " : "",
	    session->end == SESSION_BROKEN ? strerror(session->error) : "");
}

/* A connection that we, not the client, end must not be reset. */
static void finish(const struct session *session)
{
	if (!ending && (session->end == SESSION_CLOSED || session->end == SESSION_BROKEN)) {
		close(session->fd);
		return;
	}
	linger_add(&lingering, session->fd);
	if (!ending)
		linger_finish(&lingering, LINGER_MS);
}

/* To serve another protocol, call its function here in place of echo_serve(). */
static void serve(struct session *session)
{
	int64_t began = log_wants(LOG_DEBUG) ? clock_ms() : 0;

	board_count(&session->slot->accepted, 1);
	show_state(BOARD_SERVING);
	session_fd = session->fd;
	if (ending)
		hurry(session->fd); /* the handler came too early to do it */
	echo_serve(session);
	session_fd = -1;
	finish(session);
	board_count(&session->slot->completed, 1);
	if (log_wants(LOG_DEBUG))
		log_session(session, began);
	show_state(BOARD_IDLE);
}

/* Returns as accept(2); the peer's address goes into the session. */
static int accept_one(struct session *session)
{
	*session = (struct session){ .buffer = buffer, .buffer_size = self->buffer_size,
		.slot = &self->board->slots[self->number], .ending = &ending,
		.peer_length = sizeof session->peer };
	session->fd = accept4(self->listener, (struct sockaddr *)&session->peer,
	    &session->peer_length, SOCK_CLOEXEC);
	return session->fd;
}

/* What has gone wrong since the last connection was accepted. */
struct trouble {
	unsigned failures; /* of accept(2), in a row */
	int pause_ms;      /* how long the next pause will be */
};

/* What went wrong, the machine or somebody else must put right first. */
static void pause_accepting(int error, struct trouble *trouble)
{
	static struct rate_limit limit = RATE_LIMIT(1, 10000);
	uint64_t missed;

	if (rate_limit_pass(&limit, clock_ms(), &missed)) {
		log_warning("accept: %s; worker %u pauses", strerror(error), self->number + 1);
		if (missed > 0)
			log_warning("%" PRIu64 " lines like this one were left out", missed);
	}
	poll(NULL, 0, trouble->pause_ms);
	trouble->pause_ms *= 2;
	if (trouble->pause_ms > PAUSE_MAX_MS)
		trouble->pause_ms = PAUSE_MAX_MS;
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
	if (!retiring)
		ppoll(&readable, 1, NULL, &open_mask);
	sigprocmask(SIG_SETMASK, &open_mask, NULL);
}

/*
 * Returns the exit code when the worker is to leave, or -1 to go on accepting.
 * What concerns one connection is passed over, but not for ever: a cause that
 * stays would make us spin.
 */
static int after_failure(int error, struct trouble *trouble)
{
	trouble->failures++;
	switch (accept_classify(error)) {
	case ACCEPT_EMPTY:
		if (retiring)
			return EX_OK;
		wait_for_connection();
		return -1;
	case ACCEPT_REFUSED:
		board_count(&self->board->slots[self->number].refused, 1);
		/* fall through */
	case ACCEPT_AGAIN:
		if (trouble->failures < PASSED_OVER)
			return -1;
		/* fall through */
	case ACCEPT_PAUSE:
		if (listener_is_gone || ending)
			return EX_OK;
		pause_accepting(error, trouble);
		return -1;
	case ACCEPT_FATAL:
		break;
	}
	if (retiring)
		return EX_OK;
	log_error("accept: %s; worker %u gives up", strerror(error), self->number + 1);
	return EX_SOFTWARE;
}

static int accept_and_serve(void)
{
	struct trouble trouble = { .pause_ms = PAUSE_MS };
	int code = -1;

	while (code < 0) {
		struct session session;

		if (accept_one(&session) < 0) {
			code = after_failure(errno, &trouble);
			continue;
		}
		trouble = (struct trouble){ .pause_ms = PAUSE_MS };
		if (listener_state() >= LISTENER_GATED)
			gate_lift(session.fd);
		if (listener_state() == LISTENER_DRAINING)
			ready_pipe_send(self->ready_fd, READY_TOOK_ONE);
		serve(&session);
	}
	return code;
}

/*
 * Pages that nobody has touched yet: a worker owns only as much of its buffer as
 * its clients send at once, and none of it while it is idle. malloc(3) would
 * touch the page after it.
 */
static char *make_buffer(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages != MAP_FAILED ? pages : NULL;
}

int worker_run(const struct worker *worker)
{
	int code;

	self = worker;
	prctl(PR_SET_NAME, "echo-worker");
	/* Asked for first and checked after: a master that died in between is noticed too. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (is_orphan())
		return EX_OK;
	buffer = make_buffer(worker->buffer_size);
	if (buffer == NULL) {
		log_error("a buffer of %zu bytes: %s", worker->buffer_size, strerror(errno));
		return EX_OSERR;
	}
	show_state(BOARD_IDLE);
	catch_signals();
	if (ready_pipe_send(worker->ready_fd, READY_TO_ACCEPT) < 0) {
		log_error("telling the master that worker %u is ready: %s", worker->number + 1,
		    strerror(errno));
		return EX_OSERR;
	}
	code = accept_and_serve();
	show_state(BOARD_LEAVING);
	/* While the last clients close, nobody new may come to a door that will not open. */
	dup2(self->nowhere, self->listener);
	linger_finish(&lingering, is_orphan() ? LINGER_ORPHAN_MS : LINGER_MS);
	return code;
}
