/* SPDX-License-Identifier: ISC */
/* What the threads of a load have found, put together. */
#ifndef CLIENT_LOAD_RESULT_H
#define CLIENT_LOAD_RESULT_H

#include "client/load_thread.h"

/* What was known when progress was last told. */
struct load_past {
	int64_t at;
	struct load_result total;
};

/*
 * Tells how it goes since `past`, and makes that the present. The threads go on
 * meanwhile: each waits at most as long as its own result is copied.
 */
void load_result_progress(struct load_thread *const *threads, unsigned count,
    struct load_past *past, void (*tell)(const struct load_progress *progress));

/* Fills in `result`; all threads have ended. */
void load_result_gather(struct load_thread *const *threads, unsigned count,
    struct load_result *result);

/*
 * Returns whether the bytes add up: what was sent came back, or was lost on a
 * connection that is known to have failed. If not, there is a bug in here.
 */
bool load_result_is_balanced(const struct load_result *result);

#endif
