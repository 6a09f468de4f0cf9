/* SPDX-License-Identifier: ISC */
/* echo-load's command line: what its values may look like, and that every mistake is told. */
#include "tests/suites.h"

#include "client/load_schedule.h"
#include "client/load_values.h"

#include <string.h>
#include <unistd.h>

#define MOST (16 * 1024 * 1024)

static struct load_options options;
static const char *told; /* on standard error, by the last read_line() */

/* Reads a command line given in words, with what it tells in `told`. */
#define read_line(...)                                                                             \
	read_words((char *[]){ (char[]){ "echo-load" }, __VA_ARGS__, NULL })

static enum load_request read_words(char **words)
{
	enum load_request request;
	int count = 0;

	while (words[count] != NULL)
		count++;
	stderr_catch();
	request = load_read_options(&options, count, words);
	told = stderr_caught();
	stderr_release();
	return request;
}

static unsigned lines_told(void)
{
	unsigned lines = 0;

	for (const char *at = told; *at != '\0'; at++)
		lines += *at == '\n';
	return lines;
}

/* ---- values ---- */

START_TEST(sizes_have_units_and_ranges)
{
	uint32_t least = 7;
	uint32_t most = 7;

	ck_assert_int_eq(load_read_sizes("64", MOST, &least, &most), 0);
	ck_assert_uint_eq(least, 64);
	ck_assert_uint_eq(most, 64);
	ck_assert_int_eq(load_read_sizes("1-4096", MOST, &least, &most), 0);
	ck_assert_uint_eq(least, 1);
	ck_assert_uint_eq(most, 4096);
	ck_assert_int_eq(load_read_sizes("64k", MOST, &least, &most), 0);
	ck_assert_uint_eq(least, 65536);
	ck_assert_int_eq(load_read_sizes("1k-16m", MOST, &least, &most), 0);
	ck_assert_uint_eq(least, 1024);
	ck_assert_uint_eq(most, MOST);
}
END_TEST

static const char *const wrong_sizes[] = { "", "0", "17m", "16777217", "-1", "+1", " 1", "1 ", "1g",
	"1kk", "k", "2-1", "1-", "-", "1-2-3", "1.5", "0-4", "0x10", "1e3",
	"99999999999999999999999999999999999999999", "4294967297" };

START_TEST(wrong_sizes_change_nothing)
{
	uint32_t least = 7;
	uint32_t most = 8;

	ck_assert_int_eq(load_read_sizes(wrong_sizes[_i], MOST, &least, &most), -1);
	ck_assert_uint_eq(least, 7);
	ck_assert_uint_eq(most, 8);
}
END_TEST

START_TEST(durations_have_units_and_fractions)
{
	static const struct {
		const char *text;
		double seconds;
	} right[] = { { "10", 10 }, { "10s", 10 }, { "2m", 120 }, { "1h", 3600 },
		{ "500ms", 0.5 }, { "0.25", 0.25 }, { "1.5m", 90 } };
	double seconds;

	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		ck_assert_int_eq(load_read_duration(right[i].text, 0, 3600, &seconds), 0);
		ck_assert_double_eq_tol(seconds, right[i].seconds, 1e-9);
	}
}
END_TEST

static const char *const wrong_durations[] = { "", "s", "10x", "-1", "+1", " 1", ".5", "1.2.3",
	"1e3", "0x10", "nan", "inf", "3601", "2h", "10 s", "0.5", "10ss" };

START_TEST(wrong_durations_change_nothing)
{
	double seconds = 7;

	ck_assert_int_eq(load_read_duration(wrong_durations[_i], 1, 3600, &seconds), -1);
	ck_assert_double_eq(seconds, 7);
}
END_TEST

START_TEST(rate_is_a_number_or_rises_in_steps)
{
	struct load_rate rate;

	ck_assert_int_eq(load_read_rate("1000", &rate), 0);
	ck_assert_double_eq(rate.first, 1000);
	ck_assert_double_eq(rate.last, 1000);
	ck_assert_uint_eq(rate.steps, 1);
	ck_assert_int_eq(load_read_rate("1000..20000/5", &rate), 0);
	ck_assert_double_eq(rate.first, 1000);
	ck_assert_double_eq(rate.last, 20000);
	ck_assert_uint_eq(rate.steps, 5);
	ck_assert_int_eq(load_read_rate("9..1/100", &rate), 0);
}
END_TEST

static const char *const wrong_rates[] = { "", "0", "-1", "1.5", "10000001", "1..2", "1/2", "..2/2",
	"1../2", "1..2/", "1..2/1", "1..2/101", "1...2/2", "1..2/2/2", "0..2/2", "1..0/2", "1-2/2",
	"11111111111111111111111111111111111111", "1..2/22222222222222222222222222222222222222" };

