/* SPDX-License-Identifier: ISC */
/* Counts and rates of sources: limits to the one, between workers, and after their death. */
#include "tests/suites.h"

#include "common/siphash.h"
#include "worker/sources.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static struct sources *sources;
static struct source_holder holder;
static source_ticket last; /* of the last connection that came */

static void open_all(void)
{
	sources = sources_open();
	ck_assert_ptr_nonnull(sources);
	holder = (struct source_holder){ .owner = 3 };
}

static void close_all(void)
{
	sources_close(sources);
}

static enum source_answer enter(uint64_t source, const struct source_limits *limits, int64_t now)
{
	return sources_enter(sources, &holder, source, limits, now, &last);
}

/* ---- the hash, and what a source is ---- */

/* The key 00 01 ... 0f and the message 00 01 ... 07, of the paper's test vectors. */
START_TEST(hash_is_siphash)
{
	static const uint64_t key[2] = { UINT64_C(0x0706050403020100),
		UINT64_C(0x0f0e0d0c0b0a0908) };

	ck_assert_uint_eq(siphash_word(key, UINT64_C(0x0706050403020100)),
	    UINT64_C(0x93f5f5799a932462));
}
END_TEST

static struct access_address ipv6(uint8_t prefix_end, uint8_t host_end)
{
	struct access_address address = { .byte = { 0x20, 0x01, 0x0d, 0xb8 } };

	address.byte[7] = prefix_end;
	address.byte[15] = host_end;
	return address;
}

static struct access_address ipv4(uint8_t end)
{
	return (struct access_address){ .byte = { [10] = 0xff, 0xff, 192, 0, 2, end },
		.is_ipv4 = true };
}

static uint64_t number_of(struct access_address address)
{
	return source_of(&address);
}

START_TEST(source_is_an_ipv4_address_or_an_ipv6_network)
{
	ck_assert_uint_eq(number_of(ipv4(1)), UINT64_C(0xffffffffc0000201));
	ck_assert_uint_ne(number_of(ipv4(1)), number_of(ipv4(2)));
	ck_assert_uint_eq(number_of(ipv6(1, 1)), UINT64_C(0x20010db800000001));
	ck_assert_uint_eq(number_of(ipv6(1, 1)), number_of(ipv6(1, 255)));
	ck_assert_uint_ne(number_of(ipv6(1, 1)), number_of(ipv6(2, 1)));
}
END_TEST

/* ---- so many at a time ---- */

static const struct source_limits three = { .at_a_time = 3 };

START_TEST(source_has_as_many_connections_as_it_may)
{
	source_ticket third;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(enter(7, &three, 1), SOURCE_MAY_COME);
		ck_assert_uint_ne(last, 0);
	}
	third = last;
	ck_assert_int_eq(enter(7, &three, 1), SOURCE_HAS_TOO_MANY);
	ck_assert_uint_eq(last, 0);
	ck_assert_uint_eq(sources_count(sources, 7), 3);
	sources_leave(sources, &holder, third);
	ck_assert_uint_eq(sources_count(sources, 7), 2);
	ck_assert_int_eq(enter(7, &three, 1), SOURCE_MAY_COME);
	ck_assert_int_eq(enter(7, &three, 1), SOURCE_HAS_TOO_MANY);
}
END_TEST

START_TEST(source_over_its_limit_is_nothing_to_others)
{
	for (int i = 0; i < 100; i++)
		enter(7, &three, 1);
	for (uint64_t source = 8; source < 1000; source++)
		ck_assert_int_eq(enter(source, &three, 1), SOURCE_MAY_COME);
	ck_assert_uint_eq(sources_count(sources, 7), 3);
}
END_TEST

START_TEST(no_ticket_gives_nothing_back)
{
	enter(7, &three, 1);
	sources_leave(sources, &holder, 0);
	ck_assert_uint_eq(sources_count(sources, 7), 1);
}
END_TEST

START_TEST(one_worker_can_have_thousands)
{
	static const struct source_limits many = { .at_a_time = 20000 };
	static source_ticket tickets[20000];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20000; i++) {
			ck_assert_int_eq(enter(7, &many, 1), SOURCE_MAY_COME);
			tickets[i] = last;
		}
		ck_assert_int_eq(enter(7, &many, 1), SOURCE_HAS_TOO_MANY);
		for (int i = 0; i < 20000; i++)
			sources_leave(sources, &holder, tickets[i]);
		ck_assert_uint_eq(sources_count(sources, 7), 0);
	}
}
END_TEST

