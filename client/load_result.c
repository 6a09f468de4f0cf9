/* SPDX-License-Identifier: ISC */
#include "client/load_result.h"

#include "client/load_clock.h"

#include <stdlib.h>
#include <string.h>

/* The rate was reached when so much of it was had; if not, it was missed ... */
#define RATE_ENOUGH 0.99
/* ... by a thread that was busy for so much of the time; waiting is what a slow server causes. */
#define BUSY 0.95
/* Or when more than 1 % of the messages left so late by the instrument's own doing ... */
#define LATE_US 10000
/* ... of so many: of fewer, 1 % is not one. */
#define LATE_OF 100
/* ... or it was away for so long at once: few messages may then speak of it. */
#define STALL_US 50000

static void add_counts(struct load_result *to, const struct load_result *from)
{
	to->echoes += from->echoes;
	to->timed_out += from->timed_out;
	to->unsent += from->unsent;
	to->bytes_out += from->bytes_out;
	to->bytes_in += from->bytes_in;
	to->bytes_lost += from->bytes_lost;
	to->idle_lost += from->idle_lost;
	for (unsigned class = 0; class < LOAD_CLASSES; class++)
		to->classes[class] += from->classes[class];
}

/* ---- progress ---- */

static uint64_t failures(const struct load_result *result)
{
	uint64_t count = 0;

	for (unsigned class = 0; class < LOAD_CLASSES; class++)
		count += class != LOAD_CLEAN ? result->classes[class] : 0;
	return count;
}

/* Leaves what was recorded after `before`, for percentiles; sums and extremes stay. */
static void leave_new(struct histogram *histogram, const struct histogram *before)
{
	for (unsigned step = 0; step < HISTOGRAM_STEPS; step++)
		histogram->counts[step] -= before->counts[step];
	histogram->total -= before->total;
}

void load_result_progress(struct load_thread *const *threads, unsigned count,
    struct load_past *past, void (*tell)(const struct load_progress *progress))
{
	static struct load_result total;
	static struct histogram recent;
	struct load_progress progress;
	int64_t now = load_clock();

	total = (struct load_result){ 0 };
	histogram_reset(&total.echo);
	for (unsigned i = 0; i < count; i++) {
		pthread_mutex_lock(&threads[i]->lock);
		add_counts(&total, &threads[i]->result);
		histogram_add(&total.echo, &threads[i]->result.echo);
		pthread_mutex_unlock(&threads[i]->lock);
	}
	recent = total.echo;
	leave_new(&recent, &past->total.echo);
	progress = (struct load_progress){
		.elapsed_s = (double)(now - threads[0]->shared->start) / (double)LOAD_NS_PER_S,
		.echoes = total.echoes,
		.rate = (double)(total.echoes - past->total.echoes) *
		    (double)LOAD_NS_PER_S / (double)(now - past->at),
		.p50 = histogram_percentile(&recent, 50),
		.p99 = histogram_percentile(&recent, 99),
		.failures = failures(&total),
	};
	past->at = now;
	past->total = total;
	tell(&progress);
}

/* ---- the end ---- */

static void add(struct load_result *to, const struct load_result *from)
{
	add_counts(to, from);
	histogram_add(&to->connect, &from->connect);
	histogram_add(&to->echo, &from->echo);
	histogram_add(&to->uncorrected, &from->uncorrected);
	histogram_add(&to->lateness, &from->lateness);
	if (to->to_address[0] == '\0') {
		memcpy(to->from_address, from->from_address, sizeof to->from_address);
		memcpy(to->to_address, from->to_address, sizeof to->to_address);
	}
}

/* How long the schedule of a thread went on, in nanoseconds. */
static int64_t scheduled(const struct load_thread *thread)
{
	return thread->ended > thread->begins ? thread->ended - thread->begins : 0;
}

/* Echoes a second that the schedule asked for in that time; no more than -n in all. */
static double rate_wanted(const struct load_shared *shared, int64_t span)
{
	const struct load_options *options = shared->options;
	double count = load_schedule_count(&shared->schedule, span);

	if (shared->schedule.steps == 1)
		return options->rate.first;
	if (options->echoes > 0 && count > (double)options->echoes)
		count = (double)options->echoes;
	return span > 0 ? count * (double)LOAD_NS_PER_S / (double)span : 0;
}

static bool was_busy(const struct load_thread *thread)
{
	return (double)thread->busy > BUSY * (double)scheduled(thread);
}

/* The time that so many messages have in the schedule: the last one has an interval too. */
static int64_t span_of(const struct load_shared *shared, uint64_t messages)
{
	return load_schedule_time(&shared->schedule, messages);
}

static bool was_late(const struct histogram *lateness)
{
	return (lateness->total >= LATE_OF && histogram_percentile(lateness, 99) > LATE_US) ||
	    lateness->most > STALL_US;
}

static void judge_rate(struct load_thread *const *threads, unsigned count,
    struct load_result *result)
{
	int64_t span = span_of(threads[0]->shared, result->echoes);
	bool busy = false;

	for (unsigned i = 0; i < count; i++) {
		span = scheduled(threads[i]) > span ? scheduled(threads[i]) : span;
		busy = busy || was_busy(threads[i]);
	}
	result->rate_wanted = rate_wanted(threads[0]->shared, span);
	result->rate_had = span > 0 ?
	    (double)result->echoes * (double)LOAD_NS_PER_S / (double)span : 0;
	result->rate_reached = result->rate_had >= RATE_ENOUGH * result->rate_wanted;
	result->rate_missed = (busy && !result->rate_reached) || was_late(&result->lateness);
}

/* What comes back when nothing is sent any more takes longer, or shorter, than under load. */
static void take_rates(struct load_thread *const *threads, unsigned count,
    struct load_result *result)
{
	int64_t ended = threads[0]->shared->start;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < count; i++) {
		ended = threads[i]->ended > ended ? threads[i]->ended : ended;
		result->load_echoes += threads[i]->echoes_at_end;
		bytes += threads[i]->bytes_at_end;
	}
	result->load_seconds = (double)(ended - threads[0]->shared->start) / (double)LOAD_NS_PER_S;
	if (result->load_seconds <= 0)
		return;
	result->echoes_per_s = (double)result->load_echoes / result->load_seconds;
	result->bytes_per_s = (double)bytes / result->load_seconds;
}

void load_result_gather(struct load_thread *const *threads, unsigned count,
    struct load_result *result)
{
	const struct load_shared *shared = threads[0]->shared;

	*result = (struct load_result){ 0 };
	histogram_reset(&result->connect);
	histogram_reset(&result->echo);
	histogram_reset(&result->uncorrected);
	histogram_reset(&result->lateness);
	for (unsigned i = 0; i < count; i++)
		add(result, &threads[i]->result);
	result->seconds = (double)(load_clock() - shared->start) / (double)LOAD_NS_PER_S;
	take_rates(threads, count, result);
	if (shared->options->rate.first > 0)
		judge_rate(threads, count, result);
	else
		result->uncorrected = result->echo;
}

bool load_result_is_balanced(const struct load_result *result)
{
	return result->bytes_out == result->bytes_in + result->bytes_lost;
}
