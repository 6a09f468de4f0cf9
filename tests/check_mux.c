/* SPDX-License-Identifier: ISC */
/* The event engine: its lines, buffers and fairness, and one connection turn by turn. */
#include "tests/suites.h"

#include "common/nethelp.h"
#include "worker/fairness.h"
#include "worker/mux_parts.h"
#include "worker/orders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- turns ---- */

START_TEST(turns_come_in_order_and_once_each)
{
	struct turns turns;
	struct turn turn[3] = { 0 };

	turns_init(&turns);
	ck_assert_ptr_null(turns_take(&turns));
	for (int i = 0; i < 3; i++)
		turns_add(&turns, &turn[i]);
	turns_add(&turns, &turn[0]); /* waits already, and keeps its place */
	ck_assert_uint_eq(turns.count, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(turns_take(&turns), &turn[i]);
	ck_assert_ptr_null(turns_take(&turns));
	ck_assert_uint_eq(turns.count, 0);
}
END_TEST

START_TEST(who_goes_on_goes_to_the_end)
{
	struct turns turns;
	struct turn greedy = { 0 }, other = { 0 };

	turns_init(&turns);
	turns_add(&turns, &greedy);
	turns_add(&turns, &other);
	ck_assert_ptr_eq(turns_take(&turns), &greedy);
	turns_add(&turns, &greedy);
	ck_assert_ptr_eq(turns_take(&turns), &other);
	ck_assert_ptr_eq(turns_take(&turns), &greedy);
}
END_TEST

START_TEST(who_is_taken_out_has_no_turn)
{
	struct turns turns;
	struct turn turn[3] = { 0 };

	turns_init(&turns);
	for (int i = 0; i < 3; i++)
		turns_add(&turns, &turn[i]);
	turns_remove(&turns, &turn[1]);
	turns_remove(&turns, &turn[1]);
	ck_assert_uint_eq(turns.count, 2);
	ck_assert_ptr_eq(turns_take(&turns), &turn[0]);
	ck_assert_ptr_eq(turns_take(&turns), &turn[2]);
}
END_TEST

/* ---- buffers ---- */

START_TEST(buffers_are_lent_again_and_only_a_few_are_kept)
{
	struct buffers buffers = { .size = 4096 };
	char *lent[BUFFERS_SPARE * 2];

	for (unsigned i = 0; i < BUFFERS_SPARE * 2; i++) {
		lent[i] = buffers_borrow(&buffers);
		ck_assert_ptr_nonnull(lent[i]);
		memset(lent[i], (int)i, 4096);
	}
	ck_assert_uint_eq(buffers.lent, BUFFERS_SPARE * 2);
	for (unsigned i = 0; i < BUFFERS_SPARE * 2; i++)
		ck_assert_int_eq(lent[i][4095], (char)i);
	for (unsigned i = 0; i < BUFFERS_SPARE * 2; i++)
		buffers_return(&buffers, lent[i]);
	ck_assert_uint_eq(buffers.lent, 0);
	ck_assert_uint_eq(buffers.spare, BUFFERS_SPARE);
	ck_assert_ptr_eq(buffers_borrow(&buffers), lent[BUFFERS_SPARE - 1]);
	ck_assert_uint_eq(buffers.spare, BUFFERS_SPARE - 1);
}
END_TEST

/* ---- fairness ---- */

START_TEST(ahead_is_an_eighth_and_one_above_the_mean)
{
	ck_assert(!fairness_ahead(0, 0, 1));
	ck_assert(!fairness_ahead(1000, 1000, 1)); /* alone */
	ck_assert(!fairness_ahead(1, 1, 4));
	ck_assert(fairness_ahead(2, 2, 4));
	ck_assert(!fairness_ahead(113, 400, 4)); /* 100 + 12.5 + 1 = 113.5 */
	ck_assert(fairness_ahead(114, 400, 4));
	ck_assert(!fairness_ahead(100, 400, 4));
}
END_TEST

static void put_at_door(struct board *board, unsigned number, unsigned generation, unsigned open)
{
	board_assign(board, number, generation, 100);
	board_set_open(&board->slots[number], open);
	board_set_at_door(&board->slots[number], true);
}

START_TEST(only_workers_of_the_same_generation_are_compared)
{
	struct board *board = board_open(300);

	put_at_door(board, 0, 1, 90); /* an old one, with sessions left */
	put_at_door(board, 1, 2, 5);
	put_at_door(board, 299, 2, 5);
	ck_assert(!fairness_ahead_on_board(board, 0));
	ck_assert(!fairness_ahead_on_board(board, 1));
	put_at_door(board, 2, 2, 0);
	board_set_open(&board->slots[1], 9);
	ck_assert(fairness_ahead_on_board(board, 1));
	ck_assert(!fairness_ahead_on_board(board, 2));
	board_close(board);
}
END_TEST

START_TEST(the_last_at_the_door_is_never_ahead)
{
	struct board *board = board_open(3);

	put_at_door(board, 0, 1, 9);
	put_at_door(board, 1, 1, 0);
	put_at_door(board, 2, 1, 0);
	ck_assert(fairness_ahead_on_board(board, 0));
	board_set_at_door(&board->slots[1], false);
	ck_assert(fairness_ahead_on_board(board, 0));
	board_set_at_door(&board->slots[2], false);
	ck_assert(!fairness_ahead_on_board(board, 0));
	board_assign(board, 1, 1, 100); /* a new one does not stand there yet */
	ck_assert(!fairness_ahead_on_board(board, 0));
	board_close(board);
}
END_TEST

/* ---- trouble with accept(2) ---- */

START_TEST(failures_in_a_row_become_a_pause_and_pauses_grow)
{
	struct accept_trouble trouble = { 0 };

	for (int i = 0; i < 63; i++)
		ck_assert_int_eq(accept_judge(&trouble, ECONNABORTED), ACCEPT_AGAIN);
	ck_assert_int_eq(accept_judge(&trouble, ECONNABORTED), ACCEPT_PAUSE);
	ck_assert_int_eq(accept_judge(&trouble, EPERM), ACCEPT_PAUSE);
	ck_assert_int_eq(accept_judge(&trouble, EINVAL), ACCEPT_FATAL);
	ck_assert_int_eq(accept_pause_ms(&trouble), 50);
	ck_assert_int_eq(accept_pause_ms(&trouble), 100);
	ck_assert_int_eq(accept_pause_ms(&trouble), 200);
	for (int i = 0; i < 100; i++)
		accept_pause_ms(&trouble);
	ck_assert_int_eq(accept_pause_ms(&trouble), 1000);
	ck_assert_int_eq(accept_judge(&(struct accept_trouble){ 0 }, EMFILE), ACCEPT_PAUSE);
}
END_TEST

START_TEST(failures_of_different_moments_do_not_add_up)
{
	struct accept_trouble trouble = { 0 };

	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(accept_judge(&trouble, ECONNABORTED), ACCEPT_AGAIN);
		ck_assert_int_eq(accept_judge(&trouble, EAGAIN), ACCEPT_EMPTY);
	}
	for (int i = 0; i < 100; i++)
		accept_judge(&trouble, EAGAIN);
	for (int i = 0; i < 63; i++)
		ck_assert_int_eq(accept_judge(&trouble, EPERM), ACCEPT_REFUSED);
	accept_pause_ms(&trouble);
	ck_assert_int_eq(accept_judge(&trouble, EAGAIN), ACCEPT_EMPTY);
	ck_assert_int_eq(accept_pause_ms(&trouble), 50);
}
END_TEST

