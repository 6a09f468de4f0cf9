/* SPDX-License-Identifier: ISC */
/*
 * Everything an operator can set, declared once: one table (in settings.c)
 * gives each setting its option, type, range, default and help, and all that
 * reads or prints settings is derived from it.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include <stdbool.h>
#include <stdio.h>

/* The largest pool that can be asked for. */
#define SETTINGS_WORKERS_MAX 8192

struct settings {
	unsigned workers;          /* kept ready to accept, 1 to SETTINGS_WORKERS_MAX */
	const char *port;          /* a number, 0 for any free one, or a service name */
	const char *listen;        /* address or name to listen on, NULL for every address */
	unsigned backlog;          /* of the listener, in connections */
	unsigned shutdown_timeout; /* how long sessions may go on at a stop, in seconds */
	unsigned log_level;        /* least important level that is logged, as in syslog(3) */
	bool log_stderr;           /* log to standard error too, terminal or not */
};

/* What a command line asks for. */
enum settings_request {
	SETTINGS_RUN,     /* start with these settings */
	SETTINGS_HELP,    /* print the help and leave */
	SETTINGS_VERSION, /* print the version and leave */
	SETTINGS_WRONG,   /* it cannot be understood; the errors have been printed */
};

/*
 * Fills `settings` with the defaults and what the command line says on top of
 * them. Strings point into `argv` or are constant. Each mistake is one line on
 * `errors`: what was wrong, what is allowed; all of them, not only the first.
 * Uses getopt_long(3), and so is not reentrant.
 */
enum settings_request settings_from_args(struct settings *settings, int argc, char **argv,
    FILE *errors);

/* Prints the usage and a line or two for each setting. */
void settings_help(FILE *to);

#endif
