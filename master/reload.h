/* SPDX-License-Identifier: ISC */
/*
 * Settings across reloads: those in force, and those that a new generation is
 * being started with. Nothing that is in force changes before that generation
 * is in charge.
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "common/settings.h"
#include "master/identity.h"

#include <stdbool.h>

struct reload {
	const struct settings_sources *sources; /* where settings are read again */
	struct settings current;                /* in force */
	struct settings coming;                 /* of the generation that is being started */
	struct identity identity;               /* whom workers run as, in force */
	struct identity coming_identity;        /* and in the generation that is being started */
	const char *const *held;                /* keys that no reload can change here */
	bool keeps_identity;                    /* the master has become somebody for good */
	char changes[1024];                     /* from current to coming, in words */
};

/*
 * Finds out whom workers are to run as by these settings. Returns 0, or -1 with
 * the reason logged; where settings cannot be used, that is logged too.
 */
int reload_resolve(const struct settings *settings, struct identity *identity);

/*
 * Reads the settings again, into `coming`, and logs what only a restart could
 * change. Returns 0, or -1 when they have mistakes; those have been logged.
 */
int reload_read(struct reload *reload);

/* Tells whether `coming` wants another address or port than `current`. */
bool reload_moves(const struct reload *reload);

/* The new generation is in charge: `coming` is in force. Logs what has changed. */
void reload_commit(struct reload *reload);

#endif
