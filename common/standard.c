/* SPDX-License-Identifier: ISC */
#include "common/standard.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

int standard_open(void)
{
	/* Those below are open by then, so the next to be opened gets this number. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* The wrong way round: /dev/null would take any output, and nobody would know. */
		int way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		if (fcntl(fd, F_GETFD) < 0 && open(_PATH_DEVNULL, way) < 0)
			return -1;
	}
	return 0;
}

int standard_flush(void)
{
	errno = EIO;
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}

int standard_printed(void)
{
	if (standard_flush() == 0)
		return EX_OK;
	warn("standard output");
	return EX_IOERR;
}
