/* SPDX-License-Identifier: ISC */
/* The echo protocol of RFC 862: whatever is received is sent back, until no more comes. */
#ifndef WORKER_ECHO_H
#define WORKER_ECHO_H

#include "worker/session.h"

/*
 * Serves one client from beginning to end: one recv(2) and one send(2) for each
 * echo and no other system call. Returns when the client has closed its side
 * and has been sent everything, when the connection broke, or when the server
 * ends the session; `session->end` tells which. The socket stays open.
 */
void echo_serve(struct session *session);

/*
 * Serves a client of the event engine, as often as it has sent something: `bytes`
 * are the protocol's to change. With `size` 0 it is called once more, when nothing
 * more will come: as session_receive() returns 0, but not when the client's time is up.
 * Returns 0, or -1 when the session is over; what was kept by session_reply() is
 * still sent then, and after the last call, if the connection did not break.
 */
int echo_received(struct session *session, char *bytes, size_t size);

#endif
