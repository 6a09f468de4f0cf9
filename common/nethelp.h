/* SPDX-License-Identifier: ISC */
/*
 * Sockets and robust reading and writing, under the names that the teaching
 * literature gave them: open_clientfd and open_listenfd (Bryant and
 * O'Hallaron, "Computer Systems: A Programmer's Perspective", 11.4), readline
 * and writen (Stevens, "UNIX Network Programming", 3.9).
 */
#ifndef COMMON_NETHELP_H
#define COMMON_NETHELP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Room for what address_text() writes: "[IPv6 address%interface]:port". */
#define ADDRESS_TEXT_MAX 96

/* Why no socket could be had. */
struct net_failure {
	const char *step; /* what failed: "resolve", "socket", "bind", "listen", "connect" ... */
	int resolver;     /* code of getaddrinfo(3) when that was the step, else 0 */
	int error;        /* errno of every other step, and of EAI_SYSTEM */
};

/*
 * Opens a listening TCP socket on `address` (a numeric address or a name; "*"
 * means every address: one socket for IPv6 and IPv4, or IPv4 alone where the
 * machine has no IPv6) and `port` (a number or a service name). `backlog` is
 * listen(2)'s; negative: the socket is bound, and does not listen.
 *
 * SO_REUSEADDR is set, so that a restart need not wait for old connections;
 * TCP_NODELAY and keepalive are set once here, and every accepted connection
 * inherits them (tcp(7)). The socket is blocking and close-on-exec.
 *
 * Returns the descriptor, or -1 with `*failure` filled in.
 */
int open_listenfd(const char *address, const char *port, int backlog, struct net_failure *failure);

/*
 * The same with SO_REUSEPORT, with which it can have a port on which other
 * sockets of this user listen that have the option too (socket(7)):
 * set_shared_port() gives it to them.
 */
int open_shared_listenfd(const char *address, const char *port, int backlog,
    struct net_failure *failure);
int set_shared_port(int fd);

/*
 * Sets on a listener what its connections are to inherit: TCP_NODELAY and
 * keepalive. For one that open_listenfd() has not opened. Returns 0, or -1 with
 * errno of setsockopt(2).
 */
int set_connection_options(int listener);

/* Times that connections inherit from their listener, in milliseconds; 0: none. */
struct connection_times {
	unsigned receive_ms; /* that recv(2) waits; accept(2) on the listener, too */
	unsigned send_ms;    /* that send(2) waits */
	unsigned defer_ms;   /* that the kernel keeps one to itself until it says something */
};

/*
 * Sets these on a listener, for connections that are established from then on
 * (socket(7): SO_RCVTIMEO, SO_SNDTIMEO; tcp(7): TCP_DEFER_ACCEPT, which kernels
 * round up to the time of a number of retransmissions). With a time to send, a
 * peer that confirms nothing for twice as long, and at least two minutes, is given
 * up by the kernel (TCP_USER_TIMEOUT). Returns 0, or -1 with errno of
 * setsockopt(2).
 */
int set_connection_times(int listener, const struct connection_times *times);

/*
 * Connects to `host` and `port`, trying every address the name has, in the
 * resolver's order. TCP_NODELAY is set. Returns a blocking descriptor, or -1
 * with `*failure` filled in by the last address that was tried.
 */
int open_clientfd(const char *host, const char *port, struct net_failure *failure);

/* How a client connects. All zero is what open_clientfd() does. */
struct connecting {
	int family;         /* AF_INET or AF_INET6, or AF_UNSPEC: any that the host has */
	const char *source; /* numeric address to connect from; NULL: the kernel chooses */
	int timeout_ms;     /* for each address of the host; 0: as long as the kernel tries */
};

/*
 * The same as open_clientfd(), in the way that `how` says. An address whose
 * time is up fails with ETIMEDOUT. A `source` that is no address of the family
 * fails in the step "source", one that this machine does not have in "bind".
 */
int open_clientfd_as(const char *host, const char *port, const struct connecting *how,
    struct net_failure *failure);

/*
 * Returns the number of a TCP port that is given as a number or as the name of
 * a service, or -1 when it is neither. "echo" is known without a services(5) file.
 */
int port_number(const char *port);

/* Returns the words for a failure, as of strerror(3) or gai_strerror(3). */
const char *net_failure_text(const struct net_failure *failure);

/*
 * Writes "192.0.2.1:7" or "[2001:db8::1]:7" to `text`, of ADDRESS_TEXT_MAX
 * bytes. An IPv4 client of an IPv6 socket is shown as IPv4, the interface of a link-local
 * address by its number: "[fe80::1%2]:7". Makes no system call. Returns `text`.
 */
char *address_text(const struct sockaddr *address, socklen_t length, char *text);

/* A descriptor that is read line by line; start with LINE_READER(fd). */
struct line_reader {
	int fd;           /* where the bytes come from */
	size_t start;     /* of what is buffered and not yet handed out */
	size_t end;       /* of what is buffered */
	int error;        /* errno of a read that failed in mid-line, for the next call */
	char buffer[8192];
};

#define LINE_READER(descriptor) { .fd = (descriptor) }

/*
 * Reads up to and including the next newline into `line`, of `size` bytes (at
 * least 2), and ends it with a NUL. NUL bytes in the input are handed over
 * like any other, so go by the count. A line that is too long comes in
 * pieces: a piece that does not end in a newline is followed by more of its
 * line, or was the end of the input.
 *
 * Returns the number of bytes without the added NUL, 0 at the end of input, or
 * -1 with errno of read(2); bytes read before an error are handed out first.
 * Interrupted reads are repeated.
 */
ssize_t readline(struct line_reader *reader, char *line, size_t size);

/*
 * Writes all of `size` bytes to `fd`, however many calls that takes.
 * Interrupted writes are repeated. Returns 0, or -1 with errno of write(2)
 * after an unknown part was written.
 */
int writen(int fd, const void *bytes, size_t size);

#endif
