/* SPDX-License-Identifier: ISC */
/*
 * storm: many short sessions, one after another on each of several connections
 * at a time, every byte checked, every failure counted by its kind.
 *
 *     storm [-r] [-c connections] [-e echoes] [-b bytes] [-n sessions] port
 *
 * Each session connects to 127.0.0.1, has `echoes` round trips of `bytes`
 * bytes, and closes; every other one closes its sending side first and waits
 * for the server's end. Runs until `sessions` are done, or until SIGTERM,
 * after which sessions under way are finished. With -r a refusal ends it in the
 * same way, and is no failure: the port has been given up. Prints
 *
 *     sessions=N clean=N refused=N reset=N short=N corrupt=N other=N
 *
 * and exits with 0 when all were clean and there was at least one, else 1.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define BYTES_MAX 65536

/* No test takes so long, in seconds: what is forgotten ends by itself. */
#define LIFE_S 120

enum kind { CLEAN, REFUSED, RESET, SHORT, CORRUPT, OTHER, KINDS };

struct connection {
	int fd;              /* -1: none */
	bool connected;
	bool half_close;     /* the client's side is closed first */
	bool half_closed;
	unsigned echoes;     /* round trips done */
	size_t sent, got;    /* of the present round trip */
	unsigned char seed;  /* of its pattern */
};

static unsigned connections = 8, echoes = 1;
static size_t bytes = 64;
static unsigned long sessions_wanted; /* 0: until SIGTERM */
static struct sockaddr_in server = { .sin_family = AF_INET };
static unsigned long started, counts[KINDS];
static struct connection all[CONNECTIONS_MAX];
static bool until_refused;
static volatile sig_atomic_t stop;

static void note_stop(int number)
{
	(void)number;
	stop = 1;
}

static unsigned char pattern(const struct connection *connection, size_t at)
{
	return (unsigned char)(connection->seed + at * 7 + at / 251);
}

static void finish(struct connection *connection, enum kind kind)
{
	counts[kind]++;
	if (kind == REFUSED && until_refused)
		stop = 1;
	close(connection->fd);
	connection->fd = -1;
}

static enum kind kind_of(int error)
{
	if (error == ECONNREFUSED)
		return REFUSED;
	return error == ECONNRESET || error == EPIPE ? RESET : OTHER;
}

static bool may_start(void)
{
	return !stop && (sessions_wanted == 0 || started < sessions_wanted);
}

static void start(struct connection *connection)
{
	*connection = (struct connection){ .half_close = started % 2 == 0,
		.seed = (unsigned char)started };
	started++;
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		err(1, "socket");
	if (connect(connection->fd, (struct sockaddr *)&server, sizeof server) < 0 &&
	    errno != EINPROGRESS)
		finish(connection, kind_of(errno));
}

static void send_more(struct connection *connection)
{
	static unsigned char buffer[BYTES_MAX];
	size_t size = bytes - connection->sent;
	ssize_t sent;

	for (size_t i = 0; i < size; i++)
		buffer[i] = pattern(connection, connection->sent + i);
	sent = send(connection->fd, buffer, size, MSG_NOSIGNAL);
	if (sent >= 0)
		connection->sent += (size_t)sent;
	else if (errno != EAGAIN)
		finish(connection, kind_of(errno));
}

/* The last answer has come: close at once, or half-close and wait for the server's end. */
static void answered(struct connection *connection)
{
	connection->echoes++;
	if (connection->echoes < echoes) {
		connection->sent = connection->got = 0;
	} else if (connection->half_close) {
		shutdown(connection->fd, SHUT_WR);
		connection->half_closed = true;
	} else {
		finish(connection, CLEAN);
	}
}

static void receive_more(struct connection *connection)
{
	static unsigned char buffer[BYTES_MAX];
	ssize_t got = recv(connection->fd, buffer, sizeof buffer, 0);

	if (got < 0) {
		if (errno != EAGAIN)
			finish(connection, kind_of(errno));
		return;
	}
	if (got == 0) {
		finish(connection, connection->half_closed ? CLEAN : SHORT);
		return;
	}
	for (ssize_t i = 0; i < got; i++, connection->got++) {
		if (connection->got < bytes && buffer[i] == pattern(connection, connection->got))
			continue;
		finish(connection, CORRUPT);
		return;
	}
	if (connection->got == bytes)
		answered(connection);
}

static short events_for(const struct connection *connection)
{
	return !connection->connected || connection->sent < bytes ? POLLIN | POLLOUT : POLLIN;
}

static void step(struct connection *connection, short events)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (!connection->connected) {
		getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0) {
			finish(connection, kind_of(error));
			return;
		}
		connection->connected = true;
	}
	if (connection->sent < bytes && (events & POLLOUT) != 0)
		send_more(connection);
	if (connection->fd >= 0 && (events & (POLLIN | POLLHUP | POLLERR)) != 0)
		receive_more(connection);
}

static bool run_once(void)
{
	struct pollfd fds[CONNECTIONS_MAX];
	bool busy = false;

	for (unsigned i = 0; i < connections; i++) {
		if (all[i].fd < 0 && may_start())
			start(&all[i]);
		fds[i] = (struct pollfd){ .fd = all[i].fd, .events = events_for(&all[i]) };
		busy = busy || all[i].fd >= 0;
	}
	if (busy && poll(fds, connections, -1) > 0)
		for (unsigned i = 0; i < connections; i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0)
				step(&all[i], fds[i].revents);
	return busy || may_start();
}

static unsigned long number(const char *text, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value > most)
		errx(2, "'%s': a number up to %lu is needed", text, most);
	return value;
}

static void read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "rc:e:b:n:")) != -1) {
		if (option == 'r')
			until_refused = true;
		else if (option == 'c')
			connections = (unsigned)number(optarg, CONNECTIONS_MAX);
		else if (option == 'e')
			echoes = (unsigned)number(optarg, 1000000);
		else if (option == 'b')
			bytes = number(optarg, BYTES_MAX);
		else if (option == 'n')
			sessions_wanted = number(optarg, 1000000000);
		else
			exit(2);
	}
	if (argc - optind != 1)
		errx(2, "a port is needed");
	server.sin_port = htons((uint16_t)number(argv[optind], 65535));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = note_stop };

	read_options(argc, argv);
	alarm(LIFE_S);
	sigaction(SIGTERM, &action, NULL);
	for (unsigned i = 0; i < connections; i++)
		all[i].fd = -1;
	while (run_once())
		continue;
	printf("sessions=%lu clean=%lu refused=%lu reset=%lu short=%lu corrupt=%lu other=%lu\n",
	    started, counts[CLEAN], counts[REFUSED], counts[RESET], counts[SHORT],
	    counts[CORRUPT], counts[OTHER]);
	if (until_refused)
		counts[CLEAN] += counts[REFUSED];
	return started > 0 && counts[CLEAN] == started ? 0 : 1;
}
