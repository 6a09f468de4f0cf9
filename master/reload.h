/* SPDX-License-Identifier: ISC */
/*
 * Settings across reloads: those in force, those that a new generation is being
 * started with, and those that wait for their turn. Nothing that is in force
 * changes before the new generation is in charge.
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "common/settings.h"

#include <stdbool.h>

struct reload {
	const struct settings_sources *sources; /* where settings are read again */
	struct settings current;                /* in force */
	struct settings coming;                 /* of the generation that is being started */
	struct settings waiting;                /* of the reload that will follow that one */
	char changes[1024];                     /* from current to coming, in words */
};

/*
 * Reads the settings again, into `coming`, or into `waiting` when `later`.
 * Returns 0, or -1 when they have mistakes; those have been logged, and all is
 * as it was.
 */
int reload_read(struct reload *reload, bool later);

/*
 * The new generation is about to be started with `coming`, to which `waiting`
 * is moved first when `later`. Logs what only a restart could change.
 */
void reload_begin(struct reload *reload, bool later);

/* The new generation is in charge: `coming` is in force. Logs what has changed. */
void reload_commit(struct reload *reload);

#endif
