/* SPDX-License-Identifier: ISC */
/*
 * Everything an operator can set, declared once: one table (settings_table.c)
 * gives each setting its key, short option, type, range, default and help, and
 * all that reads or prints settings is derived from it: the command line, the
 * settings file, the help, and the list of what is in force.
 *
 * The command line beats the file, the file beats the default.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include "common/access.h"

#include <stdbool.h>
#include <stdio.h>

/* The largest pool that can be asked for. */
#define SETTINGS_WORKERS_MAX 8192

/* The most connections that a worker can be asked to serve at once. */
#define SETTINGS_CONNECTIONS_MAX 65536

/* How many settings there are, and the room for the text of one. */
#define SETTINGS_COUNT 31
#define SETTINGS_TEXT_MAX 256

/* What paths, users and groups can be instead of one. */
#define SETTINGS_NONE "none"
#define SETTINGS_AUTO "auto"

/* What becomes of a worker that does what no worker has to do: see worker/sandbox.h. */
enum sandbox_mode {
	SANDBOX_ENFORCE, /* it is killed, or refused */
	SANDBOX_LOG,     /* the kernel logs it, where that can be had */
	SANDBOX_OFF,     /* nothing */
	SANDBOX_MODES,
};

/* Where a value comes from. */
enum settings_source {
	SETTINGS_FROM_DEFAULT,
	SETTINGS_FROM_FILE,
	SETTINGS_FROM_COMMAND_LINE,
};

struct settings_origin {
	enum settings_source source;
	size_t line; /* in the file, from 1 */
};

/* Who may connect. Rules from the command line stand before those of the file. */
struct settings_access {
	struct access rules;
	struct settings_origin origin[ACCESS_RULES_MAX]; /* of each rule */
	unsigned noted;                                  /* rules that have an origin */
	unsigned from_command_line;                      /* of them; they are the first */
	bool none;                                       /* what was added last is SETTINGS_NONE */
};

struct settings {
	unsigned workers;                 /* kept ready to accept, 1 to SETTINGS_WORKERS_MAX */
	unsigned max_workers;             /* under load, `workers` to SETTINGS_WORKERS_MAX */
	unsigned spare_timeout;           /* before those beyond `workers` leave, in seconds */
	unsigned max_served;              /* connections until a worker is replaced, 0: no limit */
	unsigned hang_timeout;            /* how long a worker may hang, in s; 0: for ever */
	unsigned connections;             /* at once in a worker, 1 to SETTINGS_CONNECTIONS_MAX */
	unsigned busy_poll;               /* how long a worker looks before it sleeps, in us */
	char port[SETTINGS_TEXT_MAX];     /* a number, 0 for any free one, or a service name */
	char listen[SETTINGS_TEXT_MAX];   /* address or name to listen on, "*" for every address */
	unsigned backlog;                 /* of the listener, in connections */
	unsigned buffer;                  /* most that a worker reads at once, in bytes */
	unsigned shutdown_timeout;        /* how long sessions may go on at a stop, in seconds */
	unsigned idle_timeout;            /* for a client that is silent, in seconds; 0: none */
	unsigned write_timeout;           /* for one that does not read, likewise */
	unsigned first_byte_timeout;      /* for one that has never said a thing, likewise */
	unsigned session_time;            /* of one session, in seconds; 0: any */
	unsigned session_bytes;           /* received in one session; 0: any number */
	unsigned per_source;              /* connections at a time of one source; 0: any number */
	unsigned rate;                    /* connections a second of one source; 0: any number */
	unsigned rate_burst;              /* of them at once, at least 1 */
	struct settings_access access;    /* what allow and deny say */
	bool daemon;                      /* run in the background */
	char pid_file[SETTINGS_TEXT_MAX]; /* absolute path, or SETTINGS_NONE */
	char user[SETTINGS_TEXT_MAX];     /* of workers: name or number, or SETTINGS_AUTO */
	char group[SETTINGS_TEXT_MAX];    /* likewise; SETTINGS_AUTO: the user's own */
	char chroot[SETTINGS_TEXT_MAX];   /* folder of workers: absolute path, or SETTINGS_NONE */
	char master_user[SETTINGS_TEXT_MAX]; /* name or number, or SETTINGS_NONE */
	unsigned sandbox;                 /* of workers: enum sandbox_mode */
	unsigned log_level;               /* least important level logged, as in syslog(3) */
	bool log_stderr;                  /* log to standard error too, terminal or not */
	const char *file;                 /* that was read, NULL for none; kept by reference */
	struct settings_origin origin[SETTINGS_COUNT]; /* of each, in the table's order */
};

/* What a command line asks for. */
enum settings_request {
	SETTINGS_RUN,        /* start with these settings */
	SETTINGS_TEST,       /* only check them */
	SETTINGS_SHOW,       /* only print them */
	SETTINGS_COMPLETION, /* print the completion for bash and leave */
	SETTINGS_HELP,       /* print the help and leave */
	SETTINGS_VERSION,    /* print the version and leave */
	SETTINGS_WRONG,      /* the command line has mistakes, which have been printed */
	SETTINGS_BAD_FILE,   /* the file has mistakes, or cannot be read; they have been printed */
};

/* Where settings are to be found. */
struct settings_sources {
	int argc;
	char **argv;               /* main()'s; getopt_long(3) may change the order */
	const char *standard_file; /* read if it exists and -f names no other; NULL: none */
	const char *folder;        /* where a relative path of -f begins; NULL: the current one */
};

/*
 * Fills `settings` from the defaults, the file and the command line, as often
 * as wanted. Each mistake is one line on `errors`: what was wrong, what is
 * allowed; all of them (of a file the first 20), not only the first. Settings
 * that are right but do not go together are a mistake of the command line if
 * one of them is from there, else of the file. Uses getopt_long(3), and so is
 * not reentrant.
 */
enum settings_request settings_load(struct settings *settings,
    const struct settings_sources *sources, FILE *errors);

/*
 * Compares what is in force with what was loaded anew. What a reload can change
 * is listed on `changes` ("workers 8 -> 4, ..."), what only a restart can is
 * listed on `fixed` and put back in `loaded` to what it is in `current`. A NULL
 * stream is not written to; both together get less than 1000 bytes, and "..." for
 * what did not fit.
 *
 * `held` are keys of settings that a reload cannot change this time although it
 * could at others, as the port of an inherited socket; a NULL ends them, and
 * `held` may itself be NULL.
 *
 * Returns how many settings differ.
 */
unsigned settings_compare(const struct settings *current, struct settings *loaded,
    const char *const *held, FILE *changes, FILE *fixed);

/* Tells whether the setting of that key, which must exist, has two different values. */
bool settings_differ(const struct settings *a, const struct settings *b, const char *key);

/* Prints the usage and a line for each option. */
void settings_help(FILE *to);

/* Prints the completion for bash: a script that knows every option and its values. */
void settings_completion(FILE *to);

/*
 * Prints what is in force in the file's own syntax, each setting with a comment
 * that says where it comes from. Read back, it gives the same settings.
 */
void settings_print(const struct settings *settings, FILE *to);

#endif
