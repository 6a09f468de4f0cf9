/* SPDX-License-Identifier: ISC */
/* The reports of a load: what a person reads, what a program reads, and what cannot be written. */
#include "tests/suites.h"

#include "client/load.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static struct load_options options;
static struct load_result result;
static char said[16384];

static void set_up(void)
{
	options = (struct load_options){
		.host = "localhost", .port = "7", .connections = 2, .duration_s = 1.5,
		.size_least = 64, .size_most = 64, .threads = 1, .timeout_s = 5,
		.rate = { .steps = 1 }, .fail_on = 1u << LOAD_REFUSED | 1u << LOAD_NO_PORT,
	};
	memset(&result, 0, sizeof result);
	histogram_reset(&result.connect);
	histogram_reset(&result.echo);
	histogram_reset(&result.uncorrected);
	histogram_reset(&result.lateness);
	result.seconds = 2;
	result.load_seconds = 2;
	strcpy(result.from_address, "127.0.0.1:40000");
	strcpy(result.to_address, "127.0.0.1:7");
}

/* 100 echoes of 1 to 100 ms. */
static void hundred_echoes(void)
{
	result.echoes = 100;
	result.load_echoes = 100;
	result.echoes_per_s = 50;
	result.bytes_per_s = 3200;
	result.bytes_out = 6500;
	result.bytes_in = 6400;
	result.bytes_lost = 100;
	result.classes[LOAD_CLEAN] = 2;
	histogram_record(&result.connect, 250);
	for (unsigned i = 1; i <= 100; i++)
		histogram_record(&result.echo, i * 1000);
}

static void open_loop(void)
{
	options.rate = (struct load_rate){ .first = 50, .last = 50, .steps = 1 };
	result.rate_wanted = 50;
	result.rate_had = 49.5;
	result.rate_reached = true;
	histogram_record(&result.uncorrected, 3000);
	histogram_record(&result.lateness, 10);
}

/* Calls `report` with a stream taken away, and keeps in `said` what it wrote there. */
static int hear(FILE **stream,
    int (*report)(const struct load_options *, const struct load_result *))
{
	FILE *kept = *stream;
	FILE *heard = fmemopen(said, sizeof said, "w");
	int code;

	ck_assert_ptr_nonnull(heard);
	said[0] = '\0';
	*stream = heard;
	code = report(&options, &result);
	*stream = kept;
	fclose(heard);
	return code;
}

static void hear_text(void)
{
	ck_assert_int_eq(hear(&stdout, load_report_text), EX_OK);
}

#define ck_said(text) \
	ck_assert_msg(strstr(said, (text)) != NULL, "'%s' is not in:\n%s", (text), said)
#define ck_not_said(text) \
	ck_assert_msg(strstr(said, (text)) == NULL, "'%s' is in:\n%s", (text), said)

static void ck_said_in_80_columns(void)
{
	for (const char *at = said; *at != '\0'; at += strspn(at, "\n")) {
		size_t length = strcspn(at, "\n");

		ck_assert_msg(length <= 80, "%zu columns: %.*s", length, (int)length, at);
		at += length;
	}
}

/* ---- text ---- */

START_TEST(text_says_what_was_done_and_what_came_of_it)
{
	hundred_echoes();
	hear_text();
	ck_said("to           127.0.0.1:7 from 127.0.0.1:40000\n");
	ck_said("load         2 connections, 1 thread\n             messages of 64 bytes\n");
	ck_said("closed loop");
	ck_said("echoes       100 in 2.000 s: 50.0 echoes/s, 0.003 MB/s\n");
	ck_said("bytes        6500 out, 6400 in, 100 lost\n");
	ck_said("connections  2 clean\n");
}
END_TEST

START_TEST(text_has_the_echoes_and_the_time_that_the_rate_is_of)
{
	hundred_echoes();
	result.echoes = 103;
	result.seconds = 2.5;
	hear_text();
	ck_said("echoes       103 in 2.500 s\n"
	        "under load   100 in 2.000 s: 50.0 echoes/s, 0.003 MB/s\n");
	result.echoes = 100;
	hear_text();
	ck_said("echoes       100 in 2.500 s\n"
	        "under load   100 in 2.000 s: 50.0 echoes/s, 0.003 MB/s\n");
	result.seconds = 2.0004;
	hear_text();
	ck_said("echoes       100 in 2.000 s: 50.0 echoes/s, 0.003 MB/s\n");
	ck_not_said("under load");
}
END_TEST

