/* SPDX-License-Identifier: ISC */
#include "master/listener.h"

#include "common/log.h"
#include "worker/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* Where a socket is bound; of length 0 when it is none. */
struct bound {
	struct sockaddr_storage address;
	socklen_t length;
};

static struct bound bound_to(int fd)
{
	struct bound bound = { .length = sizeof bound.address };

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&bound.address, &bound.length) < 0)
		bound.length = 0;
	return bound;
}

static int port_of(const struct bound *bound)
{
	const struct sockaddr_in6 *six = (const void *)&bound->address;

	/* The port is in the same place for both families. */
	return bound->length > 0 ? ntohs(six->sin6_port) : -1;
}

bool listener_is_same(int one, int other)
{
	struct bound a = bound_to(one);
	struct bound b = bound_to(other);

	return a.length > 0 && a.length == b.length && memcmp(&a.address, &b.address, a.length) == 0;
}

/* Has the listeners on this port share it. Returns whether there are any. */
static bool share_port(const int *ours, unsigned count, int port)
{
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		struct bound bound = bound_to(ours[i]);

		if (port_of(&bound) == port && set_shared_port(ours[i]) == 0)
			any = true;
	}
	return any;
}

/*
 * The kernel lets two listeners have one port, each with an address of its own
 * or the old one being closed, only when both have SO_REUSEPORT. A second server
 * does not ask for that, and is told that the port is in use. (It would be in
 * vain to take it away again: the kernel remembers it for the port.)
 */
int listener_bind(const struct settings *settings, const int *ours, unsigned count,
    struct net_failure *failure)
{
	int fd = open_listenfd(settings->listen, settings->port, -1, failure);

	if (fd >= 0 || failure->error != EADDRINUSE ||
	    !share_port(ours, count, port_number(settings->port)))
		return fd;
	return open_shared_listenfd(settings->listen, settings->port, -1, failure);
}

void listener_set_times(int fd, const struct settings *settings)
{
	struct connection_times times = limits_times(settings);

	if (set_connection_times(fd, &times) < 0)
		log_error("setting the timeouts of connections: %s", strerror(errno));
}

int listener_begin(int fd, const struct settings *settings, struct net_failure *failure)
{
	listener_set_times(fd, settings);
	if (listen(fd, (int)settings->backlog) == 0)
		return fd;
	*failure = (struct net_failure){ .step = "listen", .error = errno };
	close(fd);
	return -1;
}

int listener_explain(const struct settings *settings, const struct net_failure *failure)
{
	if (failure->error == EACCES && port_number(settings->port) < IPPORT_RESERVED) {
		log_error("port %s of %s: %s: ports below 1024 are for root; try -p 5000",
		    settings->port, settings->listen, net_failure_text(failure));
		return EX_NOPERM;
	}
	log_error("port %s of %s: %s: %s", settings->port, settings->listen, failure->step,
	    net_failure_text(failure));
	switch (failure->error) {
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return EX_OSERR;
	default:
		return EX_UNAVAILABLE;
	}
}

bool listener_is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

int listener_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int listener_set_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static int get_info(int fd, struct tcp_info *info)
{
	socklen_t size = sizeof *info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size);
}

int listener_depth(int fd)
{
	struct tcp_info info;

	return get_info(fd, &info) < 0 ? -1 : (int)info.tcpi_unacked;
}

int listener_limit(int fd)
{
	struct tcp_info info;

	return get_info(fd, &info) < 0 ? -1 : (int)info.tcpi_sacked;
}
