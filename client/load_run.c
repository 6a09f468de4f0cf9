/* SPDX-License-Identifier: ISC */
/*
 * A load from its first connect to its last end. The main thread only watches:
 * the clock for progress, the signals, and whether the others are done.
 */
#include "client/load_clock.h"
#include "client/load_result.h"
#include "common/nethelp.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* Descriptors of a thread and of the process, besides the connections; echo-load.1 has them. */
#define DESCRIPTORS_PER_THREAD 2
#define DESCRIPTORS_OTHER 16

struct run {
	struct load_shared shared;
	struct load_thread **threads;
	unsigned count;          /* of threads */
	unsigned started, ended; /* of them */
	int signals;             /* signalfd(2) of SIGINT and SIGTERM */
	sigset_t old_mask;
	struct load_past past;   /* when progress was last told */
	int64_t last_echo;       /* when an echo was last seen to have come back ... */
	uint64_t echoes;         /* ... and how many there were */
};

static int system_refused(const char *what, int error)
{
	warnx("%s: %s", what, strerror(error));
	return EX_OSERR;
}

/* ---- before the start ---- */

/*
 * A long load is not to end without its file for a slip in the name. A pipe or
 * a device is left alone: whoever reads it would take this for the end.
 */
static int check_file(const char *path)
{
	struct stat found;
	int file;

	if (path == NULL ||
	    (stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode)))
		return EX_OK;
	file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (file < 0) {
		warn("%s", path);
		return EX_CANTCREAT;
	}
	close(file);
	return EX_OK;
}

/* What is listed of losses would be gone when the percentiles are written. */
static int check_two_files(const struct load_options *options)
{
	struct stat one, other;

	if (options->hgrm == NULL || options->lost == NULL || stat(options->hgrm, &one) < 0 ||
	    stat(options->lost, &other) < 0 || !S_ISREG(one.st_mode) ||
	    one.st_dev != other.st_dev || one.st_ino != other.st_ino)
		return EX_OK;
	warnx("--hgrm and --lost: '%s' is one file; allowed: a file for each", options->lost);
	return EX_USAGE;
}

static int open_losses(struct load_shared *shared)
{
	const char *path = shared->options->lost;

	if (path == NULL || load_losses_open(&shared->losses, path) == 0)
		return EX_OK;
	warn("%s", path);
	return EX_CANTCREAT;
}

static int resolve(struct load_shared *shared)
{
	const struct load_options *options = shared->options;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found;
	char digits[8];
	int code;

	snprintf(digits, sizeof digits, "%d", port_number(options->port));
	code = getaddrinfo(options->host, digits, &hints, &found);
	if (code != 0) {
		warnx("%s port %s: %s", options->host, options->port,
		    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
		return EX_NOHOST;
	}
	for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
		struct load_address *address = &shared->addresses[shared->addresses_count];

		if (shared->addresses_count == LOAD_ADDRESSES_MAX)
			break;
		memcpy(&address->to, at->ai_addr, at->ai_addrlen);
		address->length = at->ai_addrlen;
		shared->addresses_count++;
	}
	freeaddrinfo(found);
	return EX_OK;
}

static int make_room_for(const struct load_options *options, unsigned threads)
{
	uint64_t needed = (uint64_t)options->connections + options->idle +
	    (uint64_t)threads * DESCRIPTORS_PER_THREAD + DESCRIPTORS_OTHER;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return system_refused("getrlimit", errno);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (needed <= limit.rlim_cur)
		return EX_OK;
	warnx("%u connections need %" PRIu64 " open files, and the hard limit is %ju: "
	      "see ulimit -Hn", options->connections + options->idle, needed,
	    (uintmax_t)limit.rlim_cur);
	return EX_OSERR;
}

/* Only the main thread hears them, when it looks. */
static int catch_signals(struct run *run)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &mask, &run->old_mask);
	run->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	run->shared.done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return run->signals < 0 || run->shared.done < 0 ? system_refused("signalfd", errno) : EX_OK;
}

static int make_threads(struct run *run)
{
	run->threads = calloc(run->count, sizeof(struct load_thread *));
	if (run->threads == NULL)
		return system_refused("memory", errno);
	run->shared.all = run->threads;
	atomic_store(&run->shared.at_work, run->count);
	for (unsigned i = 0; i < run->count; i++) {
		run->threads[i] = calloc(1, sizeof **run->threads);
		if (run->threads[i] == NULL ||
		    load_thread_init(run->threads[i], &run->shared, i, run->count) < 0)
			return system_refused("a thread's connections", errno);
	}
	return EX_OK;
}

static int prepare(struct run *run, const struct load_options *options)
{
	int code;

	run->shared.options = options;
	atomic_store(&run->shared.reached, LOAD_NOT_REACHED);
	run->shared.done = -1;
	run->signals = -1;
	run->count = options->threads < options->connections ? options->threads :
	    options->connections;
	if (options->rate.first > 0)
		load_schedule_plan(&run->shared.schedule, &options->rate, options->duration_s,
		    options->echoes);
	code = check_file(options->hgrm);
	if (code == EX_OK)
		code = check_two_files(options);
	if (code == EX_OK)
		code = open_losses(&run->shared);
	if (code == EX_OK)
		code = resolve(&run->shared);
	if (code == EX_OK)
		code = make_room_for(options, run->count);
	if (code == EX_OK)
		code = catch_signals(run);
	if (code == EX_OK)
		code = make_threads(run);
	return code;
}

/* ---- while it runs ---- */

