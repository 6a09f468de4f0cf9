/* SPDX-License-Identifier: ISC */
#include "common/settings_table.h"

#include "common/log.h"
#include "common/nethelp.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct settings, name)

const struct setting settings_table[SETTINGS_COUNT] = {
	{ "workers", 'w', SETTING_WORKERS, "N|auto", "8", 1, SETTINGS_WORKERS_MAX,
	  FIELD(workers), true, "workers kept ready; auto: one a CPU" },
	{ "port", 'p', SETTING_PORT, "PORT", "echo", 0, 65535, FIELD(port), false,
	  "number or service; 0: any free one" },
	{ "listen", 'l', SETTING_ADDRESS, "ADDRESS", "*", 0, 0, FIELD(listen), false,
	  "address to listen on; *: all" },
	{ "backlog", 'b', SETTING_NUMBER, "N", "1024", 1, 65535, FIELD(backlog), true,
	  "connections that may wait" },
	{ "shutdown-timeout", 0, SETTING_SECONDS, "TIME", "30s", 0, 86400,
	  FIELD(shutdown_timeout), true, "for sessions at a stop or reload" },
	{ "log-level", 0, SETTING_LEVEL, "LEVEL", "info", 0, 0, FIELD(log_level), true,
	  "what to log, from error to debug" },
	{ "log-stderr", 0, SETTING_SWITCH, "[=yes|no]", "no", 0, 0, FIELD(log_stderr), true,
	  "log there also if no terminal" },
};

void setting_print_allowed(const struct setting *setting, FILE *to)
{
	switch (setting->type) {
	case SETTING_NUMBER:
		fprintf(to, "a number from %u to %u\n", setting->least, setting->most);
		break;
	case SETTING_WORKERS:
		fprintf(to, "a number from %u to %u, or auto\n", setting->least, setting->most);
		break;
	case SETTING_SECONDS:
		fprintf(to, "%u to %u seconds, as in 30, 30s, 5m or 1h\n", setting->least,
		    setting->most);
		break;
	case SETTING_PORT:
		fprintf(to, "a number from %u to %u, or a TCP service name\n", setting->least,
		    setting->most);
		break;
	case SETTING_ADDRESS:
		fputs("a numeric address, a host name, or * for all\n", to);
		break;
	case SETTING_LEVEL:
		fputs("error, warning, notice, info or debug\n", to);
		break;
	case SETTING_SWITCH:
		fputs("yes or no\n", to);
		break;
	}
}

/* strtonum(3) would take leading blanks and signs. */
static int read_number(const struct setting *setting, const char *text, unsigned *number)
{
	const char *problem = NULL;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	*number = (unsigned)strtonum(text, setting->least, setting->most, &problem);
	return problem == NULL ? 0 : -1;
}

static unsigned cpus_available(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
}

static int read_workers(const struct setting *setting, const char *text, unsigned *workers)
{
	if (strcmp(text, "auto") != 0)
		return read_number(setting, text, workers);
	*workers = cpus_available();
	return 0;
}

static int read_seconds(const struct setting *setting, const char *text, unsigned *seconds)
{
	static const struct { char unit; unsigned seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }
	};
	char digits[16];
	size_t length = strspn(text, "0123456789");
	unsigned factor = text[length] == '\0' ? 1 : 0;

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (text[length] == units[i].unit && text[length + 1] == '\0')
			factor = units[i].seconds;
	if (factor == 0 || length >= sizeof digits)
		return -1;
	strlcpy(digits, text, length + 1);
	if (read_number(setting, digits, seconds) < 0 || *seconds > setting->most / factor)
		return -1;
	*seconds *= factor;
	return 0;
}

/* Whatever a name or an address can be made of, and nothing that a file would take apart. */
static int read_text(const char *text, char *field)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789.:-_%*";

	if (text[0] == '\0' || text[strspn(text, allowed)] != '\0')
		return -1;
	return strlcpy(field, text, SETTINGS_TEXT_MAX) < SETTINGS_TEXT_MAX ? 0 : -1;
}

static int read_level(const char *text, unsigned *level)
{
	int number = log_level_from_name(text);

	if (number < 0)
		return -1;
	*level = (unsigned)number;
	return 0;
}

static int read_switch(const char *text, bool *on)
{
	*on = strcmp(text, "yes") == 0;
	return *on || strcmp(text, "no") == 0 ? 0 : -1;
}

int setting_set(struct settings *settings, const struct setting *setting, const char *text)
{
	void *field = (char *)settings + setting->offset;

	switch (setting->type) {
	case SETTING_NUMBER:
		return read_number(setting, text, field);
	case SETTING_WORKERS:
		return read_workers(setting, text, field);
	case SETTING_SECONDS:
		return read_seconds(setting, text, field);
	case SETTING_LEVEL:
		return read_level(text, field);
	case SETTING_PORT:
		return port_number(text) < 0 ? -1 : read_text(text, field);
	case SETTING_ADDRESS:
		return read_text(text, field);
	case SETTING_SWITCH:
		return read_switch(text, field);
	}
	return -1;
}

static size_t size_of(enum setting_type type)
{
	switch (type) {
	case SETTING_PORT:
	case SETTING_ADDRESS:
		return SETTINGS_TEXT_MAX;
	case SETTING_SWITCH:
		return sizeof(bool);
	default:
		return sizeof(unsigned);
	}
}

void setting_copy(struct settings *to, const struct settings *from, const struct setting *setting)
{
	memcpy((char *)to + setting->offset, (const char *)from + setting->offset,
	    size_of(setting->type));
}

void setting_get(const struct settings *settings, const struct setting *setting, char *text)
{
	const void *field = (const char *)settings + setting->offset;

	switch (setting->type) {
	case SETTING_NUMBER:
	case SETTING_WORKERS:
		snprintf(text, SETTINGS_TEXT_MAX, "%u", *(const unsigned *)field);
		break;
	case SETTING_SECONDS:
		snprintf(text, SETTINGS_TEXT_MAX, "%us", *(const unsigned *)field);
		break;
	case SETTING_LEVEL:
		strlcpy(text, log_level_name((int)*(const unsigned *)field), SETTINGS_TEXT_MAX);
		break;
	case SETTING_PORT:
	case SETTING_ADDRESS:
		strlcpy(text, field, SETTINGS_TEXT_MAX);
		break;
	case SETTING_SWITCH:
		strlcpy(text, *(const bool *)field ? "yes" : "no", SETTINGS_TEXT_MAX);
		break;
	}
}

void setting_note_origin(struct settings *settings, const struct setting *setting,
    enum settings_source source, size_t line)
{
	settings->origin[setting - settings_table] = (struct settings_origin){ source, line };
}

const struct setting *setting_find(const char *key)
{
	for (size_t i = 0; i < SETTINGS_COUNT; i++)
		if (strcmp(settings_table[i].key, key) == 0)
			return &settings_table[i];
	return NULL;
}

#define WORD_MAX 32

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance: letters to insert, remove or change to make one word the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t change = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = smaller(change, smaller(row[j], row[j + 1]) + 1);
		}
	}
	return row[length];
}

const char *setting_nearest(const char *word)
{
	const char *nearest = NULL;
	size_t least = strlen(word) / 3 + 1;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		size_t far = distance(word, settings_table[i].key);

		if (far <= least && (nearest == NULL || far < least)) {
			least = far;
			nearest = settings_table[i].key;
		}
	}
	return nearest;
}
