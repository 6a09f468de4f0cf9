/* SPDX-License-Identifier: ISC */
#include "master/signals.h"

#include "master/cpualarm.h"

#include <stddef.h>
#include <time.h>

static const int handled[] = { SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU,
	SIGUSR1, CPU_ALARM_SIGNAL };

#define HANDLED (sizeof handled / sizeof handled[0])

static volatile sig_atomic_t caught[NSIG];

/* The mask to sleep with: what we were started with, less the signals we handle. */
static sigset_t asleep;

static void note(int number)
{
	caught[number] = 1;
}

static int set_action(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	return sigaction(number, &action, NULL);
}

int signals_catch(void)
{
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < HANDLED; i++)
		sigaddset(&block, handled[i]);
	if (sigprocmask(SIG_BLOCK, &block, &asleep) < 0)
		return -1;
	for (size_t i = 0; i < HANDLED; i++) {
		sigdelset(&asleep, handled[i]);
		if (set_action(handled[i], note) < 0)
			return -1;
	}
	/* USR2 has no meaning here, and its default would end the server. */
	return set_action(SIGUSR2, SIG_IGN) < 0 ? -1 : set_action(SIGPIPE, SIG_IGN);
}

void signals_wait(struct pollfd *fds, nfds_t count, int64_t timeout_ms)
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000 };
	struct timespec at_once = { 0 };
	int ready = ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, &asleep);

	/* One that finds a descriptor ready returns before any signal is delivered. */
	if (ready > 0)
		ppoll(NULL, 0, &at_once, &asleep);
	for (nfds_t i = 0; i < count && ready < 0; i++)
		fds[i].revents = 0;
}

bool signals_take(int number)
{
	bool came = caught[number] != 0;

	caught[number] = 0;
	return came;
}

void signals_forget(void)
{
	for (size_t i = 0; i < HANDLED; i++) {
		set_action(handled[i], SIG_DFL);
		caught[handled[i]] = 0;
	}
}
