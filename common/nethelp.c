/* SPDX-License-Identifier: ISC */
#include "common/nethelp.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(struct net_failure *failure, const char *step)
{
	*failure = (struct net_failure){ .step = step, .error = errno };
	return -1;
}

const char *net_failure_text(const struct net_failure *failure)
{
	if (failure->resolver != 0 && failure->resolver != EAI_SYSTEM)
		return gai_strerror(failure->resolver);
	return strerror(failure->error);
}

int port_number(const char *port)
{
	const char *problem = NULL;
	const struct servent *service;
	int number;

	if (port[0] != '\0' && port[strspn(port, "0123456789")] == '\0') {
		number = (int)strtonum(port, 0, 65535, &problem);
		return problem == NULL ? number : -1;
	}
	if (strcmp(port, "echo") == 0)
		return 7; /* RFC 862: no file needs to be asked */
	service = getservbyname(port, "tcp");
	return service != NULL ? ntohs((uint16_t)service->s_port) : -1;
}

/* Of `wanted`, the family and the flags count. */
static int resolve(const char *host, const char *port, const struct addrinfo *wanted,
    struct addrinfo **found, struct net_failure *failure)
{
	struct addrinfo hints = { .ai_family = wanted->ai_family, .ai_socktype = SOCK_STREAM,
		.ai_flags = wanted->ai_flags | AI_NUMERICSERV };
	int number = port_number(port);
	char digits[8];
	int code;

	snprintf(digits, sizeof digits, "%d", number);
	code = number < 0 ? EAI_SERVICE : getaddrinfo(host, digits, &hints, found);
	if (code == 0)
		return 0;
	*failure = (struct net_failure){ .step = "resolve", .resolver = code,
		.error = code == EAI_SYSTEM ? errno : 0 };
	return -1;
}

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

/* When keepalive gives a peer up, in milliseconds: see set_connection_options(). */
#define KEEPALIVE_MS 120000

/*
 * A peer that vanished without a word is noticed after two minutes: one of
 * silence, then six unanswered probes ten seconds apart.
 */
int set_connection_options(int listener)
{
	if (set_option(listener, SOL_SOCKET, SO_KEEPALIVE, 1) < 0 ||
	    set_option(listener, IPPROTO_TCP, TCP_KEEPIDLE, 60) < 0 ||
	    set_option(listener, IPPROTO_TCP, TCP_KEEPINTVL, 10) < 0 ||
	    set_option(listener, IPPROTO_TCP, TCP_KEEPCNT, 6) < 0)
		return -1;
	return set_option(listener, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int set_time(int fd, int name, unsigned ms)
{
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

	return setsockopt(fd, SOL_SOCKET, name, &time, sizeof time);
}

/*
 * TCP_USER_TIMEOUT counts for keepalive as well: less than its two minutes would
 * have one lost probe end a connection.
 */
static int user_timeout(unsigned send_ms)
{
	return send_ms == 0 ? 0 : (int)(send_ms > KEEPALIVE_MS / 2 ? 2 * send_ms : KEEPALIVE_MS);
}

int set_connection_times(int listener, const struct connection_times *times)
{
	int defer_s = (int)((times->defer_ms + 999) / 1000);

	if (set_time(listener, SO_RCVTIMEO, times->receive_ms) < 0 ||
	    set_time(listener, SO_SNDTIMEO, times->send_ms) < 0 ||
	    set_option(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, defer_s) < 0)
		return -1;
	return set_option(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout(times->send_ms));
}

int set_shared_port(int fd)
{
	return set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

/* How a listening socket is opened. */
struct listening {
	int backlog; /* negative: it does not listen yet */
	bool shared; /* with SO_REUSEPORT */
};

static int set_listener_options(int fd, int family, bool shared)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    (shared && set_shared_port(fd) < 0) || set_connection_options(fd) < 0)
		return -1;
	return family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) : 0;
}

static int listen_on(const struct addrinfo *at, const struct listening *how,
    struct net_failure *failure)
{
	const char *step = "socket";
	int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);

	if (fd < 0)
		return fail(failure, step);
	step = "setsockopt";
	if (set_listener_options(fd, at->ai_family, how->shared) < 0)
		goto failed;
	step = "bind";
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0)
		goto failed;
	step = "listen";
	if (how->backlog >= 0 && listen(fd, how->backlog) < 0)
		goto failed;
	return fd;
failed:
	fail(failure, step);
	close(fd);
	return -1;
}

static int listen_at(const char *address, const char *port, const struct listening *how,
    struct net_failure *failure)
{
	struct addrinfo wanted = { .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	int fd = -1;

	if (resolve(address, port, &wanted, &found, failure) < 0)
		return -1;
	for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next)
		fd = listen_on(at, how, failure);
	freeaddrinfo(found);
	return fd;
}

/* No IPv6 in the kernel, or switched off, or no address of that family to be had. */
static int is_missing_family(const struct net_failure *failure)
{
	return failure->error == EAFNOSUPPORT || failure->error == EADDRNOTAVAIL ||
	    failure->resolver == EAI_ADDRFAMILY;
}

static int open_listener(const char *address, const char *port, const struct listening *how,
    struct net_failure *failure)
{
	int fd;

