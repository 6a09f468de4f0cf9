/* SPDX-License-Identifier: ISC */
#include "client/load_connection.h"

#include "client/pattern.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The receive buffer of a slow reader, in bytes: small, or the kernel would read for it. */
#define SLOW_WINDOW 4096

static enum load_step end(struct load_connection *connection, enum load_class class, int error)
{
	connection->class = class;
	connection->error = error;
	return LOAD_ENDED;
}

static enum load_step broken(struct load_connection *connection, int error)
{
	return end(connection, load_class_of_break(error, connection->bytes_in > 0), error);
}

/* ---- opening ---- */

static enum load_step refused(struct load_connection *connection, const char *call, int error)
{
	connection->refused = call;
	return end(connection, LOAD_REFUSED, error);
}

static enum load_step connected(struct load_connection *connection)
{
	int one = 1;

	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	connection->state = LOAD_READY;
	return LOAD_CONNECTED;
}

static void begin_anew(struct load_connection *connection)
{
	connection->state = LOAD_CONNECTING;
	connection->at_end = false;
	connection->is_shut = false;
	connection->allowance = 0;
	connection->echoes = 0;
	connection->bytes_out = 0;
	connection->bytes_in = 0;
}

static int watch(const struct load_connection *connection, const struct load_io *io)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = (void *)connection };

	return epoll_ctl(io->epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

enum load_step load_connection_open(struct load_connection *connection, struct load_io *io,
    const struct sockaddr *to, socklen_t length)
{
	int window = SLOW_WINDOW;
	bool is_open;

	begin_anew(connection);
	connection->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		return refused(connection, "socket", errno);
	if (io->slow)
		setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
	is_open = connect(connection->fd, to, length) == 0;
	if (!is_open && errno != EINPROGRESS)
		return end(connection, load_class_of_connect(errno), errno);
	if (watch(connection, io) < 0) {
		int error = errno;

		close(connection->fd);
		connection->fd = -1;
		return refused(connection, "epoll_ctl", error);
	}
	return is_open ? connected(connection) : LOAD_WAITS;
}

static enum load_step finish_connecting(struct load_connection *connection, uint32_t events)
{
	socklen_t size = sizeof connection->error;

	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
		return LOAD_WAITS;
	if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &connection->error, &size) < 0)
		connection->error = errno;
	if (connection->error != 0)
		return end(connection, load_class_of_connect(connection->error),
		    connection->error);
	connection->at_end = (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
	return connected(connection);
}

/* ---- sending ---- */

static void shut(struct load_connection *connection)
{
	if (!connection->is_shut)
		shutdown(connection->fd, SHUT_WR);
	connection->is_shut = true;
}

static void sent(struct load_connection *connection, size_t count)
{
	connection->sent += (uint32_t)count;
	connection->bytes_out += count;
	if (connection->sent == connection->size && connection->is_last)
		shut(connection);
}

/*
 * EPIPE says that the server has closed, in order or not: what recv(2) then
 * finds decides. A reset is told only once, so it is taken where it is met.
 */
static enum load_step send_failed(struct load_connection *connection, int error)
{
	if (error == EAGAIN || error == EINTR)
		return LOAD_WAITS;
	if (error != EPIPE)
		return broken(connection, error);
	connection->at_end = true;
	return LOAD_WAITS;
}

static void write_bytes(char *bytes, size_t size, const struct load_connection *connection,
    uint32_t offset, bool lines)
{
	pattern_write(bytes, size, connection->sequence, offset);
	if (lines)
		pattern_make_line(bytes, size, offset, connection->size);
}

/* A send that was cut short has filled the socket's buffer: its emptying will be an edge. */
static enum load_step send_message(struct load_connection *connection, struct load_io *io)
{
	while (connection->sent < connection->size) {
		size_t size = connection->size - connection->sent;
		ssize_t count;

		if (size > sizeof io->bytes)
			size = sizeof io->bytes;
		write_bytes(io->bytes, size, connection, connection->sent, io->lines);
		count = send(connection->fd, io->bytes, size, MSG_NOSIGNAL);
		if (count < 0)
			return send_failed(connection, errno);
		sent(connection, (size_t)count);
		if ((size_t)count < size)
			break;
	}
	return LOAD_WAITS;
}

enum load_step load_connection_begin(struct load_connection *connection, struct load_io *io)
{
	enum load_step step;

