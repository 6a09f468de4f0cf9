/* SPDX-License-Identifier: ISC */
/* The command line: every setting's key is a long option, and some have a letter too. */
#include "common/settings_table.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long(3) returns for setting i, and for other option i: above every letter. */
#define OPTION_BASE 256
#define OTHER_BASE (OPTION_BASE + SETTINGS_COUNT)

/* Which setting an option that getopt_long(3) returned stands for, or NULL. */
static const struct setting *setting_of(int option)
{
	for (size_t i = 0; i < SETTINGS_COUNT; i++)
		if (option == OPTION_BASE + (int)i ||
		    (option != 0 && option == settings_table[i].letter))
			return &settings_table[i];
	return NULL;
}

/* The same for those that are no settings. */
static const struct other_option *other_of(int option)
{
	for (size_t i = 0; i < OTHER_OPTIONS_COUNT; i++)
		if (option == OTHER_BASE + (int)i ||
		    (option != 0 && option == other_options[i].letter))
			return &other_options[i];
	return NULL;
}

/* A letter that takes a value has a ':' after it. Returns where the next one goes. */
static char *add_letter(char *letters, char letter, bool takes_value)
{
	if (letter == 0)
		return letters;
	*letters++ = letter;
	if (takes_value)
		*letters++ = ':';
	return letters;
}

static void make_options(struct option *options, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const struct setting *setting = &settings_table[i];
		bool is_switch = setting->type == SETTING_SWITCH;

		*options++ = (struct option){ setting->key,
			is_switch ? optional_argument : required_argument, NULL,
			OPTION_BASE + (int)i };
		letters = add_letter(letters, setting->letter, !is_switch);
	}
	for (size_t i = 0; i < OTHER_OPTIONS_COUNT; i++) {
		const struct other_option *other = &other_options[i];

		*options++ = (struct option){ other->key,
			other->value_name != NULL ? required_argument : no_argument, NULL,
			OTHER_BASE + (int)i };
		letters = add_letter(letters, other->letter, other->value_name != NULL);
	}
	*options = (struct option){ 0 };
	*letters = '\0';
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
	} else if (other_of(optopt) != NULL) {
		fprintf(errors, "%s: '%s': this option takes no value\n", getprogname(), word);
	} else if (optopt != 0) {
		fprintf(errors, "%s: unknown option '-%c'; --help lists what is allowed\n",
		    getprogname(), optopt);
	} else {
		print_unknown(word, errors);
	}
}

/* Returns false when the option or its value is wrong. */
static bool take_option(struct settings *settings, int option, const char *word, FILE *errors)
{
	const struct setting *setting = setting_of(option);
	const char *value = optarg != NULL ? optarg : "yes"; /* --log-stderr, -d */

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
	struct option options[SETTINGS_COUNT + OTHER_OPTIONS_COUNT + 1];
	char letters[2 * (SETTINGS_COUNT + OTHER_OPTIONS_COUNT) + 2];
	enum settings_request request = SETTINGS_RUN;
	bool right = true;
	int option;

	make_options(options, letters);
	optind = 0; /* glibc and musl: begin anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		const struct other_option *other = other_of(option);

		right = take_option(settings, option, argv[optind - 1], errors) && right;
		if (other != NULL && other->value_name != NULL)
			*file = optarg;
		else if (other != NULL)
			request = other->request;
	}
	for (; optind < argc; optind++) {
		fprintf(errors, "%s: unexpected argument '%s'; only options are allowed\n",
		    getprogname(), argv[optind]);
		right = false;
	}
	return right ? request : SETTINGS_WRONG;
}
