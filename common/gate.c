/* SPDX-License-Identifier: ISC */
#include "common/gate.h"

#include <limits.h>
#include <linux/filter.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* The filter sees a segment from its TCP header on; flags are in byte 13 (RFC 9293, 3.1). */
#define FLAGS_OFFSET 13

/* The highest hop limit there is: only from next door can a segment still have it. */
#define TTL_MAX 255

static int drop_requests(int listener)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_OFFSET),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog program = { .len = sizeof steps / sizeof steps[0], .filter = steps };

	return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* An IPv6 socket has IPv4 clients too, and an option for each kind. */
static int demand_hops(int fd, int hops)
{
	int four = setsockopt(fd, IPPROTO_IP, IP_MINTTL, &hops, sizeof hops);
	int six = setsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &hops, sizeof hops);

	return four < 0 && six < 0 ? -1 : 0;
}

int gate_close(int listener)
{
	return drop_requests(listener) == 0 ? 0 : demand_hops(listener, TTL_MAX);
}

/*
 * The number of a network interface that does not exist: a listener that is bound
 * to it is passed over when the kernel looks for one (SO_BINDTOIFINDEX, socket(7)).
 * A handshake under way knows its listener, and does not look.
 */
#define NO_INTERFACE INT_MAX

int gate_divert(int listener)
{
	int interface = NO_INTERFACE;

	return setsockopt(listener, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, sizeof interface);
}

void gate_lift(int connection)
{
	demand_hops(connection, 0);
}
