/* SPDX-License-Identifier: ISC */
/* What a service manager hands to the master, and what the master tells it, byte for byte. */
#include "tests/suites.h"

#include "common/clock.h"
#include "common/log.h"
#include "master/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const variables[] = { "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS",
	"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC" };

/* Whether any of the variables whose names begin so is set. */
static bool is_any_set(const char *prefix)
{
	for (size_t i = 0; i < COUNT(variables); i++)
		if (strncmp(variables[i], prefix, strlen(prefix)) == 0 &&
		    getenv(variables[i]) != NULL)
			return true;
	return false;
}

static void forget_everything(void)
{
	for (size_t i = 0; i < COUNT(variables); i++)
		unsetenv(variables[i]);
	systemd_begin();
}

/* ---- what is logged ---- */

static void hear(void)
{
	setprogname("tester");
	stderr_catch();
}

static void stop_hearing(void)
{
	stderr_release();
	log_threshold = LOG_INFO;
}

/* ---- a socket that is passed ---- */

/* What a child gets, and what it found; shared with the test. */
static struct passing {
	int fd;          /* becomes descriptor 3; -1: there is none */
	const char *pid; /* LISTEN_PID; NULL: the child's own */
	const char *fds; /* LISTEN_FDS; NULL: not set */
	int result;      /* of systemd_listener() */
	int found;       /* the descriptor it told */
	bool closes;     /* descriptor 3 is close-on-exec */
	bool misleads;   /* a variable was left in the environment */
	char why[REASON_MAX];
} *passing;

static void share_passing(void)
{
	passing = mmap(NULL, sizeof *passing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	ck_assert_ptr_ne(passing, MAP_FAILED);
	*passing = (struct passing){ .fd = -1, .fds = "1", .found = -1 };
	hear();
}

static void unshare_passing(void)
{
	stop_hearing();
	if (passing->fd >= 0)
		close(passing->fd);
	munmap(passing, sizeof *passing);
}

static int receive(void *unused)
{
	char own[16];

	(void)unused;
	snprintf(own, sizeof own, "%d", (int)getpid());
	setenv("LISTEN_PID", passing->pid != NULL ? passing->pid : own, 1);
	setenv("LISTEN_PIDFDID", "1234", 1);
	setenv("LISTEN_FDNAMES", "echo-master.socket", 1);
	if (passing->fds != NULL)
		setenv("LISTEN_FDS", passing->fds, 1);
	close(3);
	if (passing->fd >= 0 && dup2(passing->fd, 3) != 3)
		return 1;
	passing->result = systemd_listener(&passing->found, passing->why);
	passing->closes = fcntl(3, F_GETFD) == FD_CLOEXEC;
	passing->misleads = is_any_set("LISTEN");
	return 0;
}

/* Has a child look for its socket. Whatever it finds, its own children are not misled. */
static void pass(void)
{
	child_succeeded(child_start(receive, NULL));
	ck_assert(!passing->misleads);
}

/* Returns a non-blocking socket, with a descriptor that is not 3; -1: no such family here. */
static int open_socket(int family, int type, bool listens)
{
	sa_family_t unnamed = AF_UNIX;
	int low = socket(family, type | SOCK_NONBLOCK, 0);
	int fd = fcntl(low, F_DUPFD, 10);

	close(low);
	if (fd >= 0 && family == AF_UNIX)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&unnamed, sizeof unnamed), 0);
	if (fd >= 0 && listens)
		ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

static int option(int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;

	ck_assert_int_eq(getsockopt(passing->fd, level, name, &value, &size), 0);
	return value;
}

static bool is_blocking(void)
{
	return (fcntl(passing->fd, F_GETFL) & O_NONBLOCK) == 0;
}

static const int inet_families[] = { AF_INET, AF_INET6 };

START_TEST(listening_socket_is_taken_and_made_like_our_own)
{
	passing->fd = open_socket(inet_families[_i], SOCK_STREAM, true);
	if (passing->fd < 0)
		return; /* no IPv6 on this machine */
	pass();
	ck_assert_msg(passing->result == 1, "%s", passing->why);
	ck_assert_int_eq(passing->found, 3);
	ck_assert(passing->closes);
	/* Seen here too, as it is the same open file: it stays as open_socket() made it. */
	ck_assert(!is_blocking());
	ck_assert_int_eq(option(SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPCNT), 6);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_NODELAY), 1);
}
END_TEST

