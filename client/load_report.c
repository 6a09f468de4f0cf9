/* SPDX-License-Identifier: ISC */
/*
 * What a person reads of a load: a progress line while it lasts, a report of at
 * most 80 columns at the end, and the file for HdrHistogram's plotter.
 */
#include "client/load.h"

#include "common/standard.h"

#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

/* Lines of the bar histogram, and the length of its longest bar in characters. */
#define BARS 10
#define BAR_LENGTH 36

/* A time is shown to this fraction of a second. */
#define SHOWN_S 0.001

/* More than this part of the messages missing from the percentiles is worth a warning. */
#define UNTIMED_PART 0.01

/* A progress line stands on the terminal, without a newline. */
static bool progress_shown;

static double ms(double us)
{
	return us / 1000;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* A line of the report's first part. The label is empty where the one above goes on. */
static void __attribute__((format(printf, 2, 3))) line(const char *label, const char *format, ...)
{
	va_list arguments;

	printf("%-12s ", label);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

/* ---- what was done ---- */

static void print_loop(const struct load_rate *rate)
{
	if (rate->first <= 0)
		line("", "closed loop: a connection sends again when it has its answer");
	else if (rate->steps > 1)
		line("", "open loop: %.0f to %.0f echoes/s in %u steps", rate->first, rate->last,
		    rate->steps);
	else
		line("", "open loop: %.0f echoes/s", rate->first);
}

static void print_load(const struct load_options *options)
{
	char sizes[32];
	unsigned threads; /* none has nothing to do */

	if (options->size_least == options->size_most)
		snprintf(sizes, sizeof sizes, "%" PRIu32, options->size_least);
	else
		snprintf(sizes, sizeof sizes, "%" PRIu32 " to %" PRIu32, options->size_least,
		    options->size_most);
	threads = options->threads < options->connections ? options->threads
	                                                  : options->connections;
	line("load", "%u connection%s, %u thread%s", options->connections,
	    plural(options->connections), threads, plural(threads));
	line("", "messages of %s byte%s", sizes, plural(options->size_most));
	print_loop(&options->rate);
	if (options->ramp_s > 0)
		line("", "connections opened over %g s", options->ramp_s);
	if (options->churn > 0)
		line("", "connections replaced after %u echo%s", options->churn,
		    options->churn == 1 ? "" : "es");
	if (options->idle > 0)
		line("", "%u idle connection%s", options->idle, plural(options->idle));
	if (options->slow_read > 0)
		line("", "reads at most %g bytes/s on each connection", options->slow_read);
	if (options->half_close)
		line("", "closes its sending side before the last answer");
	if (options->lines)
		line("", "each message is a line");
	if (options->reset_close)
		line("", "ends connections by a reset");
}

static void print_addresses(const struct load_options *options, const struct load_result *result)
{
	if (result->to_address[0] == '\0')
		line("to", "%s port %s, never connected", options->host, options->port);
	else
		line("to", "%s from %s", result->to_address, result->from_address);
}

/* ---- what came of it ---- */

/* The rates are of the load alone; where that is not all there was, it has a line of its own. */
static void print_echoes(const struct load_result *result)
{
	bool is_all = result->load_echoes == result->echoes &&
	    result->seconds - result->load_seconds < SHOWN_S;

	if (!is_all)
		line("echoes", "%" PRIu64 " in %.3f s", result->echoes, result->seconds);
	line(is_all ? "echoes" : "under load", "%" PRIu64 " in %.3f s: %.1f echoes/s, %.3f MB/s",
	    result->load_echoes, result->load_seconds, result->echoes_per_s,
	    result->bytes_per_s / 1e6);
}

static void print_totals(const struct load_result *result)
{
	print_echoes(result);
	line("bytes", "%" PRIu64 " out, %" PRIu64 " in, %" PRIu64 " lost", result->bytes_out,
	    result->bytes_in, result->bytes_lost);
}

/* Clean ones always, for a zero there says much; of the others those that occurred. */
static void print_classes(const struct load_options *options, const struct load_result *result)
{
	line("connections", "%" PRIu64 " %s", result->classes[LOAD_CLEAN],
	    load_class_name(LOAD_CLEAN));
	for (unsigned class = LOAD_CLEAN + 1; class < LOAD_CLASSES; class++)
		if (result->classes[class] > 0)
			line("", "%" PRIu64 " %s", result->classes[class], load_class_name(class));
	if (options->idle > 0)
		line("idle", "%" PRIu64 " of %u closed by the server", result->idle_lost,
		    options->idle);
}

static void print_rate(const struct load_options *options, const struct load_result *result)
{
	const struct histogram *late = &result->lateness;

	line("rate", "%.1f of %.1f echoes/s", result->rate_had, result->rate_wanted);
	if (late->total > 0)
		line("sent late by", "p50 %.3f, p99 %.3f, max %.3f ms",
		    ms((double)histogram_percentile(late, 50)),
		    ms((double)histogram_percentile(late, 99)), ms((double)late->most));
	if (result->rate_missed)
		line("WARNING", "the rate was not held: more --threads, or a lower rate");
	else if (!result->rate_reached && options->slow_read > 0)
		line("", "not reached: answers were read slowly, as asked");
	else if (!result->rate_reached)
		line("", "not reached: the server was slower, on so many connections");
}

/* Stands beside the percentiles, which it makes too low when there is much of it. */
static void print_untimed(const struct load_result *result)
{
	double untimed = (double)result->timed_out + (double)result->unsent;
	double part = untimed / ((double)result->echoes + untimed);

	if (result->timed_out > 0)
		line("not timed", "%" PRIu64 " timed out", result->timed_out);
	if (result->unsent > 0)
		line(result->timed_out > 0 ? "" : "not timed", "%" PRIu64 " due, never sent",
		    result->unsent);
	if (part > UNTIMED_PART)
		line("WARNING", "the percentiles leave out %.1f%% of the messages, the slowest",
		    100 * part);
}

/* ---- the table of latencies ---- */

struct column {
	const char *title;
	const struct histogram *times;
};

/* Cells of a row: NAN stands for what no histogram without a value has. */
static void print_row(const char *label, const double *us, unsigned columns)
{
	printf("%-12s", label);
	for (unsigned i = 0; i < columns; i++)
		if (isnan(us[i]))
			printf(" %13s", "-");
		else
			printf(" %13.3f", ms(us[i]));
	putchar('\n');
}

static void print_percentile(const struct column *table, unsigned columns, double percent)
{
	char label[16];
	double us[3];

	for (unsigned i = 0; i < columns; i++)
		us[i] = table[i].times->total == 0 ? NAN :
		    (double)histogram_percentile(table[i].times, percent);
	snprintf(label, sizeof label, "p%g", percent);
	print_row(label, us, columns);
}

static void print_moments(const struct column *table, unsigned columns)
{
	double most[3], mean[3], deviation[3];

	for (unsigned i = 0; i < columns; i++) {
		const struct histogram *times = table[i].times;

		most[i] = times->total == 0 ? NAN : (double)times->most;
		mean[i] = times->total == 0 ? NAN : histogram_mean(times);
		deviation[i] = times->total == 0 ? NAN : histogram_deviation(times);
	}
	print_row("max", most, columns);
	print_row("mean", mean, columns);
	print_row("stddev", deviation, columns);
}

static void print_latencies(const struct load_options *options, const struct load_result *result)
{
	static const double percents[] = { 50, 75, 90, 99, 99.9, 99.99 };
	struct column closed[] = { { "echo", &result->echo }, { "connect", &result->connect } };
	struct column open[] = {
		{ "echo", &result->echo },
		{ "uncorrected", &result->uncorrected },
		{ "connect", &result->connect },
	};
	bool is_open = options->rate.first > 0;
	const struct column *table = is_open ? open : closed;
	unsigned columns = is_open ? 3 : 2;

	printf("\n%-12s", "time in ms");
	for (unsigned i = 0; i < columns; i++)
		printf(" %13s", table[i].title);
	putchar('\n');
	for (unsigned i = 0; i < sizeof percents / sizeof percents[0]; i++)
		print_percentile(table, columns, percents[i]);
	print_moments(table, columns);
	if (result->echo.over > 0)
		printf("%" PRIu64 " took longer than %u s; percentiles count them as that\n",
		    result->echo.over, HISTOGRAM_MAX / 1000000);
}

/* ---- the bars ---- */

struct bar {
	uint64_t last;  /* the longest time that belongs to it, in microseconds */
	uint64_t count; /* echoes */
};

/*
 * The range in steps of one ratio, so that a bar's width grows with its time:
 * what matters about a latency is how many times longer than usual it was.
 */
static unsigned divide(const struct histogram *times, struct bar *bars)
{
	double least = times->least > 0 ? (double)times->least : 1;
	double ratio = pow((double)times->most / least, 1.0 / BARS);
	unsigned count = 0;

	for (unsigned i = 1; i <= BARS; i++) {
		uint64_t last = i == BARS ? times->most : (uint64_t)(least * pow(ratio, i));

		if (count == 0 || last > bars[count - 1].last)
			bars[count++] = (struct bar){ .last = last };
	}
	return count;
}

static void fill(const struct histogram *times, struct bar *bars, unsigned count)
{
	unsigned bar = 0;

	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++) {
		if (times->counts[step] == 0)
			continue;
		while (bar + 1 < count && histogram_step_first(step) > bars[bar].last)
			bar++;
		bars[bar].count += times->counts[step];
	}
}

static void print_bars(const struct histogram *times)
{
	static const char marks[] = "####################################";
	struct bar bars[BARS];
	unsigned count = divide(times, bars);
	uint64_t largest = 1;

	fill(times, bars, count);
	for (unsigned i = 0; i < count; i++)
		largest = bars[i].count > largest ? bars[i].count : largest;
	printf("\n%12s %13s\n", "up to ms", "echoes");
	for (unsigned i = 0; i < count; i++) {
		double share = (double)bars[i].count / (double)largest;

		/* One that is rare shows all the same. */
		printf("%12.3f %13" PRIu64 " %6.2f%%  %.*s\n", ms((double)bars[i].last),
		    bars[i].count, 100 * (double)bars[i].count / (double)times->total,
		    (int)ceil(share * BAR_LENGTH), marks);
	}
}

/* ---- all of it ---- */

int load_report_text(const struct load_options *options, const struct load_result *result)
{
	print_addresses(options, result);
	print_load(options);
	print_totals(result);
	print_classes(options, result);
	if (options->rate.first > 0)
		print_rate(options, result);
	print_untimed(result);
	print_latencies(options, result);
	if (result->echo.total > 0)
		print_bars(&result->echo);
	return standard_printed();
}

/*
 * Seconds that are not over do not count: a line that is late is not that of the
 * next second. Where nothing came back there are no times.
 */
static void print_progress(const struct load_progress *progress)
{
	fprintf(stderr, "\r%.0f s: %.0f echoes/s, ", floor(progress->elapsed_s), progress->rate);
	if (progress->rate > 0)
		fprintf(stderr, "p50 %.3f ms, p99 %.3f ms, ", ms((double)progress->p50),
		    ms((double)progress->p99));
	fprintf(stderr, "%" PRIu64 " failure%s\033[K", progress->failures,
	    plural(progress->failures));
}

void load_report_progress(const struct load_progress *progress)
{
	if (progress != NULL)
		print_progress(progress);
	else if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = progress != NULL;
}

int load_report_hgrm(const struct load_options *options, const struct load_result *result)
{
	FILE *file = fopen(options->hgrm, "we");
	bool failed;

	if (file == NULL) {
		warn("%s", options->hgrm);
		return EX_CANTCREAT;
	}
	histogram_print_hgrm(&result->echo, file);
	failed = fflush(file) != 0 || ferror(file);
	if (failed)
		warn("%s", options->hgrm);
	if (fclose(file) != 0 && !failed) {
		warn("%s", options->hgrm);
		failed = true;
	}
	return failed ? EX_IOERR : EX_OK;
}
