/* SPDX-License-Identifier: ISC */
/*
 * What the values of echo-load's options may look like. Each function reads
 * all of `text` and returns 0, or -1 when it is not what is allowed; what it
 * points to is then left as it was. Pure.
 */
#ifndef CLIENT_LOAD_VALUES_H
#define CLIENT_LOAD_VALUES_H

#include "client/load.h"

/* A whole number from `least` to `most`. */
int load_read_number(const char *text, uint64_t least, uint64_t most, uint64_t *number);

/* Bytes, from 1 to `most`: 64, 4k or 1m. */
int load_read_size(const char *text, uint32_t most, uint32_t *size);

/* A size, or a range of them: 1-4096, 64-64k. */
int load_read_sizes(const char *text, uint32_t most, uint32_t *least_size, uint32_t *most_size);

/* Seconds, from `least` to `most`: 10, 0.5, 10s, 500ms, 2m or 1h. */
int load_read_duration(const char *text, double least, double most, double *seconds);

/* Echoes a second: 1000, or 1000..20000/5, at most LOAD_RATE_MAX and LOAD_STEPS_MAX. */
int load_read_rate(const char *text, struct load_rate *rate);
#define LOAD_RATE_MAX 10000000

/* Names of classes with commas between them: a bit for each. "none" is no class at all. */
int load_read_classes(const char *text, uint32_t *classes);

#endif
