/* SPDX-License-Identifier: ISC */
/*
 * The door: whether a connection that has been accepted is served, by the rules
 * about who may connect and by what one source may have. Where there are no such
 * limits nothing is looked up and no call is made.
 */
#ifndef WORKER_ADMISSION_H
#define WORKER_ADMISSION_H

#include "worker/session.h"
#include "worker/worker.h"

#include <stdbool.h>

/* To be called once in a worker's life, before the others. `worker` is kept by reference. */
void admission_begin(const struct worker *worker);

/*
 * Asks whether a session may begin. Where it may not, that is counted and, once in
 * a while, logged; the caller then ends the connection in order, without a
 * session.
 */
bool admission_grants(struct session *session);

/* The session is over: its source may have another one. */
void admission_leave(struct session *session);

#endif
