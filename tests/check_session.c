/* SPDX-License-Identifier: ISC */
/* A session from accept to its end, the echo over it, and the orderly close after it. */
#include "tests/suites.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/logchannel.h"
#include "common/nethelp.h"
#include "worker/accepting.h"
#include "worker/echo.h"
#include "worker/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ---- accept_classify ---- */

/* What the list in accept(2) calls an error of the new connection, and the others by name. */
static enum accept_error expected_class(int error)
{
	static const int again[] = { EINTR, ECONNABORTED, ENETDOWN, EPROTO, ENOPROTOOPT,
		EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH };

	for (size_t i = 0; i < sizeof again / sizeof again[0]; i++)
		if (error == again[i])
			return ACCEPT_AGAIN;
	if (error == EBADF || error == EINVAL || error == ENOTSOCK)
		return ACCEPT_FATAL;
	if (error == EPERM)
		return ACCEPT_REFUSED;
	return error == EAGAIN || error == EWOULDBLOCK ? ACCEPT_EMPTY : ACCEPT_PAUSE;
}

START_TEST(every_errno_has_its_class)
{
	for (int error = 1; error < 200; error++)
		ck_assert_msg(accept_classify(error) == expected_class(error), "errno %d", error);
	ck_assert_int_eq(accept_classify(EMFILE), ACCEPT_PAUSE);
	ck_assert_int_eq(accept_classify(ENFILE), ACCEPT_PAUSE);
	ck_assert_int_eq(accept_classify(ENOBUFS), ACCEPT_PAUSE);
	ck_assert_int_eq(accept_classify(ENOMEM), ACCEPT_PAUSE);
}
END_TEST

/* ---- sessions ---- */

static int client;                    /* the other end of the session's socket */
static struct board_slot slot;
static volatile sig_atomic_t ending;
static struct limits limits;
static struct rate_limit cut_lines = RATE_LIMIT(1, 1000);
static struct session session;
static char session_buffer[64 * 1024];

static void begin_session(int fd)
{
	session = (struct session){ .fd = fd, .buffer = session_buffer,
		.buffer_size = sizeof session_buffer, .slot = &slot, .cut_lines = &cut_lines,
		.ending = &ending, .limits = &limits };
	limits = (struct limits){ 0 };
	board_clear(&slot);
	ending = 0;
}

static void connect_locally(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	client = fds[0];
	begin_session(fds[1]);
}

/* Over TCP, where connections can be reset. */
static void connect_over_tcp(void)
{
	struct net_failure failure;
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	int listener = open_listenfd("127.0.0.1", "0", 1, &failure);
	char port[8];

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
	client = open_clientfd("127.0.0.1", port, &failure);
	ck_assert_int_ge(client, 0);
	begin_session(accept(listener, NULL, NULL));
	ck_assert_int_ge(session.fd, 0);
	close(listener);
}

static void close_client(void)
{
	if (client >= 0)
		close(client);
	client = -1;
}

static void disconnect(void)
{
	close_client();
	if (session.fd >= 0)
		close(session.fd);
}

/* Has the other end's close(2) send a reset. */
static void reset_by_client(void)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	close_client();
}

static void client_sends(const char *text)
{
	ck_assert_int_eq(writen(client, text, strlen(text)), 0);
}

/* What the client has got by now. */
static const char *client_has(void)
{
	static char text[65536];
	ssize_t got = recv(client, text, sizeof text - 1, MSG_DONTWAIT);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

START_TEST(echo_returns_everything_after_the_client_closed_its_side)
{
	client_sends("hello ");
	client_sends("world\n");
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_CLOSED);
	ck_assert_str_eq(client_has(), "hello world\n");
	ck_assert_uint_eq(session.bytes_in, 12);
	ck_assert_uint_eq(session.bytes_out, 12);
	ck_assert_uint_eq(slot.bytes_in, 12);
	ck_assert_uint_eq(slot.bytes_out, 12);
	ck_assert_int_ge(fcntl(session.fd, F_GETFD), 0); /* it stays open */
}
END_TEST

START_TEST(client_that_says_nothing_is_served_too)
{
	close_client();
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_CLOSED);
	ck_assert_uint_eq(session.bytes_in + session.bytes_out, 0);
}
END_TEST

