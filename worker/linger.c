/* SPDX-License-Identifier: ISC */
#include "worker/linger.h"

#include "common/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* At most so much of one connection is read at a time, in bytes: others wait meanwhile. */
#define DISCARDED_MAX ((size_t)1024 * 1024)

/* Reads what there is. Returns false when the client has closed, or is gone. */
static bool discard(int fd)
{
	char waste[16384];
	ssize_t got;

	for (size_t read = 0; read < DISCARDED_MAX; read += (size_t)got) {
		got = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
		if (got <= 0)
			return got < 0 && (errno == EAGAIN || errno == EINTR);
	}
	return true;
}

static void remove_at(struct linger_list *list, unsigned index)
{
	discard(list->fds[index].fd); /* or what has just come would have it reset */
	close(list->fds[index].fd);
	list->count--;
	memmove(&list->fds[index], &list->fds[index + 1],
	    (list->count - index) * sizeof list->fds[0]);
	memmove(&list->due[index], &list->due[index + 1],
	    (list->count - index) * sizeof list->due[0]);
}

void linger_add(struct linger_list *list, int fd)
{
	shutdown(fd, SHUT_WR);
	if (list->count == LINGER_MAX)
		remove_at(list, 0);
	list->due[list->count] = clock_ms() + LINGER_MS;
	list->fds[list->count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

void linger_sweep(struct linger_list *list)
{
	int64_t now = clock_ms();
	int ready = poll(list->fds, list->count, 0);

	for (unsigned i = list->count; i-- > 0;)
		if (list->due[i] <= now ||
		    (ready > 0 && list->fds[i].revents != 0 && !discard(list->fds[i].fd)))
			remove_at(list, i);
}

/* Waits at most so long for something to be read; reads it, and closes those who are done. */
static void wait_and_read(struct linger_list *list, int64_t most_ms, const sigset_t *let_in)
{
	struct timespec most = { .tv_sec = most_ms / 1000, .tv_nsec = most_ms % 1000 * 1000000 };
	int ready = ppoll(list->fds, list->count, &most, let_in);

	for (unsigned i = list->count; i-- > 0 && ready > 0;)
		if (list->fds[i].revents != 0 && !discard(list->fds[i].fd))
			remove_at(list, i);
}

void linger_finish(struct linger_list *list, int wait_ms, bool (*is_orphan)(void))
{
	int64_t now = clock_ms();
	int64_t end = now + wait_ms;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	while (list->count > 0 && now < end) {
		if (end > now + LINGER_ORPHAN_MS && is_orphan())
			end = now + LINGER_ORPHAN_MS;
		wait_and_read(list, end - now, &before);
		now = clock_ms();
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	while (list->count > 0)
		remove_at(list, list->count - 1);
}
