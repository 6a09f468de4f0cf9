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

#include "common/clock.h"
#include "common/log.h"
#include "worker/admission.h"
#include "worker/arrival.h"
#include "worker/echo.h"
#include "worker/idleness.h"
#include "worker/linger.h"
#include "worker/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

/* How often those that linger are looked at, in milliseconds. */
#define TICK_MS 100

/* What the handler needs, and what it says. */
static const struct worker *self;
static volatile sig_atomic_t listener_is_gone; /* /dev/null is in its place */
static volatile sig_atomic_t session_fd = -1;  /* the client's socket, if there is one */
static volatile sig_atomic_t session_ending;   /* that session is to end now */
static volatile sig_atomic_t session_is_timed; /* it is to end at session_due */
static int64_t session_due;                    /* in ms; changed only while not timed */

/* What the handler of the timer tidies up, unless it is being changed. */
static struct linger_list lingering;
static volatile sig_atomic_t lingering_busy;

/* One for all sessions, as there is one at a time. */
static char *buffer;

/* From here on no call on this socket waits for long. */
static void hurry(int fd)
{
	struct timeval to_receive = { .tv_usec = 1000 };
	struct timeval to_send = { .tv_usec = 500000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &to_receive, sizeof to_receive);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &to_send, sizeof to_send);
}

static void end_session(void)
{
	session_ending = 1;
	if (session_fd >= 0)
		hurry(session_fd);
}

/* Every call in here is on the list of signal-safety(7). */
static void told(int number)
{
	if (!orders_to_drain(self)) {
		dup2(self->nowhere, self->listener);
		listener_is_gone = 1;
	}
	if (number == SIGQUIT)
		end_session();
}

/* ---- time: nobody waits for those that linger, and sessions may have a limit ---- */

/*
 * Has the timer go off when there is something to do. For a session only once: a
 * call that waits begins anew after each interruption. It cannot fail, and unlike
 * a timer of timer_create(2) takes nothing of what its user may have of signals in
 * a queue (RLIMIT_SIGPENDING): all workers share that with the master's alarms.
 */
static void set_timer(void)
{
	struct itimerval when = { 0 };
	int64_t first = 0;

	if (lingering.count > 0) {
		first = TICK_MS;
		when.it_interval.tv_usec = TICK_MS * 1000L;
	} else if (session_is_timed) {
		first = session_due - clock_ms();
		if (first <= 0)
			first = 1;
	}
	when.it_value.tv_sec = first / 1000;
	when.it_value.tv_usec = first % 1000 * 1000;
	setitimer(ITIMER_REAL, &when, NULL);
}

/*
 * Every call in here and in what it calls is on the list of signal-safety(7), but
 * setitimer(2), which is no more than a system call: alarm(2) is on it and does the same.
 */
static void tick(int number)
{
	int saved = errno;

	(void)number;
	if (session_is_timed && session_due <= clock_ms()) {
		session_is_timed = 0;
		end_session();
	}
	if (!lingering_busy) {
		linger_sweep(&lingering);
		set_timer();
	}
	errno = saved;
}

/* Nobody waits for a connection that lingers: the timer closes it. */
static void linger(int fd)
{
	lingering_busy = 1;
	linger_add(&lingering, fd);
	linger_sweep(&lingering);
	lingering_busy = 0;
	set_timer();
}

/* ---- sessions ---- */

/* A connection that we, not the client, end must not be reset. */
static void end_connection(const struct session *session)
{
	if (!orders.ending && (session->end == SESSION_CLOSED || session->end == SESSION_BROKEN))
		close(session->fd);
	else
		linger(session->fd);
}

static void begin_session(struct session *session)
{
	session_begin(session);
	session_ending = 0;
	session->ending = &session_ending;
	session_fd = session->fd;
	if (orders.ending)
		end_session(); /* the handler came too early to do it */
	if (session->limits->session_ms > 0) {
		session_due = clock_ms() + session->limits->session_ms;
		atomic_signal_fence(memory_order_seq_cst);
		session_is_timed = 1;
		set_timer();
	}
}

static void finish_session(struct session *session)
{
	session_fd = -1;
	if (session->limits->session_ms > 0) {
		session_is_timed = 0;
		set_timer();
	}
	if (session->end == SESSION_ENDED && !orders.ending)
		session->end = SESSION_LONG;
}

/* To serve another protocol, call its function here in place of echo_serve(). */
static void serve_one(struct session *session)
{
	idleness_became_busy(&worker_idleness);
	begin_session(session);
	board_set_open(session->slot, 1);
	worker_show_state(self, BOARD_SERVING);
	echo_serve(session);
	finish_session(session);
	admission_leave(session);
	end_connection(session);
	session_finish(session);
	board_set_open(session->slot, 0);
	worker_show_state(self, BOARD_IDLE);
	idleness_served_one(&worker_idleness);
	idleness_became_idle(&worker_idleness);
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

/*
 * The listener does not block; or it does, and nobody came in the time that its
 * connections have to say something (SO_RCVTIMEO). Returns as after_failure().
 */
static int after_empty(void)
{
	static bool found_empty; /* since the worker is to leave */

	if (!orders.retiring) {
		if (fcntl(self->listener, F_GETFL) & O_NONBLOCK)
			wait_for_connection();
		return -1;
	}
	/* The order may have come when the call was over: once more. */
	if (found_empty)
		return EX_OK;
	found_empty = true;
	return -1;
}

/* Returns the exit code when the worker is to leave, or -1 to go on accepting. */
static int after_failure(int error, struct accept_trouble *trouble)
{
	switch (arrival_failed(self, trouble, error)) {
	case ACCEPT_EMPTY:
		return after_empty();
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
		if (admission_grants(&session))
			serve_one(&session);
		else
			linger(session.fd);
	}
	return code;
}

static int prepare(const struct worker *worker, char *for_sessions)
{
	struct sigaction on_alarm = { .sa_handler = tick };

	self = worker;
	buffer = for_sessions;
	if (sigaction(SIGALRM, &on_alarm, NULL) == 0)
		return 0;
	log_error("sigaction for signal %d: %s", SIGALRM, strerror(errno));
	return -1;
}

static bool is_orphan(void)
{
	return orders_of_orphan(self);
}

static void finish(void)
{
	lingering_busy = 1;
	linger_finish(&lingering, LINGER_MS, is_orphan);
}

const struct engine blocking_engine = { prepare, told, serve, finish };
