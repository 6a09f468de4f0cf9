/* SPDX-License-Identifier: ISC */
/* What a setting of each type may be: how it is read, and printed to read back the same. */
#include "common/settings_table.h"

#include "common/log.h"
#include "common/nethelp.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

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
