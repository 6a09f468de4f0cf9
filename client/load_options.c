/* SPDX-License-Identifier: ISC */
/* The command line of echo-load: one table gives the options, their help and what is allowed. */
#include "client/load_schedule.h"
#include "client/load_values.h"
#include "common/nethelp.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 100000
#define THREADS_MAX 256
#define SIZE_MAX_BYTES (16 * 1024 * 1024)
#define ECHOES_MAX UINT64_C(1000000000000000)
#define DURATION_MAX (7 * 24 * 3600.0)
#define TIMEOUT_MAX 3600.0

enum kind {
	CONNECTIONS, /* unsigned, 1 to CONNECTIONS_MAX */
	COUNT,       /* unsigned, 0 to CONNECTIONS_MAX */
	THREADS,
	ECHOES,
	DURATION,    /* more than nothing */
	RAMP,        /* nothing is allowed too */
	TIMEOUT,
	SIZES,
	RATE,
	BYTES_PER_S,
	CLASSES,
	FILE_NAME,
	SWITCH,      /* takes no value */
	HELP,
	VERSION
};

struct load_option {
	const char *name;
	char letter;            /* or 0 */
	const char *value_name; /* or NULL, when it takes none */
	enum kind kind;
	size_t offset;          /* of its field in struct load_options */
	const char *help;
};

#define FIELD(member) offsetof(struct load_options, member)

static const struct load_option table[] = {
	{ "connections", 'c', "N", CONNECTIONS, FIELD(connections), "connections at a time (8)" },
	{ "duration", 'd', "TIME", DURATION, FIELD(duration_s),
	  "end after this time (10s, unless -n)" },
	{ "echoes", 'n', "N", ECHOES, FIELD(echoes), "end after so many echoes, of all" },
	{ "size", 's', "N|MIN-MAX", SIZES, FIELD(size_least), "bytes a message (64)" },
	{ "lines", 0, NULL, SWITCH, FIELD(lines), "each message is a line" },
	{ "rate", 'r', "R|R..R/STEPS", RATE, FIELD(rate),
	  "echoes a second, of all; else as fast as they come" },
	{ "churn", 0, "N", COUNT, FIELD(churn), "a new connection after so many echoes" },
	{ "threads", 0, "N", THREADS, FIELD(threads), "threads that share the connections (1)" },
	{ "timeout", 0, "TIME", TIMEOUT, FIELD(timeout_s),
	  "for a connect, an echo, a close (10s)" },
	{ "ramp", 0, "TIME", RAMP, FIELD(ramp_s), "open the connections over this time" },
	{ "idle", 0, "N", COUNT, FIELD(idle), "further connections that say nothing" },
	{ "half-close", 0, NULL, SWITCH, FIELD(half_close),
	  "close our side before the last answer" },
	{ "slow-read", 0, "BYTES", BYTES_PER_S, FIELD(slow_read),
	  "read so many a second and connection" },
	{ "reset-close", 0, NULL, SWITCH, FIELD(reset_close), "end connections by a reset" },
	{ "fail-on", 0, "CLASS,...", CLASSES, FIELD(fail_on),
	  "exit with 1 on these (any but clean)" },
	{ "json", 0, NULL, SWITCH, FIELD(json), "report as JSON" },
	{ "hgrm", 0, "FILE", FILE_NAME, FIELD(hgrm), "write the percentiles for plotters" },
	{ "lost", 0, "FILE", FILE_NAME, FIELD(lost), "a line for each connection that was lost" },
	{ "version", 'V', NULL, VERSION, 0, "print the version" },
	{ "help", 'h', NULL, HELP, 0, "print this help" },
};

#define OPTIONS (sizeof table / sizeof table[0])

/* What getopt_long(3) returns for option i: above every letter. */
#define OPTION_BASE 256

static void print_classes(FILE *to)
{
	for (enum load_class class = 0; class < LOAD_CLASSES; class++)
		fprintf(to, "%s, ", load_class_name(class));
}

