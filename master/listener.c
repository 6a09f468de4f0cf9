/* SPDX-License-Identifier: ISC */
#include "master/listener.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* The filter sees a segment from its TCP header on; flags are in byte 13 (RFC 9293, 3.1). */
#define FLAGS_OFFSET 13

int listener_gate(int fd)
{
	struct sock_filter drop_requests[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_OFFSET),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog program = {
		.len = sizeof drop_requests / sizeof drop_requests[0],
		.filter = drop_requests,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int listener_narrow(int fd)
{
	return listen(fd, 0);
}

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
