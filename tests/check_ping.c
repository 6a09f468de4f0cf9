/* SPDX-License-Identifier: ISC */
/* echo-client --ping: the ledger of messages, a run over a socket pair, the command line. */
#include "tests/suites.h"

#include "client/client_ledger.h"
#include "client/client_options.h"
#include "client/pattern.h"
#include "client/ping.h"
#include "common/nethelp.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- the ledger ---- */

#define SIZE 64
#define TIMEOUT 1000

static struct ledger ledger;
static struct ledger_note note;
static char stream[8 * SIZE]; /* as it would come back: messages 1, 2, ... */

static void open_ledger(void)
{
	ledger_open(&ledger, SIZE, TIMEOUT);
	for (size_t at = 0; at < sizeof stream; at += SIZE)
		pattern_write(stream + at, SIZE, at / SIZE + 1, 0);
}

/* Begins messages up to number `last`, all at the time `now`. */
static void begin_up_to(uint64_t last, uint64_t now)
{
	while (ledger.sent < last)
		ck_assert_uint_eq(ledger_begin(&ledger, now), ledger.sent);
}

/* Gives it bytes, in which there must be just this to tell. */
static void comes(const char *bytes, size_t size, uint64_t now, enum ledger_event event,
    uint64_t sequence)
{
	struct ledger_note one = { .event = LEDGER_NOTHING };

	note = one;
	while (size > 0) {
		size_t taken = ledger_receive(&ledger, bytes, size, now, &one);

		ck_assert_uint_le(taken, size);
		ck_assert(taken > 0 || one.event == LEDGER_MISSED);
		if (one.event != LEDGER_NOTHING) {
			ck_assert_int_eq(note.event, LEDGER_NOTHING);
			note = one;
		}
		bytes += taken;
		size -= taken;
	}
	ck_assert_int_eq(note.event, event);
	if (event != LEDGER_NOTHING)
		ck_assert_uint_eq(note.sequence, sequence);
}

START_TEST(each_answer_is_matched_and_timed)
{
	begin_up_to(1, 100);
	begin_up_to(2, 150);
	comes(stream, SIZE, 143, LEDGER_ANSWER, 1);
	ck_assert_uint_eq(note.time_us, 43);
	comes(stream + SIZE, SIZE, 151, LEDGER_ANSWER, 2);
	ck_assert_uint_eq(note.time_us, 1);
	ck_assert_uint_eq(ledger.received, 2);
	ck_assert(!ledger_awaits(&ledger));
}
END_TEST

START_TEST(answer_in_pieces_is_one_and_timed_to_its_last_byte)
{
	begin_up_to(1, 0);
	for (size_t i = 0; i < SIZE - 1; i++)
		comes(stream + i, 1, i, LEDGER_NOTHING, 0);
	comes(stream + SIZE - 1, 1, 77, LEDGER_ANSWER, 1);
	ck_assert_uint_eq(note.time_us, 77);
}
END_TEST

START_TEST(answers_in_one_piece_are_taken_one_by_one)
{
	begin_up_to(3, 0);
	for (uint64_t i = 0; i < 3; i++) {
		size_t done = i * SIZE;

		ck_assert_uint_eq(ledger_receive(&ledger, stream + done, 3 * SIZE - done, 5, &note),
		    SIZE);
		ck_assert_int_eq(note.event, LEDGER_ANSWER);
		ck_assert_uint_eq(note.sequence, i + 1);
	}
}
END_TEST

/* Every place in a message, and pieces of every length before it. */
START_TEST(flipped_byte_is_found_at_its_place_and_the_next_answer_is_right)
{
	size_t place = (size_t)_i;

	begin_up_to(2, 0);
	stream[place] = (char)~stream[place];
	if (place > 0)
		comes(stream, place, 1, LEDGER_NOTHING, 0);
	comes(stream + place, SIZE - place, 1, LEDGER_CORRUPT, 1);
	ck_assert_uint_eq(note.offset, place);
	ck_assert_uint_eq(note.byte, (unsigned char)stream[place]);
	comes(stream + SIZE, SIZE, 1, LEDGER_ANSWER, 2);
	ck_assert_uint_eq(ledger.received, 1);
	ck_assert_uint_eq(ledger.corrupted, 1);
}
END_TEST

/* Where two neighbours are the same, what is wrong is only what follows. */
static size_t shows_from(size_t place, int step)
{
	while (place < SIZE - 1 && stream[place] == stream[(size_t)((int)place + step)])
		place++;
	return place;
}

