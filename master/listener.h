/* SPDX-License-Identifier: ISC */
/*
 * What the master asks of its listening socket. At a stop, closing it resets
 * every connection that waits in its queue, although connect(2) succeeded at
 * the other end; so no new ones are let in (common/gate.h), the queue is
 * served, and only then it is closed.
 */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H

/*
 * Has accept(2) return EAGAIN on an empty queue, in every process that shares
 * the socket. Returns 0, or -1 with errno of fcntl(2).
 */
int listener_set_nonblocking(int fd);

/*
 * Returns how many connections wait to be accepted, or -1 when the kernel does
 * not tell. From struct tcp_info, which on a listener has the queue's length
 * in tcpi_unacked and its limit in tcpi_sacked (Linux, net/ipv4/tcp.c).
 */
int listener_depth(int fd);

/* Returns how many connections may wait; less than was asked for where somaxconn cut it. */
int listener_limit(int fd);

#endif