START_TEST(wrong_rates_change_nothing)
{
	struct load_rate rate = { 1, 2, 3 };

	ck_assert_int_eq(load_read_rate(wrong_rates[_i], &rate), -1);
	ck_assert_double_eq(rate.first, 1);
	ck_assert_double_eq(rate.last, 2);
	ck_assert_uint_eq(rate.steps, 3);
}
END_TEST

START_TEST(classes_are_listed_by_name)
{
	uint32_t classes = 7;

	ck_assert_int_eq(load_read_classes("short", &classes), 0);
	ck_assert_uint_eq(classes, 1u << LOAD_SHORT);
	ck_assert_int_eq(load_read_classes("corrupt,reset-before", &classes), 0);
	ck_assert_uint_eq(classes, 1u << LOAD_CORRUPT | 1u << LOAD_RESET_BEFORE);
	ck_assert_int_eq(load_read_classes("none", &classes), 0);
	ck_assert_uint_eq(classes, 0);
}
END_TEST

static const char *const wrong_classes[] = { "", ",", "short,", ",short", "shor", "shorts",
	"short,none", "short corrupt", "Short", "a-name-that-is-longer-than-any-class-can-be" };

START_TEST(wrong_classes_change_nothing)
{
	uint32_t classes = 7;

	ck_assert_int_eq(load_read_classes(wrong_classes[_i], &classes), -1);
	ck_assert_uint_eq(classes, 7);
}
END_TEST

/* ---- the command line ---- */

