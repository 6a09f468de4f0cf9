/* SPDX-License-Identifier: ISC */
/*
 * How a worker's log lines reach the master: one datagram a line over a
 * socketpair that all workers share and that never blocks them. A line that
 * finds the socket full is counted, and the next one that goes through brings
 * the count along. Who sent it is not in it: that is the kernel's word, so that
 * a worker that was taken over speaks in no other's name (SO_PASSCRED, unix(7)).
 */
#ifndef COMMON_LOGCHANNEL_H
#define COMMON_LOGCHANNEL_H

#include "common/log.h"

#include <stdint.h>
#include <sys/types.h>

struct log_record {
	int32_t level;           /* one of syslog(3)'s */
	uint32_t lost;           /* of the sender's lines, before this one */
	char text[LOG_TEXT_MAX]; /* ends with a NUL; what follows it is not sent */
};

/*
 * Makes the pair: `ends[0]` for the master to receive from, `ends[1]` for the
 * workers to send to; both close-on-exec and non-blocking. Returns 0, or -1
 * with errno of socketpair(2), or of setsockopt(2), and then both ends are -1.
 */
int log_channel_open(int ends[2]);

/*
 * Sends one line. Returns 0, or -1 when it did not fit (errno of send(2));
 * it is then counted.
 */
int log_channel_send(int fd, int level, const char *text);

/*
 * Receives one record into `record`, its text ended and free of control
 * characters whatever the sender wrote, and the pid of its sender, which may
 * be dead by now, into `*sender`. Returns 1, 0 when nothing is there (and nothing
 * will be, where a worker has shut the channel down), or -1 for a datagram that is
 * no record, as an empty one (it is gone). Descriptors that come along are not taken.
 */
int log_channel_receive(int fd, struct log_record *record, pid_t *sender);

#endif
