/* SPDX-License-Identifier: ISC */
/*
 * What is done when the kernel refuses a call that it hardly ever refuses: -1 or NULL with
 * its errno, a word about what failed, and nothing is left open. Each is tried in a child, to
 * which the kernel refuses that call and no other.
 */
#include "tests/suites.h"

#include "common/board.h"
#include "common/cpus.h"
#include "common/devlog.h"
#include "common/gate.h"
#include "common/logchannel.h"
#include "common/nethelp.h"
#include "master/cpualarm.h"
#include "master/descriptors.h"
#include "master/listener.h"
#include "master/signals.h"
#include "master/spawn.h"
#include "master/tables.h"
#include "worker/buffers.h"
#include "worker/sandbox.h"
#include "worker/sandbox_filter.h"
#include "worker/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* For children, in the place of ck_assert(): has them leave with a code that is not 0. */
#define MUST(that)                                                                                 \
	do {                                                                                       \
		if (!(that)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #that);                 \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

#define REFUSED(call, error) { SYS_##call, -1, 0, (error) }
#define REFUSED_IF(call, argument, value, error) { SYS_##call, (argument), (value), (error) }

static int refuse(int call, int error)
{
	return tell_lie(&(struct lie){ call, -1, 0, error });
}

static void try(int (*work)(void *), const void *with)
{
	child_succeeded(child_start(work, (void *)(uintptr_t)with));
}

/* The next descriptor that is opened has this number: so it has after one was left open. */
static int next_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* ---- memory ---- */

static int have_no_memory(void *with)
{
	struct buffers buffers = { .size = 4096 };

	(void)with;
	MUST(refuse(SYS_mmap, ENOMEM) == 0);
	MUST(board_open(8) == NULL && errno == ENOMEM);
	MUST(sources_open() == NULL && errno == ENOMEM);
	MUST(tables_open() == NULL && errno == ENOMEM);
	MUST(buffers_borrow(&buffers) == NULL && buffers.lent == 0);
	/* What was never had can be given back. */
	board_close(NULL);
	sources_close(NULL);
	tables_close(NULL);
	return 0;
}

START_TEST(without_memory_there_is_none)
{
	try(have_no_memory, NULL);
}
END_TEST

static int ask_for_cpus(void *with)
{
	(void)with;
	MUST(refuse(SYS_sched_getaffinity, EINVAL) == 0);
	MUST(cpus_available() == 1);
	return 0;
}

START_TEST(cpus_that_are_not_told_are_one)
{
	try(ask_for_cpus, NULL);
}
END_TEST

static int have_no_random_key(void *with)
{
	(void)with;
	MUST(refuse(SYS_getrandom, ENOSYS) == 0);
	MUST(sources_open() == NULL);
	return 0;
}

START_TEST(sources_without_a_random_key_are_none)
{
	try(have_no_random_key, NULL);
}
END_TEST

static int have_tables_for_children(void *with)
{
	(void)with;
	MUST(refuse(SYS_madvise, EINVAL) == 0);
	MUST(tables_open() == NULL && errno == EINVAL);
	return 0;
}

START_TEST(tables_that_children_would_have_are_none)
{
	try(have_tables_for_children, NULL);
}
END_TEST

/* ---- descriptors ---- */

static const struct lie of_channels[] = { REFUSED(pipe2, EMFILE), REFUSED(socketpair, EMFILE),
	REFUSED(eventfd2, ENFILE) };

static int open_channels(void *with)
{
	const struct lie *lie = with;
	int before = next_descriptor();
	struct spawn_channels channels;

	MUST(tell_lie(lie) == 0);
	MUST(spawn_channels_open(&channels) == -1 && errno == lie->error);
	MUST(next_descriptor() == before);
	return 0;
}

START_TEST(channels_are_had_whole_or_not_at_all)
{
	try(open_channels, &of_channels[_i]);
}
END_TEST

/* The kernel sets neither end where there is no pair. */
static int open_log(void *with)
{
	struct lie lie = REFUSED_IF(setsockopt, 2, SO_PASSCRED, EPERM);
	int before = next_descriptor();
	int ends[2];

	(void)with;
	MUST(tell_lie(&lie) == 0);
	MUST(log_channel_open(ends) == -1 && errno == EPERM);
	MUST(ends[0] == -1 && ends[1] == -1);
	MUST(next_descriptor() == before);
	return 0;
}

START_TEST(log_channel_without_senders_is_none)
{
	try(open_log, NULL);
}
END_TEST

static int have_no_descriptor(void *with)
{
	struct rlimit none = { 0, 0 };
	struct spawn_channels channels;

	(void)with;
	MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	MUST(spawn_channels_open(&channels) == -1 && errno == EMFILE);
	return 0;
}

START_TEST(without_descriptors_there_are_no_channels)
{
	try(have_no_descriptor, NULL);
}
END_TEST

static int ask_for_the_limit(void *with)
{
	(void)with;
	/* getrlimit(3) is prlimit(2) without new limits. */
	MUST(tell_lie(&(struct lie)REFUSED_IF(prlimit64, 2, 0, EPERM)) == 0);
	stderr_catch();
	MUST(descriptors_allow(1) == 0);
	MUST(descriptors_allow(2) == -1);
	MUST(strstr(stderr_caught(), "getrlimit: Operation not permitted") != NULL);
	return 0;
}

START_TEST(limit_that_is_not_told_allows_one_connection)
{
	try(ask_for_the_limit, NULL);
}
END_TEST

/* ---- signals ---- */

static const struct lie of_signals[] = { REFUSED(rt_sigprocmask, EINVAL),
	REFUSED_IF(rt_sigaction, 0, SIGHUP, EINVAL), REFUSED_IF(rt_sigaction, 0, SIGUSR2, EINVAL),
	REFUSED_IF(rt_sigaction, 0, SIGPIPE, EINVAL) };

static int catch_signals(void *with)
{
	MUST(tell_lie(with) == 0);
	MUST(signals_catch() == -1 && errno == EINVAL);
	return 0;
}

START_TEST(signal_that_cannot_be_caught_is_told)
{
	try(catch_signals, &of_signals[_i]);
}
END_TEST

/* ---- sockets ---- */

static const struct lie of_listeners[] = {
	REFUSED(socket, EMFILE),
	REFUSED_IF(setsockopt, 2, SO_REUSEADDR, EPERM),
	REFUSED_IF(setsockopt, 2, SO_REUSEPORT, EPERM),
	REFUSED_IF(setsockopt, 2, SO_KEEPALIVE, EPERM),
	REFUSED_IF(setsockopt, 2, TCP_KEEPIDLE, EPERM),
	REFUSED_IF(setsockopt, 2, TCP_KEEPINTVL, EPERM),
	REFUSED_IF(setsockopt, 2, TCP_KEEPCNT, EPERM),
	REFUSED_IF(setsockopt, 2, TCP_NODELAY, EPERM),
	REFUSED_IF(setsockopt, 2, IPV6_V6ONLY, EPERM),
	REFUSED(bind, EACCES), REFUSED(listen, EADDRINUSE),
};

static int open_listener(void *with)
{
	const struct lie *lie = with;
	int before = next_descriptor();
	struct net_failure failure;

	MUST(tell_lie(lie) == 0);
	MUST(open_shared_listenfd("::1", "0", 16, &failure) == -1);
	MUST(failure.error == lie->error || failure.error == EADDRNOTAVAIL);
	MUST(strcmp(failure.step, lie->call == SYS_socket ? "socket"
	    : lie->call == SYS_bind ? "bind" : lie->call == SYS_listen ? "listen"
	    : "setsockopt") == 0);
	MUST(next_descriptor() == before);
	return 0;
}

START_TEST(listener_is_had_with_all_its_options_or_not_at_all)
{
	try(open_listener, &of_listeners[_i]);
}
END_TEST

static const struct lie of_times[] = {
	REFUSED_IF(setsockopt, 2, SO_RCVTIMEO, EPERM),
	REFUSED_IF(setsockopt, 2, SO_SNDTIMEO, EPERM),
	REFUSED_IF(setsockopt, 2, TCP_DEFER_ACCEPT, EPERM),
	REFUSED_IF(setsockopt, 2, TCP_USER_TIMEOUT, EPERM),
};

/* Whoever cannot have them is told, and goes on. */
static int set_times(void *with)
{
	struct settings settings = { .backlog = 16, .connections = 1, .port = "0",
		.listen = "127.0.0.1" };
	struct net_failure failure;
	int fd = listener_bind(&settings, NULL, 0, &failure);

	MUST(fd >= 0);
	MUST(tell_lie(with) == 0);
	stderr_catch();
	MUST(listener_begin(fd, &settings, &failure) == fd);
	MUST(strstr(stderr_caught(), "setting the timeouts of connections") != NULL);
	return 0;
}

START_TEST(listener_without_its_times_serves)
{
	try(set_times, &of_times[_i]);
}
END_TEST

static int begin_listener(void *with)
{
	struct settings settings = { .backlog = 16, .connections = 1, .port = "0",
		.listen = "127.0.0.1" };
	int before = next_descriptor();
	struct net_failure failure;
	int fd = listener_bind(&settings, NULL, 0, &failure);

	(void)with;
	MUST(fd >= 0);
	MUST(refuse(SYS_listen, EADDRINUSE) == 0);
	MUST(listener_begin(fd, &settings, &failure) == -1);
	MUST(strcmp(failure.step, "listen") == 0 && failure.error == EADDRINUSE);
	MUST(next_descriptor() == before);
	return 0;
}

START_TEST(listener_that_cannot_listen_is_closed)
{
	try(begin_listener, NULL);
}
END_TEST

static int look_at_nothing(void *with)
{
	(void)with;
	MUST(!listener_is_nonblocking(-1));
	MUST(listener_set_nonblocking(-1) == -1 && listener_set_blocking(-1) == -1);
	MUST(listener_depth(-1) == -1 && listener_limit(-1) == -1);
	return 0;
}

START_TEST(listener_that_is_none_is_told)
{
	try(look_at_nothing, NULL);
}
END_TEST

static int hop_limit(int fd)
{
	int hops = -1;
	socklen_t size = sizeof hops;

	getsockopt(fd, IPPROTO_IP, IP_MINTTL, &hops, &size);
	return hops;
}

static int close_gate(void *with)
{
	struct net_failure failure;
	int fd = open_listenfd("127.0.0.1", "0", 16, &failure);
	int six;

	(void)with;
	MUST(tell_lie(&(struct lie)REFUSED_IF(setsockopt, 2, SO_ATTACH_FILTER, EPERM)) == 0);
	MUST(gate_close(fd) == 0 && hop_limit(fd) == 255);
	gate_lift(fd);
	MUST(hop_limit(fd) == 0);
	MUST(tell_lie(&(struct lie)REFUSED_IF(setsockopt, 2, IP_MINTTL, EPERM)) == 0);
	six = open_listenfd("::1", "0", 16, &failure);
	MUST(six < 0 || gate_close(six) == 0);
	MUST(refuse(SYS_setsockopt, EPERM) == 0);
	MUST(gate_close(fd) == -1 && errno == EPERM);
	MUST(gate_divert(fd) == -1 && errno == EPERM);
	return 0;
}

START_TEST(gate_is_a_hop_limit_where_no_filter_may_be)
{
	try(close_gate, NULL);
}
END_TEST

static const struct lie of_connecting[] = { REFUSED(socket, EMFILE), REFUSED(bind, EADDRINUSE),
	REFUSED_IF(fcntl, 1, F_GETFL, EPERM), REFUSED_IF(fcntl, 1, F_SETFL, EPERM),
	REFUSED(connect, ENETUNREACH) };

static int connect_somewhere(void *with)
{
	const struct lie *lie = with;
	struct connecting how = { .timeout_ms = 1000, .source = "127.0.0.1" };
	int before = next_descriptor();
	struct net_failure failure;

	MUST(tell_lie(lie) == 0);
	MUST(open_clientfd_as("127.0.0.1", "1", &how, &failure) == -1);
	MUST(failure.error == lie->error);
	MUST(next_descriptor() == before);
	return 0;
}

START_TEST(client_is_told_which_step_failed_and_keeps_no_socket)
{
	try(connect_somewhere, &of_connecting[_i]);
}
END_TEST

/* What is told while it waits to be connected. */
static const struct {
	struct lie lie;
	int error;
} of_waiting[] = {
	{ REFUSED(poll, ENOMEM), ENOMEM },
	{ REFUSED(poll, DOES_NOTHING), ETIMEDOUT }, /* as when nothing happens */
	{ REFUSED(getsockopt, ENOBUFS), ENOBUFS },
};

static int wait_to_be_connected(void *with)
{
	size_t number = *(const size_t *)with;
	struct connecting how = { .timeout_ms = 1 };
	struct net_failure failure;

	MUST(refuse(SYS_connect, EINPROGRESS) == 0 && tell_lie(&of_waiting[number].lie) == 0);
	MUST(open_clientfd_as("127.0.0.1", "1", &how, &failure) == -1);
	MUST(strcmp(failure.step, "connect") == 0 && failure.error == of_waiting[number].error);
	return 0;
}

START_TEST(client_that_cannot_wait_is_not_connected)
{
	size_t number = (size_t)_i;

	try(wait_to_be_connected, &number);
}
END_TEST

static int listen_without_ipv6(void *with)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	struct net_failure failure;
	int fd;

	(void)with;
	MUST(tell_lie(&(struct lie)REFUSED_IF(socket, 0, AF_INET6, EAFNOSUPPORT)) == 0);
	fd = open_listenfd("*", "0", 16, &failure);
	MUST(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	MUST(address.ss_family == AF_INET);
	return 0;
}

START_TEST(listener_for_all_is_for_ipv4_where_there_is_no_ipv6)
{
	try(listen_without_ipv6, NULL);
}
END_TEST

/* ---- the system log ---- */

/* A daemon that has no room now, and one that has gone. */
static const int of_log[] = { ENOBUFS, ENOMEM, EINTR, ECONNREFUSED };

static int log_in_vain(void *with)
{
	struct sockaddr_un daemon = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char byte;
	struct devlog *log;

	snprintf(daemon.sun_path, sizeof daemon.sun_path, "/tmp/check_refused.%d", (int)getpid());
	MUST(bind(fd, (struct sockaddr *)&daemon, sizeof daemon) == 0);
	log = devlog_open(daemon.sun_path, "tester");
	MUST(log != NULL);
	devlog_write(log, LOG_INFO, 1, "the first");
	MUST(recv(fd, &byte, 1, MSG_DONTWAIT) == 1);
	MUST(refuse(SYS_sendto, *(const int *)with) == 0);
	devlog_write(log, LOG_INFO, 1, "the second");
	MUST(unlink(daemon.sun_path) == 0);
	MUST(recv(fd, &byte, 1, MSG_DONTWAIT) == -1);
	MUST(devlog_pollfd(log) == -1); /* whether there is room, the socket cannot tell */
	devlog_close(log);
	return 0;
}

START_TEST(line_that_the_daemon_cannot_take_waits)
{
	try(log_in_vain, &of_log[_i]);
}
END_TEST

static int log_without_socket(void *with)
{
	struct devlog *log = devlog_open("/dev/null", "tester");

	(void)with;
	MUST(refuse(SYS_socket, EMFILE) == 0);
	devlog_write(log, LOG_INFO, 1, "nobody hears it");
	MUST(devlog_pollfd(log) == -1);
	devlog_disown(log);
	devlog_close(log);
	return 0;
}

START_TEST(log_without_a_socket_waits)
{
	try(log_without_socket, NULL);
}
END_TEST

/* ---- alarms ---- */

static const struct lie of_alarms[] = { REFUSED(timer_create, EAGAIN),
	REFUSED(timer_settime, EINVAL) };

static int set_alarm(void *with)
{
	const struct lie *lie = with;
	struct cpu_alarm alarm = { 0 };

	MUST(tell_lie(lie) == 0);
	MUST(cpu_alarm_set(&alarm, getpid(), 1000) == -1 && errno == lie->error);
	MUST(!cpu_alarm_take(&alarm));
	cpu_alarm_clear(&alarm);
	return 0;
}

START_TEST(alarm_that_cannot_be_had_never_goes_off)
{
	try(set_alarm, &of_alarms[_i]);
}
END_TEST

static int lose_alarm(void *with)
{
	struct cpu_alarm alarm = { 0 };

	(void)with;
	MUST(cpu_alarm_set(&alarm, getpid(), 1000000) == 0);
	MUST(refuse(SYS_timer_gettime, EINVAL) == 0);
	MUST(!cpu_alarm_take(&alarm));
	return 0;
}

START_TEST(alarm_that_cannot_be_asked_has_not_gone_off)
{
	try(lose_alarm, NULL);
}
END_TEST

/* ---- the sandbox ---- */

#ifdef HAVE_SECCOMP

/* Made before the kernel refuses anything: the master does that, and enters none. */
static int enter(const struct lie *lie, char *why)
{
	struct settings settings = { .sandbox = SANDBOX_ENFORCE, .connections = 1 };
	const struct sandbox *sandbox = sandbox_for(&settings);
	_Atomic uint32_t denied = 0;

	why[0] = '\0';
	if (sandbox == NULL || prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ||
	    tell_lie(lie) < 0)
		return -1;
	return sandbox_enter(sandbox, &denied, why);
}

/* What is refused, and how that is told. */
static const struct {
	struct lie lie;
	const char *step;
} of_sandbox[] = {
	{ REFUSED_IF(prlimit64, 1, RLIMIT_CORE, EPERM), "limits" },
	{ REFUSED_IF(rt_sigaction, 0, SIGSYS, EINVAL), "SIGSYS" },
	{ REFUSED(seccomp, EACCES), "seccomp" },
	{ REFUSED(seccomp, EINVAL), "seccomp" },
};

static int enter_in_vain(void *with)
{
	size_t number = *(const size_t *)with;
	char why[SANDBOX_TEXT_MAX];
	char step[64];

	snprintf(step, sizeof step, "cannot be had: %s: ", of_sandbox[number].step);
	MUST(enter(&of_sandbox[number].lie, why) == -1);
	MUST(strstr(why, step) != NULL && strstr(why, "or the setting sandbox off") != NULL);
	return 0;
}

START_TEST(sandbox_that_cannot_be_had_says_why)
{
	size_t number = (size_t)_i;

	try(enter_in_vain, &number);
}
END_TEST

/* Kernels before Linux 4.17 do not know the flag. */
static int enter_on_old_kernel(void *with)
{
	struct lie no_flag = REFUSED_IF(seccomp, 1, SECCOMP_FILTER_FLAG_SPEC_ALLOW, EINVAL);
	char why[SANDBOX_TEXT_MAX];

	(void)with;
	MUST(enter(&no_flag, why) == 0);
	return 0;
}

START_TEST(sandbox_can_be_had_on_an_older_kernel)
{
	try(enter_on_old_kernel, NULL);
}
END_TEST

/* Of those that are about a descriptor: that of the next to be opened, and the one after it. */
static const struct lie of_filter[] = { REFUSED(pipe2, EMFILE), REFUSED_IF(read, 0, 0, EIO),
	REFUSED_IF(write, 0, 1, EIO) };

static int build_filter(void *with)
{
	struct lie lie = *(const struct lie *)with;
	int before = next_descriptor();
	struct filter filter = { .length = 0 };

	lie.value += (uint32_t)before;
	MUST(tell_lie(&lie) == 0);
	/* Of a write(2) that fails, libseccomp says only that it has failed. */
	MUST(filter_build(&filter, SANDBOX_ENFORCE, CALL_OF_EVENT) == -1);
	MUST(errno == lie.error || errno == ECANCELED);
	/* Both stay taken: whoever opens a file from here on is not to be lied to. */
	MUST(dup(STDERR_FILENO) == before && dup(STDERR_FILENO) == before + 1);
	return 0;
}

START_TEST(filter_that_cannot_be_built_is_none)
{
	try(build_filter, &of_filter[_i]);
}
END_TEST

static TCase *sandbox(void)
{
	TCase *tcase = tcase_create("sandbox");

	tcase_add_loop_test(tcase, sandbox_that_cannot_be_had_says_why, 0, LENGTH(of_sandbox));
	tcase_add_test(tcase, sandbox_can_be_had_on_an_older_kernel);
	tcase_add_loop_test(tcase, filter_that_cannot_be_built_is_none, 0, LENGTH(of_filter));
	return tcase;
}

#endif

static TCase *sockets(void)
{
	TCase *tcase = tcase_create("sockets");

	tcase_add_loop_test(tcase, listener_is_had_with_all_its_options_or_not_at_all, 0,
	    LENGTH(of_listeners));
	tcase_add_loop_test(tcase, listener_without_its_times_serves, 0, LENGTH(of_times));
	tcase_add_test(tcase, listener_that_cannot_listen_is_closed);
	tcase_add_test(tcase, listener_that_is_none_is_told);
	tcase_add_test(tcase, gate_is_a_hop_limit_where_no_filter_may_be);
	tcase_add_loop_test(tcase, client_is_told_which_step_failed_and_keeps_no_socket, 0,
	    LENGTH(of_connecting));
	tcase_add_loop_test(tcase, client_that_cannot_wait_is_not_connected, 0,
	    LENGTH(of_waiting));
	tcase_add_test(tcase, listener_for_all_is_for_ipv4_where_there_is_no_ipv6);
	tcase_add_loop_test(tcase, line_that_the_daemon_cannot_take_waits, 0, LENGTH(of_log));
	tcase_add_test(tcase, log_without_a_socket_waits);
	return tcase;
}

Suite *refused_suite(void)
{
	Suite *suite = suite_create("refused");
	TCase *tcase = tcase_create("calls");

	tcase_add_test(tcase, without_memory_there_is_none);
	tcase_add_test(tcase, cpus_that_are_not_told_are_one);
	tcase_add_test(tcase, sources_without_a_random_key_are_none);
	tcase_add_test(tcase, tables_that_children_would_have_are_none);
	tcase_add_loop_test(tcase, channels_are_had_whole_or_not_at_all, 0, LENGTH(of_channels));
	tcase_add_test(tcase, log_channel_without_senders_is_none);
	tcase_add_test(tcase, without_descriptors_there_are_no_channels);
	tcase_add_test(tcase, limit_that_is_not_told_allows_one_connection);
	tcase_add_loop_test(tcase, signal_that_cannot_be_caught_is_told, 0, LENGTH(of_signals));
	tcase_add_loop_test(tcase, alarm_that_cannot_be_had_never_goes_off, 0, LENGTH(of_alarms));
	tcase_add_test(tcase, alarm_that_cannot_be_asked_has_not_gone_off);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, sockets());
#ifdef HAVE_SECCOMP
	suite_add_tcase(suite, sandbox());
#endif
	return suite;
}