START_TEST(host_and_port_are_enough)
{
	ck_assert_int_eq(read_line("host", "echo"), LOAD_RUN);
	ck_assert_str_eq(options.host, "host");
	ck_assert_str_eq(options.port, "echo");
	ck_assert_uint_eq(options.connections, 8);
	ck_assert_double_eq(options.duration_s, 10);
	ck_assert_uint_eq(options.echoes, 0);
	ck_assert_uint_eq(options.size_least, 64);
	ck_assert_uint_eq(options.size_most, 64);
	ck_assert_double_eq(options.rate.first, 0);
	ck_assert_uint_eq(options.threads, 1);
	ck_assert_double_eq(options.timeout_s, 10);
	ck_assert_uint_eq(options.fail_on, 0xfe);
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(every_option_reaches_its_field)
{
	ck_assert_int_eq(read_line("-c5", "-d", "2m", "-n7", "-s", "1-9", "-r", "10", "--churn=3",
	    "--threads", "2", "--timeout=1", "--ramp", "3s", "--idle=4", "--half-close",
	    "--slow-read", "1k", "--fail-on=short", "--json", "--hgrm", "f", "--lost",
	    "g", "host", "7"), LOAD_RUN);
	ck_assert_uint_eq(options.connections, 5);
	ck_assert_double_eq(options.duration_s, 120);
	ck_assert_uint_eq(options.echoes, 7);
	ck_assert_uint_eq(options.size_least, 1);
	ck_assert_uint_eq(options.size_most, 9);
	ck_assert_double_eq(options.rate.first, 10);
	ck_assert_uint_eq(options.churn, 3);
	ck_assert_uint_eq(options.threads, 2);
	ck_assert_double_eq(options.timeout_s, 1);
	ck_assert_double_eq(options.ramp_s, 3);
	ck_assert_uint_eq(options.idle, 4);
	ck_assert(options.half_close && options.json && !options.reset_close);
	ck_assert_double_eq(options.slow_read, 1024);
	ck_assert_uint_eq(options.fail_on, 1u << LOAD_SHORT);
	ck_assert_str_eq(options.hgrm, "f");
	ck_assert_str_eq(options.lost, "g");
	ck_assert_int_eq(read_line("--reset-close", "host", "7"), LOAD_RUN);
	ck_assert(options.reset_close && !options.lines);
	ck_assert_int_eq(read_line("--lines", "host", "7"), LOAD_RUN);
	ck_assert(options.lines);
}
END_TEST

START_TEST(number_of_echoes_alone_sets_no_time)
{
	ck_assert_int_eq(read_line("-n", "1", "host", "7"), LOAD_RUN);
	ck_assert_double_eq(options.duration_s, 0);
}
END_TEST

START_TEST(every_mistake_is_told_with_what_is_allowed)
{
	ck_assert_int_eq(read_line("-c", "0", "-d", "x", "-n", "0", "-s", "0", "-r", "0", "--churn",
	    "x", "--threads", "257", "--timeout", "0", "--ramp", "x", "--idle", "-1", "--slow-read",
	    "0", "--fail-on", "x", "--hgrm", "", "--lost", "", "host", "7"), LOAD_WRONG);
	ck_assert_uint_eq(lines_told(), 14);
	ck_assert_ptr_nonnull(strstr(told, "--connections: '0' is not allowed; allowed: "
	                                   "a number from 1 to 100000\n"));
	ck_assert_ptr_nonnull(strstr(told, "--fail-on: 'x' is not allowed; allowed: clean, "));
	ck_assert_ptr_nonnull(strstr(told, "--hgrm: '' is not allowed; allowed: the path"));
	ck_assert_ptr_nonnull(strstr(told, "--lost: '' is not allowed; allowed: the path"));
}
END_TEST

START_TEST(wrong_options_and_arguments_are_told_too)
{
	ck_assert_int_eq(read_line("-Q", "--what", "--json=1", "host", "0", "more", "-c"),
	    LOAD_WRONG);
	ck_assert_uint_eq(lines_told(), 6);
	ck_assert_ptr_nonnull(strstr(told, "unknown option '-Q'"));
	ck_assert_ptr_nonnull(strstr(told, "unknown option '--what'"));
	ck_assert_ptr_nonnull(strstr(told, "'--json=1': this option takes no value"));
	ck_assert_ptr_nonnull(strstr(told, "port '0' is not allowed"));
	ck_assert_ptr_nonnull(strstr(told, "unexpected argument 'more'"));
	ck_assert_ptr_nonnull(strstr(told, "--connections needs a value; allowed: a number"));
}
END_TEST

START_TEST(one_mistake_is_enough_wherever_it_is)
{
	ck_assert_int_eq(read_line("-c", "0", "-n", "1", "host", "7"), LOAD_WRONG);
	ck_assert_int_eq(read_line("-n", "1", "-c", "0", "host", "7"), LOAD_WRONG);
	ck_assert_uint_eq(lines_told(), 1);
}
END_TEST

START_TEST(missing_arguments_are_told)
{
	ck_assert_int_eq(read_line("-c1"), LOAD_WRONG);
	ck_assert_ptr_nonnull(strstr(told, "a host and a port are needed"));
	ck_assert_int_eq(read_line("host"), LOAD_WRONG);
	ck_assert_ptr_nonnull(strstr(told, "a port is needed"));
}
END_TEST

START_TEST(connection_ends_in_one_way_only)
{
	ck_assert_int_eq(read_line("--half-close", "--reset-close", "host", "7"), LOAD_WRONG);
	ck_assert_ptr_nonnull(strstr(told, "only one of them is allowed"));
}
END_TEST

START_TEST(help_and_version_need_nothing_else)
{
	ck_assert_int_eq(read_line("-h"), LOAD_HELP);
	ck_assert_int_eq(read_line("--help"), LOAD_HELP);
	ck_assert_int_eq(read_line("-V"), LOAD_VERSION);
	ck_assert_int_eq(read_line("--version"), LOAD_VERSION);
	ck_assert_str_eq(told, "");
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *load_options_suite(void)
{
	Suite *suite = suite_create("load_options");
	TCase *values = tcase_create("values");
	TCase *line = tcase_create("line");

	tcase_add_test(values, sizes_have_units_and_ranges);
	tcase_add_loop_test(values, wrong_sizes_change_nothing, 0, COUNT(wrong_sizes));
	tcase_add_test(values, durations_have_units_and_fractions);
	tcase_add_loop_test(values, wrong_durations_change_nothing, 0, COUNT(wrong_durations));
	tcase_add_test(values, rate_is_a_number_or_rises_in_steps);
	tcase_add_loop_test(values, wrong_rates_change_nothing, 0, COUNT(wrong_rates));
	tcase_add_test(values, classes_are_listed_by_name);
	tcase_add_loop_test(values, wrong_classes_change_nothing, 0, COUNT(wrong_classes));
	tcase_add_test(line, host_and_port_are_enough);
	tcase_add_test(line, every_option_reaches_its_field);
	tcase_add_test(line, number_of_echoes_alone_sets_no_time);
	tcase_add_test(line, every_mistake_is_told_with_what_is_allowed);
	tcase_add_test(line, wrong_options_and_arguments_are_told_too);
	tcase_add_test(line, one_mistake_is_enough_wherever_it_is);
	tcase_add_test(line, missing_arguments_are_told);
	tcase_add_test(line, connection_ends_in_one_way_only);
	tcase_add_test(line, help_and_version_need_nothing_else);
	suite_add_tcase(suite, values);
	suite_add_tcase(suite, line);
	return suite;
}
