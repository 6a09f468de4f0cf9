/* SPDX-License-Identifier: ISC */
#include "common/logchannel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Lines of this process that did not fit since the last one that did. */
static uint32_t lost_here;

int log_channel_open(int ends[2])
{
	/* As much as the kernel lets us have, so that a burst fits. */
	int room = 1 << 20;
	int on = 1;
	int saved;

	/* With SOCK_DGRAM a worker that was taken over could send to any such socket there is. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0)
		return 0;
	saved = errno;
	close(ends[0]);
	close(ends[1]);
	ends[0] = ends[1] = -1;
	errno = saved;
	return -1;
}

int log_channel_send(int fd, int level, const char *text)
{
	struct log_record record = { .level = level, .lost = lost_here };
	size_t length = strlcpy(record.text, text, sizeof record.text);

	if (length >= sizeof record.text)
		length = sizeof record.text - 1;
	length += offsetof(struct log_record, text) + 1;
	/* Who else has this end may have made it blocking. */
	if (send(fd, &record, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		lost_here += lost_here < UINT32_MAX;
		return -1;
	}
	lost_here = 0;
	return 0;
}

/* A worker that was taken over must not be able to forge lines of its own making. */
static void make_harmless(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* Receives one datagram. `*sender` is 0 where there is none, or the kernel does not tell. */
static ssize_t receive(int fd, struct log_record *record, pid_t *sender)
{
	/* The sender fills it: there is no room for a descriptor, which we would have to close. */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec data = { .iov_base = record, .iov_len = sizeof *record };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	ssize_t size = recvmsg(fd, &message, 0);
	const struct cmsghdr *first = size >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct ucred credentials = { 0 };

	if (first != NULL && first->cmsg_level == SOL_SOCKET &&
	    first->cmsg_type == SCM_CREDENTIALS)
		memcpy(&credentials, CMSG_DATA(first), sizeof credentials);
	*sender = credentials.pid;
	return size;
}

int log_channel_receive(int fd, struct log_record *record, pid_t *sender)
{
	ssize_t size = receive(fd, record, sender);

	/* A datagram without a byte has a sender. The end has none, and hides nothing behind it. */
	if (size < 0 || (size == 0 && *sender == 0))
		return 0;
	if ((size_t)size <= offsetof(struct log_record, text))
		return -1;
	if (record->level < LOG_ERR || record->level > LOG_DEBUG)
		return -1;
	record->text[(size_t)size - offsetof(struct log_record, text) - 1] = '\0';
	make_harmless(record->text);
	return 1;
}
