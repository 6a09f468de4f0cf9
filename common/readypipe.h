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
 */
#ifndef COMMON_READYPIPE_H
#define COMMON_READYPIPE_H

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
 * Makes the pipe: `ends[0]` for the master, non-blocking, `ends[1]` for the
 * workers; both close-on-exec. Returns 0, or -1 with errno of pipe2(2) or fcntl(2)
 * and no descriptor in `ends` that is to be closed.
 */
int ready_pipe_open(int ends[2]);

/* In a worker: what it shows in its messages from now on; 0 before. */
void ready_pipe_set_token(uint64_t token);

/*
 * In a worker, where a signal handler may call it too. Waits while the pipe is
 * full. Returns 0, or -1 with errno of write(2).
 */
int ready_pipe_send(int fd, enum ready_kind kind);

/*
 * The same for what may be lost, because a master with a full pipe is about to
 * look anyway, or because it will be said again: does not wait for room.
 */
void ready_pipe_mention(int fd, enum ready_kind kind);

/*
 * In the master. Returns how many messages wait, at most: after so many calls of
 * ready_pipe_receive() all that has been sent by now is received.
 */
unsigned ready_pipe_waiting(int fd);

/*
 * In the master. Returns 1 with the next message, 0 when there is none, or -1
 * when there was much that is none (it is gone): there may be more. What a
 * worker that was taken over has written between two messages is skipped.
 */
int ready_pipe_receive(int fd, struct ready_message *message);

#endif