static void stop(struct run *run, enum load_stop how)
{
	if (atomic_load(&run->shared.stop) < (int)how)
		atomic_store(&run->shared.stop, how);
	for (unsigned i = 0; i < run->started; i++)
		load_thread_wake(run->threads[i]);
}

/* Timers are to go off when they say; the default slack is 50 us (prctl(2)). Threads inherit it. */
static int start(struct run *run)
{
	prctl(PR_SET_TIMERSLACK, 1);
	run->shared.start = load_clock();
	run->past.at = run->shared.start;
	run->last_echo = run->shared.start;
	while (run->started < run->count) {
		struct load_thread *thread = run->threads[run->started];
		int error = pthread_create(&thread->id, NULL, load_thread_main, thread);

		if (error != 0) {
			stop(run, LOAD_STOP_AT_ONCE);
			return system_refused("pthread_create", error);
		}
		run->started++;
	}
	return EX_OK;
}

/*
 * A load without an end by the clock would never end if the server had died:
 * it is given up when for so long as the timeout nothing came back, and
 * connections failed.
 */
static void look_for_life(struct run *run)
{
	const struct load_options *options = run->shared.options;
	int64_t now = load_clock();
	uint64_t echoes = 0;
	uint64_t failed = 0;

	if (options->duration_s > 0)
		return;
	for (unsigned i = 0; i < run->count; i++) {
		struct load_thread *thread = run->threads[i];

		pthread_mutex_lock(&thread->lock);
		echoes += thread->result.echoes;
		for (unsigned class = LOAD_CLEAN + 1; class < LOAD_CLASSES; class++)
			failed += thread->result.classes[class];
		pthread_mutex_unlock(&thread->lock);
	}
	if (echoes != run->echoes || failed == 0)
		run->last_echo = now;
	run->echoes = echoes;
	if (now - run->last_echo > load_nanoseconds(options->timeout_s))
		stop(run, LOAD_STOP);
}

static void heed_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof info) == (ssize_t)sizeof info)
		stop(run, atomic_load(&run->shared.stop) == LOAD_GOES_ON ? LOAD_STOP :
		    LOAD_STOP_AT_ONCE);
}

static void heed_ends(struct run *run)
{
	eventfd_t ended;

	if (eventfd_read(run->shared.done, &ended) < 0)
		return;
	run->ended += (unsigned)ended;
	if (atomic_load(&run->shared.stop) != LOAD_GOES_ON)
		stop(run, LOAD_STOP); /* a thread that ended all may not have woken the others */
}

static void watch(struct run *run, void (*tell)(const struct load_progress *progress))
{
	int64_t next = run->shared.start + LOAD_NS_PER_S;

	while (run->ended < run->started) {
		struct pollfd fds[] = { { .fd = run->signals, .events = POLLIN },
			{ .fd = run->shared.done, .events = POLLIN } };
		int64_t now = load_clock();
		int64_t wait = next - now;

		poll(fds, 2, wait > 0 ? (int)(wait / LOAD_NS_PER_MS) + 1 : 0);
		heed_signals(run);
		heed_ends(run);
		now = load_clock();
		if (now < next || run->ended == run->started)
			continue;
		next = load_next_second(next, now);
		look_for_life(run);
		if (tell != NULL)
			load_result_progress(run->threads, run->count, &run->past, tell);
	}
}

/* ---- after the end ---- */

static int judge(const struct run *run, const struct load_result *result)
{
	const struct load_options *options = run->shared.options;
	int failure = atomic_load(&run->shared.failure);
	int unreachable = atomic_load(&run->shared.unreachable);

	if (failure != 0)
		return system_refused(run->shared.refused, failure);
	if (unreachable != 0 && atomic_load(&run->shared.reached) == LOAD_NOT_REACHED) {
		warnx("%s port %s: %s", options->host, options->port,
		    unreachable == EINTR ? "interrupted before anybody was reached"
		                         : strerror(unreachable));
		return EX_UNAVAILABLE;
	}
	if (!load_result_is_balanced(result)) {
		warnx("a bug: %" PRIu64 " bytes sent are not %" PRIu64 " received and %" PRIu64
		      " lost", result->bytes_out, result->bytes_in, result->bytes_lost);
		return EX_SOFTWARE;
	}
	return EX_OK;
}

static void clean_up(struct run *run, struct load_result *result)
{
	result->losses_unwritten = load_losses_close(&run->shared.losses) < 0;
	if (result->losses_unwritten)
		warn("%s", run->shared.options->lost);
	for (unsigned i = 0; run->threads != NULL && i < run->count; i++)
		if (run->threads[i] != NULL) {
			load_thread_free(run->threads[i]);
			free(run->threads[i]);
		}
	free(run->threads);
	if (run->signals >= 0) {
		close(run->signals);
		pthread_sigmask(SIG_SETMASK, &run->old_mask, NULL);
	}
	if (run->shared.done >= 0)
		close(run->shared.done);
}

int load_run(const struct load_options *options, struct load_result *result,
    void (*tell)(const struct load_progress *progress))
{
	static struct run run;
	int code;

	run = (struct run){ 0 };
	histogram_reset(&run.past.total.echo);
	code = prepare(&run, options);
	if (code == EX_OK) {
		code = start(&run);
		watch(&run, tell);
		if (tell != NULL)
			tell(NULL);
		for (unsigned i = 0; i < run.started; i++)
			pthread_join(run.threads[i]->id, NULL);
		load_result_gather(run.threads, run.count, result);
		if (code == EX_OK)
			code = judge(&run, result);
	}
	clean_up(&run, result);
	return code;
}
