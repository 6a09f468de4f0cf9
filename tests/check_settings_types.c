/* SPDX-License-Identifier: ISC */
/* Types of settings: what each takes and refuses, its limits, and that it prints what it reads. */
#include "tests/suites.h"

#include "common/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct settings settings;
static char *errors; /* what was said */

static void be_echo_master(void)
{
	setprogname("echo-master");
}

static void forget(void)
{
	free(errors);
	errors = NULL;
}

/* Loads the command line --KEY=VALUE. */
static enum settings_request give(const char *key, const char *value)
{
	char name[] = "echo-master";
	char word[SETTINGS_TEXT_MAX + 64];
	char *argv[] = { name, word, NULL };
	size_t size;
	FILE *stream;
	enum settings_request request;

	snprintf(word, sizeof word, "--%s=%s", key, value);
	forget();
	stream = open_memstream(&errors, &size);
	ck_assert_ptr_nonnull(stream);
	request = settings_load(&settings, &(struct settings_sources){ .argc = 2, .argv = argv },
	    stream);
	fclose(stream);
	return request;
}

/* Asserts that the setting prints as `expected`. */
static void prints(const char *key, const char *expected)
{
	char line[SETTINGS_TEXT_MAX + 64];
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	settings_print(&settings, stream);
	fclose(stream);
	snprintf(line, sizeof line, "\n%s %s\n", key, expected);
	ck_assert_msg(strstr(text, line) != NULL, "no '%s %s' in:\n%s", key, expected, text);
	free(text);
}

static void takes(const char *key, const char *value, const char *printed)
{
	ck_assert_int_eq(give(key, value), SETTINGS_RUN);
	ck_assert_str_eq(errors, "");
	prints(key, printed);
	ck_assert_int_eq(give(key, printed), SETTINGS_RUN);
	prints(key, printed);
}

static void refuses(const char *key, const char *value, const char *allowed)
{
	char expected[2 * SETTINGS_TEXT_MAX];

	ck_assert_int_eq(give(key, value), SETTINGS_WRONG);
	snprintf(expected, sizeof expected,
	    "echo-master: --%s: '%.100s' is not allowed; allowed: %s\n", key, value, allowed);
	ck_assert_str_eq(errors, expected);
}

/* ---- sizes ---- */

static const struct { const char *text; unsigned bytes; const char *printed; } sizes[] = {
	{ "1k", 1024, "1k" }, { "1024", 1024, "1k" }, { "1025", 1025, "1025" },
	{ "64k", 65536, "64k" }, { "65536", 65536, "64k" }, { "65537", 65537, "65537" },
	{ "1m", 1048576, "1m" }, { "1024k", 1048576, "1m" }, { "1536k", 1572864, "1536k" },
	{ "16m", 16777216, "16m" }, { "16777216", 16777216, "16m" }, { "16384k", 16777216, "16m" },
	{ "0064k", 65536, "64k" }, { "16777215", 16777215, "16777215" },
};

START_TEST(size_is_taken_and_printed_exactly_and_shortest)
{
	takes("buffer", sizes[_i].text, sizes[_i].printed);
	ck_assert_uint_eq(settings.buffer, sizes[_i].bytes);
}
END_TEST

/* The last but two and the last but one would be 1k, were they cut to 32 bits. */
static const char *const wrong_sizes[] = {
	"", "0", "0k", "1023", "17m", "16385k", "16777217", "1K", "64kb", "64kk", "k", "64 k",
	" 64k", "64k ", "+64k", "-64k", "0x400", "5s", "1g", "1.5m", "auto", "4194305k", "4294968320",
	"99999999999999999999k",
};

START_TEST(wrong_size_is_refused)
{
	refuses("buffer", wrong_sizes[_i], "1k to 16m bytes, as in 4096, 64k or 1m");
}
END_TEST

START_TEST(sizes_and_times_have_units_of_their_own)
{
	refuses("shutdown-timeout", "5k", "0 to 86400 seconds, as in 30, 30s, 5m or 1h");
}
END_TEST

/* ---- paths ---- */

static const char *const path_keys[] = { "pid-file", "chroot" };

static const char *const paths[] = {
	"none", "/", "/none", "/run/echo-master.pid", "/a:b=c,d~e%f*g'h\"i", "/.//x/",
};

START_TEST(path_is_taken_as_it_stands)
{
	for (size_t i = 0; i < 2; i++)
		takes(path_keys[i], paths[_i], paths[_i]);
	ck_assert_str_eq(settings.chroot, paths[_i]);
}
END_TEST

