/* SPDX-License-Identifier: ISC */
/*
 * One client's connection, as a protocol sees it: bytes come in, bytes go out,
 * and at some point no more come in. Whether that is because the client is
 * done or because the server wants to end is the same to a protocol: it sends
 * what it still has to send and returns.
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "common/board.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How a session came to its end. */
enum session_end {
	SESSION_OPEN,   /* none yet: a protocol that returns now ends it on its own */
	SESSION_CLOSED, /* the client closed its side, and has been given everything */
	SESSION_ENDED,  /* the server ended it */
	SESSION_BROKEN, /* the connection failed; errno is in `error` */
};

struct session {
	int fd;                               /* the connected socket, blocking */
	char *buffer;                         /* for the protocol's use; holds anything at first */
	size_t buffer_size;                   /* in bytes */
	struct board_slot *slot;              /* of this worker, for its counts */
	const volatile sig_atomic_t *ending;  /* not 0: the server wants to end */
	bool ending_seen;                     /* and this session has noticed */
	size_t budget;                        /* then: bytes that may still be received */
	uint64_t bytes_in;                    /* received so far */
	uint64_t bytes_out;                   /* sent so far */
	enum session_end end;                 /* set by session_receive() and session_send() */
	int error;                            /* errno of a SESSION_BROKEN */
	int64_t began;                        /* in ms of the clock; 0: nobody wants to know */
	struct sockaddr_in6 peer;             /* as accept(2) gave it; may hold a sockaddr_in */
	socklen_t peer_length;
};

/*
 * Receives up to `size` bytes, waiting for at least one. Returns how many, 0
 * when nothing more will come (the client closed its side, or the server ends
 * the session: then what had arrived by that moment is handed out first), or
 * -1 when the connection broke. Interrupted calls are repeated.
 */
ssize_t session_receive(struct session *session, void *buffer, size_t size);

/*
 * Sends all of `size` bytes, in as many pieces as that takes. Returns 0, or -1
 * when the connection broke, or when the server ends the session and the
 * client does not read.
 */
int session_send(struct session *session, const void *bytes, size_t size);

/* ---- for the engines ---- */

/* Counts a session that begins. */
void session_begin(struct session *session);

/* Counts one that is over, its socket closed or soon to be, and logs what became of it. */
void session_finish(const struct session *session);

#endif
