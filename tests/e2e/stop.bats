#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A stop loses no connection that was accepted by anybody, the kernel included.

load common

# start_crowd [-q] N: connects N clients at once; they hold still until release_crowd.
start_crowd() {
	rm -f go
	mkfifo go
	"$tools/crowd" "$@" "$port" <go >crowd.out 2>&1 3>&- &
	crowd=$!
	exec 6>go
	eventually 20 grep -q '^connected' crowd.out
}

release_crowd() {
	echo >&6
	exec 6>&-
	wait "$crowd"
}

@test "stop: SIGTERM ends an idle server with exit code 0 and frees the port" {
	start_server -w 4
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
	port_is_free
	[ "$(pgrep -c -f "echo-master: worker" -P "$master" || true)" -eq 0 ]
}

@test "stop: SIGTERM and SIGINT let sessions finish" {
	for signal in TERM INT; do
		rm -f server.log
		start_server -w 2
		open_session fd
		echoes "$fd" before
		kill -$signal "$master"
		eventually 10 server_said 'stopping: waiting for 1 session, up to 30 s$'
		echoes "$fd" after
		echoes "$fd" 'and after that'
		close_session "$fd"
		wait_for_server
		[ "$status" -eq 0 ]
	done
}

@test "stop: while sessions finish the port is already free for a successor" {
	start_server -w 2
	open_session fd
	echoes "$fd" before
	kill -TERM "$master"
	eventually 10 port_is_free
	"$BUILD/echo-master" -w 1 -p "$port" --log-stderr 2>second.log 3>&- &
	second=$!
	eventually 10 grep -q ': ready: ' second.log
	answers
	echoes "$fd" after
	kill -QUIT "$second"
	wait "$second"
}

