/* SPDX-License-Identifier: ISC */
/* The settings file: what its lines mean, what is said about wrong ones, and who beats whom. */
#include "tests/suites.h"

#include "common/settings_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static char path[] = "/tmp/check_settings.XXXXXX";
static struct settings settings;
static char *errors; /* what was said, without the path in front of each line */

static void make_file(void)
{
	int fd;

	setprogname("echo-master");
	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
	free(errors);
	errors = NULL;
}

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	fclose(file);
}

/* Drops "path:" wherever it stands. */
static void forget_path(char *text)
{
	char *found;
	size_t length = strlen(path) + 1;

	while ((found = strstr(text, path)) != NULL)
		memmove(found, found + length, strlen(found + length) + 1);
}

/* Loads the file as the standard one, with more options, separated by blanks, or NULL. */
static enum settings_request load(const char *options)
{
	char name[] = "echo-master";
	char words[128];
	char *argv[8] = { name };
	struct settings_sources sources = { .argc = 1, .argv = argv, .standard_file = path };
	size_t size;
	FILE *stream;
	enum settings_request request;

	strlcpy(words, options != NULL ? options : "", sizeof words);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
		argv[sources.argc++] = word;
	free(errors);
	stream = open_memstream(&errors, &size);
	request = settings_load(&settings, &sources, stream);
	fclose(stream);
	forget_path(errors);
	return request;
}

static enum settings_request load_text(const char *text)
{
	write_file(text, strlen(text));
	return load(NULL);
}

START_TEST(every_key_is_taken)
{
	ck_assert_int_eq(load_text("workers 3\nport 5000\nlisten ::1\nbacklog 77\n"
	    "shutdown-timeout 5m\nlog-level debug\nlog-stderr yes\nbuffer 4k\ndaemon yes\n"
	    "pid-file /p\nuser root\ngroup 5\nchroot /c\nmaster-user none\n"), SETTINGS_RUN);
	ck_assert_str_eq(errors, "");
	ck_assert_uint_eq(settings.buffer, 4096);
	ck_assert(settings.daemon);
	ck_assert_str_eq(settings.pid_file, "/p");
	ck_assert_str_eq(settings.user, "root");
	ck_assert_str_eq(settings.group, "5");
	ck_assert_str_eq(settings.chroot, "/c");
	ck_assert_str_eq(settings.master_user, "none");
	ck_assert_uint_eq(settings.workers, 3);
	ck_assert_str_eq(settings.port, "5000");
	ck_assert_str_eq(settings.listen, "::1");
	ck_assert_uint_eq(settings.backlog, 77);
	ck_assert_uint_eq(settings.shutdown_timeout, 300);
	ck_assert_uint_eq(settings.log_level, LOG_DEBUG);
	ck_assert(settings.log_stderr);
	ck_assert_str_eq(settings.file, path);
}
END_TEST

START_TEST(every_limit_is_taken)
{
	ck_assert_int_eq(load_text("idle-timeout 1h\nwrite-timeout 0\nfirst-byte-timeout 5\n"
	    "session-time 24h\nsession-bytes 4095m\nper-source 1000000\nrate 10\n"
	    "rate-burst 1\n"), SETTINGS_RUN);
	ck_assert_uint_eq(settings.idle_timeout, 3600);
	ck_assert_uint_eq(settings.write_timeout, 0);
	ck_assert_uint_eq(settings.first_byte_timeout, 5);
	ck_assert_uint_eq(settings.session_time, 86400);
	ck_assert_uint_eq(settings.session_bytes, 4293918720);
	ck_assert_uint_eq(settings.per_source, 1000000);
	ck_assert_uint_eq(settings.rate, 10);
	ck_assert_uint_eq(settings.rate_burst, 1);
}
END_TEST

/* Asserts what --show prints of the rules, without the path of the file. */
static void shows_rules(const char *expected)
{
	size_t size;
	char *text;
	FILE *stream = open_memstream(&text, &size);
	char *rules, *end;

	settings_print(&settings, stream);
	fclose(stream);
	while ((rules = strstr(text, path)) != NULL)
		memmove(rules, rules + strlen(path), strlen(rules + strlen(path)) + 1);
	rules = strstr(text, "rate-burst");
	end = strstr(text, "# default\ndaemon");
	ck_assert_ptr_nonnull(rules);
	ck_assert_ptr_nonnull(end);
	*end = '\0';
	ck_assert_str_eq(strchr(rules, '\n') + 1, expected);
	free(text);
}

