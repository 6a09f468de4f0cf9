#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Networks as they are: some packets are lost, or small, or slow, or nothing comes for a while.
# All that changes is when bytes come back. Server and client each have a network of their own,
# with one cable between them; what the kernel cannot do is skipped, and said.

load ../e2e/common

# One command on either side.
at_server() {
	nsenter -t "$server_net" -n "$@"
}

at_client() {
	nsenter -t "$client_net" -n "$@"
}

on_both_sides() {
	at_server "$@" && at_client "$@"
}

# A process that holds a network; its pid is in the variable NAME.
make_net() {
	unshare -n sleep infinity 3>&- &
	printf -v "$1" '%s' "$!"
	eventually 10 is_apart "$!"
}

is_apart() {
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# Packets are no larger on the cable than its MTU says, although the cable is none.
connect_nets() {
	at_server ip link add name cable type veth peer name cable netns "$client_net" ||
		skip "no cables (veth) in this kernel"
	at_server ip addr add 192.0.2.1/24 dev cable
	at_client ip addr add 192.0.2.2/24 dev cable
	on_both_sides ip link set cable gso_max_segs 1
	on_both_sides ip link set cable up
}

make_nets() {
	need_networks
	make_net server_net
	make_net client_net
	connect_nets
}

# start_far_server [option ...]: in networks that it makes, unless there are some.
start_far_server() {
	[ -n "${server_net:-}" ] || make_nets
	launch nsenter -t "$server_net" -n "$BUILD/echo-master" --log-stderr -l 192.0.2.1 -p 5000 "$@"
}

# exact_load [option ...]: every connection is clean.
exact_load() {
	run -0 at_client timeout 100 "$BUILD/echo-load" "$@" --timeout 90 192.0.2.1 5000
	echo "$output"
}

# start_far_load [option ...], end_far_load: the same in the background, for as long as it takes.
start_far_load() {
	{
		exec nsenter -t "$client_net" -n "$BUILD/echo-load" "$@" --timeout 90 192.0.2.1 5000 \
			>load.log 2>&1
	} 3>&- &
	load=$!
	eventually 20 serving >/dev/null
}

end_far_load() {
	local code=0

	kill -TERM "$load"
	eventually 100 gone "$load"
	wait "$load" || code=$?
	cat load.log
	[ "$code" -eq 0 ]
}

# start_transfer SIZE: random bytes there and back, in the background.
start_transfer() {
	head -c "$1" /dev/urandom >sent
	: >got
	{
		exec nsenter -t "$client_net" -n timeout 100 "$BUILD/echo-client" 192.0.2.1 5000 \
			<sent >got
	} 3>&- &
	transfer=$!
}

end_transfer() {
	wait "$transfer"
	cmp sent got
}

came_back() {
	[ "$(stat -c %s got)" -ge "$1" ]
}

# ---- loss ----

# Of what comes by the cable each packet is lost with a chance of a tenth.
lose_packets() {
	command -v nft >/dev/null || skip "nft is missing: scripts/deps fault"
	cat >rules <<'END'
table inet fault {
	chain input {
		type filter hook input priority 0
		iifname cable numgen random mod 10 0 counter drop
	}
}
END
	on_both_sides nft -f rules || skip "this kernel loses no packets on demand (nft numgen)"
}

count_lost() {
	"$1" nft list chain inet fault input | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'
}

@test "network: with a tenth of all packets lost every byte comes back" {
	start_far_server -w 8
	lose_packets
	start_transfer 100k
	exact_load -c 16 -d 3 -s 1-20k --churn 5
	end_transfer
	echo "lost: $(count_lost at_server) on the way there, $(count_lost at_client) back"
	[ "$(count_lost at_server)" -gt 20 ]
	[ "$(count_lost at_client)" -gt 20 ]
}

# ---- small packets ----

# A segment of TCP has room for 48 bytes at least (net.ipv4.tcp_min_snd_mss): that and its headers.
@test "network: packets as small as they may be bring every byte" {
	start_far_server -w 8
	for mtu in 576 88; do
		on_both_sides ip link set cable mtu "$mtu"
		start_transfer 100k
		exact_load -c 8 -n 60 -s 1-20k --churn 5
		end_transfer
	done
}

@test "network: packets that become smaller and larger in mid-stream bring every byte" {
	start_far_server -w 8
	start_far_load -c 4 -d 100 -s 1-64k
	for mtu in 576 1500 296 9000; do
		start_transfer 500k
		on_both_sides ip link set cable mtu "$mtu"
		end_transfer
	done
	end_far_load
}

# ---- slow ----

# limit_rate RATE [BACK]: of what the client sends, and of what comes back.
limit_rate() {
	command -v tc >/dev/null || skip "tc is missing: scripts/deps fault"
	{ at_client tc qdisc add dev cable root tbf rate "$1" burst 5k latency 100ms &&
		at_server tc qdisc add dev cable root tbf rate "${2:-$1}" burst 5k latency 100ms; } ||
		skip "no rate limit (tbf) in this kernel"
}

# A server that is to send more than fits waits for that, and not the kernel in its place.
shrink_room() {
	[ -w /proc/sys/net/ipv4/tcp_wmem ] || skip "/proc/sys is read-only here"
	at_server sysctl -qw net.ipv4.tcp_wmem='4096 16384 32768'
}

@test "network: a slow one brings every byte" {
	start_far_server -w 8
	limit_rate 2mbit
	began=$(now_ms)
	start_transfer 300k
	end_transfer
	[ $(($(now_ms) - began)) -ge 800 ] # 1.2 s at that rate, less what waits in buffers
	exact_load -c 8 -n 40 -s 1-10k --churn 5
}

# ---- none ----

@test "network: one that is gone for a while in mid-stream brings every byte" {
	make_nets
	shrink_room
	start_far_server -w 10
	limit_rate 8mbit 4mbit
	start_transfer 2m
	start_far_load -c 8 -d 100 -s 1-5k -r 50
	for pause in 0.2 1; do
		have=$(stat -c %s got)
		eventually 30 came_back $((have + 100000))
		at_server ip link set cable down
		sleep "$pause"
		run ! gone "$transfer" # all of this is in mid-stream
		at_server ip link set cable up
	done
	end_transfer
	end_far_load
	has_workers 10
	[ "$(times_said 'was killed|exited|cut off')" -eq 0 ]
}
