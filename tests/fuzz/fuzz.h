/* SPDX-License-Identifier: ISC */
/* What a fuzzer calls: libFuzzer of clang, or replay.c where there is none. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Tries one input. Returns 0; aborts when what must hold for every input does
 * not (https://llvm.org/docs/LibFuzzer.html).
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- fuzz.c: what the targets share ---- */

/* Aborts, and says what does not hold. */
void must(bool holds, const char *what);

/* The most words of an input, and the most bytes of an input that is made of words. */
#define WORDS_MAX 64
#define WORDS_BYTES 4096

struct words {
	char text[WORDS_BYTES + 1];
	char *word[WORDS_MAX + 2]; /* the first is for a program's name; a NULL ends them */
	int count;                 /* with the first */
};

/*
 * Takes an input to pieces, each of which ends in a newline or a NUL byte; what
 * is too much is left out. The first word becomes `first`, kept by reference.
 */
void words_split(struct words *words, char *first, const uint8_t *data, size_t size);

/* From here on, what goes to standard error is kept; reports of sanitizers are not. */
void stderr_catch(void);

/* No longer; returns what was kept, good until the next time: up to 64 KiB. */
const char *stderr_release(void);

#endif