START_TEST(missing_byte_spoils_its_own_message_only)
{
	size_t shows = shows_from(17, 1);

	begin_up_to(2, 0);
	memmove(stream + 17, stream + 18, sizeof stream - 18);
	comes(stream, SIZE - 1, 1, LEDGER_CORRUPT, 1);
	ck_assert_uint_eq(note.offset, shows);
	ck_assert(ledger_awaits(&ledger)); /* the second only */
	comes(stream + SIZE - 1, SIZE - 1, 1, LEDGER_NOTHING, 0);
	comes(stream + 2 * SIZE - 2, 1, 1, LEDGER_ANSWER, 2);
	ck_assert(!ledger_awaits(&ledger));
	ck_assert_uint_eq(ledger.corrupted, 1);
}
END_TEST

START_TEST(doubled_byte_spoils_its_own_message_only)
{
	begin_up_to(2, 0);
	memmove(stream + 18, stream + 17, 2 * SIZE - 17);
	comes(stream, SIZE + 1, 1, LEDGER_CORRUPT, 1);
	comes(stream + SIZE + 1, SIZE, 1, LEDGER_ANSWER, 2);
	ck_assert_uint_eq(ledger.corrupted, 1);
	ck_assert_uint_eq(ledger.extra, 0);
}
END_TEST

START_TEST(doubled_byte_is_found_and_the_one_too_many_belongs_to_no_message)
{
	size_t shows = shows_from(18, -1);

	begin_up_to(1, 0);
	memmove(stream + 18, stream + 17, SIZE - 17);
	comes(stream, SIZE, 1, LEDGER_CORRUPT, 1);
	ck_assert_uint_eq(note.offset, shows);
	comes(stream + SIZE, 1, 1, LEDGER_EXTRA, 1);
	ck_assert_uint_eq(note.bytes, 1);
	ck_assert_uint_eq(ledger.extra, 1);
	/* From here on the stream is in step again. */
	begin_up_to(2, 0);
	pattern_write(stream, SIZE, 2, 0);
	comes(stream, SIZE, 1, LEDGER_ANSWER, 2);
}
END_TEST

START_TEST(messages_left_out_are_told_and_the_next_one_is_right)
{
	begin_up_to(5, 0);
	comes(stream, SIZE, 1, LEDGER_ANSWER, 1);
	/* The second to fourth: the second has a wrong byte, the others are nowhere. */
	comes(stream + 4 * SIZE, 1, 1, LEDGER_CORRUPT, 2);
	comes(stream + 4 * SIZE + 1, 6, 1, LEDGER_NOTHING, 0);
	for (uint64_t missed = 3; missed <= 4; missed++) {
		ck_assert_uint_eq(ledger_receive(&ledger, stream + 4 * SIZE + 7, 1, 1, &note), 0);
		ck_assert_int_eq(note.event, LEDGER_MISSED);
		ck_assert_uint_eq(note.sequence, missed);
	}
	comes(stream + 4 * SIZE + 7, SIZE - 7, 1, LEDGER_ANSWER, 5);
	ck_assert_uint_eq(ledger.corrupted, 3);
}
END_TEST

START_TEST(message_that_comes_twice_is_counted_once)
{
	begin_up_to(4, 0);
	comes(stream, SIZE, 1, LEDGER_ANSWER, 1);
	comes(stream, SIZE, 1, LEDGER_CORRUPT, 2);
	comes(stream + SIZE, SIZE, 1, LEDGER_NOTHING, 0);
	comes(stream + 2 * SIZE, SIZE, 1, LEDGER_ANSWER, 3);
	comes(stream + 3 * SIZE, SIZE, 1, LEDGER_ANSWER, 4);
	ck_assert_uint_eq(ledger.received, 3);
}
END_TEST

START_TEST(answer_of_a_message_before_is_wrong)
{
	begin_up_to(2, 0);
	comes(stream + SIZE, 1, 1, LEDGER_CORRUPT, 1);
	comes(stream + SIZE + 1, SIZE - 1, 1, LEDGER_ANSWER, 2);
	comes(stream, SIZE, 1, LEDGER_EXTRA, 2);
	ck_assert_uint_eq(ledger.received, 1);
}
END_TEST

/* ---- random damage ---- */

enum { MESSAGES = 40, LARGEST = 300, SEEDS = 200 };

static struct damage {
	uint32_t size;        /* of each message */
	char sent[MESSAGES * LARGEST];
	char came[MESSAGES * LARGEST + LARGEST];
	size_t length;        /* of what came */
	uint64_t first, last; /* messages that it touches */
	bool right[MESSAGES + 1];
	bool told[MESSAGES + 1];
} damage;

