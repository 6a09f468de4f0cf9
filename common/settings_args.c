/* SPDX-License-Identifier: ISC */
/* The command line: every setting's key is a long option, and some have a letter too. */
#include "common/settings_table.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long(3) returns for setting i: above every letter. */
#define OPTION_BASE 256

/* Options that are no settings. */
static const struct option other_options[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "test", no_argument, NULL, 't' },
	{ "show", no_argument, NULL, 'T' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

#define OTHERS (sizeof other_options / sizeof other_options[0])

/* Which setting an option that getopt_long(3) returned stands for, or NULL. */
static const struct setting *setting_of(int option)
{
	for (size_t i = 0; i < SETTINGS_COUNT; i++)
		if (option == OPTION_BASE + (int)i ||
		    (option != 0 && option == settings_table[i].letter))
			return &settings_table[i];
	return NULL;
}

static void make_options(struct option *options, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		bool is_switch = settings_table[i].type == SETTING_SWITCH;

		options[i] = (struct option){ settings_table[i].key,
			is_switch ? optional_argument : required_argument, NULL,
			OPTION_BASE + (int)i };
		if (settings_table[i].letter == 0)
			continue;
		*letters++ = settings_table[i].letter;
		*letters++ = ':';
	}
	memcpy(options + SETTINGS_COUNT, other_options, sizeof other_options);
	strcpy(letters, "f:tThV");
}

static void print_wrong_value(const struct setting *setting, const char *text, FILE *errors)
{
	fprintf(errors, "%s: --%s: '%.100s' is not allowed; allowed: ", getprogname(), setting->key,
	    text);
	setting_print_allowed(setting, errors);
}

static void print_unknown(const char *word, FILE *errors)
{
	char key[SETTINGS_TEXT_MAX];
	const char *nearest;

	strlcpy(key, word + strspn(word, "-"), sizeof key);
	key[strcspn(key, "=")] = '\0';
	nearest = setting_nearest(key);
	if (nearest != NULL)
		fprintf(errors, "%s: unknown option '%s'; did you mean --%s?\n", getprogname(),
		    word, nearest);
	else
		fprintf(errors, "%s: unknown option '%s'; --help lists what is allowed\n",
		    getprogname(), word);
}

/* `seen` is what getopt_long(3) returned, `word` the argument that it was looking at. */
static void print_wrong_option(int seen, const char *word, FILE *errors)
{
	const struct setting *setting = setting_of(optopt);

	if (seen == ':' && setting != NULL) {
		fprintf(errors, "%s: --%s needs a value; allowed: ", getprogname(), setting->key);
		setting_print_allowed(setting, errors);
	} else if (seen == ':') {
		fprintf(errors, "%s: --file needs a value; allowed: the path of a file\n",
		    getprogname());
	} else if (setting != NULL || (optopt != 0 && strchr("tThV", optopt) != NULL)) {
		fprintf(errors, "%s: '%s': this option takes no value\n", getprogname(), word);
	} else if (optopt != 0) {
		fprintf(errors, "%s: unknown option '-%c'; --help lists what is allowed\n",
		    getprogname(), optopt);
	} else {
		print_unknown(word, errors);
	}
}

static enum settings_request request_of(int option)
{
	switch (option) {
	case 't':
		return SETTINGS_TEST;
	case 'T':
		return SETTINGS_SHOW;
	case 'h':
		return SETTINGS_HELP;
	default:
		return SETTINGS_VERSION;
	}
}

/* Returns false when the option or its value is wrong. */
static bool take_option(struct settings *settings, int option, const char *word, FILE *errors)
{
	const struct setting *setting = setting_of(option);
	const char *value = optarg != NULL ? optarg : "yes"; /* --log-stderr */

	if (option == '?' || option == ':') {
		print_wrong_option(option, word, errors);
		return false;
	}
	if (setting == NULL)
		return true;
	if (setting_set(settings, setting, value) < 0) {
		print_wrong_value(setting, value, errors);
		return false;
	}
	setting_note_origin(settings, setting, SETTINGS_FROM_COMMAND_LINE, 0);
	return true;
}

enum settings_request settings_read_args(struct settings *settings,
    const struct settings_sources *sources, const char **file, FILE *errors)
{
	int argc = sources->argc;
	char **argv = sources->argv;
	struct option options[SETTINGS_COUNT + OTHERS];
	char letters[2 * SETTINGS_COUNT + 8];
	enum settings_request request = SETTINGS_RUN;
	bool right = true;
	int option;

	make_options(options, letters);
	optind = 0; /* glibc and musl: begin anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		right = take_option(settings, option, argv[optind - 1], errors) && right;
		if (option == 'f')
			*file = optarg;
		else if (option < OPTION_BASE && strchr("tThV", option) != NULL)
			request = request_of(option);
	}
	for (; optind < argc; optind++) {
		fprintf(errors, "%s: unexpected argument '%s'; only options are allowed\n",
		    getprogname(), argv[optind]);
		right = false;
	}
	return right ? request : SETTINGS_WRONG;
}
