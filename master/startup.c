/* SPDX-License-Identifier: ISC */
/*
 * The order of a start, and what each step has to come before:
 *
 *   what a service manager has passed   before a fork: it is for our pid
 *   into the background                 before anything that belongs to a pid
 *   signals                             before the pid file tells anybody where to
 *                                       send them
 *   whom workers run as                 while names can be looked up
 *   the limit on descriptors            while we may raise it
 *   the pid file                        before the port, so that a second server
 *                                       is told who is the first
 *   the listener                        while we may bind
 *   privileges                          last, for good
 */
#include "master/startup.h"

#include "common/log.h"
#include "master/daemon.h"
#include "master/descriptors.h"
#include "master/listener.h"
#include "master/pidfile.h"
#include "master/privileges.h"
#include "master/reload.h"
#include "master/signals.h"
#include "master/supervisor.h"
#include "master/systemd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* How long the last lines may take to reach the system log, in milliseconds. */
#define LAST_LINES_MS 1000

/* Keys that a reload cannot change when the socket, or all privilege, is not ours. */
static const char *const of_the_socket[] = { "listen", "port", "backlog", NULL };
static const char *const of_privilege[] = { "user", "group", "chroot", NULL };
static const char *const of_both[] = { "listen", "port", "backlog", "user", "group", "chroot",
	NULL };

/* What has been found out and opened so far. */
struct startup {
	const struct settings *settings;
	int listener;              /* -1: not yet */
	bool inherited;            /* it came from a service manager */
	struct identity workers;   /* whom they become */
	bool drops_all;            /* the master becomes somebody else too */
};

static bool is_set(const char *text)
{
	return strcmp(text, SETTINGS_NONE) != 0;
}

static int take_inherited(struct startup *startup)
{
	char why[REASON_MAX];
	int passed = systemd_listener(&startup->listener, why);

	if (passed < 0) {
		log_error("%s", why);
		return EX_CONFIG;
	}
	startup->inherited = passed > 0;
	return EX_OK;
}

static int have_listener(struct startup *startup)
{
	struct net_failure failure;

	if (startup->inherited)
		return EX_OK;
	startup->listener = listener_bind(startup->settings, NULL, 0, &failure);
	if (startup->listener >= 0)
		startup->listener = listener_begin(startup->listener, startup->settings, &failure);
	return startup->listener < 0 ? listener_explain(startup->settings, &failure) : EX_OK;
}

/*
 * With master-user all run as that one: a master that is no longer root can make
 * nobody else of its workers. With a socket that was passed on, root has nothing
 * left to do but to lock workers into a folder.
 */
static int find_identities(struct startup *startup, struct identity *master)
{
	struct settings wanted = *startup->settings;

	if (is_set(wanted.master_user))
		strlcpy(wanted.user, wanted.master_user, sizeof wanted.user);
	if (reload_resolve(&wanted, &startup->workers) < 0)
		return EX_CONFIG;
	*master = startup->workers;
	startup->drops_all = is_set(wanted.master_user) ||
	    (startup->inherited && !is_set(wanted.chroot));
	return EX_OK;
}

static int give_up_privileges(struct startup *startup, const struct identity *master)
{
	unsigned needs = PRIVILEGES_FOR_WORKERS | PRIVILEGES_FOR_CHROOT;
	char why[REASON_MAX];
	int result;

	if (!startup->inherited)
		needs |= PRIVILEGES_FOR_LISTENER;
	if (startup->drops_all && master->changes) {
		/* Only sockets of one user can have one port, as at a reload (socket(7)). */
		if (fchown(startup->listener, master->uid, (gid_t)-1) < 0)
			log_warning("giving the listener to its user: %s", strerror(errno));
		result = privileges_drop(master, why);
	} else {
		result = privileges_limit(needs, why);
	}
	if (result < 0)
		log_error("%s", why);
	return result < 0 ? EX_NOPERM : EX_OK;
}

static const char *const *held_keys(const struct startup *startup)
{
	static const char *const none[] = { NULL };

	if (startup->inherited)
		return startup->drops_all ? of_both : of_the_socket;
	return startup->drops_all ? of_privilege : none;
}

/* All steps but the listener's own, which is closed where one fails after it. */
static int prepare(struct startup *startup)
{
	struct identity master;
	int code = find_identities(startup, &master);

	if (code == EX_OK && descriptors_allow(startup->settings->connections) < 0)
		code = EX_OSERR;
	if (code == EX_OK && is_set(startup->settings->pid_file))
		code = pidfile_acquire(startup->settings->pid_file);
	if (code == EX_OK)
		code = have_listener(startup);
	if (code == EX_OK)
		code = give_up_privileges(startup, &master);
	return code;
}

static int run(struct startup *startup, const struct settings_sources *sources, bool on_terminal)
{
	int code = EX_OSERR;

	if (signals_catch() < 0)
		log_error("cannot catch signals: %s", strerror(errno));
	else
		code = prepare(startup);
	if (code == EX_OK) {
		code = supervisor_run(&(struct supervisor_start){ .settings = startup->settings,
		    .sources = sources, .identity = &startup->workers,
		    .held = held_keys(startup), .keeps_identity = startup->drops_all,
		    .listener = startup->listener,
		    .inherited = startup->inherited, .on_terminal = on_terminal });
		log_notice("stopped");
	} else if (startup->listener >= 0) {
		close(startup->listener);
	}
	pidfile_release();
	return code;
}

int startup_serve(const struct settings *settings, struct settings_sources *sources)
{
	struct startup startup = { .settings = settings, .listener = -1 };
	char *folder = NULL;
	bool on_terminal;
	int code;

	systemd_begin();
	code = take_inherited(&startup);
	if (code != EX_OK)
		return code;
	/*
	 * What we were given by chance is nothing for workers: a folder would lead out of
	 * their root directory, a pipe would not end before they do.
	 */
	closefrom(startup.listener >= 0 ? startup.listener + 1 : STDERR_FILENO + 1);
	if (settings->daemon) {
		folder = getcwd(NULL, 0);
		sources->folder = folder;
		if (!daemon_begin(settings->log_stderr && !isatty(STDERR_FILENO), &code)) {
			free(folder);
			return code;
		}
	}
	on_terminal = !settings->daemon && isatty(STDERR_FILENO);
	log_open("echo-master", (int)settings->log_level, settings->log_stderr || on_terminal);
	code = run(&startup, sources, on_terminal);
	log_close(LAST_LINES_MS);
	free(folder);
	return code;
}

int startup_test(const struct settings *settings)
{
	struct settings bound_only = *settings;
	struct startup startup = { .settings = &bound_only, .listener = -1 };
	struct identity master;
	struct net_failure failure;
	int code = find_identities(&startup, &master);
	int fd;

	if (code == EX_OK && is_set(settings->pid_file))
		code = pidfile_test(settings->pid_file);
	if (code != EX_OK)
		return code;
	fd = open_listenfd(settings->listen, settings->port, -1, &failure);
	/* A port in use may be so by the server that is running. */
	if (fd < 0 && failure.error != EADDRINUSE)
		return listener_explain(settings, &failure);
	if (fd >= 0)
		close(fd);
	puts("configuration OK");
	return EX_OK;
}
