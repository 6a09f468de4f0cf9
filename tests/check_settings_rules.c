/* SPDX-License-Identifier: ISC */
/* What settings mean together: which do not go with which, and what a reload can change. */
#include "tests/suites.h"

#include "common/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/check_settings.XXXXXX";
static char path[sizeof folder + sizeof "/server.conf"];
static struct settings settings;
static char *errors; /* what was said */

static void make_folder(void)
{
	setprogname("echo-master");
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/server.conf", folder);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
	free(errors);
	errors = NULL;
}

/*
 * Loads a file of this text, if any, as `-f server.conf` in the folder, and a
 * command line whose words are separated by blanks. The current folder is another.
 */
static enum settings_request load(const char *text, const char *line)
{
	static char words[512];
	static char *argv[64];
	struct settings_sources sources = { .argc = 0, .argv = argv, .folder = folder };
	char *rest = words;
	size_t size;
	FILE *stream;
	enum settings_request request;

	snprintf(words, sizeof words, "echo-master%s%s%s", text != NULL ? " -f server.conf" : "",
	    line[0] != '\0' ? " " : "", line);
	while (rest != NULL)
		argv[sources.argc++] = strsep(&rest, " ");
	argv[sources.argc] = NULL;
	if (text != NULL) {
		stream = fopen(path, "w");
		ck_assert_ptr_nonnull(stream);
		fputs(text, stream);
		fclose(stream);
	}
	free(errors);
	stream = open_memstream(&errors, &size);
	request = settings_load(&settings, &sources, stream);
	fclose(stream);
	return request;
}

/* ---- what does not go together ---- */

#define NEEDS_ROOT " needs a master that stays root; allowed: one of them"
#define CHROOT "chroot" NEEDS_ROOT "\n"
#define USER "another user" NEEDS_ROOT ", or the same user in both\n"
#define GROUP "another group" NEEDS_ROOT ", or that user's own group\n"
#define POLLING                                                                                    \
	"a worker with one connection does not poll; allowed: connections above 1, or "           \
	"busy-poll 0\n"
#define POOL "max-workers cannot be fewer than workers; allowed: at least as many\n"
#define WITH(told, other) told ": not with " other ", because "
#define COMMAND "echo-master: --"
#define FILE_LINE(number) "server.conf:" number ": "

/* The number has no entry, and so no group of its own. */
#define STRANGER "4294967294"

