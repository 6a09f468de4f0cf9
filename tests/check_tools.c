/* SPDX-License-Identifier: ISC */
/* Tools of the tests that use processes: children, interruptions, standard error, a byte pattern. */
#include "tests/suites.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t child_start(int (*work)(void *), void *with)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(work(with));
	return pid;
}

static int wait_for(pid_t pid)
{
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

void child_succeeded(pid_t pid)
{
	int status = wait_for(pid);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child's status is %#x",
	    (unsigned)status);
}

void child_kill(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_for(pid);
}

static void set_timer(int milliseconds)
{
	struct itimerval timer = { { 0, milliseconds * 1000 }, { 0, milliseconds * 1000 } };

	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

void interruptions_start(void (*handler)(int), int ms)
{
	struct sigaction action = { .sa_handler = handler }; /* without SA_RESTART */

	sigemptyset(&action.sa_mask);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	set_timer(ms);
}

void interruptions_stop(void)
{
	set_timer(0);
	signal(SIGALRM, SIG_IGN);
}

static int caught[2]; /* the pipe in the place of standard error */
static int true_stderr;

int stderr_catch(void)
{
	ck_assert_int_eq(pipe2(caught, O_NONBLOCK), 0);
	fflush(stderr);
	true_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(true_stderr, 0);
	ck_assert_int_eq(dup2(caught[1], STDERR_FILENO), STDERR_FILENO);
	return caught[1];
}

void stderr_release(void)
{
	fflush(stderr);
	dup2(true_stderr, STDERR_FILENO);
	close(true_stderr);
	close(caught[0]);
	close(caught[1]);
}

const char *stderr_caught(void)
{
	static char text[65536 + 1];
	ssize_t got;

	fflush(stderr);
	got = read(caught[0], text, sizeof text - 1);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* 251 is prime, so no period of it fits any buffer's size. */
void pattern_fill(char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i % 251 + i / 251 % 5);
}
