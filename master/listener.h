/* SPDX-License-Identifier: ISC */
/*
 * What the master does with its listening socket at a stop: closing a listener
 * resets every connection that waits in its queue, although connect(2)
 * succeeded at the other end. So first no new ones are let in, then the queue
 * is served, and only then is it closed.
 */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H

#include <stdbool.h>

/*
 * Drops connection requests (SYN segments) before the kernel answers them;
 * handshakes already under way go on. A client repeats its request after a
 * second and by then meets a successor or a clean refusal. Returns 0, or -1
 * with errno of setsockopt(2): EPERM where the kernel wants CAP_NET_ADMIN.
 */
int listener_gate(int fd);

/*
 * The next best where listener_gate() is not permitted: lets no more than one
 * connection wait. Returns 0, or -1 with errno of listen(2).
 */
int listener_narrow(int fd);

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
