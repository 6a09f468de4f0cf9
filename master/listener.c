/* SPDX-License-Identifier: ISC */
#include "master/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int listener_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int get_info(int fd, struct tcp_info *info)
{
	socklen_t size = sizeof *info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size);
}

int listener_depth(int fd)
{
	struct tcp_info info;

	return get_info(fd, &info) < 0 ? -1 : (int)info.tcpi_unacked;
}

int listener_limit(int fd)
{
	struct tcp_info info;

	return get_info(fd, &info) < 0 ? -1 : (int)info.tcpi_sacked;
}
