/* SPDX-License-Identifier: ISC */
/*
 * The supervisor: one loop that waits, turns what happened into events, asks
 * the plan and carries out its actions. It decides nothing itself.
 */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include "common/settings.h"
#include "master/identity.h"

#include <stdbool.h>

/* What a start has come to before there are workers. */
struct supervisor_start {
	const struct settings *settings;
	const struct settings_sources *sources; /* where a reload reads them again */
	const struct identity *identity;        /* whom workers run as */
	const char *const *held;                /* keys that no reload can change, up to a NULL */
	bool keeps_identity;                    /* no reload changes whom workers run as */
	int listener;                           /* taken over */
	bool inherited;                         /* it belongs to a service manager */
	bool on_terminal;                       /* somebody watches the log on standard error */
};

/*
 * Serves until it is told to stop; signals_catch() has been called. Returns the
 * exit code, one of sysexits.h; what went wrong has been logged.
 */
int supervisor_run(const struct supervisor_start *start);

#endif