START_TEST(text_has_a_table_of_latencies_in_milliseconds)
{
	hundred_echoes();
	hear_text();
	ck_said("time in ms            echo       connect\n");
	ck_said("p50                 50.015         0.250\n");
	ck_said("p99.99             100.000         0.250\n");
	ck_said("max                100.000         0.250\n");
	ck_said("mean                50.50"); /* of the middles of its steps */
	ck_said("stddev              28.866         0.000\n");
	ck_not_said("uncorrected");
	ck_not_said("longer than");
	histogram_record(&result.echo, 61000000);
	hear_text();
	ck_said("1 took longer than 60 s");
}
END_TEST

START_TEST(text_names_the_classes_that_occurred_and_clean_ones_always)
{
	result.classes[LOAD_RESET_AFTER] = 3;
	result.classes[LOAD_NO_PORT] = 1;
	hear_text();
	ck_said("connections  0 clean\n             3 reset-after\n             1 no-port\n");
	ck_not_said("refused");
	ck_not_said("idle");
	options.idle = 5;
	result.idle_lost = 2;
	hear_text();
	ck_said("idle         2 of 5 closed by the server\n");
}
END_TEST

START_TEST(text_of_the_open_loop_has_uncorrected_times_lateness_and_a_warning)
{
	hundred_echoes();
	open_loop();
	hear_text();
	ck_said("open loop: 50 echoes/s\n");
	ck_said("rate         49.5 of 50.0 echoes/s\n");
	ck_said("sent late by p50 0.010, p99 0.010, max 0.010 ms\n");
	ck_said("time in ms            echo   uncorrected       connect\n");
	ck_said("p50                 50.015         3.000         0.250\n");
	ck_not_said("WARNING");
	ck_not_said("not reached");
	result.rate_missed = true;
	result.rate_reached = false;
	hear_text();
	ck_said("WARNING      the rate was not held");
	ck_not_said("not reached");
	result.rate_missed = false;
	hear_text();
	ck_said("             not reached: the server was slower");
	options.slow_read = 1000;
	hear_text();
	ck_said("             not reached: answers were read slowly, as asked\n");
	ck_not_said("the server was slower");
}
END_TEST

START_TEST(text_counts_what_no_percentile_has_and_warns_when_it_is_much)
{
	hundred_echoes();
	result.echoes = 9900;
	result.timed_out = 1;
	hear_text();
	ck_said("not timed    1 timed out\n\n");
	ck_not_said("WARNING");
	result.unsent = 99;
	hear_text();
	ck_said("not timed    1 timed out\n             99 due, never sent\n\n");
	result.unsent = 1100;
	result.timed_out = 0;
	hear_text();
	ck_said("not timed    1100 due, never sent\n");
	ck_said("WARNING      the percentiles leave out 10.0% of the messages, the slowest\n");
}
END_TEST

START_TEST(text_without_any_connection_has_no_numbers_to_show)
{
	result.to_address[0] = '\0';
	result.seconds = 0;
	result.classes[LOAD_REFUSED] = 7;
	hear_text();
	ck_said("to           localhost port 7, never connected\n");
	ck_said("p50                      -             -\n");
	ck_not_said("nan");
	ck_not_said("#");
}
END_TEST

/* The longest that every part can be. */
START_TEST(text_fits_80_columns)
{
	memset(result.from_address, 'f', 26);
	memset(result.to_address, 't', 26);
	options.connections = options.threads = options.churn = options.idle = 99999;
	options.size_least = 1000000;
	options.size_most = 10000000;
	options.half_close = options.reset_close = options.lines = true;
	options.slow_read = 123456.5;
	options.ramp_s = 1234.5;
	open_loop();
	options.rate = (struct load_rate){ .first = 1000000, .last = 9999999, .steps = 1000 };
	result.rate_missed = true;
	result.seconds = 1e6;
	result.load_seconds = 1e6 - 1;
	result.echoes = result.load_echoes = UINT64_C(1000000000000);
	result.echoes_per_s = result.bytes_per_s = 9999999;
	result.timed_out = result.unsent = UINT64_C(1000000000000);
	result.bytes_out = result.bytes_in = result.bytes_lost = UINT64_C(1000000000000000);
	for (unsigned i = 0; i < LOAD_CLASSES; i++)
		result.classes[i] = UINT64_C(1000000000000);
	for (uint64_t us = 1; us < 600000000; us *= 2)
		histogram_record(&result.echo, us);
	hear_text();
	ck_said_in_80_columns();
	ck_said("open loop: 1000000 to 9999999 echoes/s in 1000 steps\n");
}
END_TEST

