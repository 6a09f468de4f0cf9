/* SPDX-License-Identifier: ISC */
#include "client/load_thread.h"

#include "client/load_clock.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* So many events are taken at a time ... */
#define EVENTS 64

/* ... and so many connections begun or given up, before the others are looked at again. */
#define DELAYS_PER_TURN 64

/* How long after the ramp the schedule waits for connections that are still connecting. */
#define OPENING (1 * LOAD_NS_PER_S)

/* In the open loop nobody waits longer: being stopped shows by a wait that was longer still. */
#define LONGEST_WAIT (10 * LOAD_NS_PER_MS)

/* Being away for less is the usual work of a turn, and not worth a record. */
#define STALL_LEAST LOAD_NS_PER_MS

/* Slow readers get an allowance so often, unless it would be less than a byte or too large. */
#define READS_PER_S 100

/* The connection that a delay is part of. */
#define CONNECTION_OF(delay, member)                                                               \
	((struct load_connection *)(void *)((char *)(delay) -                                      \
	                                    offsetof(struct load_connection, member)))

static int64_t earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* ---- preparing ---- */

/* Where the share of one thread of `all` begins. */
static unsigned share(unsigned all, unsigned index, unsigned threads)
{
	return (unsigned)((uint64_t)all * index / threads);
}

/*
 * Each connection sends as many as the others, or one more: those that a
 * schedule has for it. So threads end at the same time, however many they have.
 */
static uint64_t share_of_echoes(const struct load_thread *thread)
{
	uint64_t all = thread->options->echoes;
	uint64_t more = all % thread->options->connections; /* the first so many send one more */

	if (all == 0)
		return UINT64_MAX;
	more = more > thread->first ? more - thread->first : 0;
	if (more > thread->talking)
		more = thread->talking;
	return all / thread->options->connections * thread->talking + more;
}

static void init_delays(struct load_thread *thread)
{
	static const int64_t pauses_ms[LOAD_PAUSES] = { 0, 1, 10, 100 };

	delays_init(&thread->timeouts, load_nanoseconds(thread->options->timeout_s));
	for (unsigned i = 0; i < LOAD_PAUSES; i++)
		delays_init(&thread->pauses[i], pauses_ms[i] * LOAD_NS_PER_MS);
}

/* An allowance is of whole bytes, and comes when these have taken their time at that rate. */
static void init_slow_reading(struct load_thread *thread)
{
	double slow = thread->options->slow_read;
	double piece = floor(slow / READS_PER_S);

	if (piece > (double)sizeof thread->io.bytes)
		piece = (double)sizeof thread->io.bytes;
	thread->io.slow = slow > 0;
	thread->io.piece = piece >= 1 ? (size_t)piece : 1;
	delays_init(&thread->reads,
	    slow > 0 ? load_nanoseconds((double)thread->io.piece / slow) : 0);
}

static void init_results(struct load_result *result)
{
	histogram_reset(&result->connect);
	histogram_reset(&result->echo);
	histogram_reset(&result->uncorrected);
	histogram_reset(&result->lateness);
}

static int open_descriptors(struct load_thread *thread)
{
	struct epoll_event event = { .events = EPOLLIN };

	thread->io.epoll = epoll_create1(EPOLL_CLOEXEC);
	thread->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (thread->io.epoll < 0 || thread->wake < 0)
		return -1;
	return epoll_ctl(thread->io.epoll, EPOLL_CTL_ADD, thread->wake, &event);
}

static int init_connections(struct load_thread *thread)
{
	const struct load_options *options = thread->options;

	thread->first = share(options->connections, thread->index, thread->threads);
	thread->talking = share(options->connections, thread->index + 1, thread->threads) -
	    thread->first;
	thread->total = thread->talking + share(options->idle, thread->index + 1, thread->threads) -
	    share(options->idle, thread->index, thread->threads);
	thread->untried = thread->total;
	thread->quota = share_of_echoes(thread);
	thread->next_number = thread->first;
	thread->connections = calloc(thread->total, sizeof *thread->connections);
	if (thread->connections == NULL)
		return -1;
	for (unsigned i = 0; i < thread->total; i++) {
		thread->connections[i].fd = -1;
		thread->connections[i].says_nothing = i >= thread->talking;
		thread->connections[i].number = thread->first + i;
	}
	return 0;
}

