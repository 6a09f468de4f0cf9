/* SPDX-License-Identifier: ISC */
#include "master/reason.h"

#include <stdarg.h>
#include <stdio.h>

int fail_because(char why[static REASON_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, REASON_MAX, format, arguments);
	va_end(arguments);
	return -1;
}
