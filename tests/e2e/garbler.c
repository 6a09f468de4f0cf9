/* SPDX-License-Identifier: ISC */
/*
 * garbler: an echo server that spoils a stream at one place, or does not answer.
 *
 *     garbler flip|drop|double|hold|close|reset PLACE
 *     garbler deaf
 *
 * Listens on a free port of 127.0.0.1, prints the port, serves one client:
 *   flip     inverts the byte at PLACE, counted from 0
 *   drop     leaves it out
 *   double   sends it twice
 *   hold     echoes nothing until PLACE bytes have come
 *   close    closes when PLACE bytes were echoed
 *   reset    resets the connection then
 *   deaf     has a full queue, and lets nobody in, until it is killed
 */
#include "common/nethelp.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is(const char *way, const char *name)
{
	return strcmp(way, name) == 0;
}

static int listen_somewhere(struct sockaddr_in *address, int backlog)
{
	socklen_t size = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, size) < 0 || listen(fd, backlog) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &size) < 0)
		err(1, "listening");
	return fd;
}

static void print_port(const struct sockaddr_in *address)
{
	printf("%d\n", ntohs(address->sin_port));
	fflush(stdout);
}

/* A queue of length 0 has room for one: with this one in it, no SYN is answered (listen(2)). */
static void let_nobody_in(void)
{
	struct sockaddr_in address;
	int listener = listen_somewhere(&address, 0);
	int first = socket(AF_INET, SOCK_STREAM, 0);

	if (first < 0 || connect(first, (struct sockaddr *)&address, sizeof address) < 0)
		err(1, "filling the queue of %d", listener);
	print_port(&address);
	pause();
}

/* Inverts, drops or doubles the byte at `place` of what came. Returns the new length. */
static size_t spoil(const char *way, char *bytes, size_t length, size_t place)
{
	if (is(way, "flip")) {
		bytes[place] = (char)~bytes[place];
		return length;
	}
	if (is(way, "drop")) {
		memmove(bytes + place, bytes + place + 1, length - place - 1);
		return length - 1;
	}
	memmove(bytes + place + 1, bytes + place, length - place);
	return length + 1;
}

static void send_all(int fd, const char *bytes, size_t length)
{
	if (writen(fd, bytes, length) < 0)
		err(1, "write");
}

static void garble(int fd, const char *way, size_t place)
{
	static char bytes[65536 + 1];
	size_t total = 0;
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof bytes - 1, 0)) > 0) {
		size_t length = (size_t)got;

		if (place >= total && place < total + length)
			length = spoil(way, bytes, length, place - total);
		total += (size_t)got;
		send_all(fd, bytes, length);
	}
}

static void hold(int fd, size_t place)
{
	char *bytes = malloc(place);

	if (bytes == NULL || recv(fd, bytes, place, MSG_WAITALL) != (ssize_t)place)
		err(1, "recv");
	send_all(fd, bytes, place);
	free(bytes);
	garble(fd, "hold", SIZE_MAX);
}

static void echo_until(int fd, size_t place)
{
	static char bytes[65536];
	ssize_t got;

	while (place > 0 && (got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
		size_t length = (size_t)got < place ? (size_t)got : place;

		send_all(fd, bytes, length);
		place -= length;
	}
}

int main(int argc, char **argv)
{
	struct linger at_once = { .l_onoff = 1 };
	const char *way = argc > 1 ? argv[1] : "";
	size_t place = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	struct sockaddr_in address;
	int listener, fd;

	if (is(way, "deaf"))
		let_nobody_in();
	listener = listen_somewhere(&address, 1);
	print_port(&address);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		err(1, "accept");
	if (is(way, "hold"))
		hold(fd, place);
	else if (is(way, "close") || is(way, "reset"))
		echo_until(fd, place);
	else
		garble(fd, way, place);
	if (is(way, "reset"))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
	return 0;
}
