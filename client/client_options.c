/* SPDX-License-Identifier: ISC */
#include "client/client_options.h"

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than anyone waits for. */
#define COUNT_MAX 1000000000

/* Options that have no letter. */
enum { OPTION_PING = 256, OPTION_SOURCE, OPTION_TIMEOUT };

static const char letters[] = "46c:hi:s:V";
static const struct option names[] = {
	{ "ping", no_argument, NULL, OPTION_PING },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const char help[] =
    "usage: echo-client [-46hV] [--source address] [--timeout seconds] host [port]\n"
    "       echo-client --ping [-46] [-c count] [-i seconds] [-s bytes]\n"
    "                   [--source address] [--timeout seconds] host [port]\n"
    "Sends standard input to an echo server and prints what comes back, or measures\n"
    "how long messages are under way.\n\n"
    "  host               name or address of the server\n"
    "  port               port number or service name (default: echo)\n"
    "  -4, -6             connect by IPv4 or by IPv6 only\n"
    "  --source address   connect from this numeric address\n"
    "  --timeout seconds  for connecting, and for an answer of --ping (default: 10)\n"
    "  --ping             send messages, check every byte and time the answers\n"
    "  -c count           end after so many messages (default: at Ctrl-C)\n"
    "  -i seconds         from one message to the next, as in 0.2 (default: 1);\n"
    "                     0: as soon as the one before is back\n"
    "  -s bytes           size of a message, 1 to 1048576 (default: 64)\n"
    "  -V, --version      print the version\n"
    "  -h, --help         print this help\n";

void client_print_help(void)
{
	fputs(help, stdout);
}

/* strtonum(3) would take leading blanks and signs. */
static bool read_number(const char *option, const char *text, uint64_t most, uint64_t *number)
{
	const char *problem = "not digits";

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
		*number = (uint64_t)strtonum(text, 1, (long long)most, &problem);
	if (problem != NULL)
		warnx("%s '%s' is not allowed; allowed: a number from 1 to %" PRIu64, option, text,
		    most);
	return problem == NULL;
}

/* Digits with at most one point among them, up to an hour. */
static bool read_seconds(const char *option, const char *text, uint64_t least_us, uint64_t *us)
{
	size_t whole = strspn(text, "0123456789");
	size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
	size_t length = whole + fraction + (text[whole] == '.');
	double seconds = strtod(text, NULL);

	if (whole + fraction > 0 && text[length] == '\0' && seconds <= 3600) {
		*us = (uint64_t)(seconds * 1e6 + 0.5);
		/* What is too small to be counted is not the same as nothing. */
		if (*us >= least_us && (*us > 0 || seconds <= 0))
			return true;
	}
	warnx("%s '%s' is not allowed; allowed: %s to 3600 seconds, as in 0.2", option, text,
	    least_us == 0 ? "0" : "0.001");
	return false;
}

/* `ping_only` becomes the name of an option that is only for --ping. */
static bool read_option(struct client_options *options, int option, const char **ping_only)
{
	uint64_t size;

	switch (option) {
	case '4':
		options->connecting.family = AF_INET;
		return true;
	case '6':
		options->connecting.family = AF_INET6;
		return true;
	case 'c':
		*ping_only = "-c";
		return read_number("-c", optarg, COUNT_MAX, &options->count);
	case 'i':
		*ping_only = "-i";
		return read_seconds("-i", optarg, 0, &options->interval_us);
	case 's':
		*ping_only = "-s";
		if (!read_number("-s", optarg, CLIENT_SIZE_MAX, &size))
			return false;
		options->size = (uint32_t)size;
		return true;
	case OPTION_PING:
		options->ping = true;
		return true;
	case OPTION_SOURCE:
		options->connecting.source = optarg;
		return true;
	case OPTION_TIMEOUT:
		return read_seconds("--timeout", optarg, 1000, &options->timeout_us);
	default:
		return false; /* getopt_long(3) has told it */
	}
}

static enum client_request read_arguments(struct client_options *options, int argc, char **argv)
{
	if (argc < 1) {
		warnx("a host is needed: echo-client host [port]");
		return CLIENT_WRONG;
	}
	if (argc > 2) {
		warnx("unexpected argument '%s': echo-client host [port]", argv[2]);
		return CLIENT_WRONG;
	}
	options->host = argv[0];
	options->port = argc == 2 ? argv[1] : "echo";
	if (port_number(options->port) < 1) {
		warnx("port '%s' is not allowed; allowed: a number from 1 to 65535, "
		      "or a TCP service name", options->port);
		return CLIENT_WRONG;
	}
	return CLIENT_RUN;
}

enum client_request client_read_options(struct client_options *options, int argc, char **argv)
{
	const char *ping_only = NULL;
	int option;

	*options = (struct client_options){ .interval_us = 1000000, .size = 64,
		.timeout_us = 10000000 };
	while ((option = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		if (option == 'h')
			return CLIENT_HELP;
		if (option == 'V')
			return CLIENT_VERSION;
		if (!read_option(options, option, &ping_only))
			return CLIENT_WRONG;
	}
	if (ping_only != NULL && !options->ping) {
		warnx("%s is only for --ping", ping_only);
		return CLIENT_WRONG;
	}
	options->connecting.timeout_ms = (int)((options->timeout_us + 999) / 1000);
	return read_arguments(options, argc - optind, argv + optind);
}
