/* SPDX-License-Identifier: ISC */
/*
 * Stands in for libFuzzer where the compiler has none:
 *
 *   replay KEPT FILE...
 *
 * tries every file as it is, then FUZZ_RUNS (20000) random changes of them.
 * Before each try its input is written to the file KEPT, which is left behind
 * only by one that fails; `FUZZ_RUNS=0 replay /tmp/again KEPT` tries that alone.
 * FUZZ_SEED set to what was printed makes the same changes again.
 */
#include "tests/fuzz/fuzz.h"

#include "common/settings_table.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define INPUT_MAX 2048 /* bytes; of a larger file only so many are tried */
#define FILES_MAX 64
#define CHANGES_MAX 8
#define RUNS_STANDARD 20000

/* A try that takes longer, in seconds, is stuck. */
#define TRY_MAX 20

struct input {
	char bytes[INPUT_MAX];
	size_t size;
};

static struct input files[FILES_MAX];
static size_t files_count;
static uint64_t random_state;

/* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014). */
static size_t below(size_t limit)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (size_t)((z ^ (z >> 31)) % limit);
}

static uint64_t number_from(const char *name, uint64_t standard)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : standard;
}

static void read_file(const char *path)
{
	struct input *input = &files[files_count];
	FILE *file = fopen(path, "r");

	if (files_count == FILES_MAX)
		errx(EX_USAGE, "more than %d files", FILES_MAX);
	if (file == NULL)
		err(EX_NOINPUT, "%s", path);
	input->size = fread(input->bytes, 1, INPUT_MAX, file);
	if (ferror(file))
		err(EX_IOERR, "%s", path);
	fclose(file);
	files_count++;
}

/* Puts `count` bytes in the place of the `removed` ones at `at`, or does nothing without room. */
static void replace(struct input *input, size_t at, size_t removed, const char *bytes,
    size_t count)
{
	size_t rest = input->size - at - removed;

	if (at + count + rest > INPUT_MAX)
		return;
	memmove(input->bytes + at + count, input->bytes + at + removed, rest);
	memcpy(input->bytes + at, bytes, count);
	input->size = at + count + rest;
}

/* A few bytes go; for them comes nothing, a byte, a word of the settings, or part of a file. */
static void change(struct input *input)
{
	static const char telling[] = "\n\n  #\\\\\t\r\v0129:-*%smh\"'=\0\033\177\200\377";
	const struct setting *setting = &settings_table[below(SETTINGS_COUNT)];
	const struct input *other = &files[below(files_count)];
	size_t at = below(input->size + 1);
	size_t left = input->size - at;
	size_t removed = below(3) == 0 ? below((left < 16 ? left : 16) + 1) : 0;
	size_t from = below(other->size + 1);
	char byte = (char)(below(4) == 0 ? below(256) : (size_t)telling[below(sizeof telling - 1)]);

	switch (below(6)) {
	case 0:
		replace(input, at, removed, "", 0);
		break;
	case 1:
		replace(input, at, removed, setting->key, strlen(setting->key));
		break;
	case 2:
		replace(input, at, removed, setting->standard, strlen(setting->standard));
		break;
	case 3:
		replace(input, at, removed, other->bytes + from, below(other->size - from + 1));
		break;
	default:
		replace(input, at, removed, &byte, 1);
	}
}

static void try_input(const struct input *input, int kept)
{
	if (pwrite(kept, input->bytes, input->size, 0) != (ssize_t)input->size ||
	    ftruncate(kept, (off_t)input->size) < 0)
		err(EX_IOERR, "the input cannot be kept");
	alarm(TRY_MAX);
	LLVMFuzzerTestOneInput((const uint8_t *)input->bytes, input->size);
}

static void try_changes(uint64_t runs, int kept)
{
	struct input input;

	for (uint64_t run = 0; run < runs; run++) {
		input = files[below(files_count)];
		for (size_t changes = below(CHANGES_MAX) + 1; changes > 0; changes--)
			change(&input);
		try_input(&input, kept);
	}
}

int main(int argc, char **argv)
{
	uint64_t runs = number_from("FUZZ_RUNS", RUNS_STANDARD);
	int kept;

	if (argc < 3)
		errx(EX_USAGE, "usage: %s KEPT FILE...", getprogname());
	random_state = number_from("FUZZ_SEED", arc4random());
	fprintf(stderr, "replay: FUZZ_SEED=%" PRIu64 " FUZZ_RUNS=%" PRIu64
	    "; an input that fails stays in %s\n", random_state, runs, argv[1]);
	kept = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (kept < 0)
		err(EX_CANTCREAT, "%s", argv[1]);
	for (int i = 2; i < argc; i++)
		read_file(argv[i]);
	for (size_t i = 0; i < files_count; i++)
		try_input(&files[i], kept);
	try_changes(runs, kept);
	unlink(argv[1]);
	return EX_OK;
}
