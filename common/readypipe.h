/* SPDX-License-Identifier: ISC */
/*
 * What a worker tells its master: that it is ready; that it wants to leave,
 * because somebody else asked it to or because it has served enough; and that
 * there is something to look at. One pipe for all workers; a message is smaller
 * than PIPE_BUF, so none is ever torn (pipe(7)).
 *
 * Any of them can write any pid into a message. So each has a token that only the
 * master and itself know, and a message without it is not that worker's: it may be
 * of one that was taken over, or of one that had the same pid and is dead.
 *
 * The first byte of a token has its top bit set. So one who was taken over cannot begin
 * a message of its own that the next one's first bytes complete, and that would be lost:
 * a kind is less than such a byte, what is above it is 0, and the upper half of a pid
 * has none (at most 2^22, proc(5)). Earlier, many more bytes had to fit by chance.
 */
#ifndef COMMON_READYPIPE_H
#define COMMON_READYPIPE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ready_kind {
	READY_TO_ACCEPT = 1, /* the worker accepts connections from now on */
	READY_ASKS_TO_LEAVE, /* it was sent SIGTERM or SIGQUIT by somebody else */
	READY_TOOK_ONE,      /* it took a connection while the queue is being emptied */
	READY_WATCH,         /* nobody is idle any more, or too many are: see common/idleset.h */
	READY_SERVED_ENOUGH, /* it has had so many connections that another may take its place */
};

struct ready_message {
	uint64_t token; /* of the worker */
	int32_t pid;    /* likewise */
	uint32_t kind;  /* enum ready_kind */
};

/*
 * Makes the pipe: `ends[0]` for the master, `ends[1]` for the workers; both
 * close-on-exec and non-blocking. Returns 0, or -1 with errno of pipe2(2), and
 * `ends` is then as it was.
 */
int ready_pipe_open(int ends[2]);

/* Returns the token that is made of these bits, which are to be random. */
uint64_t ready_pipe_token(uint64_t random);

/* In a worker: what it shows in its messages from now on; 0 before. */
void ready_pipe_set_token(uint64_t token);

/*
 * In a worker, where a signal handler may call it too. Waits while the pipe is
 * full. Returns 0, or -1 with errno of write(2).
 */
int ready_pipe_send(int fd, enum ready_kind kind);

/*
 * The same in one write(2), which does not wait for room: for what may be lost,
 * because a master with a full pipe is about to look anyway, or because it will
 * be said again.
 */
void ready_pipe_mention(int fd, enum ready_kind kind);

/*
 * In the master: what it has read and not yet taken. All zero at first. No worker may
 * have a copy of it: there are tokens of others in it.
 */
struct ready_reader {
	struct ready_message message; /* that was found last */
	int fd;                       /* where the bytes come from */
	size_t waiting;               /* bytes there at the last look, less those read since */
	size_t start;                 /* of what is buffered and not yet taken */
	size_t end;                   /* of what is buffered */
	char buffer[PIPE_BUF + sizeof(struct ready_message)]; /* a packet, and half a message */
};

/*
 * Has ready_pipe_next() go on to all that has been sent into `fd` by now, and to nothing
 * that is sent later: who writes all the time does not hold up the master. Returns how
 * many bytes that is.
 */
size_t ready_pipe_look(struct ready_reader *reader, int fd);

/*
 * Returns true with the next message in `reader->message`, false when there is none:
 * of one that is not whole yet, what has come is kept. Skips what a worker that was
 * taken over has written and no worker would have sent. Does not wait.
 */
bool ready_pipe_next(struct ready_reader *reader);

/*
 * The message that was just found is nobody's. Another one may begin within it, and is
 * found next: only so do bytes that somebody made up never cost another his message.
 */
void ready_pipe_refuse(struct ready_reader *reader);

#endif