static void print_allowed(enum kind kind)
{
	switch (kind) {
	case CONNECTIONS:
		fprintf(stderr, "a number from 1 to %d\n", CONNECTIONS_MAX);
		break;
	case COUNT:
		fprintf(stderr, "a number from 0 to %d\n", CONNECTIONS_MAX);
		break;
	case THREADS:
		fprintf(stderr, "a number from 1 to %d\n", THREADS_MAX);
		break;
	case ECHOES:
		fprintf(stderr, "a number from 1 to 10^15\n");
		break;
	case DURATION:
		fprintf(stderr, "10ms to 168h, as in 10, 0.5, 10s or 2m\n");
		break;
	case RAMP:
		fprintf(stderr, "0 to 168h, as in 10, 0.5, 10s or 2m\n");
		break;
	case TIMEOUT:
		fprintf(stderr, "1ms to 1h, as in 10, 0.5, 500ms or 2m\n");
		break;
	case SIZES:
		fprintf(stderr, "1 to 16m bytes, as in 64 or 64k, or a range as in 1-4096\n");
		break;
	case RATE:
		fprintf(stderr, "1 to %d echoes a second, or 2 to %d steps of it as in 1000..20000/5\n",
		    LOAD_RATE_MAX, LOAD_STEPS_MAX);
		break;
	case BYTES_PER_S:
		fprintf(stderr, "1 to 16m bytes a second, as in 100 or 64k\n");
		break;
	case CLASSES:
		print_classes(stderr);
		fprintf(stderr, "with commas between them, or none\n");
		break;
	default:
		fprintf(stderr, "the path of a file\n");
	}
}

/* ---- values ---- */

static int read_unsigned(const char *text, uint64_t least, uint64_t most, unsigned *field)
{
	uint64_t number;

	if (load_read_number(text, least, most, &number) < 0)
		return -1;
	*field = (unsigned)number;
	return 0;
}

static int read_bytes_per_s(const char *text, double *field)
{
	uint32_t size;

	if (load_read_size(text, SIZE_MAX_BYTES, &size) < 0)
		return -1;
	*field = size;
	return 0;
}

static int read_value(struct load_options *options, const struct load_option *option,
    const char *text)
{
	void *field = (char *)options + option->offset;

	switch (option->kind) {
	case CONNECTIONS:
		return read_unsigned(text, 1, CONNECTIONS_MAX, field);
	case COUNT:
		return read_unsigned(text, 0, CONNECTIONS_MAX, field);
	case THREADS:
		return read_unsigned(text, 1, THREADS_MAX, field);
	case ECHOES:
		return load_read_number(text, 1, ECHOES_MAX, field);
	case DURATION:
		return load_read_duration(text, 0.01, DURATION_MAX, field);
	case RAMP:
		return load_read_duration(text, 0, DURATION_MAX, field);
	case TIMEOUT:
		return load_read_duration(text, 0.001, TIMEOUT_MAX, field);
	case SIZES:
		return load_read_sizes(text, SIZE_MAX_BYTES, &options->size_least,
		    &options->size_most);
	case RATE:
		return load_read_rate(text, field);
	case BYTES_PER_S:
		return read_bytes_per_s(text, field);
	case CLASSES:
		return load_read_classes(text, field);
	case FILE_NAME:
		*(const char **)field = text;
		return text[0] != '\0' ? 0 : -1;
	case SWITCH:
		*(bool *)field = true;
		return 0;
	case HELP:
	case VERSION:
		return 0;
	}
	return -1;
}

/* ---- the command line ---- */

static void make_options(struct option *options, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < OPTIONS; i++) {
		bool takes_value = table[i].value_name != NULL;

		*options++ = (struct option){ table[i].name,
			takes_value ? required_argument : no_argument, NULL,
			OPTION_BASE + (int)i };
		if (table[i].letter == 0)
			continue;
		*letters++ = table[i].letter;
		if (takes_value)
			*letters++ = ':';
	}
	*options = (struct option){ 0 };
	*letters = '\0';
}

static const struct load_option *option_of(int seen)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (seen == OPTION_BASE + (int)i || (seen != 0 && seen == table[i].letter))
			return &table[i];
	return NULL;
}

