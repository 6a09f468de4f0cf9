/* SPDX-License-Identifier: ISC */
/*
 * What a load is, and what came of it: shared by those who read the command
 * line (load_options.c), put the load on (load_run.c and its parts) and report
 * it (load_report.c, load_json.c).
 */
#ifndef CLIENT_LOAD_H
#define CLIENT_LOAD_H

#include "client/histogram.h"

#include <stdbool.h>
#include <stdint.h>

/* How a connection ended: each in exactly one way. */
enum load_class {
	LOAD_CLEAN,        /* all that was sent came back, and either side closed in order */
	LOAD_REFUSED,      /* connect(2) failed, for any reason but those below */
	LOAD_RESET_BEFORE, /* reset, or broken otherwise, before any byte came back */
	LOAD_RESET_AFTER,  /* likewise, after some had */
	LOAD_TIMEOUT,      /* connecting, an echo or closing took longer than --timeout */
	LOAD_SHORT,        /* the server closed before everything had come back */
	LOAD_CORRUPT,      /* a byte was wrong, or one too many before the server closed */
	LOAD_NO_PORT,      /* no local port was left (EADDRNOTAVAIL): the client's own trouble */
	LOAD_CLASSES
};

/* A constant rate, or one that rises in steps of equal length. */
struct load_rate {
	double first, last; /* echoes a second, of all connections together; 0: closed loop */
	unsigned steps;     /* from first to last, at least 1 */
};

struct load_options {
	const char *host;
	const char *port;
	unsigned connections;          /* at a time, -c */
	double duration_s;             /* -d; 0: none */
	uint64_t echoes;               /* -n, of all connections together; 0: none */
	uint32_t size_least, size_most; /* of a message in bytes, -s */
	struct load_rate rate;         /* -r */
	unsigned churn;                /* --churn: echoes after which a connection ends; 0: never */
	unsigned threads;              /* --threads */
	double timeout_s;              /* --timeout: for a connect or an echo */
	double ramp_s;                 /* --ramp: connections are opened over this time */
	unsigned idle;                 /* --idle: further connections that say nothing */
	bool half_close;               /* --half-close: our side is closed before the last answer */
	double slow_read;              /* --slow-read: bytes a second, each; 0: as they come */
	bool lines;                    /* --lines: each message ends in a newline, its only one */
	bool reset_close;              /* --reset-close: end by a reset; it counts as clean */
	uint32_t fail_on;              /* --fail-on: a bit for each class, 1 << LOAD_... */
	bool json;                     /* --json, to standard output, in place of the text */
	const char *hgrm;              /* --hgrm: file, or NULL */
	const char *lost;              /* --lost: likewise */
};

struct load_result {
	double seconds;                   /* from the first connect to the last end */
	double load_seconds;              /* likewise, until nothing new was sent any more */
	uint64_t echoes;                  /* messages that came back whole and right */
	uint64_t load_echoes;             /* those that were back within `load_seconds` */
	double echoes_per_s, bytes_per_s; /* what came back within `load_seconds`, by these */
	uint64_t timed_out;               /* messages that were not back in time, or when a */
	                                  /* second signal came ... */
	uint64_t unsent;                  /* ... and, open loop, that had come due and were not */
	                                  /* sent when the load ended: no histogram has either, */
	                                  /* for their time is not known but for being long */
	uint64_t bytes_out, bytes_in;     /* sent, and come back of that, right or wrong; */
	                                  /* one that was never sent is not counted */
	uint64_t bytes_lost;              /* sent on connections that ended in a class but clean, */
	                                  /* and not received; out = in + lost, or there is a bug */
	uint64_t classes[LOAD_CLASSES];   /* connections that ended in each way */
	bool losses_unwritten;            /* not all of them are in the file of --lost */
	uint64_t idle_lost;               /* idle ones that the server ended before the end; they */
	                                  /* are replaced, and in a class, as all others */
	struct histogram connect;         /* time of connect(2), in microseconds */
	struct histogram echo;            /* from the intended moment of sending until the last */
	                                  /* byte was read */
	struct histogram uncorrected;     /* from the actual moment of sending */
	struct histogram lateness;        /* open loop: the instrument's own, of each message. From */
	                                  /* the intended to the actual moment, where a connection */
	                                  /* was free; else 0, but if it came due while the thread */
	                                  /* was away, until that was back. And each time it was */
	                                  /* away for 1 ms or more: in one turn of its loop, or */
	                                  /* woken after it asked to be (stopped, or had no CPU) */
	double rate_wanted, rate_had;     /* open loop: messages a second in the time that the */
	                                  /* schedule went on, and those that came back, if later */
	bool rate_reached;                /* 0.99 of what was wanted */
	bool rate_missed;                 /* the instrument, not the server, was too slow: the */
	                                  /* rate was not reached and a thread was busy for */
	                                  /* 0.95 of the time, or 1 % of `lateness`, if that */
	                                  /* is 100 at least, > 10 ms, or any of it > 50 ms */
	char from_address[96], to_address[96]; /* of the first connection, as address_text() */
};

