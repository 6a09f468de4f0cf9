/* SPDX-License-Identifier: ISC */
/*
 * glutton: clients that send for as long as the server takes it, and never read.
 *
 *     glutton connections port
 *
 * Connects all of them to 127.0.0.1 and sends on each until none has got rid of
 * a byte for half a second: then everything between here and the server's
 * memory is full. Prints "stuck BYTES" with how many were sent, and holds still
 * until it is killed, or for two minutes.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GLUTTONS_MAX 4096
#define LIFE_S 120

static int gluttons[GLUTTONS_MAX];

static void connect_all(int count, int port)
{
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int small = 4096; /* what waits in the kernel is not what is looked at */

	for (int i = 0; i < count; i++) {
		gluttons[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (gluttons[i] < 0 ||
		    setsockopt(gluttons[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small) < 0 ||
		    setsockopt(gluttons[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) < 0 ||
		    connect(gluttons[i], (struct sockaddr *)&server, sizeof server) < 0)
			err(1, "connection %d", i);
	}
}

static long long send_round(int count)
{
	static const char block[16384];
	long long total = 0;

	for (int i = 0; i < count; i++) {
		ssize_t sent = send(gluttons[i], block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			err(1, "connection %d", i);
		total += sent > 0 ? sent : 0;
	}
	return total;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[1]) : 0;
	struct rlimit descriptors = { GLUTTONS_MAX + 64, GLUTTONS_MAX + 64 };
	long long total = 0;

	if (count < 1 || count > GLUTTONS_MAX)
		errx(2, "usage: glutton connections port");
	setrlimit(RLIMIT_NOFILE, &descriptors);
	alarm(LIFE_S);
	connect_all(count, atoi(argv[2]));
	for (int quiet = 0; quiet < 10; quiet++) {
		long long sent = send_round(count);

		if (sent > 0)
			quiet = 0;
		total += sent;
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	printf("stuck %lld\n", total);
	fflush(stdout);
	pause();
	return 0;
}
