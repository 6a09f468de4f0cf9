/* SPDX-License-Identifier: ISC */
/*
 * logsink: stands in for a log daemon. Receives datagrams on the Unix socket
 * `path` and prints each as a line; says "logsink ready" when it listens.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char line[4096];
	ssize_t got;
	int fd;

	if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
		errx(2, "usage: logsink path");
	strcpy(address.sun_path, argv[1]);
	unlink(argv[1]);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		err(1, "%s", argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("logsink ready");
	while ((got = recv(fd, line, sizeof line, 0)) >= 0)
		printf("%.*s\n", (int)got, line);
	return 1;
}
