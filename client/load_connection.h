/* SPDX-License-Identifier: ISC */
/*
 * One connection of a load: what it does with its socket, which never waits.
 * When to open it, what to send next and how to count its end is for the
 * thread that owns it (load_thread.c) to say.
 *
 *     ABSENT -> CONNECTING -> READY <-> ECHOING
 *        ^          |           |          |
 *        |          |           v          |
 *        +----------+------- CLOSING ------+      (and from each to ABSENT)
 *
 * The socket is in an edge-triggered epoll(7) set from its connect(2) to its
 * close(2), so an echo takes no call but send(2) and recv(2). An edge can come
 * when nobody wants to read; the end of the stream is therefore remembered.
 *
 * A connection is closed by shutdown(2), and then read until the server closes
 * too: a server that sends a byte too many is found out even if it does so
 * after the last answer, and one that never closes runs into the timeout.
 */
#ifndef CLIENT_LOAD_CONNECTION_H
#define CLIENT_LOAD_CONNECTION_H

#include "client/load.h"
#include "common/delays.h"

#include <stddef.h>
#include <sys/socket.h>

enum load_state {
	LOAD_ABSENT,     /* no socket */
	LOAD_CONNECTING,
	LOAD_READY,      /* connected, no message under way */
	LOAD_ECHOING,    /* a message is on its way out or back */
	LOAD_CLOSING,    /* closed by us; the server's end of the stream is awaited */
};

/* What came of a call: what the owner must see to. */
enum load_step {
	LOAD_WAITS,      /* nothing, until the socket has more to say */
	LOAD_CONNECTED,  /* it is ready for its first message */
	LOAD_ECHOED,     /* the message came back whole and right */
	LOAD_ENDED,      /* the connection is over: `class` says how; its socket is still open */
};

struct load_connection {
	int fd;
	enum load_state state;
	bool says_nothing;      /* --idle */
	bool was_tried;         /* the outcome of its first connect(2) is known */
	bool at_end;            /* the socket has told its end or an error; no edge need follow */
	bool is_last;           /* after this message our side is closed at once: --half-close */
	bool is_shut;           /* our side is closed */
	unsigned address;       /* of those that the host has, the one that is tried */
	unsigned refusals;      /* connects in a row that failed */
	unsigned echoes;        /* messages that came back on it */
	uint64_t number;        /* open loop: its next message in the schedule */
	uint64_t sequence;      /* of the message under way; in all the load no other has it */
	uint32_t size;          /* of the message under way, in bytes ... */
	uint32_t sent, received; /* ... and how many of them were */
	size_t allowance;       /* slow reading: bytes of an answer that may be read by now */
	uint64_t bytes_out, bytes_in; /* on this connection so far */
	int64_t began;          /* when the connect, then each message, was really begun */
	int64_t intended;       /* when the message should have been */
	struct delay deadline;  /* of the connect, the message or the close */
	struct delay pause;     /* before the next connect, or the next allowance */
	enum load_class class;  /* after LOAD_ENDED */
	int error;              /* errno of what ended it, where there is one */
	const char *refused;    /* where not even a socket could be had: the call that failed */
};

/* What the connections of a thread share. */
struct load_io {
	int epoll;
	bool lines;             /* --lines: a message ends in a newline, its only one */
	bool slow;              /* --slow-read: the window is kept small, and answers are read ... */
	size_t piece;           /* ... by an allowance of so many bytes, which has room below */
	char bytes[64 * 1024];
};

/*
 * Opens a socket and begins to connect it. LOAD_WAITS, LOAD_CONNECTED or
 * LOAD_ENDED; where not even a socket could be had, `fd` is -1, and `refused` and
 * `error` say why.
 */
enum load_step load_connection_open(struct load_connection *connection, struct load_io *io,
    const struct sockaddr *to, socklen_t length);

/* Begins a message; `sequence`, `size` and `is_last` are set. LOAD_WAITS or LOAD_ENDED. */
enum load_step load_connection_begin(struct load_connection *connection, struct load_io *io);

/* Does what the events of epoll_wait(2) allow. */
enum load_step load_connection_handle(struct load_connection *connection, struct load_io *io,
    uint32_t events);

/*
 * Receives what has come, at most its allowance of it when reading slowly. For
 * when there may be no edge: after a slow pause, or when the end was seen.
 */
enum load_step load_connection_receive(struct load_connection *connection, struct load_io *io);

/* Closes our side after the message under way, now or when all of it is sent. */
void load_connection_half_close(struct load_connection *connection);

/* Begins to close in order. LOAD_WAITS or LOAD_ENDED. */
enum load_step load_connection_finish(struct load_connection *connection, struct load_io *io);

/* Closes the socket, by a reset if asked for, and makes the connection LOAD_ABSENT. */
void load_connection_close(struct load_connection *connection, bool by_reset);

#endif
