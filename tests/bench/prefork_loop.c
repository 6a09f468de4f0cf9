/* SPDX-License-Identifier: ISC */
/*
 * prefork_loop: the barest prefork echo server. scripts/bench holds the
 * blocking engine against it: what the server does beyond this may cost next
 * to nothing.
 *
 *     prefork_loop processes port
 *
 * Listens on 127.0.0.1; each process accepts a client, echoes until it is done,
 * and accepts the next. All of them end with the first process.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int listen_on(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 || /* is inherited */
	    bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0)
		err(1, "listening on port %d", port);
	return fd;
}

/* send(2) on a blocking socket takes all of it, or the client is gone. */
static void echo(int fd)
{
	static char buffer[65536];
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
		if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
			break;
	close(fd);
}

static void work(int listener)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		echo(fd);
	err(1, "accept");
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 3)
		errx(2, "usage: prefork_loop processes port");
	listener = listen_on(atoi(argv[2]));
	for (int i = 0; i < atoi(argv[1]); i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid == 0)
			work(listener);
	}
	wait(NULL);
	return 1;
}