/* What the variables say to somebody else, or not at all. */
static const struct { const char *pid; const char *fds; } for_others[] = {
	{ "1", "1" },
	{ "", "1" },
	{ " 1", "1" },
	{ "99999999999999999999", "1" },
	{ "1", "9" },
	{ NULL, NULL },
};

START_TEST(what_was_passed_to_somebody_else_is_left_alone)
{
	passing->fd = open_socket(AF_INET, SOCK_STREAM, true);
	passing->pid = for_others[_i].pid;
	passing->fds = for_others[_i].fds;
	pass();
	ck_assert_int_eq(passing->result, 0);
	ck_assert_int_eq(passing->found, -1);
	ck_assert(!is_blocking());
	ck_assert(!passing->closes);
}
END_TEST

START_TEST(without_the_variables_none_was_passed)
{
	char why[REASON_MAX];
	int fd = -1;

	forget_everything();
	ck_assert_int_eq(systemd_listener(&fd, why), 0);
	ck_assert_int_eq(fd, -1);
}
END_TEST

static const struct { const char *fds; const char *why; } counts[] = {
	{ "0", "0 sockets were passed; allowed: one" },
	{ "2", "2 sockets were passed; allowed: one" },
	{ "", "LISTEN_FDS is ''; allowed: 1" },
	{ "one", "LISTEN_FDS is 'one'; allowed: 1" },
	{ "-1", "LISTEN_FDS is '-1'; allowed: 1" },
	{ " 1", "LISTEN_FDS is ' 1'; allowed: 1" },
	{ "1 ", "LISTEN_FDS is '1 '; allowed: 1" },
	{ "99999999999999999999", "LISTEN_FDS is '99999999999999999999'; allowed: 1" },
};

START_TEST(one_socket_is_allowed)
{
	passing->fd = open_socket(AF_INET, SOCK_STREAM, true);
	passing->fds = counts[_i].fds;
	pass();
	ck_assert_int_eq(passing->result, -1);
	ck_assert_str_eq(passing->why, counts[_i].why);
	ck_assert(!is_blocking());
}
END_TEST

#define ALLOWED "; allowed: IPv4 or IPv6, stream, listening"

static const struct { int family, type; bool listens; const char *why; } others[] = {
	{ AF_INET, SOCK_STREAM, false, "the socket passed is IPv4, stream, not listening" ALLOWED },
	{ AF_INET6, SOCK_STREAM, false, "the socket passed is IPv6, stream, not listening" ALLOWED },
	{ AF_INET, SOCK_DGRAM, false, "the socket passed is IPv4, datagram, not listening" ALLOWED },
	{ AF_UNIX, SOCK_STREAM, true, "the socket passed is UNIX, stream, listening" ALLOWED },
	{ AF_UNIX, SOCK_SEQPACKET, true, "the socket passed is UNIX, other, listening" ALLOWED },
	{ AF_NETLINK, SOCK_RAW, false, "the socket passed is unknown, other, not listening" ALLOWED },
};

START_TEST(other_kinds_of_socket_are_refused)
{
	passing->fd = open_socket(others[_i].family, others[_i].type, others[_i].listens);
	ck_assert_int_ge(passing->fd, 0);
	pass();
	ck_assert_int_eq(passing->result, -1);
	ck_assert_str_eq(passing->why, others[_i].why);
	ck_assert(!is_blocking());
}
END_TEST

START_TEST(what_is_no_socket_is_refused)
{
	pass();
	ck_assert_int_eq(passing->result, -1);
	ck_assert_str_eq(passing->why, "descriptor 3 was passed: Bad file descriptor; "
	    "allowed: a listening TCP socket");
	passing->fd = open("/dev/null", O_RDWR);
	pass();
	ck_assert_int_eq(passing->result, -1);
	ck_assert_str_eq(passing->why, "descriptor 3 was passed: Socket operation on non-socket; "
	    "allowed: a listening TCP socket");
}
END_TEST