START_TEST(rules_stay_in_the_order_in_which_they_were_written)
{
	ck_assert_int_eq(load_text("deny 10.0.0.1, 10.0.0.2\nallow 10.0.0.0/8 ::1,\n"
	    "deny none\nallow *\ndeny all"), SETTINGS_RUN);
	ck_assert_str_eq(errors, "");
	ck_assert_uint_eq(settings.access.rules.count, 6);
	shows_rules("# , line 1\ndeny 10.0.0.1\n# , line 1\ndeny 10.0.0.2\n"
	    "# , line 2\nallow 10.0.0.0/8\n# , line 2\nallow ::1\n"
	    "# , line 4\nallow *\n# , line 5\ndeny *\n");
}
END_TEST

START_TEST(rules_of_the_command_line_come_first)
{
	write_file("deny 10.0.0.0/8\nallow *\n", 24);
	ck_assert_int_eq(load("--allow=10.0.0.1,10.0.0.2"), SETTINGS_RUN);
	shows_rules("# command line\nallow 10.0.0.1\n# command line\nallow 10.0.0.2\n"
	    "# , line 1\ndeny 10.0.0.0/8\n# , line 2\nallow *\n");
}
END_TEST

START_TEST(none_on_the_command_line_takes_away_what_the_file_says)
{
	static const char text[] = "deny 10.0.0.0/8\nallow ::/0\ndeny 11.0.0.0/8,12.0.0.0/8\n";

	write_file(text, sizeof text - 1);
	ck_assert_int_eq(load("--deny=none"), SETTINGS_RUN);
	shows_rules("# , line 2\nallow ::/0\n");
	ck_assert(settings.access.rules.has_allow);
	ck_assert_int_eq(load("--allow=none"), SETTINGS_RUN);
	shows_rules("# , line 1\ndeny 10.0.0.0/8\n# , line 3\ndeny 11.0.0.0/8\n"
	    "# , line 3\ndeny 12.0.0.0/8\n");
	ck_assert(!settings.access.rules.has_allow);
	ck_assert_int_eq(load("--deny=1.1.1.1 --deny=none --deny=2.2.2.2"), SETTINGS_RUN);
	shows_rules("# command line\ndeny 1.1.1.1\n# command line\ndeny 2.2.2.2\n"
	    "# , line 2\nallow ::/0\n");
	ck_assert_int_eq(load("--deny=none --allow=none"), SETTINGS_RUN);
	shows_rules("# command line\nallow none\n# command line\ndeny none\n");
}
END_TEST

START_TEST(without_rules_each_key_says_so)
{
	ck_assert_int_eq(load_text(""), SETTINGS_RUN);
	shows_rules("# default\nallow none\n# default\ndeny none\n");
}
END_TEST

#define RULES_ALLOWED "not allowed; allowed: none, or networks as in 192.0.2.0/24,2001:db8::/32 " \
	"or *, at most 128 in all\n"

START_TEST(wrong_rules_are_told_and_leave_the_right_ones)
{
	ck_assert_int_eq(load_text("deny 10.0.0.1,10.0.0.1/8\nallow ,\nallow all none\n"
	    "allow 1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee\n"
	    "allow ::1\n"), SETTINGS_BAD_FILE);
	ck_assert_str_eq(errors, "1: deny: '10.0.0.1,10.0.0.1/8' is " RULES_ALLOWED
	    "2: allow: ',' is " RULES_ALLOWED "3: allow: 'all none' is " RULES_ALLOWED
	    "4: allow: '1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee' is "
	    RULES_ALLOWED);
	ck_assert_uint_eq(settings.access.rules.count, 1);
}
END_TEST

