/* SPDX-License-Identifier: ISC */
/* What a fuzzer calls: libFuzzer of clang, or replay.c where there is none. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Tries one input. Returns 0; aborts when what must hold for every input does
 * not (https://llvm.org/docs/LibFuzzer.html).
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