static size_t below(size_t limit)
{
	return (size_t)random() % limit;
}

static const uint32_t damaged_sizes[] = { 8, 9, 16, 64, LARGEST };

static void make_stream(void)
{
	memset(&damage, 0, sizeof damage);
	damage.size = damaged_sizes[below(sizeof damaged_sizes / sizeof damaged_sizes[0])];
	damage.length = (size_t)MESSAGES * damage.size;
	for (size_t i = 0; i < MESSAGES; i++)
		pattern_write(damage.sent + i * damage.size, damage.size, i + 1, 0);
	memcpy(damage.came, damage.sent, damage.length);
}

/* Changes bytes, leaves some out (of several messages, perhaps), or adds some. */
static void do_damage(void)
{
	size_t place = below(damage.length);
	size_t rest = damage.length - place;
	size_t count = below(2) == 0 ? 1 : 1 + below(damage.size - 1);
	size_t way = below(4);

	if (way == 1)
		count = below(2) == 0 ? count : 1 + below(5 * (size_t)damage.size);
	if (count > rest)
		count = rest;
	damage.first = place / damage.size + 1;
	damage.last = (place + (way < 2 ? count - 1 : 0)) / damage.size + 1;
	if (way == 0) {
		for (size_t i = place; i < place + count; i++)
			damage.came[i] ^= (char)(1 + below(255));
	} else if (way == 1) {
		memmove(damage.came + place, damage.came + place + count, rest - count);
		damage.length -= count;
	} else { /* the same bytes again, or any others */
		memmove(damage.came + place + count, damage.came + place, rest);
		for (size_t i = place; way == 3 && i < place + count; i++)
			damage.came[i] = (char)below(256);
		damage.length += count;
	}
}

static void take_note(void)
{
	uint64_t sequence = note.sequence;

	if (note.event == LEDGER_NOTHING || note.event == LEDGER_EXTRA)
		return;
	ck_assert_uint_ge(sequence, 1);
	ck_assert_uint_le(sequence, MESSAGES);
	ck_assert(!damage.told[sequence]);
	damage.told[sequence] = true;
	damage.right[sequence] = note.event == LEDGER_ANSWER;
	if (damage.right[sequence])
		ck_assert_ptr_nonnull(memmem(damage.came, damage.length,
		    damage.sent + (sequence - 1) * damage.size, damage.size));
	else
		ck_assert(note.event == LEDGER_CORRUPT || note.event == LEDGER_MISSED);
}

/* In pieces of any length; MESSAGES + 1 times nothing may be taken at most. */
static void receive_all(void)
{
	size_t done = 0;
	unsigned stops = 0;

	while (done < damage.length) {
		size_t piece = 1 + below(2 * (size_t)damage.size);

		if (piece > damage.length - done)
			piece = damage.length - done;
		while (piece > 0) {
			size_t taken = ledger_receive(&ledger, damage.came + done, piece, 1, &note);

			take_note();
			ck_assert_uint_le(taken, piece);
			stops += taken == 0;
			ck_assert_uint_le(stops, MESSAGES);
			done += taken;
			piece -= taken;
		}
	}
}

START_TEST(random_damage_spoils_what_it_touches_and_one_message_more_at_most)
{
	srandom((unsigned)_i);
	make_stream();
	do_damage();
	ledger_open(&ledger, damage.size, TIMEOUT);
	begin_up_to(MESSAGES, 0);
	receive_all();
	for (uint64_t sequence = 1; sequence <= MESSAGES; sequence++)
		if (sequence < damage.first || sequence > damage.last + 1)
			ck_assert_msg(damage.right[sequence], "seed %d: %u of size %u, damage in "
			    "%u to %u", _i, (unsigned)sequence, (unsigned)damage.size,
			    (unsigned)damage.first, (unsigned)damage.last);
	ck_assert_uint_le(ledger.received + ledger.corrupted, MESSAGES);
}
END_TEST

