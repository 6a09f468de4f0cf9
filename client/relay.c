/* SPDX-License-Identifier: ISC */
#include "client/relay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one step of a direction came to. */
enum step { GOES_ON, FAILED };

static bool is_empty(const struct relay_buffer *buffer)
{
	return buffer->start == buffer->end;
}

static bool may_try_again(void)
{
	return errno == EINTR || errno == EAGAIN;
}

static void filled(struct relay_buffer *buffer, ssize_t count)
{
	buffer->start = 0;
	buffer->end = (size_t)count;
}

static enum step read_input(struct relay *relay)
{
	ssize_t got = read(relay->in, relay->outbound.bytes, sizeof relay->outbound.bytes);

	if (got < 0)
		return may_try_again() ? GOES_ON : FAILED;
	filled(&relay->outbound, got);
	relay->in_ended = got == 0;
	return GOES_ON;
}

/* A server that takes no more may still send what it has echoed: go on receiving. */
static void send_to_server(struct relay *relay)
{
	struct relay_buffer *buffer = &relay->outbound;
	ssize_t sent = send(relay->server, buffer->bytes + buffer->start,
	    buffer->end - buffer->start, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent > 0) {
		buffer->start += (size_t)sent;
		relay->sent += (uint64_t)sent;
	} else if (!may_try_again()) {
		relay->send_ended = true;
		relay->error = errno;
	}
}

static enum step receive_from_server(struct relay *relay)
{
	ssize_t got = recv(relay->server, relay->inbound.bytes, sizeof relay->inbound.bytes,
	    MSG_DONTWAIT);

	if (got < 0)
		return may_try_again() ? GOES_ON : FAILED;
	filled(&relay->inbound, got);
	relay->received += (uint64_t)got;
	relay->server_ended = got == 0;
	return GOES_ON;
}

/*
 * When poll(2) calls a pipe writable, PIPE_BUF bytes fit without waiting
 * (pipe(7)); a regular file takes everything.
 */
static enum step write_output(struct relay *relay, size_t most)
{
	struct relay_buffer *buffer = &relay->inbound;
	size_t size = buffer->end - buffer->start;
	ssize_t done = write(relay->out, buffer->bytes + buffer->start, size < most ? size : most);

	if (done < 0)
		return may_try_again() ? GOES_ON : FAILED;
	buffer->start += (size_t)done;
	return GOES_ON;
}

static size_t most_at_once(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? SIZE_MAX : PIPE_BUF;
}

static struct pollfd when(bool wanted, int fd, short events)
{
	return (struct pollfd){ .fd = wanted ? fd : -1, .events = events };
}

/* The half-close: the server sees the end of our input, and still sends what it owes. */
static void end_sending(struct relay *relay)
{
	if (relay->in_ended && !relay->send_ended && is_empty(&relay->outbound)) {
		shutdown(relay->server, SHUT_WR);
		relay->send_ended = true;
	}
}

static enum relay_end judge(const struct relay *relay)
{
	if (relay->error != 0)
		return RELAY_BROKEN;
	if (relay->received > relay->sent)
		return RELAY_EXTRA;
	if (!relay->in_ended || !is_empty(&relay->outbound))
		return RELAY_CLOSED_EARLY;
	return relay->received < relay->sent ? RELAY_MISSING : RELAY_COMPLETE;
}

static enum relay_end failed(struct relay *relay, enum relay_end end)
{
	relay->error = errno;
	return end;
}

enum relay_end relay_run(struct relay *relay)
{
	size_t most = most_at_once(relay->out);

	while (!relay->server_ended || !is_empty(&relay->inbound)) {
		bool reads = !relay->in_ended && !relay->send_ended && is_empty(&relay->outbound);
		bool sends = !relay->send_ended && !is_empty(&relay->outbound);
		bool receives = !relay->server_ended && is_empty(&relay->inbound);
		struct pollfd fds[] = {
			when(reads, relay->in, POLLIN),
			when(sends, relay->server, POLLOUT),
			when(receives, relay->server, POLLIN),
			when(!is_empty(&relay->inbound), relay->out, POLLOUT),
		};

		if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0)
			continue;
		if (fds[0].revents != 0 && read_input(relay) == FAILED)
			return failed(relay, RELAY_INPUT_FAILED);
		if (fds[1].revents != 0)
			send_to_server(relay);
		if (fds[2].revents != 0 && receive_from_server(relay) == FAILED)
			return failed(relay, RELAY_BROKEN);
		if (fds[3].revents != 0 && write_output(relay, most) == FAILED)
			return failed(relay, RELAY_OUTPUT_FAILED);
		end_sending(relay);
	}
	return judge(relay);
}
