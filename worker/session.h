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
#include "worker/limits.h"

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
	/* From here on, at a limit: */
	SESSION_SILENT, /* the client sent nothing for too long */
	SESSION_UNREAD, /* it took nothing of what was sent for too long */
	SESSION_LONG,   /* it had all the time that a session may take */
	SESSION_LARGE,  /* it sent as many bytes as a session may have */
};

struct session {
	int fd;                               /* the connected socket; blocking in that engine */
	char *buffer;                         /* for the protocol's use; holds anything at first */
	size_t buffer_size;                   /* in bytes */
	void *state;                          /* likewise: NULL at first, freed at the end (free(3)) */
	struct board_slot *slot;              /* of this worker, for its counts */
	struct rate_limit *cut_lines;         /* of all workers: log lines about who is cut off */
	const struct limits *limits;          /* of this worker */
	source_ticket ticket;                 /* what its source has been counted by */
	const volatile sig_atomic_t *ending;  /* not 0: the server wants to end */
	bool ending_seen;                     /* and this session has noticed */
	size_t budget;                        /* then: bytes that may still be received */
	uint64_t bytes_in;                    /* received so far */
	uint64_t bytes_out;                   /* sent so far */
	uint64_t bytes_taken;                 /* of them, when session_is_taken_from() last looked */
	enum session_end end;                 /* set by session_receive() and session_send() */
	int error;                            /* errno of a SESSION_BROKEN */
	int64_t began;                        /* in ms of the clock; 0: nobody wants to know */
	struct sockaddr_in6 peer;             /* as accept(2) gave it; may hold a sockaddr_in */
	socklen_t peer_length;
};

/* ---- for a protocol in the blocking engine ---- */

/*
 * Receives up to `size` bytes, waiting for at least one. Returns how many, 0
 * when nothing more will come (the client closed its side, or the server ends
 * the session: then what had arrived by that moment is handed out first; or a
 * limit is reached), or -1 when the connection broke. Interrupted calls are
 * repeated.
 */
ssize_t session_receive(struct session *session, void *buffer, size_t size);

/*
 * Sends all of `size` bytes, in as many pieces as that takes. Returns 0, or -1
 * when the connection broke, or when the client does not read and its time is up
 * or the server ends the session.
 */
int session_send(struct session *session, const void *bytes, size_t size);

/* ---- for a protocol in the event engine ---- */

/*
 * Sends `size` bytes, or keeps what the client does not take now: then nothing
 * more is received for this session until all is sent, and up to
 * `session->buffer_size` bytes can be kept. Returns 0, or -1 when the connection
 * broke or there was no room (ENOBUFS, ENOMEM); the session is over then.
 */
int session_reply(struct session *session, const void *bytes, size_t size);

/* ---- for the engines ---- */

/*
 * Returns how many of `size` bytes may be received: up to the session's limit, and
 * from "end now" on, what had arrived. With 0 the session is over.
 */
size_t session_allowance(struct session *session, size_t size);

/* Counts what was received, or sent. */
void session_received(struct session *session, size_t size);
void session_sent(struct session *session, size_t size);

/*
 * To be asked when a send(2) has found no room for as long as that may be: returns
 * whether the client's system has confirmed anything since this was last asked, or
 * since the beginning. There is room only when about a third of what is under way has
 * been taken, and a slow reader may need long for that.
 */
bool session_is_taken_from(struct session *session);

/* Notes that the connection broke, with errno. Returns -1. */
int session_broke(struct session *session);

/* Counts a session that begins. */
void session_begin(struct session *session);

/*
 * Counts one that is over, its socket closed or soon to be, logs what became of it,
 * and frees its protocol's state.
 */
void session_finish(const struct session *session);

#endif