/* Smaller than what tells a beginning: some more are spoilt, then they are right again. */
START_TEST(small_messages_are_right_again_after_a_missing_or_doubled_byte)
{
	uint32_t size = (uint32_t)_i / 2 + 1;
	bool doubled = _i % 2 == 1;
	uint64_t wrong_before;

	make_stream();
	damage.size = size;
	damage.length = (size_t)MESSAGES * size;
	for (size_t i = 0; i < MESSAGES; i++)
		pattern_write(damage.sent + i * size, size, i + 1, 0);
	memcpy(damage.came, damage.sent, damage.length);
	memmove(damage.came + 5 * size + (doubled ? 1 : 0),
	    damage.came + 5 * size + (doubled ? 0 : 1), damage.length - 5 * size - 1);
	damage.length -= doubled ? 0 : 1;
	ledger_open(&ledger, size, TIMEOUT);
	begin_up_to(MESSAGES, 0);
	receive_all();
	wrong_before = 6 + 2 * LEDGER_HEAD / size + 2;
	for (uint64_t sequence = wrong_before + 1; sequence < MESSAGES; sequence++)
		ck_assert_msg(damage.right[sequence], "%u of size %u", (unsigned)sequence, size);
}
END_TEST

/* As the last four sent and four more would come back: those four have not been sent. */
START_TEST(small_message_is_not_found_in_what_was_never_sent)
{
	const uint64_t sent = 12;
	char byte = 0;

	ledger_open(&ledger, 1, TIMEOUT);
	begin_up_to(sent, 0);
	ck_assert_uint_eq(ledger_receive(&ledger, &byte, 1, 1, &note), 1);
	ck_assert_int_eq(note.event, LEDGER_CORRUPT);
	for (uint64_t sequence = sent - 3; sequence <= sent + 4;) {
		pattern_write(&byte, 1, sequence, 0);
		sequence += ledger_receive(&ledger, &byte, 1, 1, &note);
		ck_assert_uint_le(note.sequence, sent);
	}
	ck_assert_uint_le(ledger.next, sent + 1);
	ck_assert_uint_le(ledger.received + ledger.late + ledger.corrupted, sent);
}
END_TEST

START_TEST(overdue_message_is_told_once_and_its_answer_is_late)
{
	begin_up_to(1, 100);
	begin_up_to(2, 300);
	ck_assert_uint_eq(ledger_deadline(&ledger), 100 + TIMEOUT);
	ck_assert(!ledger_overdue(&ledger, 99 + TIMEOUT, &note));
	comes(stream, 10, 500, LEDGER_NOTHING, 0);
	ck_assert(ledger_overdue(&ledger, 100 + TIMEOUT, &note));
	ck_assert_int_eq(note.event, LEDGER_OVERDUE);
	ck_assert_uint_eq(note.sequence, 1);
	ck_assert_uint_eq(note.bytes, 10);
	ck_assert(!ledger_overdue(&ledger, 100 + TIMEOUT, &note));
	ck_assert_uint_eq(ledger_deadline(&ledger), 300 + TIMEOUT);
	comes(stream + 10, SIZE - 10, 101 + TIMEOUT, LEDGER_LATE, 1);
	ck_assert_uint_eq(note.time_us, 1 + TIMEOUT);
	comes(stream + SIZE, SIZE, 102 + TIMEOUT, LEDGER_ANSWER, 2);
	ck_assert_uint_eq(ledger.received, 1);
	ck_assert_uint_eq(ledger.late, 1);
	ck_assert_uint_eq(ledger.most_us, 102 + TIMEOUT - 300);
}
END_TEST

START_TEST(answer_at_its_deadline_is_late_though_nobody_looked)
{
	begin_up_to(2, 0);
	comes(stream, SIZE, TIMEOUT - 1, LEDGER_ANSWER, 1);
	comes(stream + SIZE, SIZE, TIMEOUT, LEDGER_LATE, 2);
	ck_assert(!ledger_overdue(&ledger, TIMEOUT, &note));
}
END_TEST

START_TEST(nothing_under_way_has_no_deadline)
{
	ck_assert_uint_eq(ledger_deadline(&ledger), UINT64_MAX);
	ck_assert(!ledger_overdue(&ledger, UINT64_MAX, &note));
	begin_up_to(1, 0);
	stream[0] = (char)~stream[0];
	comes(stream, 1, 0, LEDGER_CORRUPT, 1); /* it can only be wrong now */
	ck_assert_uint_eq(ledger_deadline(&ledger), UINT64_MAX);
}
END_TEST

START_TEST(it_is_full_at_its_limit_and_has_room_after_an_answer)
{
	char bytes[SIZE];

	begin_up_to(LEDGER_MOST - 1, 0);
	ck_assert(!ledger_full(&ledger));
	begin_up_to(LEDGER_MOST, 7);
	ck_assert(ledger_full(&ledger));
	for (uint64_t i = 1; i <= LEDGER_MOST; i++) {
		pattern_write(bytes, SIZE, i, 0);
		comes(bytes, SIZE, 9, LEDGER_ANSWER, i);
		ck_assert(!ledger_full(&ledger));
		ck_assert_uint_eq(note.time_us, i == LEDGER_MOST ? 2 : 9);
	}
}
END_TEST