/* ---- a connection ---- */

#define BUFFER_SIZE 4096

static struct board *board;
static struct worker worker;
static struct connection places[MUX_PLACES(2)];
static char buffer[BUFFER_SIZE];
static struct mux mux;
static int client; /* the other end of the connection, non-blocking */

static struct connection *only(void)
{
	return &places[0];
}

static void make_engine(void)
{
	board = board_open(1);
	board_assign(board, 0, 1, 2);
	worker = (struct worker){ .connections = 2, .buffer_size = BUFFER_SIZE, .board = board };
	memset(places, 0, sizeof places);
	orders = (struct orders){ 0 };
	mux = (struct mux){ .worker = &worker, .slot = &board->slots[0], .buffer = buffer,
		.buffers.size = BUFFER_SIZE, .places = places, .now = 1000,
		.epoll = epoll_create1(0) };
	turns_init(&mux.turns);
	delays_init(&mux.silent, 0);
	delays_init(&mux.life, 0);
	delays_init(&mux.idle, 0);
	delays_init(&mux.unsent, 0);
	delays_init(&mux.last_words, 500);
	delays_init(&mux.linger, 1000);
}

static void begin(int fd)
{
	struct connection *place = connection_place(&mux);

	place->session = (struct session){ .fd = fd, .slot = mux.slot, .ending = &orders.ending,
		.limits = &worker.limits, .cut_lines = &board->line[BOARD_LINE_CUT_OFF] };
	ck_assert_int_eq(connection_begin(&mux, place), 0);
}

