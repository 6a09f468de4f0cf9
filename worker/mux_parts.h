/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the event engine share: mux.c (the loop), mux_door.c (the
 * listener), mux_connection.c (one connection). Nobody else includes this.
 */
#ifndef WORKER_MUX_PARTS_H
#define WORKER_MUX_PARTS_H

#include "common/delays.h"
#include "worker/accepting.h"
#include "worker/buffers.h"
#include "worker/linger.h"
#include "worker/session.h"
#include "worker/turns.h"
#include "worker/worker.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum connection_phase {
	CONNECTION_FREE,      /* a place without a connection */
	CONNECTION_OPEN,      /* in session */
	CONNECTION_LINGERING, /* ended by us, until the client has closed it too */
};

/* One connection's place: all that it costs a worker while it is idle. */
struct connection {
	struct session session; /* must be first: a protocol knows no more of it */
	enum connection_phase phase;
	bool readable;          /* something may have come since a read found nothing */
	bool writable;          /* likewise: there may be room since a send found none */
	bool read_to_the_end;   /* a short read does not mean that it was all there is */
	bool over;              /* the protocol has ended the session: the rest is still sent */
	char *rest;             /* borrowed: what the client has not taken; NULL: nothing */
	uint32_t rest_start;    /* where that begins ... */
	uint32_t rest_end;      /* ... and ends in the buffer */
	struct turn turn;       /* in the line of those that can go on */
	struct delay delay;     /* until it is ended or closed for taking too long */
	struct delay life;      /* until its session has had its time */
	SLIST_ENTRY(connection) free; /* while it is a place without one */
};

/* An idle connection costs no more than this of a worker's memory. */
_Static_assert(sizeof(struct connection) <= 512, "a connection is small");

/* The listener, as the engine sees it. */
struct door {
	bool watched;  /* epoll tells when somebody waits */
	bool knocked;  /* and did so in this turn */
	bool called;   /* another worker did, which cannot accept */
	bool emptying; /* an order was taken: who waits is served, then it is let go */
	bool closed;   /* let go of for good */
	bool told_full; /* the master knows that there is no room */
	int64_t back;  /* not watched before, in ms of the clock */
	unsigned free; /* how many may come in before fairness is asked about */
	struct accept_trouble trouble;
	int code;      /* exit code that it has come to */
};

struct mux {
	const struct worker *worker;
	struct board_slot *slot;   /* of this worker */
	int epoll;
	int wake;                  /* eventfd(2) that signal handlers write to */
	char *buffer;              /* where everything is received */
	struct buffers buffers;    /* what connections borrow */
	struct connection *places; /* MUX_PLACES() of them */
	unsigned used;             /* no place from here on was ever used */
	SLIST_HEAD(vacant_places, connection) vacant; /* those before that are free */
	unsigned open;             /* in session: up to worker->connections */
	unsigned lingering;        /* these take nobody's place, and give way to who comes */
	struct turns turns;
	struct delay_queue silent, idle, unsent, last_words, linger; /* where delays are */
	struct delay_queue life;   /* where those of whole sessions are */
	int64_t now;               /* ms of the clock, looked at once a turn */
	int64_t end_due;           /* when sessions are cut off that were told to end, in ms */
	struct door door;
};

#define MUX_NEVER INT64_MAX

/* Room for all sessions, and for some connections that linger besides. */
#define MUX_PLACES(connections) ((connections) + LINGER_MAX)

/* ---- mux_connection.c ---- */

/*
 * Returns a free place, which stays free until connection_begin(). When there is
 * none, the connection that has lingered longest is closed for it: not to be called
 * when all sessions that may be are open.
 */
struct connection *connection_place(struct mux *mux);

/* Begins the session that is in `place`. Returns 0, or -1 with errno of epoll_ctl(2). */
int connection_begin(struct mux *mux, struct connection *place);

/*
 * Ends the connection that is in `place` in order, without a session. Returns 0, or
 * -1 with errno of epoll_ctl(2).
 */
int connection_turn_away(struct mux *mux, struct connection *place);

/* Takes in what epoll_wait(2) says of it. */
void connection_event(struct mux *mux, struct connection *connection, uint32_t events);

/* Its turn: at most one recv(2), and what follows from that. */
void connection_turn(struct mux *mux, struct connection *connection);

/* The server ends the session, in order; what the client has not taken is dropped. */
void connection_end(struct mux *mux, struct connection *connection, enum session_end end);

/* Its client has been silent, or has not read, for too long: ends it, or waits as long again. */
void connection_overdue(struct mux *mux, struct connection *connection, enum session_end end);

/*
 * The session has had its time, or "end now" has come: from here on only what
 * has arrived is served.
 */
void connection_hurry(struct mux *mux, struct connection *connection);

/* Closes it and frees its place, whatever its phase. */
void connection_close(struct mux *mux, struct connection *connection);

/* ---- mux_door.c ---- */

/* Has epoll tell when somebody waits. Returns 0, or -1 with errno. */
int door_open(struct mux *mux);

/* To be called every turn: accepts, stands aside, comes back. */
void door_turn(struct mux *mux);

/* Lets go of the listener for good, and leaves its queue to others. */
void door_close(struct mux *mux);

/* Returns when door_turn() is wanted at the latest, in ms of the clock. */
int64_t door_due(const struct mux *mux);

#endif