int load_thread_init(struct load_thread *thread, struct load_shared *shared, unsigned index,
    unsigned threads)
{
	thread->shared = shared;
	thread->options = shared->options;
	thread->index = index;
	thread->threads = threads;
	thread->sequence = index;
	thread->random = index + 1;
	thread->begins = INT64_MAX;
	thread->ends = INT64_MAX;
	thread->io.epoll = -1;
	thread->io.lines = thread->options->lines;
	thread->wake = -1;
	pthread_mutex_init(&thread->lock, NULL);
	init_delays(thread);
	init_slow_reading(thread);
	init_results(&thread->result);
	if (init_connections(thread) < 0)
		return -1;
	return open_descriptors(thread);
}

void load_thread_free(struct load_thread *thread)
{
	if (thread->io.epoll >= 0)
		close(thread->io.epoll);
	if (thread->wake >= 0)
		close(thread->wake);
	pthread_mutex_destroy(&thread->lock);
	free(thread->connections);
}

void load_thread_wake(struct load_thread *thread)
{
	eventfd_write(thread->wake, 1);
}

void load_thread_refused(struct load_thread *thread, const char *call, int error)
{
	int none = 0;

	if (atomic_compare_exchange_strong(&thread->shared->failure, &none, error))
		thread->shared->refused = call;
	atomic_store(&thread->shared->stop, LOAD_STOP_AT_ONCE);
	load_thread_wake(thread);
}

/* ---- one turn of the loop ---- */

/* When connection `i` is to be opened: all at once, or evenly over the ramp. */
static int64_t opening_time(const struct load_thread *thread, unsigned i)
{
	const struct load_options *options = thread->options;
	double part = (double)(i * thread->threads + thread->index) /
	    (options->connections + options->idle);

	return thread->shared->start + load_nanoseconds(options->ramp_s * part);
}

static void open_due(struct load_thread *thread)
{
	for (unsigned i = 0; i < DELAYS_PER_TURN && thread->opened < thread->total; i++) {
		if (opening_time(thread, thread->opened) > thread->now)
			break;
		load_policy_open(thread, &thread->connections[thread->opened++]);
	}
}

/*
 * The schedule begins when the connections are there, so that it is not the
 * time of connecting that is measured; not later than a second after the ramp.
 */
static void begin_schedule(struct load_thread *thread)
{
	const struct load_options *options = thread->options;
	int64_t latest = thread->shared->start + load_nanoseconds(options->ramp_s) + OPENING;

	if (thread->begins != INT64_MAX || options->rate.first <= 0 ||
	    (thread->untried > 0 && thread->now < latest))
		return;
	thread->begins = thread->now;
	if (options->duration_s > 0)
		thread->ends = thread->begins + load_nanoseconds(options->duration_s);
}

static void delays_due(struct load_thread *thread)
{
	struct delay *delay;

	for (unsigned queue = 0; queue < LOAD_PAUSES; queue++)
		for (unsigned i = 0; i < DELAYS_PER_TURN; i++) {
			delay = delay_take(&thread->pauses[queue], thread->now);
			if (delay == NULL)
				break;
			load_policy_open(thread, CONNECTION_OF(delay, pause));
		}
	while ((delay = delay_take(&thread->timeouts, thread->now)) != NULL)
		load_policy_expire(thread, CONNECTION_OF(delay, deadline));
	while ((delay = delay_take(&thread->reads, thread->now)) != NULL)
		load_policy_read_on(thread, CONNECTION_OF(delay, pause));
}

static void begin_due(struct load_thread *thread)
{
	open_due(thread);
	begin_schedule(thread);
	if (thread->begins != INT64_MAX && thread->talking > 0)
		load_policy_send_due(thread);
}

/* Whoever is the last lets the others know. */
static void note_share(struct load_thread *thread)
{
	if (thread->has_had_all || thread->quota > 0 || thread->under_way > 0)
		return;
	thread->has_had_all = true;
	if (atomic_fetch_sub(&thread->shared->at_work, 1) > 1)
		return;
	for (unsigned i = 0; i < thread->threads; i++)
		load_thread_wake(thread->shared->all[i]);
}

/* Those that talk are closed when their share is done; the idle ones stay until the end of all. */
static bool is_done(const struct load_thread *thread)
{
	bool may_go = thread->options->idle == 0 || atomic_load(&thread->shared->at_work) == 0;

	return thread->now >= thread->ends || (thread->has_had_all && may_go);
}

