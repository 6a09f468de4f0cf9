/* SPDX-License-Identifier: ISC */
/* The command line of echo-client. */
#ifndef CLIENT_CLIENT_OPTIONS_H
#define CLIENT_CLIENT_OPTIONS_H

#include "common/nethelp.h"

#include <stdbool.h>
#include <stdint.h>

/* The largest message of --ping, in bytes. */
#define CLIENT_SIZE_MAX 1048576u

struct client_options {
	const char *host;
	const char *port;             /* "echo" unless it is given */
	struct connecting connecting; /* -4, -6, --source, --timeout */
	bool ping;                    /* --ping */
	uint64_t count;               /* -c; 0: until it is interrupted */
	uint64_t interval_us;         /* -i */
	uint32_t size;                /* -s, of a message in bytes */
	uint64_t timeout_us;          /* --timeout, for an answer */
};

enum client_request {
	CLIENT_RUN,
	CLIENT_HELP,
	CLIENT_VERSION,
	CLIENT_WRONG, /* a mistake, told in a line on standard error */
};

/* Reads a command line into `options`, whose strings are those of `argv`. */
enum client_request client_read_options(struct client_options *options, int argc, char **argv);

/* Prints the summary of the options on standard output. */
void client_print_help(void);

#endif
