/* SPDX-License-Identifier: ISC */
/* The ready pipe: every message arrives whole, and the master never waits for one. */
#include "tests/suites.h"

#include "common/readypipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than fits into a pipe, so that senders have to wait. */
#define MANY 20000
#define SENDERS 3

/* As random as those of workers. */
#define TOKEN ready_pipe_token(UINT64_C(0x9c41d2e85fb37a16))

static int ends[2];
static struct ready_reader reader;
static const struct ready_message *const message = &reader.message;

static void open_pipe(void)
{
	reader = (struct ready_reader){ 0 };
	ready_pipe_set_token(TOKEN);
	ck_assert_int_eq(ready_pipe_open(ends), 0);
}

static void close_pipe(void)
{
	close(ends[0]);
	close(ends[1]);
}

static void send_one(enum ready_kind kind)
{
	ck_assert_int_eq(ready_pipe_send(ends[1], kind), 0);
}

static void write_bytes(const void *bytes, size_t size)
{
	ck_assert_int_eq(write(ends[1], bytes, size), (ssize_t)size);
}

/* Returns whether there is another message, of those that wait by now. */
static bool hear(void)
{
	if (ready_pipe_next(&reader))
		return true;
	ready_pipe_look(&reader, ends[0]);
	return ready_pipe_next(&reader);
}

/* The same, but of those that this process has sent. */
static bool hear_own(void)
{
	while (hear()) {
		if (message->token == TOKEN && message->pid == getpid())
			return true;
		ready_pipe_refuse(&reader);
	}
	return false;
}

START_TEST(message_names_its_sender_and_kind)
{
	send_one(READY_TO_ACCEPT);
	send_one(READY_ASKS_TO_LEAVE);
	ck_assert(hear());
	ck_assert_uint_eq(message->token, TOKEN);
	ck_assert_int_eq(message->pid, getpid());
	ck_assert_uint_eq(message->kind, READY_TO_ACCEPT);
	ck_assert(hear());
	ck_assert_uint_eq(message->kind, READY_ASKS_TO_LEAVE);
	ck_assert(!hear());
}
END_TEST

START_TEST(receiving_never_waits)
{
	ck_assert(!hear());
	close(ends[1]);
	ck_assert(!hear());
	ends[1] = -1;
}
END_TEST

START_TEST(ends_never_block_and_are_not_for_other_programs)
{
	for (int end = 0; end < 2; end++) {
		ck_assert_int_eq(fcntl(ends[end], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		ck_assert_int_eq(fcntl(ends[end], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	}
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
	unsigned count = 0;

	for (int i = 0; i < MANY; i++)
		ready_pipe_mention(ends[1], READY_WATCH);
	while (hear()) {
		ck_assert_uint_eq(message->kind, READY_WATCH);
		count++;
	}
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_lt(count, MANY);
	ready_pipe_mention(ends[1], READY_WATCH);
	ck_assert(hear());
}
END_TEST

static bool has_room(void)
{
	struct pollfd writable = { .fd = ends[1], .events = POLLOUT };

	return poll(&writable, 1, 0) == 1;
}

/* All that was there at the look, and nothing that came after it: there may always be more. */
START_TEST(one_look_is_for_what_waits_by_then)
{
	unsigned sent = 0, came = 0;

	ck_assert_uint_eq(ready_pipe_look(&reader, ends[0]), 0);
	for (; has_room(); sent++)
		send_one(READY_WATCH);
	ck_assert_uint_gt(sent, 1024);
	ck_assert_uint_eq(ready_pipe_look(&reader, ends[0]), sent * sizeof *message);
	for (; ready_pipe_next(&reader); came++)
		if (has_room())
			send_one(READY_WATCH);
	ck_assert_uint_eq(came, sent);
	ck_assert(hear());
}
END_TEST

/* How many calls this process has made that read; -1 where the kernel does not count them. */
static long reads_made(void)
{
	FILE *file = fopen("/proc/self/io", "re");
	char line[64];
	long reads = -1;

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "syscr: ", 7) == 0)
			reads = strtol(line + 7, NULL, 10);
	if (file != NULL)
		fclose(file);
	return reads;
}

/* A call for each byte of it took half a second, and the next flood was there by then. */
START_TEST(what_is_no_message_does_not_hold_up_the_master)
{
	static const char zeros[32768];
	long before, after;

	write_bytes(zeros, sizeof zeros);
	send_one(READY_WATCH);
	before = reads_made();
	ck_assert(hear_own());
	after = reads_made();
	ck_assert_int_lt(after - before, 100);
	ck_assert(!hear());
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
	uint32_t next[SENDERS] = { 0 };
	pid_t pids[SENDERS];

	for (int i = 0; i < SENDERS; i++)
		pids[i] = child_start(send_many, NULL);
	for (int left = SENDERS * MANY; left > 0;) {
		ck_assert_int_eq(poll(&readable, 1, -1), 1);
		while (hear()) {
			unsigned sender = number_of(pids, message->pid);

			ck_assert_uint_eq(message->kind, kind_of(next[sender]));
			next[sender]++;
			left--;
		}
	}
	for (int i = 0; i < SENDERS; i++)
		child_succeeded(pids[i]);
}
END_TEST

/* By one that was taken over and that no sandbox holds: it has the same end. */
START_TEST(pipe_that_was_made_blocking_loses_nothing)
{
	struct pollfd readable = { .fd = ends[0], .events = POLLIN };
	pid_t pid;

	ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0);
	pid = child_start(send_many, NULL);
	for (uint32_t i = 0; i < MANY; i++) {
		while (!hear())
			ck_assert_int_eq(poll(&readable, 1, -1), 1);
		ck_assert_uint_eq(message->kind, kind_of(i));
	}
	child_succeeded(pid);
}
END_TEST

/* Then one write(2) is one read(2), however much could be read. */
START_TEST(pipe_that_was_made_one_of_packets_loses_nothing)
{
	unsigned sent = 0;

	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_DIRECT), 0);
	write_bytes("no", 2);
	for (; has_room(); sent++)
		send_one(READY_WATCH);
	for (; sent > 0; sent--)
		ck_assert(hear_own());
	ck_assert(!hear());
}
END_TEST

