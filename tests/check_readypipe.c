/* SPDX-License-Identifier: ISC */
/* The ready pipe: every message arrives whole, and the master never waits for one. */
#include "tests/suites.h"

#include "common/readypipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

/* More than fits into a pipe, so that senders have to wait. */
#define MANY 20000
#define SENDERS 3

/* As random as those of workers. */
#define TOKEN UINT64_C(0x9c41d2e85fb37a16)

static int ends[2];

static void open_pipe(void)
{
	ready_pipe_set_token(TOKEN);
	ck_assert_int_eq(ready_pipe_open(ends), 0);
}

static void close_pipe(void)
{
	close(ends[0]);
	close(ends[1]);
}

START_TEST(message_names_its_sender_and_kind)
{
	struct ready_message message;

	ck_assert_int_eq(ready_pipe_send(ends[1], READY_TO_ACCEPT), 0);
	ck_assert_int_eq(ready_pipe_send(ends[1], READY_ASKS_TO_LEAVE), 0);
	ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 1);
	ck_assert_uint_eq(message.token, TOKEN);
	ck_assert_int_eq(message.pid, getpid());
	ck_assert_uint_eq(message.kind, READY_TO_ACCEPT);
	ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 1);
	ck_assert_uint_eq(message.kind, READY_ASKS_TO_LEAVE);
	ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 0);
}
END_TEST

START_TEST(receiving_never_waits)
{
	struct ready_message message;

	ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 0);
	close(ends[1]);
	ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 0);
	ends[1] = -1;
}
END_TEST

START_TEST(ends_are_not_for_other_programs)
{
	for (int end = 0; end < 2; end++)
		ck_assert_int_eq(fcntl(ends[end], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(sending_to_nobody_fails)
{
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	ends[0] = -1;
	ck_assert_int_eq(ready_pipe_send(ends[1], READY_TO_ACCEPT), -1);
	ck_assert_int_eq(errno, EPIPE);
	signal(SIGPIPE, SIG_DFL);
}
END_TEST

/* One that nobody reads is filled, and then not waited for. */
START_TEST(mentioning_never_waits)
{
	struct ready_message message;
	unsigned count = 0;

	for (int i = 0; i < MANY; i++)
		ready_pipe_mention(ends[1], READY_WATCH);
	while (ready_pipe_receive(ends[0], &message)) {
		ck_assert_uint_eq(message.kind, READY_WATCH);
		count++;
	}
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_lt(count, MANY);
	ready_pipe_mention(ends[1], READY_WATCH);
	ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 1);
}
END_TEST

/* Receives as often as that says there is something to receive; returns how many messages came. */
static unsigned receive_waiting(void)
{
	struct ready_message message;
	unsigned came = 0;

	for (unsigned left = ready_pipe_waiting(ends[0]); left > 0; left--)
		came += ready_pipe_receive(ends[0], &message) > 0;
	return came;
}

START_TEST(all_that_waits_can_be_known_before)
{
	unsigned sent = 0;

	ck_assert_uint_eq(ready_pipe_waiting(ends[0]), 0);
	for (struct pollfd writable = { .fd = ends[1], .events = POLLOUT };
	     poll(&writable, 1, 0) == 1; sent++)
		ck_assert_int_eq(ready_pipe_send(ends[1], READY_WATCH), 0);
	ck_assert_uint_gt(sent, 1024);
	ck_assert_uint_eq(receive_waiting(), sent);
	ck_assert_uint_eq(ready_pipe_waiting(ends[0]), 0);
}
END_TEST

/* Parts of messages, and more than are skipped in one go: then the next one may be lost with them. */
START_TEST(what_is_no_message_leaves_nothing_waiting)
{
	static const char zeros[1000];

	for (size_t size = 1; size < sizeof zeros; size += 37) {
		ck_assert_int_eq(write(ends[1], zeros, size), (ssize_t)size);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(ready_pipe_send(ends[1], READY_WATCH), 0);
		ck_assert_uint_ge(receive_waiting(), 2);
		ck_assert_uint_eq(ready_pipe_waiting(ends[0]), 0);
	}
}
END_TEST

/* The messages of one sender take turns in it. */
static enum ready_kind kind_of(uint32_t number)
{
	return (enum ready_kind)(READY_TO_ACCEPT + number % READY_SERVED_ENOUGH);
}

static int send_many(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < MANY; i++)
		if (ready_pipe_send(ends[1], kind_of(i)) < 0)
			return 1;
	return 0;
}

static unsigned number_of(const pid_t *pids, pid_t pid)
{
	for (unsigned i = 0; i < SENDERS; i++)
		if (pids[i] == pid)
			return i;
	ck_abort_msg("a message from process %d, which sent none", (int)pid);
	return 0;
}

START_TEST(many_messages_of_several_senders_stay_whole_and_in_order)
{
	struct pollfd readable = { .fd = ends[0], .events = POLLIN };
	struct ready_message message;
	uint32_t next[SENDERS] = { 0 };
	pid_t pids[SENDERS];

	for (int i = 0; i < SENDERS; i++)
		pids[i] = child_start(send_many, NULL);
	for (int left = SENDERS * MANY; left > 0;) {
		ck_assert_int_eq(poll(&readable, 1, -1), 1);
		while (ready_pipe_receive(ends[0], &message)) {
			unsigned sender = number_of(pids, message.pid);

			ck_assert_uint_eq(message.kind, kind_of(next[sender]));
			next[sender]++;
			left--;
		}
	}
	for (int i = 0; i < SENDERS; i++)
		child_succeeded(pids[i]);
}
END_TEST

/* By one that was taken over, which has the same end. */
START_TEST(pipe_that_was_made_non_blocking_loses_nothing)
{
	struct pollfd readable = { .fd = ends[0], .events = POLLIN };
	struct ready_message message;
	pid_t pid;

	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	pid = child_start(send_many, NULL);
	for (uint32_t i = 0; i < MANY; i++) {
		while (ready_pipe_receive(ends[0], &message) == 0)
			ck_assert_int_eq(poll(&readable, 1, -1), 1);
		ck_assert_uint_eq(message.kind, kind_of(i));
	}
	child_succeeded(pid);
}
END_TEST

/* As one that was taken over may do; from then on all would be read from the wrong byte. */
START_TEST(part_of_a_message_spoils_none_that_follows)
{
	struct ready_message message = { .pid = 4711, .kind = READY_TO_ACCEPT };

	for (size_t size = 1; size < sizeof message; size++) {
		ck_assert_int_eq(write(ends[1], &message, size), (ssize_t)size);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(ready_pipe_send(ends[1], READY_WATCH), 0);
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 1);
			ck_assert_int_eq(message.pid, getpid());
			ck_assert_uint_eq(message.kind, READY_WATCH);
		}
		ck_assert_int_eq(ready_pipe_receive(ends[0], &message), 0);
		message = (struct ready_message){ .pid = 4711, .kind = READY_TO_ACCEPT };
	}
}
END_TEST