START_TEST(bytes_are_handed_out_as_they_fit)
{
	char buffer[4];

	client_sends("abcdef");
	ck_assert_int_eq(session_receive(&session, buffer, 4), 4);
	ck_assert_mem_eq(buffer, "abcd", 4);
	ck_assert_int_eq(session_receive(&session, buffer, 4), 2);
	ck_assert_mem_eq(buffer, "ef", 2);
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	ck_assert_int_eq(session_receive(&session, buffer, 4), 0);
	ck_assert_int_eq(session.end, SESSION_CLOSED);
}
END_TEST

#define LARGE (8 * 1024 * 1024)

static char *pattern;

static int send_pattern(void *unused)
{
	(void)unused;
	close(session.fd);
	return writen(client, pattern, LARGE) < 0 || shutdown(client, SHUT_WR) < 0;
}

static int receive_pattern(void *unused)
{
	static char piece[40000];
	size_t done = 0;
	ssize_t got;

	(void)unused;
	close(session.fd);
	while ((got = read(client, piece, sizeof piece)) > 0) {
		if (done + (size_t)got > LARGE || memcmp(piece, pattern + done, (size_t)got) != 0)
			return 1;
		done += (size_t)got;
	}
	return got == 0 && done == LARGE ? 0 : 2;
}

START_TEST(eight_megabytes_come_back_after_a_half_close)
{
	pid_t sender;
	pid_t receiver;

	pattern = malloc(LARGE);
	ck_assert_ptr_nonnull(pattern);
	pattern_fill(pattern, LARGE);
	sender = child_start(send_pattern, NULL);
	receiver = child_start(receive_pattern, NULL);
	close_client();
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_CLOSED);
	ck_assert_uint_eq(session.bytes_out, LARGE);
	ck_assert_uint_eq(slot.bytes_in, LARGE);
	close(session.fd);
	session.fd = -1;
	child_succeeded(sender);
	child_succeeded(receiver);
	free(pattern);
}
END_TEST

static volatile sig_atomic_t interruptions;

/* The client speaks after a few interruptions, and then is done. */
static void speak_at_last(int number)
{
	int saved = errno;

	(void)number;
	interruptions = interruptions + 1;
	if (interruptions == 5 && write(client, "at last", 7) == 7)
		shutdown(client, SHUT_WR);
	errno = saved;
}

START_TEST(interruptions_do_not_end_a_session)
{
	interruptions = 0;
	interruptions_start(speak_at_last, 1);
	echo_serve(&session);
	interruptions_stop();
	ck_assert_int_eq(session.end, SESSION_CLOSED);
	ck_assert_str_eq(client_has(), "at last");
	ck_assert_int_ge(interruptions, 5);
}
END_TEST

static volatile size_t taken; /* by the client, so far */
static volatile sig_atomic_t mismatch;

/* The client reads a little, but two of three interruptions only interrupt. */
static void read_a_little(int number)
{
	int saved = errno;
	char piece[10000];
	ssize_t got = 0;

	(void)number;
	interruptions = interruptions + 1;
	if (interruptions % 3 == 0)
		got = recv(client, piece, sizeof piece, MSG_DONTWAIT);
	if (got > 0 && memcmp(piece, pattern + taken, (size_t)got) != 0)
		mismatch = 1;
	taken = taken + (got > 0 ? (size_t)got : 0);
	errno = saved;
}

