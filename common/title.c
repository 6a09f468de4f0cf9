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

/*
 * Blanks fill the title up to the length of argv[0]: libbsd marks a title that
 * is shorter with a full stop at that place, which ps(1) would show.
 */
void title_set(const char *format, ...)
{
	int least = started_as - (int)strlen(getprogname()) - 2;
	char text[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	setproctitle("%-*s", least > 0 ? least : 0, text);
}
