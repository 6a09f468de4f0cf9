/* SPDX-License-Identifier: ISC */
/* The classes in which connections end: their names, and which errors belong to them. */
#include "client/load.h"

#include <errno.h>
#include <string.h>

static const char *const names[LOAD_CLASSES] = {
	[LOAD_CLEAN] = "clean",
	[LOAD_REFUSED] = "refused",
	[LOAD_RESET_BEFORE] = "reset-before",
	[LOAD_RESET_AFTER] = "reset-after",
	[LOAD_TIMEOUT] = "timeout",
	[LOAD_SHORT] = "short",
	[LOAD_CORRUPT] = "corrupt",
	[LOAD_NO_PORT] = "no-port",
};

const char *load_class_name(enum load_class class)
{
	return names[class];
}

int load_class_from_name(const char *name)
{
	for (int class = 0; class < LOAD_CLASSES; class++)
		if (strcmp(names[class], name) == 0)
			return class;
	return -1;
}

/* EAGAIN is what connect(2) says instead of EADDRNOTAVAIL in some cases: no port to bind to. */
enum load_class load_class_of_connect(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
	case EAGAIN:
		return LOAD_NO_PORT;
	case ETIMEDOUT:
		return LOAD_TIMEOUT;
	default:
		return LOAD_REFUSED;
	}
}

enum load_class load_class_of_break(int error, bool had_bytes)
{
	if (error == ETIMEDOUT)
		return LOAD_TIMEOUT;
	return had_bytes ? LOAD_RESET_AFTER : LOAD_RESET_BEFORE;
}
