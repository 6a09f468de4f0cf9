/* SPDX-License-Identifier: ISC */
/* Rules about who may connect: what is a network, which rule decides, and what if none does. */
#include "tests/suites.h"

#include "common/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static struct access rules;

static void forget(void)
{
	memset(&rules, 0, sizeof rules);
}

static void add(bool allows, const char *network)
{
	ck_assert_msg(access_add(&rules, allows, network) == 0, "'%s'", network);
}

/* An address as a socket of its own family sees it. */
static struct access_address address_of(const char *text)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct access_address address;
	const void *from = &four;

	if (inet_pton(AF_INET, text, &four.sin_addr) != 1) {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
		from = &six;
	}
	ck_assert(access_address_of(from, &address));
	return address;
}

static bool allowed(const char *text)
{
	struct access_address address = address_of(text);

	return access_allows(&rules, &address);
}

/* ---- networks ---- */

static const struct { const char *text; const char *printed; } networks[] = {
	{ "*", "*" }, { "all", "*" },
	{ "192.0.2.1", "192.0.2.1" }, { "192.0.2.1/32", "192.0.2.1" },
	{ "192.0.2.0/24", "192.0.2.0/24" }, { "0.0.0.0/0", "0.0.0.0/0" },
	{ "128.0.0.0/1", "128.0.0.0/1" }, { "192.0.2.128/25", "192.0.2.128/25" },
	{ "2001:db8::1", "2001:db8::1" }, { "2001:DB8:0::1/128", "2001:db8::1" },
	{ "2001:db8::/32", "2001:db8::/32" }, { "::/0", "::/0" }, { "fe80::/10", "fe80::/10" },
	{ "::ffff:192.0.2.0/120", "192.0.2.0/24" }, { "::ffff:192.0.2.7", "192.0.2.7" },
	{ "::ffff:0:0/96", "0.0.0.0/0" },
};

START_TEST(network_is_read_and_printed)
{
	char text[ACCESS_TEXT_MAX];

	add(true, networks[_i].text);
	ck_assert_str_eq(access_network_text(&rules.rule[0], text), networks[_i].printed);
	forget();
	add(true, networks[_i].printed);
	ck_assert_str_eq(access_network_text(&rules.rule[0], text), networks[_i].printed);
}
END_TEST

static const char *const wrong[] = {
	"", "/", "/8", "*/0", "all/8", "ALL", "any", "localhost", "10", "10.0.0", "10.0.0/24",
	"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8 ",
	" 10.0.0.0/8", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "256.0.0.1", "::/129", ":::", "::1%lo",
	"10.0.0.1/8", "192.0.2.129/24", "2001:db8::1/64", "::1/0", "128.0.0.0/0",
	"::ffff:0:0/95", "::ffff:10.0.0.1/97",
	"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
};

START_TEST(wrong_network_is_refused)
{
	ck_assert_int_eq(access_add(&rules, true, wrong[_i]), -1);
	ck_assert_uint_eq(rules.count, 0);
	ck_assert(!rules.has_allow);
}
END_TEST

START_TEST(rule_that_does_not_fit_in_is_refused)
{
	for (unsigned i = 0; i < ACCESS_RULES_MAX; i++)
		add(false, "192.0.2.1");
	ck_assert_int_eq(access_add(&rules, true, "192.0.2.1"), -1);
	ck_assert_uint_eq(rules.count, ACCESS_RULES_MAX);
	ck_assert(!rules.has_allow);
}
END_TEST

/* ---- who may come ---- */

START_TEST(without_rules_everybody_may_come)
{
	ck_assert(allowed("192.0.2.1"));
	ck_assert(allowed("::1"));
}
END_TEST

START_TEST(with_denies_alone_all_others_may_come)
{
	add(false, "10.0.0.0/8");
	ck_assert(!allowed("10.0.0.0"));
	ck_assert(!allowed("10.255.255.255"));
	ck_assert(allowed("9.255.255.255"));
	ck_assert(allowed("11.0.0.0"));
	ck_assert(allowed("a00::"));
}
END_TEST

START_TEST(with_an_allow_nobody_else_may_come)
{
	add(true, "192.0.2.0/24");
	ck_assert(allowed("192.0.2.255"));
	ck_assert(!allowed("192.0.3.0"));
	ck_assert(!allowed("::1"));
}
END_TEST