START_TEST(short_writes_lose_nothing)
{
	const size_t size = 512 * 1024;
	char byte;

	pattern = malloc(size);
	ck_assert_ptr_nonnull(pattern);
	pattern_fill(pattern, size);
	taken = 0;
	mismatch = 0;
	interruptions_start(read_a_little, 1);
	ck_assert_int_eq(session_send(&session, pattern, size), 0);
	interruptions_stop();
	ck_assert_uint_eq(session.bytes_out, size);
	for (; taken < size; taken = taken + 1) {
		ck_assert_int_eq(recv(client, &byte, 1, MSG_DONTWAIT), 1);
		ck_assert_int_eq(byte, pattern[taken]);
	}
	ck_assert_int_eq(recv(client, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(mismatch, 0);
	free(pattern);
}
END_TEST

START_TEST(bytes_are_logged_for_whoever_debugs)
{
	struct log_record record;
	char buffer[16];
	pid_t sender;
	int ends[2];

	ck_assert_int_eq(log_channel_open(ends), 0);
	log_to_channel(ends[1]);
	client_sends("12345");
	session_receive(&session, buffer, sizeof buffer);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 0);
	log_threshold = LOG_DEBUG;
	client_sends("123456");
	session_receive(&session, buffer, sizeof buffer);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_str_eq(record.text, "server received 6 bytes");
	log_threshold = LOG_INFO;
	log_to_channel(-1);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static void add_serving(TCase *tcase)
{
	tcase_add_test(tcase, echo_returns_everything_after_the_client_closed_its_side);
	tcase_add_test(tcase, client_that_says_nothing_is_served_too);
	tcase_add_test(tcase, bytes_are_handed_out_as_they_fit);
	tcase_add_test(tcase, eight_megabytes_come_back_after_a_half_close);
	tcase_add_test(tcase, interruptions_do_not_end_a_session);
	tcase_add_test(tcase, short_writes_lose_nothing);
	tcase_add_test(tcase, bytes_are_logged_for_whoever_debugs);
}

/* ---- sessions that the server ends ---- */

START_TEST(what_had_arrived_is_served)
{
	client_sends("in time");
	ending = 1;
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_ENDED);
	ck_assert_str_eq(client_has(), "in time");
	ck_assert_int_ge(fcntl(session.fd, F_GETFD), 0);
}
END_TEST

START_TEST(silent_client_is_not_waited_for)
{
	ending = 1;
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_ENDED);
	ck_assert_uint_eq(session.bytes_in, 0);
}
END_TEST

/* The client speaks, and in the same moment the server wants to end. */
static void speak_and_end(int number)
{
	int saved = errno;

	(void)number;
	interruptions = interruptions + 1;
	if (interruptions == 3 && write(client, "just in time", 12) == 12)
		ending = 1;
	errno = saved;
}

START_TEST(end_reaches_a_session_that_waits)
{
	interruptions = 0;
	interruptions_start(speak_and_end, 1);
	echo_serve(&session);
	interruptions_stop();
	ck_assert_int_eq(session.end, SESSION_ENDED);
	ck_assert_str_eq(client_has(), "just in time");
}
END_TEST

static void only_end(int number)
{
	(void)number;
	ending = 1;
}

START_TEST(end_reaches_a_session_whose_client_is_silent)
{
	interruptions_start(only_end, 1);
	echo_serve(&session);
	interruptions_stop();
	ck_assert_int_eq(session.end, SESSION_ENDED);
}
END_TEST

/* A receive timeout, as "end now" sets it, cuts a wait short and is no error. */
START_TEST(end_that_comes_as_a_timeout_is_no_error)
{
	struct timeval soon = { .tv_usec = 1000 };

	ck_assert_int_eq(setsockopt(session.fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
	interruptions_start(only_end, 100); /* after many timeouts */
	echo_serve(&session);
	interruptions_stop();
	ck_assert_int_eq(session.end, SESSION_ENDED);
}
END_TEST

START_TEST(client_that_never_stops_is_cut_off)
{
	char buffer[1000];

	client_sends("0123456789");
	ending = 1;
	ck_assert_int_eq(session_receive(&session, buffer, 6), 6);
	client_sends("too late, and far more than there was");
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 4);
	ck_assert_mem_eq(buffer, "6789", 4);
	client_sends("still there");
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 0);
	ck_assert_int_eq(session.end, SESSION_ENDED);
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 0);
	ck_assert_uint_eq(session.bytes_in, 10);
}
END_TEST

static int send_without_end(void *unused)
{
	static char junk[8192];

	(void)unused;
	close(session.fd);
	while (send(client, junk, sizeof junk, MSG_NOSIGNAL) > 0)
		recv(client, junk, sizeof junk, MSG_DONTWAIT);
	return 0;
}

static void end_after_some(int number)
{
	(void)number;
	if (session.bytes_in > 100000)
		ending = 1;
}

START_TEST(client_that_sends_without_end_does_not_keep_the_session)
{
	pid_t sender = child_start(send_without_end, NULL);

	close_client();
	interruptions_start(end_after_some, 1);
	echo_serve(&session);
	interruptions_stop();
	/* The last echo may find a client that is busy sending, but none that is gone. */
	ck_assert_int_eq(session.end, SESSION_ENDED);
	ck_assert_uint_gt(session.bytes_in, 100000);
	close(session.fd);
	session.fd = -1;
	child_succeeded(sender);
}
END_TEST

