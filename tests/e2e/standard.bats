#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Standard descriptors: one that is closed is never a socket, and output that is lost is told.

load common

# cannot_print REASON COMMAND...: it says so and ends with exit code 74.
cannot_print() {
	local reason=$1 status=0

	shift
	timeout 20 "$@" 2>err || status=$?
	cat err >&2
	[ "$status" -eq 74 ]
	[ "$(cat err)" = "${1##*/}: standard output: $reason" ]
}

# What each program prints and ends after.
each_prints() {
	local program

	for program in echo-master echo-client echo-load; do
		"$@" "$BUILD/$program" --help
		"$@" "$BUILD/$program" --version
	done
	"$@" "$BUILD/echo-master" --show
	"$@" "$BUILD/echo-master" --completion
	"$@" "$BUILD/echo-master" --test -p 0
}

@test "standard: what cannot be printed is told, exit code 74" {
	each_prints cannot_print 'No space left on device' >/dev/full
}

@test "standard: what was to be printed on a closed descriptor is told, exit code 74" {
	each_prints cannot_print 'Bad file descriptor' >&-
}

@test "standard: a client without an output says so, and loses nothing in silence" {
	start_server -w 1
	cannot_print 'Bad file descriptor' "$BUILD/echo-client" 127.0.0.1 "$port" <<<hello >&-
	cannot_print 'Bad file descriptor' "$BUILD/echo-client" --ping -c 1 127.0.0.1 "$port" >&-
	cannot_print 'Bad file descriptor' "$BUILD/echo-load" -n 1 127.0.0.1 "$port" >&-
	cannot_print 'Bad file descriptor' "$BUILD/echo-load" -n 1 --json 127.0.0.1 "$port" >&-
}

@test "standard: a client without an input says so" {
	start_server -w 1
	status=0
	timeout 20 "$BUILD/echo-client" 127.0.0.1 "$port" <&- 2>err || status=$?
	[ "$status" -eq 74 ]
	grep -qx 'echo-client: standard input: Bad file descriptor' err
}

# has_socket PID: it is connected.
has_socket() {
	find "/proc/$1/fd" -lname "socket:*" 2>/dev/null | grep -q .
}

# The server would be sent what is for a person.
@test "standard: the place of a closed descriptor is not taken by a socket" {
	start_server -w 2
	for command in 'echo-client --ping -i 3600' 'echo-load -c 1 -d 60'; do
		# shellcheck disable=SC2086 # options are words of their own
		"$BUILD/"$command 127.0.0.1 "$port" <&- >out 2>&- 3>&- &
		client=$!
		eventually 10 has_socket "$client"
		for fd in 0 2; do
			[ "$(readlink "/proc/$client/fd/$fd")" = /dev/null ]
		done
		kill -KILL "$client"
		wait "$client" || true
	done
}
