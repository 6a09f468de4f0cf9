/* SPDX-License-Identifier: ISC */
/*
 * The order of a drop follows from what each step needs: capabilities, which go
 * last, and most of which go with the change of user, which so comes after that
 * of the groups.
 *
 * Calls that have nothing to change are left out, so a system-call filter that
 * forbids them (systemd's ~@privileged kills for it) does no harm to a process
 * that has nothing to give up.
 */
#include "master/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (UINT64_C(1) << (capability))

#ifndef __has_feature /* clang's way to ask; gcc defines __SANITIZE_ADDRESS__ */
#define __has_feature(name) 0
#endif

/* ---- capabilities ---- */

/*
 * The bounding set is what a program that is run could gain. To reduce it takes
 * CAP_SETPCAP; whoever lacks that is kept from gaining by no_new_privs alone.
 */
static int reduce_bounding_set(uint64_t keep, char *why)
{
	for (unsigned long i = 0; i < 64; i++) {
		int in_set = prctl(PR_CAPBSET_READ, i, 0UL, 0UL, 0UL);

		if (in_set < 0) /* the one before was the kernel's last */
			return 0;
		if (in_set == 1 && (keep & BIT(i)) == 0 &&
		    prctl(PR_CAPBSET_DROP, i, 0UL, 0UL, 0UL) < 0)
			return errno == EPERM ? 0 : fail_because(why, "cannot reduce the "
			    "capability bounding set: %s", strerror(errno));
	}
	return 0;
}

/*
 * Keeps what is permitted now and in `keep`. None stays inheritable, and so none
 * ambient, which it must be both for (capabilities(7)). A filter may refuse
 * capset(2), or pretend: what counts is what is there afterwards.
 */
static int reduce_capabilities(uint64_t keep, char *why)
{
	struct __user_cap_header_struct self = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct wanted[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int error;

	if (syscall(SYS_capget, &self, have) < 0)
		return fail_because(why, "cannot look at capabilities: %s", strerror(errno));
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		wanted[i].permitted = have[i].permitted & (uint32_t)(keep >> 32 * i);
		wanted[i].effective = wanted[i].permitted;
	}
	if (memcmp(have, wanted, sizeof have) == 0)
		return 0;
	error = syscall(SYS_capset, &self, wanted) < 0 ? errno : 0;
	if (syscall(SYS_capget, &self, have) == 0 && memcmp(have, wanted, sizeof have) == 0)
		return 0;
	return fail_because(why, "cannot give up capabilities: %s",
	    error != 0 ? strerror(error) : "they are still there");
}

/* Set-user-ID programs and those with file capabilities are run like any other. */
static int forbid_new_privileges(char *why)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 1)
		return 0;
	return fail_because(why, "cannot set no_new_privs");
}

int privileges_limit(unsigned needs, char why[static REASON_MAX])
{
	uint64_t keep = 0;

	if ((needs & PRIVILEGES_FOR_WORKERS) != 0)
		keep |= BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_KILL);
	if ((needs & PRIVILEGES_FOR_CHROOT) != 0)
		keep |= BIT(CAP_SYS_CHROOT);
	if ((needs & PRIVILEGES_FOR_LISTENER) != 0)
		keep |= BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_NET_ADMIN);
	if (reduce_bounding_set(keep, why) < 0 || reduce_capabilities(keep, why) < 0)
		return -1;
	return forbid_new_privileges(why);
}

/* ---- becoming an identity ---- */

static bool ids_are(uid_t uid, gid_t gid)
{
	uid_t users[3];
	gid_t groups[3];

	return getresuid(&users[0], &users[1], &users[2]) == 0 &&
	    getresgid(&groups[0], &groups[1], &groups[2]) == 0 &&
	    users[0] == uid && users[1] == uid && users[2] == uid &&
	    groups[0] == gid && groups[1] == gid && groups[2] == gid;
}

