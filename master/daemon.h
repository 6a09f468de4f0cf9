/* SPDX-License-Identifier: ISC */
/*
 * Starting in the background, with an exit code that tells the truth: the shell
 * gets its prompt back when the server serves, or when it has failed and said
 * why on the terminal.
 *
 * Two processes take part. The parent is the one that the shell waits for; it
 * does nothing but wait for the child, which is the server. They share a pair of
 * sockets: a byte from the child means that it is ready, the end of the stream
 * that it ended before that. For the second, nobody else may hold the child's
 * end: every process that it forks calls daemon_forget(). Nor may these hold the
 * terminal: $(echo-master -d) and ssh(1) wait until it has been closed by all.
 *
 * The child has a session of its own, so a Ctrl-C at the terminal is for the
 * parent only; the child learns of it from daemon_ready(). It forks no second
 * time: as the leader of its session it could get a terminal for its own by
 * opening one, and it opens none.
 *
 * In a process that never called daemon_begin() all of this does nothing.
 */
#ifndef MASTER_DAEMON_H
#define MASTER_DAEMON_H

#include <stdbool.h>

/*
 * Forks. Returns true in the child, which goes on as the server: in a session of
 * its own and in the folder "/" (paths must have been made absolute before), its
 * standard descriptors left alone. Pids, locks and threads are to be taken after
 * this. `keep_stderr` says that standard error is to stay when the others go.
 *
 * Returns false in the process that has nothing left to do but to end with the
 * exit code in `*code`. In the parent, which first waits as long as the child's
 * start takes, that is
 *   EX_OK           the child is ready;
 *   the child's     it ended with that code, and has said why;
 *   EX_UNAVAILABLE  it ended with EX_OK: it was asked to stop before it was ready;
 *   EX_SOFTWARE     it was killed by a signal;
 *   EX_OSERR        there is no child: socketpair(2) or fork(2) failed.
 * The last three are logged here. A child that cannot enter "/" or open
 * /dev/null logs that, and is to end with EX_OSERR. SIGCHLD gets its default
 * action back, in both.
 */
bool daemon_begin(bool keep_stderr, int *code);

/*
 * In a process that the child forked: lets go of the parent and of the terminal.
 * /dev/null takes the place of descriptors 0 and 1, and of 2 unless that is kept.
 */
void daemon_forget(void);

/*
 * In the child: the start is over. Lets the parent end with EX_OK, then lets go
 * of the terminal likewise. Only the first call that succeeds does anything.
 *
 * Returns 0, or -1 with errno EPIPE when the parent is gone (killed, or Ctrl-C),
 * so that the caller stops too rather than run on as a server that nobody knows
 * of. The descriptors are as they were then, to say so. Never raises SIGPIPE.
 */
int daemon_ready(void);

#endif
