/* SPDX-License-Identifier: ISC */
#include "common/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Length of the name that the program was started by, its folder included. */
static int started_as;

void title_init(int argc, char **argv)
{
	started_as = (int)strlen(argv[0]);
	setproctitle_init(argc, argv, environ);
}

static struct title make(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

static struct title make(const char *format, va_list arguments)
{
	struct title title;
	char text[96];

	vsnprintf(text, sizeof text, format, arguments);
	snprintf(title.text, sizeof title.text, "%.30s: %s", getprogname(), text);
	return title;
}

void title_make(struct title *title, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	*title = make(format, arguments);
	va_end(arguments);
}

/*
 * After a minus sign libbsd does not put the program's name first: it is in the text.
 * Blanks fill the title up to the length of argv[0]: libbsd marks a title that is
 * shorter with a full stop at that place, which ps(1) would show.
 */
void title_show(const struct title *title)
{
	setproctitle("-%-*s", started_as, title->text);
}

void title_set(const char *format, ...)
{
	struct title title;
	va_list arguments;

	va_start(arguments, format);
	title = make(format, arguments);
	va_end(arguments);
	title_show(&title);
}
