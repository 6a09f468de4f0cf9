/* SPDX-License-Identifier: ISC */
/*
 * The histogram against exact figures: random values of several distributions,
 * always the same ones, are recorded and sorted as well.
 */
#include "tests/suites.h"

#include "client/histogram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES 200000

static struct histogram histogram, other;

static void reset(void)
{
	histogram_reset(&histogram);
	histogram_reset(&other);
}

static void record(const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		histogram_record(&histogram, values[i]);
}

/* ---- random values ---- */

static uint64_t state;

/* xorshift64 (Marsaglia, 2003): between 0 and 1, neither of them. */
static double random_fraction(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

static double uniform(void)
{
	return random_fraction() * HISTOGRAM_MAX;
}

static double exponential(void)
{
	return -20000 * log(random_fraction());
}

/* Fast, but for one in fifty that met a stall. */
static double with_stalls(void)
{
	return random_fraction() < 0.98 ? 40 + 30 * random_fraction() : 200000 * random_fraction();
}

static double heavy_tailed(void)
{
	return fmin(HISTOGRAM_MAX, 50 * pow(random_fraction(), -1 / 0.8));
}

static double below_a_bucket(void)
{
	return random_fraction() * HISTOGRAM_SUB_BUCKETS;
}

static double (*const distributions[])(void) = { uniform, exponential, with_stalls, heavy_tailed,
	below_a_bucket };

#define DISTRIBUTIONS ((int)(sizeof distributions / sizeof distributions[0]))

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Records VALUES of a distribution; returns them in order of size, to be freed. */
static uint64_t *record_distribution(int which)
{
	uint64_t *values = calloc(VALUES, sizeof *values);

	ck_assert_ptr_nonnull(values);
	state = UINT64_C(88172645463325252) + (uint64_t)which;
	for (size_t i = 0; i < VALUES; i++)
		values[i] = (uint64_t)distributions[which]();
	record(values, VALUES);
	qsort(values, VALUES, sizeof *values, by_size);
	return values;
}

static void assert_within_a_thousandth(double got, double exact)
{
	ck_assert_msg(fabs(got - exact) <= exact / 1000, "%.3f instead of %.3f", got, exact);
}

/* ---- percentiles, mean and deviation ---- */

START_TEST(emptied_histogram_has_no_percentile)
{

	histogram_reset(&histogram);
	histogram_record(&histogram, 5000);
	histogram.counts[0] = histogram.total = 0; /* as a difference of two has it: most stays */
	ck_assert_uint_eq(histogram_percentile(&histogram, 50), 0);
	ck_assert_uint_eq(histogram_percentile(&histogram, 100), 0);
}
END_TEST

START_TEST(percentiles_are_exact_to_a_thousandth)
{
	static const unsigned in_hundredths[] = { 1, 100, 5000, 7500, 9000, 9900, 9990, 9999,
		10000 };
	uint64_t *values = record_distribution(_i);

	for (size_t i = 0; i < sizeof in_hundredths / sizeof in_hundredths[0]; i++) {
		size_t rank = ((size_t)VALUES * in_hundredths[i] + 9999) / 10000;
		uint64_t exact = values[rank - 1];
		uint64_t got = histogram_percentile(&histogram, in_hundredths[i] / 100.0);

		ck_assert_uint_ge(got, exact);
		assert_within_a_thousandth((double)got, (double)exact);
	}
	ck_assert_uint_eq(histogram.least, values[0]);
	ck_assert_uint_eq(histogram.most, values[VALUES - 1]);
	free(values);
}
END_TEST

START_TEST(mean_and_deviation_are_exact_to_a_thousandth)
{
	uint64_t *values = record_distribution(_i);
	double mean = 0, squares = 0;

	for (size_t i = 0; i < VALUES; i++)
		mean += (double)values[i] / VALUES;
	for (size_t i = 0; i < VALUES; i++)
		squares += ((double)values[i] - mean) * ((double)values[i] - mean);
	assert_within_a_thousandth(histogram_mean(&histogram), mean);
	assert_within_a_thousandth(histogram_deviation(&histogram), sqrt(squares / VALUES));
	free(values);
}
END_TEST

START_TEST(percentiles_never_fall)
{
	uint64_t before = 0;

	free(record_distribution(_i));
	for (unsigned i = 0; i <= 10000; i++) {
		uint64_t value = histogram_percentile(&histogram, i / 100.0);

		ck_assert_uint_ge(value, before);
		before = value;
	}
	ck_assert_uint_eq(before, histogram.most);
}
END_TEST

/* k of n, as a percentage, is the kth value, whatever the division left in the last place. */
START_TEST(rank_is_not_rounded_to_the_next)
{
	for (uint64_t n = 1; n <= 300; n++) {
		histogram_reset(&histogram);
		for (uint64_t value = 1; value <= n; value++)
			histogram_record(&histogram, value);
		for (uint64_t k = 1; k <= n; k++)
			ck_assert_uint_eq(
			    histogram_percentile(&histogram, 100.0 * (double)k / (double)n), k);
	}
}
END_TEST

/* Large values close together: a sum of squares would lose what tells them apart. */
START_TEST(deviation_is_not_lost_beside_a_large_mean)
{
	uint64_t step = histogram_step_first(HISTOGRAM_STEPS - 2048);
	uint64_t next = histogram_step_first(HISTOGRAM_STEPS - 2047);

	for (int i = 0; i < 1000000; i++)
		histogram_record(&histogram, i % 2 == 0 ? step : next);
	ck_assert_double_eq_tol(histogram_deviation(&histogram), (double)(next - step) / 2, 1e-6);
}
END_TEST

/* ---- edges ---- */

START_TEST(empty_one_says_zero)
{
	ck_assert_uint_eq(histogram.total, 0);
	ck_assert_uint_eq(histogram.least, UINT64_MAX);
	ck_assert_uint_eq(histogram_percentile(&histogram, 0), 0);
	ck_assert_uint_eq(histogram_percentile(&histogram, 99), 0);
	ck_assert_uint_eq(histogram_percentile(&histogram, 100), 0);
	ck_assert_double_eq(histogram_mean(&histogram), 0);
	ck_assert_double_eq(histogram_deviation(&histogram), 0);
}
END_TEST

START_TEST(one_value_is_every_percentile)
{
	static const uint64_t values[] = { 0, 1, 2047, 2048, 2049, 54321, HISTOGRAM_MAX };

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		histogram_reset(&histogram);
		histogram_record(&histogram, values[i]);
		ck_assert_uint_eq(histogram_percentile(&histogram, 0), values[i]);
		ck_assert_uint_eq(histogram_percentile(&histogram, 50), values[i]);
		ck_assert_uint_eq(histogram_percentile(&histogram, 100), values[i]);
		assert_within_a_thousandth(histogram_mean(&histogram), (double)values[i]);
		ck_assert_double_eq(histogram_deviation(&histogram), 0);
		ck_assert_uint_eq(histogram.over, 0);
	}
}
END_TEST

