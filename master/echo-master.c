/* SPDX-License-Identifier: ISC */
/*
 * echo-master: a prefork TCP echo server. A map of the code, in reading order:
 *
 *   master/echo-master.c  this file: settings -> listener -> supervise -> exit code
 *   master/supervisor.c   the one loop: wait, find out what happened
 *   master/actions.c      ask the plan, carry out what it says
 *   master/plan.c         every decision, pure; its parts are plan_pool.c, plan_reload.c and
 *                         plan_stop.c, its picture of the processes is slots.c
 *   master/reload.c       settings in force, and those that are coming
 *   master/workers.c      which process lives in which slot
 *   master/spawn.c        fork, and what a child must undo before it is a worker
 *   master/signals.c      signals become flags, and nothing slips in before a sleep
 *   master/listener.c     what the master asks of its listening socket
 *   master/report.c       what the master says in the log
 *   worker/worker.c       one worker's life: ready, accept, session, leave
 *   worker/echo.c         the protocol, on top of worker/session.c
 *   worker/linger.c       how a connection is ended without a reset
 *   common/               settings, log, board (shared memory), sockets, the gate of a stop
 *
 * Arrows go down only: master uses worker and common, worker uses common.
 */
#include "common/log.h"
#include "common/nethelp.h"
#include "common/settings.h"
#include "common/title.h"
#include "master/listener.h"
#include "master/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* How long the last lines may take to reach the system log, in milliseconds. */
#define LAST_LINES_MS 1000

static int serve(const struct settings *settings, const struct settings_sources *sources)
{
	bool on_terminal = isatty(STDERR_FILENO) != 0;
	struct net_failure failure;
	int listener;
	int code;

	log_open("echo-master", (int)settings->log_level, settings->log_stderr || on_terminal);
	listener = listener_open(settings, NULL, 0, &failure);
	if (listener < 0) {
		code = listener_explain(settings, &failure);
	} else {
		code = supervisor_run(settings, sources, listener, on_terminal);
		log_notice("stopped");
	}
	log_close(LAST_LINES_MS);
	return code;
}

/* Everything that a start would need. A port in use may be so by the server that is running. */
static int test(const struct settings *settings)
{
	struct net_failure failure;
	int fd = open_listenfd(settings->listen, settings->port, -1, &failure);

	if (fd < 0 && failure.error != EADDRINUSE)
		return listener_explain(settings, &failure);
	if (fd >= 0)
		close(fd);
	puts("configuration OK");
	return EX_OK;
}

int main(int argc, char **argv)
{
	struct settings_sources sources = { .argc = argc, .argv = argv,
		.standard_file = SYSCONFDIR "/echo-master.conf" };
	struct settings settings;

	title_init(argc, argv);
	switch (settings_load(&settings, &sources, stderr)) {
	case SETTINGS_RUN:
		return serve(&settings, &sources);
	case SETTINGS_TEST:
		return test(&settings);
	case SETTINGS_SHOW:
		settings_print(&settings, stdout);
		return EX_OK;
	case SETTINGS_COMPLETION:
		settings_completion(stdout);
		return EX_OK;
	case SETTINGS_HELP:
		settings_help(stdout);
		return EX_OK;
	case SETTINGS_VERSION:
		puts("echo-master " ECHO_VERSION);
		return EX_OK;
	case SETTINGS_WRONG:
		return EX_USAGE;
	case SETTINGS_BAD_FILE:
		return EX_CONFIG;
	}
	return EX_SOFTWARE;
}