/* The same byte all over; what begins like a message; or what may be one at every fourth byte. */
static void fill_with_junk(unsigned char *junk, size_t size, int number)
{
	const struct ready_message like = { .token = TOKEN, .pid = getpid(), .kind = 1 };
	static const unsigned char ones[] = { 1, 0, 0, 0 }, five = 5, all = 255;
	const struct {
		const void *bytes;
		size_t size;
	} sorts[] = { { ones + 1, 1 }, { &five, 1 }, { &all, 1 }, { &like, 12 }, { ones, 4 } };

	for (size_t i = 0; i < size; i++)
		junk[i] = ((const unsigned char *)sorts[number].bytes)[i % sorts[number].size];
}

/* In one piece or two: what is looked at may end anywhere. */
START_TEST(no_junk_costs_the_message_that_follows_it)
{
	unsigned char junk[600];

	fill_with_junk(junk, sizeof junk, _i);
	for (size_t size = 1; size <= sizeof junk; size++) {
		write_bytes(junk, size / 2);
		ck_assert(!hear_own());
		write_bytes(junk, size - size / 2);
		send_one(READY_TO_ACCEPT);
		ck_assert_msg(hear_own(), "lost after %zu bytes", size);
		ck_assert_uint_eq(message->kind, READY_TO_ACCEPT);
		ck_assert(!hear());
	}
}
END_TEST

/* As a reader may see it that comes between two writes of one who is not ours. */
START_TEST(message_in_two_parts_is_one)
{
	const struct ready_message whole = { .token = TOKEN, .pid = getpid(),
		.kind = READY_WATCH };

	for (size_t size = 1; size < sizeof whole; size++) {
		write_bytes(&whole, size);
		ck_assert(!hear());
		write_bytes((const char *)&whole + size, sizeof whole - size);
		ck_assert(hear());
		ck_assert_mem_eq(message, &whole, sizeof whole);
	}
}
END_TEST

/* In a container pids are small: four bytes later the pid is a kind, and the token a pid. */
START_TEST(message_that_was_made_up_costs_no_other)
{
	const struct ready_message honest = { .token = ready_pipe_token(UINT64_C(4711) << 32),
		.pid = 3, .kind = READY_TO_ACCEPT };

	write_bytes("fake", 4);
	write_bytes(&honest, sizeof honest);
	ck_assert(hear());
	ck_assert_int_eq(message->pid, 4711);
	ck_assert_uint_eq(message->kind, 3);
	ready_pipe_refuse(&reader);
	ck_assert(hear());
	ck_assert_mem_eq(message, &honest, sizeof honest);
	ck_assert(!hear());
}
END_TEST

static bool is_from(const struct ready_message *sender)
{
	return message->token == sender->token && message->pid == sender->pid;
}

/* As the master, which knows both, and refuses what is from neither. */
static bool hear_either(const struct ready_message *one, const struct ready_message *other)
{
	while (hear()) {
		if (is_from(one) || is_from(other))
			return true;
		ready_pipe_refuse(&reader);
	}
	return false;
}

/* With its own token, which the master knows, and whatever the next one was to begin with. */
START_TEST(message_that_was_begun_costs_no_other)
{
	const struct ready_message begun = { .token = TOKEN, .pid = getpid(),
		.kind = (uint32_t)_i };

	for (uint64_t first = 0; first < 256; first++) {
		const struct ready_message honest = { .token = ready_pipe_token(first),
			.pid = getppid(), .kind = READY_TO_ACCEPT };

		for (size_t size = 1; size < sizeof begun; size++) {
			write_bytes(&begun, size);
			write_bytes(&honest, sizeof honest);
			ck_assert(hear_either(&begun, &honest));
			ck_assert_mem_eq(message, &honest, sizeof honest);
			ck_assert(!hear_either(&begun, &honest));
		}
	}
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
	tcase_add_test(tcase, ends_never_block_and_are_not_for_other_programs);
	tcase_add_test(tcase, sending_to_nobody_fails);
	tcase_add_test(tcase, mentioning_never_waits);
	tcase_add_test(tcase, one_look_is_for_what_waits_by_then);
	tcase_add_test(tcase, what_is_no_message_does_not_hold_up_the_master);
	tcase_add_test(tcase, many_messages_of_several_senders_stay_whole_and_in_order);
	tcase_add_test(tcase, pipe_that_was_made_blocking_loses_nothing);
	tcase_add_test(tcase, pipe_that_was_made_one_of_packets_loses_nothing);
	tcase_add_loop_test(tcase, no_junk_costs_the_message_that_follows_it, 0, 5);
	tcase_add_test(tcase, message_in_two_parts_is_one);
	tcase_add_test(tcase, message_that_was_made_up_costs_no_other);
	tcase_add_loop_test(tcase, message_that_was_begun_costs_no_other, READY_TO_ACCEPT,
	    READY_SERVED_ENOUGH + 1);
	suite_add_tcase(suite, tcase);
	return suite;
}