static void look_at_the_end(struct load_thread *thread)
{
	int stop = atomic_load(&thread->shared->stop);

	note_share(thread);
	if (!thread->ending && (stop != LOAD_GOES_ON || is_done(thread)))
		load_policy_end(thread);
	if (stop == LOAD_STOP_AT_ONCE)
		load_policy_end_at_once(thread);
}

static void turn(struct load_thread *thread, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		struct load_connection *connection = events[i].data.ptr;
		eventfd_t ignored;

		if (connection == NULL)
			eventfd_read(thread->wake, &ignored);
		else
			load_policy_settle(thread, connection,
			    load_connection_handle(connection, &thread->io, events[i].events));
	}
	if (!thread->ending)
		begin_due(thread);
	delays_due(thread);
	load_policy_close_spare(thread);
	look_at_the_end(thread);
}

/* ---- waiting ---- */

static int64_t next_begin(const struct load_thread *thread)
{
	int64_t next = thread->ends;

	if (thread->opened < thread->total)
		next = earlier(next, opening_time(thread, thread->opened));
	if (thread->options->rate.first <= 0)
		return next;
	if (thread->begins == INT64_MAX)
		return earlier(next, thread->shared->start +
		    load_nanoseconds(thread->options->ramp_s) + OPENING);
	if (thread->quota == 0 || thread->under_way == thread->talking)
		return next; /* whoever becomes free looks at the time by itself */
	return earlier(next, thread->begins +
	    load_schedule_time(&thread->shared->schedule, thread->next_number));
}

static int64_t next_moment(const struct load_thread *thread)
{
	int64_t next = earlier(delays_next(&thread->timeouts),
	    delays_next(&thread->reads));

	for (unsigned i = 0; i < LOAD_PAUSES; i++)
		next = earlier(next, delays_next(&thread->pauses[i]));
	return thread->ending ? next : earlier(next, next_begin(thread));
}

static bool is_on_schedule(const struct load_thread *thread)
{
	return thread->begins != INT64_MAX && !thread->has_had_all && !thread->ending;
}

/*
 * The thread was away, at work or not running at all: stopped, or without a
 * CPU. Whatever came due meanwhile is late by its doing, whether connections
 * were free or their answers lay unread.
 */
static void note_away(struct load_thread *thread, int64_t from, int64_t until)
{
	if (!is_on_schedule(thread) || until - from < STALL_LEAST)
		return;
	thread->stall_began = from;
	thread->stall_ended = until;
	histogram_record(&thread->result.lateness, load_microseconds(until - from));
}

/*
 * epoll_pwait2(2) waits to the nanosecond; epoll_wait(2) would round to
 * milliseconds. Returns with the lock held, for the turn that follows.
 */
static int wait_for_events(struct load_thread *thread, struct epoll_event *events)
{
	int64_t next = next_moment(thread);
	int64_t before = load_clock();
	int64_t wait;
	struct timespec limit;
	int count;

	if (is_on_schedule(thread))
		next = earlier(next, before + LONGEST_WAIT);
	wait = next > before ? next - before : 0;
	limit = (struct timespec){ wait / LOAD_NS_PER_S, wait % LOAD_NS_PER_S };
	if (thread->begins != INT64_MAX)
		thread->busy += before - thread->now;
	count = epoll_pwait2(thread->io.epoll, events, EVENTS, next < INT64_MAX ? &limit : NULL,
	    NULL);
	if (count < 0 && errno != EINTR) /* a kernel before Linux 5.11, or a filter */
		load_thread_refused(thread, "epoll_pwait2", errno);
	pthread_mutex_lock(&thread->lock);
	note_away(thread, thread->now, before);
	thread->now = load_clock();
	note_away(thread, before + wait, thread->now);
	return count;
}

void *load_thread_main(void *with)
{
	struct load_thread *thread = with;
	struct epoll_event events[EVENTS];
	int count = 0;

	thread->now = thread->shared->start;
	if (thread->options->duration_s > 0 && thread->options->rate.first <= 0)
		thread->ends = thread->now + load_nanoseconds(thread->options->duration_s);
	pthread_mutex_lock(&thread->lock);
	for (;;) {
		turn(thread, events, count);
		pthread_mutex_unlock(&thread->lock);
		if (thread->ending && thread->alive == 0)
			break;
		count = wait_for_events(thread, events);
	}
	eventfd_write(thread->shared->done, 1);
	return NULL;
}