	if (strcmp(address, "*") != 0)
		return listen_at(address, port, how, failure);
	fd = listen_at("::", port, how, failure);
	if (fd < 0 && is_missing_family(failure))
		fd = listen_at("0.0.0.0", port, how, failure);
	return fd;
}

int open_listenfd(const char *address, const char *port, int backlog, struct net_failure *failure)
{
	return open_listener(address, port, &(struct listening){ .backlog = backlog }, failure);
}

int open_shared_listenfd(const char *address, const char *port, int backlog,
    struct net_failure *failure)
{
	return open_listener(address, port, &(struct listening){ backlog, true }, failure);
}

/* Waits for a connect(2) under way. Returns 0, or -1 with errno of how it failed. */
static int wait_connected(int fd, int timeout_ms)
{
	struct pollfd connected = { .fd = fd, .events = POLLOUT };
	int64_t end = clock_ms() + timeout_ms;
	int error = 0;
	socklen_t size = sizeof error;
	int ready;

	do {
		int64_t left = end - clock_ms();

		ready = poll(&connected, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0 || (ready > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0))
		return -1;
	errno = ready == 0 ? ETIMEDOUT : error;
	return errno == 0 ? 0 : -1;
}

/* connect(2) has no time limit of its own, so a limited one must not block. */
static int connect_within(int fd, const struct addrinfo *to, int timeout_ms)
{
	int flags;

	if (timeout_ms == 0)
		return connect(fd, to->ai_addr, to->ai_addrlen);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 &&
	    (errno != EINPROGRESS || wait_connected(fd, timeout_ms) < 0))
		return -1;
	return fcntl(fd, F_SETFL, flags);
}

static int connect_to(const struct addrinfo *to, const struct addrinfo *source, int timeout_ms,
    struct net_failure *failure)
{
	const char *step = "socket";
	int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);

	if (fd < 0)
		return fail(failure, step);
	step = "bind";
	if (source != NULL && bind(fd, source->ai_addr, source->ai_addrlen) < 0)
		goto failed;
	step = "connect";
	if (connect_within(fd, to, timeout_ms) < 0)
		goto failed;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return fd;
failed:
	fail(failure, step);
	close(fd);
	return -1;
}

static int connect_host(const char *host, const char *port, const struct connecting *how,
    const struct addrinfo *source, struct net_failure *failure)
{
	struct addrinfo wanted = { .ai_family = source != NULL ? source->ai_family : how->family };
	struct addrinfo *found;
	int fd = -1;

	if (resolve(host, port, &wanted, &found, failure) < 0)
		return -1;
	for (struct addrinfo *to = found; to != NULL && fd < 0; to = to->ai_next)
		fd = connect_to(to, source, how->timeout_ms, failure);
	freeaddrinfo(found);
	return fd;
}

int open_clientfd_as(const char *host, const char *port, const struct connecting *how,
    struct net_failure *failure)
{
	struct addrinfo numeric = { .ai_family = how->family, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *source;
	int fd;

	if (how->source == NULL)
		return connect_host(host, port, how, NULL, failure);
	if (resolve(how->source, "0", &numeric, &source, failure) < 0) {
		failure->step = "source";
		return -1;
	}
	fd = connect_host(host, port, how, source, failure);
	freeaddrinfo(source);
	return fd;
}

int open_clientfd(const char *host, const char *port, struct net_failure *failure)
{
	return open_clientfd_as(host, port, &(struct connecting){ 0 }, failure);
}

/* Returns the number of bytes now buffered, 0 at the end of input, -1 on error. */
static ssize_t fill(struct line_reader *reader)
{
	ssize_t got;

	do
		got = read(reader->fd, reader->buffer, sizeof reader->buffer);
	while (got < 0 && errno == EINTR);
	reader->start = 0;
	reader->end = got > 0 ? (size_t)got : 0;
	reader->error = got < 0 ? errno : 0;
	return got;
}

/* Moves what is buffered of this line, `room` bytes at most; returns how many. */
static size_t take(struct line_reader *reader, char *to, size_t room)
{
	size_t length = reader->end - reader->start;
	char *newline;

	if (length > room)
		length = room;
	newline = memchr(reader->buffer + reader->start, '\n', length);
	if (newline != NULL)
		length = (size_t)(newline + 1 - (reader->buffer + reader->start));
	memcpy(to, reader->buffer + reader->start, length);
	reader->start += length;
	return length;
}

ssize_t readline(struct line_reader *reader, char *line, size_t size)
{
	size_t length = 0;

	while (length < size - 1 && (length == 0 || line[length - 1] != '\n')) {
		if (reader->start == reader->end && (reader->error != 0 || fill(reader) <= 0))
			break;
		length += take(reader, line + length, size - 1 - length);
	}
	line[length] = '\0';
	if (length > 0 || reader->error == 0)
		return (ssize_t)length;
	errno = reader->error;
	reader->error = 0;
	return -1;
}

int writen(int fd, const void *bytes, size_t size)
{
	const char *rest = bytes;

	while (size > 0) {
		ssize_t done = write(fd, rest, size);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			rest += done;
			size -= (size_t)done;
		}
	}
	return 0;
}