START_TEST(messages_are_taken_back_unless_they_are_overdue)
{
	begin_up_to(2, 0);
	begin_up_to(5, 900);
	ck_assert(ledger_overdue(&ledger, TIMEOUT, &note));
	ck_assert(ledger_overdue(&ledger, TIMEOUT, &note));
	ledger_withdraw(&ledger, 4);
	ck_assert_uint_eq(ledger.sent, 4);
	ledger_withdraw(&ledger, 1);
	ck_assert_uint_eq(ledger.sent, 2);
	ledger_withdraw(&ledger, 9);
	ck_assert_uint_eq(ledger.sent, 2);
	ck_assert(!ledger_awaits(&ledger));
}
END_TEST

static const struct { uint64_t times[4], deviation; } times[] = {
	{ { 5, 5, 5, 5 }, 0 },
	{ { 10, 20, 30, 40 }, 11 },      /* 11.18 */
	{ { 0, 0, 0, 999 }, 432 },       /* 432.58 */
	{ { 1, 1, 3, 3 }, 1 },
};

START_TEST(least_most_mean_and_deviation_are_exact)
{
	const uint64_t *time = times[_i].times;

	begin_up_to(4, 0);
	ck_assert_uint_eq(ledger_deviation_us(&ledger), 0);
	for (uint64_t i = 0; i < 4; i++)
		comes(stream + i * SIZE, SIZE, time[i], LEDGER_ANSWER, i + 1);
	ck_assert_uint_eq(ledger.least_us, time[0]);
	ck_assert_uint_eq(ledger.most_us, time[3]);
	ck_assert_double_eq_tol(ledger.mean_us,
	    (double)(time[0] + time[1] + time[2] + time[3]) / 4, 1e-9);
	ck_assert_uint_eq(ledger_deviation_us(&ledger), times[_i].deviation);
}
END_TEST

static TCase *accounts(void)
{
	TCase *tcase = tcase_create("ledger");

	tcase_add_checked_fixture(tcase, open_ledger, NULL);
	tcase_add_test(tcase, each_answer_is_matched_and_timed);
	tcase_add_test(tcase, answer_in_pieces_is_one_and_timed_to_its_last_byte);
	tcase_add_test(tcase, answers_in_one_piece_are_taken_one_by_one);
	tcase_add_loop_test(tcase,
	    flipped_byte_is_found_at_its_place_and_the_next_answer_is_right, 0, SIZE);
	tcase_add_test(tcase, missing_byte_spoils_its_own_message_only);
	tcase_add_test(tcase, doubled_byte_spoils_its_own_message_only);
	tcase_add_test(tcase, doubled_byte_is_found_and_the_one_too_many_belongs_to_no_message);
	tcase_add_test(tcase, messages_left_out_are_told_and_the_next_one_is_right);
	tcase_add_test(tcase, message_that_comes_twice_is_counted_once);
	tcase_add_test(tcase, answer_of_a_message_before_is_wrong);
	tcase_add_loop_test(tcase,
	    random_damage_spoils_what_it_touches_and_one_message_more_at_most, 0, SEEDS);
	tcase_add_loop_test(tcase,
	    small_messages_are_right_again_after_a_missing_or_doubled_byte, 0,
	    2 * (LEDGER_HEAD - 1));
	tcase_add_test(tcase, small_message_is_not_found_in_what_was_never_sent);
	tcase_add_test(tcase, overdue_message_is_told_once_and_its_answer_is_late);
	tcase_add_test(tcase, answer_at_its_deadline_is_late_though_nobody_looked);
	tcase_add_test(tcase, nothing_under_way_has_no_deadline);
	tcase_add_test(tcase, it_is_full_at_its_limit_and_has_room_after_an_answer);
	tcase_add_test(tcase, messages_are_taken_back_unless_they_are_overdue);
	tcase_add_loop_test(tcase, least_most_mean_and_deviation_are_exact, 0,
	    sizeof times / sizeof times[0]);
	return tcase;
}

/* ---- a run ---- */

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct ping ping;
static int ends[2];              /* ours, the server's */
static unsigned told[LEDGER_OVERDUE + 1]; /* how often each event was */
static bool can_tell;