static void connect_locally(void)
{
	int fds[2];
	int small = 4096;

	make_engine();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	client = fds[0];
	begin(fds[1]);
}

static void disconnect(void)
{
	close(client);
	for (int i = 0; i < MUX_PLACES(2); i++)
		if (places[i].phase != CONNECTION_FREE)
			connection_close(&mux, &places[i]);
	close(mux.epoll);
	board_close(board);
}

/* What the loop does: events, then turns, until nobody can go on. */
static void run(void)
{
	struct epoll_event events[2];
	int count;

	while ((count = epoll_wait(mux.epoll, events, 2, 0)) > 0 || mux.turns.count > 0) {
		struct turn *turn;

		for (int i = 0; i < count; i++)
			connection_event(&mux, events[i].data.ptr, events[i].events);
		turn = turns_take(&mux.turns);
		if (turn != NULL)
			connection_turn(&mux, (struct connection *)((char *)turn -
			    offsetof(struct connection, turn)));
	}
}

static void client_sends(const char *text)
{
	ck_assert_int_eq(writen(client, text, strlen(text)), 0);
}

static const char *client_has(void)
{
	static char text[1024];
	ssize_t got = recv(client, text, sizeof text - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

START_TEST(echo_comes_back_and_the_place_is_free_after_the_end)
{
	client_sends("hello");
	run();
	ck_assert_str_eq(client_has(), "hello");
	ck_assert_uint_eq(mux.open, 1);
	client_sends("the last");
	shutdown(client, SHUT_WR);
	run();
	ck_assert_str_eq(client_has(), "the last");
	ck_assert_int_eq(recv(client, &(char){ 0 }, 1, 0), 0);
	ck_assert_uint_eq(mux.open, 0);
	ck_assert_uint_eq(board_get_open(mux.slot), 0);
	ck_assert_ptr_eq(connection_place(&mux), only());
}
END_TEST

/* Sends until it is full at both ends; returns how much. */
static size_t overfill(void)
{
	char block[1000];
	size_t sent = 0;
	ssize_t more;

	do {
		for (size_t i = 0; i < sizeof block; i++)
			block[i] = (char)((sent + i) % 251);
		more = send(client, block, sizeof block, 0);
		sent += more > 0 ? (size_t)more : 0;
		run();
	} while (more > 0);
	return sent;
}

START_TEST(what_is_not_taken_is_kept_in_one_buffer_and_reading_stops)
{
	size_t sent = overfill();
	size_t taken = 0;
	char byte;

	ck_assert_uint_eq(mux.buffers.lent, 1);
	ck_assert_uint_le(only()->rest_end, BUFFER_SIZE);
	ck_assert_uint_lt(only()->session.bytes_in, sent);
	while (taken < sent) {
		if (recv(client, &byte, 1, 0) == 1)
			ck_assert_int_eq(byte, (char)(taken++ % 251));
		else
			run();
	}
	run();
	ck_assert_uint_eq(only()->session.bytes_out, sent);
	ck_assert_uint_eq(mux.buffers.lent, 0);
}
END_TEST

START_TEST(what_is_kept_when_the_client_has_said_all_is_sent_before_the_close)
{
	size_t taken = 0;
	size_t sent;
	ssize_t got;

	overfill();
	/* As at the client's end, at which the protocol had so much left to say. */
	only()->session.end = SESSION_CLOSED;
	only()->over = true;
	connection_turn(&mux, only());
	sent = only()->session.bytes_in;
	while ((got = recv(client, &(char[100]){ 0 }, 100, 0)) != 0) {
		taken += got > 0 ? (size_t)got : 0;
		run();
	}
	ck_assert_uint_eq(taken, sent);
	ck_assert_uint_eq(mux.open, 0);
	ck_assert_uint_eq(mux.buffers.lent, 0);
}
END_TEST

START_TEST(a_reply_that_finds_no_room_breaks_the_session)
{
	char block[BUFFER_SIZE] = { 0 };

	overfill();
	ck_assert_int_eq(session_reply(&only()->session, block, sizeof block), -1);
	ck_assert_int_eq(only()->session.end, SESSION_BROKEN);
	ck_assert_int_eq(only()->session.error, ENOBUFS);
}
END_TEST

START_TEST(end_now_serves_what_has_arrived_and_then_lingers)
{
	client_sends("arrived");
	orders.ending = 1;
	connection_hurry(&mux, only());
	connection_turn(&mux, only());
	client_sends("too late");
	run();
	ck_assert_str_eq(client_has(), "arrived");
	ck_assert_int_eq(recv(client, &(char){ 0 }, 1, 0), 0);
	ck_assert_uint_eq(mux.open, 0);
	ck_assert_uint_eq(mux.lingering, 1);
	ck_assert_int_eq(delays_next(&mux.linger), 2000);
	shutdown(client, SHUT_WR);
	run();
	ck_assert_uint_eq(mux.lingering, 0);
}
END_TEST

START_TEST(connection_that_begins_after_end_now_is_ended_too)
{
	int fds[2];

	orders.ending = 1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	begin(fds[1]);
	run();
	ck_assert_int_eq(recv(fds[0], &(char){ 0 }, 1, 0), 0);
	ck_assert_int_eq(places[1].phase, CONNECTION_LINGERING);
	close(fds[0]);
}
END_TEST

static void turn_away(int fd)
{
	struct connection *place = connection_place(&mux);

	place->session = (struct session){ .fd = fd };
	ck_assert_int_eq(connection_turn_away(&mux, place), 0);
}

START_TEST(who_lingers_takes_nobodys_place_and_the_oldest_gives_way)
{
	enum { FLOOD = LINGER_MAX + 50 };
	int fds[FLOOD][2];

	for (int i = 0; i < FLOOD; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds[i]), 0);
		turn_away(fds[i][1]);
	}
	ck_assert_uint_eq(mux.open, 1);
	ck_assert_uint_eq(mux.lingering, MUX_PLACES(2) - 1);
	ck_assert_int_eq(send(fds[0][0], "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(send(fds[FLOOD - MUX_PLACES(2)][0], "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(send(fds[FLOOD - MUX_PLACES(2) + 1][0], "x", 1, MSG_NOSIGNAL), 1);
	close(client);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds[0]), 0);
	begin(fds[0][1]);
	client = fds[0][0];
	ck_assert_uint_eq(mux.open, 2);
	client_sends("hello");
	run();
	ck_assert_str_eq(client_has(), "hello");
}
END_TEST

