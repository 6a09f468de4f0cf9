/* SPDX-License-Identifier: ISC */
#include "worker/accepting.h"

#include <errno.h>

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