START_TEST(blanks_comments_and_continued_lines_are_as_they_should_be)
{
	ck_assert_int_eq(load_text("# a comment\n\n  \t\n\tworkers\t  3  # three\n"
	    "port \\\n  5000\nbacklog 77"), SETTINGS_RUN);
	ck_assert_str_eq(errors, "");
	ck_assert_uint_eq(settings.workers, 3);
	ck_assert_str_eq(settings.port, "5000");
	ck_assert_uint_eq(settings.backlog, 77);
}
END_TEST

START_TEST(file_beats_default_and_command_line_beats_file)
{
	write_file("workers 3\nbacklog 77\n", 21);
	ck_assert_int_eq(load("--workers=5"), SETTINGS_RUN);
	ck_assert_uint_eq(settings.workers, 5);
	ck_assert_uint_eq(settings.backlog, 77);
	ck_assert_str_eq(settings.port, "echo");
	ck_assert_int_eq(settings.origin[0].source, SETTINGS_FROM_COMMAND_LINE);
	ck_assert_int_eq(settings.origin[1].source, SETTINGS_FROM_DEFAULT);
	ck_assert_int_eq(settings.origin[9].source, SETTINGS_FROM_FILE);
	ck_assert_uint_eq(settings.origin[9].line, 2);
}
END_TEST

#define WORKERS_ALLOWED "allowed: a number from 1 to 8192, or auto\n"
#define BACKLOG_ALLOWED "allowed: a number from 1 to 65535\n"
#define LEVEL_ALLOWED "allowed: error, warning, notice, info or debug\n"

static const struct { const char *text; const char *errors; } wrong_files[] = {
	{ "workers 0\n", "1: workers: '0' is not allowed; " WORKERS_ALLOWED },
	{ "\n\nport 99999\n", "3: port: '99999' is not allowed; allowed: a number from 0 to 65535, "
	  "or a TCP service name\n" },
	{ "backlog\n", "1: backlog: a value is missing; " BACKLOG_ALLOWED },
	{ "backlog # 7\n", "1: backlog: a value is missing; " BACKLOG_ALLOWED },
	{ "backlog 7 8\n", "1: backlog: '7 8' is not allowed; " BACKLOG_ALLOWED },
	{ "workers 2\nport 1\nworkers 3\n", "3: workers: given on line 1 already; allowed: once\n" },
	{ "buffer 64 k\n", "1: buffer: '64 k' is not allowed; allowed: 1k to 16m bytes, as in "
	  "4096, 64k or 1m\n" },
	{ "user nobody-at-all\n", "1: user: 'nobody-at-all' is not allowed; allowed: a user's name "
	  "or number, or auto\n" },
	{ "pidfile /x\n", "1: pidfile: unknown key; did you mean pid-file?\n" },
	{ "completion yes\n", "1: completion: unknown key; echo-master --show lists what is "
	  "allowed\n" },
	{ "wokers 2\n", "1: wokers: unknown key; did you mean workers?\n" },
	{ "log-sterr yes\n", "1: log-sterr: unknown key; did you mean log-stderr?\n" },
	{ "colour red\n", "1: colour: unknown key; echo-master --show lists what is allowed\n" },
	{ "log-stderr maybe\n", "1: log-stderr: 'maybe' is not allowed; allowed: yes or no\n" },
	{ "workers=3\n", "1: workers=3: unknown key; did you mean workers?\n" },
	{ "log-level a\tb \033[31m\a\302\233\177\n", "1: log-level: "
	  "'a\\tb \\033[31m\\a\\302\\233\\177' is not allowed; " LEVEL_ALLOWED },
	{ "\033]0;x\a\bk\303\244y 1\n", "1: \\033]0;x\\a\\bk\\303\\244y: unknown key; echo-master "
	  "--show lists what is allowed\n" },
	{ "log-level a\\\\b\n", "1: log-level: 'a\\\\b' is not allowed; " LEVEL_ALLOWED },
	{ "workers 0\nbacklog 0\n", "1: workers: '0' is not allowed; " WORKERS_ALLOWED
	  "2: backlog: '0' is not allowed; " BACKLOG_ALLOWED },
};

START_TEST(wrong_file_is_answered_word_for_word)
{
	ck_assert_int_eq(load_text(wrong_files[_i].text), SETTINGS_BAD_FILE);
	ck_assert_str_eq(errors, wrong_files[_i].errors);
}
END_TEST

