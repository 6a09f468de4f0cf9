#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Calls on sockets that do less than was asked for, later, or are interrupted: every byte comes
# back all the same, and a stop or a reload loses nothing. tests/fault/shortcalls.c does it to
# the server, by the seed SHORTCALLS.

load ../e2e/common

seed=${SHORTCALLS:-$RANDOM}
SHORTCALLS=$seed
shim=$BUILD/tests/fault/shortcalls.so

# The shim is in every worker.
start_shaky() {
	need_plain_build
	echo "SHORTCALLS=$seed gives the same chances again"
	start_server "$@"
	grep -q shortcalls.so "/proc/$(workers | head -n 1)/maps"
}

# exact_load [option ...]: every connection is clean.
exact_load() {
	run -0 timeout 60 "$BUILD/echo-load" "$@" --timeout 30 127.0.0.1 "$port"
	echo "$output"
}

@test "shortcalls: messages of 1 byte to 1 MiB come back exactly" {
	start_shaky -w 4
	exact_load -c 8 -n 3000 -s 1
	exact_load -c 8 -n 3000 -s 1-5000 --churn 7
	exact_load -c 8 -n 200 -s 1-1m
	exact_load -c 4 -n 40 -s 1m
	answers
}

@test "shortcalls: a client that half-closes gets every byte" {
	start_shaky -w 4
	exact_load -c 8 -n 2000 -s 1-5000 --churn 1 --half-close
	exact_load -c 4 -n 100 -s 1m --churn 1 --half-close
}

@test "shortcalls: a client that reads slowly gets every byte" {
	start_shaky -w 4
	exact_load -c 4 -n 8 -s 256k --slow-read 512k
}

@test "shortcalls: 16 MiB of random bytes come back exactly, to a shaky client too" {
	start_shaky -w 2
	head -c 16M /dev/urandom >sent
	"$BUILD/echo-client" 127.0.0.1 "$port" <sent >got
	cmp sent got
	SHORTCALLS=$seed LD_PRELOAD=$shim "$BUILD/echo-client" 127.0.0.1 "$port" <sent >got
	cmp sent got
}

@test "shortcalls: a graceful stop loses nothing" {
	for round in 1 2 3; do
		rm -f server.log
		start_shaky -w 4
		start_load 12 --fail-on "$losses" -s 1-100k
		eventually 10 at_work
		kill -TERM "$master"
		wait_for_server 40
		[ "$status" -eq 0 ]
		end_load
	done
}

# A hundred sessions are over.
at_work() {
	kill -USR1 "$master"
	[ "$(sed -n 's/.*all workers.* \([0-9]*\) completed.*/\1/p' server.log | tail -n 1 |
		grep . || echo 0)" -gt 100 ]
}

reloads() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

@test "shortcalls: 20 reloads lose nothing" {
	start_shaky -w 4 --spare-timeout 1s
	start_load 12 -s 1-100k
	for round in $(seq 20); do
		kill -HUP "$master"
		eventually 20 reloads "$round"
	done
	end_load
	eventually 10 all_idle 4
	no_zombies
}
