/* SPDX-License-Identifier: ISC */
/* What an error of accept(2) means to a worker. Pure. */
#ifndef WORKER_ACCEPTING_H
#define WORKER_ACCEPTING_H

enum accept_error {
	ACCEPT_AGAIN,   /* this connection is gone, or a signal came: the next one, please */
	ACCEPT_EMPTY,   /* the socket does not block and nobody waits */
	ACCEPT_REFUSED, /* a firewall forbids this connection: counted, then the next one */
	ACCEPT_PAUSE,   /* the machine is out of something: wait, or it would spin */
	ACCEPT_FATAL,   /* this socket will never accept again */
};

/* Classifies errno of a failed accept(2), by its manual page's list. */
enum accept_error accept_classify(int error);

#endif