/* ---- bars ---- */

/* Adds up the counts of the bars, and counts the lines. */
static unsigned count_bars(uint64_t *sum)
{
	const char *at = strstr(said, "up to ms");
	unsigned bars = 0;

	ck_assert_ptr_nonnull(at);
	*sum = 0;
	while ((at = strchr(at, '\n') + 1) != NULL && *at != '\0') {
		char *end;

		strtod(at, &end);
		*sum += strtoull(end, NULL, 10);
		bars++;
	}
	return bars;
}

START_TEST(bars_count_every_echo)
{
	uint64_t sum;

	hundred_echoes();
	histogram_record(&result.echo, 0);
	histogram_record(&result.echo, 7);
	histogram_record(&result.echo, 90000000);
	hear_text();
	ck_assert_uint_eq(count_bars(&sum), 10);
	ck_assert_uint_eq(sum, 103);
}
END_TEST

START_TEST(bars_of_few_different_times_are_few)
{
	uint64_t sum;

	for (unsigned i = 0; i < 10; i++)
		histogram_record(&result.echo, 40);
	hear_text();
	ck_assert_uint_eq(count_bars(&sum), 1);
	ck_assert_uint_eq(sum, 10);
	ck_said("       0.040            10 100.00%  ####################################\n");
	histogram_record(&result.echo, 41);
	hear_text();
	ck_assert_uint_eq(count_bars(&sum), 2);
	ck_said("       0.040            10  90.91%");
	ck_said("       0.041             1   9.09%");
}
END_TEST

START_TEST(bar_of_a_rare_time_shows)
{
	for (unsigned i = 0; i < 100000; i++)
		histogram_record(&result.echo, 40);
	histogram_record(&result.echo, 4000);
	hear_text();
	ck_said("       4.000             1   0.00%  #\n");
}
END_TEST

START_TEST(bars_of_no_time_at_all_are_drawn)
{
	uint64_t sum;

	histogram_record(&result.echo, 0);
	hear_text();
	ck_assert_uint_eq(count_bars(&sum), 1);
	ck_assert_uint_eq(sum, 1);
}
END_TEST

/* ---- progress ---- */

static int progress_twice(const struct load_options *unused, const struct load_result *none)
{
	struct load_progress progress = {
		.elapsed_s = 3.9, .echoes = 9000, .rate = 3000, .p50 = 43, .p99 = 1234, .failures = 1,
	};

	(void)unused;
	(void)none;
	load_report_progress(&progress);
	load_report_progress(&progress);
	return EX_OK;
}

static int no_more_progress(const struct load_options *unused, const struct load_result *none)
{
	(void)unused;
	(void)none;
	load_report_progress(NULL);
	return EX_OK;
}

static int progress_in_a_stall(const struct load_options *unused, const struct load_result *none)
{
	struct load_progress progress = { .elapsed_s = 3, .echoes = 9000 };

	(void)unused;
	(void)none;
	load_report_progress(&progress);
	return EX_OK;
}

START_TEST(progress_has_no_times_where_nothing_came_back)
{
	hear(&stderr, progress_in_a_stall);
	ck_assert_str_eq(said, "\r3 s: 0 echoes/s, 0 failures\033[K");
}
END_TEST

START_TEST(progress_takes_the_place_of_the_last_and_is_cleared_once)
{
#define PROGRESS "\r3 s: 3000 echoes/s, p50 0.043 ms, p99 1.234 ms, 1 failure\033[K"
	hear(&stderr, progress_twice);
	ck_assert_str_eq(said, PROGRESS PROGRESS);
	hear(&stderr, no_more_progress);
	ck_assert_str_eq(said, "\r\033[K");
	hear(&stderr, no_more_progress);
	ck_assert_str_eq(said, "");
}
END_TEST

/* ---- JSON ---- */

