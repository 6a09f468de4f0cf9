/* SPDX-License-Identifier: ISC */
#include "client/load_losses.h"

#include "common/nethelp.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

/* A line is written at once: who is told of a loss may look for it while the load goes on. */
int load_losses_open(struct load_losses *losses, const char *path)
{
	losses->file = fopen(path, "we");
	if (losses->file == NULL)
		return -1;
	setvbuf(losses->file, NULL, _IOLBF, BUFSIZ);
	return 0;
}

/* A connect that fails at once may leave the socket without a port, or with all zeros. */
static const char *own_address(const struct load_connection *connection, char *text)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} own = { .six = { .sin6_port = 0 } };
	socklen_t length = sizeof own;

	if (connection->fd < 0 ||
	    getsockname(connection->fd, &own.any, &length) < 0 ||
	    own.four.sin_port == 0) /* at the same place in both (RFC 3493, section 3.3) */
		return "-";
	return address_text(&own.any, length, text);
}

void load_losses_note(struct load_losses *losses, const struct load_connection *connection)
{
	char text[ADDRESS_TEXT_MAX];
	struct timeval now;
	int none = 0;

	gettimeofday(&now, NULL);
	if (fprintf(losses->file, "%jd.%06ld %s %s %u %" PRIu64 " %" PRIu64 " %s\n",
	        (intmax_t)now.tv_sec, (long)now.tv_usec, own_address(connection, text),
	        load_class_name(connection->class), connection->echoes, connection->bytes_out,
	        connection->bytes_in,
	        connection->error != 0 ? strerror(connection->error) : "-") < 0)
		atomic_compare_exchange_strong(&losses->error, &none, errno);
}

int load_losses_close(struct load_losses *losses)
{
	int error = atomic_load(&losses->error);

	if (losses->file != NULL && fclose(losses->file) != 0 && error == 0)
		error = errno;
	losses->file = NULL;
	errno = error;
	return error == 0 ? 0 : -1;
}
