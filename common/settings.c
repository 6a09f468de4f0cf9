/* SPDX-License-Identifier: ISC */
#include "common/settings.h"

#include "common/log.h"
#include "common/nethelp.h"

#include <ctype.h>
#include <getopt.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum type { NUMBER, WORKERS, SECONDS, PORT, ADDRESS, LEVEL, FLAG };

struct setting {
	const char *key;          /* name, and with two dashes its long option */
	char letter;              /* short option, 0 for none */
	enum type type;           /* how its value is read */
	const char *value_name;   /* in the help */
	const char *standard;     /* default, as an operator would write it; NULL: not set */
	unsigned least, most;     /* range of a number or of seconds */
	size_t offset;            /* of its field in struct settings */
	const char *help;         /* one line */
};

#define FIELD(name) offsetof(struct settings, name)

static const struct setting table[] = {
	{ "workers", 'w', WORKERS, "N|auto", "8", 1, SETTINGS_WORKERS_MAX, FIELD(workers),
	  "workers kept ready; auto: one a CPU" },
	{ "port", 'p', PORT, "PORT", "echo", 0, 65535, FIELD(port),
	  "number or service; 0: any free one" },
	{ "listen", 'l', ADDRESS, "ADDRESS", NULL, 0, 0, FIELD(listen),
	  "address to listen on (default: all)" },
	{ "backlog", 'b', NUMBER, "N", "1024", 1, 65535, FIELD(backlog),
	  "connections that may wait" },
	{ "shutdown-timeout", 0, SECONDS, "TIME", "30s", 0, 86400, FIELD(shutdown_timeout),
	  "for sessions at a stop or reload" },
	{ "log-level", 0, LEVEL, "LEVEL", "info", 0, 0, FIELD(log_level),
	  "what to log, from error to debug" },
	{ "log-stderr", 0, FLAG, NULL, NULL, 0, 0, FIELD(log_stderr),
	  "log to standard error also if no terminal" },
};

#define SETTINGS (sizeof table / sizeof table[0])

/* What getopt_long(3) returns for setting i: above every letter. */
#define OPTION_BASE 256

/* What is allowed, for an error line. */
static void print_allowed(const struct setting *setting, FILE *errors)
{
	switch (setting->type) {
	case NUMBER:
		fprintf(errors, "a number from %u to %u", setting->least, setting->most);
		break;
	case WORKERS:
		fprintf(errors, "a number from %u to %u, or auto", setting->least, setting->most);
		break;
	case SECONDS:
		fprintf(errors, "%u to %u seconds, as in 30, 30s, 5m or 1h", setting->least,
		    setting->most);
		break;
	case PORT:
		fprintf(errors, "a number from %u to %u, or a TCP service name", setting->least,
		    setting->most);
		break;
	case ADDRESS:
		fprintf(errors, "a numeric address or a host name");
		break;
	case LEVEL:
		fprintf(errors, "error, warning, notice, info or debug");
		break;
	case FLAG:
		fprintf(errors, "no value");
		break;
	}
}

/* strtonum(3) would take leading blanks and signs. */
static int read_number(const struct setting *setting, const char *text, unsigned *number)
{
	const char *problem = NULL;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	*number = (unsigned)strtonum(text, setting->least, setting->most, &problem);
	return problem == NULL ? 0 : -1;
}

static unsigned cpus_available(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
}

static int read_workers(const struct setting *setting, const char *text, unsigned *workers)
{
	if (strcmp(text, "auto") != 0)
		return read_number(setting, text, workers);
	*workers = cpus_available();
	return 0;
}

static int read_seconds(const struct setting *setting, const char *text, unsigned *seconds)
{
	static const struct { char unit; unsigned seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }
	};
	char digits[16];
	size_t length = strspn(text, "0123456789");
	unsigned factor = text[length] == '\0' ? 1 : 0;

	for (size_t i = 0; i < 3; i++)
		if (text[length] == units[i].unit && text[length + 1] == '\0')
			factor = units[i].seconds;
	if (factor == 0 || length >= sizeof digits)
		return -1;
	strlcpy(digits, text, length + 1);
	if (read_number(setting, digits, seconds) < 0 || *seconds > setting->most / factor)
		return -1;
	*seconds *= factor;
	return 0;
}

static int read_level(const char *text, unsigned *level)
{
	int number = log_level_from_name(text);

	if (number < 0)
		return -1;
	*level = (unsigned)number;
	return 0;
}

/* Reads one value into its field. Returns -1 when it is not allowed. */
static int set_value(struct settings *settings, const struct setting *setting, const char *text)
{
	void *field = (char *)settings + setting->offset;

	switch (setting->type) {
	case NUMBER:
		return read_number(setting, text, field);
	case WORKERS:
		return read_workers(setting, text, field);
	case SECONDS:
		return read_seconds(setting, text, field);
	case LEVEL:
		return read_level(text, field);
	case PORT:
		*(const char **)field = text;
		return port_number(text) < 0 ? -1 : 0;
	case ADDRESS:
		*(const char **)field = text;
		return text[0] != '\0' ? 0 : -1;
	case FLAG:
		*(bool *)field = true;
		return 0;
	}
	return -1;
}

