/* SPDX-License-Identifier: ISC */
#include "common/devlog.h"

#include "common/clock.h"
#include "common/timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/*
 * The queue is part of it, in one piece with what changes by a line anyway, so that nothing
 * is allocated or freed for one that waits: the master logs between one fork and the next,
 * and each page of the heap that it then writes to leaves the worker before with a copy of
 * its own.
 */
struct devlog {
	const char *path;           /* of the daemon's socket */
	const char *ident;          /* program name on every line */
	int fd;                     /* connected socket, -1 when there is none */
	bool full;                  /* the daemon's end of it took no more */
	uint64_t lost;              /* lines that found the queue full */
	unsigned waiting;           /* lines in the queue */
	size_t first, end;          /* of the bytes in it: the oldest line, behind the newest */
	char queue[DEVLOG_QUEUE_SIZE]; /* lines as they will be sent, each with its NUL */
};

enum outcome { SENT, NOT_NOW, NOBODY_THERE };

struct devlog *devlog_open(const char *path, const char *ident)
{
	struct devlog *log = calloc(1, sizeof *log);

	if (log == NULL)
		return NULL;
	log->path = path;
	log->ident = ident;
	log->fd = -1;
	return log;
}

static int connect_to_daemon(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void disconnect(struct devlog *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

/* A daemon that was restarted has a new socket behind the old name: connect once more. */
static enum outcome send_line(struct devlog *log, const char *text, size_t length)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (log->fd < 0)
			log->fd = connect_to_daemon(log->path);
		if (log->fd < 0)
			return NOBODY_THERE;
		log->full = false;
		if (send(log->fd, text, length, MSG_NOSIGNAL) >= 0)
			return SENT;
		log->full = errno == EAGAIN;
		if (log->full || errno == ENOBUFS || errno == ENOMEM || errno == EINTR)
			return NOT_NOW;
		disconnect(log);
	}
	return NOBODY_THERE;
}

/* Moves what waits to the beginning, where that makes room for `size` bytes more. */
static bool has_room(struct devlog *log, size_t size)
{
	size_t held = log->end - log->first;

	if (log->waiting >= DEVLOG_QUEUE_MAX || size > sizeof log->queue - held)
		return false;
	if (size > sizeof log->queue - log->end) {
		memmove(log->queue, log->queue + log->first, held);
		log->first = 0;
		log->end = held;
	}
	return true;
}

static void keep_line(struct devlog *log, const char *text, size_t length)
{
	if (!has_room(log, length + 1)) {
		log->lost++;
		return;
	}
	memcpy(log->queue + log->end, text, length + 1);
	log->end += length + 1;
	log->waiting++;
}

static void drop_first(struct devlog *log, size_t length)
{
	log->first += length + 1;
	log->waiting--;
	if (log->waiting == 0)
		log->first = log->end = 0;
}

/* The layout that every syslog daemon reads from its local socket: <PRI>time tag: text */
static size_t format_line(const struct devlog *log, char *buffer, size_t size, int level, pid_t pid,
    const char *text)
{
	int length = snprintf(buffer, size, "<%d>%s %s[%d]: %s", LOG_DAEMON | level, timestamp(),
	    log->ident, (int)pid, text);

	return (size_t)length < size ? (size_t)length : size - 1;
}

static void report_lost(struct devlog *log)
{
	char text[64];
	char buffer[256];
	size_t length;

	snprintf(text, sizeof text, "%" PRIu64 " log lines were lost", log->lost);
	length = format_line(log, buffer, sizeof buffer, LOG_WARNING, getpid(), text);
	if (send_line(log, buffer, length) == SENT)
		log->lost = 0;
}

void devlog_flush(struct devlog *log)
{
	while (log->waiting > 0) {
		const char *line = log->queue + log->first;
		size_t length = strlen(line);

		if (send_line(log, line, length) != SENT)
			return;
		drop_first(log, length);
	}
	if (log->lost > 0)
		report_lost(log);
}

void devlog_write(struct devlog *log, int level, pid_t pid, const char *text)
{
	char buffer[2048];
	size_t length = format_line(log, buffer, sizeof buffer, level, pid, text);

	devlog_flush(log);
	if (log->waiting > 0 || send_line(log, buffer, length) != SENT)
		keep_line(log, buffer, length);
}

int devlog_pollfd(const struct devlog *log)
{
	return log->waiting > 0 && log->full ? log->fd : -1;
}

void devlog_drain(struct devlog *log, int wait_ms)
{
	int64_t end = clock_ms() + wait_ms;

	devlog_flush(log);
	while (devlog_pollfd(log) >= 0 && clock_ms() < end) {
		struct pollfd writable = { .fd = log->fd, .events = POLLOUT };

		if (poll(&writable, 1, (int)(end - clock_ms())) > 0)
			devlog_flush(log);
	}
}

void devlog_disown(const struct devlog *log)
{
	if (log->fd >= 0)
		close(log->fd);
}

void devlog_close(struct devlog *log)
{
	if (log == NULL)
		return;
	disconnect(log);
	free(log);
}