START_TEST(wrong_word_is_cut_to_a_hundred_bytes)
{
	char text[512];
	char told[512];

	memset(text, '\033', 200);
	strcpy(text + 200, " 1\n");
	ck_assert_int_eq(load_text(text), SETTINGS_BAD_FILE);
	strcpy(told, "1: ");
	for (int i = 0; i < 100; i++)
		strlcat(told, "\\033", sizeof told);
	strlcat(told, ": unknown key; echo-master --show lists what is allowed\n", sizeof told);
	ck_assert_str_eq(errors, told);
}
END_TEST

START_TEST(setting_with_a_mistake_keeps_its_value)
{
	char text[SETTINGS_TEXT_MAX + 128];
	int length = snprintf(text, sizeof text, "workers 0\nbacklog 99999\nlog-level loud\n"
	    "shutdown-timeout 25h\nport 99999\nlisten ");

	memset(text + length, 'a', SETTINGS_TEXT_MAX);
	text[length + SETTINGS_TEXT_MAX] = '\0';
	ck_assert_int_eq(load_text(text), SETTINGS_BAD_FILE);
	ck_assert_uint_eq(settings.workers, 8);
	ck_assert_uint_eq(settings.backlog, 1024);
	ck_assert_uint_eq(settings.log_level, LOG_INFO);
	ck_assert_uint_eq(settings.shutdown_timeout, 30);
	ck_assert_str_eq(settings.port, "echo");
	ck_assert_str_eq(settings.listen, "*");
}
END_TEST

START_TEST(nul_byte_is_told)
{
	write_file("workers 3\0 4\n", 13);
	ck_assert_int_eq(load(NULL), SETTINGS_BAD_FILE);
	ck_assert_str_eq(errors, "1: NUL byte: not allowed; allowed: text\n");
}
END_TEST

START_TEST(nul_byte_is_told_after_an_escape_too)
{
	write_file("workers \\3\0 4\n", 14);
	ck_assert_int_eq(load(NULL), SETTINGS_BAD_FILE);
	ck_assert_str_eq(errors, "1: NUL byte: not allowed; allowed: text\n");
}
END_TEST

START_TEST(escapes_are_removed)
{
	ck_assert_int_eq(load_text("work\\ers \\3\nlisten \\\\\nport \\#5\n"), SETTINGS_BAD_FILE);
	ck_assert_uint_eq(settings.workers, 3);
	ck_assert_ptr_nonnull(strstr(errors, "2: listen: '"));
	ck_assert_ptr_nonnull(strstr(errors, "3: port: '#5' is not allowed"));
}
END_TEST

START_TEST(very_long_line_is_no_trouble)
{
	size_t size = 1 << 20;
	char *text = malloc(size);

	ck_assert_ptr_nonnull(text);
	memset(text, 'w', size);
	write_file(text, size);
	ck_assert_int_eq(load(NULL), SETTINGS_BAD_FILE);
	free(text);
}
END_TEST

START_TEST(standard_file_may_be_missing_a_named_one_may_not)
{
	char option[128];

	unlink(path);
	ck_assert_int_eq(load(NULL), SETTINGS_RUN);
	ck_assert_ptr_null(settings.file);
	snprintf(option, sizeof option, "--file=%s", path);
	ck_assert_int_eq(load(option), SETTINGS_BAD_FILE);
	ck_assert_ptr_nonnull(strstr(errors, "No such file or directory"));
}
END_TEST

START_TEST(pipe_is_not_waited_for)
{
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(load(NULL), SETTINGS_BAD_FILE);
	ck_assert_ptr_nonnull(strstr(errors, "no settings file"));
}
END_TEST

START_TEST(file_that_is_too_large_is_not_read)
{
	write_file("", 0);
	ck_assert_int_eq(truncate(path, 1024 * 1024 + 1), 0);
	ck_assert_int_eq(load(NULL), SETTINGS_BAD_FILE);
	ck_assert_ptr_nonnull(strstr(errors, "no settings file"));
}
END_TEST