static const struct {
	const char *file;
	const char *line;
	enum settings_request request;
	const char *errors;
} rules[] = {
	{ NULL, "--master-user root", SETTINGS_RUN, "" },
	{ NULL, "--master-user root --chroot none -u auto -g auto", SETTINGS_RUN, "" },
	{ NULL, "--master-user root -u 0 -g 0", SETTINGS_RUN, "" },
	{ NULL, "--master-user 0 -u root -g root", SETTINGS_RUN, "" },
	{ NULL, "--master-user " STRANGER " -u " STRANGER, SETTINGS_RUN, "" },
	{ NULL, "-u root -g 5 --chroot /x", SETTINGS_RUN, "" },
	{ NULL, "--master-user root --chroot /x", SETTINGS_WRONG,
	  COMMAND WITH("chroot", "master-user") CHROOT },
	{ NULL, "--master-user root -u " STRANGER, SETTINGS_WRONG,
	  COMMAND WITH("user", "master-user") USER },
	{ NULL, "--master-user root -g " STRANGER, SETTINGS_WRONG,
	  COMMAND WITH("group", "master-user") GROUP },
	{ NULL, "--master-user " STRANGER " -g " STRANGER, SETTINGS_RUN, "" },
	{ NULL, "-t --chroot /x --master-user root -u 1 -g 1", SETTINGS_WRONG,
	  COMMAND WITH("user", "master-user") USER COMMAND WITH("group", "master-user") GROUP
	  COMMAND WITH("chroot", "master-user") CHROOT },
	{ NULL, "-T --chroot /x --master-user root", SETTINGS_WRONG,
	  COMMAND WITH("chroot", "master-user") CHROOT },
	{ NULL, "--busy-poll 50", SETTINGS_WRONG, COMMAND WITH("busy-poll", "connections") POLLING },
	{ NULL, "--busy-poll 50 --connections 2", SETTINGS_RUN, "" },
	{ NULL, "--busy-poll 0", SETTINGS_RUN, "" },
	{ "connections 2\nbusy-poll 50\n", "--connections 1", SETTINGS_WRONG,
	  COMMAND WITH("connections", "busy-poll") POLLING },
	{ NULL, "-h --chroot /x --master-user root", SETTINGS_HELP, "" },
	{ "workers 3\nmaster-user root\n", "", SETTINGS_RUN, "" },
	{ "master-user root\nchroot /x\n", "", SETTINGS_BAD_FILE,
	  FILE_LINE("2") WITH("chroot", "master-user") CHROOT },
	{ "user 1\ngroup 1\n\nmaster-user root\n", "", SETTINGS_BAD_FILE,
	  FILE_LINE("1") WITH("user", "master-user") USER
	  FILE_LINE("2") WITH("group", "master-user") GROUP },
	{ "master-user root\nchroot /x\n", "--chroot none", SETTINGS_RUN, "" },
	{ "chroot /x\n", "--master-user root", SETTINGS_WRONG,
	  COMMAND WITH("master-user", "chroot") CHROOT },
	{ "master-user root\n", "--chroot /x", SETTINGS_WRONG,
	  COMMAND WITH("chroot", "master-user") CHROOT },
	{ "chroot /x\nmaster-user root\n", "-u 1", SETTINGS_WRONG,
	  COMMAND WITH("user", "master-user") USER
	  FILE_LINE("1") WITH("chroot", "master-user") CHROOT },
	{ "user 1\nmaster-user root\n", "--chroot /x", SETTINGS_WRONG,
	  FILE_LINE("1") WITH("user", "master-user") USER
	  COMMAND WITH("chroot", "master-user") CHROOT },
	{ "user 1\nchroot /x\n", "--master-user none", SETTINGS_RUN, "" },
	{ NULL, "-w 300", SETTINGS_RUN, "" },
	{ NULL, "-w 8 --max-workers 8", SETTINGS_RUN, "" },
	{ NULL, "-w 9 --max-workers 8", SETTINGS_WRONG,
	  COMMAND WITH("max-workers", "workers") POOL },
	{ NULL, "--max-workers 7", SETTINGS_WRONG, COMMAND WITH("max-workers", "workers") POOL },
	{ "workers 9\nmax-workers 8\n", "", SETTINGS_BAD_FILE,
	  FILE_LINE("2") WITH("max-workers", "workers") POOL },
	{ "max-workers 8\n", "-w 9", SETTINGS_WRONG,
	  COMMAND WITH("workers", "max-workers") POOL },
	{ "workers 300\n", "", SETTINGS_RUN, "" },
	{ "max-workers 4\nmaster-user root\nchroot /x\n", "-w 3", SETTINGS_BAD_FILE,
	  FILE_LINE("3") WITH("chroot", "master-user") CHROOT },
};

START_TEST(settings_that_do_not_go_together_are_told)
{
	ck_assert_int_eq(load(rules[_i].file, rules[_i].line), rules[_i].request);
	ck_assert_str_eq(errors, rules[_i].errors);
}
END_TEST

START_TEST(default_limit_gives_way_to_a_larger_pool)
{
	ck_assert_int_eq(load(NULL, "-w 256"), SETTINGS_RUN);
	ck_assert_uint_eq(settings.max_workers, 256);
	ck_assert_int_eq(load(NULL, "-w 257"), SETTINGS_RUN);
	ck_assert_uint_eq(settings.max_workers, 257);
	ck_assert_int_eq(load("workers 300\n", "-w 3"), SETTINGS_RUN);
	ck_assert_uint_eq(settings.max_workers, 256);
}
END_TEST

/* ---- where the file is looked for ---- */

START_TEST(relative_path_begins_in_the_folder_and_is_told_as_it_was_typed)
{
	ck_assert_int_eq(load("workers 3\n", ""), SETTINGS_RUN);
	ck_assert_uint_eq(settings.workers, 3);
	ck_assert_str_eq(settings.file, "server.conf");
	ck_assert_int_eq(load("workers 0\n", ""), SETTINGS_BAD_FILE);
	ck_assert_int_eq(strncmp(errors, "server.conf:1: workers: ", 24), 0);
	unlink(path);
	ck_assert_int_eq(load(NULL, "-f server.conf"), SETTINGS_BAD_FILE);
	ck_assert_str_eq(errors, "server.conf: No such file or directory\n");
}
END_TEST

