/* SPDX-License-Identifier: ISC */
/*
 * The bytes are those of 64-bit words, one after the other: outputs of
 * splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, 2014), which can be had at any place without those before it.
 * A word at a time is what makes it fast. In which order a word's bytes lie is
 * the machine's own: what is compared was written by the same machine.
 *
 * Two places hold the same byte once in 256 times, whatever lies between them,
 * so a single byte from elsewhere can go unnoticed; eight of them will not.
 */
#include "client/pattern.h"

#include <string.h>

#define WORD sizeof(uint64_t)

/* 2^64 divided by the golden ratio: far apart for neighbouring numbers. */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* Every bit of the result depends on every bit of x. */
static inline uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Where the words of a message start: mixed, so that no message is another one shifted. */
static uint64_t key_of(uint64_t sequence)
{
	return mix(sequence + GOLDEN);
}

static inline uint64_t word_at(uint64_t key, uint64_t index)
{
	return mix(key + (index + 1) * GOLDEN);
}

/* How many bytes there are before the first whole word. */
static size_t before_words(size_t size, uint64_t offset)
{
	size_t before = (size_t)(-offset % WORD);

	return before < size ? before : size;
}

/* Writes bytes of one word only. */
static void write_part(char *bytes, size_t size, uint64_t key, uint64_t offset)
{
	uint64_t word = word_at(key, offset / WORD);

	memcpy(bytes, (const char *)&word + offset % WORD, size);
}

void pattern_write(char *bytes, size_t size, uint64_t sequence, uint64_t offset)
{
	uint64_t key = key_of(sequence);
	size_t done = before_words(size, offset);

	if (done > 0)
		write_part(bytes, done, key, offset);
	for (; size - done >= WORD; done += WORD) {
		uint64_t word = word_at(key, (offset + done) / WORD);

		memcpy(bytes + done, &word, WORD);
	}
	if (done < size)
		write_part(bytes + done, size - done, key, offset + done);
}

/* Compares with bytes of one word only; returns the place of the first that is wrong, or `size`. */
static size_t compare_part(const char *bytes, size_t size, uint64_t key, uint64_t offset)
{
	char right[WORD];
	size_t same = 0;

	write_part(right, size, key, offset);
	while (same < size && bytes[same] == right[same])
		same++;
	return same;
}

size_t pattern_compare(const char *bytes, size_t size, uint64_t sequence, uint64_t offset)
{
	uint64_t key = key_of(sequence);
	size_t before = before_words(size, offset);
	size_t done = before > 0 ? compare_part(bytes, before, key, offset) : 0;

	if (done < before)
		return done;
	for (; size - done >= WORD; done += WORD) {
		uint64_t word;

		memcpy(&word, bytes + done, WORD);
		if (word != word_at(key, (offset + done) / WORD))
			return done + compare_part(bytes + done, WORD, key, offset + done);
	}
	if (done < size)
		done += compare_part(bytes + done, size - done, key, offset + done);
	return done;
}

void pattern_make_line(char *bytes, size_t size, uint64_t offset, uint64_t length)
{
	char *end = bytes + size;

	for (char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
		*at = '\v';
	if (size > 0 && offset + size == length)
		end[-1] = '\n';
}