/* ---- load_class.c: pure ---- */

/* Returns the name of a class, as in --fail-on and reports: "clean", "reset-before" ... */
const char *load_class_name(enum load_class class);

/* Returns the class of that name, or -1. */
int load_class_from_name(const char *name);

/* Returns the class of a connection for which connect(2) failed with that errno. */
enum load_class load_class_of_connect(int error);

/*
 * Returns the class of one that failed with that errno later; `had_bytes` says
 * whether any byte had come back on it.
 */
enum load_class load_class_of_break(int error, bool had_bytes);

/* ---- load_options.c ---- */

enum load_request {
	LOAD_RUN,
	LOAD_HELP,
	LOAD_VERSION,
	LOAD_WRONG, /* mistakes, each told in a line on standard error */
};

enum load_request load_read_options(struct load_options *options, int argc, char **argv);
void load_print_help(void);

/* ---- load_run.c ---- */

/* How it goes, once a second: totals so far, and what the last second brought. */
struct load_progress {
	double elapsed_s;
	uint64_t echoes;        /* so far */
	double rate;            /* echoes a second, in the last second */
	uint64_t p50, p99;      /* of the last second, in microseconds */
	uint64_t failures;      /* connections so far in a class but clean */
};

/*
 * Puts the load on until its end or until SIGINT or SIGTERM, then lets echoes
 * under way finish, for --timeout at most; a second signal waits for nothing
 * more. `tell`, which may be NULL, is called once a second, and with NULL when
 * there is no more to come, before anything else is said. -n without -d is given
 * up when for --timeout nothing came back and connections failed. With -n
 * a connection is closed as soon as nothing of the total is left for it to send.
 *
 * Returns 0 with `result` filled in, or an exit code of sysexits.h, the reason
 * on standard error: EX_CANTCREAT, the file of --hgrm or --lost cannot be
 * written, or EX_USAGE, they are one file, which are found out before anything
 * else; EX_NOHOST, the host is unknown; EX_UNAVAILABLE, nobody was ever reached
 * at any of its addresses, which ends it as soon as it is clear; EX_OSERR, the
 * system refused descriptors, memory or threads; EX_SOFTWARE, the bytes do not
 * add up: a bug in here.
 */
int load_run(const struct load_options *options, struct load_result *result,
    void (*tell)(const struct load_progress *progress));

/* ---- load_report.c ---- */

/*
 * One line on standard error, which stands there until the next takes its
 * place, or NULL clears it.
 */
void load_report_progress(const struct load_progress *progress);

/*
 * These return EX_OK, or with the reason on standard error: EX_CANTCREAT for a
 * file that cannot be made, EX_IOERR for what cannot be written, EX_OSERR when
 * memory is short.
 */
int load_report_text(const struct load_options *options, const struct load_result *result);
int load_report_hgrm(const struct load_options *options, const struct load_result *result);

/* ---- load_json.c ---- */

/* One line, as client/echo-load.schema.json has it. */
int load_report_json(const struct load_options *options, const struct load_result *result);

#endif