START_TEST(absolute_path_does_not_begin_in_the_folder)
{
	char line[128];

	ck_assert_int_eq(load("workers 3\n", ""), SETTINGS_RUN);
	snprintf(line, sizeof line, "-f %s", path);
	ck_assert_int_eq(load(NULL, line), SETTINGS_RUN);
	ck_assert_uint_eq(settings.workers, 3);
}
END_TEST

START_TEST(path_that_is_too_long_is_told)
{
	static char name[20000];
	char program[] = "echo-master", option[] = "-f";
	char *argv[] = { program, option, name, NULL };
	size_t size;
	FILE *stream = open_memstream(&errors, &size);

	memset(name, 'x', sizeof name - 1);
	ck_assert_int_eq(settings_load(&settings, &(struct settings_sources){ .argc = 3,
	    .argv = argv, .folder = folder }, stream), SETTINGS_BAD_FILE);
	fclose(stream);
	ck_assert_ptr_nonnull(strstr(errors, "File name too long"));
}
END_TEST

/* ---- what a reload can change ---- */

/* The two lists that settings_compare() writes. */
static char changes[4096];
static char fixed[4096];

static unsigned compare(const struct settings *before, const char *const *held)
{
	FILE *changed = fmemopen(changes, sizeof changes, "w");
	FILE *stays = fmemopen(fixed, sizeof fixed, "w");
	unsigned differ;

	changes[0] = fixed[0] = '\0';
	differ = settings_compare(before, &settings, held, changed, stays);
	fclose(changed);
	fclose(stays);
	return differ;
}

START_TEST(reload_changes_all_but_what_needs_a_restart)
{
	struct settings before;

	ck_assert_int_eq(load(NULL, "-p 5000"), SETTINGS_RUN);
	before = settings;
	ck_assert_int_eq(load(NULL, "-p 6000 -l ::1 --buffer 1m -d --pid-file /x -u 1 -g 2 "
	                            "--chroot /y"), SETTINGS_RUN);
	ck_assert_uint_eq(compare(&before, NULL), 8);
	ck_assert_str_eq(changes, "port 5000 -> 6000, listen * -> ::1, buffer 64k -> 1m, "
	    "user auto -> 1, group auto -> 2, chroot none -> /y");
	ck_assert_str_eq(fixed, "daemon no -> yes, pid-file none -> /x");
	ck_assert_str_eq(settings.chroot, "/y");
	ck_assert_str_eq(settings.pid_file, "none");
	ck_assert(!settings.daemon);
	ck_assert_int_eq(load(NULL, "-p 5000 --master-user 1"), SETTINGS_RUN);
	ck_assert_uint_eq(compare(&before, NULL), 1);
	ck_assert_str_eq(changes, "");
	ck_assert_str_eq(fixed, "master-user none -> 1");
	ck_assert_str_eq(settings.master_user, "none");
}
END_TEST

START_TEST(held_settings_are_put_back_too)
{
	static const char *const held[] = { "port", "listen", NULL };
	static const char *const nothing[] = { NULL };
	struct settings before;

	ck_assert_int_eq(load(NULL, "-p 5000"), SETTINGS_RUN);
	before = settings;
	ck_assert_int_eq(load(NULL, "-p 6000 -l ::1 -w 3"), SETTINGS_RUN);
	ck_assert_uint_eq(compare(&before, held), 3);
	ck_assert_str_eq(changes, "workers 8 -> 3");
	ck_assert_str_eq(fixed, "port 5000 -> 6000, listen * -> ::1");
	ck_assert_str_eq(settings.port, "5000");
	ck_assert_str_eq(settings.listen, "*");
	ck_assert_int_eq(load(NULL, "-p 6000"), SETTINGS_RUN);
	ck_assert_uint_eq(compare(&before, nothing), 1);
	ck_assert_str_eq(changes, "port 5000 -> 6000");
}
END_TEST

START_TEST(comparison_needs_no_lists)
{
	struct settings before;

	ck_assert_int_eq(load(NULL, "-w 3"), SETTINGS_RUN);
	before = settings;
	ck_assert_int_eq(load(NULL, "-w 4 -d"), SETTINGS_RUN);
	ck_assert_uint_eq(settings_compare(&before, &settings, NULL, NULL, NULL), 2);
	ck_assert_uint_eq(settings.workers, 4);
	ck_assert(!settings.daemon);
}
END_TEST

