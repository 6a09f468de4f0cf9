/* SPDX-License-Identifier: ISC */
#include "worker/buffers.h"

#include <sys/mman.h>

char *buffer_make(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages != MAP_FAILED ? pages : NULL;
}

char *buffers_borrow(struct buffers *buffers)
{
	char *buffer = buffers->spare > 0 ? buffers->kept[--buffers->spare]
	                                  : buffer_make(buffers->size);

	buffers->lent += buffer != NULL;
	return buffer;
}

void buffers_return(struct buffers *buffers, char *buffer)
{
	buffers->lent--;
	if (buffers->spare < BUFFERS_SPARE)
		buffers->kept[buffers->spare++] = buffer;
	else
		munmap(buffer, buffers->size);
}
