/* SPDX-License-Identifier: ISC */
#include "common/readypipe.h"

#include "common/nethelp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Bytes that are skipped in one go: whoever writes them faster must not hold up the master. */
#define SKIPPED_MAX 256

/* Of this process. */
static uint64_t own_token;

int ready_pipe_open(int ends[2])
{
	int flags;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	flags = fcntl(ends[0], F_GETFL);
	if (flags >= 0 && fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) == 0)
		return 0;
	close(ends[0]);
	close(ends[1]);
	ends[0] = ends[1] = -1;
	return -1;
}

void ready_pipe_set_token(uint64_t token)
{
	own_token = token;
}

/* Whoever else has this end may have made it non-blocking. */
int ready_pipe_send(int fd, enum ready_kind kind)
{
	struct ready_message message = { .token = own_token, .pid = (int32_t)getpid(),
		.kind = kind };
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	while (writen(fd, &message, sizeof message) < 0) {
		if (errno != EAGAIN)
			return -1;
		poll(&writable, 1, -1);
	}
	return 0;
}

/*
 * A pipe that poll(2) calls writable has room for hundreds of these (pipe(7): a whole page).
 * Where it cannot tell, the message goes all the same: nobody would say it again.
 */
void ready_pipe_mention(int fd, enum ready_kind kind)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	if (poll(&writable, 1, 0) < 0 || (writable.revents & POLLOUT) != 0)
		ready_pipe_send(fd, kind);
}

/* Rounded up, as the last of them may be a part of one. */
unsigned ready_pipe_waiting(int fd)
{
	const unsigned size = sizeof(struct ready_message);
	int bytes = 0;

	ioctl(fd, FIONREAD, &bytes);
	return ((unsigned)bytes + size - 1) / size;
}

static bool could_be_sent(const struct ready_message *message)
{
	return message->pid > 0 && message->kind >= READY_TO_ACCEPT &&
	    message->kind <= READY_SERVED_ENOUGH;
}

/*
 * A worker that was taken over may have written a part of a message; what follows would never
 * again be read from its beginning. Kinds leave so many bytes zero, and tokens so few, that a
 * message hardly ever looks like one from any other place than its first byte.
 */
int ready_pipe_receive(int fd, struct ready_message *message)
{
	char *bytes = (char *)message;
	size_t rest = sizeof *message - 1;

	if (read(fd, message, sizeof *message) != (ssize_t)sizeof *message)
		return 0;
	for (unsigned skipped = 0; !could_be_sent(message); skipped++) {
		if (skipped == SKIPPED_MAX)
			return -1;
		memmove(bytes, bytes + 1, rest);
		if (read(fd, bytes + rest, 1) != 1)
			return 0;
	}
	return 1;
}
