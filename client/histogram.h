/* SPDX-License-Identifier: ISC */
/*
 * A histogram of times with three significant digits over a wide range, in
 * fixed memory: the log-linear layout of HdrHistogram (Gil Tene,
 * https://hdrhistogram.org). Values below 2048 have a step each; from there on
 * each power of two, a "bucket", is divided into 1024 equal steps, so that no
 * value is off by more than one in a thousand. Pure, but for the printing.
 *
 * It is about 140 KB large: too much for a thread's stack.
 */
#ifndef CLIENT_HISTOGRAM_H
#define CLIENT_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

/* The largest value that is told from larger ones: a minute, in microseconds. */
#define HISTOGRAM_MAX 60000000u

/* HdrHistogram's words: the first bucket has all of its sub-buckets, each other one half. */
#define HISTOGRAM_BUCKETS 16
#define HISTOGRAM_SUB_BUCKETS 2048
#define HISTOGRAM_STEPS ((HISTOGRAM_BUCKETS + 1) * HISTOGRAM_SUB_BUCKETS / 2)

struct histogram {
	uint64_t counts[HISTOGRAM_STEPS];
	uint64_t total;     /* values recorded */
	uint64_t over;      /* of them, larger than HISTOGRAM_MAX, counted as that */
	uint64_t least;     /* exact; UINT64_MAX when there is none */
	uint64_t most;      /* exact, also where it is over; 0 when there is none */
};

/* Makes it empty. One that was never made empty, all zero, is not valid. */
void histogram_reset(struct histogram *histogram);

/* Records a value, in microseconds. */
void histogram_record(struct histogram *histogram, uint64_t value);

/* Adds all that `other` has recorded. */
void histogram_add(struct histogram *histogram, const struct histogram *other);

/*
 * Returns the value at or below which `percent` (0 to 100) of those recorded
 * lie, the highest that its step stands for, but never more than the largest
 * recorded; 0 when there is none.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

/*
 * Mean and standard deviation (of all that was recorded, not of a sample), in
 * microseconds; 0 when there is none. They are made from the counts, each
 * value taken as the middle of its step, as HdrHistogram does.
 */
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);

/*
 * Writes the percentile distribution in the text format that HdrHistogram's
 * plotter reads (Value Percentile TotalCount 1/(1-Percentile), and its footer),
 * line by line as its outputPercentileDistribution() does with five ticks per
 * half distance; only a digit cut off exactly in the middle goes to the even
 * one here, and up there. Values are in milliseconds. Errors are left in `to`,
 * for ferror(3).
 */
void histogram_print_hgrm(const struct histogram *histogram, FILE *to);

/* ---- for those that list the steps ---- */

/* The first and the last value of a step, which is below HISTOGRAM_STEPS. */
uint64_t histogram_step_first(unsigned step);
uint64_t histogram_step_last(unsigned step);

#endif
