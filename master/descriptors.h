/* SPDX-License-Identifier: ISC */
/* How many descriptors a process may have: workers of the event engine need one a connection. */
#ifndef MASTER_DESCRIPTORS_H
#define MASTER_DESCRIPTORS_H

#include "worker/linger.h"

/*
 * What a process has open besides its sessions: connections that linger, and what
 * is its own, with room to spare.
 */
#define DESCRIPTORS_BESIDES (LINGER_MAX + 32)

/*
 * Lets processes that are forked later have `connections` in session each, by raising the
 * limit RLIMIT_NOFILE where it is too low (setrlimit(2)); the hard limit needs
 * CAP_SYS_RESOURCE. Returns 0, or -1 when it cannot; the reason has been logged.
 */
int descriptors_allow(unsigned connections);

#endif
