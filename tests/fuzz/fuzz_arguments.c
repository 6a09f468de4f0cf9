/* SPDX-License-Identifier: ISC */
/*
 * The command lines of all three programs, each fed with the same words. One
 * that is wrong is told so, one that is right is not, and its values are in
 * their ranges; what is in force can be given again, as a file and as a
 * command line, and means the same.
 */
#include "tests/fuzz/fuzz.h"

#include "client/client_options.h"
#include "client/load.h"
#include "common/settings_table.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *input;
static size_t input_size;

/* getopt_long(3) changes the order, so each reader gets words of its own. */
static void split(struct words *words, const char *program)
{
	static char name[32];

	strlcpy(name, program, sizeof name);
	words_split(words, name, input, input_size);
}

/* ---- echo-master ---- */

static bool names_a_file(void)
{
	static struct words words;
	struct settings settings = { 0 };
	struct settings_sources sources = { .argv = words.word };
	const char *file = NULL;
	FILE *nowhere = fopen("/dev/null", "w");

	must(nowhere != NULL, "/dev/null can be opened");
	split(&words, "echo-master");
	sources.argc = words.count;
	settings_read_args(&settings, &sources, &file, nowhere);
	fclose(nowhere);
	return file != NULL;
}

/* Returns what was asked for; the caller frees `*told`. */
static enum settings_request load(struct settings *settings, struct words *words, char **told)
{
	struct settings_sources sources = { .argc = words->count, .argv = words->word };
	enum settings_request request;
	size_t size;
	FILE *errors = open_memstream(told, &size);

	must(errors != NULL, "there is memory");
	request = settings_load(settings, &sources, errors);
	fclose(errors);
	must(size == 0 || (*told)[size - 1] == '\n', "the last line of what is told ends");
	must((request == SETTINGS_WRONG || request == SETTINGS_BAD_FILE) == (size > 0),
	    "a mistake is told, and nothing else is");
	return request;
}

static void check_as_file(const struct settings *settings, const struct settings *defaults)
{
	struct settings again = *defaults;
	char *text;
	char *told;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	FILE *errors;

	must(stream != NULL, "there is memory");
	settings_print(settings, stream);
	fclose(stream);
	stream = fmemopen(text, size, "r");
	errors = open_memstream(&told, &size);
	must(stream != NULL && errors != NULL, "there is memory");
	must(settings_read_stream(&again, stream, "again", errors) == 0,
	    "what is printed has no mistake");
	fclose(stream);
	fclose(errors);
	must(settings_compare(settings, &again, NULL, NULL, NULL) == 0,
	    "what is printed reads back the same");
	free(text);
	free(told);
}

static void check_as_words(const struct settings *settings)
{
	static char text[SETTINGS_COUNT][SETTINGS_TEXT_MAX + 64];
	static char program[] = "echo-master";
	struct words words = { .word = { program }, .count = 1 };
	char value[SETTINGS_TEXT_MAX];
	struct settings again;
	char *told;

	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		if (setting_adds_up(&settings_table[i]))
			continue; /* one text may not hold all of its rules */
		setting_get(settings, &settings_table[i], value);
		snprintf(text[i], sizeof text[i], "--%s=%s", settings_table[i].key, value);
		words.word[words.count++] = text[i];
	}
	must(load(&again, &words, &told) == SETTINGS_RUN, "what is in force can be given");
	again.access = settings->access;
	must(settings_compare(settings, &again, NULL, NULL, NULL) == 0,
	    "what is in force can be given again");
	free(told);
}

static void try_master(void)
{
	static struct words words;
	static struct words none;
	struct settings settings;
	struct settings defaults;
	enum settings_request request;
	char *told;

	/* Any file may be named, and files are what fuzz_settings.c tries. */
	if (names_a_file())
		return;
	words_split(&none, (char[]){ "echo-master" }, NULL, 0);
	load(&defaults, &none, &told);
	free(told);
	split(&words, "echo-master");
	request = load(&settings, &words, &told);
	free(told);
	if (request == SETTINGS_WRONG || request == SETTINGS_BAD_FILE)
		return;
	check_as_file(&settings, &defaults);
	check_as_words(&settings);
}

/* ---- echo-load ---- */

static void check_load(const struct load_options *options)
{
	must(options->host != NULL && port_number(options->port) >= 1, "host and port are there");
	must(options->connections >= 1 && options->connections <= 100000, "connections");
	must(options->threads >= 1 && options->threads <= 256, "threads");
	must(options->churn <= 100000 && options->idle <= 100000, "churn and idle");
	must(options->size_least >= 1 && options->size_least <= options->size_most &&
	    options->size_most <= 16 * 1024 * 1024, "sizes");
	must(options->duration_s >= 0 && options->duration_s <= 604800, "duration");
	must(options->duration_s > 0 || options->echoes > 0, "the load ends at some time");
	must(options->ramp_s >= 0 && options->ramp_s <= 604800, "ramp");
	must(options->timeout_s >= 0.001 && options->timeout_s <= 3600, "timeout");
	must(options->rate.steps >= 1, "steps");
	must(options->fail_on >> LOAD_CLASSES == 0, "classes");
	must(!options->half_close || !options->reset_close, "a connection ends in one way");
	must(options->hgrm == NULL || options->hgrm[0] != '\0', "a file has a name");
}

static void try_load(void)
{
	static struct words words;
	struct load_options options;
	enum load_request request;
	const char *told;

	split(&words, "echo-load");
	stderr_catch();
	request = load_read_options(&options, words.count, words.word);
	told = stderr_release();
	must(request != LOAD_WRONG || told[0] != '\0', "echo-load tells a mistake");
	if (request != LOAD_RUN)
		return;
	must(told[0] == '\0', "echo-load tells nothing but mistakes");
	check_load(&options);
}

/* ---- echo-client ---- */

static void check_client(const struct client_options *options)
{
	must(options->host != NULL && port_number(options->port) >= 1, "host and port are there");
	must(options->size >= 1 && options->size <= CLIENT_SIZE_MAX, "size");
	must(options->count <= 1000000000, "count");
	must(options->interval_us <= UINT64_C(3600000000), "interval");
	must(options->timeout_us >= 1000 && options->timeout_us <= UINT64_C(3600000000), "timeout");
	must(options->connecting.timeout_ms >= 1 && options->connecting.timeout_ms <= 3600000,
	    "timeout of a connect");
	must(options->ping || (options->count == 0 && options->size == 64 &&
	    options->interval_us == 1000000), "what is only for --ping comes with it");
}

static void try_client(void)
{
	static struct words words;
	struct client_options options;
	enum client_request request;
	const char *told;

	split(&words, "echo-client");
	stderr_catch();
	optind = 0; /* glibc and musl: begin anew; a program reads one line only */
	opterr = 1;
	request = client_read_options(&options, words.count, words.word);
	told = stderr_release();
	must((request == CLIENT_WRONG) == (told[0] != '\0'),
	    "echo-client tells a mistake, and nothing else");
	if (request == CLIENT_RUN)
		check_client(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	input_size = size;
	try_master();
	try_load();
	try_client();
	return 0;
}