static TCase *counting(void)
{
	TCase *tcase = tcase_create("at a time");

	tcase_add_checked_fixture(tcase, open_all, close_all);
	tcase_add_test(tcase, hash_is_siphash);
	tcase_add_test(tcase, source_is_an_ipv4_address_or_an_ipv6_network);
	tcase_add_test(tcase, source_has_as_many_connections_as_it_may);
	tcase_add_test(tcase, source_over_its_limit_is_nothing_to_others);
	tcase_add_test(tcase, no_ticket_gives_nothing_back);
	tcase_add_test(tcase, one_worker_can_have_thousands);
	return tcase;
}

/* ---- so many a second ---- */

/* Ten a second, and four at once. */
static const struct source_limits ten = { .interval_ns = SECOND / 10, .burst = 4 };

START_TEST(burst_comes_at_once_and_then_one_each_interval)
{
	int64_t now = 5 * SECOND;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(enter(7, &ten, now), SOURCE_MAY_COME);
	ck_assert_int_eq(enter(7, &ten, now), SOURCE_COMES_TOO_FAST);
	ck_assert_int_eq(enter(7, &ten, now + SECOND / 10 - 1), SOURCE_COMES_TOO_FAST);
	ck_assert_int_eq(enter(7, &ten, now + SECOND / 10), SOURCE_MAY_COME);
	ck_assert_int_eq(enter(7, &ten, now + SECOND / 10), SOURCE_COMES_TOO_FAST);
	ck_assert_int_eq(enter(8, &ten, now + SECOND / 10), SOURCE_MAY_COME);
}
END_TEST

START_TEST(burst_comes_back_and_is_not_saved_up)
{
	int64_t now = 5 * SECOND;

	for (int round = 0; round < 3; round++) {
		now += 1000 * SECOND;
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(enter(7, &ten, now), SOURCE_MAY_COME);
		ck_assert_int_eq(enter(7, &ten, now), SOURCE_COMES_TOO_FAST);
	}
	now += 2 * SECOND / 10;
	ck_assert_int_eq(enter(7, &ten, now), SOURCE_MAY_COME);
	ck_assert_int_eq(enter(7, &ten, now), SOURCE_MAY_COME);
	ck_assert_int_eq(enter(7, &ten, now), SOURCE_COMES_TOO_FAST);
}
END_TEST

START_TEST(refused_connections_use_up_no_rate)
{
	int64_t now = 5 * SECOND;
	int let_in = 0;

	/* A thousand attempts a second for ten seconds. */
	for (int i = 0; i < 10000; i++, now += SECOND / 1000)
		let_in += enter(7, &ten, now) == SOURCE_MAY_COME;
	ck_assert_int_ge(let_in, 103);
	ck_assert_int_le(let_in, 104);
}
END_TEST

START_TEST(burst_of_one_is_one_each_interval)
{
	static const struct source_limits one = { .interval_ns = SECOND, .burst = 1 };

	ck_assert_int_eq(enter(7, &one, SECOND), SOURCE_MAY_COME);
	ck_assert_int_eq(enter(7, &one, 2 * SECOND - 1), SOURCE_COMES_TOO_FAST);
	ck_assert_int_eq(enter(7, &one, 2 * SECOND), SOURCE_MAY_COME);
}
END_TEST

START_TEST(rate_alone_counts_nobody)
{
	ck_assert_int_eq(enter(7, &ten, SECOND), SOURCE_MAY_COME);
	ck_assert_uint_eq(last, 0);
	ck_assert_uint_eq(sources_count(sources, 7), 0);
}
END_TEST

START_TEST(one_limit_does_not_use_up_the_other)
{
	static const struct source_limits both = { .at_a_time = 1, .interval_ns = SECOND,
		.burst = 2 };

	source_ticket first;

	ck_assert_int_eq(enter(7, &both, SECOND), SOURCE_MAY_COME);
	first = last;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(enter(7, &both, SECOND), SOURCE_HAS_TOO_MANY);
	sources_leave(sources, &holder, first);
	ck_assert_uint_eq(sources_count(sources, 7), 0);
	ck_assert_int_eq(enter(7, &both, SECOND), SOURCE_MAY_COME);
	sources_leave(sources, &holder, last);
	ck_assert_int_eq(enter(7, &both, SECOND), SOURCE_COMES_TOO_FAST);
	ck_assert_uint_eq(sources_count(sources, 7), 0);
}
END_TEST

