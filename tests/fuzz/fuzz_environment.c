/* SPDX-License-Identifier: ISC */
/*
 * What a service manager says in the environment, fed with anything: lines
 * NAME=VALUE, where "self" stands for our own pid; PASSED=socket says what is on
 * the descriptor that a listener would be passed on.
 *
 * No socket of this system is talked to: the linker has connect(2) and send(2)
 * of the code under test replaced by those below (ld(1), --wrap).
 */
#include "tests/fuzz/fuzz.h"

#include "master/systemd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PASSED_FD 3

static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
	"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", "PASSED" };
#define NAMES (sizeof names / sizeof names[0])

/* What PASSED can be. */
enum passed { PASSED_LISTENER, PASSED_SOCKET, PASSED_DATAGRAM, PASSED_FILE, PASSED_KINDS };

static int passable[PASSED_KINDS];
static const char *address; /* that NOTIFY_SOCKET gave; NULL: none */
static unsigned messages;   /* that were sent */

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t length);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t length)
{
	struct sockaddr_un expected = { .sun_family = AF_UNIX };
	size_t room = address != NULL ? strlen(address) : 0;

	must(fd >= 0 && room > 0 && room <= sizeof expected.sun_path, "somebody wants messages");
	memcpy(expected.sun_path, address, room);
	if (address[0] == '@')
		expected.sun_path[0] = '\0';
	must(length == offsetof(struct sockaddr_un, sun_path) + room, "an address has its length");
	must(memcmp(to, &expected, length) == 0, "messages go where they are wanted");
	return 0;
}

static bool begins(const char *text, size_t size, const char *with)
{
	return size >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
	(void)fd;
	must((flags & MSG_NOSIGNAL) != 0, "a manager that is gone kills nobody");
	must(memchr(bytes, '\0', size) == NULL, "no NUL is sent");
	must(begins(bytes, size, "READY=1\n") || begins(bytes, size, "RELOADING=1\n") ||
	    begins(bytes, size, "STOPPING=1\n") || begins(bytes, size, "STATUS=") ||
	    begins(bytes, size, "WATCHDOG=1"), "a message is one of sd_notify(3)");
	messages++;
	return (ssize_t)size;
}

/* All above the descriptor that they are put on. */
static int above(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 20);

	must(moved >= 0, "there are descriptors");
	close(fd);
	return moved;
}

static void make_passable(void)
{
	struct sockaddr_in loopback = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	passable[PASSED_LISTENER] = above(socket(AF_INET, SOCK_STREAM, 0));
	must(bind(passable[PASSED_LISTENER], (struct sockaddr *)&loopback, sizeof loopback) == 0 &&
	    listen(passable[PASSED_LISTENER], 1) == 0, "a socket listens");
	passable[PASSED_SOCKET] = above(socket(AF_INET6, SOCK_STREAM, 0));
	passable[PASSED_DATAGRAM] = above(socket(AF_UNIX, SOCK_DGRAM, 0));
	passable[PASSED_FILE] = above(open("/dev/null", O_RDWR));
}

