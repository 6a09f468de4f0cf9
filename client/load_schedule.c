/* SPDX-License-Identifier: ISC */
#include "client/load_schedule.h"

#define NS_PER_S 1e9

static double rate_of_step(const struct load_rate *rate, unsigned step)
{
	if (rate->steps < 2)
		return rate->first;
	return rate->first + (rate->last - rate->first) * step / (rate->steps - 1);
}

void load_schedule_plan(struct load_schedule *schedule, const struct load_rate *rate,
    double duration_s, uint64_t messages)
{
	double mean = rate->steps < 2 ? rate->first : (rate->first + rate->last) / 2;
	double before = 0;

	if (duration_s <= 0)
		duration_s = (double)messages / mean;
	schedule->steps = rate->steps < 2 ? 1 : rate->steps;
	schedule->length_s = duration_s / schedule->steps;
	for (unsigned i = 0; i < schedule->steps; i++) {
		schedule->rates[i] = rate_of_step(rate, i);
		schedule->before[i] = before;
		before += schedule->rates[i] * schedule->length_s;
	}
}

int64_t load_schedule_time(const struct load_schedule *schedule, uint64_t number)
{
	unsigned step = schedule->steps - 1;
	double into;

	while (step > 0 && (double)number < schedule->before[step])
		step--;
	into = ((double)number - schedule->before[step]) / schedule->rates[step];
	return (int64_t)((step * schedule->length_s + into) * NS_PER_S);
}

/* The count is right but for what rounding does to the last one. */
uint64_t load_schedule_due(const struct load_schedule *schedule, int64_t time_ns)
{
	uint64_t due;

	if (time_ns <= 0)
		return 0;
	due = (uint64_t)load_schedule_count(schedule, time_ns);
	while (load_schedule_time(schedule, due) < time_ns)
		due++;
	while (due > 0 && load_schedule_time(schedule, due - 1) >= time_ns)
		due--;
	return due;
}

double load_schedule_count(const struct load_schedule *schedule, int64_t time_ns)
{
	double time_s = (double)time_ns / NS_PER_S;
	unsigned step = schedule->steps - 1;

	while (step > 0 && time_s < step * schedule->length_s)
		step--;
	return schedule->before[step] +
	    (time_s - step * schedule->length_s) * schedule->rates[step];
}
