/* SPDX-License-Identifier: ISC */
/*
 * The settings file, fed with anything. Whatever it holds, what is said about
 * it is one clean line for each mistake, and what was not understood changes
 * nothing; a file without a mistake reads back the same after it was printed.
 */
#include "tests/fuzz/fuzz.h"

#include "common/settings_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME "fuzz.conf"

/* So many mistakes are told, and no more. */
#define TOLD_MAX 20

/* What became of a file. */
struct outcome {
	struct settings settings;
	unsigned mistakes; /* as it was counted */
	size_t lines;      /* of the file */
	char *errors;      /* what was said; of malloc(3) */
	size_t size;       /* of that, in bytes */
};

static const struct settings *defaults(void)
{
	static struct settings settings;
	static bool loaded;
	char program[] = "echo-master";
	char *argv[] = { program, NULL };
	struct settings_sources sources = { .argc = 1, .argv = argv };

	if (!loaded)
		must(settings_load(&settings, &sources, stderr) == SETTINGS_RUN,
		    "the defaults are right");
	loaded = true;
	return &settings;
}

/* fparseln(3bsd) counts a line that a '\' at the very end of a file would go on with. */
static size_t count_lines(const char *data, size_t size)
{
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || (data[i] == '\\' && i + 1 == size);
	return lines;
}

/* The caller frees outcome->errors. */
static void read_settings(struct outcome *outcome, char *data, size_t size)
{
	FILE *file = size > 0 ? fmemopen(data, size, "r") : fopen("/dev/null", "r");
	FILE *errors = open_memstream(&outcome->errors, &outcome->size);

	must(file != NULL && errors != NULL, "there is memory");
	outcome->settings = *defaults();
	outcome->settings.file = NAME;
	outcome->lines = count_lines(data, size);
	outcome->mistakes = settings_read_stream(&outcome->settings, file, NAME, errors);
	fclose(file);
	fclose(errors);
}

static bool was_read(const struct outcome *outcome, size_t i)
{
	return outcome->settings.origin[i].source == SETTINGS_FROM_FILE;
}

/* A second value is a mistake that leaves the first in force. */
static void check_mistake(const struct outcome *outcome, const char *text)
{
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		size_t length = strlen(settings_table[i].key);

		if (!setting_adds_up(&settings_table[i]) &&
		    strncmp(text, settings_table[i].key, length) == 0 &&
		    strncmp(text + length, ": ", 2) == 0 &&
		    strncmp(text + length, ": given on line ", 16) != 0)
			must(!was_read(outcome, i), "what had a mistake was not taken");
	}
}

/* Returns whether the line is a mistake; if not, it must be the closing one. */
static bool check_line(const struct outcome *outcome, const char *line)
{
	char *rest;
	unsigned long number;

	must(strncmp(line, NAME ":", strlen(NAME ":")) == 0, "a line begins with the name");
	line += strlen(NAME ":");
	for (const char *c = line; *c != '\0'; c++)
		must(isascii((unsigned char)*c) && isprint((unsigned char)*c),
		    "a line is printable");
	if (!isdigit((unsigned char)line[0])) {
		must(strcmp(line, " more mistakes may follow") == 0,
		    "the file was read to its end");
		return false;
	}
	number = strtoul(line, &rest, 10);
	must(number >= 1 && number <= outcome->lines, "a mistake is on a line of the file");
	must(strncmp(rest, ": ", 2) == 0, "a key follows the number");
	check_mistake(outcome, rest + 2);
	return true;
}

static void check_errors(const struct outcome *outcome)
{
	char *text = outcome->errors;
	char *line;
	unsigned told = 0;
	bool closed = false;

	must(strlen(text) == outcome->size, "no NUL is told");
	must(text[0] == '\0' || text[outcome->size - 1] == '\n', "the last line ends");
	while ((line = strsep(&text, "\n")) != NULL && text != NULL) {
		must(!closed, "nothing follows the closing line");
		if (check_line(outcome, line))
			told++;
		else
			closed = true;
	}
	must(told == outcome->mistakes, "each mistake is one line");
	must(closed == (told == TOLD_MAX), "the closing line comes after the last that is told");
}

static void check_values(const struct outcome *outcome)
{
	char value[SETTINGS_TEXT_MAX];
	char old[SETTINGS_TEXT_MAX];

	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		if (was_read(outcome, i)) {
			must(outcome->settings.origin[i].line >= 1 &&
			    outcome->settings.origin[i].line <= outcome->lines,
			    "a value is from a line of the file");
			continue;
		}
		if (setting_adds_up(&settings_table[i]))
			continue; /* the other one may have been given */
		setting_get(&outcome->settings, &settings_table[i], value);
		setting_get(defaults(), &settings_table[i], old);
		must(strcmp(value, old) == 0, "what was not taken is as it was");
	}
}

static void check_round_trip(const struct outcome *outcome)
{
	struct outcome again;
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	must(to != NULL, "there is memory");
	settings_print(&outcome->settings, to);
	fclose(to);
	read_settings(&again, text, size);
	must(again.mistakes == 0, "what is printed has no mistake");
	must(settings_compare(&outcome->settings, &again.settings, NULL, NULL, NULL) == 0,
	    "what is printed reads back the same");
	free(text);
	free(again.errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome outcome;

	read_settings(&outcome, (char *)data, size);
	check_values(&outcome);
	check_errors(&outcome);
	if (outcome.mistakes == 0) {
		/* Nobody sees what is in a comment. */
		must(size == 0 || memchr(data, '\0', size) == NULL || memchr(data, '#', size) != NULL,
		    "a NUL byte is a mistake");
		check_round_trip(&outcome);
	}
	free(outcome.errors);
	return 0;
}