static TCase *rates(void)
{
	TCase *tcase = tcase_create("a second");

	tcase_add_checked_fixture(tcase, open_all, close_all);
	tcase_add_test(tcase, burst_comes_at_once_and_then_one_each_interval);
	tcase_add_test(tcase, burst_comes_back_and_is_not_saved_up);
	tcase_add_test(tcase, refused_connections_use_up_no_rate);
	tcase_add_test(tcase, burst_of_one_is_one_each_interval);
	tcase_add_test(tcase, rate_alone_counts_nobody);
	tcase_add_test(tcase, one_limit_does_not_use_up_the_other);
	return tcase;
}

/* ---- the table is full ---- */

/* Lets connections of ever new sources come; returns how many found no room. */
static unsigned crowd(uint64_t first, unsigned count, const struct source_limits *limits,
    int64_t now)
{
	unsigned without_room = 0;

	for (uint64_t source = first; source < first + count; source++) {
		enum source_answer answer = enter(source, limits, now);

		ck_assert(answer == SOURCE_MAY_COME || answer == SOURCE_HAS_NO_ROOM);
		ck_assert_int_eq(answer == SOURCE_HAS_NO_ROOM, last == 0);
		without_room += answer == SOURCE_HAS_NO_ROOM;
	}
	return without_room;
}

START_TEST(twenty_thousand_sources_have_room)
{
	ck_assert_uint_le(crowd(1, 20000, &three, 1), 10);
}
END_TEST

/* Nobody is refused because of others; who was counted before stays so. */
START_TEST(full_table_lets_unknown_sources_in)
{
	for (int i = 0; i < 3; i++)
		enter(7, &three, 1);
	crowd(1000, 400000, &three, 1);
	ck_assert_uint_ge(crowd(1000000, 1000, &three, 1), 990); /* a place may be left by chance */
	ck_assert_int_eq(enter(7, &three, 1), SOURCE_HAS_TOO_MANY);
}
END_TEST

/* The most connections that can be written down, and one more. */
START_TEST(full_places_let_everybody_in_uncounted)
{
	static const struct source_limits many = { .at_a_time = SOURCES_COUNT_MAX };
	unsigned most = 1 << 20;

	for (unsigned i = 0; i < most; i++)
		ck_assert_int_eq(enter(i % 2, &many, 1), SOURCE_MAY_COME);
	ck_assert_uint_eq(sources_count(sources, 0), most / 2);
	ck_assert_int_eq(enter(0, &many, 1), SOURCE_HAS_NO_ROOM);
	ck_assert_uint_eq(last, 0);
	sources_leave(sources, &holder, 1);
	ck_assert_int_eq(enter(2, &many, 1), SOURCE_MAY_COME);
}
END_TEST

START_TEST(sources_whose_time_is_past_make_room)
{
	static const struct source_limits slow = { .interval_ns = SECOND, .burst = 1 };

	for (uint64_t source = 1; source < 400000; source++)
		enter(source, &slow, SECOND);
	ck_assert_int_eq(enter(1000000, &slow, 2 * SECOND - 1), SOURCE_HAS_NO_ROOM);
	ck_assert_int_eq(enter(1000000, &slow, 2 * SECOND), SOURCE_MAY_COME);
	ck_assert_int_eq(enter(1000000, &slow, 2 * SECOND), SOURCE_COMES_TOO_FAST);
}
END_TEST

/* A key of its own: what crowds a bucket of one server does not do so with another. */
START_TEST(places_of_sources_cannot_be_foreseen)
{
	struct sources *other = sources_open();
	struct source_holder own = { .owner = 1 };
	unsigned differ = 0;

	ck_assert_ptr_nonnull(other);
	crowd(1, 150000, &three, 1);
	for (uint64_t source = 1; source <= 150000; source++) {
		source_ticket ticket;

		sources_enter(other, &own, source, &three, 1, &ticket);
		differ += (sources_count(other, source) == 0) != (sources_count(sources, source) == 0);
	}
	ck_assert_uint_gt(differ, 1000);
	sources_close(other);
}
END_TEST

