/* SPDX-License-Identifier: ISC */
#include "client/load_values.h"

#include "client/load_schedule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What letters after a number stand for. */
struct unit {
	const char *letters;
	double factor;
};

static const struct unit times[] = { { "ms", 0.001 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
	{ "", 1 }, { 0 } };
static const struct unit sizes[] = { { "k", 1024 }, { "m", 1024.0 * 1024 }, { "", 1 }, { 0 } };

/* Room for any number that makes sense, and its unit. */
#define WORD_MAX 32

/* strtonum(3) and strtod(3) take blanks, signs, and the latter hexadecimals: none of them here. */
int load_read_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	const char *problem = NULL;
	long long value;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	value = strtonum(text, (long long)least, (long long)most, &problem);
	if (problem != NULL)
		return -1;
	*number = (uint64_t)value;
	return 0;
}

/* Digits, where `fractions` are allowed with a point among them, and one of the units. */
static int read_with_unit(const char *text, const struct unit *units, const char *allowed,
    double *value)
{
	char digits[WORD_MAX];
	size_t length = strspn(text, allowed);
	char *end;

	if (length == 0 || length >= sizeof digits || !isdigit((unsigned char)text[0]))
		return -1;
	while (units->letters != NULL && strcmp(units->letters, text + length) != 0)
		units++;
	if (units->letters == NULL)
		return -1;
	strlcpy(digits, text, length + 1);
	*value = strtod(digits, &end) * units->factor;
	return *end == '\0' ? 0 : -1;
}

int load_read_size(const char *text, uint32_t most, uint32_t *size)
{
	double value;

	if (read_with_unit(text, sizes, "0123456789", &value) < 0 || value < 1 || value > most)
		return -1;
	*size = (uint32_t)value;
	return 0;
}

int load_read_sizes(const char *text, uint32_t most, uint32_t *least_size, uint32_t *most_size)
{
	const char *dash = strchr(text, '-');
	char first[WORD_MAX];
	uint32_t from;
	uint32_t to;

	if (dash == NULL) {
		if (load_read_size(text, most, least_size) < 0)
			return -1;
		*most_size = *least_size;
		return 0;
	}
	if ((size_t)(dash - text) >= sizeof first)
		return -1;
	strlcpy(first, text, (size_t)(dash - text) + 1);
	if (load_read_size(first, most, &from) < 0 || load_read_size(dash + 1, most, &to) < 0 ||
	    from > to)
		return -1;
	*least_size = from;
	*most_size = to;
	return 0;
}

int load_read_duration(const char *text, double least, double most, double *seconds)
{
	double value;

	if (read_with_unit(text, times, "0123456789.", &value) < 0 || value < least || value > most)
		return -1;
	*seconds = value;
	return 0;
}

/* What follows the first rate: "..LAST/STEPS". */
static int read_steps(char *text, uint64_t *last, uint64_t *steps)
{
	char *slash = strchr(text, '/');

	if (strncmp(text, "..", 2) != 0 || slash == NULL)
		return -1;
	*slash = '\0';
	if (load_read_number(text + 2, 1, LOAD_RATE_MAX, last) < 0)
		return -1;
	return load_read_number(slash + 1, 2, LOAD_STEPS_MAX, steps);
}

int load_read_rate(const char *text, struct load_rate *rate)
{
	size_t length = strspn(text, "0123456789");
	char word[WORD_MAX];
	uint64_t first;
	uint64_t last;
	uint64_t steps = 1;

	if (length >= sizeof word || strlen(text + length) >= sizeof word)
		return -1;
	strlcpy(word, text, length + 1);
	if (load_read_number(word, 1, LOAD_RATE_MAX, &first) < 0)
		return -1;
	last = first;
	strlcpy(word, text + length, sizeof word);
	if (word[0] != '\0' && read_steps(word, &last, &steps) < 0)
		return -1;
	*rate = (struct load_rate){ (double)first, (double)last, (unsigned)steps };
	return 0;
}

int load_read_classes(const char *text, uint32_t *classes)
{
	uint32_t bits = 0;
	char name[WORD_MAX];

	if (strcmp(text, "none") == 0) {
		*classes = 0;
		return 0;
	}
	for (;;) {
		size_t length = strcspn(text, ",");
		int class = -1;

		if (length < sizeof name) {
			strlcpy(name, text, length + 1);
			class = load_class_from_name(name);
		}
		if (class < 0)
			return -1;
		bits |= 1u << class;
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	*classes = bits;
	return 0;
}
