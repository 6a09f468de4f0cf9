/* SPDX-License-Identifier: ISC */
/* Settings that are right, each for itself, and yet do not go together. */
#include "common/settings_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Two settings, each right, and why not both. */
struct clash {
	const char *key;
	const char *other;   /* the key that it does not go with */
	const char *because;
	const char *allowed;
};

static const struct settings_origin *origin_of(const struct settings *settings, const char *key)
{
	return &settings->origin[setting_find(key) - settings_table];
}

/* The later of the two is told: the command line came on top of the file. */
static enum settings_request tell(const struct settings *settings, const struct clash *clash,
    FILE *errors)
{
	const char *key = clash->key;
	const char *other = clash->other;
	const struct settings_origin *origin = origin_of(settings, key);

	if (origin->source == SETTINGS_FROM_FILE &&
	    origin_of(settings, other)->source == SETTINGS_FROM_COMMAND_LINE) {
		key = clash->other;
		other = clash->key;
		origin = origin_of(settings, key);
	}
	if (origin->source == SETTINGS_FROM_FILE)
		fprintf(errors, "%s:%zu: %s: ", settings->file, origin->line, key);
	else
		fprintf(errors, "%s: --%s: ", getprogname(), key);
	fprintf(errors, "not with %s, because %s; allowed: %s\n", other, clash->because,
	    clash->allowed);
	return origin->source == SETTINGS_FROM_FILE ? SETTINGS_BAD_FILE : SETTINGS_WRONG;
}

static bool is_user_of_master(const struct settings *settings)
{
	uid_t user, master;

	return strcmp(settings->user, SETTINGS_AUTO) == 0 ||
	    (user_id(settings->user, &user) == 0 && user_id(settings->master_user, &master) == 0 &&
	        user == master);
}

/* A number that the machine knows nothing of has no group of its own: any will do. */
static bool is_group_of_master(const struct settings *settings)
{
	gid_t group, master;

	return strcmp(settings->group, SETTINGS_AUTO) == 0 ||
	    user_group(settings->master_user, &master) < 0 ||
	    (group_id(settings->group, &group) == 0 && group == master);
}

/* What a master that is no longer root cannot do for its workers. Returns how many clashes. */
static size_t find_of_master(const struct settings *settings, const struct clash **clashes)
{
	static const struct clash user = { "user", "master-user",
		"another user needs a master that stays root",
		"one of them, or the same user in both" };
	static const struct clash group = { "group", "master-user",
		"another group needs a master that stays root",
		"one of them, or that user's own group" };
	static const struct clash chroot = { "chroot", "master-user",
		"chroot needs a master that stays root", "one of them" };
	size_t count = 0;

	if (strcmp(settings->master_user, SETTINGS_NONE) == 0)
		return 0;
	if (!is_user_of_master(settings))
		clashes[count++] = &user;
	if (!is_group_of_master(settings))
		clashes[count++] = &group;
	if (strcmp(settings->chroot, SETTINGS_NONE) != 0)
		clashes[count++] = &chroot;
	return count;
}

void settings_yield_defaults(struct settings *settings)
{
	if (origin_of(settings, "max-workers")->source == SETTINGS_FROM_DEFAULT &&
	    settings->max_workers < settings->workers)
		settings->max_workers = settings->workers;
}

enum settings_request settings_check_rules(const struct settings *settings, FILE *errors)
{
	static const struct clash pool = { "max-workers", "workers",
		"max-workers cannot be fewer than workers", "at least as many" };
	static const struct clash polling = { "busy-poll", "connections",
		"a worker with one connection does not poll", "connections above 1, or busy-poll 0" };
	const struct clash *clashes[5];
	size_t count = find_of_master(settings, clashes);
	enum settings_request answer = SETTINGS_RUN;

	if (settings->max_workers < settings->workers)
		clashes[count++] = &pool;
	if (settings->busy_poll > 0 && settings->connections == 1)
		clashes[count++] = &polling;
	for (size_t i = 0; i < count; i++) {
		enum settings_request found = tell(settings, clashes[i], errors);

		if (answer != SETTINGS_WRONG)
			answer = found;
	}
	return answer;
}
