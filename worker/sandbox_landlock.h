/* SPDX-License-Identifier: ISC */
/* A landlock(7) ruleset that allows nothing: no file, no TCP address, no process outside. */
#ifndef WORKER_SANDBOX_LANDLOCK_H
#define WORKER_SANDBOX_LANDLOCK_H

/*
 * Makes the ruleset, of all that this kernel can forbid. Returns its descriptor, which is
 * close-on-exec, with the version of the kernel's landlock in `*version`; or -1 with errno:
 * ENOSYS and EOPNOTSUPP mean that the kernel has none.
 */
int landlock_make(int *version);

/*
 * Has the calling process, which has no_new_privs, do without what the ruleset forbids, for
 * good; what is open stays so. Returns 0, or -1 with errno.
 */
int landlock_enter(int ruleset);

#endif
