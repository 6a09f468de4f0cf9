#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Under a service manager: what it is told and when, and a socket that it keeps.

load common

# start_notifying [option ...]: the server, with a log of its messages in notes.
start_notifying() {
	"$tools/logsink" notify.sock >notes 3>&- &
	eventually 10 grep -q 'logsink ready' notes
	NOTIFY_SOCKET=$PWD/notify.sock start_server "$@"
}

# The messages so far, one word for each.
notes() {
	sed -n 's/^\([A-Z]*\)=1$/\1/p' notes | tr '\n' ' '
}

notes_are() {
	[ "$(notes)" = "$1 " ]
}

@test "systemd: READY when workers are ready, RELOADING and READY around a reload, STOPPING" {
	start_notifying -w 2
	eventually 10 notes_are 'READY'
	grep -q '^STATUS=2 workers, 0 serving, 0 connections so far$' notes
	answers
	kill -HUP "$master"
	eventually 10 notes_are 'READY RELOADING READY'
	grep -q '^STATUS=.* 1 connection so far$' notes
	kill -TERM "$master"
	wait_for_server
	notes_are 'READY RELOADING READY STOPPING'
	# A stop may take what shutdown-timeout allows, and is granted more than that.
	[ "$(sed -n 's/^EXTEND_TIMEOUT_USEC=//p' notes)" -gt 32000000 ]
}

@test "systemd: READY comes after a reload whose workers did not get ready in time" {
	without_leak_check
	start_notifying -w 1
	strace -f -o strace.out -p "$master" -e trace=setpgid \
		-e inject=setpgid:delay_enter=12000000 2>attached 3>&- &
	eventually 10 grep -q 'attached' attached
	kill -HUP "$master"
	eventually 20 notes_are 'READY RELOADING READY'
	server_said 'reload failed, the old workers stay: generation 2 was not ready within 10 s'
}

@test "systemd: the queue of a socket that is passed stays as long as it was" {
	without_leak_check
	start_activated -w 1 -b 7
	strace -f -o strace.out -p "$master" -e trace=listen,prctl 2>attached 3>&- &
	eventually 10 grep -q 'attached' attached
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: '
	eventually 10 grep -q 'prctl(' strace.out
	[ "$(grep -c 'listen(' strace.out)" -eq 0 ]
	[ "$(times_said 'is cut to')" -eq 0 ]
}

@test "systemd: RELOADING carries the time of the monotonic clock, in microseconds" {
	start_notifying -w 1
	for round in 1 2; do
		kill -HUP "$master"
		told() { [ "$(grep -c '^MONOTONIC_USEC=' notes)" -eq "$round" ]; }
		eventually 10 told
		at[round]=$(now_ms)
	done
	mapfile -t when < <(sed -n 's/^MONOTONIC_USEC=\([0-9]*\)$/\1/p' notes)
	passed=$(((when[1] - when[0]) / 1000))
	[ "$passed" -ge 0 ]
	# No more time than passed by the clock on the wall, and what the first wait added.
	[ "$passed" -le $((at[2] - at[1] + 1000)) ]
	[ "${when[0]}" -gt 1000000 ]
}

@test "systemd: READY comes after a reload that was refused, or failed" {
	echo 'workers 2' >server.conf
	start_notifying -f server.conf
	echo 'workers none' >server.conf
	kill -HUP "$master"
	eventually 10 notes_are 'READY RELOADING READY'
	echo 'workers 2' >server.conf
	strace -f -o strace.out -p "$master" -e trace=setpgid -e inject=setpgid:signal=SIGKILL \
		2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	kill -HUP "$master"
	eventually 10 notes_are 'READY RELOADING READY RELOADING READY'
	kill -INT "$strace"
	wait "$strace" || true
	server_said 'reload failed'
}

@test "systemd: no READY before the workers are" {
	"$tools/logsink" notify.sock >notes 3>&- &
	eventually 10 grep -q 'logsink ready' notes
	without_leak_check
	NOTIFY_SOCKET=$PWD/notify.sock strace -f -o strace.out -e trace=setpgid \
		-e inject=setpgid:delay_enter=1000000 \
		"$BUILD/echo-master" -p 0 -w 1 --log-stderr 2>server.log </dev/null 3>&- &
	server=$!
	eventually 10 server_said 'worker 1 started'
	master=$(pgrep -P "$server")
	[ -z "$(notes)" ]
	eventually 10 notes_are 'READY'
	server_said ': ready: '
}

@test "systemd: the watchdog is told in time that the master lives" {
	started=$(now_ms)
	WATCHDOG_USEC=400000 start_notifying -w 1
	fed() { [ "$(grep -c '^WATCHDOG=1$' notes)" -ge 5 ]; }
	eventually 10 fed
	# Five within 0.8 s and what a busy machine adds; not as fast as it can.
	[ $(($(now_ms) - started)) -ge 700 ]
	[ "$(grep -c '^WATCHDOG=1$' notes)" -le 60 ]
}

@test "systemd: workers know nothing of the service manager" {
	WATCHDOG_USEC=10000000 start_notifying -w 1 "${visible[@]}"
	run -1 grep -aE 'NOTIFY|WATCHDOG' "/proc/$(workers)/environ"
}

# The keeper of a socket goes first: it would start another server.
eval "plain_$(declare -f teardown)"
teardown() {
	if [ -f passer.port ] && [ -n "${server:-}" ] && ! gone "$server"; then
		kill -TERM "$server"
		eventually 20 gone "$server" || true
	fi
	plain_teardown
}

