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

int reload_read(struct reload *reload, bool later)
{
	struct settings loaded;
	enum settings_request request;
	char *mistakes = NULL;
	size_t size;
	FILE *errors = open_memstream(&mistakes, &size);

	if (errors == NULL) {
		log_error("reload refused, nothing has changed: %s", strerror(errno));
		return -1;
	}
	request = settings_load(&loaded, reload->sources, errors);
	fclose(errors);
	if (request == SETTINGS_RUN)
		*(later ? &reload->waiting : &reload->coming) = loaded;
	else
		log_each_line(mistakes);
	free(mistakes);
	if (request == SETTINGS_RUN)
		return 0;
	log_error("reload refused, nothing has changed");
	return -1;
}

void reload_begin(struct reload *reload, bool later)
{
	char fixed_text[sizeof reload->changes] = "";
	FILE *changes = fmemopen(reload->changes, sizeof reload->changes, "w");
	FILE *fixed = fmemopen(fixed_text, sizeof fixed_text, "w");

	strlcpy(reload->changes, changes != NULL ? "" : "out of memory for the list",
	    sizeof reload->changes);
	if (later)
		reload->coming = reload->waiting;
	settings_compare(&reload->current, &reload->coming, NULL, changes, fixed);
	if (changes != NULL)
		fclose(changes);
	if (fixed != NULL)
		fclose(fixed);
	if (fixed_text[0] != '\0')
		log_warning("only a restart can change this, it stays as it is: %s", fixed_text);
}

void reload_commit(struct reload *reload)
{
	reload->current = reload->coming;
	if (reload->changes[0] != '\0')
		log_notice("settings changed: %s", reload->changes);
	else
		log_notice("settings are the same as before");
}
