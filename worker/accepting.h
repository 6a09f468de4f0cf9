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

/*
 * What has gone wrong since the last connection was accepted, or none was there;
 * all zero: nothing.
 */
struct accept_trouble {
	unsigned failures; /* of accept(2), in a row */
	unsigned pauses;   /* that these have led to */
};

/*
 * Classifies one more failure. What concerns one connection is passed over, but
 * not for ever, as a cause that stays would make a worker spin: from the 64th
 * in a row on it is ACCEPT_PAUSE. An empty queue ends the row: failures of
 * different moments have different causes.
 */
enum accept_error accept_judge(struct accept_trouble *trouble, int error);

/*
 * Returns how long the next pause is to be, in milliseconds: 50, 100, 200 ...
 * and no more than 1000.
 */
int accept_pause_ms(struct accept_trouble *trouble);

#endif
