/* SPDX-License-Identifier: ISC */
/*
 * What systemd(1) and its like agree on with a service: a listening socket
 * that is handed over (sd_listen_fds(3)), and messages about how it goes
 * (sd_notify(3)). Both are a few lines of a stable protocol; no library is
 * needed. Without a service manager nothing here does anything.
 *
 * Of the master alone: a worker calls none of this.
 */
#ifndef MASTER_SYSTEMD_H
#define MASTER_SYSTEMD_H

#include "master/reason.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * Remembers where messages go and how often the watchdog wants one, and takes
 * both out of the environment, so that no child is misled. To be called before
 * the rest, when lines can be logged, and before any fork: the watchdog's
 * request names our pid. What makes no sense is ignored with a warning.
 */
void systemd_begin(void);

/* ---- the socket ---- */

/*
 * Finds the listening socket that was passed to this process, takes the
 * variables that say so out of the environment, and makes the socket like one
 * of our own: close-on-exec, with the options of open_listenfd()
 * that connections inherit. To be called before any fork, at most once.
 *
 * Returns 1 with the descriptor in `*fd`; 0 when none was passed; or -1 with
 * the reason, a line for the operator, in `why`.
 *
 * O_NONBLOCK belongs to the open file description (fcntl(2)), which whoever
 * passed the socket still holds and will pass to our successor: a change is seen
 * by them all. So it is left as it is here, and what the event engine makes of it
 * is put back when the last worker of that is gone. Nor may a filter be attached, or
 * the queue be emptied: who waits in it is served by the successor.
 */
int systemd_listener(int *fd, char why[static REASON_MAX]);

/* ---- messages ---- */

/*
 * All of these do nothing where nobody asked for messages, and leave errno as
 * it was. Trouble with sending is not the server's: the first is logged at
 * debug level. systemd_ready(), systemd_reloading() and systemd_stopping()
 * decide what becomes of us, so they wait for a manager that is behind with
 * reading, but not beyond a second; the others never wait, as a later one says
 * it again.
 *
 * Formats are those of printf(3), for one line without its end.
 */

/*
 * The start, or a reload, is over, whether the reload succeeded or not.
 * `main_pid` is the master's pid if it is not the process that was started,
 * else 0. The text is shown by systemctl status.
 */
void systemd_ready(pid_t main_pid, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A reload has begun. */
void systemd_reloading(void);

/*
 * A stop has begun, and will be over within `most_ms` milliseconds: the
 * manager waits for so long, even if its own limit is shorter.
 */
void systemd_stopping(int64_t most_ms);

/* Changes the text that is shown. */
void systemd_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns how often to call systemd_watchdog(), in milliseconds; -1: never. */
int64_t systemd_watchdog_ms(void);

/* We are alive; nothing is sent when nobody wants to know. */
void systemd_watchdog(void);

#endif
