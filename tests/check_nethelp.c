/* SPDX-License-Identifier: ISC */
/* Sockets, addresses as text, and reading and writing that is not put off by anything. */
#include "tests/suites.h"

#include "common/nethelp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- readline ---- */

static int ends[2]; /* a pipe */

static void open_pipe(void)
{
	ck_assert_int_eq(pipe(ends), 0);
}

static void close_end(int end)
{
	if (ends[end] >= 0)
		close(ends[end]);
	ends[end] = -1;
}

static void close_pipe(void)
{
	close_end(0);
	close_end(1);
}

static void put(const char *bytes, size_t size)
{
	ck_assert_int_eq(write(ends[1], bytes, size), (ssize_t)size);
}

/* Reads a line with room for `size` bytes and compares it with `expected`. */
static void expect(struct line_reader *reader, size_t size, const char *expected, size_t length)
{
	char line[65536];
	ssize_t got;

	memset(line, 'x', sizeof line);
	ck_assert_uint_le(size, sizeof line);
	got = readline(reader, line, size);
	ck_assert_int_eq(got, (ssize_t)length);
	ck_assert_mem_eq(line, expected, length);
	ck_assert_int_eq(line[length], '\0');
	if (size < sizeof line)
		ck_assert_int_eq(line[size], 'x');
}

START_TEST(lines_come_one_by_one)
{
	struct line_reader reader = LINE_READER(ends[0]);

	put("one\n\ntwo\nthree", 14);
	close_end(1);
	expect(&reader, 100, "one\n", 4);
	expect(&reader, 100, "\n", 1);
	expect(&reader, 100, "two\n", 4);
	expect(&reader, 100, "three", 5); /* no newline at the end of the input */
	expect(&reader, 100, "", 0);
	expect(&reader, 100, "", 0);
}
END_TEST

START_TEST(line_too_long_for_the_caller_comes_in_pieces)
{
	struct line_reader reader = LINE_READER(ends[0]);

	put("abcdefgh\nijk\n", 13);
	close_end(1);
	expect(&reader, 4, "abc", 3);
	expect(&reader, 4, "def", 3);
	expect(&reader, 4, "gh\n", 3);
	expect(&reader, 5, "ijk\n", 4);
	expect(&reader, 4, "", 0);
}
END_TEST

START_TEST(smallest_buffer_gets_byte_after_byte)
{
	struct line_reader reader = LINE_READER(ends[0]);

	put("a\n", 2);
	close_end(1);
	expect(&reader, 2, "a", 1);
	expect(&reader, 2, "\n", 1);
	expect(&reader, 2, "", 0);
}
END_TEST

START_TEST(line_too_long_for_the_reader_is_put_together)
{
	static char line[3 * sizeof((struct line_reader *)0)->buffer];
	struct line_reader reader = LINE_READER(ends[0]);

	memset(line, 'l', sizeof line);
	line[0] = 'f';
	line[sizeof line - 1] = '\n';
	put(line, sizeof line); /* a pipe holds 64 KiB */
	put("next\n", 5);
	expect(&reader, 65536, line, sizeof line);
	expect(&reader, 65536, "next\n", 5);
}
END_TEST

START_TEST(nul_bytes_are_bytes)
{
	struct line_reader reader = LINE_READER(ends[0]);

	put("a\0b\n\0\n\0", 7);
	close_end(1);
	expect(&reader, 100, "a\0b\n", 4);
	expect(&reader, 100, "\0\n", 2);
	expect(&reader, 100, "\0", 1);
	expect(&reader, 100, "", 0);
}
END_TEST

/* What is left to be written by the handler, a byte each millisecond. */
static const char *volatile rest;
static volatile sig_atomic_t interruptions;

static void put_one_byte(int number)
{
	int saved = errno;

	(void)number;
	interruptions = interruptions + 1;
	if (*rest != '\0' && write(ends[1], rest, 1) == 1)
		rest = rest + 1;
	errno = saved;
}

