/* SPDX-License-Identifier: ISC */
/*
 * load_loop: the barest load on an echo server, for scripts/bench to see what
 * echo-load itself costs: no byte is checked and no time taken.
 *
 *     load_loop connections seconds port
 *
 * Connects to 127.0.0.1, sends a message of 64 bytes on each connection, and
 * the next when it is back; prints echoes a second. Fails if a connection does.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define MESSAGE_SIZE 64
#define EVENTS_MAX 256

struct connection {
	int fd;
	size_t missing; /* bytes of its message that are not back */
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void send_message(struct connection *connection)
{
	static const char message[MESSAGE_SIZE];

	if (send(connection->fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message)
		err(1, "send");
	connection->missing = sizeof message;
}

static void open_connection(struct connection *connection, int port, int epoll_fd)
{
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	int on = 1;

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connection->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connection->fd < 0 ||
	    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
	    connect(connection->fd, (struct sockaddr *)&server, sizeof server) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0)
		err(1, "connecting");
	send_message(connection);
}

/* Returns whether the message is back. */
static int receive(struct connection *connection)
{
	char buffer[MESSAGE_SIZE];
	ssize_t got = recv(connection->fd, buffer, connection->missing, 0);

	if (got <= 0)
		errx(1, "the server has left");
	connection->missing -= (size_t)got;
	return connection->missing == 0;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS_MAX];
	struct connection *connections;
	unsigned long echoes = 0;
	int epoll_fd = epoll_create1(0);
	double began, end;

	if (argc != 4)
		errx(2, "usage: load_loop connections seconds port");
	connections = calloc((size_t)atoi(argv[1]), sizeof *connections);
	if (connections == NULL || epoll_fd < 0)
		err(1, "starting");
	began = seconds_now();
	end = began + atof(argv[2]);
	for (int i = 0; i < atoi(argv[1]); i++)
		open_connection(&connections[i], atoi(argv[3]), epoll_fd);
	while (seconds_now() < end) {
		int count = epoll_wait(epoll_fd, events, EVENTS_MAX, 1000);

		for (int i = 0; i < count; i++) {
			if (receive(events[i].data.ptr)) {
				echoes++;
				send_message(events[i].data.ptr);
			}
		}
	}
	printf("%.1f\n", (double)echoes / (seconds_now() - began));
	return 0;
}