/* Tells whether each of `some` is `own` or one of `all`. */
static bool are_among(const gid_t *some, int some_count, const gid_t *all, int all_count, gid_t own)
{
	for (int i = 0; i < some_count; i++) {
		int at = 0;

		while (at < all_count && all[at] != some[i])
			at++;
		if (at == all_count && some[i] != own)
			return false;
	}
	return true;
}

/* Whether a process's own group is among the supplementary ones too makes no difference. */
static bool groups_are(const struct identity *identity)
{
	gid_t groups[IDENTITY_GROUPS_MAX + 1];
	int count = getgroups(IDENTITY_GROUPS_MAX + 1, groups);

	return count >= 0 &&
	    are_among(groups, count, identity->groups, identity->group_count, identity->gid) &&
	    are_among(identity->groups, identity->group_count, groups, count, identity->gid);
}

/* Unless it is now in the directory that it was to enter, one of the calls did nothing. */
static int enter_root(const char *root, char *why)
{
	struct stat wanted;
	struct stat here;

	if (root[0] == '\0')
		return 0;
	if (stat(root, &wanted) < 0 || chroot(root) < 0 || chdir("/") < 0 || stat(".", &here) < 0)
		return fail_because(why, "cannot chroot to %.100s: %s", root, strerror(errno));
	if (here.st_dev != wanted.st_dev || here.st_ino != wanted.st_ino)
		return fail_because(why, "cannot chroot to %.100s: it is still outside", root);
	return 0;
}

/* A user namespace can forbid setgroups(2) (user_namespaces(7)): no harm if they are right. */
static int set_groups(const struct identity *identity, char *why)
{
	size_t count = (size_t)identity->group_count;
	int error = setgroups(count, identity->groups) < 0 ? errno : 0;

	if (error == 0 || groups_are(identity))
		return 0;
	return fail_because(why, "cannot set the supplementary groups of user %s: %s",
	    identity->user, strerror(error));
}

/* Also for who does not change: an ordinary user may have been started set-user-ID. */
static int set_ids(uid_t uid, gid_t gid, char *why)
{
	if (ids_are(uid, gid))
		return 0;
	if (setresgid(gid, gid, gid) < 0)
		return fail_because(why, "cannot become group %u: %s", gid, strerror(errno));
	if (setresuid(uid, uid, uid) < 0)
		return fail_because(why, "cannot become user %u: %s", uid, strerror(errno));
	return 0;
}

/*
 * The attempt to go back is left out where nothing changed: three equal numbers
 * and no capability have settled it (setresuid(2)). Root need not go back.
 */
static int verify(const struct identity *identity, char *why)
{
	if (!ids_are(identity->uid, identity->gid))
		return fail_because(why, "it did not become user %u, group %u", identity->uid,
		    identity->gid);
	if (identity->changes && !groups_are(identity))
		return fail_because(why, "it has other supplementary groups than user %s",
		    identity->user);
	if (!identity->changes || identity->uid == 0)
		return 0;
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return fail_because(why, "user %s can become root again", identity->user);
	if (identity->gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0)
		return fail_because(why, "user %s can become group 0 again", identity->user);
	return 0;
}

int privileges_drop(const struct identity *identity, char why[static REASON_MAX])
{
	if (reduce_bounding_set(0, why) < 0 || enter_root(identity->root, why) < 0 ||
	    (identity->changes && set_groups(identity, why) < 0) ||
	    set_ids(identity->uid, identity->gid, why) < 0 || reduce_capabilities(0, why) < 0 ||
	    forbid_new_privileges(why) < 0 || verify(identity, why) < 0)
		return -1;
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	/*
	 * LeakSanitizer looks in from another process, like a debugger, which the
	 * kernel forbids after a change of user. Its default stays everywhere else.
	 */
	prctl(PR_SET_DUMPABLE, 1UL, 0UL, 0UL, 0UL);
#endif
	return 0;
}
