#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The pool stays full, whatever happens to its workers.

load common

@test "pool: eight workers serve eight clients at once, and the ninth when one leaves" {
	need_blocking_engine
	start_server -w 8 --max-workers 8
	sessions=()
	for i in 1 2 3 4 5 6 7 8; do
		open_session fd
		sessions+=("$fd")
		echoes "$fd" "client $i"
	done
	open_session ninth
	printf 'client 9\n' >&"$ninth"
	eventually 10 in_queue 1
	for fd in "${sessions[@]}"; do
		echoes "$fd" 'nobody has time'
	done
	eventually 10 in_queue 1
	close_session "${sessions[3]}"
	read -r -t 10 -u "$ninth" answer
	[ "$answer" = 'client 9' ]
	echoes "${sessions[0]}" 'still here'
}

@test "pool: a worker that is killed is replaced" {
	start_server -w 3
	before=$(workers)
	kill -KILL "$(head -n 1 <<<"$before")"
	eventually 10 server_said 'was killed by signal 9'
	eventually 10 all_idle 3
	[ "$(workers)" != "$before" ]
	no_zombies
	answers
}

@test "pool: all workers killed at once are all replaced, time and again" {
	start_server -w 8 --max-workers 8
	held=$(descriptors "$master")
	for round in $(seq 20); do
		# Every worker completes a session first, or the back-off would set in.
		run -0 "$tools/crowd" 64 "$port" </dev/null
		eventually 10 all_idle 8
		# shellcheck disable=SC2046 # a list of pids
		kill -KILL $(workers)
		killed() {
			[ "$(times_said 'was killed by signal 9')" -ge $((round * 8)) ]
		}
		eventually 10 killed
		eventually 10 all_idle 8
	done
	no_zombies
	[ "$(descriptors "$master")" -eq "$held" ]
	answers
}

@test "pool: many deaths that are noticed at once are all dealt with" {
	start_server -w 32
	for round in 1 2 3; do
		kill -STOP "$master"
		# shellcheck disable=SC2046 # a list of pids
		kill -KILL $(workers)
		kill -CONT "$master"
		killed() {
			[ "$(times_said 'was killed by signal 9')" -eq $((round * 32)) ]
		}
		eventually 10 killed
		eventually 10 all_idle 32
	done
	answers
}

