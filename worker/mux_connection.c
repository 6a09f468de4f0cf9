/* SPDX-License-Identifier: ISC */
/*
 * One connection of the event engine.
 *
 * epoll tells of changes only (EPOLLET), so a connection is registered once
 * and never again; what was told is kept in `readable` and `writable` until a
 * call finds that it is no longer so. A read that did not fill the buffer has
 * found it too: what comes later is a new change. There are exceptions, which
 * epoll tells of, in which the next read has more to say: the client's end, an
 * error, and urgent data, at which a read stops short (tcp(7)).
 */
#include "worker/mux_parts.h"

#include "worker/admission.h"
#include "worker/echo.h"
#include "worker/idleness.h"
#include "worker/orders.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALL_CHANGES (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET)

/* The session's own engine: a protocol that replies does not know it. */
static struct mux *engine;

/* What a session looks at that is to end. */
static const volatile sig_atomic_t is_ending = 1;

/* ---- places ---- */

static struct connection *of_delay(struct delay *delay)
{
	return (struct connection *)((char *)delay - offsetof(struct connection, delay));
}

struct connection *connection_place(struct mux *mux)
{
	if (SLIST_EMPTY(&mux->vacant)) {
		if (mux->used < MUX_PLACES(mux->worker->connections))
			return &mux->places[mux->used];
		connection_close(mux, of_delay(delay_take(&mux->linger, MUX_NEVER)));
	}
	return SLIST_FIRST(&mux->vacant);
}

static void take_place(struct mux *mux, struct connection *place)
{
	if (place == SLIST_FIRST(&mux->vacant))
		SLIST_REMOVE_HEAD(&mux->vacant, free);
	else
		mux->used++;
	*place = (struct connection){ .session = place->session, .phase = CONNECTION_OPEN };
}

static void free_place(struct mux *mux, struct connection *place)
{
	place->phase = CONNECTION_FREE;
	SLIST_INSERT_HEAD(&mux->vacant, place, free);
}

static int watch(struct mux *mux, struct connection *place)
{
	struct epoll_event changes = { .events = ALL_CHANGES, .data.ptr = place };

	return epoll_ctl(mux->epoll, EPOLL_CTL_ADD, place->session.fd, &changes);
}

static void wait_for_first_byte(struct mux *mux, struct connection *connection)
{
	struct delay_queue *queue = mux->silent.length > 0 ? &mux->silent : &mux->idle;

	if (queue->length > 0)
		delay_start(&connection->delay, queue, mux->now);
}

int connection_begin(struct mux *mux, struct connection *place)
{
	if (watch(mux, place) < 0)
		return -1;
	take_place(mux, place);
	place->session.buffer = mux->buffer;
	place->session.buffer_size = mux->worker->buffer_size;
	session_begin(&place->session);
	mux->open++;
	board_set_open(mux->slot, mux->open);
	wait_for_first_byte(mux, place);
	if (mux->life.length > 0)
		delay_start(&place->life, &mux->life, mux->now);
	if (orders.ending)
		connection_hurry(mux, place);
	return 0;
}

/* ---- the end ---- */

static void drop_rest(struct mux *mux, struct connection *connection)
{
	if (connection->rest != NULL)
		buffers_return(&mux->buffers, connection->rest);
	connection->rest = NULL;
}

static void session_is_over(struct mux *mux, struct connection *connection)
{
	if (connection->phase != CONNECTION_OPEN)
		return;
	if (connection->session.end == SESSION_ENDED && !orders.ending)
		connection->session.end = SESSION_LONG;
	session_finish(&connection->session);
	admission_leave(&connection->session);
	drop_rest(mux, connection);
	delay_stop(&connection->delay);
	delay_stop(&connection->life);
	mux->open--;
	board_set_open(mux->slot, mux->open);
	idleness_served_one(&worker_idleness);
}

void connection_close(struct mux *mux, struct connection *connection)
{
	session_is_over(mux, connection);
	mux->lingering -= connection->phase == CONNECTION_LINGERING;
	turns_remove(&mux->turns, &connection->turn);
	delay_stop(&connection->delay);
	close(connection->session.fd);
	free_place(mux, connection);
}

static void linger(struct mux *mux, struct connection *connection)
{
	shutdown(connection->session.fd, SHUT_WR);
	connection->phase = CONNECTION_LINGERING;
	mux->lingering++;
	delay_start(&connection->delay, &mux->linger, mux->now);
	connection->readable = true;
	turns_add(&mux->turns, &connection->turn);
}

/* As worker/linger.h has it, but that the connections that do so are not counted. */
void connection_end(struct mux *mux, struct connection *connection, enum session_end end)
{
	connection->session.end = end;
	session_is_over(mux, connection);
	linger(mux, connection);
}

int connection_turn_away(struct mux *mux, struct connection *place)
{
	if (watch(mux, place) < 0)
		return -1;
	take_place(mux, place);
	linger(mux, place);
	return 0;
}

void connection_hurry(struct mux *mux, struct connection *connection)
{
	if (connection->phase != CONNECTION_OPEN)
		return;
	connection->session.ending = &is_ending;
	delay_start(&connection->delay, &mux->last_words, mux->now);
	connection->readable = true;
	turns_add(&mux->turns, &connection->turn);
}

/* ---- sending ---- */

/* Which delay counts now: that of a client that does not read, or that of a silent one. */
static void restart_delay(struct mux *mux, struct connection *connection)
{
	struct delay_queue *queue = connection->rest != NULL ? &mux->unsent : &mux->idle;

	if (*connection->session.ending)
		queue = &mux->last_words;
	if (queue->length > 0)
		delay_start(&connection->delay, queue, mux->now);
	else
		delay_stop(&connection->delay);
}

