/* SPDX-License-Identifier: ISC */
/*
 * The supervisor: one loop that waits, turns what happened into events, asks
 * the plan and carries out its actions. It decides nothing itself.
 */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include "common/settings.h"

/*
 * Serves on `listener`, which it takes over, with `settings` until it is told
 * to stop. `sources` is where a reload reads them again. `on_terminal` tells whether somebody watches the log on standard error.
 * Returns the exit code, one of sysexits.h; what went wrong has been logged.
 */
int supervisor_run(const struct settings *settings, const struct settings_sources *sources,
    int listener, bool on_terminal);

#endif
