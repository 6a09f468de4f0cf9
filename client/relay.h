/* SPDX-License-Identifier: ISC */
/*
 * Both directions of an echo connection at once: what is read from `in` goes
 * to the server, what the server sends goes to `out`, and neither waits for
 * the other. A client that only writes until it is done would deadlock with
 * any echo server as soon as both sides' buffers are full.
 */
#ifndef CLIENT_RELAY_H
#define CLIENT_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a relay came to its end. */
enum relay_end {
	RELAY_COMPLETE,      /* as many bytes came back as were sent */
	RELAY_CLOSED_EARLY,  /* the server closed before it had been sent everything */
	RELAY_MISSING,       /* it closed in order, and fewer bytes came back */
	RELAY_EXTRA,         /* more bytes came back than were sent */
	RELAY_BROKEN,        /* the connection failed; errno in `error` */
	RELAY_INPUT_FAILED,  /* `in` could not be read; errno in `error` */
	RELAY_OUTPUT_FAILED, /* `out` could not be written; errno in `error` */
};

/* Bytes on their way in one direction. */
struct relay_buffer {
	size_t start, end; /* what of `bytes` is still to be passed on */
	char bytes[64 * 1024];
};

struct relay {
	int in;             /* read until it ends */
	int out;            /* written to */
	int server;         /* connected socket */
	uint64_t sent;      /* bytes the server's side of the connection has taken */
	uint64_t received;  /* bytes that came back */
	int error;          /* errno, where the end has one */
	bool in_ended;      /* nothing more will be read from `in` */
	bool send_ended;    /* the server has been told so, or takes no more */
	bool server_ended;  /* nothing more will come back */
	struct relay_buffer outbound, inbound;
};

/*
 * Relays until both directions have ended. Only `in`, `out` and `server` need
 * to be set, all else zero; the descriptors stay open. SIGPIPE must be ignored.
 */
enum relay_end relay_run(struct relay *relay);

#endif
