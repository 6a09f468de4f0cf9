/* SPDX-License-Identifier: ISC */
/*
 * The master's signals. All of them are blocked except while signals_wait()
 * sleeps, so none can slip between looking for one and sleeping; a handler
 * does nothing but set a flag.
 */
#ifndef MASTER_SIGNALS_H
#define MASTER_SIGNALS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Blocks and catches the master's signals, ignores SIGPIPE. Returns 0, or -1 with errno. */
int signals_catch(void);

/*
 * Sleeps until a descriptor is ready, a signal came or `timeout_ms`
 * milliseconds have passed (negative: however long it takes). The flags of
 * ready descriptors are in `fds`, as by poll(2); all are clear when a signal
 * came first. Signals that are pending are taken in any case, so a descriptor
 * that is always ready cannot keep them out.
 */
void signals_wait(struct pollfd *fds, nfds_t count, int64_t timeout_ms);

/* Tells whether `number` came since it was last asked for, and clears it. */
bool signals_take(int number);

/*
 * In a new child, with the signals still blocked: gives all of them back their
 * default action and forgets those that were caught. Signals that the child
 * does not handle itself must be unblocked only after this.
 */
void signals_forget(void);

#endif
