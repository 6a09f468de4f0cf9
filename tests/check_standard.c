/* SPDX-License-Identifier: ISC */
/* common/standard.h: what takes the place of a closed descriptor, and output that gets nowhere. */
#include "tests/suites.h"

#include "common/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- descriptors: each test in a child, which has no use for its own ---- */

static struct stat before[3];

/* Puts something in their place that can be told from all else. */
static void note_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		FILE *file = tmpfile();

		dup2(fileno(file), fd);
		fclose(file);
		fstat(fd, &before[fd]);
	}
}

static bool is_as_before(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_ino == before[fd].st_ino &&
	    status.st_dev == before[fd].st_dev;
}

/* It is open, but what a program does with it fails as if it were not. */
static bool fails(int fd)
{
	char byte = 0;

	errno = 0;
	if (fcntl(fd, F_GETFD) < 0)
		return false;
	return (fd == STDIN_FILENO ? read(fd, &byte, 1) : write(fd, &byte, 1)) < 0 &&
	    errno == EBADF;
}

/* `with` is a number whose bits say which of the three are closed at the start. */
static int open_what_is_closed(void *with)
{
	int closed = *(int *)with;
	int first;

	note_descriptors();
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if ((closed & 1 << fd) != 0)
			close(fd);
	if (standard_open() < 0)
		return 1;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if ((closed & 1 << fd) != 0 ? !fails(fd) : !is_as_before(fd))
			return 2;
	first = open("/", O_RDONLY);
	return first > STDERR_FILENO ? 0 : 3;
}

START_TEST(closed_ones_are_taken_and_fail_and_the_others_are_left_alone)
{
	child_succeeded(child_start(open_what_is_closed, &_i));
}
END_TEST

static int open_none_without_room(void *unused)
{
	struct rlimit three = { 3, 3 };

	(void)unused;
	note_descriptors();
	setrlimit(RLIMIT_NOFILE, &three);
	return standard_open() == 0 && is_as_before(0) && is_as_before(1) && is_as_before(2) ? 0 : 1;
}

START_TEST(open_ones_need_nothing)
{
	child_succeeded(child_start(open_none_without_room, NULL));
}
END_TEST

/* ---- what is printed ---- */

static char *complaint; /* on standard error */
static size_t length;

/* The output goes to `path` from here on. */
static void print_to(const char *path)
{
	stdout = fopen(path, "w");
	ck_assert_ptr_nonnull(stdout);
	stderr = open_memstream(&complaint, &length);
	ck_assert_ptr_nonnull(stderr);
	setprogname("tester");
}

static void complains(const char *text)
{
	fflush(stderr);
	ck_assert_str_eq(complaint, text);
}

START_TEST(output_that_is_written_is_no_trouble)
{
	print_to("/dev/null");
	ck_assert_int_eq(standard_printed(), EX_OK);
	puts("something");
	ck_assert_int_eq(standard_printed(), EX_OK);
	complains("");
}
END_TEST

START_TEST(output_that_cannot_be_written_is_told)
{
	print_to("/dev/full");
	puts("something");
	ck_assert_int_eq(standard_printed(), EX_IOERR);
	complains("tester: standard output: No space left on device\n");
}
END_TEST

/* The buffer is empty by then, and nobody remembers why. */
START_TEST(output_that_failed_earlier_is_told)
{
	print_to("/dev/full");
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("something");
	errno = 0;
	ck_assert_int_eq(standard_flush(), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(standard_printed(), EX_IOERR);
	complains("tester: standard output: Input/output error\n");
}
END_TEST

Suite *standard_suite(void)
{
	Suite *suite = suite_create("standard");
	TCase *descriptors = tcase_create("descriptors");
	TCase *output = tcase_create("output");

	tcase_add_loop_test(descriptors,
	    closed_ones_are_taken_and_fail_and_the_others_are_left_alone, 0, 8);
	tcase_add_test(descriptors, open_ones_need_nothing);
	suite_add_tcase(suite, descriptors);
	tcase_add_test(output, output_that_is_written_is_no_trouble);
	tcase_add_test(output, output_that_cannot_be_written_is_told);
	tcase_add_test(output, output_that_failed_earlier_is_told);
	suite_add_tcase(suite, output);
	return suite;
}