static void open_ping(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ping = (struct ping){ .server = ends[0], .server_name = "a test", .count = 3 };
	ledger_open(&ping.ledger, SIZE, 20000000);
	memset(told, 0, sizeof told);
	can_tell = true;
}

static void close_ping(void)
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

static bool tell(const struct ping *about, const struct ledger_note *what)
{
	ck_assert_ptr_eq(about, &ping);
	told[what->event]++;
	errno = ENOSPC;
	return can_tell;
}

/* Echoes until the end, or until `*most` bytes have been; what came with them is read, too. */
static int echo_most(void *most)
{
	uint64_t rest = *(uint64_t *)most;
	char bytes[65536];
	ssize_t got;

	close(ends[0]);
	while (rest > 0 && (got = read(ends[1], bytes, sizeof bytes)) > 0) {
		size_t size = rest < (uint64_t)got ? (size_t)rest : (size_t)got;

		if (writen(ends[1], bytes, size) < 0)
			return 1;
		rest -= size;
	}
	return 0;
}

static enum ping_end run_against_echo(uint64_t most, ping_tell *teller)
{
	pid_t pid = child_start(echo_most, &most);
	enum ping_end end;

	close(ends[1]); /* so that the child's end is the only one */
	ends[1] = -1;
	end = ping_run(&ping, teller);
	close(ends[0]);
	ends[0] = -1;
	child_succeeded(pid);
	return end;
}

START_TEST(as_many_as_asked_are_sent_and_come_back)
{
	ck_assert_int_eq(run_against_echo(UINT64_MAX, tell), PING_DONE);
	ck_assert_uint_eq(told[LEDGER_ANSWER], 3);
	ck_assert_uint_eq(ping.ledger.received, 3);
	ck_assert_uint_eq(ping.bytes_sent, 3 * SIZE);
	ck_assert_uint_eq(ping.bytes_received, 3 * SIZE);
	ck_assert(ping.server_ended);
}
END_TEST

/* Larger than all buffers on the way: who only sent would wait for ever. */
START_TEST(largest_messages_do_not_deadlock)
{
	ledger_open(&ping.ledger, CLIENT_SIZE_MAX, 20000000);
	ping.interval_us = 1; /* the next is due while the one before is being sent */
	ping.count = 8;
	ck_assert_int_eq(run_against_echo(UINT64_MAX, tell), PING_DONE);
	ck_assert_uint_eq(ping.ledger.received, 8);
}
END_TEST

START_TEST(server_that_closes_early_ends_it)
{
	ck_assert_int_eq(run_against_echo(SIZE + SIZE / 2, tell), PING_CLOSED);
	ck_assert_uint_eq(ping.ledger.received, 1);
	ck_assert_uint_eq(ping.ledger.sent, 2);
}
END_TEST

START_TEST(server_that_is_gone_takes_nothing)
{
	close(ends[1]);
	ends[1] = -1;
	ck_assert_int_eq(ping_run(&ping, tell), PING_BROKEN);
	ck_assert_int_eq(ping.error, EPIPE);
	ck_assert_uint_eq(ping.bytes_sent, 0);
}
END_TEST

START_TEST(silent_server_makes_all_overdue)
{
	ledger_open(&ping.ledger, SIZE, 1000);
	ck_assert_int_eq(ping_run(&ping, tell), PING_DONE);
	ck_assert_uint_eq(told[LEDGER_OVERDUE], 3);
	ck_assert_uint_eq(ping.ledger.received, 0);
}
END_TEST

START_TEST(silent_server_and_no_room_left_end_it)
{
	ledger_open(&ping.ledger, 1, 1000);
	ping.count = 0;
	ping.interval_us = 1;
	ck_assert_int_eq(ping_run(&ping, tell), PING_STUCK);
	ck_assert_uint_eq(told[LEDGER_OVERDUE], LEDGER_MOST);
}
END_TEST

static void let_pass(uint64_t us)
{
	uint64_t end = clock_us() + us;

	while (clock_us() < end)
		continue;
}

/* Nothing is sent meanwhile. */
static bool tell_and_stall(const struct ping *about, const struct ledger_note *what)
{
	if (what->sequence == 2)
		let_pass(50000);
	return tell(about, what);
}

static uint64_t between(uint64_t sequence)
{
	return ping.ledger.begun_us[sequence] - ping.ledger.begun_us[sequence - 1];
}

