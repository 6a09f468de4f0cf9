/* SPDX-License-Identifier: ISC */
#include "master/daemon.h"

#include "common/log.h"
#include "master/report.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* In the child, until the start is over. */
static struct {
	int to_parent;    /* its end of the pair; -1 elsewhere, and afterwards */
	int nowhere;      /* /dev/null */
	bool keep_stderr; /* as daemon_begin() was told */
} start = { .to_parent = -1 };

static int code_of_ended(pid_t child)
{
	char how[REPORT_DEATH_MAX];
	int status;
	pid_t ended;

	do
		ended = waitpid(child, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended < 0) {
		log_error("cannot wait for process %d: %s", (int)child, strerror(errno));
		return EX_OSERR;
	}
	if (!WIFEXITED(status)) {
		log_error("the server %s before it was ready", report_death(status, 0, how));
		return EX_SOFTWARE;
	}
	if (WEXITSTATUS(status) == EX_OK) {
		log_error("the server was stopped before it was ready");
		return EX_UNAVAILABLE;
	}
	return WEXITSTATUS(status);
}

static int await(int from_child, pid_t child)
{
	char byte;
	ssize_t got;

	do
		got = recv(from_child, &byte, sizeof byte, 0);
	while (got < 0 && errno == EINTR);
	return got > 0 ? EX_OK : code_of_ended(child);
}

static bool cannot_begin(const char *step, int *code)
{
	log_error("cannot start in the background: %s: %s", step, strerror(errno));
	*code = EX_OSERR;
	return false;
}

/* What daemon_forget() and daemon_ready() need is made here, where a failure can be told. */
static bool become_server(int to_parent, bool keep_stderr, int *code)
{
	setsid();
	if (chdir("/") < 0)
		return cannot_begin("folder /", code);
	start.nowhere = open(_PATH_DEVNULL, O_RDWR | O_CLOEXEC);
	if (start.nowhere < 0)
		return cannot_begin(_PATH_DEVNULL, code);
	start.to_parent = to_parent;
	start.keep_stderr = keep_stderr;
	return true;
}

bool daemon_begin(bool keep_stderr, int *code)
{
	int ends[2];
	pid_t child;

	/* Whoever ignores SIGCHLD is not told how its children ended, and that is inherited. */
	signal(SIGCHLD, SIG_DFL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return cannot_begin("socketpair", code);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		return become_server(ends[1], keep_stderr, code);
	}
	if (child < 0)
		cannot_begin("fork", code);
	close(ends[1]);
	if (child > 0)
		*code = await(ends[0], child);
	close(ends[0]);
	return false;
}

static void let_go(void)
{
	int last = start.keep_stderr ? STDOUT_FILENO : STDERR_FILENO;

	close(start.to_parent);
	start.to_parent = -1;
	for (int fd = STDIN_FILENO; fd <= last; fd++)
		dup2(start.nowhere, fd);
	close(start.nowhere);
}

void daemon_forget(void)
{
	if (start.to_parent >= 0)
		let_go();
}

int daemon_ready(void)
{
	char byte = 0;

	if (start.to_parent < 0)
		return 0;
	if (send(start.to_parent, &byte, sizeof byte, MSG_NOSIGNAL) < 0)
		return -1;
	let_go();
	return 0;
}
