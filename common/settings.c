/* SPDX-License-Identifier: ISC */
#include "common/settings.h"

#include "common/settings_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_defaults(struct settings *settings)
{
	memset(settings, 0, sizeof *settings);
	for (size_t i = 0; i < SETTINGS_COUNT; i++)
		if (setting_set(settings, &settings_table[i], settings_table[i].standard) < 0)
			abort(); /* a default that its own type refuses */
}

/* What cannot be looked at is there, and will be told when it is read. */
static bool exists(const char *path)
{
	return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool needs_settings(enum settings_request request)
{
	return request == SETTINGS_RUN || request == SETTINGS_TEST || request == SETTINGS_SHOW;
}

/* The command line is read twice: it names the file, and it beats the file. */
enum settings_request settings_load(struct settings *settings,
    const struct settings_sources *sources, FILE *errors)
{
	const char *standard = sources->standard_file;
	const char *file = NULL;
	enum settings_request request, rules;

	set_defaults(settings);
	request = settings_read_args(settings, sources, &file, errors);
	if (!needs_settings(request))
		return request;
	if (file == NULL && standard != NULL && exists(standard))
		file = standard;
	if (file != NULL) {
		set_defaults(settings);
		settings->file = file;
		if (settings_read_file(settings, sources->folder, file, errors) > 0)
			return SETTINGS_BAD_FILE;
		request = settings_read_args(settings, sources, &file, errors);
	}
	settings_yield_defaults(settings);
	rules = settings_check_rules(settings, errors);
	return rules != SETTINGS_RUN ? rules : request;
}

static void print_option(const char *key, char letter, const char *value, FILE *to)
{
	char text[64];
	char short_form[8] = "    ";

	if (letter != 0)
		snprintf(short_form, sizeof short_form, "-%c, ", letter);
	if (value == NULL)
		value = "";
	snprintf(text, sizeof text, "  %s--%s%s%s", short_form, key,
	    value[0] != '\0' && value[0] != '[' ? " " : "", value);
	fprintf(to, "%-32s", text);
}

void settings_help(FILE *to)
{
	fputs("usage: echo-master [option ...]\n"
	      "A TCP echo server: a master keeps workers that accept and echo.\n\n", to);
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const struct setting *setting = &settings_table[i];

		print_option(setting->key, setting->letter, setting->value_name, to);
		fprintf(to, "%s (default: %s)\n", setting->help, setting->standard);
	}
	for (size_t i = 0; i < OTHER_OPTIONS_COUNT; i++) {
		const struct other_option *other = &other_options[i];

		print_option(other->key, other->letter, other->value_name, to);
		fprintf(to, "%s\n", other->help);
	}
	fputs("\nSignals, log and exit codes: echo-master(8).\n", to);
}

/* So many bytes of a list of changes, so that it fits into a line of the log. */
#define LIST_MAX 480

/* A list of changes. */
struct list {
	FILE *to;    /* or NULL */
	size_t size; /* in bytes, so far */
	bool full;   /* and that has been said */
};

static void list_add(struct list *list, const char *key, const char *before, const char *after)
{
	char change[LIST_MAX];

	if (list->to == NULL || list->full)
		return;
	snprintf(change, sizeof change, "%s%s %.40s -> %.40s", list->size > 0 ? ", " : "", key,
	    before, after);
	list->size += strlen(change);
	list->full = list->size > LIST_MAX;
	fputs(list->full ? ", ..." : change, list->to);
}

static bool is_listed(const char *key, const char *const *keys)
{
	while (keys != NULL && *keys != NULL)
		if (strcmp(*keys++, key) == 0)
			return true;
	return false;
}

unsigned settings_compare(const struct settings *current, struct settings *loaded,
    const char *const *held, FILE *changes, FILE *fixed)
{
	char before[SETTINGS_TEXT_MAX];
	char after[SETTINGS_TEXT_MAX];
	struct list can = { .to = changes };
	struct list cannot = { .to = fixed };
	unsigned differ = 0;

	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const struct setting *setting = &settings_table[i];
		bool can_change = setting->reloadable && !is_listed(setting->key, held);

		if (setting->type == SETTING_DENY || setting_is_same(current, loaded, setting))
			continue; /* the former is listed with allow */
		setting_get(current, setting, before);
		setting_get(loaded, setting, after);
		differ++;
		list_add(can_change ? &can : &cannot,
		    setting->type == SETTING_ALLOW ? "allow/deny" : setting->key, before, after);
		if (!can_change)
			setting_copy(loaded, current, setting);
	}
	return differ;
}

bool settings_differ(const struct settings *a, const struct settings *b, const char *key)
{
	const struct setting *setting = setting_find(key);

	if (setting == NULL)
		abort(); /* the caller's mistake */
	return !setting_is_same(a, b, setting);
}

void settings_print_origin(const struct settings_origin *origin, const char *file, FILE *to)
{
	if (origin->source == SETTINGS_FROM_FILE)
		fprintf(to, "# %s, line %zu\n", file, origin->line);
	else
		fprintf(to, "# %s\n", origin->source == SETTINGS_FROM_DEFAULT ? "default"
		                                                              : "command line");
}

void settings_print(const struct settings *settings, FILE *to)
{
	char value[SETTINGS_TEXT_MAX];

	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const struct setting *setting = &settings_table[i];

		if (setting_adds_up(setting) && settings->access.rules.count > 0) {
			if (setting->type == SETTING_ALLOW)
				settings_print_access(&settings->access, settings->file, to);
			continue;
		}
		settings_print_origin(&settings->origin[i], settings->file, to);
		setting_get(settings, setting, value);
		fprintf(to, "%s %s\n", setting->key, value);
	}
}
