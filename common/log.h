/* SPDX-License-Identifier: ISC */
/*
 * Logging: one call for everyone, whoever listens.
 *
 * Before log_open() lines go to standard error. In the master they go to the
 * system log, and to standard error too when that was asked for. In a worker
 * they go over a socket to the master (log_to_channel()), which writes them
 * with the worker's pid: a worker never waits for a log daemon and needs no
 * right to reach one. Nothing here blocks, and errno is left as it was.
 *
 * Levels are those of syslog(3): LOG_ERR (the server or a part of it does not
 * work), LOG_WARNING (an operator should look), LOG_NOTICE (a start, a stop,
 * a reload), LOG_INFO (workers that come and go), LOG_DEBUG (connections).
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <syslog.h>

/* A longer text is cut; the NUL is included. */
#define LOG_TEXT_MAX 1024

/* The least important level that is logged; read it through log_wants(). */
extern int log_threshold;

/*
 * Opens the system log as program `ident` (kept by reference). `threshold` is
 * the least important level to log. Lines go to standard error too when
 * `to_stderr` is true; errors go there in any case until log_started().
 */
void log_open(const char *ident, int threshold, bool to_stderr);

/* The start is over: whoever started us no longer waits on standard error. */
void log_started(void);

/*
 * Gives what waits for the log daemon up to `wait_ms` milliseconds to go out,
 * then closes the system log. Further lines go to standard error.
 */
void log_close(int wait_ms);

/* In a new worker: from here on every line goes to the master over `fd`; -1: there is no way. */
void log_to_channel(int fd);

/* Tells whether a line of `level` would be logged. Costs one comparison. */
static inline bool log_wants(int level)
{
	return level <= log_threshold;
}

/* Logs one line. The text is formatted as by printf(3), without a newline. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_wants(LOG_DEBUG))                                                          \
			log_line(LOG_DEBUG, __VA_ARGS__);                                          \
	} while (0)

/*
 * In the master: reads at most `most` records that workers sent to `fd` and
 * logs each under its sender's pid. Returns true when more may be waiting.
 */
bool log_relay(int fd, unsigned most);

/* In the master: on which descriptor to await POLLOUT before log_flush(); -1: none. */
int log_pollfd(void);
void log_flush(void);

/*
 * Turns a level's name (error, warning, notice, info, debug) into its number,
 * or returns -1.
 */
int log_level_from_name(const char *name);

/* Returns the name of a level from LOG_ERR to LOG_DEBUG. */
const char *log_level_name(int level);

/* Changes what log_open() was told. */
void log_adjust(int threshold, bool to_stderr);

#endif