static TCase *passed(void)
{
	TCase *tcase = tcase_create("listener");

	tcase_add_checked_fixture(tcase, share_passing, unshare_passing);
	tcase_add_loop_test(tcase, listening_socket_is_taken_and_made_like_our_own, 0,
	    COUNT(inet_families));
	tcase_add_loop_test(tcase, what_was_passed_to_somebody_else_is_left_alone, 0,
	    COUNT(for_others));
	tcase_add_test(tcase, without_the_variables_none_was_passed);
	tcase_add_loop_test(tcase, one_socket_is_allowed, 0, COUNT(counts));
	tcase_add_loop_test(tcase, other_kinds_of_socket_are_refused, 0, COUNT(others));
	tcase_add_test(tcase, what_is_no_socket_is_refused);
	return tcase;
}

/* ---- messages ---- */

static int receiver = -1;     /* the manager's end */
static char folder[32];       /* where its socket is */
static struct sockaddr_un at; /* its address */

static void open_receiver(void)
{
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(receiver, 0);
	at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(folder, "/tmp/check_systemd.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	hear();
}

static void close_receiver(void)
{
	stop_hearing();
	close(receiver);
	if (at.sun_path[0] == '/')
		unlink(at.sun_path);
	rmdir(folder);
	forget_everything();
}

/* From here on a manager listens, on a path or on an abstract name, and we know of it. */
/* Whether signs of life are wanted, too. */
static bool is_watched = true;

static void listen_for_messages(bool is_abstract)
{
	char name[sizeof at.sun_path];
	size_t length = (size_t)snprintf(name, sizeof name, "%s%s/notify", is_abstract ? "@" : "",
	    folder);

	memcpy(at.sun_path, name, length);
	if (is_abstract)
		at.sun_path[0] = '\0';
	ck_assert_int_eq(bind(receiver, (struct sockaddr *)&at,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	if (is_watched)
		setenv("WATCHDOG_USEC", "2000000", 1);
	systemd_begin();
}

/* Returns the next message, "" when there is none. */
static const char *message(void)
{
	static char text[4096];
	ssize_t got = recv(receiver, text, sizeof text - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

START_TEST(messages_are_those_of_the_protocol)
{
	listen_for_messages(_i == 1);
	systemd_ready(0, "%d workers", 8);
	ck_assert_str_eq(message(), "READY=1\nSTATUS=8 workers");
	systemd_ready(4711, "%d workers", 8);
	ck_assert_str_eq(message(), "READY=1\nMAINPID=4711\nSTATUS=8 workers");
	systemd_status("serving %s", "100 %");
	ck_assert_str_eq(message(), "STATUS=serving 100 %");
	systemd_watchdog();
	ck_assert_str_eq(message(), "WATCHDOG=1");
	systemd_stopping(32000);
	ck_assert_str_eq(message(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=32000000");
	ck_assert_str_eq(message(), "");
	ck_assert_str_eq(stderr_caught(), "");
}
END_TEST

START_TEST(sign_of_life_is_given_only_where_one_is_wanted)
{
	is_watched = false;
	listen_for_messages(false);
	systemd_watchdog();
	ck_assert_str_eq(message(), "");
	is_watched = true;
}
END_TEST

START_TEST(errno_is_left_as_it_was)
{
	listen_for_messages(false);
	errno = ENOTTY;
	systemd_status("good");
	ck_assert_int_eq(errno, ENOTTY);
	unlink(at.sun_path);
	errno = ENOTTY;
	systemd_status("bad");
	ck_assert_int_eq(errno, ENOTTY);
}
END_TEST

START_TEST(reload_tells_the_time_in_microseconds)
{
	int64_t before = clock_ms();
	int64_t us = -1;

	listen_for_messages(false);
	systemd_reloading();
	ck_assert_int_eq(sscanf(message(), "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &us), 1);
	ck_assert_int_ge(us, before * 1000);
	ck_assert_int_le(us, (clock_ms() + 1) * 1000);
}
END_TEST

START_TEST(long_status_is_cut)
{
	char status[4096];

	memset(status, 's', sizeof status - 1);
	status[sizeof status - 1] = '\0';
	listen_for_messages(false);
	systemd_ready(INT32_MAX, "%s", status);
	ck_assert_uint_eq(strlen(message()),
	    strlen("READY=1\nMAINPID=2147483647\nSTATUS=") + 255);
}
END_TEST

START_TEST(nobody_who_did_not_ask_gets_messages)
{
	listen_for_messages(false);
	ck_assert(!is_any_set("NOTIFY"));
	systemd_begin(); /* with no address left in the environment */
	systemd_ready(0, "unasked");
	systemd_reloading();
	systemd_stopping(1);
	systemd_status("unasked");
	systemd_watchdog();
	ck_assert_str_eq(message(), "");
}
END_TEST

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(manager_that_is_gone_costs_one_line_and_nothing_else)
{
	int64_t began = clock_ms();
	int before;

	log_threshold = LOG_DEBUG;
	listen_for_messages(false);
	unlink(at.sun_path);
	before = count_descriptors();
	systemd_ready(0, "nobody listens");
	ck_assert_str_eq(stderr_caught(),
	    "tester: telling the service manager: No such file or directory\n");
	systemd_stopping(1);
	systemd_watchdog();
	ck_assert_str_eq(stderr_caught(), "");
	ck_assert_int_eq(count_descriptors(), before);
	ck_assert_int_lt(clock_ms() - began, 900);
}
END_TEST

/* ---- a manager that does not read ---- */

/* Until nothing more goes in. */
static void fill_receiver(void)
{
	int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int count = 0;

	ck_assert_int_eq(connect(sender, (struct sockaddr *)&at, sizeof at), 0);
	while (count < 100000 && send(sender, "full", 4, 0) == 4)
		count++;
	ck_assert_int_eq(errno, EAGAIN);
	close(sender);
}

static void empty_receiver(void)
{
	while (message()[0] != '\0')
		continue;
}

/* Returns how long telling that we are ready took, in milliseconds. */
static int64_t time_to_be_ready(void)
{
	int64_t began = clock_ms();

	systemd_ready(0, "ready");
	return clock_ms() - began;
}

START_TEST(manager_that_does_not_read_is_waited_for_once_and_for_a_second)
{
	int64_t began;

	listen_for_messages(false);
	fill_receiver();
	began = clock_ms();
	systemd_status("later");
	systemd_watchdog();
	ck_assert_int_lt(clock_ms() - began, 900);
	ck_assert_int_ge(time_to_be_ready(), 1000);
	ck_assert_int_lt(time_to_be_ready(), 900);
	empty_receiver();
	systemd_status("it reads again");
	ck_assert_str_eq(message(), "STATUS=it reads again");
	fill_receiver();
	ck_assert_int_ge(time_to_be_ready(), 1000);
}
END_TEST

static void read_one(int number)
{
	char text[16];

	(void)number;
	recv(receiver, text, sizeof text, 0);
}

START_TEST(message_that_matters_arrives_when_the_manager_reads_late)
{
	char last[64] = "";
	const char *text;

	listen_for_messages(false);
	fill_receiver();
	interruptions_start(read_one, 100);
	systemd_ready(0, "late");
	interruptions_stop();
	while ((text = message())[0] != '\0')
		strlcpy(last, text, sizeof last);
	ck_assert_str_eq(last, "READY=1\nSTATUS=late");
}
END_TEST

/* ---- what systemd_begin() ignores ---- */

static const char *const addresses[] = { "", "notify", "vsock:2:1234" };

START_TEST(address_of_no_known_kind_is_ignored_with_a_warning)
{
	char warning[512];

	snprintf(warning, sizeof warning, "tester: NOTIFY_SOCKET is '%s' and ignored; "
	    "allowed: a path, or @ and a name, of at most 108 bytes\n", addresses[_i]);
	log_threshold = LOG_DEBUG;
	setenv("NOTIFY_SOCKET", addresses[_i], 1);
	systemd_begin();
	ck_assert_str_eq(stderr_caught(), warning);
	ck_assert(!is_any_set("NOTIFY"));
	systemd_ready(0, "ready");
	ck_assert_str_eq(stderr_caught(), ""); /* nothing was tried */
}
END_TEST

START_TEST(address_may_fill_all_the_room_there_is)
{
	char name[sizeof at.sun_path + 2];

	log_threshold = LOG_DEBUG;
	snprintf(name, sizeof name, "@%0*d", (int)sizeof at.sun_path - 1, 0);
	setenv("NOTIFY_SOCKET", name, 1);
	systemd_begin();
	systemd_status("tried");
	ck_assert_str_eq(stderr_caught(), "tester: telling the service manager: Connection refused\n");
	strcat(name, "0");
	setenv("NOTIFY_SOCKET", name, 1);
	systemd_begin();
	ck_assert_ptr_nonnull(strstr(stderr_caught(), "ignored"));
}
END_TEST

/* "own" and "other" stand for pids. */
static const struct { const char *us, *pid; int64_t ms; const char *bad; } watchdogs[] = {
	{ NULL, NULL, -1, NULL },
	{ "30000000", "own", 15000, NULL },
	{ "30000000", NULL, 15000, NULL },
	{ "30000000", "other", -1, NULL },
	{ NULL, "own", -1, NULL },
	{ "5000", "own", 2, NULL },
	{ "1", "own", 1, NULL },
	{ "9223372036854775807", "own", 4611686018427387, NULL },
	{ "9223372036854775808", "own", -1, "WATCHDOG_USEC is '9223372036854775808'" },
	{ "0", "own", -1, "WATCHDOG_USEC is '0'" },
	{ "", "own", -1, "WATCHDOG_USEC is ''" },
	{ "-5", "own", -1, "WATCHDOG_USEC is '-5'" },
	{ " 5", "own", -1, "WATCHDOG_USEC is ' 5'" },
	{ "5s", "own", -1, "WATCHDOG_USEC is '5s'" },
	{ "30000000", "me", -1, "WATCHDOG_PID is 'me'" },
};

START_TEST(watchdog_gets_two_signs_of_life_in_its_time)
{
	const char *pid = watchdogs[_i].pid;
	char expected[256] = "";
	char number[16];

	if (watchdogs[_i].bad != NULL)
		snprintf(expected, sizeof expected,
		    "tester: %s and ignored; allowed: a number above 0\n", watchdogs[_i].bad);
	snprintf(number, sizeof number, "%d",
	    (int)(pid != NULL && strcmp(pid, "own") == 0 ? getpid() : getppid()));
	if (pid != NULL)
		setenv("WATCHDOG_PID", strcmp(pid, "me") == 0 ? pid : number, 1);
	if (watchdogs[_i].us != NULL)
		setenv("WATCHDOG_USEC", watchdogs[_i].us, 1);
	systemd_begin();
	ck_assert_int_eq(systemd_watchdog_ms(), watchdogs[_i].ms);
	ck_assert_str_eq(stderr_caught(), expected);
	ck_assert(!is_any_set("WATCHDOG"));
}
END_TEST

static TCase *messages(void)
{
	TCase *tcase = tcase_create("messages");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_receiver, close_receiver);
	tcase_add_loop_test(tcase, messages_are_those_of_the_protocol, 0, 2);
	tcase_add_test(tcase, sign_of_life_is_given_only_where_one_is_wanted);
	tcase_add_test(tcase, errno_is_left_as_it_was);
	tcase_add_test(tcase, reload_tells_the_time_in_microseconds);
	tcase_add_test(tcase, long_status_is_cut);
	tcase_add_test(tcase, nobody_who_did_not_ask_gets_messages);
	tcase_add_test(tcase, manager_that_is_gone_costs_one_line_and_nothing_else);
	tcase_add_test(tcase, manager_that_does_not_read_is_waited_for_once_and_for_a_second);
	tcase_add_test(tcase, message_that_matters_arrives_when_the_manager_reads_late);
	tcase_add_loop_test(tcase, address_of_no_known_kind_is_ignored_with_a_warning, 0,
	    COUNT(addresses));
	tcase_add_test(tcase, address_may_fill_all_the_room_there_is);
	tcase_add_loop_test(tcase, watchdog_gets_two_signs_of_life_in_its_time, 0,
	    COUNT(watchdogs));
	return tcase;
}

Suite *systemd_suite(void)
{
	Suite *suite = suite_create("systemd");

	suite_add_tcase(suite, passed());
	suite_add_tcase(suite, messages());
	return suite;
}
