/* SPDX-License-Identifier: ISC */
/*
 * The file of --lost: a line for each connection that did not end clean, written
 * as soon as it has ended, so that it can be found again in the server's log or
 * in what was captured of the network. All threads write to it, a whole line at
 * a time.
 */
#ifndef CLIENT_LOAD_LOSSES_H
#define CLIENT_LOAD_LOSSES_H

#include "client/load_connection.h"

#include <stdatomic.h>
#include <stdio.h>

struct load_losses {
	FILE *file;       /* NULL: nobody asked for it */
	atomic_int error; /* errno of the first line that could not be written, or 0 */
};

/* Makes the file, or empties it. Returns 0, or -1 with errno. */
int load_losses_open(struct load_losses *losses, const char *path);

/* Writes the line of a connection that has ended, whose socket is not yet closed. */
void load_losses_note(struct load_losses *losses, const struct load_connection *connection);

/* Returns 0, or -1 with errno of what could not be written first. */
int load_losses_close(struct load_losses *losses);

#endif