START_TEST(first_rule_that_fits_decides)
{
	add(false, "10.1.0.0/16");
	add(true, "10.0.0.0/8");
	add(false, "10.2.0.0/16"); /* too late */
	add(true, "2001:db8::/32");
	ck_assert(!allowed("10.1.2.3"));
	ck_assert(allowed("10.2.2.3"));
	ck_assert(allowed("2001:db8::5"));
	ck_assert(!allowed("2001:db9::5"));
	forget();
	add(true, "10.0.0.0/8");
	add(false, "10.1.0.0/16");
	ck_assert(allowed("10.1.2.3"));
}
END_TEST

START_TEST(networks_end_at_any_bit)
{
	add(false, "192.0.2.136/29");
	ck_assert(allowed("192.0.2.135"));
	ck_assert(!allowed("192.0.2.136"));
	ck_assert(!allowed("192.0.2.143"));
	ck_assert(allowed("192.0.2.144"));
	add(false, "2001:db8:8000::/33");
	ck_assert(allowed("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
	ck_assert(!allowed("2001:db8:8000::"));
	add(false, "198.51.100.7");
	ck_assert(!allowed("198.51.100.7"));
	ck_assert(allowed("198.51.100.6"));
}
END_TEST

START_TEST(mapped_address_is_ipv4)
{
	add(false, "192.0.2.0/24");
	ck_assert(!allowed("::ffff:192.0.2.9"));
	ck_assert(allowed("::ffff:192.0.3.9"));
	ck_assert(allowed("::192.0.2.9"));
	forget();
	add(false, "::ffff:192.0.2.0/120");
	ck_assert(!allowed("192.0.2.9"));
}
END_TEST

START_TEST(family_is_what_it_says)
{
	add(false, "::/0");
	ck_assert(!allowed("::1"));
	ck_assert(allowed("::ffff:192.0.2.1"));
	ck_assert(allowed("192.0.2.1"));
	forget();
	add(false, "0.0.0.0/0");
	ck_assert(!allowed("::ffff:192.0.2.1"));
	ck_assert(allowed("::1"));
	forget();
	add(false, "*");
	ck_assert(!allowed("192.0.2.1"));
	ck_assert(!allowed("::1"));
}
END_TEST

START_TEST(other_families_have_no_address)
{
	struct sockaddr_storage unix_socket = { .ss_family = AF_UNIX };
	struct access_address address;

	ck_assert(!access_address_of((struct sockaddr *)&unix_socket, &address));
}
END_TEST

START_TEST(last_rules_are_moved_in_order)
{
	static const char *const given[] = { "0.0.0.1", "0.0.0.5", "0.0.0.6", "0.0.0.2", "0.0.0.3" };
	static const char *const expected[] = { "0.0.0.1", "0.0.0.2", "0.0.0.3", "0.0.0.5",
		"0.0.0.6" };
	char text[ACCESS_TEXT_MAX];

	for (int i = 0; i < 5; i++)
		add(false, given[i]);
	access_move_last(&rules, 2, 1);
	for (int i = 0; i < 5; i++)
		ck_assert_str_eq(access_network_text(&rules.rule[i], text), expected[i]);
}
END_TEST

Suite *access_suite(void)
{
	Suite *suite = suite_create("access");
	TCase *tcase = tcase_create("rules");

	tcase_add_checked_fixture(tcase, forget, NULL);
	tcase_add_loop_test(tcase, network_is_read_and_printed, 0,
	    sizeof networks / sizeof networks[0]);
	tcase_add_loop_test(tcase, wrong_network_is_refused, 0, sizeof wrong / sizeof wrong[0]);
	tcase_add_test(tcase, rule_that_does_not_fit_in_is_refused);
	tcase_add_test(tcase, without_rules_everybody_may_come);
	tcase_add_test(tcase, with_denies_alone_all_others_may_come);
	tcase_add_test(tcase, with_an_allow_nobody_else_may_come);
	tcase_add_test(tcase, first_rule_that_fits_decides);
	tcase_add_test(tcase, networks_end_at_any_bit);
	tcase_add_test(tcase, mapped_address_is_ipv4);
	tcase_add_test(tcase, family_is_what_it_says);
	tcase_add_test(tcase, other_families_have_no_address);
	tcase_add_test(tcase, last_rules_are_moved_in_order);
	suite_add_tcase(suite, tcase);
	return suite;
}