/* More than both ends have room for, which the kernel may make as large as 4 and 6 MiB (tcp(7)). */
static char much[16 * 1024 * 1024];

START_TEST(client_that_does_not_read_does_not_keep_the_session)
{
	struct timeval soon = { .tv_usec = 1000 };

	ck_assert_int_eq(setsockopt(session.fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon), 0);
	ending = 1;
	ck_assert_int_eq(session_send(&session, much, sizeof much), -1);
	ck_assert_int_eq(session.end, SESSION_ENDED);
	ck_assert_uint_gt(session.bytes_out, 0);
	ck_assert_uint_lt(session.bytes_out, sizeof much);
	ck_assert_uint_eq(slot.bytes_out, session.bytes_out);
}
END_TEST

static void add_ending(TCase *tcase)
{
	tcase_add_test(tcase, what_had_arrived_is_served);
	tcase_add_test(tcase, silent_client_is_not_waited_for);
	tcase_add_test(tcase, end_reaches_a_session_that_waits);
	tcase_add_test(tcase, end_reaches_a_session_whose_client_is_silent);
	tcase_add_test(tcase, end_that_comes_as_a_timeout_is_no_error);
	tcase_add_test(tcase, client_that_never_stops_is_cut_off);
	tcase_add_test(tcase, client_that_sends_without_end_does_not_keep_the_session);
	tcase_add_test(tcase, client_that_does_not_read_does_not_keep_the_session);
}

/* ---- sessions at a limit ---- */

static void wait_at_most(int option, int ms)
{
	struct timeval time = { .tv_usec = ms * 1000 };

	ck_assert_int_eq(setsockopt(session.fd, SOL_SOCKET, option, &time, sizeof time), 0);
}

START_TEST(session_has_exactly_its_bytes)
{
	char buffer[100];

	limits.session_bytes = 10;
	client_sends("012345678");
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 9);
	client_sends("9abc");
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 1);
	ck_assert_int_eq(buffer[0], '9');
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 0);
	ck_assert_int_eq(session.end, SESSION_LARGE);
	ck_assert_uint_eq(session.bytes_in, 10);
}
END_TEST

START_TEST(client_that_closes_before_its_last_byte_has_closed)
{
	limits.session_bytes = 10;
	client_sends("012345678");
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_CLOSED);
	ck_assert_str_eq(client_has(), "012345678");
}
END_TEST

START_TEST(silence_ends_a_session_that_has_a_limit)
{
	limits.idle_ms = 20;
	wait_at_most(SO_RCVTIMEO, 20);
	client_sends("hello");
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_SILENT);
	ck_assert_str_eq(client_has(), "hello");
}
END_TEST

START_TEST(shorter_wait_from_before_a_reload_is_not_taken_for_the_limit)
{
	int64_t began = clock_ms();

	limits.idle_ms = 300;
	wait_at_most(SO_RCVTIMEO, 20);
	client_sends("hello");
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_SILENT);
	ck_assert_int_ge(clock_ms() - began, 300);
}
END_TEST

START_TEST(first_byte_has_a_limit_of_its_own)
{
	struct timeval time;
	socklen_t size = sizeof time;
	char buffer[10];

	limits = (struct limits){ .idle_ms = 61500, .first_byte_ms = 20 };
	wait_at_most(SO_RCVTIMEO, 20);
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 0);
	ck_assert_int_eq(session.end, SESSION_SILENT);
	client_sends("hello");
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), 5);
	ck_assert_int_eq(getsockopt(session.fd, SOL_SOCKET, SO_RCVTIMEO, &time, &size), 0);
	ck_assert_int_eq(time.tv_sec, 61);
	ck_assert_int_eq(time.tv_usec, 500000);
}
END_TEST

START_TEST(client_that_does_not_read_is_over_its_limit)
{
	limits.write_ms = 1;
	wait_at_most(SO_SNDTIMEO, 1);
	ck_assert_int_eq(session_send(&session, much, sizeof much), -1);
	ck_assert_int_eq(session.end, SESSION_UNREAD);
}
END_TEST