	connection->state = LOAD_ECHOING;
	connection->sent = 0;
	connection->received = 0;
	step = send_message(connection, io);
	if (step == LOAD_WAITS && connection->at_end)
		step = load_connection_receive(connection, io);
	return step;
}

/* ---- receiving ---- */

/*
 * All that had been sent is back when the server closes between two messages,
 * which it may: a server that stops in order does so.
 */
static enum load_step server_closed(struct load_connection *connection)
{
	bool has_all = connection->state != LOAD_ECHOING || connection->sent == 0;

	return end(connection, has_all ? LOAD_CLEAN : LOAD_SHORT, 0);
}

/* Lines are for servers that echo nothing else; they take a little longer to compare. */
static bool is_right_line(const struct load_connection *connection, const char *bytes, size_t size)
{
	char right[4096];
	size_t piece;

	for (size_t done = 0; done < size; done += piece) {
		piece = size - done < sizeof right ? size - done : sizeof right;
		write_bytes(right, piece, connection, connection->received + (uint32_t)done, true);
		if (memcmp(right, bytes + done, piece) != 0)
			return false;
	}
	return true;
}

static bool is_right(const struct load_connection *connection, const struct load_io *io,
    size_t size)
{
	if (io->lines)
		return is_right_line(connection, io->bytes, size);
	return pattern_compare(io->bytes, size, connection->sequence, connection->received) == size;
}

/* `count` bytes that have come back, or were never sent. */
static enum load_step take(struct load_connection *connection, const struct load_io *io,
    size_t count)
{
	size_t owed = connection->state == LOAD_ECHOING ?
	    connection->sent - connection->received : 0;
	size_t back = count < owed ? count : owed;
	bool right = is_right(connection, io, back);

	connection->received += (uint32_t)back;
	connection->bytes_in += back;
	connection->allowance -= back < connection->allowance ? back : connection->allowance;
	if (!right || count > owed)
		return end(connection, LOAD_CORRUPT, 0);
	if (connection->received < connection->size)
		return LOAD_WAITS;
	connection->echoes++;
	connection->state = LOAD_READY;
	return LOAD_ECHOED;
}

/* Slow are answers alone: the end of the stream is never put off. */
static size_t room(const struct load_connection *connection, const struct load_io *io)
{
	return io->slow && connection->state == LOAD_ECHOING ? connection->allowance
	                                                     : sizeof io->bytes;
}

/* A read that did not fill its room has emptied the socket: more will be an edge. */
enum load_step load_connection_receive(struct load_connection *connection, struct load_io *io)
{
	size_t size;

	while ((size = room(connection, io)) > 0) {
		ssize_t count = recv(connection->fd, io->bytes, size, 0);
		enum load_step step;

		if (count == 0)
			return server_closed(connection);
		if (count < 0 && errno != EAGAIN && errno != EINTR)
			return broken(connection, errno);
		if (count < 0)
			return LOAD_WAITS;
		step = take(connection, io, (size_t)count);
		if (step != LOAD_WAITS)
			return step;
		if ((size_t)count < size && !connection->at_end)
			return LOAD_WAITS;
	}
	return LOAD_WAITS;
}

enum load_step load_connection_handle(struct load_connection *connection, struct load_io *io,
    uint32_t events)
{
	if (connection->state == LOAD_CONNECTING)
		return finish_connecting(connection, events);
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		connection->at_end = true;
	if (connection->state == LOAD_ECHOING && connection->sent < connection->size) {
		enum load_step step = send_message(connection, io);

		if (step != LOAD_WAITS)
			return step;
	}
	if ((events & EPOLLIN) == 0 && !connection->at_end)
		return LOAD_WAITS;
	return load_connection_receive(connection, io);
}

/* ---- closing ---- */

void load_connection_half_close(struct load_connection *connection)
{
	connection->is_last = true;
	if (connection->sent == connection->size)
		shut(connection);
}

enum load_step load_connection_finish(struct load_connection *connection, struct load_io *io)
{
	shut(connection);
	connection->state = LOAD_CLOSING;
	return connection->at_end ? load_connection_receive(connection, io) : LOAD_WAITS;
}

/* What is unsent is dropped by a close with no time to linger, and the peer gets a reset. */
void load_connection_close(struct load_connection *connection, bool by_reset)
{
	struct linger at_once = { .l_onoff = 1 };

	if (connection->fd >= 0) {
		if (by_reset)
			setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		close(connection->fd);
	}
	connection->fd = -1;
	connection->state = LOAD_ABSENT;
}
