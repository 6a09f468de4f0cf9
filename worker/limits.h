/* SPDX-License-Identifier: ISC */
/*
 * What clients are held to: how long they may be silent, how much they may have,
 * and who may come at all. Values only; each has one place that holds to it.
 *
 *   worker/session.c    idle_ms, write_ms, first_byte_ms, session_bytes
 *   the engine          session_ms; in the event engine all times
 *   worker/admission.c  source, access
 */
#ifndef WORKER_LIMITS_H
#define WORKER_LIMITS_H

#include "common/nethelp.h"
#include "common/settings.h"
#include "worker/sources.h"

#include <stdint.h>

struct limits {
	unsigned idle_ms;             /* for a client that is silent; 0: for ever, as in all times */
	unsigned write_ms;            /* for one that takes nothing of what is sent */
	unsigned first_byte_ms;       /* for one that has not said a thing; 0: idle_ms */
	unsigned session_ms;          /* for a whole session */
	uint64_t session_bytes;       /* received in one session; 0: any number */
	struct source_limits source;  /* for all connections of one source */
	const struct access *access;  /* by reference: the settings' */
};

/* Returns the limits that the settings ask for, which must outlive them. */
struct limits limits_of(const struct settings *settings);

/*
 * Returns what connections inherit from their listener, so that it costs no call
 * for each. With the event engine a silent one may as well come at once.
 */
struct connection_times limits_times(const struct settings *settings);

#endif
