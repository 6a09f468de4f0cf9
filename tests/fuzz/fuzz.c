/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/fuzz.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

/* Of the sanitizers' run time, where there is one. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

static int true_stderr = -1;
static int kept = -1;

void must(bool holds, const char *what)
{
	if (holds)
		return;
	if (true_stderr >= 0)
		dup2(true_stderr, STDERR_FILENO);
	fprintf(stderr, "%s: this does not hold: %s\n", getprogname(), what);
	abort();
}

void words_split(struct words *words, char *first, const uint8_t *data, size_t size)
{
	char *rest = words->text;

	if (size > WORDS_BYTES)
		size = WORDS_BYTES;
	if (size > 0) /* else `data` may be NULL */
		memcpy(words->text, data, size);
	words->text[size] = '\0';
	words->word[0] = first;
	words->count = 1;
	while (rest < words->text + size && words->count <= WORDS_MAX) {
		words->word[words->count++] = rest;
		rest += strcspn(rest, "\n");
		*rest++ = '\0';
	}
	words->word[words->count] = NULL;
}

static void open_keeper(void)
{
	/* Above all that a target may put a descriptor of its own on. */
	true_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	kept = memfd_create("stderr", MFD_CLOEXEC);
	if (true_stderr < 0 || kept < 0)
		err(EX_OSERR, "standard error cannot be kept");
	if (__sanitizer_set_report_fd != NULL)
		__sanitizer_set_report_fd((void *)(intptr_t)true_stderr);
}

void stderr_catch(void)
{
	if (kept < 0)
		open_keeper();
	if (ftruncate(kept, 0) < 0 || lseek(kept, 0, SEEK_SET) < 0 ||
	    dup2(kept, STDERR_FILENO) < 0)
		err(EX_OSERR, "standard error cannot be kept");
}

const char *stderr_release(void)
{
	static char text[65536 + 1];
	ssize_t got;

	fflush(stderr);
	dup2(true_stderr, STDERR_FILENO);
	got = pread(kept, text, sizeof text - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	return text;
}
