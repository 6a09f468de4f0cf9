/* SPDX-License-Identifier: ISC */
/*
 * The bytes that are sent and looked for when they come back. Each depends on
 * the sequence number of its message and on its place in it, so that a byte
 * that was changed, lost, doubled or taken from another message shows. Pure.
 */
#ifndef CLIENT_PATTERN_H
#define CLIENT_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Writes `size` bytes of message `sequence`, from its byte number `offset` on. */
void pattern_write(char *bytes, size_t size, uint64_t sequence, uint64_t offset);

/*
 * Compares. Returns the place in `bytes` of the first that is wrong, or `size`
 * when all are right.
 */
size_t pattern_compare(const char *bytes, size_t size, uint64_t sequence, uint64_t offset);

/*
 * Turns `size` bytes of a message, from its byte number `offset` on, into those
 * of a line: the last of all `length` bytes becomes a newline, and no other is
 * one.
 */
void pattern_make_line(char *bytes, size_t size, uint64_t offset, uint64_t length);

#endif
