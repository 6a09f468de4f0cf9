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
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/* One line that waits, complete as it will be sent. */
struct line {
	STAILQ_ENTRY(line) next; /* the one that came after it */
	size_t length;           /* of text, in bytes, without its NUL */
	char text[];
};

struct devlog {
	const char *path;           /* of the daemon's socket */
	const char *ident;          /* program name on every line */
	int fd;                     /* connected socket, -1 when there is none */
	bool full;                  /* the daemon's end of it took no more */
	STAILQ_HEAD(line_queue, line) lines; /* what waits, oldest first */
	unsigned waiting;           /* how many of them */
	uint64_t lost;              /* lines that found the queue full */
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
	STAILQ_INIT(&log->lines);
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

static void keep_line(struct devlog *log, const char *text, size_t length)
{
	struct line *line = NULL;

	if (log->waiting < DEVLOG_QUEUE_MAX)
		line = malloc(sizeof *line + length + 1);
	if (line == NULL) {
		log->lost++;
		return;
	}
	line->length = length;
	memcpy(line->text, text, length + 1);
	STAILQ_INSERT_TAIL(&log->lines, line, next);
	log->waiting++;
}

static void drop_first(struct devlog *log)
{
	struct line *line = STAILQ_FIRST(&log->lines);

	STAILQ_REMOVE_HEAD(&log->lines, next);
	log->waiting--;
	free(line);
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
	struct line *line;

	while ((line = STAILQ_FIRST(&log->lines)) != NULL) {
		if (send_line(log, line->text, line->length) != SENT)
			return;
		drop_first(log);
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
	while (log->waiting > 0)
		drop_first(log);
	disconnect(log);
	free(log);
}
