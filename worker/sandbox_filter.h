/* SPDX-License-Identifier: ISC */
/*
 * The list of system calls as a program for seccomp(2), and their names: all that needs
 * libseccomp. Without it (make SECCOMP=no) there is no filter, and numbers stay numbers.
 */
#ifndef WORKER_SANDBOX_FILTER_H
#define WORKER_SANDBOX_FILTER_H

#include "common/settings.h"
#include "worker/sandbox_calls.h"

#include <linux/filter.h>
#include <sys/types.h>

/* More steps than a filter has, so that a worker can have its own on the stack. */
#define FILTER_STEPS_MAX 512

struct filter {
	unsigned short length;  /* steps; 0: there is no filter */
	struct sock_filter step[FILTER_STEPS_MAX];
};

/*
 * Builds the filter of an engine, CALL_OF_BLOCKING or CALL_OF_EVENT, for the machine it
 * runs on. `mode` is SANDBOX_ENFORCE or SANDBOX_LOG. Returns 0, or -1 with errno.
 */
int filter_build(struct filter *filter, enum sandbox_mode mode, enum call_maker engine);

/*
 * Has the filter let the process `self`, and nobody else, be ended by abort(3), which
 * sends SIGABRT by tgkill(2) or tkill(2). No pid is known when a filter is built.
 */
void filter_set_self(struct filter *filter, pid_t self);

/* Room for what filter_call_text() writes. */
#define FILTER_CALL_TEXT_MAX 64

/* Writes "execve (59)", or "number 59" where no name is known. Returns `text`. */
char *filter_call_text(int number, char text[static FILTER_CALL_TEXT_MAX]);

/* Returns what filters are built with, for people: "libseccomp 2.5.4"; NULL: nothing. */
const char *filter_builder(void);

#endif
