/* SPDX-License-Identifier: ISC */
/*
 * passer: stands in for a service manager with a socket of its own.
 *
 *     passer [-n] command [argument ...]
 *
 * Listens on a free port of 127.0.0.1, prints the port, and runs the command
 * with the socket as descriptor 3, as sd_listen_fds(3) has it; with -n the
 * socket is non-blocking. When the command ends it is run again with the same
 * socket, until SIGTERM, which is passed on. Exits with the last one's code.
 * SIGUSR1 has it make the socket blocking.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static volatile pid_t child;
static volatile sig_atomic_t listener;

static void pass_on(int number)
{
	stop = 1;
	if (child > 0)
		kill(child, number);
}

static void make_blocking(int number)
{
	(void)number;
	fcntl(listener, F_SETFL, 0);
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		err(1, "listening");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void run(int fd, char **command)
{
	char pid[16];

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	if (fd != 3 && dup2(fd, 3) < 0)
		err(1, "dup2");
	if (fd != 3)
		close(fd);
	execv(command[0], command);
	err(1, "%s", command[0]);
}

int main(int argc, char **argv)
{
	bool nonblocking = argc > 1 && strcmp(argv[1], "-n") == 0;
	struct sigaction action = { .sa_handler = pass_on };
	struct sigaction on_usr1 = { .sa_handler = make_blocking };
	char **command = argv + 1 + nonblocking;
	int status = 0;
	int fd;

	if (command[0] == NULL)
		errx(2, "usage: passer [-n] command [argument ...]");
	sigaction(SIGTERM, &action, NULL);
	fd = listen_somewhere();
	listener = fd;
	sigaction(SIGUSR1, &on_usr1, NULL);
	while (!stop) {
		/* As systemd does: each start gets the socket with the mode that is set for it. */
		fcntl(fd, F_SETFL, nonblocking ? O_NONBLOCK : 0);
		child = fork();
		if (child == 0)
			run(fd, command);
		while (waitpid(child, &status, 0) < 0)
			if (errno != EINTR)
				err(1, "waitpid");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