/* `seen` is what getopt_long(3) returned, `word` the argument that it was looking at. */
static bool wrong_option(int seen, const char *word)
{
	const struct load_option *option = option_of(optopt);

	if (seen == ':' && option != NULL) {
		fprintf(stderr, "%s: --%s needs a value; allowed: ", getprogname(), option->name);
		print_allowed(option->kind);
	} else if (option != NULL) {
		fprintf(stderr, "%s: '%s': this option takes no value\n", getprogname(), word);
	} else if (optopt != 0) {
		fprintf(stderr, "%s: unknown option '-%c'; --help lists what is allowed\n",
		    getprogname(), optopt);
	} else {
		fprintf(stderr, "%s: unknown option '%s'; --help lists what is allowed\n",
		    getprogname(), word);
	}
	return false;
}

/* Returns false when the option or its value is wrong. */
static bool take_option(struct load_options *options, int seen, const char *word)
{
	const struct load_option *option = option_of(seen);

	if (option == NULL)
		return wrong_option(seen, word);
	if (read_value(options, option, optarg) == 0)
		return true;
	fprintf(stderr, "%s: --%s: '%.100s' is not allowed; allowed: ", getprogname(),
	    option->name, optarg);
	print_allowed(option->kind);
	return false;
}

/* Host and port. Returns false when they are missing or wrong. */
static bool take_arguments(struct load_options *options, int argc, char **argv)
{
	bool right = true;

	if (argc - optind < 2) {
		fprintf(stderr, "%s: %s needed: echo-load [options] host port\n", getprogname(),
		    argc == optind ? "a host and a port are" : "a port is");
		return false;
	}
	options->host = argv[optind];
	options->port = argv[optind + 1];
	if (port_number(options->port) < 1) {
		fprintf(stderr, "%s: port '%.100s' is not allowed; allowed: a number from 1 to "
		        "65535, or a TCP service name\n", getprogname(), options->port);
		right = false;
	}
	for (int i = optind + 2; i < argc; i++) {
		fprintf(stderr, "%s: unexpected argument '%.100s'; allowed: a host and a port\n",
		    getprogname(), argv[i]);
		right = false;
	}
	return right;
}

/* Both say how a connection is to end, and it can end in one way only. */
static bool fits_together(const struct load_options *options)
{
	if (!options->half_close || !options->reset_close)
		return true;
	fprintf(stderr, "%s: --half-close and --reset-close: only one of them is allowed\n",
	    getprogname());
	return false;
}

static const struct load_options standard = {
	.connections = 8,
	.size_least = 64,
	.size_most = 64,
	.rate = { .steps = 1 },
	.threads = 1,
	.timeout_s = 10,
	.fail_on = ((1u << LOAD_CLASSES) - 1) & ~(1u << LOAD_CLEAN),
};

enum load_request load_read_options(struct load_options *options, int argc, char **argv)
{
	struct option long_options[OPTIONS + 1];
	char letters[2 * OPTIONS + 2];
	bool right = true;
	int seen;

	*options = standard;
	make_options(long_options, letters);
	optind = 0; /* glibc and musl: begin anew */
	opterr = 0;
	while ((seen = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		const struct load_option *option = option_of(seen);

		if (option != NULL && option->kind == HELP)
			return LOAD_HELP;
		if (option != NULL && option->kind == VERSION)
			return LOAD_VERSION;
		right = take_option(options, seen, argv[optind - 1]) && right;
	}
	right = take_arguments(options, argc, argv) && right;
	right = fits_together(options) && right;
	if (options->duration_s <= 0 && options->echoes == 0)
		options->duration_s = 10;
	return right ? LOAD_RUN : LOAD_WRONG;
}

void load_print_help(void)
{
	printf("usage: echo-load [options] host port\n"
	       "Puts load on an echo server, and says what was lost and how long it took.\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct load_option *option = &table[i];
		char names[64];
		int length = option->letter != 0 ?
		    snprintf(names, sizeof names, "-%c, --%s", option->letter, option->name) :
		    snprintf(names, sizeof names, "    --%s", option->name);

		if (option->value_name != NULL)
			snprintf(names + length, sizeof names - (size_t)length, " %s",
			    option->value_name);
		printf("  %-30s  %s\n", names, option->help);
	}
	printf("\nWays in which a connection can end, for --fail-on:\n  ");
	print_classes(stdout);
	printf("or none\n");
}
