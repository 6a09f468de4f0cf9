/* SPDX-License-Identifier: ISC */
/* Settings: what a command line means, and every word that is said about a wrong one. */
#include "tests/suites.h"

#include "common/cpus.h"
#include "common/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static struct settings settings;
static char *errors; /* what was said */

/* Error lines begin with the program's name. */
static void be_echo_master(void)
{
	setprogname("echo-master");
}

static void forget(void)
{
	free(errors);
	errors = NULL;
}

/* Reads a command line, whose words are separated by '|'. */
static enum settings_request read_line(const char *line)
{
	static char words[1024];
	char *argv[48] = { "echo-master" };
	int argc = 1;
	size_t size;
	FILE *stream;
	enum settings_request request;
	char *rest = words;

	forget();
	ck_assert_uint_lt(strlcpy(words, line, sizeof words), sizeof words);
	while (line[0] != '\0' && rest != NULL)
		argv[argc++] = strsep(&rest, "|");
	stream = open_memstream(&errors, &size);
	ck_assert_ptr_nonnull(stream);
	request = settings_load(&settings, &(struct settings_sources){ .argc = argc,
	    .argv = argv }, stream);
	fclose(stream);
	return request;
}

/* ---- what is right ---- */

START_TEST(defaults_hold_when_nothing_is_said)
{
	ck_assert_int_eq(read_line(""), SETTINGS_RUN);
	ck_assert_str_eq(errors, "");
	ck_assert_uint_eq(settings.workers, 8);
	ck_assert_str_eq(settings.port, "echo");
	ck_assert_str_eq(settings.listen, "*");
	ck_assert_uint_eq(settings.backlog, 1024);
	ck_assert_uint_eq(settings.shutdown_timeout, 30);
	ck_assert_uint_eq(settings.log_level, LOG_INFO);
	ck_assert(!settings.log_stderr);
	ck_assert_uint_eq(settings.buffer, 65536);
	ck_assert_uint_eq(settings.connections, 1);
	ck_assert_uint_eq(settings.busy_poll, 0);
	ck_assert(!settings.daemon);
	ck_assert_str_eq(settings.pid_file, SETTINGS_NONE);
	ck_assert_str_eq(settings.user, SETTINGS_AUTO);
	ck_assert_str_eq(settings.group, SETTINGS_AUTO);
	ck_assert_str_eq(settings.chroot, SETTINGS_NONE);
	ck_assert_str_eq(settings.master_user, SETTINGS_NONE);
	ck_assert_uint_eq(settings.sandbox, SANDBOX_ENFORCE);
}
END_TEST

static const char *const everything[] = {
	"-w|3|-p|5000|-l|::1|-b|77|--shutdown-timeout|5m|--log-level|debug|--log-stderr|"
	"--buffer|4k|-d|--pid-file|/p|-u|root|-g|5|--chroot|/c",
	"-w3|-p5000|-l::1|-b77|--shutdown-timeout=300s|--log-level=debug|--log-stderr=yes|"
	"--buffer=4096|-duroot|-g5|--pid-file=/p|--chroot=/c",
	"--workers|3|--port|5000|--listen|::1|--backlog|77|--shutdown-timeout|300|"
	"--log-level|debug|--log-stderr|--buffer|4k|--daemon|--pid-file|/p|--user|root|"
	"--group|5|--chroot|/c",
	"--workers=3|--port=5000|--listen=::1|--backlog=77|--shutdown-t=5m|--log-l=debug|--log-s|"
	"--buf=4k|--da|--pi=/p|--us=root|--gr=5|--ch=/c",
	"-w|1|-p|1|-w|3|--port|5000|-l|::1|-b|77|--shutdown-timeout|5m|--log-level|debug|"
	"--log-stderr|--buffer|1m|--buffer|4k|--daemon=no|-d|--pid-file|none|--pid-file|/p|"
	"-u|0|-u|root|-g|1|--group|5|--chroot|none|--chroot|/c",
};

