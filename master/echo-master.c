/* SPDX-License-Identifier: ISC */
/*
 * echo-master: a prefork TCP echo server. A map of the code, in reading order:
 *
 *   master/echo-master.c  this file: settings -> serve, test or print -> exit code
 *   master/startup.c      the order of a start: background, pid file, listener, privileges
 *   master/supervisor.c   the one loop: wait, find out what happened
 *   master/messages.c     the same about what workers say
 *   master/deaths.c       about workers that have died, and what is left of them
 *   master/hangs.c        about workers that hang, by cpualarm.c: timers on their time
 *   master/actions.c      ask the plan, carry out what it says
 *   master/plan.c         every decision, pure; its parts are plan_pool.c, plan_growth.c,
 *                         plan_reload.c, plan_close.c, plan_stop.c and plan_hang.c, its
 *                         picture of the processes slots.c
 *   master/reload.c       settings in force, and those that are coming
 *   master/workers.c      which process lives in which slot
 *   master/tables.c       memory for both, that no child has
 *   master/spawn.c        fork, and what a child must undo before it is a worker
 *   master/signals.c      signals become flags, and nothing slips in before a sleep
 *   master/listener.c     listening sockets: how they are had, what is asked of them
 *   master/descriptors.c  how many connections a worker can have
 *   master/daemon.c       into the background, with an exit code that tells the truth
 *   master/pidfile.c      who serves, and a lock against a second one
 *   master/identity.c     whom workers become, from names in the settings
 *   master/privileges.c   becoming it, and proof that it is for good
 *   master/reason.c       why a start or a worker failed, for who logs it
 *   master/systemd.c      a socket that is passed on, and messages to whoever passed it
 *   master/report.c       what the master says in the log
 *   worker/worker.c       one worker's life: ready, accept, session, leave
 *   worker/orders.c       what it is told by signals, and by whom
 *   worker/arrival.c      a connection's way in, and what a failed accept(2) means
 *   worker/blocking.c     the blocking engine: one connection at a time
 *   worker/mux.c          the event engine: many; its parts are mux_door.c (the listener)
 *                         and mux_connection.c (one connection)
 *   worker/admission.c    who may have a session, by worker/sources.c and common/access.c
 *   worker/limits.c       what clients are held to, as values
 *   worker/echo.c         the protocol, on top of worker/session.c
 *   worker/sandbox.c      what is left to a worker that was taken over; its parts are
 *                         sandbox_calls.c (the list), sandbox_filter.c, sandbox_landlock.c
 *   worker/idleness.c     whether it has room for a client, so that others come when none has
 *   worker/linger.c       how a connection is ended without a reset
 *   common/               settings, log, board (shared memory), sockets, the gate of a stop
 *
 * Arrows go down only: master uses worker and common, worker uses common.
 */
#include "common/settings.h"
#include "common/standard.h"
#include "common/title.h"
#include "master/startup.h"
#include "worker/sandbox_filter.h"

#include <stdio.h>
#include <sysexits.h>

int main(int argc, char **argv)
{
	struct settings_sources sources = { .argc = argc, .argv = argv,
		.standard_file = SYSCONFDIR "/echo-master.conf" };
	struct settings settings;
	int code = EX_OK;

	if (standard_open() < 0)
		return EX_OSERR;
	title_init(argc, argv);
	switch (settings_load(&settings, &sources, stderr)) {
	case SETTINGS_RUN:
		return startup_serve(&settings, &sources);
	case SETTINGS_TEST:
		code = startup_test(&settings);
		break;
	case SETTINGS_SHOW:
		settings_print(&settings, stdout);
		break;
	case SETTINGS_COMPLETION:
		settings_completion(stdout);
		break;
	case SETTINGS_HELP:
		settings_help(stdout);
		break;
	case SETTINGS_VERSION:
		printf("echo-master " ECHO_VERSION " (%s)\n",
		    filter_builder() != NULL ? filter_builder() : "without seccomp");
		break;
	case SETTINGS_WRONG:
		return EX_USAGE;
	case SETTINGS_BAD_FILE:
		return EX_CONFIG;
	}
	return code == EX_OK ? standard_printed() : code;
}