static json_t *hear_json(void)
{
	json_error_t error;
	json_t *json;

	ck_assert_int_eq(hear(&stdout, load_report_json), EX_OK);
	ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
	json = json_loads(said, 0, &error);
	ck_assert_msg(json != NULL, "%s in %s", error.text, said);
	return json;
}

/* Unpacks and asserts that all is there with its type. */
#define unpack(json, ...) ck_assert_int_eq(json_unpack(json, __VA_ARGS__), 0)

START_TEST(json_has_what_came_of_it)
{
	int echoes, under_load, out, in, lost, clean, refused, p50, p99, most, first, count;
	double elapsed, rate;
	json_t *json;

	hundred_echoes();
	result.echoes = 103;
	result.classes[LOAD_REFUSED] = 4;
	json = hear_json();
	unpack(json, "{s:i,s:i,s:f,s:f,s:i,s:i,s:i,s:{s:i,s:i},s:{s:i,s:i,s:i,s:[[ii!]]},s:n,s:n,s:n}",
	    "echoes", &echoes, "load_echoes", &under_load, "elapsed_s", &elapsed, "echoes_per_s", &rate,
	    "out_bytes", &out, "in_bytes", &in, "lost_bytes", &lost,
	    "classes", "clean", &clean, "refused", &refused,
	    "echo", "p50_us", &p50, "p99_us", &p99, "max_us", &most,
	    "histogram_us", &first, &count, "rate", "uncorrected", "lateness");
	ck_assert_int_eq(echoes, 103);
	ck_assert_int_eq(under_load, 100);
	ck_assert(elapsed > 1.999 && elapsed < 2.001);
	ck_assert(rate > 49.99 && rate < 50.01);
	ck_assert_int_eq(out, in + lost);
	ck_assert_int_eq(clean, 2);
	ck_assert_int_eq(refused, 4);
	ck_assert_int_eq(p50, 50015);
	ck_assert_int_eq(most, 100000);
	ck_assert_int_eq(first, 1000);
	ck_assert_int_eq(count, 1);
	json_decref(json);
}
END_TEST

START_TEST(json_histogram_holds_every_value_once)
{
	json_t *json;
	json_t *steps;
	json_t *pair;
	size_t at;
	json_int_t sum = 0;
	json_int_t last = -1;

	hundred_echoes();
	histogram_record(&result.echo, 90000000);
	json = hear_json();
	unpack(json, "{s:{s:o}}", "echo", "histogram_us", &steps);
	json_array_foreach(steps, at, pair) {
		json_int_t first, count;

		unpack(pair, "[II!]", &first, &count);
		ck_assert_int_gt(first, last);
		last = first;
		sum += count;
	}
	ck_assert_int_eq(sum, 101);
	json_decref(json);
}
END_TEST

START_TEST(json_has_what_was_asked)
{
	const char *host, *first, *second;
	double duration, wanted;
	int missed, uncorrected, late;
	json_t *json;

	open_loop();
	json = hear_json();
	unpack(json, "{s:{s:s,s:f,s:n,s:n,s:[ss!]},s:{s:f,s:b},s:{s:i},s:{s:i}}",
	    "asked", "host", &host, "duration_s", &duration, "echoes", "churn",
	    "fail_on", &first, &second,
	    "rate", "wanted_per_s", &wanted, "missed", &missed,
	    "uncorrected", "max_us", &uncorrected, "lateness", "max_us", &late);
	ck_assert_str_eq(host, "localhost");
	ck_assert(duration > 1.49 && duration < 1.51);
	ck_assert_str_eq(first, "refused");
	ck_assert_str_eq(second, "no-port");
	ck_assert(wanted > 49.9 && wanted < 50.1);
	ck_assert_int_eq(missed, 0);
	ck_assert_int_eq(uncorrected, 3000);
	ck_assert_int_eq(late, 10);
	json_decref(json);
}
END_TEST

START_TEST(json_without_any_time_has_null_in_its_place)
{
	json_t *json = hear_json();

	unpack(json, "{s:{s:n,s:n,s:n,s:n,s:n,s:[!]}}", "echo", "min_us", "max_us", "mean_us",
	    "p50_us", "p99_99_us", "histogram_us");
	json_decref(json);
}
END_TEST

/* ---- what cannot be written ---- */

