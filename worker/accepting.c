/* SPDX-License-Identifier: ISC */
#include "worker/accepting.h"

#include <errno.h>

/* When the machine is out of something: first and longest pause, in milliseconds. */
#define PAUSE_MS 50
#define PAUSE_MAX_MS 1000

/* So many failed accept(2) calls in a row, each for a reason of its own, are no trouble yet. */
#define PASSED_OVER 64

enum accept_error accept_classify(int error)
{
	switch (error) {
	case EAGAIN:
		return ACCEPT_EMPTY;
	case EPERM:
		return ACCEPT_REFUSED;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		return ACCEPT_FATAL;
	case EINTR:
	case ECONNABORTED:
	/* Linux passes errors already pending on the new connection on to accept(2). */
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return ACCEPT_AGAIN;
	default: /* EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever a later kernel invents */
		return ACCEPT_PAUSE;
	}
}

enum accept_error accept_judge(struct accept_trouble *trouble, int error)
{
	enum accept_error class = accept_classify(error);

	if (class == ACCEPT_EMPTY) {
		*trouble = (struct accept_trouble){ 0 };
		return class;
	}
	trouble->failures++;
	if ((class == ACCEPT_AGAIN || class == ACCEPT_REFUSED) && trouble->failures >= PASSED_OVER)
		return ACCEPT_PAUSE;
	return class;
}

int accept_pause_ms(struct accept_trouble *trouble)
{
	int pause_ms = PAUSE_MS;

	for (unsigned i = 0; i < trouble->pauses && pause_ms < PAUSE_MAX_MS; i++)
		pause_ms *= 2;
	trouble->pauses++;
	return pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
}
