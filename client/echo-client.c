/* SPDX-License-Identifier: ISC */
/* echo-client: standard input to an echo server, what comes back to standard output. */
#include "client/relay.h"
#include "common/nethelp.h"

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
    "usage: echo-client [-hV] host [port]\n"
    "Sends standard input to an echo server and prints what comes back.\n\n"
    "  host            name or address of the server\n"
    "  port            port number or service name (default: echo)\n"
    "  -V, --version   print the version\n"
    "  -h, --help      print this help\n";

static int connect_to(const char *host, const char *port)
{
	struct net_failure failure;
	int fd = open_clientfd(host, port, &failure);

	if (fd < 0 && failure.resolver != 0)
		errx(EX_NOHOST, "%s port %s: %s", host, port, net_failure_text(&failure));
	if (fd < 0)
		errx(EX_UNAVAILABLE, "%s port %s: %s", host, port, net_failure_text(&failure));
	return fd;
}

static int explain(const struct relay *relay, enum relay_end end)
{
	switch (end) {
	case RELAY_COMPLETE:
		return EX_OK;
	case RELAY_CLOSED_EARLY:
		warnx("the server closed the connection early: sent %" PRIu64 " bytes, "
		      "%" PRIu64 " came back", relay->sent, relay->received);
		return EX_PROTOCOL;
	case RELAY_MISSING:
		warnx("%" PRIu64 " bytes are missing: sent %" PRIu64 ", %" PRIu64 " came back",
		    relay->sent - relay->received, relay->sent, relay->received);
		return EX_PROTOCOL;
	case RELAY_EXTRA:
		warnx("more came back than was sent: sent %" PRIu64 " bytes, %" PRIu64 " came back",
		    relay->sent, relay->received);
		return EX_PROTOCOL;
	case RELAY_BROKEN:
		warnx("connection lost: %s; sent %" PRIu64 " bytes, %" PRIu64 " came back",
		    strerror(relay->error), relay->sent, relay->received);
		return EX_PROTOCOL;
	case RELAY_INPUT_FAILED:
		warnx("standard input: %s", strerror(relay->error));
		return EX_IOERR;
	case RELAY_OUTPUT_FAILED:
		warnx("standard output: %s", strerror(relay->error));
		return EX_IOERR;
	}
	return EX_SOFTWARE;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		if (option == 'h')
			fputs(help, stdout);
		else if (option == 'V')
			puts("echo-client " ECHO_VERSION);
		exit(option == '?' ? EX_USAGE : EX_OK);
	}
	if (argc - optind < 1)
		errx(EX_USAGE, "a host is needed: echo-client host [port]");
	if (argc - optind > 2)
		errx(EX_USAGE, "unexpected argument '%s': echo-client host [port]",
		    argv[optind + 2]);
	if (argc - optind == 2 && port_number(argv[optind + 1]) < 1)
		errx(EX_USAGE, "port '%s' is not allowed; allowed: a number from 1 to 65535, "
		     "or a TCP service name", argv[optind + 1]);
}

int main(int argc, char **argv)
{
	static struct relay relay = { .in = STDIN_FILENO, .out = STDOUT_FILENO };

	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	relay.server = connect_to(argv[optind], argc - optind == 2 ? argv[optind + 1] : "echo");
	return explain(&relay, relay_run(&relay));
}