# start_activated [-n] [option ...]: the server on a socket that somebody else keeps.
start_activated() {
	local mode=()

	if [ "$1" = -n ]; then
		mode=(-n)
		shift
	fi
	"$tools/passer" "${mode[@]}" "$BUILD/echo-master" --log-stderr "$@" \
		>passer.port 2>>server.log </dev/null 3>&- &
	server=$!
	eventually 20 ready_or_dead
	server_said ': ready: '
	find_activated
	port=$(cat passer.port)
}

find_activated() {
	master=$(pgrep -P "$server" -f 'echo-master: master')
}

another_serves() {
	[ "$(times_said ': ready: ')" -gt "$1" ] && find_activated
}

@test "systemd: a socket that is passed has the timeouts too" {
	start_activated -w 1 --idle-timeout 1s
	open_session fd
	echoes "$fd" hello
	ends_in_order "$fd"
	close_session "$fd"
}

@test "systemd: a socket that is passed is served, whatever port the settings have" {
	start_activated -w 2 -p 1
	server_said "listening on 127.0.0.1:$port"
	answers
	all_idle 2
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: '
	answers
	kill -TERM "$server"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "systemd: a non-blocking socket is served as well, without spinning" {
	start_activated -n -w 2
	answers
	all_idle 2
	used() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
	first=$(workers | head -n 1)
	before=$(used "$first")
	for _ in 1 2 3 4 5; do
		answers
	done
	[ $(($(used "$first") - before)) -lt 20 ]
}

# The socket, as its keeper sees it.
kept_is_nonblocking() {
	local flags

	flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$server/fdinfo/3")
	[ $((flags & 04000)) -ne 0 ]
}

@test "systemd: a socket that is passed is blocking again when the event engine has stopped" {
	start_activated -w 2 --connections 8
	answers
	kept_is_nonblocking
	kill -STOP "$server" # it would start the next one
	kill -TERM "$master"
	eventually 10 gone "$master"
	run ! kept_is_nonblocking
	kill -CONT "$server"
	eventually 20 another_serves 1
}

@test "systemd: a non-blocking socket that is passed stays so" {
	start_activated -n -w 2
	answers
	kept_is_nonblocking
	kill -STOP "$server"
	kill -TERM "$master"
	eventually 10 gone "$master"
	kept_is_nonblocking
	kill -CONT "$server"
	eventually 20 another_serves 1
}

@test "systemd: the event engine does not block on a socket that others have made blocking" {
	start_activated -w 2 --connections 8
	kill -USR1 "$server"
	made_blocking() { ! kept_is_nonblocking; }
	eventually 10 made_blocking
	answers
	kept_is_nonblocking
}

@test "systemd: restarts with a socket that is kept lose nobody" {
	start_activated -w 4
	start_load 16
	for round in 1 2 3 4 5; do
		kill -TERM "$master"
		eventually 20 another_serves "$round"
	done
	end_load
	kill -TERM "$server"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "systemd: a killed master leaves the queue of a kept socket to the next one" {
	start_activated -w 2
	mapfile -t stopped < <(workers)
	kill -STOP "${stopped[@]}"
	for worker in "${stopped[@]}"; do
		# Until it has stopped it may still accept.
		eventually 10 grep -q '^State:.*stopped' "/proc/$worker/status"
	done
	echo works | timeout 20 "$BUILD/echo-client" 127.0.0.1 "$port" >late.out 3>&- &
	late=$!
	eventually 10 in_queue 1
	kill -KILL "$master"
	kill -CONT "${stopped[@]}"
	eventually 20 another_serves 1
	wait "$late"
	[ "$(cat late.out)" = works ]
	answers # and nobody has closed a gate before it
}

@test "systemd: what is passed but is no listening TCP socket is refused, exit code 78" {
	# shellcheck disable=SC2016 # it is for the shell in there
	run -78 env bash -c 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" 3</dev/null' "$BUILD/echo-master"
	[[ $output == *'allowed'* ]]
	# shellcheck disable=SC2016
	run -78 env bash -c 'export LISTEN_PID=$$ LISTEN_FDS=2; exec "$0" 3</dev/null 4</dev/null' \
		"$BUILD/echo-master"
	[[ $output == *'2 sockets were passed; allowed: one'* ]]
}

@test "systemd: with a kept socket a reload cannot move, and says so" {
	start_with_file() { start_activated -f server.conf; }
	echo 'workers 2' >server.conf
	start_with_file
	printf 'workers 3\nport 1\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'only a restart can change this, it stays as it is: port echo -> 1$'
	eventually 10 server_said 'settings changed: workers 2 -> 3$'
	answers
}

@test "systemd: systemd-socket-activate starts it at the first connection" {
	command -v systemd-socket-activate || skip "systemd-socket-activate is not here"
	# A port that is free: that of a server which has just stopped.
	start_server -w 1
	kill -TERM "$master"
	wait_for_server
	systemd-socket-activate -l "127.0.0.1:$port" "$BUILD/echo-master" -w 2 --log-stderr \
		2>activated.log </dev/null 3>&- &
	server=$!
	master=$server
	eventually 10 grep -q 'Listening on' activated.log
	answers
	all_idle 2
	kill -TERM "$server"
	wait_for_server
	[ "$status" -eq 0 ]
}