/* In one go a few bytes only, as more may come all the time; and then what follows them. */
START_TEST(what_is_no_message_does_not_hold_up_the_master)
{
	static const char zeros[4096];
	struct ready_message message;
	unsigned given_up = 0;
	int got;

	ck_assert_int_eq(write(ends[1], zeros, sizeof zeros), sizeof zeros);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ready_pipe_send(ends[1], READY_WATCH), 0);
	while ((got = ready_pipe_receive(ends[0], &message)) < 0)
		given_up++;
	ck_assert_uint_gt(given_up, 2);
	ck_assert_int_eq(got, 1);
	ck_assert_uint_eq(message.kind, READY_WATCH);
}
END_TEST

Suite *readypipe_suite(void)
{
	Suite *suite = suite_create("readypipe");
	TCase *tcase = tcase_create("pipe");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_pipe, close_pipe);
	tcase_add_test(tcase, message_names_its_sender_and_kind);
	tcase_add_test(tcase, receiving_never_waits);
	tcase_add_test(tcase, ends_are_not_for_other_programs);
	tcase_add_test(tcase, sending_to_nobody_fails);
	tcase_add_test(tcase, mentioning_never_waits);
	tcase_add_test(tcase, all_that_waits_can_be_known_before);
	tcase_add_test(tcase, what_is_no_message_leaves_nothing_waiting);
	tcase_add_test(tcase, many_messages_of_several_senders_stay_whole_and_in_order);
	tcase_add_test(tcase, pipe_that_was_made_non_blocking_loses_nothing);
	tcase_add_test(tcase, part_of_a_message_spoils_none_that_follows);
	tcase_add_test(tcase, what_is_no_message_does_not_hold_up_the_master);
	suite_add_tcase(suite, tcase);
	return suite;
}
