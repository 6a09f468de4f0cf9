/* SPDX-License-Identifier: ISC */
/*
 * The master's listening sockets: how they are had, and what is asked of them.
 *
 * At a stop, closing one resets every connection that waits in its queue,
 * although connect(2) succeeded at the other end; so no new ones are let in
 * (common/gate.h), the queue is served, and only then it is closed.
 */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H

#include "common/nethelp.h"
#include "common/settings.h"

#include <stdbool.h>

/*
 * Binds a socket where the settings want it, which may be on a port that one of
 * the `count` listeners in `ours` has (-1: none there): from every address to
 * one, say. It does not listen yet, so nobody is lost if it is not wanted after
 * all. Returns the descriptor, or -1 with `*failure` filled in.
 */
int listener_bind(const struct settings *settings, const int *ours, unsigned count,
    struct net_failure *failure);

/* Has it listen. Returns the descriptor; or -1 with `*failure`, and it is closed. */
int listener_begin(int fd, const struct settings *settings, struct net_failure *failure);

/*
 * Has connections that are established from now on inherit the settings' timeouts.
 * Where the system refuses, that is logged.
 */
void listener_set_times(int fd, const struct settings *settings);

/*
 * Logs why there is no listener, with what can be done about it. Returns the
 * exit code that says the same, one of sysexits.h.
 */
int listener_explain(const struct settings *settings, const struct net_failure *failure);

/* Tells whether two sockets are bound to the same address and port. */
bool listener_is_same(int one, int other);

/* Tells whether accept(2) returns EAGAIN on an empty queue. */
bool listener_is_nonblocking(int fd);

/*
 * Has accept(2) return EAGAIN on an empty queue, in every process that shares
 * the socket. Returns 0, or -1 with errno of fcntl(2).
 */
int listener_set_nonblocking(int fd);

/* Has accept(2) wait again, likewise. */
int listener_set_blocking(int fd);

/*
 * Returns how many connections wait to be accepted, or -1 when the kernel does
 * not tell. From struct tcp_info, which on a listener has the queue's length
 * in tcpi_unacked and its limit in tcpi_sacked (Linux, net/ipv4/tcp.c).
 */
int listener_depth(int fd);

/* Returns how many connections may wait; less than was asked for where somaxconn cut it. */
int listener_limit(int fd);

#endif
