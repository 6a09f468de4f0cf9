/* SPDX-License-Identifier: ISC */
/*
 * Privileges: a process becomes somebody, and proof that it cannot go back.
 *
 * Each worker, just forked, becomes the identity that the master has found
 * (privileges_drop()). The master either becomes an identity too, or stays root
 * with the few capabilities it still needs (privileges_limit()).
 *
 * Every change is looked at afterwards, as "Setuid Demystified" (Chen, Wagner,
 * Dean, USENIX Security 2002) advises; see also credentials(7) and
 * capabilities(7). A process in which a change failed is neither what it was
 * nor what it should be, and must end.
 */
#ifndef MASTER_PRIVILEGES_H
#define MASTER_PRIVILEGES_H

#include "master/identity.h"

/*
 * Makes the calling process, which has one thread, what `identity` says: root
 * directory, supplementary groups, group and user for ever. No capability is
 * left, also where nothing else changes (an ordinary user may have been given
 * ambient ones), and none can be had from a program that it runs. Then verifies
 * that it is so, and that a user other than root cannot go back.
 *
 * Returns 0, or -1 with the reason in `why`: the process must not go on.
 *
 * A change of user clears PR_SET_PDEATHSIG (prctl(2)): set it afterwards.
 * Descriptors stay open; one of a directory leads out of the root directory.
 * In a new root directory there is no /etc, /dev or /proc that was not put there.
 */
int privileges_drop(const struct identity *identity, char why[static REASON_MAX]);

/* What a master that stays root goes on to do. */
enum privileges_need {
	PRIVILEGES_FOR_WORKERS = 1,  /* fork workers that become somebody else, signal them */
	PRIVILEGES_FOR_CHROOT = 2,   /* fork workers that change their root directory */
	PRIVILEGES_FOR_LISTENER = 4, /* bind ports below 1024, turn new clients away at a stop */
};

/*
 * Leaves the calling process, which has one thread, only those of its
 * capabilities that `needs` (of enum privileges_need, or-ed) ask for, and none
 * more to be had from a program that it runs. Likewise for an ordinary user with
 * ambient capabilities. What it lacks already is no error.
 *
 * Returns 0, or -1 with the reason in `why`: the process must not go on.
 *
 * From here on root is bound by the permissions of files like anybody else: it
 * opens what is root's, and not what only another user may open.
 */
int privileges_limit(unsigned needs, char why[static REASON_MAX]);

#endif
