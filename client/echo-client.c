/* SPDX-License-Identifier: ISC */
/*
 * echo-client: standard input to an echo server, what comes back to standard
 * output; or messages, and how long each takes.
 */
#include "client/client_options.h"
#include "client/client_report.h"
#include "client/ping.h"
#include "client/relay.h"
#include "common/nethelp.h"
#include "common/standard.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static int connect_to(const struct client_options *options)
{
	struct net_failure failure;
	int fd = open_clientfd_as(options->host, options->port, &options->connecting, &failure);

	if (fd >= 0)
		return fd;
	if (strcmp(failure.step, "source") == 0)
		errx(EX_USAGE, "--source '%s' is not allowed; allowed: a numeric address%s",
		    options->connecting.source,
		    options->connecting.family != AF_UNSPEC ? " of the family asked for" : "");
	if (strcmp(failure.step, "bind") == 0)
		errx(EX_UNAVAILABLE, "from %s: %s", options->connecting.source,
		    net_failure_text(&failure));
	errx(failure.resolver != 0 ? EX_NOHOST : EX_UNAVAILABLE, "%s port %s: %s", options->host,
	    options->port, net_failure_text(&failure));
}

/* The address of one end of a connection; `name` is getpeername(2) or getsockname(2). */
static void end_text(int fd, int (*name)(int, struct sockaddr *, socklen_t *), char *text)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t length = sizeof address;

	name(fd, (struct sockaddr *)&address, &length);
	address_text((struct sockaddr *)&address, length, text);
}

/* For a person, who would otherwise look at an empty terminal. */
static void say_connected(int fd, const char *server, const char *how_to_end)
{
	char own[ADDRESS_TEXT_MAX];

	if (!isatty(STDIN_FILENO))
		return;
	end_text(fd, getsockname, own);
	fprintf(stderr, "connected to %s from %s; %s ends\n", server, own, how_to_end);
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

static int run_relay(int server, const char *address)
{
	static struct relay relay = { .in = STDIN_FILENO, .out = STDOUT_FILENO };

	relay.server = server;
	say_connected(server, address, "Ctrl-D");
	return explain(&relay, relay_run(&relay));
}

static int explain_ping(const struct ping *ping, enum ping_end end)
{
	const struct ledger *ledger = &ping->ledger;
	bool broken = end == PING_CLOSED || end == PING_BROKEN;

	if (broken && ping->bytes_sent == 0)
		return EX_UNAVAILABLE;
	return !broken && ledger->received == ledger->sent && ledger->extra == 0 ? EX_OK : 1;
}

static int run_ping(int server, const char *address, const struct client_options *options)
{
	static struct ping ping;
	enum ping_end end;

	ping.server = server;
	ping.server_name = address;
	ping.count = options->count;
	ping.interval_us = options->interval_us;
	ledger_open(&ping.ledger, options->size, options->timeout_us);
	say_connected(server, address, "Ctrl-C");
	end = ping_run(&ping, ping_report_message);
	if (end == PING_CLOSED)
		warnx("the server closed the connection early");
	if (end == PING_BROKEN)
		warnx("connection lost: %s", strerror(ping.error));
	if (end == PING_STUCK)
		warnx("nothing comes back any more, and no more messages can be under way");
	if (end != PING_OUTPUT_FAILED && ping_report_summary(&ping))
		return explain_ping(&ping, end);
	warnx("standard output: %s", strerror(end == PING_OUTPUT_FAILED ? ping.error : errno));
	return EX_IOERR;
}

int main(int argc, char **argv)
{
	struct client_options options;
	char address[ADDRESS_TEXT_MAX];
	int server;

	if (standard_open() < 0)
		return EX_OSERR;
	switch (client_read_options(&options, argc, argv)) {
	case CLIENT_HELP:
		client_print_help();
		return standard_printed();
	case CLIENT_VERSION:
		puts("echo-client " ECHO_VERSION);
		return standard_printed();
	case CLIENT_WRONG:
		return EX_USAGE;
	case CLIENT_RUN:
		break;
	}
	signal(SIGPIPE, SIG_IGN);
	server = connect_to(&options);
	end_text(server, getpeername, address);
	return options.ping ? run_ping(server, address, &options) : run_relay(server, address);
}
