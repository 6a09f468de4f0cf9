/* SPDX-License-Identifier: ISC */
#include "worker/sandbox.h"

#include "worker/sandbox_filter.h"
#include "worker/sandbox_landlock.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of siginfo_t: SIGSYS is from a filter. Not every libc has the name. */
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

struct sandbox {
	bool is_made;
	enum sandbox_mode mode;
	struct filter filter;
};

/* One for all sandboxes, made with the first that needs it. */
static struct {
	bool is_tried;
	int fd;      /* -1: there is none, for the reason in `error` */
	int version; /* of the kernel's landlock */
	int error;   /* an errno */
} landlock = { .fd = -1 };

/* ---- in the master ---- */

/* A kernel without it, or a container that refuses it, is no reason not to serve. */
static int make_landlock(void)
{
	if (landlock.is_tried)
		return 0;
	errno = EOPNOTSUPP;
	landlock.fd = SANDBOX_IS_WIDE ? -1 : landlock_make(&landlock.version);
	landlock.error = landlock.fd < 0 ? errno : 0;
	if (landlock.fd < 0 && errno != ENOSYS && errno != EOPNOTSUPP && errno != EPERM)
		return -1;
	landlock.is_tried = true;
	return 0;
}

/*
 * What the C library would read from a file when it is first needed is read here; it is
 * the time zone alone, for protocols that tell the time: messages are those of the C
 * locale, which needs no file, and names are never looked up in a worker.
 */
static int make(struct sandbox *sandbox, enum sandbox_mode mode, enum call_maker engine)
{
	tzset();
	if (mode == SANDBOX_ENFORCE && make_landlock() < 0)
		return -1;
	if (mode != SANDBOX_OFF && filter_build(&sandbox->filter, mode, engine) < 0)
		return -1;
	sandbox->mode = mode;
	sandbox->is_made = true;
	return 0;
}

const struct sandbox *sandbox_for(const struct settings *settings)
{
	static struct sandbox sandboxes[SANDBOX_MODES][2];
	enum sandbox_mode mode = (enum sandbox_mode)settings->sandbox;
	bool is_event = settings->connections > 1;
	struct sandbox *sandbox = &sandboxes[mode][is_event];

	if (sandbox->is_made ||
	    make(sandbox, mode, is_event ? CALL_OF_EVENT : CALL_OF_BLOCKING) == 0)
		return sandbox;
	return NULL;
}

bool sandbox_is_whole(const struct sandbox *sandbox)
{
	return sandbox->mode == SANDBOX_OFF || sandbox->filter.length > 0;
}

static char *enforced_text(const struct sandbox *sandbox, char *text)
{
	const char *seccomp = sandbox->filter.length > 0 ? "seccomp, " : "";
	const char *lacks = sandbox->filter.length > 0 ? "" : "; no seccomp in this build";

	if (landlock.fd >= 0)
		snprintf(text, SANDBOX_TEXT_MAX, "enforce: %slandlock %d, limits%s", seccomp,
		    landlock.version, lacks);
	else
		snprintf(text, SANDBOX_TEXT_MAX, "enforce: %slimits; no landlock: %s%s", seccomp,
		    strerror(landlock.error), lacks);
	return text;
}

char *sandbox_text(const struct sandbox *sandbox, char text[static SANDBOX_TEXT_MAX])
{
	if (sandbox->mode == SANDBOX_ENFORCE)
		return enforced_text(sandbox, text);
	snprintf(text, SANDBOX_TEXT_MAX, "%s", sandbox->mode == SANDBOX_OFF ? "off" :
	    sandbox->filter.length > 0 ? "log: seccomp, into the kernel's log"
	                               : "log: no seccomp in this build");
	return text;
}

/* ---- in a worker ---- */

static _Atomic uint32_t *note;

/*
 * Any call that is not on the list kills now, as SIGSYS is blocked; this one would do no
 * harm if it were made. From anybody else but the kernel the signal is one like any other.
 */
static void trapped(int number, siginfo_t *info, void *context) /* GCOVR_EXCL_START */
{
	(void)number;
	(void)context;
	if (info->si_code == SYS_SECCOMP)
		atomic_store_explicit(note, (uint32_t)info->si_syscall + 1, memory_order_relaxed);
	syscall(SYS_getsid, 0);
	_exit(128 + SIGSYS);
} /* GCOVR_EXCL_STOP: it never returns, so nobody would write the counts */

static int catch_traps(_Atomic uint32_t *denied)
{
	struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };

	note = denied;
	sigfillset(&action.sa_mask);
	return sigaction(SIGSYS, &action, NULL);
}

/*
 * No core file with what clients have sent. Sockets and pipes are no files to RLIMIT_FSIZE;
 * standard error may be one, and a write to it that fails is better than a signal.
 */
static int set_limits(void)
{
	static const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -1;
	if (SANDBOX_IS_WIDE)
		return 0;
	if (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0 ||
	    setrlimit(RLIMIT_NPROC, &none) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0)
		return -1;
	return signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : 0;
}

/*
 * Without SPEC_ALLOW older kernels have every process that has a filter pay for what only
 * one that runs strangers' code needs; still older ones do not know the flag.
 */
static int enter_filter(const struct filter *built)
{
	struct filter own; /* on the stack, which is the worker's own already */
	struct sock_fprog program = { .len = built->length, .filter = own.step };

	if (built->length == 0)
		return 0;
	own.length = built->length;
	memcpy(own.step, built->step, built->length * sizeof own.step[0]);
	filter_set_self(&own, getpid());
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
	        &program) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int fail(const char *what, char *why)
{
	snprintf(why, SANDBOX_TEXT_MAX, "the sandbox cannot be had: %s: %s; allowed: a system that "
	    "has it, or the setting sandbox off", what, strerror(errno));
	return -1;
}

int sandbox_enter(const struct sandbox *sandbox, _Atomic uint32_t *denied,
    char why[static SANDBOX_TEXT_MAX])
{
	if (sandbox->mode == SANDBOX_ENFORCE) {
		if (set_limits() < 0)
			return fail("limits", why);
		if (landlock.fd >= 0 && landlock_enter(landlock.fd) < 0)
			return fail("landlock", why);
		if (sandbox->filter.length > 0 && catch_traps(denied) < 0)
			return fail("SIGSYS", why);
	}
	if (landlock.fd >= 0)
		close(landlock.fd);
	return enter_filter(&sandbox->filter) < 0 ? fail("seccomp", why) : 0;
}
