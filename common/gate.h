/* SPDX-License-Identifier: ISC */
/*
 * The gate before a listener: connection requests (SYN segments) are dropped
 * before the kernel answers them, handshakes already under way go on. A client
 * repeats its request after a second (RFC 6298) and by then meets a successor
 * or a clean refusal. It is never let in and then reset, as one that waits in
 * the queue of a listener that is closed would be.
 *
 * Where it is permitted (CAP_NET_ADMIN) a socket filter does that; elsewhere
 * the hop limit that every socket can set: a segment must arrive with a TTL of
 * 255, and those of clients do not (RFC 5082 has the option for security).
 */
#ifndef COMMON_GATE_H
#define COMMON_GATE_H

/* Closes the gate before a listener. Returns 0, or -1 with errno of setsockopt(2). */
int gate_close(int listener);

/*
 * Turns new clients away from a listener to any other that is there for the same
 * address, or for all, on its port, and where there is none has the kernel refuse
 * them; handshakes under way go on. For a listener that another has replaced.
 * Returns 0, or -1 with errno of setsockopt(2): the kernel is older than Linux 5.7.
 */
int gate_divert(int listener);

/*
 * Frees a connection that was accepted from behind a closed gate of what it
 * inherited: until then nothing its client sends is heard. Harmless on others.
 */
void gate_lift(int connection);

#endif
