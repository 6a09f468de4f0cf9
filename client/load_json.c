/* SPDX-License-Identifier: ISC */
/*
 * What a program reads of a load: one object of JSON in one line, with keys that
 * stay as echo-load.schema.json has them. Units are in the keys' names.
 */
#include "client/load.h"

#include "common/standard.h"

#include <err.h>
#include <jansson.h>
#include <stdio.h>
#include <sysexits.h>

/* Changes when a key changes its meaning or goes; new ones may come without. */
#define FORMAT 1

/* Digits of a number with a fraction: more than any clock has. */
#define PRECISION 12

/* Where a function here returns NULL, memory was short; json_pack() passes that on. */

/* A value that is not there when nothing was recorded, or nothing was asked for. */
static json_t *integer_if(bool there, uint64_t value)
{
	return there ? json_integer((json_int_t)value) : json_null();
}

static json_t *real_if(bool there, double value)
{
	return there ? json_real(value) : json_null();
}

/* Only the steps that hold something: [first value, count] of each. */
static json_t *steps_json(const struct histogram *times)
{
	json_t *steps = json_array();

	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++) {
		json_t *pair;

		if (times->counts[step] == 0)
			continue;
		pair = json_pack("[I,I]", (json_int_t)histogram_step_first(step),
		    (json_int_t)times->counts[step]);
		if (json_array_append_new(steps, pair) < 0) {
			json_decref(steps);
			return NULL;
		}
	}
	return steps;
}

static json_t *percentile(const struct histogram *times, double percent)
{
	return integer_if(times->total > 0, histogram_percentile(times, percent));
}

static json_t *times_json(const struct histogram *times)
{
	bool any = times->total > 0;

	return json_pack("{s:I,s:I, s:o,s:o,s:o,s:o, s:o,s:o,s:o,s:o,s:o,s:o, s:o}",
	    "count", (json_int_t)times->total,
	    "over", (json_int_t)times->over,
	    "min_us", integer_if(any, times->least),
	    "max_us", integer_if(any, times->most),
	    "mean_us", real_if(any, histogram_mean(times)),
	    "stddev_us", real_if(any, histogram_deviation(times)),
	    "p50_us", percentile(times, 50),
	    "p75_us", percentile(times, 75),
	    "p90_us", percentile(times, 90),
	    "p99_us", percentile(times, 99),
	    "p99_9_us", percentile(times, 99.9),
	    "p99_99_us", percentile(times, 99.99),
	    "histogram_us", steps_json(times));
}

/* The names of the classes whose bits are set. */
static json_t *fail_on_json(uint32_t fail_on)
{
	json_t *names = json_array();

	for (unsigned class = 0; class < LOAD_CLASSES; class++)
		if ((fail_on & 1u << class) != 0 &&
		    json_array_append_new(names, json_string(load_class_name(class))) < 0) {
			json_decref(names);
			return NULL;
		}
	return names;
}

static json_t *asked_rate_json(const struct load_rate *rate)
{
	if (rate->first <= 0)
		return json_null();
	return json_pack("{s:f,s:f,s:I}", "first_per_s", rate->first, "last_per_s", rate->last,
	    "steps", (json_int_t)rate->steps);
}

static json_t *asked_json(const struct load_options *options)
{
	return json_pack(
	    "{s:s,s:s, s:I,s:I, s:o,s:o, s:I,s:I, s:o,s:o, s:f,s:f, s:I, s:b,s:o,s:b,s:b, s:o}",
	    "host", options->host,
	    "port", options->port,
	    "connections", (json_int_t)options->connections,
	    "threads", (json_int_t)options->threads,
	    "duration_s", real_if(options->duration_s > 0, options->duration_s),
	    "echoes", integer_if(options->echoes > 0, options->echoes),
	    "size_min_bytes", (json_int_t)options->size_least,
	    "size_max_bytes", (json_int_t)options->size_most,
	    "rate", asked_rate_json(&options->rate),
	    "churn", integer_if(options->churn > 0, options->churn),
	    "timeout_s", options->timeout_s,
	    "ramp_s", options->ramp_s,
	    "idle", (json_int_t)options->idle,
	    "half_close", options->half_close,
	    "slow_read_bytes_per_s", real_if(options->slow_read > 0, options->slow_read),
	    "lines", options->lines,
	    "reset_close", options->reset_close,
	    "fail_on", fail_on_json(options->fail_on));
}

static json_t *classes_json(const struct load_result *result)
{
	json_t *classes = json_object();

	for (unsigned class = 0; class < LOAD_CLASSES; class++)
		if (json_object_set_new(classes, load_class_name(class),
			json_integer((json_int_t)result->classes[class])) < 0) {
			json_decref(classes);
			return NULL;
		}
	return classes;
}

static json_t *rate_json(const struct load_options *options, const struct load_result *result)
{
	if (options->rate.first <= 0)
		return json_null();
	return json_pack("{s:f,s:f,s:b}", "wanted_per_s", result->rate_wanted,
	    "had_per_s", result->rate_had, "missed", result->rate_missed);
}

static json_t *result_json(const struct load_options *options, const struct load_result *result)
{
	bool open = options->rate.first > 0;

	return json_pack(
	    "{s:i,s:s, s:o, s:s,s:s, s:f,s:f, s:I,s:I,s:f,s:I,s:I, s:I,s:I,s:I, s:o,s:I, s:o, "
	    "s:o,s:o,s:o,s:o}",
	    "format", FORMAT,
	    "version", ECHO_VERSION,
	    "asked", asked_json(options),
	    "from", result->from_address,
	    "to", result->to_address,
	    "elapsed_s", result->seconds,
	    "load_s", result->load_seconds,
	    "load_echoes", (json_int_t)result->load_echoes,
	    "echoes", (json_int_t)result->echoes,
	    "echoes_per_s", result->echoes_per_s,
	    "timed_out", (json_int_t)result->timed_out,
	    "unsent", (json_int_t)result->unsent,
	    "out_bytes", (json_int_t)result->bytes_out,
	    "in_bytes", (json_int_t)result->bytes_in,
	    "lost_bytes", (json_int_t)result->bytes_lost,
	    "classes", classes_json(result),
	    "idle_lost", (json_int_t)result->idle_lost,
	    "rate", rate_json(options, result),
	    "connect", times_json(&result->connect),
	    "echo", times_json(&result->echo),
	    "uncorrected", open ? times_json(&result->uncorrected) : json_null(),
	    "lateness", open ? times_json(&result->lateness) : json_null());
}

int load_report_json(const struct load_options *options, const struct load_result *result)
{
	json_t *json = result_json(options, result);
	bool is_whole;
	int code;

	is_whole = json != NULL &&
	    json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(PRECISION)) == 0 &&
	    putchar('\n') != EOF;
	json_decref(json);
	code = standard_printed();
	if (code == EX_OK && !is_whole) {
		warnx("no memory for the report");
		code = EX_OSERR;
	}
	return code;
}
