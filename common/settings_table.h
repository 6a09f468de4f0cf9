/* SPDX-License-Identifier: ISC */
/*
 * The table of settings, for those parts that read and print them:
 * settings.c (order of the sources), settings_types.c (values),
 * settings_args.c (command line), settings_file.c (file). Nobody else includes
 * this.
 */
#ifndef COMMON_SETTINGS_TABLE_H
#define COMMON_SETTINGS_TABLE_H

#include "common/settings.h"

#include <stddef.h>

enum setting_type {
	SETTING_NUMBER,  /* unsigned */
	SETTING_WORKERS, /* unsigned, or auto: one for each CPU */
	SETTING_SECONDS, /* unsigned, with a unit: 30, 30s, 5m, 1h */
	SETTING_PORT,    /* text */
	SETTING_ADDRESS, /* text */
	SETTING_LEVEL,   /* unsigned, by name */
	SETTING_SWITCH,  /* bool: yes or no */
};

struct setting {
	const char *key;        /* name in the file; with two dashes its long option */
	char letter;            /* short option, 0 for none */
	enum setting_type type;
	const char *value_name; /* in the help */
	const char *standard;   /* default, as an operator would write it */
	unsigned least, most;   /* range of a number or of seconds */
	size_t offset;          /* of its field in struct settings */
	bool reloadable;        /* SIGHUP can change it */
	const char *help;       /* in a few words */
};

extern const struct setting settings_table[SETTINGS_COUNT];

/* Notes where a setting's value comes from. */
void setting_note_origin(struct settings *settings, const struct setting *setting,
    enum settings_source source, size_t line);

/* Returns the setting of that key, or NULL. */
const struct setting *setting_find(const char *key);

/* Returns the key that `word` was most likely meant to be, or NULL when none is near. */
const char *setting_nearest(const char *word);

/* ---- settings_types.c: what each type means ---- */

/* Reads `text` into the setting's field. Returns 0, or -1 when it is not allowed. */
int setting_set(struct settings *settings, const struct setting *setting, const char *text);

/* Copies the setting's value from one to the other. */
void setting_copy(struct settings *to, const struct settings *from, const struct setting *setting);

/* Writes the setting's value, as setting_set() reads it, to `text` of SETTINGS_TEXT_MAX bytes. */
void setting_get(const struct settings *settings, const struct setting *setting, char *text);

/* Says what a setting's value may be, as the end of a line. */
void setting_print_allowed(const struct setting *setting, FILE *to);

/* ---- the sources ---- */

/* settings_args.c: puts the command line on top; `file` is what -f names, or untouched. */
enum settings_request settings_read_args(struct settings *settings,
    const struct settings_sources *sources, const char **file, FILE *errors);

/* settings_file.c: puts a file on top. Returns how many mistakes there were. */
unsigned settings_read_file(struct settings *settings, const char *path, FILE *errors);

/*
 * The same of a file that is open, to its end. What is said about it begins with
 * `name`: a line for each mistake, in which nothing of the file's is a control
 * character, and after the first 20 one that says that more may follow. A
 * setting with a mistake keeps its value.
 */
unsigned settings_read_stream(struct settings *settings, FILE *file, const char *name,
    FILE *errors);

#endif
