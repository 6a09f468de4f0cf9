/* SPDX-License-Identifier: ISC */
/*
 * shortcalls.so: preloaded, it has calls on TCP sockets do less than they could, later than
 * they could, or nothing but be interrupted, as the kernel may at any time:
 *
 *     SHORTCALLS=SEED LD_PRELOAD=shortcalls.so program
 *
 * recv(2) and send(2) pass on fewer bytes than were asked for, epoll_wait(2) and epoll_pwait2(2)
 * fewer events; these and accept4(2) fail with EINTR, or take up to two milliseconds longer. Each
 * with a chance of its own, by the seed and by which child of its parent the process is.
 *
 * A descriptor that epoll(7) watches for changes (EPOLLET) has by contract nothing more to
 * read, or no more room, after a short recv(2) or send(2). So what was held back is told of
 * once more, as if it had come, or become free, just then.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Of so many calls one is interrupted, one is late, one is short. */
#define ONE_INTERRUPTED 8
#define ONE_LATE 64
#define ONE_SHORT 3

#define FDS_MAX 65536

static uint64_t state;    /* of chance; not 0 */
static uint64_t children; /* that were forked so far */

/*
 * Connections over TCP, by descriptor: noted when they are made, as a worker is not to ask the
 * kernel what it has no need to know. What takes the place of one is a connection again.
 */
static bool is_stream[FDS_MAX];

/* Which epoll descriptor, less one, watches a descriptor, and for what. */
static struct {
	int epoll;
	struct epoll_event event;
} watched[FDS_MAX];

/* The calls themselves: found at the start, as signal handlers make some of them. */
static ssize_t (*real_recv)(int, void *, size_t, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static int (*real_accept4)(int, struct sockaddr *, socklen_t *, int);
static int (*real_connect)(int, const struct sockaddr *, socklen_t);
static int (*real_ctl)(int, int, int, struct epoll_event *);
static int (*real_wait)(int, struct epoll_event *, int, int);
static int (*real_pwait2)(int, struct epoll_event *, int, const struct timespec *,
    const sigset_t *);

/* As dlsym(3) has it: a pointer to an object becomes one to a function through memory. */
static void find(const char *name, void *pointer)
{
	*(void **)pointer = dlsym(RTLD_NEXT, name);
}

static void find_all(void)
{
	find("recv", &real_recv);
	find("send", &real_send);
	find("accept4", &real_accept4);
	find("connect", &real_connect);
	find("epoll_ctl", &real_ctl);
	find("epoll_wait", &real_wait);
	find("epoll_pwait2", &real_pwait2);
}

/* xorshift64*, by Marsaglia and Vigna: chance enough, and no call. */
static uint64_t chance(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

static bool one_in(unsigned many)
{
	return chance() % many == 0;
}

static void forked(void)
{
	children++;
}

static void born(void)
{
	state ^= children * UINT64_C(0x9e3779b97f4a7c15);
	state += state == 0;
	children = 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *seed = getenv("SHORTCALLS");

	find_all();
	state = seed != NULL ? strtoull(seed, NULL, 10) : 0;
	state = (state + 1) * UINT64_C(0x9e3779b97f4a7c15);
	state += state == 0;
	pthread_atfork(forked, NULL, born);
}

/* Returns whether the call is to fail with EINTR; may take its time. */
static bool interrupted(void)
{
	if (one_in(ONE_LATE))
		poll(NULL, 0, (int)(chance() % 3));
	if (!one_in(ONE_INTERRUPTED))
		return false;
	errno = EINTR;
	return true;
}

/* Part of a size that is 2 or more, or all of it. */
static size_t shorten(size_t size)
{
	return size > 1 && one_in(ONE_SHORT) ? 1 + chance() % (size - 1) : size;
}

static void tell_again(int fd)
{
	int saved = errno;

	if (fd < FDS_MAX && watched[fd].epoll > 0 && (watched[fd].event.events & EPOLLET) != 0)
		real_ctl(watched[fd].epoll - 1, EPOLL_CTL_MOD, fd, &watched[fd].event);
	errno = saved;
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	int done = real_ctl(epoll, op, fd, event);

	if (done == 0 && fd >= 0 && fd < FDS_MAX) {
		watched[fd].epoll = op == EPOLL_CTL_DEL ? 0 : epoll + 1;
		if (op != EPOLL_CTL_DEL)
			watched[fd].event = *event;
	}
	return done;
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	size_t part = size;
	ssize_t got;

	if (fd >= 0 && fd < FDS_MAX && is_stream[fd]) {
		if (interrupted())
			return -1;
		part = shorten(size);
	}
	got = real_recv(fd, buffer, part, flags);
	if (part < size && got == (ssize_t)part)
		tell_again(fd);
	return got;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	size_t part = size;
	ssize_t sent;

	if (fd >= 0 && fd < FDS_MAX && is_stream[fd]) {
		if (interrupted())
			return -1;
		part = shorten(size);
	}
	sent = real_send(fd, bytes, part, flags);
	if (part < size && sent == (ssize_t)part)
		tell_again(fd);
	return sent;
}

int accept4(int fd, struct sockaddr *peer, socklen_t *size, int flags)
{
	int accepted = interrupted() ? -1 : real_accept4(fd, peer, size, flags);

	if (accepted >= 0 && accepted < FDS_MAX)
		is_stream[accepted] = true;
	return accepted;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	if (fd >= 0 && fd < FDS_MAX)
		is_stream[fd] = address->sa_family == AF_INET || address->sa_family == AF_INET6;
	return real_connect(fd, address, size);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
	return interrupted() ? -1 : real_wait(epoll, events, (int)shorten((size_t)most), timeout);
}

int epoll_pwait2(int epoll, struct epoll_event *events, int most, const struct timespec *timeout,
    const sigset_t *mask)
{
	return interrupted() ? -1 :
	    real_pwait2(epoll, events, (int)shorten((size_t)most), timeout, mask);
}
