/* SPDX-License-Identifier: ISC */
#include "master/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The number above is nobody's: to setresuid(2) it means "leave it as it is". */
#define ID_MAX (UINT32_MAX - 1)

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
	return fail_because(why, "%s %.60s is not allowed; allowed: a name, a number from 0 to %u, "
	    "or auto", what, text, ID_MAX);
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
		return fail_because(why, "%s %.60s cannot be looked up: %s", what, text,
		    strerror(errno));
	if (is_auto(text))
		return fail_because(why, "there is neither a user echo nor nobody; allowed for "
		    "user: the name of one, or a number");
	return fail_because(why, "there is no %s %.60s; allowed: the name of one, a number, or "
	    "auto", what, text);
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
		return fail_because(why, "user %.60s is a number without a name, so group cannot "
		    "be auto; allowed for group: a name or a number", identity->user);
	if (is_auto(group))
		identity->gid = entry->pw_gid;
	else if (take_group(identity, group, why) < 0)
		return -1;
	if (entry == NULL)
		return 0;
	if (getgrouplist(entry->pw_name, identity->gid, identity->groups, &count) < 0)
		return fail_because(why, "user %.60s is in %d groups; allowed: at most %d",
		    identity->user, count, IDENTITY_GROUPS_MAX);
	identity->group_count = count;
	return 0;
}

static int take_root(struct identity *identity, const char *root, char *why)
{
	struct stat status;

	if (strcmp(root, "none") == 0)
		return 0;
	if (root[0] == '/' && stat(root, &status) < 0)
		return fail_because(why, "chroot %.100s: %s", root, strerror(errno));
	if (root[0] != '/' || !S_ISDIR(status.st_mode))
		return fail_because(why, "chroot %.100s is not allowed; allowed: the absolute path "
		    "of a directory, or none", root);
	/* It fits: stat(2) takes no path that is longer. */
	strlcpy(identity->root, root, sizeof identity->root);
	return 0;
}

static void leave_out(const char *setting, const char *value, char *why)
{
	size_t length = strlen(why);

	snprintf(why + length, REASON_MAX - length, "%s %s %.50s",
	    length == 0 ? "only root can change to this, it is not used:" : ",", setting, value);
}

/* Not root: nothing changes, and what cannot be looked up is not the process's own. */
static int stay(struct identity *identity, const char *user, const char *group, const char *root,
    char *why)
{
	struct identity asked = *identity;
	const struct passwd *entry = getpwuid(identity->uid);
	char ignored[REASON_MAX];

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
	return why[0] != '\0' ? IDENTITY_NOT_USED : 0;
}

int identity_resolve(struct identity *identity, const char *user, const char *group,
    const char *root, char why[static REASON_MAX])
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