static void set_defaults(struct settings *settings)
{
	memset(settings, 0, sizeof *settings);
	for (size_t i = 0; i < SETTINGS; i++)
		if (table[i].standard != NULL &&
		    set_value(settings, &table[i], table[i].standard) < 0)
			abort(); /* a default that its own type refuses */
}

/* Which setting an option that getopt_long(3) returned stands for, or NULL. */
static const struct setting *find_setting(int option)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (option == OPTION_BASE + (int)i || (option != 0 && option == table[i].letter))
			return &table[i];
	return NULL;
}

static void make_options(struct option *options, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < SETTINGS; i++) {
		int takes_value = table[i].type == FLAG ? no_argument : required_argument;

		options[i] = (struct option){ table[i].key, takes_value, NULL,
			OPTION_BASE + (int)i };
		if (table[i].letter == 0)
			continue;
		*letters++ = table[i].letter;
		if (takes_value == required_argument)
			*letters++ = ':';
	}
	options[SETTINGS] = (struct option){ "help", no_argument, NULL, 'h' };
	options[SETTINGS + 1] = (struct option){ "version", no_argument, NULL, 'V' };
	options[SETTINGS + 2] = (struct option){ 0 };
	strcpy(letters, "hV");
}

static void print_wrong_value(const struct setting *setting, const char *text, FILE *errors)
{
	fprintf(errors, "%s: --%s: '%s' is not allowed; allowed: ", getprogname(), setting->key,
	    text);
	print_allowed(setting, errors);
	fputc('\n', errors);
}

/* `seen` is what getopt_long(3) returned, `word` the argument that it was looking at. */
static void print_wrong_option(int seen, const char *word, FILE *errors)
{
	const struct setting *setting = find_setting(optopt);

	if (seen == ':' && setting != NULL) {
		fprintf(errors, "%s: --%s needs a value; allowed: ", getprogname(), setting->key);
		print_allowed(setting, errors);
		fputc('\n', errors);
	} else if (setting != NULL || optopt == 'h' || optopt == 'V') {
		fprintf(errors, "%s: '%s': this option takes no value\n", getprogname(), word);
	} else if (optopt != 0) {
		fprintf(errors, "%s: unknown option '-%c'; --help lists what is allowed\n",
		    getprogname(), optopt);
	} else {
		fprintf(errors, "%s: unknown option '%s'; --help lists what is allowed\n",
		    getprogname(), word);
	}
}

enum settings_request settings_from_args(struct settings *settings, int argc, char **argv,
    FILE *errors)
{
	struct option options[SETTINGS + 3];
	char letters[2 * SETTINGS + 4];
	enum settings_request request = SETTINGS_RUN;
	bool wrong = false;
	int option;

	set_defaults(settings);
	make_options(options, letters);
	optind = 0; /* glibc and musl: begin anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		const struct setting *setting = find_setting(option);

		if (setting != NULL && set_value(settings, setting, optarg) < 0) {
			print_wrong_value(setting, optarg, errors);
			wrong = true;
		} else if (option == '?' || option == ':') {
			print_wrong_option(option, argv[optind - 1], errors);
			wrong = true;
		} else if (option == 'h' || option == 'V') {
			request = option == 'h' ? SETTINGS_HELP : SETTINGS_VERSION;
		}
	}
	for (; optind < argc; optind++) {
		fprintf(errors, "%s: unexpected argument '%s'; only options are allowed\n",
		    getprogname(), argv[optind]);
		wrong = true;
	}
	return wrong ? SETTINGS_WRONG : request;
}

static void print_option(const char *key, char letter, const char *value, FILE *to)
{
	char text[64];
	char short_form[8] = "    ";

	if (letter != 0)
		snprintf(short_form, sizeof short_form, "-%c, ", letter);
	snprintf(text, sizeof text, "  %s--%s%s%s", short_form, key, value != NULL ? " " : "",
	    value != NULL ? value : "");
	fprintf(to, "%-30s", text);
}

void settings_help(FILE *to)
{
	fprintf(to, "usage: echo-master [option ...]\n"
	            "A TCP echo server: a master keeps workers that accept and echo.\n\n");
	for (size_t i = 0; i < SETTINGS; i++) {
		print_option(table[i].key, table[i].letter, table[i].value_name, to);
		fputs(table[i].help, to);
		if (table[i].standard != NULL)
			fprintf(to, " (default: %s)", table[i].standard);
		fputc('\n', to);
	}
	print_option("version", 'V', NULL, to);
	fputs("print the version\n", to);
	print_option("help", 'h', NULL, to);
	fputs("print this help\n\nSignals, log and exit codes: echo-master(8).\n", to);
}
