/* SPDX-License-Identifier: ISC */
/*
 * The standard descriptors, which whoever starts a program may have closed, and
 * what is printed on them, which may not get to where it should.
 */
#ifndef COMMON_STANDARD_H
#define COMMON_STANDARD_H

/*
 * Takes the place of each of the descriptors 0, 1 and 2 that is closed. To be
 * called before anything else is opened: a socket that became descriptor 1 or 2
 * would be sent what we print. What stands there can neither be read from 0 nor
 * written to 1 and 2: it fails with EBADF, as it would without.
 *
 * Returns 0, or -1 with errno of open(2); it cannot be relied on then that a
 * message is seen.
 */
int standard_open(void);

/*
 * Writes what has been printed on stdout and is still held back. Returns 0, or
 * -1 with errno when any of it, now or earlier, could not be written; EIO when
 * the reason is not known any more.
 */
int standard_flush(void);

/*
 * Likewise, at the end of a program that printed what it was asked for: returns
 * its exit code, EX_OK, or EX_IOERR after telling the reason on standard error.
 */
int standard_printed(void);

#endif