START_TEST(messages_are_due_whole_intervals_apart_though_they_are_late)
{
	ping.count = 20;
	ping.interval_us = 5000;
	ck_assert_int_eq(run_against_echo(UINT64_MAX, tell_and_stall), PING_DONE);
	for (uint64_t sequence = 2; sequence <= 20; sequence++)
		ck_assert_uint_eq(between(sequence), 5000);
	/* The third was due before the fifty were over, and is charged with the rest of them. */
	ck_assert_uint_ge(ping.ledger.most_us, 45000);
}
END_TEST

START_TEST(message_that_is_late_as_long_as_an_answer_may_take_is_due_anew)
{
	unsigned leaps = 0;

	ping.count = 300; /* so many that not all are sent when the second comes back */
	ping.interval_us = 1000;
	ping.ledger.timeout_us = 40000;
	ck_assert_int_eq(run_against_echo(UINT64_MAX, tell_and_stall), PING_DONE);
	for (uint64_t sequence = 2; sequence <= 300; sequence++)
		leaps += between(sequence) >= 40000;
	ck_assert_uint_ge(leaps, 1);
}
END_TEST

static bool tell_and_interrupt(const struct ping *about, const struct ledger_note *what)
{
	if (what->sequence == 3)
		raise(SIGINT);
	return tell(about, what);
}

START_TEST(interrupt_ends_it_and_what_was_sent_is_back)
{
	ping.count = 0;
	ck_assert_int_eq(run_against_echo(UINT64_MAX, tell_and_interrupt), PING_INTERRUPTED);
	ck_assert_uint_eq(ping.ledger.received, ping.ledger.sent);
	ck_assert_uint_ge(ping.ledger.sent, 3);
	ck_assert_uint_le(ping.ledger.sent, 4); /* one may begin in the same turn */
}
END_TEST

static sigset_t blocked(void)
{
	sigset_t now;

	sigprocmask(SIG_SETMASK, NULL, &now);
	return now;
}

/*
 * The socket is ready all the time, and far more is due than can be sent. Of
 * that, nothing counts as sent after the interrupt.
 */
START_TEST(interrupt_is_heeded_while_the_socket_is_always_ready)
{
	sigset_t after;

	ledger_open(&ping.ledger, CLIENT_SIZE_MAX, 20000000);
	ping.count = 0;
	ping.interval_us = 1;
	ck_assert_int_eq(run_against_echo(UINT64_MAX, tell_and_interrupt), PING_INTERRUPTED);
	ck_assert_uint_le(ping.ledger.sent * CLIENT_SIZE_MAX,
	    ping.bytes_sent + CLIENT_SIZE_MAX - 1);
	ck_assert_uint_lt(ping.ledger.sent, 16); /* what the buffers hold is far below */
	after = blocked();
	ck_assert(!sigismember(&after, SIGINT));
}
END_TEST

START_TEST(output_that_fails_ends_it)
{
	can_tell = false;
	ck_assert_int_eq(run_against_echo(SIZE, tell), PING_OUTPUT_FAILED);
	ck_assert_int_eq(ping.error, ENOSPC);
	ck_assert_uint_eq(told[LEDGER_ANSWER], 1);
}
END_TEST

static TCase *runs(void)
{
	TCase *tcase = tcase_create("run");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_ping, close_ping);
	tcase_add_test(tcase, as_many_as_asked_are_sent_and_come_back);
	tcase_add_test(tcase, largest_messages_do_not_deadlock);
	tcase_add_test(tcase, server_that_closes_early_ends_it);
	tcase_add_test(tcase, server_that_is_gone_takes_nothing);
	tcase_add_test(tcase, silent_server_makes_all_overdue);
	tcase_add_test(tcase, silent_server_and_no_room_left_end_it);
	tcase_add_test(tcase, messages_are_due_whole_intervals_apart_though_they_are_late);
	tcase_add_test(tcase, message_that_is_late_as_long_as_an_answer_may_take_is_due_anew);
	tcase_add_test(tcase, interrupt_ends_it_and_what_was_sent_is_back);
	tcase_add_test(tcase, interrupt_is_heeded_while_the_socket_is_always_ready);
	tcase_add_test(tcase, output_that_fails_ends_it);
	return tcase;
}

/* ---- the command line ---- */

static struct client_options options;

/* What it says about mistakes is looked at in the end-to-end tests. */
static void silence(void)
{
	stderr_catch();
}

/* Reads a line of up to 15 words. */
static enum client_request read_line(const char *line)
{
	static char words[256];
	static char program[] = "echo-client";
	char *argv[17] = { program };
	int argc = 1;

