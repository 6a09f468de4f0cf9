/* SPDX-License-Identifier: ISC */
#include "common/readypipe.h"

#include "common/nethelp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Of this process. */
static uint64_t own_token;

int ready_pipe_open(int ends[2])
{
	return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

uint64_t ready_pipe_token(uint64_t random)
{
	((unsigned char *)&random)[0] |= 0x80;
	return random;
}

void ready_pipe_set_token(uint64_t token)
{
	own_token = token;
}

/* In one write(2), of the whole or of nothing. */
static int write_one(int fd, enum ready_kind kind)
{
	struct ready_message message = { .token = own_token, .pid = (int32_t)getpid(),
		.kind = kind };

	return writen(fd, &message, sizeof message);
}

int ready_pipe_send(int fd, enum ready_kind kind)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	while (write_one(fd, kind) < 0) {
		if (errno != EAGAIN)
			return -1;
		poll(&writable, 1, -1);
	}
	return 0;
}

void ready_pipe_mention(int fd, enum ready_kind kind)
{
	write_one(fd, kind);
}

size_t ready_pipe_look(struct ready_reader *reader, int fd)
{
	int bytes = 0;

	ioctl(fd, FIONREAD, &bytes);
	reader->fd = fd;
	reader->waiting = (size_t)bytes;
	return reader->waiting;
}

/* No more than waited, and as much as there is room for: a pipe in packet mode gives less. */
static bool fill(struct ready_reader *reader)
{
	size_t kept = reader->end - reader->start;
	size_t room = sizeof reader->buffer - kept;
	ssize_t got = 0;

	memmove(reader->buffer, reader->buffer + reader->start, kept);
	reader->start = 0;
	reader->end = kept;
	if (reader->waiting > 0)
		got = read(reader->fd, reader->buffer + kept,
		    reader->waiting < room ? reader->waiting : room);
	if (got <= 0)
		return false;
	reader->end += (size_t)got;
	reader->waiting -= (size_t)got;
	return true;
}

static bool could_be_sent(const struct ready_message *message)
{
	return message->pid > 0 && message->kind >= READY_TO_ACCEPT &&
	    message->kind <= READY_SERVED_ENOUGH;
}

/*
 * A worker that was taken over may have written a part of a message; what follows would never
 * again be read from its beginning. So where no message begins, one may begin a byte later.
 */
bool ready_pipe_next(struct ready_reader *reader)
{
	struct ready_message *message = &reader->message;

	do {
		while (reader->end - reader->start >= sizeof *message) {
			memcpy(message, reader->buffer + reader->start, sizeof *message);
			reader->start++;
			if (could_be_sent(message)) {
				reader->start += sizeof *message - 1;
				return true;
			}
		}
	} while (fill(reader));
	return false;
}

void ready_pipe_refuse(struct ready_reader *reader)
{
	reader->start -= sizeof reader->message - 1;
}
