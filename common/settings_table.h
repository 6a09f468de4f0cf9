/* SPDX-License-Identifier: ISC */
/*
 * The table of settings, for those parts that read and print them:
 * settings.c (order of the sources), settings_types.c (values),
 * settings_rules.c (what goes together), settings_args.c (command line),
 * settings_file.c (file), settings_access.c (rules about who may connect),
 * settings_completion.c. Nobody else includes this.
 */
#ifndef COMMON_SETTINGS_TABLE_H
#define COMMON_SETTINGS_TABLE_H

#include "common/settings.h"

#include <stddef.h>
#include <sys/types.h>

enum setting_type {
	SETTING_NUMBER,  /* unsigned */
	SETTING_WORKERS, /* unsigned, or auto: one for each CPU */
	SETTING_SECONDS, /* unsigned, with a unit: 30, 30s, 5m, 1h */
	SETTING_SIZE,    /* unsigned, in bytes, with a unit: 4096, 64k, 1m */
	SETTING_PORT,    /* text */
	SETTING_ADDRESS, /* text */
	SETTING_PATH,    /* text: an absolute path, or the default */
	SETTING_USER,    /* text: name or number, or the default */
	SETTING_GROUP,   /* text, likewise */
	SETTING_LEVEL,   /* unsigned, by name */
	SETTING_SANDBOX, /* unsigned, by name: enum sandbox_mode */
	SETTING_SWITCH,  /* bool: yes or no */
	SETTING_ALLOW,   /* struct settings_access, as often as wanted */
	SETTING_DENY,    /* the same one */
};

struct setting {
	const char *key;        /* name in the file; with two dashes its long option */
	char letter;            /* short option, 0 for none */
	enum setting_type type;
	const char *value_name; /* in the help */
	const char *standard;   /* default, as an operator would write it */
	unsigned least, most;   /* range of a number, of seconds or of bytes */
	size_t offset;          /* of its field in struct settings */
	bool reloadable;        /* SIGHUP can change it */
	const char *help;       /* in a few words */
};

extern const struct setting settings_table[SETTINGS_COUNT];

/* An option that is no setting. */
struct other_option {
	const char *key;
	char letter;                   /* short option, 0 for none */
	const char *value_name;        /* NULL when it takes none */
	enum settings_request request; /* what it asks for, if it takes no value */
	const char *help;
};

#define OTHER_OPTIONS_COUNT 6

extern const struct other_option other_options[OTHER_OPTIONS_COUNT];

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

/* Tells whether a setting can be given more than once, each time for more of it. */
bool setting_adds_up(const struct setting *setting);

/* Tells whether the setting's value is the same in both. */
bool setting_is_same(const struct settings *a, const struct settings *b,
    const struct setting *setting);

/* Copies the setting's value from one to the other. */
void setting_copy(struct settings *to, const struct settings *from, const struct setting *setting);

/* Writes the setting's value, as setting_set() reads it, to `text` of SETTINGS_TEXT_MAX bytes. */
void setting_get(const struct settings *settings, const struct setting *setting, char *text);

/* Returns the name of a way of the sandbox, as it is written in a file. */
const char *sandbox_mode_name(enum sandbox_mode mode);

/* Says what a setting's value may be, as the end of a line. */
void setting_print_allowed(const struct setting *setting, FILE *to);

/*
 * Finds the number of a user or a group by name or number, and a user's own
 * group. Returns 0, or -1 when there is none (a number need not have an entry).
 */
int user_id(const char *text, uid_t *id);
int group_id(const char *text, gid_t *id);
int user_group(const char *text, gid_t *id);

/* ---- settings_access.c: allow and deny ---- */

/* Adds what `text` lists, separated by commas or blanks. Returns 0, or -1 when it is wrong. */
int settings_add_access(struct settings_access *access, bool allows, const char *text);

/*
 * Notes where the rules come from that have been added since the last time, by
 * allow or by deny. Where that was SETTINGS_NONE, the command line takes away what
 * the file says with that key.
 */
void settings_note_access(struct settings_access *access, bool allows,
    struct settings_origin origin);

/* Writes the rules to `text` of SETTINGS_TEXT_MAX bytes, or as many as there is room for. */
void settings_access_text(const struct settings_access *access, char *text);

/* Prints each rule in the file's own syntax, after where it comes from. */
void settings_print_access(const struct settings_access *access, const char *file, FILE *to);

/* Prints where a value comes from, as a comment. */
void settings_print_origin(const struct settings_origin *origin, const char *file, FILE *to);

/* ---- the sources, and what they add up to ---- */

/* settings_args.c: puts the command line on top; `file` is what -f names, or untouched. */
enum settings_request settings_read_args(struct settings *settings,
    const struct settings_sources *sources, const char **file, FILE *errors);

/*
 * settings_file.c: puts a file on top. A relative path begins in `folder`; NULL:
 * in the current one. Returns how many mistakes there were.
 */
unsigned settings_read_file(struct settings *settings, const char *folder, const char *path,
    FILE *errors);

/* settings_rules.c: has a default give way to what was asked for, where they clash. */
void settings_yield_defaults(struct settings *settings);

/*
 * settings_rules.c: looks for settings that do not go together, and tells each
 * such mistake. Returns SETTINGS_RUN when there is none, else SETTINGS_WRONG or
 * SETTINGS_BAD_FILE.
 */
enum settings_request settings_check_rules(const struct settings *settings, FILE *errors);

/*
 * The same of a file that is open, to its end. What is said about it begins with
 * `name`: a line for each mistake, in which nothing of the file's is a control
 * character, and after the first 20 one that says that more may follow. A
 * setting with a mistake keeps its value.
 */
unsigned settings_read_stream(struct settings *settings, FILE *file, const char *name,
    FILE *errors);

#endif