#define PATH_ALLOWED                                                                               \
	"none, or an absolute path of at most 255 printable characters without blank, # and \\"

static const char *const wrong_paths[] = {
	"", "x", "./x", "../x", "~/x", "None", "auto", " /x", "/x ", "/a b", "/a\tb", "/a\nb",
	"/a#b", "/a\\b", "/\001", "/\177", "/\303\251",
};

START_TEST(path_that_a_file_would_take_apart_is_refused)
{
	for (size_t i = 0; i < 2; i++)
		refuses(path_keys[i], wrong_paths[_i], PATH_ALLOWED);
}
END_TEST

START_TEST(path_has_at_most_255_characters)
{
	char path[258] = "/";

	memset(path + 1, 'x', 255);
	path[255] = '\0';
	takes("pid-file", path, path);
	ck_assert_str_eq(settings.pid_file, path);
	path[255] = 'x';
	refuses("pid-file", path, PATH_ALLOWED);
}
END_TEST

/* ---- users and groups ---- */

static const struct { const char *key; const char *value; bool right; } accounts[] = {
	{ "user", "auto", true }, { "user", "root", true }, { "user", "0", true },
	{ "user", "4294967294", true }, { "user", "4294967295", false },
	{ "user", "4294967296", false }, { "user", "none", false }, { "user", "", false },
	{ "user", "no-such-user", false }, { "user", "-1", false }, { "user", "+0", false },
	{ "user", " 0", false }, { "user", "0 ", false }, { "user", "0x0", false },
	{ "user", "Auto", false }, { "user", "root:root", false },
	{ "group", "auto", true }, { "group", "root", true }, { "group", "0", true },
	{ "group", "4294967294", true }, { "group", "4294967295", false },
	{ "group", "none", false }, { "group", "", false }, { "group", "no-such-group", false },
	{ "group", "-1", false },
	{ "master-user", "none", true }, { "master-user", "root", true },
	{ "master-user", "0", true }, { "master-user", "4294967294", true },
	{ "master-user", "4294967295", false }, { "master-user", "auto", false },
	{ "master-user", "", false }, { "master-user", "no-such-user", false },
};

START_TEST(user_and_group_have_names_and_numbers)
{
	const char *key = accounts[_i].key;
	bool is_group = strcmp(key, "group") == 0;
	const char *standard = strcmp(key, "master-user") == 0 ? "none" : "auto";
	char allowed[64];

	snprintf(allowed, sizeof allowed, "a %s's name or number, or %s",
	    is_group ? "group" : "user", standard);
	if (accounts[_i].right)
		takes(key, accounts[_i].value, accounts[_i].value);
	else
		refuses(key, accounts[_i].value, allowed);
}
END_TEST

/* Each value in its own place. */
START_TEST(users_and_groups_do_not_mix)
{
	takes("user", "1", "1");
	ck_assert_str_eq(settings.user, "1");
	ck_assert_str_eq(settings.group, "auto");
	ck_assert_str_eq(settings.master_user, "none");
	takes("group", "2", "2");
	ck_assert_str_eq(settings.user, "auto");
	ck_assert_str_eq(settings.group, "2");
	takes("master-user", "3", "3");
	ck_assert_str_eq(settings.master_user, "3");
	takes("daemon", "yes", "yes");
	ck_assert(settings.daemon);
}
END_TEST

Suite *settings_types_suite(void)
{
	Suite *suite = suite_create("settings types");
	TCase *tcase = tcase_create("types");

	tcase_add_checked_fixture(tcase, be_echo_master, forget);
	tcase_add_loop_test(tcase, size_is_taken_and_printed_exactly_and_shortest, 0,
	    sizeof sizes / sizeof sizes[0]);
	tcase_add_loop_test(tcase, wrong_size_is_refused, 0,
	    sizeof wrong_sizes / sizeof wrong_sizes[0]);
	tcase_add_test(tcase, sizes_and_times_have_units_of_their_own);
	tcase_add_loop_test(tcase, path_is_taken_as_it_stands, 0, sizeof paths / sizeof paths[0]);
	tcase_add_loop_test(tcase, path_that_a_file_would_take_apart_is_refused, 0,
	    sizeof wrong_paths / sizeof wrong_paths[0]);
	tcase_add_test(tcase, path_has_at_most_255_characters);
	tcase_add_loop_test(tcase, user_and_group_have_names_and_numbers, 0,
	    sizeof accounts / sizeof accounts[0]);
	tcase_add_test(tcase, users_and_groups_do_not_mix);
	suite_add_tcase(suite, tcase);
	return suite;
}