@test "stop: clients that wait in the accept queue are served" {
	start_server -w 1 --max-workers 1
	open_session fd
	echoes "$fd" 'the only worker is taken'
	start_crowd 100
	kill -TERM "$master"
	eventually 10 server_said 'stopping'
	close_session "$fd"
	release_crowd
	cat crowd.out
	grep -q '^complete=100 ' crowd.out
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "stop: a full accept queue is served" {
	need_blocking_engine "the queue does not fill"
	start_server -w 1 --max-workers 1 -b 16
	open_session fd
	echoes "$fd" 'the only worker is taken'
	start_crowd 64
	run -0 cat crowd.out
	connected=${output#connected }
	[ "$connected" -ge 16 ]
	[ "$connected" -lt 64 ]
	kill -TERM "$master"
	eventually 10 server_said 'stopping'
	close_session "$fd"
	release_crowd
	grep -q "^complete=$connected " crowd.out
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "stop: in a storm of short sessions not one is reset or cut short" {
	for round in 1 2 3; do
		rm -f server.log
		start_server -w 4
		# Those that come too late are refused; nobody is let in and then dropped.
		start_load 16 --fail-on "$losses"
		busy() { [ "$(ss_completed)" -gt 100 ]; }
		ss_completed() {
			kill -USR1 "$master"
			sed -n 's/.*all workers.* \([0-9]*\) completed.*/\1/p' server.log | tail -n 1 |
				grep . || echo 0
		}
		eventually 10 busy
		kill -TERM "$master"
		wait_for_server
		[ "$status" -eq 0 ]
		end_load
	done
}

@test "stop: sessions that do not finish in --shutdown-timeout are ended in order" {
	start_server -w 3 --shutdown-timeout 1
	open_session one
	open_session two
	echoes "$one" hello
	echoes "$two" hello
	kill -TERM "$master"
	eventually 10 server_said '[12] workers? did not finish in time'
	ends_in_order "$one"
	ends_in_order "$two"
	close_session "$one"
	close_session "$two"
	wait_for_server
	[ "$status" -eq 0 ]
	[ "$(times_said 'was killed')" -eq 0 ]
}

@test "stop: a second SIGTERM or SIGINT, or SIGQUIT, ends sessions at once and in order" {
	for signals in 'TERM TERM' 'INT INT' 'TERM INT' 'QUIT'; do
		rm -f server.log
		start_server -w 2
		open_session fd
		echoes "$fd" hello
		for signal in $signals; do
			kill "-$signal" "$master"
			eventually 10 server_said 'stopping'
		done
		ends_in_order "$fd"
		close_session "$fd"
		wait_for_server 5
		[ "$status" -eq 0 ]
		server_said 'stopping now: 1 session will be ended'
		[ "$(times_said 'was killed')" -eq 0 ]
	done
}

@test "stop: a fast stop still answers clients that wait in the queue, and closes in order" {
	start_server -w 1
	open_session fd
	echoes "$fd" 'the only worker is taken'
	start_crowd 50
	kill -QUIT "$master"
	release_crowd
	cat crowd.out
	grep -q '^complete=50 ' crowd.out
	close_session "$fd"
	wait_for_server 5
	[ "$status" -eq 0 ]
}

@test "stop: a client that never stops sending gets what was echoed, and an end in order" {
	start_server -w 1
	"$BUILD/echo-client" 127.0.0.1 "$port" </dev/zero >/dev/null 2>client.err 3>&- &
	client=$!
	eventually 10 pgrep -P "$master" -f 'worker 1 \(serving'
	kill -QUIT "$master"
	status=0
	wait "$client" || status=$?
	cat client.err
	[ "$status" -eq 76 ]
	grep -q 'the server closed the connection early' client.err
	wait_for_server 5
	[ "$status" -eq 0 ]
	[ "$(times_said 'was killed')" -eq 0 ]
}

@test "stop: a client that does not read cannot hold up a fast stop" {
	start_server -w 1
	mkfifo back
	"$BUILD/echo-client" 127.0.0.1 "$port" </dev/zero >back 2>/dev/null 3>&- &
	client=$!
	exec 8<back
	eventually 10 pgrep -P "$master" -f 'worker 1 \(serving'
	kill -QUIT "$master"
	wait_for_server 5
	[ "$status" -eq 0 ]
	exec 8<&-
	wait "$client" || true
}

# Kills the master of a new server with a session; $took is how long its workers lived on, in ms.
kill_master() {
	start_server -w 4
	open_session fd
	echoes "$fd" hello
	processes=$(workers)
	killed_at=$(now_ms)
	kill -KILL "$master"
	wait "$server" 2>/dev/null || true
	server=
	for worker in $processes; do
		eventually 5 gone "$worker"
	done
	took=$(($(now_ms) - killed_at))
	echo "took $took ms"
	ends_in_order "$fd"
	port_is_free
	mv server.log earlier.log
}

@test "stop: when the master is killed its workers are gone within a second, the port is free" {
	# A machine that is busy with something else may be late, but not every time.
	for _ in 1 2 3 4 5; do
		kill_master
		[ "$took" -ge 1000 ] || break
	done
	[ -n "$SANITIZE" ] || [ "$took" -lt 1000 ]
}

@test "stop: when the master is killed clients in the queue are answered" {
	start_server -w 1 --max-workers 1
	open_session fd
	echoes "$fd" 'the only worker is taken'
	start_crowd 20
	kill -KILL "$master"
	wait "$server" 2>/dev/null || true
	server=
	release_crowd
	grep -q '^complete=20 ' crowd.out
}

@test "stop: when the master is killed a worker that is just being started serves the queue" {
	started_again() { [ "$(times_said 'worker 1 started')" -eq 2 ]; }
	# Before it asks to hear of that death, and before it says that it is ready.
	for call in setpgid write; do
		rm -f server.log
		launch_injected "$call" "$call:delay_enter=1000000:when=1" -w 1 --max-workers 1
		open_session fd
		echoes "$fd" 'a worker that has served is replaced at once'
		close_session "$fd"
		eventually 10 all_idle 1
		kill -KILL "$(workers)"
		eventually 10 started_again
		open_session fd
		kill -KILL "$master"
		echoes "$fd" 'somebody is there'
		wait "$server" 2>/dev/null || true
		server=
		close_session "$fd"
	done
}

@test "stop: when the master is killed in a storm nobody is let in and then reset" {
	for round in 1 2 3; do
		rm -f server.log
		start_server -w 2 --max-workers 2
		start_load 100 --fail-on "${losses/short,/}"
		kill -KILL "$master"
		wait "$server" 2>/dev/null || true
		server=
		eventually 5 port_is_free
		end_load
	done
}

@test "stop: clients that nobody is left to serve are told of in the log" {
	need_blocking_engine "a worker calls accept only when somebody waits"
	launch_injected accept4 accept4:signal=SIGABRT -w 1
	eventually 10 server_said 'will be started again in 1\.6 s'
	start_crowd -q 3
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
	server_said '3 clients wait in the queue and are not served'
	release_crowd || true
}

@test "stop: SIGTERM a moment after a worker was forked is not missed" {
	for _ in $(seq 20); do
		rm -f server.log
		start_server -w 2
		# shellcheck disable=SC2046 # a list of pids
		kill -KILL $(workers)
		kill -TERM "$master"
		wait_for_server 5
		[ "$status" -eq 0 ]
	done
}

# on_terminal: starts the server on a terminal of its own; what is written to fd 7 is typed.
on_terminal() {
	mkfifo keys
	script -qefc "exec $BUILD/echo-master -w 2 -p 0" screen.log <keys >/dev/null 2>&1 3>&- &
	server=$!
	exec 7>keys
	eventually 10 grep -q ': ready: ' screen.log
	port=$(tr -d '\r' <screen.log | sed -n 's/.* listening on .*:\([0-9]*\)$/\1/p')
	master=$(pgrep -P "$server")
}

@test "stop: on a terminal Ctrl-C says what it waits for, and a second one stops now" {
	on_terminal
	open_session fd
	echoes "$fd" hello
	printf '\003' >&7
	eventually 10 grep -q 'waiting for 1 session, up to 30 s; Ctrl-C again to stop now' screen.log
	echoes "$fd" 'not cut off'
	printf '\003' >&7
	eventually 10 grep -q 'stopping now' screen.log
	ends_in_order "$fd"
	close_session "$fd"
	wait_for_server
	exec 7>&-
	[ "$status" -eq 0 ]
}

@test "stop: a terminal that is closed stops the server, SIGHUP from a person reloads it" {
	on_terminal
	kill -HUP "$master"
	eventually 10 grep -q 'reloaded: generation 2' screen.log
	kill -KILL "$server" # script(1), and with it the terminal
	wait "$server" || true
	eventually 10 gone "$master"
	server=
	exec 7>&-
	port_is_free
}

@test "stop: a terminal that says twice that it is gone does not cut sessions off" {
	on_terminal
	open_session fd
	echoes "$fd" hello
	kill -KILL "$server" # script(1), and with it the terminal
	wait "$server" || true
	server=
	stopping() { [[ $(title_of "$master") == *stopping* ]]; }
	eventually 10 stopping
	kill -HUP "$master"
	for i in $(seq 20); do
		echoes "$fd" "still here $i"
	done
	close_session "$fd"
	exec 7>&-
	eventually 10 gone "$master"
}
