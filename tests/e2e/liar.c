/* SPDX-License-Identifier: ISC */
/*
 * liar: an echo server that gets it wrong, once, in the way it is asked to.
 *
 *     liar missing|extra|early|reset
 *
 * Listens on a free port of 127.0.0.1, prints the port, serves one client:
 *   missing  echoes all but the last byte
 *   extra    echoes one byte too many
 *   early    echoes what it got first and closes, although the client goes on
 *   reset    resets the connection after what it got first
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int accept_client(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		err(1, "listening");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return accept(fd, NULL, NULL);
}

static void echo_wrongly(int fd, ssize_t change)
{
	char buffer[65536];
	size_t length = 0;
	ssize_t got;

	while ((got = recv(fd, buffer + length, sizeof buffer - 1 - length, 0)) > 0)
		length += (size_t)got;
	send(fd, buffer, (size_t)((ssize_t)length + change), MSG_NOSIGNAL);
}

static void echo_first(int fd)
{
	char buffer[65536];
	ssize_t got = recv(fd, buffer, sizeof buffer, 0);

	if (got > 0)
		send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	struct linger at_once = { .l_onoff = 1 };
	const char *way = argc == 2 ? argv[1] : "";
	int fd = accept_client();

	if (fd < 0)
		err(1, "accept");
	if (strcmp(way, "missing") == 0)
		echo_wrongly(fd, -1);
	else if (strcmp(way, "extra") == 0)
		echo_wrongly(fd, 1);
	else
		echo_first(fd);
	if (strcmp(way, "reset") == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
	return 0;
}
