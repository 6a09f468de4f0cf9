/* SPDX-License-Identifier: ISC */
/* What a setting of each type may be: how it is read, and printed to read back the same. */
#include "common/settings_table.h"

#include "common/cpus.h"
#include "common/log.h"
#include "common/nethelp.h"

#include <ctype.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* What a letter after a number stands for. */
struct unit {
	char letter;
	unsigned factor;
};

/* The largest first. */
static const struct unit times[] = { { 'h', 3600 }, { 'm', 60 }, { 's', 1 }, { 0 } };
static const struct unit sizes[] = { { 'm', 1024 * 1024 }, { 'k', 1024 }, { 0 } };

/* In the largest unit that gives a whole number, which is the shortest way to say it exactly. */
static const char *text_with_unit(const struct unit *unit, unsigned number, char *text)
{
	while (unit->letter != 0 && number % unit->factor != 0)
		unit++;
	if (unit->letter == 0 || number == 0)
		snprintf(text, SETTINGS_TEXT_MAX, "%u", number);
	else
		snprintf(text, SETTINGS_TEXT_MAX, "%u%c", number / unit->factor, unit->letter);
	return text;
}

static void print_allowed_sizes(const struct setting *setting, FILE *to)
{
	char least[SETTINGS_TEXT_MAX];
	char most[SETTINGS_TEXT_MAX];

	fprintf(to, "%s to %s bytes, as in 4096, 64k or 1m\n",
	    text_with_unit(sizes, setting->least, least),
	    text_with_unit(sizes, setting->most, most));
}

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
	case SETTING_SIZE:
		print_allowed_sizes(setting, to);
		break;
	case SETTING_PORT:
		fprintf(to, "a number from %u to %u, or a TCP service name\n", setting->least,
		    setting->most);
		break;
	case SETTING_ADDRESS:
		fputs("a numeric address, a host name, or * for all\n", to);
		break;
	case SETTING_PATH:
		fprintf(to, "%s, or an absolute path of at most %d printable characters without "
		            "blank, # and \\\n", setting->standard, SETTINGS_TEXT_MAX - 1);
		break;
	case SETTING_USER:
		fprintf(to, "a user's name or number, or %s\n", setting->standard);
		break;
	case SETTING_GROUP:
		fprintf(to, "a group's name or number, or %s\n", setting->standard);
		break;
	case SETTING_LEVEL:
		fputs("error, warning, notice, info or debug\n", to);
		break;
	case SETTING_SANDBOX:
		fputs("enforce, log or off\n", to);
		break;
	case SETTING_SWITCH:
		fputs("yes or no\n", to);
		break;
	case SETTING_ALLOW:
	case SETTING_DENY:
		fprintf(to, "none, or networks as in 192.0.2.0/24,2001:db8::/32 or *, at most %d "
		            "in all\n", ACCESS_RULES_MAX);
		break;
	}
}

/* strtonum(3) would take leading blanks and signs. */
static int read_between(const char *text, unsigned least, unsigned most, unsigned *number)
{
	const char *problem = NULL;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	*number = (unsigned)strtonum(text, least, most, &problem);
	return problem == NULL ? 0 : -1;
}

static int read_number(const struct setting *setting, const char *text, unsigned *number)
{
	return read_between(text, setting->least, setting->most, number);
}

static int read_workers(const struct setting *setting, const char *text, unsigned *workers)
{
	if (strcmp(text, "auto") != 0)
		return read_number(setting, text, workers);
	*workers = cpus_available();
	return 0;
}

