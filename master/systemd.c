/* SPDX-License-Identifier: ISC */
#include "master/systemd.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/nethelp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The first descriptor that is passed, SD_LISTEN_FDS_START of sd_listen_fds(3). */
#define FIRST_FD 3

/* How long a message that matters may wait to be taken, in milliseconds. */
#define PATIENCE_MS 1000

/* What is shown of us; the NUL is included. */
#define STATUS_MAX 256

static struct {
	struct sockaddr_un address; /* where messages go */
	socklen_t length;           /* of address, in bytes; 0: nobody wants any */
	int64_t watchdog_ms;        /* time between two signs of life, -1: none are wanted */
	bool is_stuck;              /* it was waited for in vain, and has taken nothing since */
	bool complained;            /* a message could not be sent, which was logged */
} manager = { .watchdog_ms = -1 };

/* Decimal digits only, unlike strtonum(3), which takes blanks and signs too. */
static bool parse_number(const char *text, long long least, long long *number)
{
	const char *problem = "no digits";

	if (text[strspn(text, "0123456789")] == '\0')
		*number = strtonum(text, least, LLONG_MAX, &problem);
	return problem == NULL;
}

/* Returns the positive number that a variable holds; 0 when there is none. */
static long long number_in(const char *name)
{
	const char *text = getenv(name);
	long long number = 0;

	if (text != NULL && !parse_number(text, 1, &number))
		log_warning("%s is '%.40s' and ignored; allowed: a number above 0", name, text);
	return number;
}

/* ---- the socket ---- */

/* Returns the value of an option, or -1 with errno of getsockopt(2). */
static int option_of(int fd, int name)
{
	int value;
	socklen_t size = sizeof value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

static const char *family_name(int family)
{
	switch (family) {
	case AF_INET:
		return "IPv4";
	case AF_INET6:
		return "IPv6";
	case AF_UNIX:
		return "UNIX";
	default:
		return "unknown";
	}
}

static const char *type_name(int type)
{
	return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "datagram" : "other";
}

static int check_socket(int fd, char *why)
{
	int family = option_of(fd, SO_DOMAIN);
	int type = option_of(fd, SO_TYPE);
	int listens = option_of(fd, SO_ACCEPTCONN);

	if (family < 0 || type < 0 || listens < 0)
		return fail_because(why, "descriptor %d was passed: %s; allowed: a listening TCP "
		    "socket", fd, strerror(errno));
	if ((family != AF_INET && family != AF_INET6) || type != SOCK_STREAM || !listens)
		return fail_because(why, "the socket passed is %s, %s, %s; "
		    "allowed: IPv4 or IPv6, stream, listening", family_name(family),
		    type_name(type), listens ? "listening" : "not listening");
	return 0;
}

/* As systemd_listener(), with the variables still there. */
static int find_listener(char *why)
{
	const char *text = getenv("LISTEN_FDS");
	long long count;

	if (number_in("LISTEN_PID") != getpid() || text == NULL)
		return 0;
	if (!parse_number(text, 0, &count))
		return fail_because(why, "LISTEN_FDS is '%.40s'; allowed: 1", text);
	if (count != 1)
		return fail_because(why, "%lld sockets were passed; allowed: one", count);
	if (check_socket(FIRST_FD, why) < 0)
		return -1;
	if (fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC) < 0 || set_connection_options(FIRST_FD) < 0)
		return fail_because(why, "setting up the socket passed: %s", strerror(errno));
	return 1;
}

int systemd_listener(int *fd, char why[static REASON_MAX])
{
	int found = find_listener(why);

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_PIDFDID"); /* its company, from newer managers */
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (found == 1)
		*fd = FIRST_FD;
	return found;
}

/* ---- messages ---- */

/* A path, or '@' and a name that is in no file system (unix(7)). */
static void remember_address(const char *text)
{
	size_t length = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || length > sizeof manager.address.sun_path) {
		log_warning("NOTIFY_SOCKET is '%.120s' and ignored; "
		    "allowed: a path, or @ and a name, of at most %zu bytes", text,
		    sizeof manager.address.sun_path);
		return;
	}
	manager.address.sun_family = AF_UNIX;
	memcpy(manager.address.sun_path, text, length);
	if (text[0] == '@')
		manager.address.sun_path[0] = '\0';
	manager.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* Twice in the time after which it would take us for dead. */
static void remember_watchdog(void)
{
	long long limit_us = number_in("WATCHDOG_USEC");
	bool is_ours = getenv("WATCHDOG_PID") == NULL || number_in("WATCHDOG_PID") == getpid();

	if (limit_us > 0 && is_ours)
		manager.watchdog_ms = limit_us < 2000 ? 1 : limit_us / 2000;
}

void systemd_begin(void)
{
	const char *socket_text = getenv("NOTIFY_SOCKET");

	memset(&manager, 0, sizeof manager);
	manager.watchdog_ms = -1;
	if (socket_text != NULL)
		remember_address(socket_text);
	remember_watchdog();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int64_t systemd_watchdog_ms(void)
{
	return manager.watchdog_ms;
}

/* Returns 0, or -1 with errno: EAGAIN when the message was not taken in time. */
static int send_within(int fd, const char *text, size_t length, int wait_ms)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	int64_t end = clock_ms() + wait_ms;
	int64_t left;

	while (send(fd, text, length, MSG_NOSIGNAL) < 0) {
		left = end - clock_ms();
		if (errno != EAGAIN || left <= 0)
			return -1;
		poll(&writable, 1, (int)left);
	}
	return 0;
}

/*
 * One socket for each message, as sd_notify(3) does it: none is left open for
 * workers to inherit. A manager that was waited for in vain is not waited for
 * again until it takes something.
 */
static int send_message(const char *text, size_t length, int wait_ms)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int result;

	if (fd < 0)
		return -1;
	result = connect(fd, (struct sockaddr *)&manager.address, manager.length);
	if (result == 0)
		result = send_within(fd, text, length, manager.is_stuck ? 0 : wait_ms);
	if (result == 0)
		manager.is_stuck = false;
	else if (errno == EAGAIN && wait_ms > 0)
		manager.is_stuck = true;
	close(fd);
	return result;
}

static void notify(int wait_ms, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void notify(int wait_ms, const char *format, ...)
{
	char text[STATUS_MAX + 64];
	int saved = errno;
	va_list arguments;

	if (manager.length == 0)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (send_message(text, strlen(text), wait_ms) < 0 && !manager.complained) {
		log_debug("telling the service manager: %s", strerror(errno));
		manager.complained = true;
	}
	errno = saved;
}

void systemd_ready(pid_t main_pid, const char *format, ...)
{
	char status[STATUS_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(status, sizeof status, format, arguments);
	va_end(arguments);
	if (main_pid != 0)
		notify(PATIENCE_MS, "READY=1\nMAINPID=%d\nSTATUS=%s", (int)main_pid, status);
	else
		notify(PATIENCE_MS, "READY=1\nSTATUS=%s", status);
}

void systemd_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	notify(PATIENCE_MS, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    now.tv_sec * 1000000LL + now.tv_nsec / 1000);
}

void systemd_stopping(int64_t most_ms)
{
	notify(PATIENCE_MS, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64, most_ms * 1000);
}

void systemd_status(const char *format, ...)
{
	char status[STATUS_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(status, sizeof status, format, arguments);
	va_end(arguments);
	notify(0, "STATUS=%s", status);
}

void systemd_watchdog(void)
{
	if (manager.watchdog_ms >= 0)
		notify(0, "WATCHDOG=1");
}