START_TEST(rules_are_compared_in_their_order)
{
	struct settings before;

	ck_assert_int_eq(load(NULL, "--deny 10.0.0.1 --allow 10.0.0.0/8"), SETTINGS_RUN);
	before = settings;
	ck_assert_uint_eq(compare(&before, NULL), 0);
	ck_assert_int_eq(load(NULL, "--allow 10.0.0.0/8 --deny 10.0.0.1"), SETTINGS_RUN);
	ck_assert_uint_eq(compare(&before, NULL), 1);
	ck_assert_str_eq(changes, "allow/deny deny 10.0.0.1, allow 10.0.0.0/8 -> "
	    "allow 10.0.0.0/8, deny 10.0.0.1");
	ck_assert(settings_differ(&before, &settings, "deny"));
	ck_assert_int_eq(load(NULL, ""), SETTINGS_RUN);
	ck_assert_uint_eq(compare(&before, NULL), 1);
	ck_assert_str_eq(changes, "allow/deny deny 10.0.0.1, allow 10.0.0.0/8 -> none");
}
END_TEST

START_TEST(difference_of_one_setting_is_told)
{
	struct settings before;

	ck_assert_int_eq(load(NULL, "-p 5000 --buffer 64k"), SETTINGS_RUN);
	before = settings;
	ck_assert_int_eq(load(NULL, "-p 6000 --buffer 65536"), SETTINGS_RUN);
	ck_assert(settings_differ(&before, &settings, "port"));
	ck_assert(!settings_differ(&before, &settings, "listen"));
	ck_assert(!settings_differ(&before, &settings, "buffer"));
}
END_TEST

static void lengthen(struct settings *these, char letter)
{
	char *texts[] = { these->port, these->listen, these->pid_file, these->user, these->group,
		these->chroot, these->master_user };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		memset(texts[i], letter, SETTINGS_TEXT_MAX - 1);
		texts[i][SETTINGS_TEXT_MAX - 1] = '\0';
	}
}

/* Every setting at its longest, twice. */
START_TEST(lists_of_changes_fit_into_a_line_of_the_log)
{
	struct settings before;

	ck_assert_int_eq(load(NULL, "-w 8190 --max-workers 8191 --spare-timeout 86399 "
	                            "--max-served 999999999 --hang-timeout 86399 --connections 2 --busy-poll 1 -b 65534 "
	                            "--buffer 16777214 --shutdown-timeout 86399 "
	                            "--log-level warning --deny 10.0.0.1"), SETTINGS_RUN);
	before = settings;
	ck_assert_int_eq(load(NULL, "-w 8191 --max-workers 8192 --spare-timeout 86398 "
	                            "--max-served 999999998 --hang-timeout 86398 -b 65535 "
	                            "--buffer 16777215 --shutdown-timeout 86398 "
	                            "--log-level notice --log-stderr -d --idle-timeout 1 "
	                            "--write-timeout 1 --first-byte-timeout 1 --session-time 1 "
	                            "--session-bytes 1 --per-source 1 --rate 1 --rate-burst 1 --sandbox off"),
	    SETTINGS_RUN);
	lengthen(&before, 'x');
	lengthen(&settings, 'y');
	/* Allow and deny are one list. */
	ck_assert_uint_eq(compare(&before, NULL), SETTINGS_COUNT - 1);
	ck_assert_uint_lt(strlen(changes) + strlen(fixed), 1000);
	ck_assert_str_eq(changes + strlen(changes) - 5, ", ...");
}
END_TEST

Suite *settings_rules_suite(void)
{
	Suite *suite = suite_create("settings rules");
	TCase *tcase = tcase_create("rules");

	tcase_add_checked_fixture(tcase, make_folder, remove_folder);
	tcase_add_loop_test(tcase, settings_that_do_not_go_together_are_told, 0,
	    sizeof rules / sizeof rules[0]);
	tcase_add_test(tcase, default_limit_gives_way_to_a_larger_pool);
	tcase_add_test(tcase, relative_path_begins_in_the_folder_and_is_told_as_it_was_typed);
	tcase_add_test(tcase, absolute_path_does_not_begin_in_the_folder);
	tcase_add_test(tcase, path_that_is_too_long_is_told);
	tcase_add_test(tcase, reload_changes_all_but_what_needs_a_restart);
	tcase_add_test(tcase, held_settings_are_put_back_too);
	tcase_add_test(tcase, comparison_needs_no_lists);
	tcase_add_test(tcase, rules_are_compared_in_their_order);
	tcase_add_test(tcase, difference_of_one_setting_is_told);
	tcase_add_test(tcase, lists_of_changes_fit_into_a_line_of_the_log);
	suite_add_tcase(suite, tcase);
	return suite;
}