/* Digits, and perhaps one of the units. */
static int read_with_unit(const struct setting *setting, const struct unit *units,
    const char *text, unsigned *number)
{
	char digits[16];
	size_t length = strspn(text, "0123456789");
	unsigned factor = 1;

	if (text[length] != '\0') {
		while (units->letter != 0 && units->letter != text[length])
			units++;
		factor = units->factor;
		if (factor == 0 || text[length + 1] != '\0')
			return -1;
	}
	if (length >= sizeof digits)
		return -1;
	strlcpy(digits, text, length + 1);
	if (read_between(digits, 0, setting->most / factor, number) < 0)
		return -1;
	*number *= factor;
	return *number >= setting->least ? 0 : -1;
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

/* What a file would take apart, or nobody could see, is no part of a word. */
static int read_word(const char *text, char *field)
{
	for (const char *at = text; *at != '\0'; at++)
		if (!isgraph((unsigned char)*at) || *at == '#' || *at == '\\')
			return -1;
	return strlcpy(field, text, SETTINGS_TEXT_MAX) < SETTINGS_TEXT_MAX ? 0 : -1;
}

static int read_path(const struct setting *setting, const char *text, char *field)
{
	return text[0] == '/' || strcmp(text, setting->standard) == 0 ? read_word(text, field) : -1;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* Text that is all digits is a number. The last one stands for none: see chown(2). */
int user_id(const char *text, uid_t *id)
{
	const struct passwd *entry;

	if (is_number(text))
		return read_between(text, 0, UINT_MAX - 1, id);
	entry = getpwnam(text);
	if (entry == NULL)
		return -1;
	*id = entry->pw_uid;
	return 0;
}

int group_id(const char *text, gid_t *id)
{
	const struct group *entry;

	if (is_number(text))
		return read_between(text, 0, UINT_MAX - 1, id);
	entry = getgrnam(text);
	if (entry == NULL)
		return -1;
	*id = entry->gr_gid;
	return 0;
}

int user_group(const char *text, gid_t *id)
{
	const struct passwd *entry = NULL;
	uid_t number;

	if (user_id(text, &number) == 0)
		entry = getpwuid(number);
	if (entry == NULL)
		return -1;
	*id = entry->pw_gid;
	return 0;
}

static int read_user(const struct setting *setting, const char *text, char *field)
{
	uid_t id;

	return strcmp(text, setting->standard) == 0 || user_id(text, &id) == 0 ?
	    read_word(text, field) : -1;
}

static int read_group(const struct setting *setting, const char *text, char *field)
{
	gid_t id;

	return strcmp(text, setting->standard) == 0 || group_id(text, &id) == 0 ?
	    read_word(text, field) : -1;
}

static int read_level(const char *text, unsigned *level)
{
	int number = log_level_from_name(text);

	if (number < 0)
		return -1;
	*level = (unsigned)number;
	return 0;
}

static const char *const sandbox_modes[SANDBOX_MODES] = {
	[SANDBOX_ENFORCE] = "enforce", [SANDBOX_LOG] = "log", [SANDBOX_OFF] = "off",
};

const char *sandbox_mode_name(enum sandbox_mode mode)
{
	return sandbox_modes[mode];
}

static int read_sandbox(const char *text, unsigned *mode)
{
	for (unsigned i = 0; i < SANDBOX_MODES; i++) {
		if (strcmp(text, sandbox_modes[i]) == 0) {
			*mode = i;
			return 0;
		}
	}
	return -1;
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
		return read_with_unit(setting, times, text, field);
	case SETTING_SIZE:
		return read_with_unit(setting, sizes, text, field);
	case SETTING_LEVEL:
		return read_level(text, field);
	case SETTING_PORT:
		return port_number(text) < 0 ? -1 : read_text(text, field);
	case SETTING_ADDRESS:
		return read_text(text, field);
	case SETTING_PATH:
		return read_path(setting, text, field);
	case SETTING_USER:
		return read_user(setting, text, field);
	case SETTING_GROUP:
		return read_group(setting, text, field);
	case SETTING_SANDBOX:
		return read_sandbox(text, field);
	case SETTING_SWITCH:
		return read_switch(text, field);
	case SETTING_ALLOW:
	case SETTING_DENY:
		return settings_add_access(field, setting->type == SETTING_ALLOW, text);
	}
	return -1;
}

static size_t size_of(enum setting_type type)
{
	switch (type) {
	case SETTING_PORT:
	case SETTING_ADDRESS:
	case SETTING_PATH:
	case SETTING_USER:
	case SETTING_GROUP:
		return SETTINGS_TEXT_MAX;
	case SETTING_SWITCH:
		return sizeof(bool);
	case SETTING_ALLOW:
	case SETTING_DENY:
		return sizeof(struct settings_access);
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
		text_with_unit(times, *(const unsigned *)field, text);
		break;
	case SETTING_SIZE:
		text_with_unit(sizes, *(const unsigned *)field, text);
		break;
	case SETTING_LEVEL:
		strlcpy(text, log_level_name((int)*(const unsigned *)field), SETTINGS_TEXT_MAX);
		break;
	case SETTING_SANDBOX:
		strlcpy(text, sandbox_modes[*(const unsigned *)field], SETTINGS_TEXT_MAX);
		break;
	case SETTING_PORT:
	case SETTING_ADDRESS:
	case SETTING_PATH:
	case SETTING_USER:
	case SETTING_GROUP:
		strlcpy(text, field, SETTINGS_TEXT_MAX);
		break;
	case SETTING_SWITCH:
		strlcpy(text, *(const bool *)field ? "yes" : "no", SETTINGS_TEXT_MAX);
		break;
	case SETTING_ALLOW:
	case SETTING_DENY:
		settings_access_text(field, text);
		break;
	}
}

bool setting_adds_up(const struct setting *setting)
{
	return setting->type == SETTING_ALLOW || setting->type == SETTING_DENY;
}

bool setting_is_same(const struct settings *a, const struct settings *b,
    const struct setting *setting)
{
	char text_a[SETTINGS_TEXT_MAX];
	char text_b[SETTINGS_TEXT_MAX];

	if (setting_adds_up(setting))
		return access_is_same(&a->access.rules, &b->access.rules);
	setting_get(a, setting, text_a);
	setting_get(b, setting, text_b);
	return strcmp(text_a, text_b) == 0;
}
