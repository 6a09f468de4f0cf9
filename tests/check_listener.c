/* SPDX-License-Identifier: ISC */
/* The master's listeners: two of one port while one replaces the other, and never longer. */
#include "tests/suites.h"

#include "master/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

static struct settings settings;
static struct net_failure failure;

static void set_address(const char *address, int port)
{
	strlcpy(settings.listen, address, sizeof settings.listen);
	snprintf(settings.port, sizeof settings.port, "%d", port);
	settings.backlog = 16;
}

static int port_of(int fd)
{
	struct sockaddr_in6 address;
	socklen_t length = sizeof address;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin6_port);
}

static int open_at(const char *address, int port, int ours)
{
	int fd;

	set_address(address, port);
	fd = listener_bind(&settings, &ours, 1, &failure);
	return fd >= 0 ? listener_begin(fd, &settings, &failure) : -1;
}

START_TEST(port_of_ours_can_be_had_again_for_a_narrower_address)
{
	int all = open_at("*", 0, -1);
	int one = open_at("127.0.0.1", port_of(all), all);

	ck_assert_int_ge(one, 0);
	ck_assert_int_eq(port_of(one), port_of(all));
	ck_assert(!listener_is_same(one, all));
	close(one);
	close(all);
}
END_TEST

START_TEST(second_server_is_told_that_the_port_is_in_use)
{
	int all = open_at("*", 0, -1);
	int one = open_at("127.0.0.1", port_of(all), all);

	ck_assert_int_eq(open_at("127.0.0.1", port_of(one), -1), -1);
	ck_assert_int_eq(failure.error, EADDRINUSE);
	close(all);
	ck_assert_int_eq(open_at("127.0.0.1", port_of(one), -1), -1);
	ck_assert_int_eq(failure.error, EADDRINUSE);
	close(one);
}
END_TEST

START_TEST(address_can_be_had_again_while_it_is_being_closed)
{
	int old = open_at("127.0.0.1", 0, -1);
	int again = open_at("127.0.0.1", port_of(old), old);
	int client;

	ck_assert_int_ge(again, 0);
	ck_assert(listener_is_same(old, again));
	close(old);
	snprintf(settings.port, sizeof settings.port, "%d", port_of(again));
	client = open_clientfd("127.0.0.1", settings.port, &failure);
	ck_assert_int_ge(client, 0);
	close(client);
	close(again);
}
END_TEST

START_TEST(port_of_a_stranger_cannot_be_had)
{
	int stranger = open_at("127.0.0.1", 0, -1);
	int ours = open_at("127.0.0.1", 0, -1);

	set_shared_port(stranger); /* not even of one that would share it */
	ck_assert_int_eq(open_at("127.0.0.1", port_of(stranger), ours), -1);
	ck_assert_int_eq(failure.error, EADDRINUSE);
	ck_assert_int_eq(open_at("*", port_of(stranger), ours), -1);
	close(stranger);
	close(ours);
}
END_TEST

START_TEST(another_name_for_the_same_address_is_told)
{
	int one = open_at("127.0.0.1", 0, -1);
	int again = open_at("localhost", port_of(one), one);

	if (again >= 0 && port_of(again) == port_of(one)) {
		struct sockaddr_storage address;
		socklen_t length = sizeof address;

		getsockname(again, (struct sockaddr *)&address, &length);
		if (address.ss_family == AF_INET)
			ck_assert(listener_is_same(one, again));
	}
	ck_assert(listener_is_same(one, one));
	ck_assert(!listener_is_same(one, -1));
	close(one);
	if (again >= 0)
		close(again);
}
END_TEST

START_TEST(listener_without_a_blocking_accept)
{
	int fd = open_at("127.0.0.1", 0, -1);

	ck_assert_int_eq(listener_set_nonblocking(fd), 0);
	ck_assert_int_eq(accept(fd, NULL, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(listener_set_nonblocking(-1), -1);
	close(fd);
}
END_TEST

START_TEST(queue_and_its_limit_are_told)
{
	int fd = open_at("127.0.0.1", 0, -1);
	int client;

	ck_assert_int_eq(listener_depth(fd), 0);
	ck_assert_int_eq(listener_limit(fd), 16);
	client = open_clientfd("127.0.0.1", settings.port, &failure);
	ck_assert_int_eq(client, -1); /* the setting says 0: any */
	snprintf(settings.port, sizeof settings.port, "%d", port_of(fd));
	client = open_clientfd("127.0.0.1", settings.port, &failure);
	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(listener_depth(fd), 1);
	ck_assert_int_eq(listener_depth(-1), -1);
	close(client);
	close(fd);
}
END_TEST

/* What is wrong, and the exit code that says so. */
static const struct {
	int error;
	int code;
} reasons[] = {
	{ EACCES, EX_NOPERM }, { EPERM, EX_NOPERM }, { EMFILE, EX_OSERR }, { ENFILE, EX_OSERR },
	{ ENOBUFS, EX_OSERR }, { ENOMEM, EX_OSERR }, { EADDRINUSE, EX_UNAVAILABLE },
	{ EADDRNOTAVAIL, EX_UNAVAILABLE },
};

START_TEST(reason_becomes_an_exit_code)
{
	/* What it logs goes to standard error, which is not looked at here. */
	int saved = dup(STDERR_FILENO);
	int nowhere = open("/dev/null", O_WRONLY);

	dup2(nowhere, STDERR_FILENO);
	failure = (struct net_failure){ .step = "bind", .error = reasons[_i].error };
	set_address("*", 5000);
	ck_assert_int_eq(listener_explain(&settings, &failure), reasons[_i].code);
	set_address("*", 7);
	ck_assert_int_eq(listener_explain(&settings, &failure), reasons[_i].code);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(nowhere);
}
END_TEST

Suite *listener_suite(void)
{
	Suite *suite = suite_create("listener");
	TCase *tcase = tcase_create("sockets");

	tcase_add_test(tcase, port_of_ours_can_be_had_again_for_a_narrower_address);
	tcase_add_test(tcase, second_server_is_told_that_the_port_is_in_use);
	tcase_add_test(tcase, address_can_be_had_again_while_it_is_being_closed);
	tcase_add_test(tcase, port_of_a_stranger_cannot_be_had);
	tcase_add_test(tcase, another_name_for_the_same_address_is_told);
	tcase_add_test(tcase, listener_without_a_blocking_accept);
	tcase_add_test(tcase, queue_and_its_limit_are_told);
	tcase_add_loop_test(tcase, reason_becomes_an_exit_code, 0,
	    sizeof reasons / sizeof reasons[0]);
	suite_add_tcase(suite, tcase);
	return suite;
}
