/* SPDX-License-Identifier: ISC */
/*
 * The system log, reached without ever waiting for it.
 *
 * syslog(3) blocks when the log daemon does not read its socket, and a master
 * that is stuck in it reaps nobody and cannot be stopped. This sends the same
 * datagrams (RFC 3164, section 4.1) over a socket that does not block. A line
 * that cannot go now is kept, in order, and goes when the daemon reads again,
 * or with the next line after it came back; when too many wait, further lines
 * are counted and the count is logged.
 */
#ifndef COMMON_DEVLOG_H
#define COMMON_DEVLOG_H

#include <sys/types.h>

/* How many lines wait at most, and how many bytes; what comes after is counted as lost. */
#define DEVLOG_QUEUE_MAX 1024
#define DEVLOG_QUEUE_SIZE (96 * 1024)

struct devlog;

/*
 * Returns a log that writes to the datagram socket at `path` (/dev/log) as
 * program `ident` in facility daemon, or NULL when memory ran out. Both
 * strings stay the caller's and must outlive the log. The daemon need not
 * be there: the first lines then wait for it.
 */
struct devlog *devlog_open(const char *path, const char *ident);

/*
 * Sends one line, or keeps it for later. `level` is one of syslog(3)'s, `pid`
 * the process it is about, `text` one line without its end. Never blocks.
 */
void devlog_write(struct devlog *log, int level, pid_t pid, const char *text);

/* Sends what waits, as far as that goes without blocking. */
void devlog_flush(struct devlog *log);

/*
 * Returns the descriptor on which to await POLLOUT before devlog_flush(), or
 * -1 when nothing waits for it.
 */
int devlog_pollfd(const struct devlog *log);

/* Gives what waits up to `wait_ms` milliseconds to go out. */
void devlog_drain(struct devlog *log, int wait_ms);

/*
 * Closes the socket and frees everything, what still waits included: call
 * devlog_drain() first where that matters. NULL is allowed.
 */
void devlog_close(struct devlog *log);

/*
 * In a child: closes its copy of the socket. What waits is the parent's to send.
 * Nothing is written to or freed, as memory is the parent's and the child's
 * together for only as long as neither writes to it. The child's `log` is of no
 * more use.
 */
void devlog_disown(const struct devlog *log);

#endif