static TCase *crowds(void)
{
	TCase *tcase = tcase_create("crowds");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, open_all, close_all);
	tcase_add_test(tcase, twenty_thousand_sources_have_room);
	tcase_add_test(tcase, full_table_lets_unknown_sources_in);
	tcase_add_test(tcase, full_places_let_everybody_in_uncounted);
	tcase_add_test(tcase, sources_whose_time_is_past_make_room);
	tcase_add_test(tcase, places_of_sources_cannot_be_foreseen);
	return tcase;
}

/* ---- between processes ---- */

static const struct source_limits sixty = { .at_a_time = 60 };

/* Comes and goes without end: each worker with its own source, and all with one. */
static int come_and_go(void *slot)
{
	struct source_holder own = { .owner = *(unsigned *)slot };
	source_ticket tickets[40] = { 0 };

	for (unsigned i = 0;; i = (i + 1) % 40) {
		sources_leave(sources, &own, tickets[i]);
		sources_enter(sources, &own, i % 2 == 0 ? 7 : 100 + own.owner, &sixty, 1,
		    &tickets[i]);
		if (sources_count(sources, 7) > 60)
			return 1;
	}
}

START_TEST(killed_workers_leave_no_counts_behind)
{
	for (int round = 0; round < 25; round++) {
		unsigned slots[4] = { 0, 1, 2, 65535 };
		pid_t pids[4];
		int status;

		for (int i = 0; i < 4; i++)
			pids[i] = child_start(come_and_go, &slots[i]);
		while (sources_count(sources, 7) < 40)
			usleep(100);
		for (int i = 0; i < 4; i++) {
			ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
			ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
			ck_assert(WIFSIGNALED(status));
			sources_give_back(sources, slots[i]);
			ck_assert_uint_eq(sources_count(sources, 100 + slots[i]), 0);
		}
		ck_assert_uint_eq(sources_count(sources, 7), 0);
	}
}
END_TEST

START_TEST(workers_that_live_keep_their_counts)
{
	struct source_holder dead = { .owner = 4 };
	source_ticket ticket;

	enter(7, &three, 1);
	sources_enter(sources, &dead, 7, &three, 1, &ticket);
	ck_assert_uint_eq(sources_count(sources, 7), 2);
	sources_give_back(sources, 4);
	sources_give_back(sources, 4);
	sources_give_back(sources, 2);
	ck_assert_uint_eq(sources_count(sources, 7), 1);
}
END_TEST

/* Each takes all it can get, and says how much that was. */
static int take_all(void *slot)
{
	struct source_holder own = { .owner = *(unsigned *)slot };
	source_ticket ticket;
	int got = 0;

	while (sources_count(sources, 1) == 0)
		continue; /* all begin at once */
	while (sources_enter(sources, &own, 7, &sixty, 1, &ticket) == SOURCE_MAY_COME)
		got++;
	return got;
}

START_TEST(workers_together_have_as_many_as_one)
{
	for (int round = 0; round < 50; round++) {
		unsigned slots[2] = { 5, 6 };
		pid_t pids[2];
		int got = 0;
		int status;

		for (int i = 0; i < 2; i++)
			pids[i] = child_start(take_all, &slots[i]);
		enter(1, &three, 1);
		for (int i = 0; i < 2; i++) {
			ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
			got += WEXITSTATUS(status);
		}
		ck_assert_int_eq(got, 60);
		sources_give_back(sources, slots[0]);
		sources_give_back(sources, slots[1]);
		sources_leave(sources, &holder, last);
	}
}
END_TEST

static TCase *processes(void)
{
	TCase *tcase = tcase_create("between processes");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, open_all, close_all);
	tcase_add_test(tcase, killed_workers_leave_no_counts_behind);
	tcase_add_test(tcase, workers_that_live_keep_their_counts);
	tcase_add_test(tcase, workers_together_have_as_many_as_one);
	return tcase;
}

Suite *sources_suite(void)
{
	Suite *suite = suite_create("sources");

	suite_add_tcase(suite, counting());
	suite_add_tcase(suite, rates());
	suite_add_tcase(suite, crowds());
	suite_add_tcase(suite, processes());
	return suite;
}