START_TEST(what_is_over_counts_as_the_largest_and_is_told)
{
	const uint64_t values[] = { 1000, HISTOGRAM_MAX, HISTOGRAM_MAX + 1u, UINT64_MAX };

	record(values, 4);
	ck_assert_uint_eq(histogram.total, 4);
	ck_assert_uint_eq(histogram.over, 2);
	ck_assert_uint_eq(histogram.most, UINT64_MAX);
	ck_assert_uint_eq(histogram_percentile(&histogram, 25), 1000);
	assert_within_a_thousandth((double)histogram_percentile(&histogram, 100), HISTOGRAM_MAX);
	assert_within_a_thousandth(histogram_mean(&histogram), (1000 + 3.0 * HISTOGRAM_MAX) / 4);
}
END_TEST

START_TEST(added_up_it_is_as_if_recorded_in_one)
{
	const uint64_t more[] = { 3, 700, 123456, HISTOGRAM_MAX + 5u };
	char *texts[2];
	size_t sizes[2];

	for (int sum = 0; sum < 2; sum++) {
		FILE *to = open_memstream(&texts[sum], &sizes[sum]);

		reset();
		free(record_distribution(1));
		for (size_t i = 0; i < 4; i++)
			histogram_record(sum ? &other : &histogram, more[i]);
		histogram_add(&histogram, &other);
		ck_assert_uint_eq(histogram.total, VALUES + 4);
		ck_assert_uint_eq(histogram.over, 1);
		ck_assert_uint_eq(histogram.most, HISTOGRAM_MAX + 5u);
		histogram_print_hgrm(&histogram, to);
		fprintf(to, "%ju\n", (uintmax_t)histogram.least);
		fclose(to);
	}
	ck_assert_str_eq(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
}
END_TEST

START_TEST(adding_an_empty_one_changes_nothing)
{
	histogram_record(&histogram, 5);
	histogram_add(&histogram, &other);
	ck_assert_uint_eq(histogram.total, 1);
	ck_assert_uint_eq(histogram.least, 5);
	ck_assert_uint_eq(histogram.most, 5);
}
END_TEST

/* ---- steps ---- */

START_TEST(steps_follow_one_another_without_gap_or_overlap)
{
	uint64_t next = 0;

	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++) {
		uint64_t first = histogram_step_first(step);
		uint64_t last = histogram_step_last(step);

		ck_assert_uint_eq(first, next);
		ck_assert_uint_ge(last, first);
		ck_assert_uint_le((last - first) * 1000, first);
		next = last + 1;
	}
	ck_assert_uint_gt(next, HISTOGRAM_MAX);
}
END_TEST

START_TEST(first_and_last_of_a_step_are_counted_in_it)
{
	for (unsigned step = 0; histogram_step_last(step) < HISTOGRAM_MAX; step++) {
		histogram_record(&histogram, histogram_step_first(step));
		histogram_record(&histogram, histogram_step_last(step));
		ck_assert_uint_eq(histogram.counts[step], 2);
	}
	ck_assert_uint_eq(histogram.over, 0);
}
END_TEST