START_TEST(twenty_mistakes_are_told_and_no_more)
{
	char text[1024] = "";
	size_t lines = 0;

	for (int i = 0; i < 100; i++)
		strlcat(text, "nothing\n", sizeof text);
	ck_assert_int_eq(load_text(text), SETTINGS_BAD_FILE);
	for (const char *at = errors; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	ck_assert_uint_eq(lines, 21);
	ck_assert_ptr_nonnull(strstr(errors, "more mistakes may follow"));
}
END_TEST

START_TEST(folder_is_no_file)
{
	ck_assert_int_eq(load("--file=/tmp"), SETTINGS_BAD_FILE);
	ck_assert_str_eq(errors, "/tmp: no settings file; allowed: a regular file of at most 1024 KiB\n");
}
END_TEST

START_TEST(file_that_cannot_be_read_to_its_end_is_a_mistake)
{
	char said[128] = "";
	FILE *to = fmemopen(said, sizeof said, "w");
	FILE *file = fopen(path, "w"); /* for writing only */

	ck_assert(to != NULL && file != NULL);
	ck_assert_uint_eq(settings_read_stream(&settings, file, "some file", to), 1);
	fclose(to);
	fclose(file);
	ck_assert_str_eq(said, "some file: cannot be read to its end\n");
}
END_TEST

START_TEST(what_is_printed_reads_back_the_same)
{
	struct settings before;
	char changes[256] = "";
	FILE *stream = fmemopen(changes, sizeof changes, "w");
	FILE *file;

	ck_assert_int_eq(load_text("workers 3\nshutdown-timeout 2m\nlisten 127.0.0.1\n"
	    "log-level warning\nlog-stderr yes\nbuffer 65537\ndaemon yes\n"
	    "pid-file /run/a:b=c%d\nuser 0\ngroup root\nchroot /srv/'x'\n"), SETTINGS_RUN);
	before = settings;
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	settings_print(&before, file);
	fclose(file);
	ck_assert_int_eq(load(NULL), SETTINGS_RUN);
	ck_assert_str_eq(errors, "");
	ck_assert_uint_eq(settings_compare(&before, &settings, NULL, stream, stream), 0);
	fclose(stream);
	ck_assert_str_eq(changes, "");
}
END_TEST

Suite *settings_file_suite(void)
{
	Suite *suite = suite_create("settings file");
	TCase *tcase = tcase_create("file");

	tcase_add_checked_fixture(tcase, make_file, remove_file);
	tcase_add_test(tcase, every_key_is_taken);
	tcase_add_test(tcase, every_limit_is_taken);
	tcase_add_test(tcase, rules_stay_in_the_order_in_which_they_were_written);
	tcase_add_test(tcase, rules_of_the_command_line_come_first);
	tcase_add_test(tcase, none_on_the_command_line_takes_away_what_the_file_says);
	tcase_add_test(tcase, without_rules_each_key_says_so);
	tcase_add_test(tcase, wrong_rules_are_told_and_leave_the_right_ones);
	tcase_add_test(tcase, blanks_comments_and_continued_lines_are_as_they_should_be);
	tcase_add_test(tcase, file_beats_default_and_command_line_beats_file);
	tcase_add_loop_test(tcase, wrong_file_is_answered_word_for_word, 0,
	    sizeof wrong_files / sizeof wrong_files[0]);
	tcase_add_test(tcase, wrong_word_is_cut_to_a_hundred_bytes);
	tcase_add_test(tcase, setting_with_a_mistake_keeps_its_value);
	tcase_add_test(tcase, nul_byte_is_told);
	tcase_add_test(tcase, nul_byte_is_told_after_an_escape_too);
	tcase_add_test(tcase, escapes_are_removed);
	tcase_add_test(tcase, very_long_line_is_no_trouble);
	tcase_add_test(tcase, standard_file_may_be_missing_a_named_one_may_not);
	tcase_add_test(tcase, pipe_is_not_waited_for);
	tcase_add_test(tcase, file_that_is_too_large_is_not_read);
	tcase_add_test(tcase, twenty_mistakes_are_told_and_no_more);
	tcase_add_test(tcase, folder_is_no_file);
	tcase_add_test(tcase, file_that_cannot_be_read_to_its_end_is_a_mistake);
	tcase_add_test(tcase, what_is_printed_reads_back_the_same);
	suite_add_tcase(suite, tcase);
	return suite;
}
