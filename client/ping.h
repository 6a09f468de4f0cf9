/* SPDX-License-Identifier: ISC */
/*
 * Messages to an echo server at an interval, and the time until each is back.
 *
 * Sending and receiving go on at once: a message may be larger than all the
 * buffers on the way. A message begins at the moment it is due, even when that
 * is noticed later or the one before is still being sent, so that a server that
 * stalls is charged with it. Due moments are whole intervals apart; only when
 * one has been missed by as much as an answer may take do they start anew.
 */
#ifndef CLIENT_PING_H
#define CLIENT_PING_H

#include "client/client_ledger.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * How long the rest is waited for, in ms: answers under way after an interrupt,
 * the server's end of the connection after the last answer.
 */
#define PING_REST_MS 1000

/* How it came to its end. */
enum ping_end {
	PING_GOES_ON,
	PING_DONE,          /* all that was asked was sent, and came back or had the time to */
	PING_INTERRUPTED,   /* by SIGINT or SIGTERM */
	PING_STUCK,         /* LEDGER_MOST messages were sent, and nothing comes back */
	PING_CLOSED,        /* the server closed the connection early */
	PING_BROKEN,        /* the connection failed; errno in `error` */
	PING_OUTPUT_FAILED, /* `tell` could not; errno in `error` */
};

struct ping {
	int server;            /* connected socket */
	const char *server_name; /* for what is told, as of address_text() */
	uint64_t count;        /* messages to send; 0: until it is interrupted */
	uint64_t interval_us;  /* from one to the next; 0: when the one before is back or lost */
	struct ledger ledger;  /* opened with their size and time */
	uint64_t bytes_sent;   /* that the kernel has taken */
	uint64_t bytes_received;
	int error;             /* errno, where the end has one */
	bool server_ended;     /* it has closed in order: nothing more would come */
};

/*
 * Tells what became of a message, at once. Returns false with errno when that
 * cannot be done, which ends it all.
 */
typedef bool ping_tell(const struct ping *ping, const struct ledger_note *note);

/*
 * Sends and receives until its end. SIGINT and SIGTERM end it: nothing more is
 * sent, and what is under way has PING_REST_MS to come back; the second signal
 * ends it at once. Afterwards they do what they did before. `server`, `server_name`,
 * `count`, `interval_us` and the opened `ledger` need to be set, all else zero; the
 * descriptor stays open. SIGPIPE need not be ignored.
 */
enum ping_end ping_run(struct ping *ping, ping_tell *tell);

#endif
