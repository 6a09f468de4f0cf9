/* SPDX-License-Identifier: ISC */
/*
 * The pattern: any byte that is not in its place is found where it is.
 *
 * Two bytes of the pattern are equal by chance once in 256 times, and then
 * nothing is wrong that could be found: a place where this is so is passed over,
 * and a test sees to it that this is rare. Nothing here depends on luck, for the
 * pattern is always the same.
 */
#include "tests/suites.h"

#include "client/pattern.h"

#include <string.h>

#define SIZE 1000
#define SEQUENCE 7
#define OFFSET 3

/* What came back, with one byte more on each side that is not part of it. */
static char room[SIZE + 2];
static char *const bytes = room + 1;

static void fill(void)
{
	pattern_write(bytes, SIZE, SEQUENCE, OFFSET);
}

static void first_wrong_is(size_t place)
{
	ck_assert_uint_eq(pattern_compare(bytes, SIZE, SEQUENCE, OFFSET), place);
}

START_TEST(what_was_written_is_right)
{
	first_wrong_is(SIZE);
}
END_TEST

START_TEST(any_flipped_bit_is_found)
{
	for (size_t place = 0; place < SIZE; place++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes[place] ^= (char)(1 << bit);
			first_wrong_is(place);
			bytes[place] ^= (char)(1 << bit);
		}
	}
}
END_TEST

/* The first wrong byte is told, not the last, and not the word it is in. */
START_TEST(first_of_two_wrong_bytes_is_found)
{
	for (size_t first = 0; first < SIZE - 1; first++) {
		for (size_t second = first + 1; second < SIZE && second < first + 20; second++) {
			bytes[first] ^= 1;
			bytes[second] ^= 1;
			first_wrong_is(first);
			bytes[first] ^= 1;
			bytes[second] ^= 1;
		}
	}
}
END_TEST

/* Where the next byte is equal, one that is missing is not missed until later. */
START_TEST(missing_byte_is_found)
{
	for (size_t place = 0; place < SIZE - 1; place++) {
		fill();
		if (bytes[place] == bytes[place + 1])
			continue;
		memmove(bytes + place, bytes + place + 1, SIZE - place - 1);
		first_wrong_is(place);
	}
}
END_TEST

START_TEST(doubled_byte_is_found)
{
	for (size_t place = 0; place < SIZE - 1; place++) {
		fill();
		if (bytes[place] == bytes[place + 1])
			continue;
		memmove(bytes + place + 1, bytes + place, SIZE - place - 1);
		first_wrong_is(place + 1);
	}
}
END_TEST

START_TEST(swapped_neighbours_are_found)
{
	for (size_t place = 0; place < SIZE - 1; place++) {
		char one = bytes[place];

		if (one == bytes[place + 1])
			continue;
		bytes[place] = bytes[place + 1];
		bytes[place + 1] = one;
		first_wrong_is(place);
		fill();
	}
}
END_TEST

START_TEST(byte_of_the_message_before_is_found)
{
	char before[SIZE];

	pattern_write(before, SIZE, SEQUENCE - 1, OFFSET);
	for (size_t place = 0; place < SIZE; place++) {
		if (before[place] == bytes[place])
			continue;
		bytes[place] = before[place];
		first_wrong_is(place);
		fill();
	}
}
END_TEST

/* How many of the bytes are the same in both. */
static size_t equal_bytes(const char *a, const char *b, size_t size)
{
	size_t equal = 0;

	for (size_t i = 0; i < size; i++)
		equal += a[i] == b[i];
	return equal;
}

/* ---- how often bytes are equal ---- */

enum { COUNT = 65536, FARTHEST = 64 };

static char message[COUNT + FARTHEST];

static void fill_message(void)
{
	pattern_write(message, sizeof message, SEQUENCE, 0);
}

/*
 * One in 256 of 65536 is 256, with a standard deviation of 16: between 176 and
 * 336 is five of them on either side.
 */
static void as_rare_as_by_chance(size_t equal)
{
	ck_assert_uint_ge(equal, 176);
	ck_assert_uint_le(equal, 336);
}

START_TEST(equal_bytes_are_as_rare_as_by_chance)
{
	for (size_t distance = 1; distance <= FARTHEST; distance++)
		as_rare_as_by_chance(equal_bytes(message, message + distance, COUNT));
}
END_TEST

/* Nor is a message another one that begins elsewhere. */
START_TEST(no_message_is_another_one_shifted)
{
	static const uint64_t sequences[] = { 0, 1, 6, 8, 7 + 256, 7 << 16, UINT64_MAX };
	static char another[COUNT];

	for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
		pattern_write(another, COUNT, sequences[i], 0);
		for (size_t distance = 0; distance <= FARTHEST; distance++)
			as_rare_as_by_chance(equal_bytes(message + distance, another, COUNT));
	}
}
END_TEST

