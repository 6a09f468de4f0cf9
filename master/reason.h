/* SPDX-License-Identifier: ISC */
/*
 * The reason of a failure: one line for the operator, that who failed writes and who
 * called logs, as errno cannot name a user, a socket or what is allowed.
 */
#ifndef MASTER_REASON_H
#define MASTER_REASON_H

/* Room for a reason, NUL included. */
#define REASON_MAX 256

/* Writes the reason to `why`, cut if it is longer. Returns -1, for the caller to return. */
int fail_because(char why[static REASON_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
