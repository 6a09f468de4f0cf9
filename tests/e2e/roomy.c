/* SPDX-License-Identifier: ISC */
/*
 * roomy: an echo server that has room for thousands, in one process, so that a
 * SIGSTOP stalls all of its connections at the same time.
 *
 *     roomy
 *
 * Takes a free port of 127.0.0.1 and prints it; then a line for each connection
 * when its first echo has been sent: the time of day in ms. On SIGTERM it loses
 * one client: the connection that sends next is reset. Then it listens no more,
 * serves those it has until they close, and exits with 0.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 65536
#define EVENTS 64

static int epoll;
static int listener;
static unsigned held;                      /* connections that are open */
static bool has_answered[DESCRIPTORS_MAX]; /* of each descriptor: the first echo is sent */
static volatile sig_atomic_t told_to_stop;
static bool has_lost_one;

static void note_stop(int number)
{
	(void)number;
	told_to_stop = 1;
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(listener, SOMAXCONN) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		err(1, "listening");
	watch(listener);
	printf("%d\n", ntohs(address.sin_port));
}

static void take_all(void)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (fd >= DESCRIPTORS_MAX)
			errx(1, "too many connections");
		has_answered[fd] = false;
		held++;
		watch(fd);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		err(1, "accept");
}

static void note_answer(int fd)
{
	struct timeval now;

	if (has_answered[fd])
		return;
	has_answered[fd] = true;
	gettimeofday(&now, NULL);
	printf("%lld\n", (long long)now.tv_sec * 1000 + now.tv_usec / 1000);
}

static void drop(int fd)
{
	close(fd);
	held--;
}

static void lose(int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	drop(fd);
	has_lost_one = true;
	take_all();
	close(listener);
}

/* Messages are small: what does not fit into the socket's buffer at once is a mistake of the test. */
static void serve(int fd)
{
	static char buffer[65536];
	ssize_t got = recv(fd, buffer, sizeof buffer, 0);

	if (got <= 0) {
		drop(fd);
	} else if (told_to_stop && !has_lost_one) {
		lose(fd);
	} else if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL | MSG_DONTWAIT) != got) {
		drop(fd);
	} else {
		note_answer(fd);
	}
}

int main(void)
{
	struct sigaction action = { .sa_handler = note_stop };
	struct epoll_event events[EVENTS];
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	epoll = epoll_create1(0);
	listen_somewhere();
	while (!has_lost_one || held > 0) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++)
			if (events[i].data.fd != listener)
				serve(events[i].data.fd);
			else if (!has_lost_one)
				take_all();
	}
	return 0;
}
