/* SPDX-License-Identifier: ISC */
/* worker/admission.h: who is let in, who is told what, and a table of sources that is full. */
#include "tests/suites.h"

#include "common/log.h"
#include "worker/admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static struct access access_rules;
static struct worker worker;
static struct session session;

static void open_door(void)
{
	setprogname("tester");
	log_adjust(LOG_NOTICE, true);
	access_rules = (struct access){ 0 };
	worker = (struct worker){ .board = board_open(1), .sources = sources_open(),
		.limits = { .access = &access_rules, .source = { .at_a_time = 1 } } };
	ck_assert_ptr_nonnull(worker.board);
	ck_assert_ptr_nonnull(worker.sources);
	admission_begin(&worker);
	stderr_catch();
}

static void close_door(void)
{
	stderr_release();
	sources_close(worker.sources);
	board_close(worker.board);
}

/* Returns what becomes of one more connection from the address. */
static bool comes_from(uint32_t address)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(7),
		.sin_addr.s_addr = htonl(address) };

	session = (struct session){ .slot = &worker.board->slots[0], .peer_length = sizeof peer };
	memcpy(&session.peer, &peer, sizeof peer);
	return admission_grants(&session);
}

/* More sources than there is room for: by chance alone would one that is new find a place. */
static void crowd(void)
{
	struct source_holder others = { .owner = 1 };
	source_ticket ticket;

	for (uint64_t source = 1; source <= 400000; source++)
		sources_enter(worker.sources, &others, source << 32, &worker.limits.source, 1,
		    &ticket);
}

START_TEST(source_comes_again_when_it_has_left)
{
	struct session first;

	ck_assert(comes_from(0x7f000001));
	first = session;
	ck_assert(!comes_from(0x7f000001));
	ck_assert_str_eq(stderr_caught(), "tester: 127.0.0.1:7: turned away: its source has as many "
	    "connections as it may\n");
	ck_assert_uint_eq(atomic_load(&worker.board->slots[0].turned_away), 1);
	admission_leave(&first);
	ck_assert(comes_from(0x7f000001));
}
END_TEST

START_TEST(full_table_lets_new_sources_in_and_is_told_once)
{
	ck_assert(comes_from(0x7f000001));
	crowd();
	for (uint32_t host = 1; host <= 100; host++) {
		ck_assert(comes_from(0x0a000000 + host));
		ck_assert(comes_from(0x0a000000 + host));
		admission_leave(&session);
	}
	ck_assert_str_eq(stderr_caught(), "tester: too many sources to count: those that are new are "
	    "let in\n");
	ck_assert(!comes_from(0x7f000001));
}
END_TEST

START_TEST(full_table_is_no_news_where_only_errors_are)
{
	log_adjust(LOG_ERR, true);
	crowd();
	for (uint32_t host = 1; host <= 3; host++)
		ck_assert(comes_from(0x0a000000 + host));
	ck_assert_str_eq(stderr_caught(), "");
	log_adjust(LOG_NOTICE, true); /* and nothing of what may be said has been used up */
	ck_assert(comes_from(0x0a000004));
	ck_assert_str_ne(stderr_caught(), "");
}
END_TEST

START_TEST(client_without_an_ip_address_is_let_in)
{
	session = (struct session){ .slot = &worker.board->slots[0],
		.peer = { .sin6_family = AF_UNIX }, .peer_length = sizeof(sa_family_t) };
	ck_assert(admission_grants(&session));
	ck_assert(admission_grants(&session));
}
END_TEST

Suite *admission_suite(void)
{
	Suite *suite = suite_create("admission");
	TCase *tcase = tcase_create("door");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, open_door, close_door);
	tcase_add_test(tcase, source_comes_again_when_it_has_left);
	tcase_add_test(tcase, full_table_lets_new_sources_in_and_is_told_once);
	tcase_add_test(tcase, full_table_is_no_news_where_only_errors_are);
	tcase_add_test(tcase, client_without_an_ip_address_is_let_in);
	suite_add_tcase(suite, tcase);
	return suite;
}
