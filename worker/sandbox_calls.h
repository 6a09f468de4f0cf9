/* SPDX-License-Identifier: ISC */
/*
 * The system calls that a worker makes once it is ready, as values: what
 * worker/sandbox_filter.c makes a filter of. Pure.
 *
 * A protocol of your own that needs another call is killed for it, and the log says
 * which one that was; with `sandbox log` it is not killed, and the kernel's log tells
 * of all of them. Add what it needs to the list in worker/sandbox_calls.c.
 */
#ifndef WORKER_SANDBOX_CALLS_H
#define WORKER_SANDBOX_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* Who makes a call; a call can be of more than one. */
enum call_maker {
	CALL_OF_BLOCKING = 1, /* the blocking engine */
	CALL_OF_EVENT = 2,    /* the event engine */
	CALL_OF_BOTH = 3,
};

/* What is asked of an argument. */
enum call_test {
	CALL_ANY,   /* nothing; the last of a call's checks */
	CALL_IS,    /* to be the value */
	CALL_BITS,  /* of the bits of the mask, to have those of the value and no other */
};

struct call_check {
	enum call_test test;
	unsigned argument; /* from 0 */
	uint64_t mask;     /* CALL_BITS */
	uint64_t value;    /* for CALL_BITS a part of the mask */
};

/* The most checks that a call has. */
#define CALL_CHECKS_MAX 2

/*
 * A call that is made where all checks hold. One name can come more than once, and
 * is made where that is so for one of them.
 */
struct call {
	const char *name;     /* as in syscalls(2); some machines lack some */
	enum call_maker of;
	struct call_check check[CALL_CHECKS_MAX]; /* all hold */
	int error;            /* not 0: it is not made, and fails with this one of errno(3) */
};

/* Returns the list, `*count` of them. */
const struct call *calls_of_workers(size_t *count);

#endif
