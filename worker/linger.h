/* SPDX-License-Identifier: ISC */
/*
 * The orderly end of a connection that the server, not the client, ends.
 *
 * close(2) with unread data in the socket sends a reset, and a reset destroys
 * what the client has not read yet (RFC 1122, section 4.2.2.13). So: say that
 * nothing more comes, read and throw away what the client still sends until
 * it closes too, and only then close. Several connections do that side by
 * side, so that one silent client does not use up the time of the others.
 */
#ifndef WORKER_LINGER_H
#define WORKER_LINGER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* How long clients may take to close after the server did, in milliseconds ... */
#define LINGER_MS 1000
/* ... and when the master is dead and the port must soon be free. */
#define LINGER_ORPHAN_MS 250

/* How many connections can be in it at once. */
#define LINGER_MAX 256

struct linger_list {
	struct pollfd fds[LINGER_MAX];
	int64_t due[LINGER_MAX]; /* when each is closed at the latest, in ms of the clock */
	unsigned count;
};

/*
 * Takes over the connected socket `fd`: tells the client that nothing more
 * comes. When the list is full, the one that has been in it longest is closed
 * to make room.
 */
void linger_add(struct linger_list *list, int fd);

/*
 * Reads what has come, without waiting, and closes those whose clients have closed
 * too or whose LINGER_MS are over. Safe in a signal handler.
 */
void linger_sweep(struct linger_list *list);

/*
 * Reads from all connections until their clients have closed them too, for at
 * most `wait_ms` milliseconds, and from when `is_orphan()` says so on, which is
 * asked each turn, for at most LINGER_ORPHAN_MS; then closes them. The list is empty
 * afterwards. Signals are let in only while it waits, so that none comes between
 * asking and waiting.
 */
void linger_finish(struct linger_list *list, int wait_ms, bool (*is_orphan)(void));

#endif
