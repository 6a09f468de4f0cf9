/* SPDX-License-Identifier: ISC */
#include "common/timestamp.h"

#include <time.h>

const char *timestamp(void)
{
	static time_t made = -1;
	static char text[32];
	time_t now = time(NULL);
	struct tm local;

	if (now != made) {
		localtime_r(&now, &local);
		strftime(text, sizeof text, "%b %e %T", &local);
		made = now;
	}
	return text;
}