START_TEST(every_option_is_taken)
{
	ck_assert_int_eq(read_line(everything[_i]), SETTINGS_RUN);
	ck_assert_str_eq(errors, "");
	ck_assert_uint_eq(settings.workers, 3);
	ck_assert_str_eq(settings.port, "5000");
	ck_assert_str_eq(settings.listen, "::1");
	ck_assert_uint_eq(settings.backlog, 77);
	ck_assert_uint_eq(settings.shutdown_timeout, 300);
	ck_assert_uint_eq(settings.log_level, LOG_DEBUG);
	ck_assert(settings.log_stderr);
	ck_assert_uint_eq(settings.buffer, 4096);
	ck_assert(settings.daemon);
	ck_assert_str_eq(settings.pid_file, "/p");
	ck_assert_str_eq(settings.user, "root");
	ck_assert_str_eq(settings.group, "5");
	ck_assert_str_eq(settings.chroot, "/c");
	ck_assert_str_eq(settings.master_user, "none");
}
END_TEST

START_TEST(letter_of_a_switch_takes_no_value)
{
	ck_assert_int_eq(read_line("-dw|3"), SETTINGS_RUN);
	ck_assert(settings.daemon);
	ck_assert_uint_eq(settings.workers, 3);
	ck_assert_int_eq(read_line("-dtw3"), SETTINGS_TEST);
	ck_assert(settings.daemon);
	ck_assert_int_eq(read_line("-d|--daemon=no"), SETTINGS_RUN);
	ck_assert(!settings.daemon);
}
END_TEST

START_TEST(workers_auto_is_one_a_cpu)
{
	ck_assert_int_eq(read_line("-w|auto"), SETTINGS_RUN);
	ck_assert_uint_eq(settings.workers, cpus_available());
}
END_TEST

START_TEST(limits_belong_to_the_range)
{
	ck_assert_int_eq(read_line("-w|1|-b|1|-p|0|--shutdown-timeout|0"), SETTINGS_RUN);
	ck_assert_uint_eq(settings.workers, 1);
	ck_assert_uint_eq(settings.backlog, 1);
	ck_assert_str_eq(settings.port, "0");
	ck_assert_uint_eq(settings.shutdown_timeout, 0);
	ck_assert_int_eq(read_line("-w|8192|-b|65535|-p|65535|--shutdown-timeout|24h"),
	    SETTINGS_RUN);
	ck_assert_uint_eq(settings.workers, SETTINGS_WORKERS_MAX);
	ck_assert_uint_eq(settings.max_workers, SETTINGS_WORKERS_MAX);
	ck_assert_uint_eq(settings.backlog, 65535);
	ck_assert_uint_eq(settings.shutdown_timeout, 86400);
}
END_TEST

static const struct { const char *text; unsigned seconds; } durations[] = {
	{ "45", 45 }, { "45s", 45 }, { "2m", 120 }, { "1h", 3600 }, { "0h", 0 }, { "007", 7 },
	{ "86400s", 86400 }, { "1440m", 86400 },
};

START_TEST(durations_have_units)
{
	char line[64];

	snprintf(line, sizeof line, "--shutdown-timeout|%s", durations[_i].text);
	ck_assert_int_eq(read_line(line), SETTINGS_RUN);
	ck_assert_uint_eq(settings.shutdown_timeout, durations[_i].seconds);
}
END_TEST

