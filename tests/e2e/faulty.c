/* SPDX-License-Identifier: ISC */
/*
 * faulty: an echo server that does one thing wrong on every connection, for as
 * long as it runs and to as many clients as come.
 *
 *     faulty WAY
 *
 * Takes a free port of 127.0.0.1, prints it, and serves each client in a
 * process of its own:
 *   refused       holds the port and does not listen
 *   full          listens, and its queue is full: a connect gets no answer
 *   reset-before  resets when it has received something, before it answers
 *   reset-after   echoes, and resets when half a second has passed
 *   silent        receives, and never answers
 *   short         echoes all but one byte of what comes first, and closes in order
 *   flipped       echoes, byte 10 of the connection with one bit changed
 *   missing       echoes, without byte 10
 *   doubled       echoes, byte 10 twice
 *   surplus       echoes, and adds a byte at the end of what comes first
 *   at-end        echoes nothing before the client has closed its sending side
 *   holding       echoes, and never closes, not even when the client has
 *   lines         echoes each line when it is complete
 *   stalling      echoes, but not in the first 200 ms of each second
 *   trickling     echoes a byte each half a second
 */
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FAULTY_BYTE 10
#define STALL_MS 200
#define HEALTHY_MS 500
#define TRICKLE_US 500000

/* Room for one byte more than is received. */
static char buffer[1024 * 1024 + 1];

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int bound_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		err(1, "binding");
	printf("%d\n", ntohs(address.sin_port));
	return fd;
}

/* A queue for none has room for one: for a connect of our own, which nobody accepts. */
static void listen_full(int listener)
{
	struct sockaddr_in address;
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || listen(listener, 0) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    connect(fd, (struct sockaddr *)&address, size) < 0)
		err(1, "filling the queue");
}

static size_t receive(int fd)
{
	ssize_t got = recv(fd, buffer, sizeof buffer - 1, 0);

	if (got <= 0)
		exit(0);
	return (size_t)got;
}

static void answer(int fd, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t sent = send(fd, buffer + done, size - done, MSG_NOSIGNAL);

		if (sent < 0)
			exit(0);
		done += (size_t)sent;
	}
}

static void echo_on(int fd)
{
	for (;;)
		answer(fd, receive(fd));
}

static void hold(int fd)
{
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
		answer(fd, (size_t)got);
	for (;;)
		pause();
}

static void reset(int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

static void reset_before(int fd)
{
	receive(fd);
	reset(fd);
}

static void reset_after(int fd)
{
	for (long end = now_ms() + HEALTHY_MS; now_ms() < end;)
		answer(fd, receive(fd));
	receive(fd);
	reset(fd);
}

static void silent(int fd)
{
	for (;;)
		receive(fd);
}

static void end_short(int fd)
{
	answer(fd, receive(fd) - 1);
	shutdown(fd, SHUT_WR);
	silent(fd);
}

/* The first bytes up to the one that is to be treated, and what came along with them. */
static size_t receive_enough(int fd)
{
	size_t have = 0;

	while (have <= FAULTY_BYTE) {
		ssize_t got = recv(fd, buffer + have, sizeof buffer - 1 - have, 0);

		if (got <= 0)
			exit(0);
		have += (size_t)got;
	}
	return have;
}

static void flip(int fd)
{
	size_t size = receive_enough(fd);

	buffer[FAULTY_BYTE] ^= 1;
	answer(fd, size);
	echo_on(fd);
}

static void leave_out(int fd)
{
	size_t size = receive_enough(fd);
	char *byte = buffer + FAULTY_BYTE;

	memmove(byte, byte + 1, size - FAULTY_BYTE - 1);
	answer(fd, size - 1);
	echo_on(fd);
}

static void send_twice(int fd)
{
	size_t size = receive_enough(fd);
	char *byte = buffer + FAULTY_BYTE;

	memmove(byte + 1, byte, size - FAULTY_BYTE);
	answer(fd, size + 1);
	echo_on(fd);
}

static void add(int fd)
{
	size_t size = receive(fd);

	buffer[size] = '!';
	answer(fd, size + 1);
	echo_on(fd);
}

static void echo_lines(int fd)
{
	size_t have = 0;
	ssize_t got;

	while ((got = recv(fd, buffer + have, sizeof buffer - have, 0)) > 0) {
		char *newline;

		have += (size_t)got;
		newline = memrchr(buffer, '\n', have);
		if (newline != NULL) {
			size_t size = (size_t)(newline + 1 - buffer);

			answer(fd, size);
			have -= size;
			memmove(buffer, newline + 1, have);
		}
	}
}

static void echo_at_end(int fd)
{
	size_t have = 0;
	ssize_t got;

	while ((got = recv(fd, buffer + have, sizeof buffer - have, 0)) > 0)
		have += (size_t)got;
	answer(fd, have);
}

/* By the clock, so that all connections stall at the same time. */
static void stall(int fd)
{
	for (;;) {
		size_t size = receive(fd);
		long in_second = now_ms() % 1000;

		if (in_second < STALL_MS)
			usleep((useconds_t)(STALL_MS - in_second) * 1000);
		answer(fd, size);
	}
}

static void trickle(int fd)
{
	for (;;) {
		size_t size = receive(fd);

		for (size_t i = 0; i < size; i++) {
			usleep(TRICKLE_US);
			if (send(fd, buffer + i, 1, MSG_NOSIGNAL) < 0)
				exit(0);
		}
	}
}

/* One that serves nobody has no function. */
static const struct way {
	const char *name;
	void (*serve)(int fd);
} ways[] = {
	{ "refused", NULL },           { "full", NULL },
	{ "trickling", trickle },      { "reset-before", reset_before },
	{ "reset-after", reset_after }, { "silent", silent },
	{ "short", end_short },        { "flipped", flip },
	{ "missing", leave_out },      { "doubled", send_twice },
	{ "surplus", add },            { "at-end", echo_at_end },
	{ "holding", hold },           { "lines", echo_lines },
	{ "stalling", stall },
};

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	errx(2, "no such way: '%s'", name);
}

/* Goes when the server does, however that is ended. */
static void serve_client(const struct way *way, int fd, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(0);
	way->serve(fd);
	exit(0);
}

int main(int argc, char **argv)
{
	const struct way *way = find_way(argc == 2 ? argv[1] : "");
	pid_t self = getpid();
	int listener = bound_socket();

	signal(SIGCHLD, SIG_IGN); /* no zombies */
	if (way->serve != NULL && listen(listener, 1024) < 0)
		err(1, "listen");
	if (strcmp(way->name, "full") == 0)
		listen_full(listener);
	fflush(stdout);
	while (way->serve == NULL)
		pause();
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pid_t child;

		if (fd < 0)
			err(1, "accept");
		child = fork();
		if (child == 0)
			serve_client(way, fd, self);
		if (child < 0)
			warn("fork");
		close(fd);
	}
}
