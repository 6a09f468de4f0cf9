/* SPDX-License-Identifier: ISC */
/*
 * The event engine: many connections in one worker. An echo is a recv(2) and a
 * send(2), and a share in an epoll_wait(2) that tells of all connections that
 * can go on; when none can, the worker sleeps there and makes no call.
 *
 * A signal's handler sets a flag and writes to an eventfd(2), which epoll tells
 * of like of anything else. With epoll_pwait(2) and signals open only there, one
 * would not be heard under load: where events are ready it does not look.
 */
#include "worker/engine.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/title.h"
#include "worker/linger.h"
#include "worker/mux_parts.h"
#include "worker/orders.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

/* How many events are taken at once. */
#define EVENTS_A_TURN 256

/* How often the title may change, in milliseconds: it is for people. */
#define TITLE_MS 250

/*
 * After "end now": how long a client that takes nothing is waited for, as in
 * the blocking engine, and any at all; with the lingering it is less than the
 * master waits before it kills, or than an orphan's second.
 */
#define LAST_WORDS_MS 500
#define END_MS 900
#define END_ORPHAN_MS 500

static struct mux mux;

/* What the title shows, and from when on it may show something else. */
static struct {
	unsigned open;
	int64_t due;
} title;

/* When the last events came, and whether those before were a short while earlier. */
static struct {
	int64_t last_us;
	bool recent;
} traffic;

/* ---- beginning ---- */

static int fail(const char *what)
{
	log_error("worker %u: %s: %s", mux.worker->number + 1, what, strerror(errno));
	return -1;
}

/* Pages that nobody has touched: places that are never taken cost nothing. */
static struct connection *make_places(unsigned count)
{
	return (struct connection *)buffer_make(count * sizeof(struct connection));
}

static int prepare(const struct worker *worker, char *buffer)
{
	struct epoll_event orders_came = { .events = EPOLLIN, .data.ptr = &mux.wake };

	mux = (struct mux){ .worker = worker, .slot = &worker->board->slots[worker->number],
		.buffer = buffer, .buffers.size = worker->buffer_size, .end_due = MUX_NEVER,
		.now = clock_ms() };
	turns_init(&mux.turns);
	delays_init(&mux.silent, worker->limits.first_byte_ms);
	delays_init(&mux.idle, worker->limits.idle_ms);
	delays_init(&mux.unsent, worker->limits.write_ms);
	delays_init(&mux.life, worker->limits.session_ms);
	delays_init(&mux.last_words, LAST_WORDS_MS);
	delays_init(&mux.linger, LINGER_MS);
	mux.places = make_places(MUX_PLACES(worker->connections));
	if (mux.places == NULL)
		return fail("memory for connections");
	mux.epoll = epoll_create1(EPOLL_CLOEXEC);
	mux.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mux.epoll < 0 || mux.wake < 0 ||
	    epoll_ctl(mux.epoll, EPOLL_CTL_ADD, mux.wake, &orders_came) < 0)
		return fail("epoll");
	if (door_open(&mux) < 0)
		return fail("watching the listener");
	return 0;
}

/* ---- orders ---- */

/* In a signal handler. */
static void told(int number)
{
	(void)number;
	eventfd_write(mux.wake, 1);
}

static void end_all(void (*how)(struct connection *connection))
{
	for (unsigned i = 0; i < mux.used; i++)
		if (mux.places[i].phase == CONNECTION_OPEN)
			how(&mux.places[i]);
}

static void hurry(struct connection *connection)
{
	connection_hurry(&mux, connection);
}

static void cut_off(struct connection *connection)
{
	connection_end(&mux, connection, SESSION_ENDED);
}

/*
 * The flag is cleared before it is acted on. That the listener is let go here leaves no
 * client waiting for whom the kernel has woken this worker only: it does so in
 * epoll_wait(2), which then tells of the client in that same call, while the handler runs
 * when the call is over. The order is seen in the next call, and the client is in by then.
 */
static void take_orders(void)
{
	eventfd_t unused;

	eventfd_read(mux.wake, &unused);
	if (orders.retiring && !mux.door.closed) {
		if (orders_to_drain(mux.worker))
			mux.door.emptying = true;
		else
			door_close(&mux);
	}
	if (orders.ending && mux.end_due == MUX_NEVER) {
		mux.end_due = mux.now +
		    (orders_of_orphan(mux.worker) ? END_ORPHAN_MS : END_MS);
		end_all(hurry);
	}
}

/* ---- time ---- */

static int64_t earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* Returns when there is something to do even if nothing happens. */
static int64_t next_due(void)
{
	int64_t due = earlier(delays_next(&mux.idle), delays_next(&mux.unsent));

	due = earlier(due, earlier(delays_next(&mux.silent), delays_next(&mux.life)));
	due = earlier(due, delays_next(&mux.last_words));
	due = earlier(due, delays_next(&mux.linger));
	due = earlier(due, door_due(&mux));
	if (title.open != mux.open)
		due = earlier(due, title.due);
	return mux.open > 0 ? earlier(due, mux.end_due) : due;
}

