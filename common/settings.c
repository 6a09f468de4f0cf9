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
	fprintf(to, "%-30s", text);
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

static void list(FILE *to, const char *key, const char *before, const char *after)
{
	if (to == NULL)
		return;
	/* Long names are cut, so that the list fits into a line of the log. */
	fprintf(to, "%s%s %.40s -> %.40s", ftell(to) > 0 ? ", " : "", key, before, after);
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
	unsigned differ = 0;

	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const struct setting *setting = &settings_table[i];
		bool can_change = setting->reloadable && !is_listed(setting->key, held);

		setting_get(current, setting, before);
		setting_get(loaded, setting, after);
		if (strcmp(before, after) == 0)
			continue;
		differ++;
		list(can_change ? changes : fixed, setting->key, before, after);
		if (!can_change)
			setting_copy(loaded, current, setting);
	}
	return differ;
}

bool settings_differ(const struct settings *a, const struct settings *b, const char *key)
{
	const struct setting *setting = setting_find(key);
	char text_a[SETTINGS_TEXT_MAX];
	char text_b[SETTINGS_TEXT_MAX];

	if (setting == NULL)
		abort(); /* the caller's mistake */
	setting_get(a, setting, text_a);
	setting_get(b, setting, text_b);
	return strcmp(text_a, text_b) != 0;
}

void settings_print(const struct settings *settings, FILE *to)
{
	char value[SETTINGS_TEXT_MAX];

	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const struct settings_origin *origin = &settings->origin[i];

		if (origin->source == SETTINGS_FROM_FILE)
			fprintf(to, "# %s, line %zu\n", settings->file, origin->line);
		else
			fprintf(to, "# %s\n", origin->source == SETTINGS_FROM_DEFAULT ? "default"
			                                                      : "command line");
		setting_get(settings, &settings_table[i], value);
		fprintf(to, "%s %s\n", settings_table[i].key, value);
	}
}
