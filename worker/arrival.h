/* SPDX-License-Identifier: ISC */
/* A connection's way in, up to where its session begins; the same for both engines. */
#ifndef WORKER_ARRIVAL_H
#define WORKER_ARRIVAL_H

#include "worker/accepting.h"
#include "worker/session.h"
#include "worker/worker.h"

/*
 * Accepts a connection, with `flags` of accept4(2) besides SOCK_CLOEXEC, and
 * makes `session` its session, which has not begun. Returns the socket, or -1
 * with errno of accept4(2).
 */
int arrival_accept(const struct worker *worker, struct session *session, int flags);

/* Takes a failed accept(2) in; returns what it means by now, as accept_judge(). */
enum accept_error arrival_failed(const struct worker *worker, struct accept_trouble *trouble,
    int error);

/* Logs that accepting pauses, once in a while. Returns for how long, in milliseconds. */
int arrival_pause(const struct worker *worker, struct accept_trouble *trouble, int error);

#endif