/* The report goes to /dev/full, its complaint to /dev/null. */
static int to_full(int (*report)(const struct load_options *, const struct load_result *))
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	stdout = fopen("/dev/full", "w");
	return report(&options, &result);
}

START_TEST(text_that_cannot_be_written_is_an_error)
{
	ck_assert_int_eq(to_full(load_report_text), EX_IOERR);
}
END_TEST

START_TEST(json_that_cannot_be_written_is_an_error)
{
	ck_assert_int_eq(to_full(load_report_json), EX_IOERR);
}
END_TEST

/* What could not be written before, though the disk has room again for what follows. */
static int after_a_loss(int (*report)(const struct load_options *, const struct load_result *))
{
	int full = open("/dev/full", O_WRONLY);

	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	stdout = fopen("/dev/null", "w");
	setvbuf(stdout, NULL, _IONBF, 0);
	ck_assert_int_ge(dup2(full, fileno(stdout)), 0);
	ck_assert_int_eq(putchar('x'), EOF);
	ck_assert_int_ge(dup2(fileno(stderr), fileno(stdout)), 0);
	close(full);
	return report(&options, &result);
}

START_TEST(report_of_which_a_part_was_lost_is_an_error)
{
	ck_assert_int_eq(after_a_loss(load_report_text), EX_IOERR);
	ck_assert_int_eq(after_a_loss(load_report_json), EX_IOERR);
}
END_TEST

START_TEST(hgrm_file_is_written)
{
	char name[] = "/tmp/check_load_report.XXXXXX";
	char header[32] = "";
	FILE *file;

	close(mkstemp(name));
	options.hgrm = name;
	hundred_echoes();
	ck_assert_int_eq(load_report_hgrm(&options, &result), EX_OK);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%31s", header), 1);
	ck_assert_str_eq(header, "Value");
	fclose(file);
	unlink(name);
}
END_TEST

START_TEST(hgrm_file_that_cannot_be_made_or_written_is_an_error)
{
	options.hgrm = "/nonexistent/file";
	ck_assert_int_eq(hear(&stderr, load_report_hgrm), EX_CANTCREAT);
	options.hgrm = "/dev/full";
	ck_assert_int_eq(hear(&stderr, load_report_hgrm), EX_IOERR);
}
END_TEST

Suite *load_report_suite(void)
{
	Suite *suite = suite_create("load_report");
	TCase *tcase = tcase_create("report");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, text_says_what_was_done_and_what_came_of_it);
	tcase_add_test(tcase, text_has_the_echoes_and_the_time_that_the_rate_is_of);
	tcase_add_test(tcase, text_has_a_table_of_latencies_in_milliseconds);
	tcase_add_test(tcase, text_names_the_classes_that_occurred_and_clean_ones_always);
	tcase_add_test(tcase, text_of_the_open_loop_has_uncorrected_times_lateness_and_a_warning);
	tcase_add_test(tcase, text_counts_what_no_percentile_has_and_warns_when_it_is_much);
	tcase_add_test(tcase, text_without_any_connection_has_no_numbers_to_show);
	tcase_add_test(tcase, text_fits_80_columns);
	tcase_add_test(tcase, bars_count_every_echo);
	tcase_add_test(tcase, bars_of_few_different_times_are_few);
	tcase_add_test(tcase, bar_of_a_rare_time_shows);
	tcase_add_test(tcase, bars_of_no_time_at_all_are_drawn);
	tcase_add_test(tcase, progress_has_no_times_where_nothing_came_back);
	tcase_add_test(tcase, progress_takes_the_place_of_the_last_and_is_cleared_once);
	tcase_add_test(tcase, json_has_what_came_of_it);
	tcase_add_test(tcase, json_histogram_holds_every_value_once);
	tcase_add_test(tcase, json_has_what_was_asked);
	tcase_add_test(tcase, json_without_any_time_has_null_in_its_place);
	tcase_add_test(tcase, text_that_cannot_be_written_is_an_error);
	tcase_add_test(tcase, json_that_cannot_be_written_is_an_error);
	tcase_add_test(tcase, report_of_which_a_part_was_lost_is_an_error);
	tcase_add_test(tcase, hgrm_file_is_written);
	tcase_add_test(tcase, hgrm_file_that_cannot_be_made_or_written_is_an_error);
	suite_add_tcase(suite, tcase);
	return suite;
}
