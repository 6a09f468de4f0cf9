#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The buffer of a worker: how much it reads at once, and what it costs.

load common

# The largest number of bytes that was received at once.
largest_read() {
	sed -n 's/.*server received \([0-9]*\) bytes$/\1/p' server.log | sort -n | tail -n 1
}

# So much there and back in one session, whose end is then in the log, too.
much_comes_back() {
	head -c 16384 /dev/urandom >sent
	timeout 20 "$BUILD/echo-client" 127.0.0.1 "$port" <sent >received
	cmp sent received
	sessions=$((${sessions:-0} + 1))
	eventually 10 sessions_are_logged
}

sessions_are_logged() {
	[ "$(times_said ': 16384 bytes in, 16384 out')" -eq "$sessions" ]
}

# What processes own for themselves, all together, in KiB.
private_kib() {
	local pid

	for pid; do
		cat "/proc/$pid/smaps_rollup"
	done | awk '/^Private_/ { sum += $2 } END { print sum }'
}

@test "buffer: a worker reads as much at once as it says and no more, and every byte comes back" {
	start_server -w 1 --buffer 1k --log-level debug
	much_comes_back
	[ "$(largest_read)" -eq 1024 ]
}

@test "buffer: a large one is made use of" {
	without_leak_check
	launch strace -f -o strace.out -e trace=recvfrom \
		"$BUILD/echo-master" -p 0 --log-stderr -w 1 --max-workers 1 --buffer 16m
	master=$(pgrep -P "$server")
	answers
	eventually 10 grep -qE ', 16777216, 0, NULL, NULL\) += 6' strace.out
}

@test "buffer: a reload changes it for new workers" {
	echo 'buffer 1k' >server.conf
	launch "$BUILD/echo-master" -p 0 -w 1 --log-stderr --log-level debug -f server.conf
	much_comes_back
	[ "$(largest_read)" -eq 1024 ]
	echo 'buffer 2k' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: buffer 1k -> 2k$'
	eventually 10 all_idle 1
	much_comes_back
	[ "$(largest_read)" -eq 2048 ]
}

@test "buffer: an idle worker owns none of it" {
	need_plain_build
	start_server -w 8 --buffer 1k "${visible[@]}"
	# shellcheck disable=SC2046 # a list of pids
	small=$(private_kib $(workers))
	kill -TERM "$master"
	wait_for_server
	: >server.log
	start_server -w 8 --buffer 16m "${visible[@]}"
	# Where the kernel puts the stack makes some pages of difference.
	# shellcheck disable=SC2046 # a list of pids
	[ "$(private_kib $(workers))" -lt $((small + 8 * 64)) ]
}

@test "buffer: a worker that has served small messages owns at most 64 KiB" {
	need_plain_build
	need_blocking_engine
	[ "$(getconf PAGESIZE)" -eq 4096 ] || skip "about pages of 4 KiB"
	start_server -w 8 --max-workers 8 --log-level notice "${visible[@]}"
	"$BUILD/echo-load" -c 8 -n 8000 127.0.0.1 "$port"
	eventually 10 all_idle 8
	for worker in $(workers); do
		echo "worker $worker: $(private_kib "$worker") KiB"
		[ "$(private_kib "$worker")" -le 64 ]
	done
}
