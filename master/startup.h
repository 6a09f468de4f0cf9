/* SPDX-License-Identifier: ISC */
/*
 * From settings to a server: everything that happens before there are workers,
 * in the one order in which it works.
 */
#ifndef MASTER_STARTUP_H
#define MASTER_STARTUP_H

#include "common/settings.h"

/*
 * Serves with these settings, which `sources` gave and will give again at a
 * reload, until it is told to stop. Returns the exit code, one of sysexits.h;
 * what went wrong has been logged.
 */
int startup_serve(const struct settings *settings, struct settings_sources *sources);

/*
 * Tries everything that such a start would need, as far as that disturbs no
 * server that runs. Returns the exit code that it would end with; what is wrong
 * stands on standard error.
 */
int startup_test(const struct settings *settings);

#endif