/* In short messages too, whose sequence numbers are all that tells them apart. */
START_TEST(same_place_differs_from_message_to_message)
{
	for (uint64_t offset = 0; offset < 16; offset++) {
		size_t equal = 0;
		char last = 0;

		for (uint64_t sequence = 0; sequence <= COUNT; sequence++) {
			char byte;

			pattern_write(&byte, 1, sequence, offset);
			equal += sequence > 0 && byte == last;
			last = byte;
		}
		as_rare_as_by_chance(equal);
	}
}
END_TEST

START_TEST(any_split_is_the_same_message)
{
	enum { LENGTH = 70 };
	char whole[LENGTH];

	pattern_write(whole, LENGTH, SEQUENCE, 0);
	for (size_t first = 0; first <= LENGTH; first++) {
		for (size_t second = first; second <= LENGTH; second++) {
			memset(room, '#', sizeof room);
			pattern_write(bytes + first, second - first, SEQUENCE, first);
			ck_assert_mem_eq(bytes + first, whole + first, second - first);
			ck_assert_int_eq(bytes[(ptrdiff_t)first - 1], '#');
			ck_assert_int_eq(bytes[second], '#');
			ck_assert_uint_eq(
			    pattern_compare(whole + first, second - first, SEQUENCE, first),
			    second - first);
		}
	}
}
END_TEST

/* What lies behind the bytes asked about does not matter. */
START_TEST(only_the_bytes_asked_about_are_compared)
{
	for (size_t size = 0; size < 40; size++) {
		fill();
		bytes[size] ^= 1;
		ck_assert_uint_eq(pattern_compare(bytes, size, SEQUENCE, OFFSET), size);
	}
}
END_TEST

START_TEST(offsets_beyond_32_bits_count)
{
	char near[64], far[64];

	pattern_write(near, sizeof near, SEQUENCE, 5);
	pattern_write(far, sizeof far, SEQUENCE, (UINT64_C(1) << 32) + 5);
	ck_assert_uint_lt(equal_bytes(near, far, sizeof near), 8);
	ck_assert_uint_eq(
	    pattern_compare(far, sizeof far, SEQUENCE, (UINT64_C(1) << 32) + 5), sizeof far);
}
END_TEST

/* Pieces of a message are the same line as the whole. */
START_TEST(line_has_one_newline_and_it_is_the_last_byte)
{
	char whole[4096], piece[4096];

	for (size_t split = 0; split <= sizeof whole; split += 512) {
		pattern_write(whole, sizeof whole, SEQUENCE, 0);
		ck_assert_ptr_nonnull(memchr(whole, '\n', sizeof whole - 1));
		pattern_make_line(whole, sizeof whole, 0, sizeof whole);
		ck_assert_ptr_eq(memchr(whole, '\n', sizeof whole), whole + sizeof whole - 1);
		pattern_write(piece, split, SEQUENCE, 0);
		pattern_make_line(piece, split, 0, sizeof whole);
		ck_assert_mem_eq(piece, whole, split);
		pattern_write(piece, sizeof whole - split, SEQUENCE, split);
		pattern_make_line(piece, sizeof whole - split, split, sizeof whole);
		ck_assert_mem_eq(piece, whole + split, sizeof whole - split);
	}
}
END_TEST

Suite *pattern_suite(void)
{
	Suite *suite = suite_create("pattern");
	TCase *tcase = tcase_create("pattern");
	TCase *chance = tcase_create("chance");

	tcase_add_checked_fixture(tcase, fill, NULL);
	tcase_add_test(tcase, what_was_written_is_right);
	tcase_add_test(tcase, any_flipped_bit_is_found);
	tcase_add_test(tcase, first_of_two_wrong_bytes_is_found);
	tcase_add_test(tcase, missing_byte_is_found);
	tcase_add_test(tcase, doubled_byte_is_found);
	tcase_add_test(tcase, swapped_neighbours_are_found);
	tcase_add_test(tcase, byte_of_the_message_before_is_found);
	tcase_add_test(tcase, any_split_is_the_same_message);
	tcase_add_test(tcase, only_the_bytes_asked_about_are_compared);
	tcase_add_test(tcase, offsets_beyond_32_bits_count);
	tcase_add_test(tcase, line_has_one_newline_and_it_is_the_last_byte);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(chance, fill_message, NULL);
	tcase_add_test(chance, equal_bytes_are_as_rare_as_by_chance);
	tcase_add_test(chance, no_message_is_another_one_shifted);
	tcase_add_test(chance, same_place_differs_from_message_to_message);
	suite_add_tcase(suite, chance);
	return suite;
}