/* ---- the .hgrm format ---- */

static void hgrm_is(const char *text)
{
	char *got;
	size_t size;
	FILE *to = open_memstream(&got, &size);

	histogram_print_hgrm(&histogram, to);
	fclose(to);
	ck_assert_str_eq(got, text);
	free(got);
}

/* As HdrHistogram 2.2 writes it for the same values. */
START_TEST(hgrm_is_as_hdrhistogram_writes_it)
{
	const uint64_t values[] = { 43, 43, 43, 43, 57, 57, 120, 1500, 5001, 250000 };

	record(values, 10);
	hgrm_is("       Value     Percentile TotalCount 1/(1-Percentile)\n"
		"\n"
		"       0.043 0.000000000000          4           1.00\n"
		"       0.043 0.100000000000          4           1.11\n"
		"       0.043 0.200000000000          4           1.25\n"
		"       0.043 0.300000000000          4           1.43\n"
		"       0.043 0.400000000000          4           1.67\n"
		"       0.057 0.500000000000          6           2.00\n"
		"       0.057 0.550000000000          6           2.22\n"
		"       0.057 0.600000000000          6           2.50\n"
		"       0.120 0.650000000000          7           2.86\n"
		"       0.120 0.700000000000          7           3.33\n"
		"       1.500 0.750000000000          8           4.00\n"
		"       1.500 0.775000000000          8           4.44\n"
		"       1.500 0.800000000000          8           5.00\n"
		"       5.003 0.825000000000          9           5.71\n"
		"       5.003 0.850000000000          9           6.67\n"
		"       5.003 0.875000000000          9           8.00\n"
		"       5.003 0.887500000000          9           8.89\n"
		"       5.003 0.900000000000          9          10.00\n"
		"     250.111 0.912500000000         10          11.43\n"
		"     250.111 1.000000000000         10\n"
		"#[Mean    =       25.696, StdDeviation   =       74.799]\n"
		"#[Max     =      250.111, Total count    =           10]\n"
		"#[Buckets =           16, SubBuckets     =         2048]\n");
}
END_TEST

START_TEST(hgrm_of_an_empty_one_has_no_lines)
{
	hgrm_is("       Value     Percentile TotalCount 1/(1-Percentile)\n"
		"\n"
		"#[Mean    =        0.000, StdDeviation   =        0.000]\n"
		"#[Max     =        0.000, Total count    =            0]\n"
		"#[Buckets =           16, SubBuckets     =         2048]\n");
}
END_TEST

START_TEST(hgrm_tells_a_maximum_that_is_over)
{
	histogram_record(&histogram, 75000000);
	hgrm_is("       Value     Percentile TotalCount 1/(1-Percentile)\n"
		"\n"
		"   60030.975 0.000000000000          1           1.00\n"
		"   60030.975 1.000000000000          1\n"
		"#[Mean    =    60014.592, StdDeviation   =        0.000]\n"
		"#[Max     =    75000.000, Total count    =            1]\n"
		"#[Buckets =           16, SubBuckets     =         2048]\n");
}
END_TEST

Suite *histogram_suite(void)
{
	Suite *suite = suite_create("histogram");
	TCase *tcase = tcase_create("histogram");

	tcase_add_checked_fixture(tcase, reset, NULL);
	tcase_add_loop_test(tcase, percentiles_are_exact_to_a_thousandth, 0, DISTRIBUTIONS);
	tcase_add_loop_test(tcase, mean_and_deviation_are_exact_to_a_thousandth, 0, DISTRIBUTIONS);
	tcase_add_loop_test(tcase, percentiles_never_fall, 0, DISTRIBUTIONS);
	tcase_add_test(tcase, emptied_histogram_has_no_percentile);
	tcase_add_test(tcase, rank_is_not_rounded_to_the_next);
	tcase_add_test(tcase, deviation_is_not_lost_beside_a_large_mean);
	tcase_add_test(tcase, empty_one_says_zero);
	tcase_add_test(tcase, one_value_is_every_percentile);
	tcase_add_test(tcase, what_is_over_counts_as_the_largest_and_is_told);
	tcase_add_test(tcase, added_up_it_is_as_if_recorded_in_one);
	tcase_add_test(tcase, adding_an_empty_one_changes_nothing);
	tcase_add_test(tcase, steps_follow_one_another_without_gap_or_overlap);
	tcase_add_test(tcase, first_and_last_of_a_step_are_counted_in_it);
	tcase_add_test(tcase, hgrm_is_as_hdrhistogram_writes_it);
	tcase_add_test(tcase, hgrm_of_an_empty_one_has_no_lines);
	tcase_add_test(tcase, hgrm_tells_a_maximum_that_is_over);
	suite_add_tcase(suite, tcase);
	return suite;
}
