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
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The number above is nobody's: to setresuid(2) it means "leave it as it is". */
#define ID_MAX (UINT32_MAX - 1)

#define BIT(capability) (UINT64_C(1) << (capability))

#ifndef __has_feature /* clang's way to ask; gcc defines __SANITIZE_ADDRESS__ */
#define __has_feature(name) 0
#endif

__attribute__((format(printf, 2, 3))) static int fail(char *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, PRIVILEGES_WHY_MAX, format, arguments);
	va_end(arguments);
	return -1;
}

/* ---- from settings to an identity ---- */

static bool is_auto(const char *text)
{
	return strcmp(text, "auto") == 0;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* `what` is "user" or "group". */
static int read_number(const char *what, const char *text, uint32_t *number, char *why)
{
	const char *wrong;

	*number = (uint32_t)strtonum(text, 0, ID_MAX, &wrong);
	if (wrong == NULL)
		return 0;
	return fail(why, "%s %.60s is not allowed; allowed: a name, a number from 0 to %u, or auto",
	    what, text, ID_MAX);
}

/*
 * After a look-up that found nothing, before which errno was 0: tells whether it
 * is not known what there is. Any other errno means that it is not there (getpwnam(3)).
 */
static bool lookup_failed(void)
{
	return errno == EINTR || errno == EIO || errno == EMFILE || errno == ENFILE ||
	    errno == ENOMEM || errno == ERANGE;
}

static int explain_lookup(const char *what, const char *text, char *why)
{
	if (lookup_failed())
		return fail(why, "%s %.60s cannot be looked up: %s", what, text, strerror(errno));
	if (is_auto(text))
		return fail(why, "there is neither a user echo nor nobody; allowed for user: the "
		    "name of one, or a number");
	return fail(why, "there is no %s %.60s; allowed: the name of one, a number, or auto", what,
	    text);
}

static const struct passwd *find_user(const char *user)
{
	const struct passwd *entry = getpwnam(is_auto(user) ? "echo" : user);

	return entry == NULL && is_auto(user) && !lookup_failed() ? getpwnam("nobody") : entry;
}

/* `*entry` is the user's in passwd(5), or NULL for a number that has none. */
static int take_user(struct identity *identity, const char *user, const struct passwd **entry,
    char *why)
{
	bool number = is_number(user);

	if (number && read_number("user", user, &identity->uid, why) < 0)
		return -1;
	errno = 0;
	*entry = number ? getpwuid(identity->uid) : find_user(user);
	if (*entry == NULL && (!number || lookup_failed()))
		return explain_lookup("user", user, why);
	if (*entry != NULL)
		identity->uid = (*entry)->pw_uid;
	strlcpy(identity->user, *entry != NULL ? (*entry)->pw_name : user, sizeof identity->user);
	return 0;
}

static int take_group(struct identity *identity, const char *group, char *why)
{
	const struct group *entry;

	if (is_number(group))
		return read_number("group", group, &identity->gid, why);
	errno = 0;
	entry = getgrnam(group);
	if (entry == NULL)
		return explain_lookup("group", group, why);
	identity->gid = entry->gr_gid;
	return 0;
}

static int take_users_groups(struct identity *identity, const char *group,
    const struct passwd *entry, char *why)
{
	int count = IDENTITY_GROUPS_MAX;

	if (entry == NULL && is_auto(group))
		return fail(why, "user %.60s is a number without a name, so group cannot be auto; "
		    "allowed for group: a name or a number", identity->user);
	if (is_auto(group))
		identity->gid = entry->pw_gid;
	else if (take_group(identity, group, why) < 0)
		return -1;
	if (entry == NULL)
		return 0;
	if (getgrouplist(entry->pw_name, identity->gid, identity->groups, &count) < 0)
		return fail(why, "user %.60s is in %d groups; allowed: at most %d", identity->user,
		    count, IDENTITY_GROUPS_MAX);
	identity->group_count = count;
	return 0;
}

static int take_root(struct identity *identity, const char *root, char *why)
{
	struct stat status;

	if (strcmp(root, "none") == 0)
		return 0;
	if (root[0] == '/' && stat(root, &status) < 0)
		return fail(why, "chroot %.100s: %s", root, strerror(errno));
	if (root[0] != '/' || !S_ISDIR(status.st_mode))
		return fail(why, "chroot %.100s is not allowed; allowed: the absolute path of a "
		    "directory, or none", root);
	/* It fits: stat(2) takes no path that is longer. */
	strlcpy(identity->root, root, sizeof identity->root);
	return 0;
}

static void leave_out(const char *setting, const char *value, char *why)
{
	size_t length = strlen(why);

	snprintf(why + length, PRIVILEGES_WHY_MAX - length, "%s %s %.50s",
	    length == 0 ? "only root can change to this, it is not used:" : ",", setting, value);
}

/* Not root: nothing changes, and what cannot be looked up is not the process's own. */
static int stay(struct identity *identity, const char *user, const char *group, const char *root,
    char *why)
{
	struct identity asked = *identity;
	const struct passwd *entry = getpwuid(identity->uid);
	char ignored[PRIVILEGES_WHY_MAX];

	if (entry != NULL)
		strlcpy(identity->user, entry->pw_name, sizeof identity->user);
	else
		snprintf(identity->user, sizeof identity->user, "%u", identity->uid);
	why[0] = '\0';
	if (!is_auto(user) && (take_user(&asked, user, &entry, ignored) < 0 ||
	    asked.uid != identity->uid))
		leave_out("user", user, why);
	if (!is_auto(group) && (take_group(&asked, group, ignored) < 0 ||
	    asked.gid != identity->gid))
		leave_out("group", group, why);
	if (strcmp(root, "none") != 0)
		leave_out("chroot", root, why);
	return why[0] != '\0' ? PRIVILEGES_NOT_USED : 0;
}

int privileges_resolve(struct identity *identity, const char *user, const char *group,
    const char *root, char why[static PRIVILEGES_WHY_MAX])
{
	const struct passwd *entry;

	*identity = (struct identity){ .uid = geteuid(), .gid = getegid() };
	if (identity->uid != 0)
		return stay(identity, user, group, root, why);
	identity->changes = true;
	if (take_user(identity, user, &entry, why) < 0 ||
	    take_users_groups(identity, group, entry, why) < 0)
		return -1;
	return take_root(identity, root, why);
}

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
			return errno == EPERM ? 0 : fail(why, "cannot reduce the capability "
			    "bounding set: %s", strerror(errno));
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
		return fail(why, "cannot look at capabilities: %s", strerror(errno));
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		wanted[i].permitted = have[i].permitted & (uint32_t)(keep >> 32 * i);
		wanted[i].effective = wanted[i].permitted;
	}
	if (memcmp(have, wanted, sizeof have) == 0)
		return 0;
	error = syscall(SYS_capset, &self, wanted) < 0 ? errno : 0;
	if (syscall(SYS_capget, &self, have) == 0 && memcmp(have, wanted, sizeof have) == 0)
		return 0;
	return fail(why, "cannot give up capabilities: %s",
	    error != 0 ? strerror(error) : "they are still there");
}

