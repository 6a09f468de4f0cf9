/* SPDX-License-Identifier: ISC */
/*
 * The settings file: a key and its value on each line, separated by blanks. A
 * '#' begins a comment, a '\' at the end of a line goes on with the next
 * (fparseln(3) of libbsd).
 */
#define LIBBSD_NETBSD_VIS /* vis.h wants a choice, for functions that are not used here */

#include "common/settings_table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vis.h>

/* A larger file, in bytes, is no settings file. */
#define FILE_MAX 1048576

/* So many mistakes are told, and no more. */
#define MISTAKES_MAX 20

/* So many bytes of a wrong word are told, and the room for them: vis(3bsd). */
#define TOLD_MAX 100
#define TOLD_TEXT_MAX (4 * TOLD_MAX + 1)

#define BLANKS " \t\r\f\v"

/* A file that is being read. */
struct reading {
	const char *name;             /* for what is said about it */
	size_t line;                  /* from 1; of a continued line the last one */
	size_t given[SETTINGS_COUNT]; /* on which line each setting was given, 0: not yet */
	unsigned mistakes;
	FILE *errors;
};

/*
 * Returns `word` as it can be shown on a terminal or in a log: what controls
 * them, and what is not ASCII, as \t, \033 and the like, and a '\' doubled.
 */
static const char *told(const char *word, char text[static TOLD_TEXT_MAX])
{
	text[0] = '\0'; /* if there is no memory */
	strvisx(text, word, strnlen(word, TOLD_MAX),
	    VIS_CSTYLE | VIS_OCTAL | VIS_TAB | VIS_NL | VIS_NOLOCALE);
	return text;
}

static void begin_mistake(struct reading *reading, const char *key)
{
	char text[TOLD_TEXT_MAX];

	reading->mistakes++;
	fprintf(reading->errors, "%s:%zu: %s: ", reading->name, reading->line, told(key, text));
}

static void print_unknown_key(struct reading *reading, const char *key)
{
	const char *nearest = setting_nearest(key);

	begin_mistake(reading, key);
	if (nearest != NULL)
		fprintf(reading->errors, "unknown key; did you mean %s?\n", nearest);
	else
		fputs("unknown key; echo-master --show lists what is allowed\n", reading->errors);
}

static void print_wrong_value(struct reading *reading, const struct setting *setting,
    const char *value)
{
	char text[TOLD_TEXT_MAX];

	begin_mistake(reading, setting->key);
	fprintf(reading->errors, "'%s' is not allowed; allowed: ", told(value, text));
	setting_print_allowed(setting, reading->errors);
}

static void take_value(struct settings *settings, struct reading *reading,
    const struct setting *setting, const char *value)
{
	size_t *given = &reading->given[setting - settings_table];
	struct settings tried = *settings; /* a value that is not allowed can spoil the field */

	if (*given != 0 && !setting_adds_up(setting)) {
		begin_mistake(reading, setting->key);
		fprintf(reading->errors, "given on line %zu already; allowed: once\n", *given);
	} else if (value[0] == '\0') {
		begin_mistake(reading, setting->key);
		fputs("a value is missing; allowed: ", reading->errors);
		setting_print_allowed(setting, reading->errors);
	} else if (setting_set(&tried, setting, value) < 0) {
		print_wrong_value(reading, setting, value);
	} else {
		setting_copy(settings, &tried, setting);
		setting_note_origin(settings, setting, SETTINGS_FROM_FILE, reading->line);
	}
	*given = reading->line;
}

static void cut_blanks(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && strchr(BLANKS, text[length - 1]) != NULL)
		text[--length] = '\0';
}

static void take_line(struct settings *settings, struct reading *reading, char *line)
{
	char *key = line + strspn(line, BLANKS);
	char *value = key + strcspn(key, BLANKS);
	const struct setting *setting;

	if (key[0] == '\0')
		return;
	if (value[0] != '\0')
		*value++ = '\0';
	value += strspn(value, BLANKS);
	cut_blanks(value);
	setting = setting_find(key);
	if (setting == NULL)
		print_unknown_key(reading, key);
	else
		take_value(settings, reading, setting, value);
}

/*
 * Only a regular file of a sensible size: opening a pipe could wait for ever,
 * and reading it again at a reload would find it empty. Returns NULL when it
 * cannot be used; the reason has been printed.
 */
static FILE *open_file(const char *folder, const char *path, FILE *errors)
{
	bool join = folder != NULL && path[0] != '/';
	char joined[2 * PATH_MAX]; /* what is cut to fit is too long for open(2) too */
	struct stat status;
	FILE *file = NULL;
	int fd;

	snprintf(joined, sizeof joined, "%s%s%s", join ? folder : "", join ? "/" : "", path);
	fd = open(joined, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0)
		fprintf(errors, "%s: %s\n", path, strerror(errno));
	else if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
		fprintf(errors, "%s: no settings file; allowed: a regular file of at most %d KiB\n",
		    path, FILE_MAX / 1024);
	else if ((file = fdopen(fd, "r")) == NULL)
		fprintf(errors, "%s: %s\n", path, strerror(errno));
	if (fd >= 0 && file == NULL)
		close(fd);
	return file;
}

/*
 * FPARSELN_UNESCALL would do the same, but it forgets the length of the line,
 * and with it what follows a NUL byte.
 */
static void remove_escapes(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (text[0] == '\\' && text[1] != '\0')
			text++;
		*to++ = *text;
	}
	*to = '\0';
}

static void take_lines(struct settings *settings, struct reading *reading, FILE *file)
{
	char *line;
	size_t length;

	while (reading->mistakes < MISTAKES_MAX &&
	    (line = fparseln(file, &length, &reading->line, NULL, 0)) != NULL) {
		if (strlen(line) != length) {
			begin_mistake(reading, "NUL byte");
			fputs("not allowed; allowed: text\n", reading->errors);
		} else {
			remove_escapes(line);
			take_line(settings, reading, line);
		}
		free(line);
	}
}

unsigned settings_read_stream(struct settings *settings, FILE *file, const char *name,
    FILE *errors)
{
	struct reading reading = { .name = name, .errors = errors };

	take_lines(settings, &reading, file);
	if (reading.mistakes >= MISTAKES_MAX) {
		fprintf(errors, "%s: more mistakes may follow\n", name);
	} else if (ferror(file) || !feof(file)) { /* the latter: out of memory */
		fprintf(errors, "%s: cannot be read to its end\n", name);
		reading.mistakes++;
	}
	return reading.mistakes;
}

unsigned settings_read_file(struct settings *settings, const char *folder, const char *path,
    FILE *errors)
{
	FILE *file = open_file(folder, path, errors);
	unsigned mistakes;

	if (file == NULL)
		return 1;
	mistakes = settings_read_stream(settings, file, path, errors);
	fclose(file);
	return mistakes;
}
