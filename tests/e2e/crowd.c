/* SPDX-License-Identifier: ISC */
/*
 * crowd: connections that are all there at once, more than the server has
 * workers, so that most of them wait in the accept queue.
 *
 *     crowd [-q] connections port
 *
 * Connects all of them one after another, sends a line of its own on each
 * (with -q none), prints "connected N", waits for a line or the end of
 * standard input, then closes its sending sides and reads until the server's
 * end of each. Prints
 *
 *     complete=N reset=N short=N other=N
 *
 * complete: exactly the line came back and then the end. Exits with 0 when all
 * were complete. With a backlog that is full, connecting stops early and says
 * so: only those that are connected count.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CROWD_MAX 4096

/* A connection that is not there after so long found the queue full. */
#define CONNECT_MS 300

static struct sockaddr_in server = { .sin_family = AF_INET };
static int crowd[CROWD_MAX];
static int connected;
static bool quiet;

static bool connect_one(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd done = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t size = sizeof error;

	if (fd < 0)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
		err(1, "connect");
	if (poll(&done, 1, CONNECT_MS) <= 0) {
		close(fd);
		return false;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0)
		errx(1, "connect: %s", strerror(error));
	crowd[connected++] = fd;
	return true;
}

static int line_of(int index, char *line, size_t size)
{
	return quiet ? 0 : snprintf(line, size, "client %d of the crowd\n", index);
}

static void send_lines(void)
{
	char line[64];

	for (int i = 0; i < connected && !quiet; i++) {
		int length = line_of(i, line, sizeof line);

		if (send(crowd[i], line, (size_t)length, MSG_NOSIGNAL) != length)
			err(1, "send");
	}
}

enum outcome { COMPLETE, RESET, SHORT, OTHER, OUTCOMES };

static enum outcome read_to_end(int index)
{
	char wanted[64];
	char got[256];
	int length = line_of(index, wanted, sizeof wanted);
	int total = 0;

	for (;;) {
		struct pollfd readable = { .fd = crowd[index], .events = POLLIN };
		ssize_t count;

		poll(&readable, 1, -1);
		count = recv(crowd[index], got + total, sizeof got - (size_t)total, 0);
		if (count < 0)
			return errno == ECONNRESET ? RESET : OTHER;
		if (count == 0)
			break;
		total += (int)count;
	}
	return total == length && memcmp(got, wanted, (size_t)length) == 0 ? COMPLETE : SHORT;
}

int main(int argc, char **argv)
{
	unsigned long counts[OUTCOMES] = { 0 };
	int wanted;

	if (argc > 1 && strcmp(argv[1], "-q") == 0) {
		quiet = true;
		argv++;
		argc--;
	}
	if (argc != 3)
		errx(2, "usage: crowd [-q] connections port");
	wanted = atoi(argv[1]);
	if (wanted < 1 || wanted > CROWD_MAX)
		errx(2, "1 to %d connections", CROWD_MAX);
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while (connected < wanted && connect_one())
		continue;
	send_lines();
	printf("connected %d\n", connected);
	fflush(stdout);
	getchar();
	for (int i = 0; i < connected; i++)
		shutdown(crowd[i], SHUT_WR);
	for (int i = 0; i < connected; i++)
		counts[read_to_end(i)]++;
	printf("complete=%lu reset=%lu short=%lu other=%lu\n", counts[COMPLETE], counts[RESET],
	    counts[SHORT], counts[OTHER]);
	return counts[COMPLETE] == (unsigned long)connected ? 0 : 1;
}