/* Every byte comes alone, and every read is interrupted before there is one. */
START_TEST(bytes_in_pieces_and_interruptions_make_lines)
{
	struct line_reader reader = LINE_READER(ends[0]);

	rest = "hello\nworld\n";
	interruptions = 0;
	interruptions_start(put_one_byte, 1);
	expect(&reader, 100, "hello\n", 6);
	expect(&reader, 100, "world\n", 6);
	interruptions_stop();
	ck_assert_int_ge(interruptions, 12);
}
END_TEST

START_TEST(what_came_before_an_error_is_handed_out_first)
{
	struct line_reader reader = LINE_READER(ends[0]);
	char line[100];

	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	put("whole\npart", 10);
	expect(&reader, 100, "whole\n", 6);
	expect(&reader, 100, "part", 4);
	errno = 0;
	ck_assert_int_eq(readline(&reader, line, sizeof line), -1);
	ck_assert_int_eq(errno, EAGAIN);
	put("later\n", 6); /* the error was reported once, and reading goes on */
	expect(&reader, 100, "later\n", 6);
	errno = 0;
	ck_assert_int_eq(readline(&reader, line, sizeof line), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(descriptor_that_cannot_be_read_is_an_error)
{
	struct line_reader reader = LINE_READER(-1);
	char line[100] = "old";

	ck_assert_int_eq(readline(&reader, line, sizeof line), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_str_eq(line, "");
}
END_TEST

static TCase *reading(void)
{
	TCase *tcase = tcase_create("readline");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_pipe, close_pipe);
	tcase_add_test(tcase, lines_come_one_by_one);
	tcase_add_test(tcase, line_too_long_for_the_caller_comes_in_pieces);
	tcase_add_test(tcase, smallest_buffer_gets_byte_after_byte);
	tcase_add_test(tcase, line_too_long_for_the_reader_is_put_together);
	tcase_add_test(tcase, nul_bytes_are_bytes);
	tcase_add_test(tcase, bytes_in_pieces_and_interruptions_make_lines);
	tcase_add_test(tcase, what_came_before_an_error_is_handed_out_first);
	tcase_add_test(tcase, descriptor_that_cannot_be_read_is_an_error);
	return tcase;
}

/* ---- writen ---- */

#define LARGE (4 * 1024 * 1024)

static char *pattern;

/* Reads slowly, in odd pieces, and compares. */
static int read_and_compare(void *unused)
{
	char piece[3001];
	size_t done = 0;
	ssize_t got;

	(void)unused;
	close(ends[1]);
	while ((got = read(ends[0], piece, sizeof piece)) > 0) {
		if (done + (size_t)got > LARGE || memcmp(piece, pattern + done, (size_t)got) != 0)
			return 1;
		done += (size_t)got;
	}
	return got == 0 && done == LARGE ? 0 : 2;
}

static void make_pattern(void)
{
	pattern = malloc(LARGE);
	ck_assert_ptr_nonnull(pattern);
	pattern_fill(pattern, LARGE);
}

START_TEST(everything_is_written_through_a_full_pipe)
{
	pid_t reader;

	make_pattern();
	reader = child_start(read_and_compare, NULL);
	close_end(0);
	ck_assert_int_eq(writen(ends[1], pattern, LARGE), 0);
	close_end(1);
	child_succeeded(reader);
	free(pattern);
}
END_TEST

/* Makes room in a pipe from which nobody else reads; `taken` are the bytes so far. */
static volatile size_t taken;
static volatile sig_atomic_t mismatch;

static void make_some_room(int number)
{
	int saved = errno;
	char piece[10000];
	ssize_t got = 0;

	(void)number;
	interruptions = interruptions + 1;
	if (interruptions % 3 == 0) /* the other two only interrupt */
		got = read(ends[0], piece, sizeof piece);
	if (got > 0 && memcmp(piece, pattern + taken, (size_t)got) != 0)
		mismatch = 1;
	taken = taken + (got > 0 ? (size_t)got : 0);
	errno = saved;
}

START_TEST(everything_is_written_in_spite_of_interruptions)
{
	const size_t size = 256 * 1024;
	size_t still_there;

	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0); /* the handler must not wait */
	make_pattern();
	taken = 0;
	mismatch = 0;
	interruptions = 0;
	interruptions_start(make_some_room, 1);
	ck_assert_int_eq(writen(ends[1], pattern, size), 0);
	interruptions_stop();
	for (still_there = size - taken; still_there > 0; still_there--) {
		char byte;

		ck_assert_int_eq(read(ends[0], &byte, 1), 1);
		ck_assert_int_eq(byte, pattern[size - still_there]);
	}
	ck_assert_int_eq(mismatch, 0);
	free(pattern);
}
END_TEST

START_TEST(writing_to_nobody_fails)
{
	signal(SIGPIPE, SIG_IGN);
	close_end(0);
	ck_assert_int_eq(writen(ends[1], "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	signal(SIGPIPE, SIG_DFL);
}
END_TEST

START_TEST(writing_nothing_succeeds)
{
	ck_assert_int_eq(writen(-1, "", 0), 0);
	ck_assert_int_eq(writen(-1, "x", 1), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

static TCase *writing(void)
{
	TCase *tcase = tcase_create("writen");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_pipe, close_pipe);
	tcase_add_test(tcase, everything_is_written_through_a_full_pipe);
	tcase_add_test(tcase, everything_is_written_in_spite_of_interruptions);
	tcase_add_test(tcase, writing_to_nobody_fails);
	tcase_add_test(tcase, writing_nothing_succeeds);
	return tcase;
}

/* ---- listening and connecting ---- */

static int port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.ss_family == AF_INET6
	        ? ((struct sockaddr_in6 *)&address)->sin6_port
	        : ((struct sockaddr_in *)&address)->sin_port);
}

static int listen_at(const char *address, char port[8])
{
	struct net_failure failure;
	int fd = open_listenfd(address, "0", 16, &failure);

	ck_assert_int_ge(fd, 0);
	snprintf(port, 8, "%d", port_of(fd));
	return fd;
}

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof value;

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &length), 0);
	return value;
}

