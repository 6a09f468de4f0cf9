/* SPDX-License-Identifier: ISC */
/*
 * A keyed hash: SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast
 * short-input PRF", 2012). Who does not know the key cannot find words that
 * collide, and so cannot crowd one place of a table. Pure.
 */
#ifndef COMMON_SIPHASH_H
#define COMMON_SIPHASH_H

#include <stdint.h>

/* Returns the hash of the eight bytes of `word`, lowest first. */
uint64_t siphash_word(const uint64_t key[2], uint64_t word);

#endif