#define SLOWLY_READ (2 * 1024 * 1024)

/* 4 KiB at a time, with pauses in the first two seconds. */
static int read_slowly(void *unused)
{
	static char piece[4096];
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t end = clock_ms() + 2000;
	size_t done = 0;
	ssize_t got;

	(void)unused;
	close(session.fd);
	while ((got = read(client, piece, sizeof piece)) > 0) {
		done += (size_t)got;
		if (clock_ms() < end)
			nanosleep(&pause, NULL);
	}
	return got == 0 && done == SLOWLY_READ ? 0 : 1;
}

/* A send finds room only when a third is taken, and that takes longer than the limit. */
START_TEST(client_that_reads_all_the_while_is_within_its_limit)
{
	static const char piece[1024];
	int room = 1024 * 1024;
	int little = 65536;
	pid_t reader;

	ck_assert_int_eq(setsockopt(session.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
	ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
	limits.write_ms = 250;
	wait_at_most(SO_SNDTIMEO, 250);
	reader = child_start(read_slowly, NULL);
	close_client();
	for (int i = 0; i < SLOWLY_READ / 1024; i++)
		ck_assert_int_eq(session_send(&session, piece, sizeof piece), 0);
	close(session.fd);
	session.fd = -1;
	child_succeeded(reader);
}
END_TEST

START_TEST(end_now_is_not_taken_for_silence)
{
	limits = (struct limits){ .idle_ms = 1, .first_byte_ms = 1, .session_bytes = 100 };
	ending = 1;
	client_sends("in time");
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_ENDED);
	ck_assert_str_eq(client_has(), "in time");
}
END_TEST

START_TEST(sessions_at_a_limit_are_counted)
{
	log_threshold = LOG_WARNING;
	session_begin(&session);
	session.end = SESSION_CLOSED;
	session_finish(&session);
	ck_assert_uint_eq(slot.cut, 0);
	for (int end = SESSION_SILENT; end <= SESSION_LARGE; end++) {
		session.end = (enum session_end)end;
		session_finish(&session);
	}
	log_threshold = LOG_INFO;
	ck_assert_uint_eq(slot.cut, 4);
	ck_assert_uint_eq(slot.completed, 5);
}
END_TEST

static void add_limits(TCase *tcase)
{
	tcase_add_test(tcase, session_has_exactly_its_bytes);
	tcase_add_test(tcase, client_that_closes_before_its_last_byte_has_closed);
	tcase_add_test(tcase, silence_ends_a_session_that_has_a_limit);
	tcase_add_test(tcase, shorter_wait_from_before_a_reload_is_not_taken_for_the_limit);
	tcase_add_test(tcase, first_byte_has_a_limit_of_its_own);
	tcase_add_test(tcase, client_that_does_not_read_is_over_its_limit);
	tcase_add_test(tcase, end_now_is_not_taken_for_silence);
	tcase_add_test(tcase, sessions_at_a_limit_are_counted);
}

/* ---- sessions that break ---- */

START_TEST(reset_while_receiving_breaks_the_session)
{
	char buffer[16];

	reset_by_client();
	ck_assert_int_eq(session_receive(&session, buffer, sizeof buffer), -1);
	ck_assert_int_eq(session.end, SESSION_BROKEN);
	ck_assert_int_eq(session.error, ECONNRESET);
}
END_TEST

START_TEST(reset_while_echoing_breaks_the_session)
{
	client_sends("hello");
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	reset_by_client();
	echo_serve(&session);
	ck_assert_int_eq(session.end, SESSION_BROKEN);
	ck_assert(session.error == ECONNRESET || session.error == EPIPE);
	ck_assert_uint_eq(session.bytes_out, 0);
}
END_TEST

START_TEST(sending_to_a_client_that_is_gone_breaks_the_session)
{
	close_client();
	ck_assert_int_eq(session_send(&session, "x", 1), -1); /* and no SIGPIPE */
	ck_assert_int_eq(session.end, SESSION_BROKEN);
	ck_assert_int_eq(session.error, EPIPE);
}
END_TEST

static TCase *accepting(void)
{
	TCase *tcase = tcase_create("accepting");

	tcase_add_test(tcase, every_errno_has_its_class);
	return tcase;
}

static TCase *local(void)
{
	TCase *tcase = tcase_create("over a socket pair");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, connect_locally, disconnect);
	add_serving(tcase);
	add_ending(tcase);
	add_limits(tcase);
	tcase_add_test(tcase, sending_to_a_client_that_is_gone_breaks_the_session);
	return tcase;
}