static void expect_connection(int listener, const char *host, const char *port)
{
	struct net_failure failure;
	int client = open_clientfd(host, port, &failure);
	int server;

	ck_assert_msg(client >= 0, "%s: %s: %s", host, failure.step, net_failure_text(&failure));
	server = accept(listener, NULL, NULL);
	ck_assert_int_ge(server, 0);
	close(server);
	close(client);
}

START_TEST(port_zero_is_any_free_port)
{
	char port[8], other[8];
	int first = listen_at("127.0.0.1", port);
	int second = listen_at("127.0.0.1", other);

	ck_assert_str_ne(port, "0");
	ck_assert_str_ne(port, other);
	expect_connection(first, "127.0.0.1", port);
	close(first);
	close(second);
}
END_TEST

static bool has_ipv6(void)
{
	struct sockaddr_in6 loopback = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

START_TEST(every_address_is_both_families)
{
	char port[8];
	int listener = listen_at("*", port);

	expect_connection(listener, "127.0.0.1", port);
	if (has_ipv6())
		expect_connection(listener, "::1", port);
	close(listener);
}
END_TEST

START_TEST(one_address_is_that_address_only)
{
	struct net_failure failure = { 0 };
	char port[8];
	int listener = listen_at("127.0.0.2", port);

	expect_connection(listener, "127.0.0.2", port);
	ck_assert_int_eq(open_clientfd("127.0.0.1", port, &failure), -1);
	close(listener);
}
END_TEST

START_TEST(every_address_of_a_name_is_tried)
{
	char port[8];
	int listener = listen_at("127.0.0.1", port);

	expect_connection(listener, "localhost", port); /* ::1 comes first, if it comes */
	close(listener);
}
END_TEST

static void expect_keepalive(int fd)
{
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 6);
}

START_TEST(accepted_connections_inherit_the_options)
{
	struct net_failure failure;
	char port[8];
	int listener = listen_at("*", port);
	int client = open_clientfd("127.0.0.1", port, &failure);
	int server = accept(listener, NULL, NULL);

	expect_keepalive(listener);
	expect_keepalive(server);
	ck_assert_int_eq(option_of(listener, SOL_SOCKET, SO_REUSEADDR), 1);
	ck_assert_int_eq(option_of(client, IPPROTO_TCP, TCP_NODELAY), 1);
	close(client);
	close(server);
	close(listener);
}
END_TEST

