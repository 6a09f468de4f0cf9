/* SPDX-License-Identifier: ISC */
#include "master/tables.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

struct tables *tables_open(void)
{
	struct tables *tables = mmap(NULL, sizeof *tables, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int saved;

	if (tables == MAP_FAILED)
		return NULL;
	if (madvise(tables, sizeof *tables, MADV_DONTFORK) == 0)
		return tables;
	saved = errno;
	tables_close(tables);
	errno = saved;
	return NULL;
}

void tables_close(struct tables *tables)
{
	if (tables != NULL)
		munmap(tables, sizeof *tables);
}