/* Returns which kind of descriptor is passed; PASSED_KINDS: none. */
static enum passed read_environment(struct words *words)
{
	enum passed passed = PASSED_KINDS;
	char pid[16];

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	for (size_t i = 0; i < NAMES; i++)
		unsetenv(names[i]);
	for (int i = 1; i < words->count; i++) {
		char *value = strchr(words->word[i], '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		for (size_t name = 0; name < NAMES; name++)
			if (strcmp(words->word[i], names[name]) == 0)
				setenv(names[name], strcmp(value, "self") == 0 ? pid : value, 1);
		if (strcmp(words->word[i], "PASSED") == 0)
			passed = (enum passed)(value[0] % (PASSED_KINDS + 1));
	}
	return passed < PASSED_KINDS ? passed : PASSED_KINDS;
}

/* Digits alone make a number, and nothing else does. */
static bool is_number(const char *text, long long number)
{
	return text != NULL && isdigit((unsigned char)text[0]) &&
	    text[strspn(text, "0123456789")] == '\0' && strtoll(text, NULL, 10) == number;
}

/* ---- the socket ---- */

static void pass_nothing(void)
{
	close(PASSED_FD);
}

static void check_listener(enum passed passed)
{
	char why[REASON_MAX];
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	bool is_ours = is_number(pid, getpid()) && count != NULL;
	bool is_one = is_number(count, 1);
	int fd = -1;
	int found;

	memset(why, 'x', sizeof why);
	found = systemd_listener(&fd, why);
	must(is_ours || found == 0, "what is not for us is not looked at");
	must(!is_ours || (found == 1) == (is_one && passed == PASSED_LISTENER),
	    "one listening TCP socket is taken, and nothing else");
	must((found == 1) == (fd == PASSED_FD), "only a socket that was found is given");
	must(found != 1 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "no other program gets it");
	must(found != -1 || memchr(why, '\0', sizeof why) != NULL, "a reason ends in its room");
	must(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
	    getenv("LISTEN_FDNAMES") == NULL && getenv("LISTEN_PIDFDID") == NULL,
	    "no child is misled");
}

/* replay.c and libFuzzer may have something of theirs on the descriptor. */
static void try_listener(enum passed passed)
{
	int theirs = fcntl(PASSED_FD, F_DUPFD_CLOEXEC, 20);

	if (passed < PASSED_KINDS)
		must(dup2(passable[passed], PASSED_FD) == PASSED_FD, "a descriptor is passed");
	else
		pass_nothing();
	check_listener(passed);
	pass_nothing();
	if (theirs >= 0) {
		must(dup2(theirs, PASSED_FD) == PASSED_FD, "their descriptor is put back");
		close(theirs);
	}
}

/* ---- messages ---- */

static void check_watchdog(const char *limit)
{
	int64_t wait_ms = systemd_watchdog_ms();

	must(wait_ms == -1 || wait_ms >= 1, "a watchdog waits for some time, or there is none");
	must(wait_ms == -1 || (limit != NULL && isdigit((unsigned char)limit[0])),
	    "only a number is a limit");
	must(wait_ms <= 1 || wait_ms * 2000 <= strtoll(limit, NULL, 10),
	    "two signs of life come in its time");
}

static void send_all(void)
{
	systemd_ready(getpid(), "%s", "serving");
	systemd_reloading();
	systemd_ready(0, "%s", "serving");
	systemd_status("%d of %d", 1, 8);
	systemd_stopping(1000);
	systemd_watchdog();
}

static void try_messages(void)
{
	char *wanted = getenv("NOTIFY_SOCKET") != NULL ? strdup(getenv("NOTIFY_SOCKET")) : NULL;
	char *limit = getenv("WATCHDOG_USEC") != NULL ? strdup(getenv("WATCHDOG_USEC")) : NULL;
	const size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path;
	bool is_address = wanted != NULL && strlen(wanted) <= room &&
	    (wanted[0] == '/' || wanted[0] == '@');
	unsigned expected;

	systemd_begin();
	must(getenv("NOTIFY_SOCKET") == NULL && getenv("WATCHDOG_USEC") == NULL &&
	    getenv("WATCHDOG_PID") == NULL, "no child is misled");
	check_watchdog(limit);
	expected = !is_address ? 0 : systemd_watchdog_ms() >= 0 ? 6 : 5;
	address = is_address ? wanted : NULL;
	messages = 0;
	errno = ENOTTY;
	send_all();
	must(errno == ENOTTY, "errno is left as it was");
	must(messages == expected, "each message is sent to who wants it");
	address = NULL;
	free(wanted);
	free(limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct words words;
	enum passed passed;

	if (passable[PASSED_LISTENER] == 0)
		make_passable();
	words_split(&words, (char[]){ "echo-master" }, data, size);
	passed = read_environment(&words);
	stderr_catch();
	try_messages();
	try_listener(passed);
	stderr_release();
	return 0;
}
