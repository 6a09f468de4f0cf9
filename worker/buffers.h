/* SPDX-License-Identifier: ISC */
/*
 * Buffers that connections borrow for as long as there is something that their
 * clients do not take, and give back when it is sent: idle connections own
 * none. A few that were given back are kept for the next; the memory of the
 * others goes back to the system.
 */
#ifndef WORKER_BUFFERS_H
#define WORKER_BUFFERS_H

#include <stddef.h>

/* How many are kept. */
#define BUFFERS_SPARE 16

struct buffers {
	size_t size;    /* of each, in bytes */
	unsigned lent;  /* how many are out */
	unsigned spare; /* how many are kept */
	char *kept[BUFFERS_SPARE];
};

/*
 * Makes a buffer whose pages nobody has touched yet: only as much of it is owned
 * as is used. malloc(3) would touch the page after it. Returns NULL with errno
 * of mmap(2).
 */
char *buffer_make(size_t size);

/* Lends one. Returns NULL with errno of mmap(2). */
char *buffers_borrow(struct buffers *buffers);

/* Takes it back. */
void buffers_return(struct buffers *buffers, char *buffer);

#endif
