/* SPDX-License-Identifier: ISC */
/*
 * Identities: from settings to whom a process becomes. Names are looked up once, in
 * the master; what was found is a value that each worker becomes without asking
 * anybody (master/privileges.h).
 */
#ifndef MASTER_IDENTITY_H
#define MASTER_IDENTITY_H

#include "master/reason.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

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

/* What identity_resolve() returns when settings are left out. */
#define IDENTITY_NOT_USED 1

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
 * Returns 0; or IDENTITY_NOT_USED when not root and the settings ask for
 * another user, group or directory than the process has: `identity` is good all
 * the same, and `why` names them for a warning; or -1, and `why` says what is
 * wrong and what is allowed. It waits for the user database.
 */
int identity_resolve(struct identity *identity, const char *user, const char *group,
    const char *root, char why[static REASON_MAX]);

#endif
