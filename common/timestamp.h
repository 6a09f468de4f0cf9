/* SPDX-License-Identifier: ISC */
/* The time of day as log lines have it (RFC 3164, section 4.1.2). */
#ifndef COMMON_TIMESTAMP_H
#define COMMON_TIMESTAMP_H

/*
 * Returns the local time as in "Nov  2 09:05:07". The text stays valid until the
 * next call. It is made once a second: lines often come in bursts, and what
 * localtime_r(3) writes to on the way is memory that a worker forked meanwhile
 * would no longer have in common with the others.
 */
const char *timestamp(void);

#endif
