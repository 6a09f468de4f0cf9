/* SPDX-License-Identifier: ISC */
#include "master/reload.h"

#include "common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void log_each_line(char *lines)
{
	char *line;

	while ((line = strsep(&lines, "\n")) != NULL)
		if (line[0] != '\0')
			log_error("%s", line);
}

/* Reads the settings into `loaded`. Returns 0, or -1 and the mistakes have been logged. */
static int load(const struct settings_sources *sources, struct settings *loaded)
{
	enum settings_request request;
	char *mistakes = NULL;
	size_t size;
	FILE *errors = open_memstream(&mistakes, &size);

	if (errors == NULL) {
		log_error("reading the settings: %s", strerror(errno));
		return -1;
	}
	request = settings_load(loaded, sources, errors);
	fclose(errors);
	if (request != SETTINGS_RUN)
		log_each_line(mistakes);
	free(mistakes);
	return request == SETTINGS_RUN ? 0 : -1;
}

static void compare(struct reload *reload)
{
	char fixed_text[sizeof reload->changes] = "";
	FILE *changes = fmemopen(reload->changes, sizeof reload->changes, "w");
	FILE *fixed = fmemopen(fixed_text, sizeof fixed_text, "w");

	strlcpy(reload->changes, changes != NULL ? "" : "out of memory for the list",
	    sizeof reload->changes);
	settings_compare(&reload->current, &reload->coming, reload->held, changes, fixed);
	if (changes != NULL)
		fclose(changes);
	if (fixed != NULL)
		fclose(fixed);
	if (fixed_text[0] != '\0')
		log_warning("only a restart can change this, it stays as it is: %s", fixed_text);
}

int reload_resolve(const struct settings *settings, struct identity *identity)
{
	char why[REASON_MAX];
	int result = identity_resolve(identity, settings->user, settings->group,
	    settings->chroot, why);

	if (result < 0)
		log_error("%s", why);
	else if (result == IDENTITY_NOT_USED)
		log_warning("%s", why);
	return result < 0 ? -1 : 0;
}

int reload_read(struct reload *reload)
{
	struct settings loaded;

	if (load(reload->sources, &loaded) < 0)
		return -1;
	reload->coming = loaded;
	compare(reload);
	if (reload->keeps_identity) {
		reload->coming_identity = reload->identity;
		return 0;
	}
	return reload_resolve(&reload->coming, &reload->coming_identity);
}

bool reload_moves(const struct reload *reload)
{
	return settings_differ(&reload->current, &reload->coming, "listen") ||
	    settings_differ(&reload->current, &reload->coming, "port");
}

void reload_commit(struct reload *reload)
{
	reload->current = reload->coming;
	reload->identity = reload->coming_identity;
	if (reload->changes[0] != '\0')
		log_notice("settings changed: %s", reload->changes);
	else
		log_notice("settings are the same as before");
}