static void end_overdue(struct delay_queue *queue, enum session_end end)
{
	struct delay *delay;

	while ((delay = delay_take(queue, mux.now)) != NULL) {
		struct connection *connection =
		    (struct connection *)((char *)delay - offsetof(struct connection, delay));

		if (connection->phase == CONNECTION_OPEN)
			connection_overdue(&mux, connection, end);
		else
			connection_close(&mux, connection);
	}
}

static void hurry_old_ones(void)
{
	struct delay *life;

	while ((life = delay_take(&mux.life, mux.now)) != NULL)
		connection_hurry(&mux,
		    (struct connection *)((char *)life - offsetof(struct connection, life)));
}

static void look_at_clock(void)
{
	end_overdue(&mux.silent, SESSION_SILENT);
	end_overdue(&mux.idle, SESSION_SILENT);
	end_overdue(&mux.unsent, SESSION_UNREAD);
	hurry_old_ones();
	end_overdue(&mux.last_words, SESSION_ENDED);
	end_overdue(&mux.linger, SESSION_ENDED);
	if (mux.end_due <= mux.now)
		end_all(cut_off);
}

static void show(void)
{
	board_set_state(mux.slot, mux.open > 0 ? BOARD_SERVING : BOARD_IDLE);
	if (title.open == mux.open || mux.now < title.due)
		return;
	title.open = mux.open;
	title.due = mux.now + TITLE_MS;
	if (mux.open == 0)
		title_set("worker %u (idle)", mux.worker->number + 1);
	else
		title_set("worker %u (serving %u of %u)", mux.worker->number + 1, mux.open,
		    mux.worker->connections);
}

/* ---- waiting ---- */

/* Returns for how long to sleep, in milliseconds, -1 for ever: as epoll_wait(2) has it. */
static int time_left(void)
{
	int64_t due = mux.turns.count > 0 ? mux.now : next_due();

	if (due == MUX_NEVER)
		return -1;
	if (due <= mux.now)
		return 0;
	return due - mux.now < INT_MAX ? (int)(due - mux.now) : INT_MAX;
}

/*
 * To sleep and to be woken takes longer than an answer of a client that is near;
 * while there is traffic it may be had by looking a few times instead.
 */
static int look_out(struct epoll_event *events, int timeout_ms)
{
	int64_t began = clock_us();
	int64_t most = mux.worker->busy_poll_us;
	int count;

	if (timeout_ms >= 0)
		most = earlier(most, (int64_t)timeout_ms * 1000);
	do
		count = epoll_wait(mux.epoll, events, EVENTS_A_TURN, 0);
	while (count == 0 && clock_us() - began < most);
	return count;
}

static void note_traffic(void)
{
	int64_t now = clock_us();

	traffic.recent = now - traffic.last_us <= (int64_t)mux.worker->busy_poll_us;
	traffic.last_us = now;
}

static int wait_for_events(struct epoll_event *events)
{
	int timeout_ms = time_left();
	int count = 0;

	if (traffic.recent && timeout_ms != 0)
		count = look_out(events, timeout_ms);
	if (count == 0)
		count = epoll_wait(mux.epoll, events, EVENTS_A_TURN, timeout_ms);
	if (mux.worker->busy_poll_us > 0) {
		if (count > 0)
			note_traffic();
		else
			traffic.recent = false;
	}
	return count;
}

/* ---- the loop ---- */

/* What is told of here is only noted: nothing is closed that a later event may be about. */
static void take_events(const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		void *about = events[i].data.ptr;

		if (about == &mux.wake)
			take_orders();
		else if (about == &mux.door)
			mux.door.knocked = true;
		else if (about == &mux.door.called)
			mux.door.called = true;
		else
			connection_event(&mux, about, events[i].events);
	}
}

static void take_turns(void)
{
	for (size_t left = mux.turns.count; left > 0; left--) {
		struct turn *turn = turns_take(&mux.turns);

		if (turn == NULL)
			break; /* one was closed that was still to come */
		connection_turn(&mux,
		    (struct connection *)((char *)turn - offsetof(struct connection, turn)));
	}
}

static void turn(void)
{
	struct epoll_event events[EVENTS_A_TURN];
	int count = wait_for_events(events);

	mux.now = clock_ms();
	take_events(events, count);
	take_turns();
	look_at_clock();
	door_turn(&mux);
	show();
}

static int serve(void)
{
	while (!mux.door.closed || mux.open > 0)
		turn();
	return mux.door.code;
}

/* Those that linger have begun at different times; an orphan cannot wait for all of it. */
static void finish(void)
{
	int64_t end = mux.now + LINGER_MS;

	while (mux.lingering > 0 && mux.now < end) {
		struct epoll_event events[EVENTS_A_TURN];
		int64_t left;
		int count;

		if (orders_of_orphan(mux.worker)) /* by now, too */
			end = earlier(end, mux.now + LINGER_ORPHAN_MS);
		left = mux.turns.count > 0 ? 0 : end - mux.now;
		count = epoll_wait(mux.epoll, events, EVENTS_A_TURN, (int)left);
		mux.now = clock_ms();
		take_events(events, count);
		take_turns();
	}
}

const struct engine mux_engine = { prepare, told, serve, finish };
