/* SPDX-License-Identifier: ISC */
/*
 * Privileges: who a process becomes, and proof that it cannot go back.
 *
 * Names are looked up once, in the master (privileges_resolve()); each worker,
 * just forked, then becomes what was found without asking anybody
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

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* Room for the one line that says why something failed, NUL included. */
#define PRIVILEGES_WHY_MAX 256

/* More supplementary groups than the account of a service should have. */
#define IDENTITY_GROUPS_MAX 256

/* Who a process becomes. */
struct identity {
	bool changes;                      /* false: it stays who it is, as it was not root */
	uid_t uid;                         /* real, effective and saved */
	gid_t gid;                         /* likewise */
	int group_count;                   /* of the supplementary groups; meant if it changes */
	gid_t groups[IDENTITY_GROUPS_MAX];
	char user[64];                     /* name or number, for messages; cut if longer */
	char root[PATH_MAX];               /* absolute path of its root directory; "": as it is */
};

/* What privileges_resolve() returns when settings are left out. */
#define PRIVILEGES_NOT_USED 1

/*
 * Finds out what the settings mean, at a start and at a reload. `user` is a
 * name, a number, or "auto": the user echo where there is one, else nobody.
 * `group` is a name, a number, or "auto": the user's own. `root` is the absolute
 * path of a directory, or "none". Digits alone are a number and never a name. A
 * user with an entry in passwd(5) has its supplementary groups too
 * (getgrouplist(3)); a number without one has none, and needs a group.
 *
 * Only root can change who it is; that it may stay root is an operator's wish.
 * Elsewhere nothing changes, and what is not even found is no error.
 *
 * Returns 0; or PRIVILEGES_NOT_USED when not root and the settings ask for
 * another user, group or directory than the process has: `identity` is good all
 * the same, and `why` names them for a warning; or -1, and `why` says what is
 * wrong and what is allowed. It waits for the user database.
 */
int privileges_resolve(struct identity *identity, const char *user, const char *group,
    const char *root, char why[static PRIVILEGES_WHY_MAX]);

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
int privileges_drop(const struct identity *identity, char why[static PRIVILEGES_WHY_MAX]);

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
int privileges_limit(unsigned needs, char why[static PRIVILEGES_WHY_MAX]);

#endif