static const struct { const char *name; unsigned level; } levels[] = {
	{ "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
	{ "info", LOG_INFO }, { "debug", LOG_DEBUG },
};

START_TEST(levels_have_names)
{
	char line[64];

	snprintf(line, sizeof line, "--log-level|%s", levels[_i].name);
	ck_assert_int_eq(read_line(line), SETTINGS_RUN);
	ck_assert_uint_eq(settings.log_level, levels[_i].level);
}
END_TEST

static const struct { const char *name; enum sandbox_mode mode; } modes[] = {
	{ "enforce", SANDBOX_ENFORCE }, { "log", SANDBOX_LOG }, { "off", SANDBOX_OFF },
};

START_TEST(sandboxes_have_names)
{
	char line[64];

	snprintf(line, sizeof line, "--sandbox|%s", modes[_i].name);
	ck_assert_int_eq(read_line(line), SETTINGS_RUN);
	ck_assert_uint_eq(settings.sandbox, modes[_i].mode);
}
END_TEST

/* The services file may be missing; "echo" is known all the same. */
START_TEST(port_may_be_a_service)
{
	ck_assert_int_eq(read_line("-p|echo"), SETTINGS_RUN);
	ck_assert_str_eq(settings.port, "echo");
}
END_TEST

START_TEST(help_and_version_are_requests)
{
	ck_assert_int_eq(read_line("--help"), SETTINGS_HELP);
	ck_assert_int_eq(read_line("-h"), SETTINGS_HELP);
	ck_assert_int_eq(read_line("-w|3|-V"), SETTINGS_VERSION);
	ck_assert_int_eq(read_line("--version"), SETTINGS_VERSION);
	ck_assert_int_eq(read_line("--completion"), SETTINGS_COMPLETION);
	ck_assert_str_eq(errors, "");
	ck_assert_int_eq(read_line("--help|-w|0"), SETTINGS_WRONG);
}
END_TEST

static TCase *right(void)
{
	TCase *tcase = tcase_create("right");

	tcase_add_checked_fixture(tcase, be_echo_master, forget);
	tcase_add_test(tcase, defaults_hold_when_nothing_is_said);
	tcase_add_loop_test(tcase, every_option_is_taken, 0,
	    sizeof everything / sizeof everything[0]);
	tcase_add_test(tcase, letter_of_a_switch_takes_no_value);
	tcase_add_test(tcase, workers_auto_is_one_a_cpu);
	tcase_add_test(tcase, limits_belong_to_the_range);
	tcase_add_loop_test(tcase, durations_have_units, 0, sizeof durations / sizeof durations[0]);
	tcase_add_loop_test(tcase, levels_have_names, 0, sizeof levels / sizeof levels[0]);
	tcase_add_loop_test(tcase, sandboxes_have_names, 0, sizeof modes / sizeof modes[0]);
	tcase_add_test(tcase, port_may_be_a_service);
	tcase_add_test(tcase, help_and_version_are_requests);
	return tcase;
}

/* ---- what is wrong ---- */

#define WORKERS_ALLOWED "a number from 1 to 8192, or auto\n"
#define PORT_ALLOWED "a number from 0 to 65535, or a TCP service name\n"
#define ADDRESS_ALLOWED "a numeric address, a host name, or * for all\n"
#define BACKLOG_ALLOWED "a number from 1 to 65535\n"
#define TIME_ALLOWED "0 to 86400 seconds, as in 30, 30s, 5m or 1h\n"
#define LEVEL_ALLOWED "error, warning, notice, info or debug\n"
#define SANDBOX_ALLOWED "enforce, log or off\n"
#define PATH_ALLOWED                                                                               \
	"none, or an absolute path of at most 255 printable characters without blank, # and \\\n"
#define BAD(key, value) "echo-master: --" key ": '" value "' is not allowed; allowed: "
#define LACKS(key) "echo-master: --" key " needs a value; allowed: "
#define UNKNOWN(option) "echo-master: unknown option '" option "'; --help lists what is allowed\n"
#define MEANT(option, meant)                                                                       \
	"echo-master: unknown option '" option "'; did you mean " meant "?\n"
#define NO_VALUE(word) "echo-master: '" word "': this option takes no value\n"
#define EXTRA(word) "echo-master: unexpected argument '" word "'; only options are allowed\n"

static const struct { const char *line; const char *errors; } wrong_lines[] = {
	{ "-w|0", BAD("workers", "0") WORKERS_ALLOWED },
	{ "-w|8193", BAD("workers", "8193") WORKERS_ALLOWED },
	{ "-w|+8", BAD("workers", "+8") WORKERS_ALLOWED },
	{ "-w| 8", BAD("workers", " 8") WORKERS_ALLOWED },
	{ "-w|8 ", BAD("workers", "8 ") WORKERS_ALLOWED },
	{ "-w|8x", BAD("workers", "8x") WORKERS_ALLOWED },
	{ "-w|-8", BAD("workers", "-8") WORKERS_ALLOWED },
	{ "-w|0x8", BAD("workers", "0x8") WORKERS_ALLOWED },
	{ "-w|", BAD("workers", "") WORKERS_ALLOWED },
	{ "-w|Auto", BAD("workers", "Auto") WORKERS_ALLOWED },
	{ "-w|4294967297", BAD("workers", "4294967297") WORKERS_ALLOWED },
	{ "-w|99999999999999999999", BAD("workers", "99999999999999999999") WORKERS_ALLOWED },
	{ "--workers=0", BAD("workers", "0") WORKERS_ALLOWED },
	{ "-p| 5000", BAD("port", " 5000") PORT_ALLOWED },
	{ "-p|65536", BAD("port", "65536") PORT_ALLOWED },
	{ "-p|-1", BAD("port", "-1") PORT_ALLOWED },
	{ "-p|5000x", BAD("port", "5000x") PORT_ALLOWED },
	{ "-p|no-such-service", BAD("port", "no-such-service") PORT_ALLOWED },
	{ "-p|", BAD("port", "") PORT_ALLOWED },
	{ "-l|", BAD("listen", "") ADDRESS_ALLOWED },
	{ "-b|0", BAD("backlog", "0") BACKLOG_ALLOWED },
	{ "-b|65536", BAD("backlog", "65536") BACKLOG_ALLOWED },
	{ "-b|auto", BAD("backlog", "auto") BACKLOG_ALLOWED },
	{ "--shutdown-timeout|86401", BAD("shutdown-timeout", "86401") TIME_ALLOWED },
	{ "--shutdown-timeout|25h", BAD("shutdown-timeout", "25h") TIME_ALLOWED },
	{ "--shutdown-timeout|1193047h", BAD("shutdown-timeout", "1193047h") TIME_ALLOWED },
	{ "--shutdown-timeout|5d", BAD("shutdown-timeout", "5d") TIME_ALLOWED },
	{ "--shutdown-timeout|5 s", BAD("shutdown-timeout", "5 s") TIME_ALLOWED },
	{ "--shutdown-timeout|5ss", BAD("shutdown-timeout", "5ss") TIME_ALLOWED },
	{ "--shutdown-timeout|s", BAD("shutdown-timeout", "s") TIME_ALLOWED },
	{ "--shutdown-timeout|", BAD("shutdown-timeout", "") TIME_ALLOWED },
	{ "--shutdown-timeout|-1", BAD("shutdown-timeout", "-1") TIME_ALLOWED },
	{ "--log-level|loud", BAD("log-level", "loud") LEVEL_ALLOWED },
	{ "--log-level|7", BAD("log-level", "7") LEVEL_ALLOWED },
	{ "--sandbox|on", BAD("sandbox", "on") SANDBOX_ALLOWED },
	{ "--sandbox=", BAD("sandbox", "") SANDBOX_ALLOWED },
	{ "--sandbox", LACKS("sandbox") SANDBOX_ALLOWED },
	{ "-w", LACKS("workers") WORKERS_ALLOWED },
	{ "--workers", LACKS("workers") WORKERS_ALLOWED },
	{ "-p", LACKS("port") PORT_ALLOWED },
	{ "--log-stderr|-l", LACKS("listen") ADDRESS_ALLOWED },
	{ "--shutdown-timeout", LACKS("shutdown-timeout") TIME_ALLOWED },
	{ "-x", UNKNOWN("-x") },
	{ "-xy", UNKNOWN("-x") UNKNOWN("-y") },
	{ "--bogus", UNKNOWN("--bogus") },
	{ "--bogus=1", UNKNOWN("--bogus=1") },
	{ "--log", UNKNOWN("--log") }, /* two begin like that */
	{ "--log-stderr=1", BAD("log-stderr", "1") "yes or no\n" },
	{ "-l|a b", BAD("listen", "a b") ADDRESS_ALLOWED },
	{ "-l|a#b", BAD("listen", "a#b") ADDRESS_ALLOWED },
	{ "--wrkers=3", MEANT("--wrkers=3", "--workers") },
	{ "--pidfile=/x", MEANT("--pidfile=/x", "--pid-file") },
	{ "--deamon", MEANT("--deamon", "--daemon") },
	{ "--usr=root", MEANT("--usr=root", "--user") },
	{ "--gruop=root", MEANT("--gruop=root", "--group") },
	{ "--chrot=/", MEANT("--chrot=/", "--chroot") },
	{ "--masteruser=a", MEANT("--masteruser=a", "--master-user") },
	{ "--buffr=1k", MEANT("--buffr=1k", "--buffer") },
	{ "--prot=1", MEANT("--prot=1", "--port") },
	{ "--session-bytez=1", MEANT("--session-bytez=1", "--session-bytes") }, /* nearer than -time */
	{ "--session-tymes=1", MEANT("--session-tymes=1", "--session-time") }, /* the first of two */
	{ "--workers-of-the-server-that-is-started=1",
	    UNKNOWN("--workers-of-the-server-that-is-started=1") },
	{ "--quiet", UNKNOWN("--quiet") },
	{ "--colour", UNKNOWN("--colour") },
	{ "--p=1", UNKNOWN("--p=1") }, /* port or pid-file */
	{ "-d|yes", EXTRA("yes") },
	{ "-dx", UNKNOWN("-x") },
	{ "--daemon=1", BAD("daemon", "1") "yes or no\n" },
	{ "--pid-file", LACKS("pid-file") PATH_ALLOWED },
	{ "-u", LACKS("user") "a user's name or number, or auto\n" },
	{ "-dg", LACKS("group") "a group's name or number, or auto\n" },
	{ "--buffer", LACKS("buffer") "1k to 16m bytes, as in 4096, 64k or 1m\n" },
	{ "-f", "echo-master: --file needs a value; allowed: the path of a file\n" },
	{ "--help=me", NO_VALUE("--help=me") },
	{ "--version=2", NO_VALUE("--version=2") },
	{ "--completion=bash", NO_VALUE("--completion=bash") },
	{ "5000", EXTRA("5000") },
	{ "5000|-w|3|more", EXTRA("5000") EXTRA("more") },
	{ "--|-w", EXTRA("-w") },
};

START_TEST(wrong_line_is_answered_word_for_word)
{
	ck_assert_int_eq(read_line(wrong_lines[_i].line), SETTINGS_WRONG);
	ck_assert_str_eq(errors, wrong_lines[_i].errors);
}
END_TEST

START_TEST(all_mistakes_are_reported)
{
	ck_assert_int_eq(read_line("-w|0|--bogus|-p|65536|-b|12|--log-level|x|extra|-l"),
	    SETTINGS_WRONG);
	ck_assert_str_eq(errors, BAD("workers", "0") WORKERS_ALLOWED UNKNOWN("--bogus")
	    BAD("port", "65536") PORT_ALLOWED BAD("log-level", "x") LEVEL_ALLOWED
	    LACKS("listen") ADDRESS_ALLOWED EXTRA("extra"));
}
END_TEST

static TCase *wrong(void)
{
	TCase *tcase = tcase_create("wrong");

	tcase_add_checked_fixture(tcase, be_echo_master, forget);
	tcase_add_loop_test(tcase, wrong_line_is_answered_word_for_word, 0,
	    sizeof wrong_lines / sizeof wrong_lines[0]);
	tcase_add_test(tcase, all_mistakes_are_reported);
	return tcase;
}

/* ---- help ---- */

/* Each option's beginning of a line, and how the line ends. */
static const struct { const char *begin; const char *end; } help_lines[] = {
	{ "  -w, --workers N|auto ", " (default: 8)" },
	{ "      --max-workers N ", " (default: 256)" },
	{ "      --spare-timeout TIME ", " (default: 10s)" },
	{ "      --max-served N ", " (default: 0)" },
	{ "      --hang-timeout TIME ", " (default: 1m)" },
	{ "      --connections N ", " (default: 1)" },
	{ "      --busy-poll N ", " (default: 0)" },
	{ "  -p, --port PORT ", " (default: echo)" },
	{ "  -l, --listen ADDRESS ", "(default: *)" },
	{ "  -b, --backlog N ", " (default: 1024)" },
	{ "      --buffer SIZE ", " (default: 64k)" },
	{ "      --shutdown-timeout TIME ", " (default: 30s)" },
	{ "      --idle-timeout TIME ", " (default: 10m)" },
	{ "      --write-timeout TIME ", " (default: 1m)" },
	{ "      --first-byte-timeout TIME ", " (default: 0)" },
	{ "      --session-time TIME ", " (default: 0)" },
	{ "      --session-bytes SIZE ", " (default: 0)" },
	{ "      --per-source N ", " (default: 0)" },
	{ "      --rate N ", " (default: 0)" },
	{ "      --rate-burst N ", " (default: 20)" },
	{ "      --allow NET|none ", " (default: none)" },
	{ "      --deny NET|none ", " (default: none)" },
	{ "  -d, --daemon[=yes|no] ", " (default: no)" },
	{ "      --pid-file PATH|none ", " (default: none)" },
	{ "  -u, --user USER|auto ", " (default: auto)" },
	{ "  -g, --group GROUP|auto ", " (default: auto)" },
	{ "      --chroot PATH|none ", " (default: none)" },
	{ "      --master-user USER|none ", " (default: none)" },
	{ "      --sandbox enforce|log|off ", " (default: enforce)" },
	{ "      --log-level LEVEL ", " (default: info)" },
	{ "      --log-stderr[=yes|no] ", " (default: no)" },
	{ "  -f, --file PATH ", "read settings from this file" },
	{ "  -t, --test ", "check the settings and leave" },
	{ "  -T, --show ", "print the settings in force and leave" },
	{ "      --completion ", "print the completion for bash" },
	{ "  -V, --version ", "print the version" },
	{ "  -h, --help ", "print this help" },
};

#define HELP_LINES (sizeof help_lines / sizeof help_lines[0])

static bool fits(const char *line, size_t number)
{
	size_t length = strlen(line);
	size_t begin = strlen(help_lines[number].begin);
	size_t end = strlen(help_lines[number].end);

	return length >= begin + end &&
	    strncmp(line, help_lines[number].begin, begin) == 0 &&
	    strcmp(line + length - end, help_lines[number].end) == 0;
}

START_TEST(help_has_a_line_for_every_option_and_its_default)
{
	size_t size;
	char *help;
	FILE *stream = open_memstream(&help, &size);
	size_t found = 0;
	char *rest;

	settings_help(stream);
	fclose(stream);
	rest = help;
	ck_assert_int_eq(strncmp(help, "usage: echo-master [option ...]\n", 32), 0);
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		ck_assert_uint_le(strlen(line), 80);
		if (strstr(line, "--") == NULL)
			continue;
		ck_assert_uint_lt(found, HELP_LINES);
		ck_assert_msg(fits(line, found), "line %zu of the help: %s", found, line);
		found++;
	}
	ck_assert_uint_eq(found, HELP_LINES);
	free(help);
}
END_TEST

Suite *settings_suite(void)
{
	Suite *suite = suite_create("settings");
	TCase *help = tcase_create("help");

	tcase_add_test(help, help_has_a_line_for_every_option_and_its_default);
	suite_add_tcase(suite, right());
	suite_add_tcase(suite, wrong());
	suite_add_tcase(suite, help);
	return suite;
}
