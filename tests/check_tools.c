/* SPDX-License-Identifier: ISC */
/* Tools that tests share: children, lies, interruptions, standard error, a pattern. */
#include "tests/suites.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
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

int tell_lie(const struct lie *lie)
{
	unsigned argument = lie->argument < 0 ? 0 : (unsigned)lie->argument;
	unsigned low_half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
	unsigned test = lie->argument < 0 ? BPF_JGE : BPF_JEQ;
	unsigned instead = lie->error == KILLS ? SECCOMP_RET_KILL_PROCESS
	    : SECCOMP_RET_ERRNO | (unsigned)lie->error;
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)lie->call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    (unsigned)offsetof(struct seccomp_data, args) + 8 * argument + low_half),
		BPF_JUMP((uint16_t)(BPF_JMP | BPF_K | test), lie->value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, instead),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof steps / sizeof steps[0], .filter = steps };

	/* Root can do without, which leaves that to be tested. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
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