static TCase *tcp(void)
{
	TCase *tcase = tcase_create("over TCP");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, connect_over_tcp, disconnect);
	tcase_add_test(tcase, eight_megabytes_come_back_after_a_half_close);
	add_ending(tcase);
	tcase_add_test(tcase, client_that_reads_all_the_while_is_within_its_limit);
	tcase_add_test(tcase, reset_while_receiving_breaks_the_session);
	tcase_add_test(tcase, reset_while_echoing_breaks_the_session);
	return tcase;
}

/* ---- the orderly close ---- */

static struct linger_list lingering;

static void begin_lingering(void)
{
	lingering = (struct linger_list){ 0 };
	connect_over_tcp();
}

static bool never(void)
{
	return false;
}

/* Hands the session's socket over. */
static void linger(void)
{
	linger_add(&lingering, session.fd);
	session.fd = -1;
}

/* Closes when it sees that the server did. */
static int close_after_server(void *unused)
{
	char byte;

	(void)unused;
	return read(client, &byte, 1) == 0 ? 0 : 1;
}

START_TEST(client_that_closes_is_not_waited_for_any_longer)
{
	int64_t began = clock_ms();
	int fd = session.fd;
	pid_t pid;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	pid = child_start(close_after_server, NULL);
	close_client();
	linger();
	linger_finish(&lingering, 50000, never);
	ck_assert_int_lt(clock_ms() - began, 20000);
	ck_assert_uint_eq(lingering.count, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1); /* closed */
	child_succeeded(pid);
}
END_TEST

START_TEST(silent_client_is_waited_for_until_the_deadline)
{
	int64_t began = clock_ms();

	linger();
	linger_finish(&lingering, 100, never);
	ck_assert_int_ge(clock_ms() - began, 100);
	ck_assert_int_lt(clock_ms() - began, 20000);
	ck_assert_uint_eq(lingering.count, 0);
}
END_TEST

static volatile sig_atomic_t master_is_dead;

static void kill_master(int number)
{
	(void)number;
	master_is_dead = 1;
}

static bool master_has_died(void)
{
	return master_is_dead;
}

START_TEST(orphan_waits_no_longer_than_it_may_from_its_master_s_death_on)
{
	int64_t began = clock_ms();

	linger();
	interruptions_start(kill_master, 100);
	linger_finish(&lingering, 50000, master_has_died);
	interruptions_stop();
	ck_assert_int_ge(clock_ms() - began, 100 + LINGER_ORPHAN_MS);
	ck_assert_int_lt(clock_ms() - began, 20000);
	ck_assert_uint_eq(lingering.count, 0);
}
END_TEST

START_TEST(client_that_sends_without_end_moves_no_deadline)
{
	int64_t began = clock_ms();
	pid_t sender = child_start(send_without_end, NULL);

	close_client();
	linger();
	linger_finish(&lingering, 200, never);
	ck_assert_int_ge(clock_ms() - began, 200);
	ck_assert_int_lt(clock_ms() - began, 20000);
	child_succeeded(sender); /* its connection was reset */
}
END_TEST

START_TEST(nobody_is_not_waited_for)
{
	int64_t began = clock_ms();

	linger_finish(&lingering, 50000, never);
	ck_assert_int_lt(clock_ms() - began, 20000);
}
END_TEST

#define ECHOED 65536

/* Goes on sending for a while, and only then reads what it was sent. */
static int send_much_then_read(void *unused)
{
	static char bytes[ECHOED];
	size_t done = 0;
	ssize_t got;

	(void)unused;
	close(session.fd);
	for (int i = 0; i < 64; i++)
		if (writen(client, bytes, sizeof bytes) < 0)
			return 1;
	while ((got = read(client, bytes, sizeof bytes)) > 0)
		done += (size_t)got;
	return got == 0 && done == ECHOED ? 0 : 2;
}

