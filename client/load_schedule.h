/* SPDX-License-Identifier: ISC */
/*
 * When the messages of an open loop are meant to be sent: message k of all at
 * a fixed moment, whatever happened to those before it. A schedule is a
 * function, so a message that could not be sent in time keeps its moment
 * without being stored anywhere. Pure; times are nanoseconds from its start.
 */
#ifndef CLIENT_LOAD_SCHEDULE_H
#define CLIENT_LOAD_SCHEDULE_H

#include "client/load.h"

/* The most steps that a rate can rise in. */
#define LOAD_STEPS_MAX 100

struct load_schedule {
	unsigned steps;                   /* of equal length */
	double length_s;                  /* of one; after the last its rate goes on */
	double rates[LOAD_STEPS_MAX];     /* messages a second, in each */
	double before[LOAD_STEPS_MAX];    /* messages in all the steps before it */
};

/*
 * Lays out a rate over `duration_s` or, where that is 0, over the time in which
 * it makes `messages`.
 */
void load_schedule_plan(struct load_schedule *schedule, const struct load_rate *rate,
    double duration_s, uint64_t messages);

/* Returns the moment of message `number`, which counts from 0; the first is at 0. */
int64_t load_schedule_time(const struct load_schedule *schedule, uint64_t number);

/* Returns how many messages have their moment before `time_ns`. */
uint64_t load_schedule_due(const struct load_schedule *schedule, int64_t time_ns);

/*
 * Returns how many messages, and which part of one, there should have been in
 * the first `time_ns`.
 */
double load_schedule_count(const struct load_schedule *schedule, int64_t time_ns);

#endif
