/* SPDX-License-Identifier: ISC */
/*
 * epoll_loop: the barest echo server that has many clients in a process.
 * scripts/bench holds the event engine against it.
 *
 *     epoll_loop processes port
 *
 * Listens on 127.0.0.1. The processes share the listener; each has an epoll(7)
 * loop, level-triggered, so that an echo takes recv(2) and send(2) and a share
 * of epoll_wait(2). What a socket does not take at once is kept, and nothing is
 * read from its client meanwhile. All of them end with the first process.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS_MAX 256

struct client {
	int fd;
	char *rest;    /* what has been read and not been sent, or NULL */
	size_t length; /* of it, in bytes */
};

static int listener;
static int epoll_fd;

static int listen_on(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 || /* is inherited */
	    bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0)
		err(1, "listening on port %d", port);
	return fd;
}

static void watch(int how, int fd, uint32_t events, struct client *client)
{
	struct epoll_event event = { .events = events, .data.ptr = client };

	if (epoll_ctl(epoll_fd, how, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void accept_client(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	struct client *client;

	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED) /* or another process has it */
			err(1, "accept");
		return;
	}
	client = calloc(1, sizeof *client);
	if (client == NULL)
		err(1, "a client");
	client->fd = fd;
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, client);
}

static void drop(struct client *client)
{
	close(client->fd);
	free(client->rest);
	free(client);
}

static void keep(struct client *client, const char *bytes, size_t length)
{
	client->rest = malloc(length);
	if (client->rest == NULL)
		err(1, "%zu bytes", length);
	memcpy(client->rest, bytes, length);
	client->length = length;
	watch(EPOLL_CTL_MOD, client->fd, EPOLLOUT, client);
}

static void echo(struct client *client)
{
	static char buffer[65536];
	ssize_t got = recv(client->fd, buffer, sizeof buffer, 0);
	ssize_t sent;

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			drop(client);
		return;
	}
	sent = send(client->fd, buffer, (size_t)got, MSG_NOSIGNAL);
	if (sent == got)
		return;
	if (sent < 0 && errno != EAGAIN) {
		drop(client);
		return;
	}
	if (sent < 0)
		sent = 0;
	keep(client, buffer + sent, (size_t)(got - sent));
}

static void send_rest(struct client *client)
{
	ssize_t sent = send(client->fd, client->rest, client->length, MSG_NOSIGNAL);

	if (sent < 0) {
		if (errno != EAGAIN)
			drop(client);
		return;
	}
	client->length -= (size_t)sent;
	memmove(client->rest, client->rest + sent, client->length);
	if (client->length == 0) {
		free(client->rest);
		client->rest = NULL;
		watch(EPOLL_CTL_MOD, client->fd, EPOLLIN, client);
	}
}

static void work(void)
{
	struct epoll_event events[EVENTS_MAX];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	epoll_fd = epoll_create1(0);
	watch(EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLEXCLUSIVE, NULL);
	for (;;) {
		int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;

			if (client == NULL)
				accept_client();
			else if (client->rest != NULL)
				send_rest(client);
			else
				echo(client);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: epoll_loop processes port");
	listener = listen_on(atoi(argv[2]));
	for (int i = 0; i < atoi(argv[1]); i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid == 0)
			work();
	}
	wait(NULL);
	return 1;
}
