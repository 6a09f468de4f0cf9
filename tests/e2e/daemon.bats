#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# In the background: the shell is told the truth, and so is the pid file.

load common

# start_daemon [option ...]: in the background; its pid file is the file pid here.
start_daemon() {
	timeout 20 "$BUILD/echo-master" -d -p 0 --pid-file "$PWD/pid" --log-stderr "$@" \
		2>>server.log 3>&- </dev/null
	master=$(cat pid)
	server=
	port=$(sed -n 's/.* listening on .*:\([0-9]*\)$/\1/p' server.log | tail -n 1)
}

stop_daemon() {
	kill -TERM "$master"
	eventually 10 gone "$master"
}

# A test that fails must leave no daemon behind.
teardown_daemon() {
	local pid

	for pid in ${master:-} $(cat pid 2>/dev/null); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != echo-master ] || kill -KILL "$pid"
	done
}

eval "plain_$(declare -f teardown)"
teardown() {
	teardown_daemon
	plain_teardown
}

@test "daemon: -d returns when the workers are ready, with exit code 0" {
	start_daemon -w 3
	all_idle 3
	answers
	[ "$(ps -o sid= -p "$master" | tr -d ' ')" = "$master" ]
	[ "$(readlink "/proc/$master/cwd")" = / ]
	[ "$(readlink "/proc/$master/fd/0")" = /dev/null ]
	[ "$(readlink "/proc/$master/fd/1")" = /dev/null ]
	stop_daemon
	[ ! -e pid ]
	server_said 'stopped$'
}

@test "daemon: success says nothing, and holds neither terminal nor pipe" {
	# $( ) returns only when nobody holds its pipe any more.
	said=$("$BUILD/echo-master" -d -w 1 -p 0 --pid-file "$PWD/pid" 2>&1 3>&-)
	[ -z "$said" ]
	master=$(cat pid)
	all_idle 1
	stop_daemon
}

@test "daemon: a start that fails gives its reason and its exit code to the shell" {
	start_server -w 1
	run -69 timeout 20 "$BUILD/echo-master" -d -p "$port"
	[[ $output == *"port $port of *: bind: Address already in use"* ]]
	without_leak_check
	run -70 timeout 20 strace -f -o strace.out -e trace=setpgid \
		-e inject=setpgid:signal=SIGKILL "$BUILD/echo-master" -d -p 0 -w 1 --pid-file "$PWD/pid"
	[[ $output == *'no worker could be started: the last one was killed by signal 9'* ]]
	[ "$(id -u)" -eq 0 ] || return 0
	# A namespace that knows no user but root.
	run -77 timeout 20 unshare -r "$BUILD/echo-master" -d -p 0 -w 1
	[[ $output == *'no worker could be started: the last one exited with code 77'* ]]
}

@test "daemon: a relative settings file is found again at SIGHUP" {
	echo 'workers 2' >server.conf
	start_daemon -f server.conf
	echo 'workers 3' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: workers 2 -> 3'
	echo 'workers none' >server.conf
	kill -HUP "$master"
	eventually 10 server_said "server.conf:1: workers: 'none' is not allowed"
	all_idle 3
	stop_daemon
}

@test "daemon: Ctrl-C while it starts leaves nobody behind" {
	without_leak_check
	strace -f -o strace.out -e trace=setpgid -e inject=setpgid:delay_enter=1000000 \
		env --default-signal=INT "$BUILD/echo-master" -d -w 1 -p 0 --log-stderr --pid-file "$PWD/pid" \
		2>>server.log 3>&- </dev/null &
	tracer=$!
	eventually 10 server_said 'worker 1 started'
	kill -INT "$(pgrep -P "$tracer")"
	wait "$tracer" || true
	eventually 10 server_said 'whoever started this is gone'
	eventually 10 server_said 'stopped$'
	[ ! -e pid ]
}

@test "daemon: closed standard descriptors are no trouble" {
	start_with_none() { "$BUILD/echo-master" -d -w 1 -p 0 --pid-file "$PWD/pid" <&- >&- 2>&- 3>&-; }
	start_with_none
	master=$(cat pid)
	for fd in 0 1 2; do
		[ "$(readlink "/proc/$master/fd/$fd")" = /dev/null ]
	done
	all_idle 1
	stop_daemon
}

@test "pid file: it names the master, in the foreground too, and is removed at the end" {
	start_server -w 1 --pid-file "$PWD/pid"
	[ "$(cat pid)" = "$master" ]
	[ "$(stat -c %a pid)" = 644 ]
	kill -TERM "$master"
	wait_for_server
	[ ! -e pid ]
}

@test "pid file: a second instance is refused, and told the first one's pid" {
	start_server -w 1 --pid-file "$PWD/pid"
	run -69 "$BUILD/echo-master" -p 0 --pid-file "$PWD/pid"
	[ "$output" = "echo-master: pid file $PWD/pid: already held by process $master" ] ||
		[[ $output == *"pid file $PWD/pid: already held by process $master" ]]
	[ "$(cat pid)" = "$master" ]
	answers
}

@test "pid file: a stale one that names a live stranger prevents no start" {
	echo "$$ and more that was here before" >pid
	start_server -w 1 --pid-file "$PWD/pid"
	[ "$(cat pid)" = "$master" ]
}

@test "pid file: after kill -9 of the master a new one starts at once" {
	start_server -w 4 --pid-file "$PWD/pid" --shutdown-timeout 1h
	open_session fd
	echoes "$fd" hello
	first=$master
	kill -KILL "$master"
	wait "$server" || true
	mv server.log first.log
	start_server -w 4 --pid-file "$PWD/pid"
	[ "$(cat pid)" = "$master" ]
	[ "$master" != "$first" ]
	answers
}

@test "pid file: one that cannot be made is told, with exit code 73" {
	run -73 "$BUILD/echo-master" -p 0 --pid-file /nowhere/pid
	[[ $output == *'pid file /nowhere/pid: cannot create: there is no such folder'* ]]
	run -73 "$BUILD/echo-master" -t -p 0 --pid-file /nowhere/pid
	mkfifo fifo
	run -73 timeout 10 "$BUILD/echo-master" -p 0 --pid-file "$PWD/fifo"
	[[ $output == *'no regular file is there'* ]]
}

@test "pid file: a failed start leaves none behind" {
	start_server -w 1
	run -69 "$BUILD/echo-master" -p "$port" --pid-file "$PWD/pid"
	[ ! -e pid ]
}
