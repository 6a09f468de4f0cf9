/* SPDX-License-Identifier: ISC */
/*
 * Recording is a handful of instructions without a branch that could be
 * guessed wrong: it happens for every echo. All that can be made from the
 * counts is made when it is asked for.
 */
#include "client/histogram.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define HALF (HISTOGRAM_SUB_BUCKETS / 2)

/* Lines of the .hgrm format each time the distance to 100 % has halved. */
#define TICKS_PER_HALF 5

#define US_PER_MS 1000.0

_Static_assert((HISTOGRAM_SUB_BUCKETS & (HISTOGRAM_SUB_BUCKETS - 1)) == 0, "a power of two");
_Static_assert(HALF >= 1000, "a step is at most a thousandth of its values");
_Static_assert(HISTOGRAM_SUB_BUCKETS * (UINT64_C(1) << (HISTOGRAM_BUCKETS - 1)) > HISTOGRAM_MAX &&
        HISTOGRAM_SUB_BUCKETS * (UINT64_C(1) << (HISTOGRAM_BUCKETS - 2)) <= HISTOGRAM_MAX,
    "as many buckets as the largest value needs");

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * A value keeps its 11 highest bits. How many are dropped is its bucket, and
 * what is kept is at least 1024 in all buckets but the first: added up, the
 * steps of one bucket follow those of the one before.
 */
static unsigned step_of(uint64_t value)
{
	uint64_t counted = smaller(value, HISTOGRAM_MAX);
	int bucket = __builtin_clzll(HISTOGRAM_SUB_BUCKETS - 1) -
	    __builtin_clzll(counted | (HISTOGRAM_SUB_BUCKETS - 1));

	return (unsigned)bucket * HALF + (unsigned)(counted >> bucket);
}

static unsigned bucket_of_step(unsigned step)
{
	return step < HISTOGRAM_SUB_BUCKETS ? 0 : step / HALF - 1;
}

uint64_t histogram_step_first(unsigned step)
{
	unsigned bucket = bucket_of_step(step);

	return (uint64_t)(step - bucket * HALF) << bucket;
}

uint64_t histogram_step_last(unsigned step)
{
	return histogram_step_first(step) + (UINT64_C(1) << bucket_of_step(step)) - 1;
}

/* The whole number in the middle, and the higher one of two. */
static double middle_of_step(unsigned step)
{
	uint64_t half = (UINT64_C(1) << bucket_of_step(step)) / 2;

	return (double)(histogram_step_first(step) + half);
}

void histogram_reset(struct histogram *histogram)
{
	memset(histogram, 0, sizeof *histogram);
	histogram->least = UINT64_MAX;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
	histogram->counts[step_of(value)]++;
	histogram->total++;
	histogram->over += value > HISTOGRAM_MAX;
	histogram->least = smaller(histogram->least, value);
	histogram->most = larger(histogram->most, value);
}

void histogram_add(struct histogram *histogram, const struct histogram *other)
{
	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++)
		histogram->counts[step] += other->counts[step];
	histogram->total += other->total;
	histogram->over += other->over;
	histogram->least = smaller(histogram->least, other->least);
	histogram->most = larger(histogram->most, other->most);
}

/*
 * Returns which value, in order of size and counted from 1, is the percentile.
 * 99.9 % of 1000 must be the 999th: what the arithmetic may have added to it,
 * less than four units in the last place, is taken off before rounding up.
 */
static uint64_t rank_of(double percent, uint64_t total)
{
	double rank = percent / 100.0 * (double)total;

	return (uint64_t)fmax(1.0, ceil(rank - rank * 4 * DBL_EPSILON));
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t rank = rank_of(percent, histogram->total);
	uint64_t seen = histogram->counts[0];
	unsigned step = 0;

	if (histogram->total == 0)
		return 0;
	while (seen < rank && step < HISTOGRAM_STEPS - 1)
		seen += histogram->counts[++step];
	return smaller(histogram_step_last(step), histogram->most);
}

double histogram_mean(const struct histogram *histogram)
{
	double sum = 0;

	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++)
		sum += (double)histogram->counts[step] * middle_of_step(step);
	return histogram->total > 0 ? sum / (double)histogram->total : 0;
}

/* Distances from the mean, and not squares of values, which would cancel each other out. */
double histogram_deviation(const struct histogram *histogram)
{
	double mean = histogram_mean(histogram);
	double squares = 0;

	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++) {
		double distance = middle_of_step(step) - mean;

		squares += (double)histogram->counts[step] * distance * distance;
	}
	return histogram->total > 0 ? sqrt(squares / (double)histogram->total) : 0;
}

/* ---- the .hgrm format ---- */

/* The percentiles that get a line: after every five of them the next ones are half as far apart. */
struct ticks {
	double percent; /* the next */
	double apart;
	unsigned left;  /* until the distance halves */
};

static void next_tick(struct ticks *ticks)
{
	ticks->percent += ticks->apart;
	if (--ticks->left == 0) {
		ticks->apart /= 2;
		ticks->left = TICKS_PER_HALF;
	}
}

static double in_ms(uint64_t us)
{
	return (double)us / US_PER_MS;
}

static void print_tick(FILE *to, uint64_t value, double percent, uint64_t seen)
{
	double fraction = percent / 100.0;

	fprintf(to, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", in_ms(value), fraction, seen,
	    1 / (1 - fraction));
}

/* All that a step reaches. The last value of all gets one line here, and then that of 100 %. */
static void print_step(FILE *to, const struct histogram *histogram, unsigned step, uint64_t seen,
    struct ticks *ticks)
{
	double reached = 100.0 * (double)seen / (double)histogram->total;
	bool last = seen == histogram->total;
	uint64_t value = histogram_step_last(step);

	while (ticks->percent <= reached) {
		print_tick(to, value, ticks->percent, seen);
		next_tick(ticks);
		if (last)
			break;
	}
	if (last)
		fprintf(to, "%12.3f %2.12f %10" PRIu64 "\n", in_ms(value), 1.0, seen);
}

static void print_footer(FILE *to, const struct histogram *histogram)
{
	/* As elsewhere in this format, the last value of the step; but what is over is told. */
	uint64_t most = larger(histogram_step_last(step_of(histogram->most)), histogram->most);

	fprintf(to, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
	    histogram_mean(histogram) / US_PER_MS, histogram_deviation(histogram) / US_PER_MS);
	fprintf(to, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", in_ms(most),
	    histogram->total);
	fprintf(to, "#[Buckets = %12d, SubBuckets     = %12d]\n", HISTOGRAM_BUCKETS,
	    HISTOGRAM_SUB_BUCKETS);
}

void histogram_print_hgrm(const struct histogram *histogram, FILE *to)
{
	struct ticks ticks = { .apart = 50.0 / TICKS_PER_HALF, .left = TICKS_PER_HALF };
	uint64_t seen = 0;

	fprintf(to, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
	    "1/(1-Percentile)");
	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++) {
		seen += histogram->counts[step];
		if (histogram->counts[step] > 0)
			print_step(to, histogram, step, seen, &ticks);
	}
	print_footer(to, histogram);
}