void connection_overdue(struct mux *mux, struct connection *connection, enum session_end end)
{
	if (end == SESSION_UNREAD && session_is_taken_from(&connection->session))
		restart_delay(mux, connection);
	else
		connection_end(mux, connection, end);
}

/* Returns how many bytes were sent, 0 when there is no room now, or -1 when it broke. */
static ssize_t send_some(struct connection *connection, const char *bytes, size_t size)
{
	ssize_t sent = send(connection->session.fd, bytes, size, MSG_NOSIGNAL);

	if (sent > 0) {
		session_sent(&connection->session, (size_t)sent);
		return sent;
	}
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return session_broke(&connection->session);
	connection->writable = false;
	return 0;
}

/* Adds to what waits to be sent. Returns 0, or -1 when there is no room for it. */
static int keep(struct mux *mux, struct connection *connection, const char *bytes, size_t size)
{
	size_t waiting = connection->rest != NULL ? connection->rest_end - connection->rest_start : 0;

	if (waiting + size > mux->buffers.size) {
		errno = ENOBUFS;
		return session_broke(&connection->session);
	}
	if (connection->rest == NULL) {
		connection->rest = buffers_borrow(&mux->buffers);
		if (connection->rest == NULL)
			return session_broke(&connection->session);
		restart_delay(mux, connection);
	} else if (connection->rest_start > 0) {
		memmove(connection->rest, connection->rest + connection->rest_start, waiting);
	}
	memcpy(connection->rest + waiting, bytes, size);
	connection->rest_start = 0;
	connection->rest_end = (uint32_t)(waiting + size);
	return 0;
}

int session_reply(struct session *session, const void *bytes, size_t size)
{
	struct connection *connection = (struct connection *)session;
	ssize_t sent = 0;

	if (connection->rest == NULL && size > 0) {
		sent = send_some(connection, bytes, size);
		if (sent < 0)
			return -1;
	}
	if ((size_t)sent == size)
		return 0;
	return keep(engine, connection, (const char *)bytes + sent, size - (size_t)sent);
}

/* Whatever a turn has led to: what is over is ended, what can go on has its next turn. */
static void settle(struct mux *mux, struct connection *connection)
{
	enum session_end end = connection->session.end;

	if (end == SESSION_BROKEN || (end == SESSION_CLOSED && connection->rest == NULL))
		connection_close(mux, connection);
	else if (connection->rest == NULL && connection->over)
		connection_end(mux, connection, end);
	else if (connection->rest != NULL ? connection->writable : connection->readable)
		turns_add(&mux->turns, &connection->turn);
}

static void send_rest(struct mux *mux, struct connection *connection)
{
	ssize_t sent = send_some(connection, connection->rest + connection->rest_start,
	    connection->rest_end - connection->rest_start);

	if (sent <= 0)
		return;
	connection->rest_start += (uint32_t)sent;
	if (connection->rest_start == connection->rest_end)
		drop_rest(mux, connection);
	restart_delay(mux, connection);
}

/* ---- receiving ---- */

/* Returns as recv(2) on a connection that may have nothing to say, and notes whether it has. */
static ssize_t receive(struct connection *connection, char *buffer, size_t size)
{
	ssize_t got = recv(connection->session.fd, buffer, size, 0);

	if (got < 0 ? errno == EAGAIN : (size_t)got < size && !connection->read_to_the_end)
		connection->readable = false;
	return got;
}

/* To serve another protocol, call its function here in place of echo_received(). */
static int received(struct mux *mux, struct connection *connection, size_t size)
{
	return echo_received(&connection->session, mux->buffer, size);
}

/* The protocol's last word: whatever it is, the session is over when it is sent. */
static void received_all(struct mux *mux, struct connection *connection)
{
	connection->over = true;
	received(mux, connection, 0);
}

static void serve(struct mux *mux, struct connection *connection)
{
	struct session *session = &connection->session;
	size_t size = session_allowance(session, session->buffer_size);
	ssize_t got;

	if (size == 0) {
		received_all(mux, connection);
		return;
	}
	got = receive(connection, mux->buffer, size);
	if (got > 0) {
		session_received(session, (size_t)got);
		if (mux->idle.length + mux->silent.length > 0)
			restart_delay(mux, connection);
		connection->over = received(mux, connection, (size_t)got) < 0;
	} else if (got == 0) {
		session->end = SESSION_CLOSED;
		received_all(mux, connection);
	} else if (errno != EAGAIN && errno != EINTR) {
		session_broke(session);
	}
}

/* What a client still sends after we have ended is thrown away, until it closes. */
static void discard(struct mux *mux, struct connection *connection)
{
	ssize_t got = receive(connection, mux->buffer, mux->worker->buffer_size);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		connection_close(mux, connection);
	else if (connection->readable)
		turns_add(&mux->turns, &connection->turn);
}

void connection_event(struct mux *mux, struct connection *connection, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
		connection->read_to_the_end = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
		connection->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		connection->writable = true;
	if (connection->rest != NULL ? connection->writable : connection->readable)
		turns_add(&mux->turns, &connection->turn);
}

void connection_turn(struct mux *mux, struct connection *connection)
{
	engine = mux;
	if (connection->phase == CONNECTION_LINGERING) {
		discard(mux, connection);
		return;
	}
	if (connection->rest != NULL)
		send_rest(mux, connection);
	if (connection->rest == NULL && !connection->over &&
	    connection->session.end == SESSION_OPEN && connection->readable)
		serve(mux, connection);
	settle(mux, connection);
}