static int milliseconds_of(int fd, int name)
{
	struct timeval time = { 0 };
	socklen_t size = sizeof time;

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, name, &time, &size), 0);
	return (int)(time.tv_sec * 1000 + time.tv_usec / 1000);
}

/* What is set, and what the kernel's own timeout for a peer that confirms nothing then is. */
static const struct { struct connection_times times; int user_ms; } times[] = {
	{ { 0, 0, 0 }, 0 }, { { 1500, 2000, 0 }, 120000 }, { { 600000, 60000, 0 }, 120000 },
	{ { 4, 60004, 0 }, 120008 }, { { 86400000, 86400000, 0 }, 172800000 },
};

START_TEST(accepted_connections_inherit_the_times)
{
	struct net_failure failure;
	char port[8];
	int listener = listen_at("*", port);
	int client, server;

	ck_assert_int_eq(set_connection_times(listener, &(struct connection_times){ 8, 8, 8 }), 0);
	ck_assert_int_gt(option_of(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
	ck_assert_int_eq(set_connection_times(listener, &times[_i].times), 0);
	ck_assert_int_eq(option_of(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
	client = open_clientfd("127.0.0.1", port, &failure);
	server = accept(listener, NULL, NULL);
	ck_assert_int_ge(server, 0);
	ck_assert_int_eq(milliseconds_of(server, SO_RCVTIMEO), (int)times[_i].times.receive_ms);
	ck_assert_int_eq(milliseconds_of(server, SO_SNDTIMEO), (int)times[_i].times.send_ms);
	ck_assert_int_eq(option_of(server, IPPROTO_TCP, TCP_USER_TIMEOUT), times[_i].user_ms);
	expect_keepalive(server);
	close(client);
	close(server);
	close(listener);
}
END_TEST

START_TEST(what_is_no_socket_has_no_times)
{
	errno = 0;
	ck_assert_int_eq(set_connection_times(-1, &(struct connection_times){ 0 }), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(sockets_block_and_are_not_for_other_programs)
{
	struct net_failure failure;
	char port[8];
	int fds[2];

	fds[0] = listen_at("127.0.0.1", port);
	fds[1] = open_clientfd("127.0.0.1", port, &failure);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		ck_assert_int_eq(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
		close(fds[i]);
	}
}
END_TEST

/* The backlog is the queue's limit, which is in tcpi_sacked of a listener. */
START_TEST(backlog_is_the_limit_of_the_queue)
{
	struct net_failure failure;
	struct tcp_info info;
	socklen_t length = sizeof info;
	int listener = open_listenfd("127.0.0.1", "0", 3, &failure);

	ck_assert_int_eq(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
	ck_assert_uint_eq(info.tcpi_sacked, 3);
	close(listener);
}
END_TEST

static TCase *connecting(void)
{
	TCase *tcase = tcase_create("listening and connecting");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, port_zero_is_any_free_port);
	tcase_add_test(tcase, every_address_is_both_families);
	tcase_add_test(tcase, one_address_is_that_address_only);
	tcase_add_test(tcase, every_address_of_a_name_is_tried);
	tcase_add_test(tcase, accepted_connections_inherit_the_options);
	tcase_add_loop_test(tcase, accepted_connections_inherit_the_times, 0,
	    sizeof times / sizeof times[0]);
	tcase_add_test(tcase, what_is_no_socket_has_no_times);
	tcase_add_test(tcase, sockets_block_and_are_not_for_other_programs);
	tcase_add_test(tcase, backlog_is_the_limit_of_the_queue);
	return tcase;
}

/* ---- failing ---- */

static void expect_failure(int fd, const struct net_failure *failure, const char *step, int error)
{
	ck_assert_int_eq(fd, -1);
	ck_assert_str_eq(failure->step, step);
	ck_assert_int_eq(failure->resolver, 0);
	ck_assert_int_eq(failure->error, error);
	ck_assert_str_eq(net_failure_text(failure), strerror(error));
}

START_TEST(port_that_is_taken_cannot_be_bound)
{
	struct net_failure failure = { 0 };
	char port[8];
	int listener = listen_at("127.0.0.1", port);

	expect_failure(open_listenfd("127.0.0.1", port, 16, &failure), &failure, "bind",
	    EADDRINUSE);
	expect_failure(open_listenfd("*", port, 16, &failure), &failure, "bind", EADDRINUSE);
	close(listener);
}
END_TEST

START_TEST(address_of_another_machine_cannot_be_bound)
{
	struct net_failure failure = { 0 };

	expect_failure(open_listenfd("192.0.2.1", "0", 16, &failure), &failure, "bind",
	    EADDRNOTAVAIL);
}
END_TEST

/* A port that is bound, but not listened on, refuses, and nobody else can take it. */
START_TEST(connection_may_be_refused)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct net_failure failure = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char port[8];

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	snprintf(port, sizeof port, "%d", port_of(fd));
	expect_failure(open_clientfd("127.0.0.1", port, &failure), &failure, "connect",
	    ECONNREFUSED);
	close(fd);
}
END_TEST

static void expect_unresolved(int fd, const struct net_failure *failure)
{
	ck_assert_int_eq(fd, -1);
	ck_assert_str_eq(failure->step, "resolve");
	ck_assert_int_ne(failure->resolver, 0);
	ck_assert_str_eq(net_failure_text(failure), failure->resolver == EAI_SYSTEM
	        ? strerror(failure->error)
	        : gai_strerror(failure->resolver));
}

/* A name that no name server can be asked for: a label has at most 63 characters. */
#define NO_HOST "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid"

START_TEST(unknown_names_cannot_be_resolved)
{
	struct net_failure failure = { 0 };

	expect_unresolved(open_clientfd(NO_HOST, "7", &failure), &failure);
	expect_unresolved(open_listenfd(NO_HOST, "0", 16, &failure), &failure);
	expect_unresolved(open_clientfd("127.0.0.1", "no-such-service", &failure), &failure);
	ck_assert_int_eq(failure.resolver, EAI_SERVICE);
	expect_unresolved(open_listenfd("*", "no-such-service", 16, &failure), &failure);
	ck_assert_int_eq(failure.resolver, EAI_SERVICE);
}
END_TEST

/* What an earlier call left in errno is no part of why a name was not found. */
START_TEST(failure_of_the_resolver_is_no_errno)
{
	struct net_failure failure = { 0 };

	errno = EACCES;
	expect_unresolved(open_clientfd("127.0.0.1", "no-such-service", &failure), &failure);
	ck_assert_int_eq(failure.error, 0);
}
END_TEST

START_TEST(system_error_of_the_resolver_is_an_errno)
{
	struct net_failure failure = { .step = "resolve", .resolver = EAI_SYSTEM,
		.error = EMFILE };

	ck_assert_str_eq(net_failure_text(&failure), strerror(EMFILE));
}
END_TEST

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(failures_leave_nothing_open)
{
	struct net_failure failure;
	char port[8];
	int listener = listen_at("127.0.0.1", port);
	int before = count_descriptors();

	open_listenfd("127.0.0.1", port, 16, &failure);
	open_listenfd("*", port, 16, &failure);
	open_listenfd("192.0.2.1", "0", 16, &failure);
	open_clientfd("127.0.0.2", port, &failure);
	ck_assert_int_eq(count_descriptors(), before);
	close(listener);
}
END_TEST

static TCase *failing(void)
{
	TCase *tcase = tcase_create("failing");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, port_that_is_taken_cannot_be_bound);
	tcase_add_test(tcase, address_of_another_machine_cannot_be_bound);
	tcase_add_test(tcase, connection_may_be_refused);
	tcase_add_test(tcase, unknown_names_cannot_be_resolved);
	tcase_add_test(tcase, failure_of_the_resolver_is_no_errno);
	tcase_add_test(tcase, system_error_of_the_resolver_is_an_errno);
	tcase_add_test(tcase, failures_leave_nothing_open);
	return tcase;
}

/* ---- connecting in a certain way ---- */

static int expect_client(const char *host, const char *port, const struct connecting *how)
{
	struct net_failure failure;
	int client = open_clientfd_as(host, port, how, &failure);

	ck_assert_msg(client >= 0, "%s: %s: %s", host, failure.step, net_failure_text(&failure));
	return client;
}

START_TEST(source_is_what_the_server_sees)
{
	struct connecting how = { .source = "127.0.0.3" };
	struct sockaddr_in peer;
	socklen_t length = sizeof peer;
	char port[8];
	int listener = listen_at("127.0.0.1", port);
	int client = expect_client("127.0.0.1", port, &how);
	int server = accept(listener, (struct sockaddr *)&peer, &length);

	ck_assert_int_ge(server, 0);
	ck_assert_uint_eq(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK + 2);
	close(server);
	close(client);
	close(listener);
}
END_TEST

static const struct { struct connecting how; const char *step; } refused[] = {
	{ { .source = "localhost" }, "source" },
	{ { .source = "" }, "source" },
	{ { .source = "::1", .family = AF_INET }, "source" },
	{ { .source = "192.0.2.1" }, "bind" },
	{ { .source = "::1" }, "resolve" }, /* 127.0.0.1 has no address of that family */
	{ { .family = AF_INET6 }, "resolve" },
};

START_TEST(source_or_family_that_does_not_fit_is_refused)
{
	struct net_failure failure = { 0 };
	char port[8];
	int listener = listen_at("127.0.0.1", port);

	ck_assert_int_eq(open_clientfd_as("127.0.0.1", port, &refused[_i].how, &failure), -1);
	ck_assert_str_eq(failure.step, refused[_i].step);
	ck_assert_int_eq(failure.resolver != 0, strcmp(failure.step, "bind") != 0);
	close(listener);
}
END_TEST

START_TEST(family_chooses_among_the_addresses_of_a_name)
{
	struct connecting how = { .family = AF_INET };
	char port[8];
	int listener = listen_at("127.0.0.1", port);

	close(expect_client("localhost", port, &how));
	close(listener);
}
END_TEST

START_TEST(limited_connection_blocks_like_any_other)
{
	struct connecting how = { .timeout_ms = 10000 };
	char port[8];
	int listener = listen_at("127.0.0.1", port);
	int client = expect_client("127.0.0.1", port, &how);

	ck_assert_int_eq(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(option_of(client, IPPROTO_TCP, TCP_NODELAY), 1);
	close(client);
	close(listener);
}
END_TEST

START_TEST(limited_connection_may_be_refused)
{
	struct connecting how = { .timeout_ms = 10000 };
	struct net_failure failure = { 0 };
	char port[8];
	int bound = open_listenfd("127.0.0.1", "0", -1, &failure);

	snprintf(port, sizeof port, "%d", port_of(bound));
	ck_assert_int_eq(open_clientfd_as("127.0.0.1", port, &how, &failure), -1);
	ck_assert_str_eq(failure.step, "connect");
	ck_assert_int_eq(failure.error, ECONNREFUSED);
	close(bound);
}
END_TEST

static void ignore(int signal_number)
{
	(void)signal_number;
}

/* A queue of length 0 has room for one; then no SYN is answered. Signals do not prolong it. */
START_TEST(nobody_answers_until_the_time_is_up)
{
	struct connecting how = { .timeout_ms = 100 };
	struct net_failure failure = { 0 };
	int before = count_descriptors();
	int listener = open_listenfd("127.0.0.1", "0", 0, &failure);
	char port[8];
	int first;

	snprintf(port, sizeof port, "%d", port_of(listener));
	first = expect_client("127.0.0.1", port, &how);
	interruptions_start(ignore, 30);
	ck_assert_int_eq(open_clientfd_as("127.0.0.1", port, &how, &failure), -1);
	interruptions_stop();
	ck_assert_str_eq(failure.step, "connect");
	ck_assert_int_eq(failure.error, ETIMEDOUT);
	close(first);
	close(listener);
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

static TCase *connecting_as(void)
{
	TCase *tcase = tcase_create("connecting in a certain way");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, source_is_what_the_server_sees);
	tcase_add_loop_test(tcase, source_or_family_that_does_not_fit_is_refused, 0,
	    sizeof refused / sizeof refused[0]);
	tcase_add_test(tcase, family_chooses_among_the_addresses_of_a_name);
	tcase_add_test(tcase, limited_connection_blocks_like_any_other);
	tcase_add_test(tcase, limited_connection_may_be_refused);
	tcase_add_test(tcase, nobody_answers_until_the_time_is_up);
	return tcase;
}

/* ---- address_text ---- */

static const struct { const char *address; const char *text; } six[] = {
	{ "2001:db8::1", "[2001:db8::1]:7" },
	{ "::", "[::]:7" },
	{ "::ffff:192.0.2.1", "192.0.2.1:7" },
	{ "::ffff:0.0.0.0", "0.0.0.0:7" },
	{ "2001:db8:1111:2222:3333:4444:5555:6666",
	  "[2001:db8:1111:2222:3333:4444:5555:6666]:7" },
};

START_TEST(ipv6_address_is_in_brackets_and_a_mapped_one_is_ipv4)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
	char text[ADDRESS_TEXT_MAX];

	ck_assert_int_eq(inet_pton(AF_INET6, six[_i].address, &address.sin6_addr), 1);
	ck_assert_ptr_eq(address_text((struct sockaddr *)&address, sizeof address, text), text);
	ck_assert_str_eq(text, six[_i].text);
}
END_TEST

/* The interface's name would need a socket, for which a worker's sandbox has no room. */
START_TEST(link_local_address_has_its_interface_by_number)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(7),
		.sin6_scope_id = 1 };
	char text[ADDRESS_TEXT_MAX];

	ck_assert_int_eq(inet_pton(AF_INET6, "fe80::1", &address.sin6_addr), 1);
	address_text((struct sockaddr *)&address, sizeof address, text);
	ck_assert_str_eq(text, "[fe80::1%1]:7");
}
END_TEST

START_TEST(ipv4_address_has_its_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(65535) };
	char text[ADDRESS_TEXT_MAX];

	ck_assert_int_eq(inet_pton(AF_INET, "255.255.255.255", &address.sin_addr), 1);
	address_text((struct sockaddr *)&address, sizeof address, text);
	ck_assert_str_eq(text, "255.255.255.255:65535");
}
END_TEST

START_TEST(garbage_is_an_unknown_address)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	char text[ADDRESS_TEXT_MAX];

	address_text((struct sockaddr *)&address, 8, text); /* cut short */
	ck_assert_str_eq(text, "unknown address");
	address.sin6_family = 0x7fff;
	address_text((struct sockaddr *)&address, sizeof address, text);
	ck_assert_str_eq(text, "unknown address");
	address.sin6_family = AF_UNSPEC;
	address_text((struct sockaddr *)&address, sizeof address, text);
	ck_assert_str_eq(text, "unknown address");
}
END_TEST

static TCase *addresses(void)
{
	TCase *tcase = tcase_create("address_text");

	tcase_add_loop_test(tcase, ipv6_address_is_in_brackets_and_a_mapped_one_is_ipv4, 0,
	    sizeof six / sizeof six[0]);
	tcase_add_test(tcase, link_local_address_has_its_interface_by_number);
	tcase_add_test(tcase, ipv4_address_has_its_port);
	tcase_add_test(tcase, garbage_is_an_unknown_address);
	return tcase;
}

Suite *nethelp_suite(void)
{
	Suite *suite = suite_create("nethelp");

	suite_add_tcase(suite, reading());
	suite_add_tcase(suite, writing());
	suite_add_tcase(suite, connecting());
	suite_add_tcase(suite, failing());
	suite_add_tcase(suite, connecting_as());
	suite_add_tcase(suite, addresses());
	return suite;
}