@test "pool: a worker that crashes before its first session is replaced ever more slowly" {
	need_blocking_engine "a worker calls accept only when somebody waits"
	launch_injected accept4 accept4:signal=SIGABRT -w 1
	# At once, then after 0.1, 0.2 and 0.4 s, and so on.
	eventually 20 server_said 'will be started again in 0\.8 s'
	[ "$(times_said 'will be started again in 0\.1 s')" -eq 1 ]
	[ "$(times_said 'will be started again in 0\.2 s')" -eq 1 ]
	[ "$(times_said 'will be started again in 0\.4 s')" -eq 1 ]
	[ "$(times_said 'worker 1 started')" -eq 5 ]
	# It never gives up, and can be stopped as ever.
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "pool: a worker that has served and crashes is replaced at once" {
	start_server -w 1 --max-workers 1
	for round in 1 2 3 4; do
		answers
		kill -KILL "$(workers)"
		crashed() {
			[ "$(times_said 'was killed by signal 9')" -eq "$round" ]
		}
		eventually 10 crashed
		eventually 10 all_idle 1
	done
	[ "$(times_said 'will be started again')" -eq 0 ]
}

@test "pool: TTIN and TTOU make it one larger and one smaller, until the next reload" {
	start_server -w 2
	kill -TTIN "$master"
	eventually 10 all_idle 3
	kill -TTOU "$master"
	eventually 10 all_idle 2
	kill -TTOU "$master"
	eventually 10 all_idle 1
	kill -TTOU "$master"
	eventually 10 server_said 'the number of workers stays at 1, which is the least$'
	kill -HUP "$master"
	eventually 10 server_said 'reloaded'
	eventually 10 all_idle 2
	answers
}

@test "pool: TTIN at max-workers changes nothing and says why" {
	start_server -w 2 --max-workers 3
	kill -TTIN "$master"
	eventually 10 all_idle 3
	kill -TTIN "$master"
	eventually 10 server_said 'the number of workers stays at 3, which is max-workers$'
	has_workers 3
	kill -TTOU "$master"
	eventually 10 all_idle 2
	answers
}

@test "pool: without max-workers a larger pool is as large as it gets, and TTIN says so" {
	need_plain_build
	start_server -w 257
	kill -TTIN "$master"
	eventually 10 server_said 'the number of workers stays at 257, which is max-workers$'
	has_workers 257
}

@test "pool: a worker that somebody else tells to leave finishes its session and is replaced" {
	start_server -w 1 --max-workers 1
	open_session fd
	echoes "$fd" before
	worker=$(workers)
	kill -TERM "$worker"
	eventually 10 has_workers 2
	kill -TERM "$worker" # once more does nothing more
	echoes "$fd" after
	answers
	close_session "$fd"
	eventually 10 gone "$worker"
	eventually 10 all_idle 1
	[ "$(times_said 'was killed|will be started again')" -eq 0 ]
}

@test "pool: a signal that was meant for the master does no harm to workers" {
	start_server -w 2
	before=$(workers)
	# shellcheck disable=SC2046 # a list of pids
	kill -HUP $(workers)
	# shellcheck disable=SC2046
	kill -INT $(workers)
	# shellcheck disable=SC2046
	kill -USR1 $(workers)
	answers
	[ "$(workers)" = "$before" ]
}

@test "pool: accept errors that concern one connection are passed over" {
	for error in ECONNABORTED EINTR ENETDOWN EPROTO ENOPROTOOPT EHOSTDOWN ENONET \
		EHOSTUNREACH EOPNOTSUPP ENETUNREACH EPERM; do
		rm -f server.log
		launch_injected accept4 "accept4:error=$error:when=1..3" -w 1 --max-workers 1
		answers
		eventually 10 all_idle 1
		kill -USR1 "$master"
		eventually 10 server_said 'worker 1: pid .* idle'
		[ "$(times_said 'was killed|exited|started: ')" -eq 1 ]
		[ $error != EPERM ] || server_said 'worker 1: .* 3 refused'
		kill -TERM "$master"
		wait_for_server
		[ "$status" -eq 0 ]
	done
}

@test "pool: a firewall that forbids every connection does not make a worker spin" {
	launch_injected accept4 accept4:error=EPERM -w 1
	open_session fd
	eventually 10 server_said 'accept: Operation not permitted; worker 1 pauses'
	before=$(grep -c EPERM strace.out)
	[ "$before" -lt 200 ]
}

# says_rarely SINCE: that accept(2) pauses is said once in ten seconds.
says_rarely() {
	local said

	said=$(times_said 'accept: Too many open files; worker [1-8] pauses')
	[ "$said" -ge 1 ]
	[ "$said" -le $((1 + ($(now_ms) - $1) / 10000)) ]
}

@test "pool: workers that pause for the same reason say so once for all of them" {
	began=$(now_ms)
	launch_injected accept4 accept4:error=EMFILE -w 8 --max-workers 8
	open_session fd
	all_have_paused() {
		[ "$(awk '/EMFILE/ { print $1 }' strace.out | sort | uniq -d | wc -l)" -eq 8 ]
	}
	eventually 10 all_have_paused
	kill -USR1 "$master"
	eventually 10 server_said 'all workers'
	says_rarely "$began"
}

@test "pool: when forking fails at run time it is tried again, ever more slowly" {
	start_server -w 2
	strace -f -o strace.out -p "$master" -e trace=clone,clone3,fork \
		-e inject=clone,clone3,fork:error=EAGAIN 2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	kill -KILL "$(workers | head -n 1)"
	eventually 10 server_said 'could not be forked: Resource temporarily unavailable'
	eventually 10 server_said 'will be started again in 0\.4 s'
	answers
	kill -INT "$strace"
	wait "$strace" || true
	eventually 20 all_idle 2
}

@test "pool: a worker for whom there is no random token is started later, and the log says why" {
	start_server -w 2
	strace -o strace.out -p "$master" -e trace=getrandom -e inject=getrandom:error=ENOSYS \
		2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	kill -KILL "$(workers | head -n 1)"
	eventually 10 server_said 'could not be given a random token: Function not implemented'
	answers
	kill -INT "$strace"
	wait "$strace" || true
	eventually 20 all_idle 2
	[ "$(times_said 'could not be forked')" -eq 0 ]
}

@test "pool: as process 1 it reaps strangers" {
	need_root
	launch unshare --pid --fork --kill-child "$BUILD/echo-master" -w 2 -p 0 --log-stderr --log-level debug
	master=$(pgrep -P "$server")
	# A child of a shell that does not wait for it: process 1 inherits it.
	nsenter -t "$master" -p sh -c '(exit 3) & exit 0'
	eventually 10 server_said 'reaped process [0-9]+, which is no worker'
	no_zombies
	answers
	[ "$(times_said 'was killed|exited')" -eq 0 ]
}

@test "pool: a socket that can never accept again ends the worker with an error" {
	launch_injected accept4 accept4:error=EINVAL:when=1 -w 1
	open_session fd
	eventually 10 server_said 'accept: Invalid argument; worker 1 gives up'
	eventually 10 server_said 'exited with code 70'
	eventually 10 server_said 'will be started again in 0\.1 s'
}

@test "pool: a worker out of descriptors waits without spinning, and comes back" {
	need_blocking_engine "event.bats has its own"
	without_leak_check
	began=$(now_ms)
	# Limits are for the same user to change, if not for one with a right of its own.
	start_server -w 1 --max-workers 1 -u "$(id -un)"
	worker=$(workers)
	strace -o strace.out -p "$worker" -e 'trace=/^(accept4|p?poll)$' 2>attached 3>&- &
	eventually 10 grep -q 'attached' attached
	prlimit --pid "$worker" --nofile=4:
	open_session first # the accept(2) under way has its descriptor already
	echoes "$first" hello
	close_session "$first"
	open_session waiting
	for i in $(seq 199); do
		open_session "waiting_$i"
	done
	eventually 10 server_said 'accept: Too many open files; worker 1 pauses'
	# A pause for each failure, of 50 ms, 100 and so on: by the fifth it has called only so often.
	eventually 10 grep -qE 'poll\(NULL, 0, (800|\{tv_sec=0, tv_nsec=800000000\})' strace.out
	[ "$(sed '/poll(NULL, 0, .*800/q' strace.out | grep -c EMFILE)" -eq 5 ]
	says_rarely "$began"
	prlimit --pid "$worker" --nofile=1024:
	echoes "$waiting" 'served at last'
}

@test "pool: a status report names every worker, and totals include those that are gone" {
	start_server -w 2
	answers
	kill -HUP "$master"
	eventually 10 server_said 'reloaded'
	eventually 10 all_idle 2
	answers
	kill -USR1 "$master"
	eventually 10 server_said 'all workers'
	server_said 'status: 2 workers, generation 2 in charge, 2 processes'
	[ "$(times_said 'worker [34]: pid [0-9]+, generation 2, idle, age [0-9]+ s: ')" -eq 2 ]
	server_said 'all workers.*: 2 connections, 2 completed, 0 refused, 0 turned away, 0 cut off, 12 bytes in, 12 bytes out'
}