/* Who reads gets time again with each byte, who does not is on one clock or the other. */
START_TEST(silence_and_not_reading_are_timed_each_by_its_own_clock)
{
	mux.idle.length = 100;
	mux.unsent.length = 30;
	client_sends("hello");
	run();
	ck_assert_int_eq(delays_next(&mux.idle), 1100);
	ck_assert_int_eq(delays_next(&mux.unsent), INT64_MAX);
	mux.now = 1050;
	overfill();
	ck_assert_int_eq(delays_next(&mux.idle), INT64_MAX);
	ck_assert_int_eq(delays_next(&mux.unsent), 1080);
	mux.now = 1070;
	while (recv(client, &(char[4096]){ 0 }, 4096, 0) > 0)
		run();
	ck_assert_int_eq(delays_next(&mux.idle), 1170);
	ck_assert_int_eq(delays_next(&mux.unsent), INT64_MAX);
}
END_TEST

/* A read stops at urgent data, although more has come: nobody would tell of that again. */
START_TEST(bytes_behind_urgent_data_are_not_forgotten)
{
	struct net_failure failure;
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	int listener = open_listenfd("127.0.0.1", "0", 1, &failure);
	char port[8];
	int remote;

	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
	remote = open_clientfd("127.0.0.1", port, &failure);
	begin(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
	ck_assert_int_eq(send(remote, "before", 6, 0), 6);
	ck_assert_int_eq(send(remote, "!", 1, MSG_OOB), 1);
	ck_assert_int_eq(send(remote, "behind", 6, 0), 6);
	run(); /* over loopback all of it is there by now */
	ck_assert_uint_eq(places[1].session.bytes_in, 12);
	close(remote);
	close(listener);
}
END_TEST

Suite *mux_suite(void)
{
	Suite *suite = suite_create("mux");
	TCase *parts = tcase_create("parts");
	TCase *connection = tcase_create("connection");

	tcase_add_test(parts, turns_come_in_order_and_once_each);
	tcase_add_test(parts, who_goes_on_goes_to_the_end);
	tcase_add_test(parts, who_is_taken_out_has_no_turn);
	tcase_add_test(parts, buffers_are_lent_again_and_only_a_few_are_kept);
	tcase_add_test(parts, ahead_is_an_eighth_and_one_above_the_mean);
	tcase_add_test(parts, only_workers_of_the_same_generation_are_compared);
	tcase_add_test(parts, the_last_at_the_door_is_never_ahead);
	tcase_add_test(parts, failures_in_a_row_become_a_pause_and_pauses_grow);
	tcase_add_test(parts, failures_of_different_moments_do_not_add_up);
	suite_add_tcase(suite, parts);
	tcase_set_timeout(connection, 30);
	tcase_add_checked_fixture(connection, connect_locally, disconnect);
	tcase_add_test(connection, echo_comes_back_and_the_place_is_free_after_the_end);
	tcase_add_test(connection, what_is_not_taken_is_kept_in_one_buffer_and_reading_stops);
	tcase_add_test(connection,
	    what_is_kept_when_the_client_has_said_all_is_sent_before_the_close);
	tcase_add_test(connection, a_reply_that_finds_no_room_breaks_the_session);
	tcase_add_test(connection, end_now_serves_what_has_arrived_and_then_lingers);
	tcase_add_test(connection, connection_that_begins_after_end_now_is_ended_too);
	tcase_add_test(connection, who_lingers_takes_nobodys_place_and_the_oldest_gives_way);
	tcase_add_test(connection, silence_and_not_reading_are_timed_each_by_its_own_clock);
	tcase_add_test(connection, bytes_behind_urgent_data_are_not_forgotten);
	suite_add_tcase(suite, connection);
	return suite;
}
