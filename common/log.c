/* SPDX-License-Identifier: ISC */
#include "common/log.h"

#include "common/devlog.h"
#include "common/logchannel.h"
#include "common/timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <paths.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int log_threshold = LOG_INFO;

/* Where lines of this process go. */
static struct {
	const char *ident;      /* program name, NULL before log_open() */
	struct devlog *system;  /* the system log, NULL when it is not open, and in a worker */
	struct devlog *masters; /* in a worker: what it was born with; none of it is given back */
	bool to_stderr;         /* every line goes there too */
	bool starting;          /* errors go there too */
	int channel;            /* in a worker: to the master; -1 elsewhere */
	uint64_t unseen;        /* lines that standard error did not take */
} out = { .to_stderr = true, .channel = -1 };

void log_open(const char *ident, int threshold, bool to_stderr)
{
	out.ident = ident;
	out.to_stderr = to_stderr;
	out.starting = true;
	out.system = devlog_open(_PATH_LOG, ident);
	log_threshold = threshold;
}

void log_started(void)
{
	out.starting = false;
}

void log_close(int wait_ms)
{
	if (out.system != NULL)
		devlog_drain(out.system, wait_ms);
	devlog_close(out.system);
	out.system = NULL;
	out.to_stderr = true;
}

void log_to_channel(int fd)
{
	out.channel = fd;
	if (out.system != NULL)
		devlog_disown(out.system);
	out.masters = out.system;
	out.system = NULL;
}

/* When poll(2) calls a pipe writable, PIPE_BUF bytes fit without waiting (pipe(7)). */
static bool stderr_takes(const char *line, int length)
{
	struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&writable, 1, 0) == 1 && write(STDERR_FILENO, line, (size_t)length) == length;
}

static int format_line(char *line, size_t size, pid_t pid, const char *text)
{
	if (out.ident == NULL)
		return snprintf(line, size, "%s: %s\n", getprogname(), text);
	return snprintf(line, size, "%s %s[%d]: %s\n", timestamp(), out.ident, (int)pid, text);
}

/*
 * A terminal that was stopped with Ctrl-S, or a pipe whose reader sleeps, must
 * not stop us: lines that are not taken are counted, and the count is told.
 */
static void write_to_stderr(pid_t pid, const char *text)
{
	char line[LOG_TEXT_MAX + 128];
	char lost[64];

	if (out.unseen > 0) {
		snprintf(lost, sizeof lost, "%" PRIu64 " lines were not taken here", out.unseen);
		if (stderr_takes(line, format_line(line, sizeof line, getpid(), lost)))
			out.unseen = 0;
	}
	if (out.unseen > 0 || !stderr_takes(line, format_line(line, sizeof line, pid, text)))
		out.unseen++;
}

static void deliver(int level, pid_t pid, const char *text)
{
	if (out.system != NULL)
		devlog_write(out.system, level, pid, text);
	if (out.to_stderr || (out.starting && level <= LOG_ERR))
		write_to_stderr(pid, text);
}

void log_line(int level, const char *format, ...)
{
	int saved = errno;
	char text[LOG_TEXT_MAX];
	va_list arguments;

	if (!log_wants(level))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (out.channel >= 0)
		log_channel_send(out.channel, level, text);
	else
		deliver(level, getpid(), text);
	errno = saved;
}

bool log_relay(int fd, unsigned most)
{
	struct log_record record;
	char lost[80];
	pid_t sender;
	int got;

	for (; most > 0; most--) {
		got = log_channel_receive(fd, &record, &sender);
		if (got == 0)
			return false;
		if (got < 0)
			continue;
		if (record.lost > 0) {
			snprintf(lost, sizeof lost, "%" PRIu32 " lines of this worker were lost",
			    record.lost);
			deliver(LOG_WARNING, sender, lost);
		}
		if (log_wants(record.level))
			deliver(record.level, sender, record.text);
	}
	return true;
}

int log_pollfd(void)
{
	return out.system != NULL ? devlog_pollfd(out.system) : -1;
}

void log_flush(void)
{
	if (out.system != NULL)
		devlog_flush(out.system);
}

void log_adjust(int threshold, bool to_stderr)
{
	log_threshold = threshold;
	out.to_stderr = to_stderr;
}

static const char *const level_names[] = { "error", "warning", "notice", "info", "debug" };

int log_level_from_name(const char *name)
{
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++)
		if (strcmp(name, log_level_name(level)) == 0)
			return level;
	return -1;
}

const char *log_level_name(int level)
{
	return level_names[level - LOG_ERR];
}