	ck_assert_uint_lt(strlcpy(words, line, sizeof words), sizeof words);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	optind = 0; /* getopt_long(3) starts anew */
	return client_read_options(&options, argc, argv);
}

START_TEST(defaults_are_those_of_the_manual_page)
{
	ck_assert_int_eq(read_line("--ping host"), CLIENT_RUN);
	ck_assert_str_eq(options.host, "host");
	ck_assert_str_eq(options.port, "echo");
	ck_assert_uint_eq(options.count, 0);
	ck_assert_uint_eq(options.interval_us, 1000000);
	ck_assert_uint_eq(options.size, 64);
	ck_assert_uint_eq(options.timeout_us, 10000000);
	ck_assert_int_eq(options.connecting.timeout_ms, 10000);
	ck_assert_int_eq(options.connecting.family, AF_UNSPEC);
	ck_assert_ptr_null(options.connecting.source);
}
END_TEST

START_TEST(every_option_is_read)
{
	ck_assert_int_eq(read_line("-6 --ping -c 5 -i 0.25 -s 1000 --timeout .5 --source ::1 h 7"),
	    CLIENT_RUN);
	ck_assert(options.ping);
	ck_assert_int_eq(options.connecting.family, AF_INET6);
	ck_assert_uint_eq(options.count, 5);
	ck_assert_uint_eq(options.interval_us, 250000);
	ck_assert_uint_eq(options.size, 1000);
	ck_assert_uint_eq(options.timeout_us, 500000);
	ck_assert_int_eq(options.connecting.timeout_ms, 500);
	ck_assert_str_eq(options.connecting.source, "::1");
	ck_assert_str_eq(options.port, "7");
	ck_assert_int_eq(read_line("-4 host"), CLIENT_RUN);
	ck_assert_int_eq(options.connecting.family, AF_INET);
	ck_assert_int_eq(read_line("--help"), CLIENT_HELP);
	ck_assert_int_eq(read_line("--version"), CLIENT_VERSION);
}
END_TEST

static const char *const right[] = {
	"-i 0", "-i 0.0", "-i 3600", "-i 1.", "-i 0.000001", "-c 1", "-s 1", "-s 1048576",
	"--timeout 0.001", "--timeout 3600",
};

START_TEST(values_at_the_limits_are_taken)
{
	char line[64];

	snprintf(line, sizeof line, "--ping %s host", right[_i]);
	ck_assert_int_eq(read_line(line), CLIENT_RUN);
}
END_TEST

static const char *const wrong[] = {
	"-i -1", "-i .", "-i 1e3", "-i 0x1", "-i 1.2.3", "-i nan", "-i inf", "-i 3600.1", "-i 1s",
	"-i 0.0000001", "-c 0", "-c -1", "-c +1", "-c 1k", "-c 1000000001",
	"-c 99999999999999999999", "-s 0",
	"-s 1048577", "-s 1m", "--timeout 0", "--timeout 0.0009", "--timeout x", "--timeout 3601",
};

START_TEST(values_beyond_the_limits_are_refused)
{
	char line[64];

	snprintf(line, sizeof line, "--ping %s host", wrong[_i]);
	ck_assert_int_eq(read_line(line), CLIENT_WRONG);
}
END_TEST

START_TEST(options_of_ping_need_ping)
{
	ck_assert_int_eq(read_line("-c 1 host"), CLIENT_WRONG);
	ck_assert_int_eq(read_line("-i 1 host"), CLIENT_WRONG);
	ck_assert_int_eq(read_line("-s 1 host"), CLIENT_WRONG);
	ck_assert_int_eq(read_line("-c 1 host --ping"), CLIENT_RUN);
}
END_TEST

static TCase *command_line(void)
{
	TCase *tcase = tcase_create("command line");

	tcase_add_checked_fixture(tcase, silence, stderr_release);
	tcase_add_test(tcase, defaults_are_those_of_the_manual_page);
	tcase_add_test(tcase, every_option_is_read);
	tcase_add_loop_test(tcase, values_at_the_limits_are_taken, 0,
	    sizeof right / sizeof right[0]);
	tcase_add_loop_test(tcase, values_beyond_the_limits_are_refused, 0,
	    sizeof wrong / sizeof wrong[0]);
	tcase_add_test(tcase, options_of_ping_need_ping);
	return tcase;
}

Suite *ping_suite(void)
{
	Suite *suite = suite_create("ping");

	suite_add_tcase(suite, accounts());
	suite_add_tcase(suite, runs());
	suite_add_tcase(suite, command_line());
	return suite;
}