START_TEST(client_that_goes_on_sending_can_read_all_that_was_echoed)
{
	static const char echoed[ECHOED];
	pid_t pid = child_start(send_much_then_read, NULL);

	close_client();
	ck_assert_int_eq(session_send(&session, echoed, sizeof echoed), 0);
	linger();
	linger_finish(&lingering, 50000, never);
	child_succeeded(pid);
}
END_TEST

static int clients[LINGER_MAX + 1];

/* Puts as many connections into the list as there are `clients`. */
static void linger_with_all_clients(void)
{
	for (int i = 0; i <= LINGER_MAX; i++) {
		int fds[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		clients[i] = fds[0];
		linger_add(&lingering, fds[1]);
	}
}

START_TEST(full_list_lets_go_of_the_oldest)
{
	linger_with_all_clients();
	ck_assert_uint_eq(lingering.count, LINGER_MAX);
	ck_assert_int_eq(send(clients[0], "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(errno, EPIPE);
	for (int i = 1; i <= LINGER_MAX; i++) {
		char byte;

		ck_assert_int_eq(send(clients[i], "x", 1, MSG_NOSIGNAL), 1);
		ck_assert_int_eq(recv(clients[i], &byte, 1, MSG_DONTWAIT), 0); /* nothing more */
	}
	for (int i = 0; i <= LINGER_MAX; i++)
		close(clients[i]);
	linger_finish(&lingering, 50000, never);
	ck_assert_uint_eq(lingering.count, 0);
}
END_TEST

START_TEST(silent_client_does_not_use_up_the_time_of_others)
{
	pid_t pid = child_start(close_after_server, NULL);
	int fds[2];

	close_client();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	linger_add(&lingering, fds[1]); /* silent, and the first in the list */
	linger();
	linger_finish(&lingering, 300, never);
	ck_assert_int_eq(send(fds[0], "x", 1, MSG_NOSIGNAL), -1);
	close(fds[0]);
	child_succeeded(pid);
}
END_TEST

START_TEST(sweeping_does_not_wait)
{
	int64_t began = clock_ms();

	linger();
	linger_sweep(&lingering);
	ck_assert_uint_eq(lingering.count, 1);
	ck_assert_int_lt(clock_ms() - began, LINGER_MS);
	close_client();
	linger_sweep(&lingering);
	ck_assert_uint_eq(lingering.count, 0);
}
END_TEST

START_TEST(sweeping_closes_those_whose_time_is_over)
{
	linger_with_all_clients();
	lingering.due[5] = lingering.due[250] = clock_ms();
	linger_sweep(&lingering);
	ck_assert_uint_eq(lingering.count, LINGER_MAX - 2);
	ck_assert_int_eq(send(clients[6], "x", 1, MSG_NOSIGNAL), -1); /* the first one was dropped */
	ck_assert_int_eq(send(clients[251], "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(send(clients[7], "x", 1, MSG_NOSIGNAL), 1);
	for (int i = 0; i <= LINGER_MAX; i++)
		close(clients[i]);
	linger_sweep(&lingering);
	linger_sweep(&lingering);
	ck_assert_uint_eq(lingering.count, 0);
}
END_TEST

static TCase *orderly_close(void)
{
	TCase *tcase = tcase_create("orderly close");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, begin_lingering, disconnect);
	tcase_add_test(tcase, client_that_closes_is_not_waited_for_any_longer);
	tcase_add_test(tcase, silent_client_is_waited_for_until_the_deadline);
	tcase_add_test(tcase, orphan_waits_no_longer_than_it_may_from_its_master_s_death_on);
	tcase_add_test(tcase, client_that_sends_without_end_moves_no_deadline);
	tcase_add_test(tcase, nobody_is_not_waited_for);
	tcase_add_test(tcase, client_that_goes_on_sending_can_read_all_that_was_echoed);
	tcase_add_test(tcase, full_list_lets_go_of_the_oldest);
	tcase_add_test(tcase, sweeping_does_not_wait);
	tcase_add_test(tcase, sweeping_closes_those_whose_time_is_over);
	tcase_add_test(tcase, silent_client_does_not_use_up_the_time_of_others);
	return tcase;
}

Suite *session_suite(void)
{
	Suite *suite = suite_create("session");

	suite_add_tcase(suite, accepting());
	suite_add_tcase(suite, local());
	suite_add_tcase(suite, tcp());
	suite_add_tcase(suite, orderly_close());
	return suite;
}