/* Set-user-ID programs and those with file capabilities are run like any other. */
static int forbid_new_privileges(char *why)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 1)
		return 0;
	return fail(why, "cannot set no_new_privs");
}

int privileges_limit(unsigned needs, char why[static PRIVILEGES_WHY_MAX])
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
		return fail(why, "cannot chroot to %.100s: %s", root, strerror(errno));
	if (here.st_dev != wanted.st_dev || here.st_ino != wanted.st_ino)
		return fail(why, "cannot chroot to %.100s: it is still outside", root);
	return 0;
}

/* A user namespace can forbid setgroups(2) (user_namespaces(7)): no harm if they are right. */
static int set_groups(const struct identity *identity, char *why)
{
	size_t count = (size_t)identity->group_count;
	int error = setgroups(count, identity->groups) < 0 ? errno : 0;

	if (error == 0 || groups_are(identity))
		return 0;
	return fail(why, "cannot set the supplementary groups of user %s: %s", identity->user,
	    strerror(error));
}

/* Also for who does not change: an ordinary user may have been started set-user-ID. */
static int set_ids(uid_t uid, gid_t gid, char *why)
{
	if (ids_are(uid, gid))
		return 0;
	if (setresgid(gid, gid, gid) < 0)
		return fail(why, "cannot become group %u: %s", gid, strerror(errno));
	if (setresuid(uid, uid, uid) < 0)
		return fail(why, "cannot become user %u: %s", uid, strerror(errno));
	return 0;
}

/*
 * The attempt to go back is left out where nothing changed: three equal numbers
 * and no capability have settled it (setresuid(2)). Root need not go back.
 */
static int verify(const struct identity *identity, char *why)
{
	if (!ids_are(identity->uid, identity->gid))
		return fail(why, "it did not become user %u, group %u", identity->uid,
		    identity->gid);
	if (identity->changes && !groups_are(identity))
		return fail(why, "it has other supplementary groups than user %s", identity->user);
	if (!identity->changes || identity->uid == 0)
		return 0;
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return fail(why, "user %s can become root again", identity->user);
	if (identity->gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0)
		return fail(why, "user %s can become group 0 again", identity->user);
	return 0;
}

int privileges_drop(const struct identity *identity, char why[static PRIVILEGES_WHY_MAX])
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
