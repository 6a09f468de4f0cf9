/* SPDX-License-Identifier: ISC */
/*
 * The sandbox: what is left to a worker that a client has taken over.
 *
 * A worker talks to the world, and once it is ready it needs little: its listener, its
 * connections, memory, time, and the channels to its master. All else is taken from it
 * just before it says that it is ready, for as long as it lives:
 *
 *   system calls  by a seccomp(2) filter that has the list of what a worker does, one for
 *                 each engine (worker/sandbox_calls.c); any other call kills it
 *   files, TCP    by a landlock(7) ruleset that allows none, where the kernel has it: a
 *                 second wall; and no signal to a process outside (Linux 6.12)
 *   limits        no core file, no process, no byte in any file; nobody but root can
 *                 look into its memory (PR_SET_DUMPABLE)
 *
 * Who it is, no capability, and no_new_privs it has had from its birth on, sandbox or
 * not: see master/privileges.h.
 *
 * How it dies. SECCOMP_RET_KILL_PROCESS would tell nobody which call it was. So the
 * filter answers SECCOMP_RET_TRAP: the call is not made, and SIGSYS is delivered, whose
 * handler writes the call's number on the board and makes another such call. SIGSYS is
 * blocked by then, and for a signal that is forced while it is blocked the kernel takes
 * the default action: it kills. In either way the call is never made. What a taken-over
 * worker can do to the way through the handler is no more than to die of SIGSYS without a
 * note, or with a false one: rt_sigaction(2) is not on the list, so the handler stays; to
 * block SIGSYS is to be killed at once; and what it would gain by a handler that somehow
 * returned is a call that failed. So one answer is enough for all calls, also for the
 * worst, execve(2), ptrace(2), connect(2) ...; the number on the board is a worker's word,
 * and the master takes it for no more than something to log.
 *
 * Calls with a number that libseccomp does not know yet fail with ENOSYS, as on an older
 * kernel: a C library that is newer than the filter then does it the old way.
 *
 * The filter is built once in the master, by libseccomp, and each worker only hands it to
 * the kernel: building takes longer than all else in a worker's start.
 *
 * SANDBOX_LOG has the filter alone, and with SECCOMP_RET_LOG: what is not on the list is
 * made and logged by the kernel, up to its own rate, where actions_logged has it
 * (seccomp(2)). Landlock and limits have no such way, and are left out.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "common/settings.h"

#include <stdatomic.h>
#include <stdint.h>

#ifndef __has_feature /* clang's way to ask; gcc defines __SANITIZE_ADDRESS__ */
#define __has_feature(name) 0
#endif

/*
 * Builds with a sanitizer open files, and fork, trace and run programs, to tell of what
 * they have found, and those that count which lines run write that to files (`make
 * coverage`): in these, and in no other, workers may.
 */
#if defined(COUNTS_LINES) || defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
	__has_feature(undefined_behavior_sanitizer)
#define SANDBOX_IS_WIDE 1
#else
#define SANDBOX_IS_WIDE 0
#endif

/* Room for one line that says why something failed, or what there is, NUL included. */
#define SANDBOX_TEXT_MAX 192

/* What is made once for many workers. */
struct sandbox;

/*
 * In the master, before it forks. Returns the sandbox that these settings ask for: made
 * when it is first asked for, and kept to the end of the process. NULL with errno when
 * it cannot be made.
 */
const struct sandbox *sandbox_for(const struct settings *settings);

/*
 * In a worker of one thread, whose handlers have all been set, and which has no_new_privs:
 * enters `sandbox`, for good. The number of a call for which it is killed is left in
 * `*denied`, plus 1; `denied` is kept by reference.
 *
 * Returns 0, or -1 with the reason in `why`: the worker must not go on.
 */
int sandbox_enter(const struct sandbox *sandbox, _Atomic uint32_t *denied,
    char why[static SANDBOX_TEXT_MAX]);

/*
 * Writes what `sandbox` is made of, for the log: "enforce: seccomp, landlock 7, limits".
 * Returns `text`.
 */
char *sandbox_text(const struct sandbox *sandbox, char text[static SANDBOX_TEXT_MAX]);

/* Tells whether `sandbox` is all that was asked for, as far as this build goes. */
bool sandbox_is_whole(const struct sandbox *sandbox);

#endif
