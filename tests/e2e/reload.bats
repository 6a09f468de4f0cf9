#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# SIGHUP renews all workers and loses nothing; a reload that fails changes nothing.

load common

reloads() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

# The line in the log on which a text first appears.
line_of() {
	grep -nE -- "$1" server.log | head -n 1 | cut -d: -f1
}

@test "reload: SIGHUP renews every worker, new ones ready before old ones leave" {
	start_server -w 3
	before=$(workers)
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 all_idle 3
	for worker in $before; do
		gone "$worker"
	done
	[ "$(title_of "$master")" = 'echo-master: master (3 workers, generation 2)' ]
	[ "$(line_of 'reloaded: generation 2 is in charge, 3 workers ready')" -lt \
		"$(line_of 'worker [123] left')" ]
	answers
}

@test "reload: 100 in a storm of short sessions lose not one" {
	start_server -w 8 --spare-timeout 1s
	held=$(descriptors "$master")
	start_load 16
	for round in $(seq 100); do
		kill -HUP "$master"
		eventually 20 reloads "$round"
	done
	end_load
	eventually 10 all_idle 8
	no_zombies
	[ "$(descriptors "$master")" -eq "$held" ]
}

@test "reload: a session goes on with its old worker until it is done" {
	start_server -w 2
	open_session fd
	echoes "$fd" before
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 has_workers 3
	echoes "$fd" after
	answers
	close_session "$fd"
	eventually 10 all_idle 2
}

@test "reload: no old worker leaves while new ones are slow to start" {
	launch_injected setpgid setpgid:delay_enter=1500000:when=1 -w 2
	kill -HUP "$master"
	eventually 10 server_said 'generation 2'
	[ "$(times_said 'left')" -eq 0 ]
	answers
	[ "$(times_said 'reloaded')" -eq 0 ]
	eventually 10 reloads 1
	[ "$(line_of 'reloaded')" -lt "$(line_of 'left')" ]
}

@test "reload: those asked for during one become exactly one more" {
	launch_injected setpgid setpgid:delay_enter=1500000:when=1 -w 2
	kill -HUP "$master"
	eventually 10 server_said 'worker 4 started'
	for asked in 2 3 4; do
		kill -HUP "$master"
		heard() { [ "$(times_said 'SIGHUP: reloading')" -eq "$asked" ]; }
		eventually 10 heard
	done
	eventually 10 reloads 2
	eventually 10 all_idle 2
	[ "$(times_said 'begins when the present one')" -eq 1 ]
	reloads 2
}

@test "reload: when the new workers cannot be started the old ones stay, and the next one works" {
	start_server -w 2
	before=$(workers)
	strace -f -o strace.out -p "$master" -e trace=clone,clone3,fork \
		-e inject=clone,clone3,fork:error=EAGAIN 2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	kill -HUP "$master"
	eventually 10 server_said 'reload failed, the old workers stay: worker 3 of generation 2 could not be forked'
	[ "$(workers)" = "$before" ]
	answers
	kill -INT "$strace"
	wait "$strace" || true
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 all_idle 2
	answers
}

@test "reload: when a new worker dies before all are ready the old ones stay" {
	start_server -w 2
	before=$(workers)
	strace -f -o strace.out -p "$master" -e trace=setpgid -e inject=setpgid:signal=SIGKILL \
		2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	kill -HUP "$master"
	eventually 10 server_said 'reload failed, the old workers stay: worker [34] of generation 2 was killed by signal 9'
	kill -INT "$strace"
	wait "$strace" || true
	eventually 10 all_idle 2
	[ "$(workers)" = "$before" ]
	answers
}

@test "reload: somebody else's signal just before the master's does not hide it" {
	start_server -w 1
	worker=$(workers)
	kill -STOP "$worker"
	kill -TERM "$worker"
	kill -HUP "$master"
	eventually 10 reloads 1
	kill -CONT "$worker"
	eventually 10 gone "$worker"
	eventually 10 all_idle 1
}

@test "reload: clients that stay silent do not pile up old workers without bound" {
	need_blocking_engine "both clients may be in one worker, and twice as many fit"
	start_server -w 2 --max-workers 2 --shutdown-timeout 1h
	for round in $(seq 12); do
		open_session "silent_a_$round"
		open_session "silent_b_$round"
		eventually 10 pgrep -P "$master" -f 'echo-master: worker [0-9]+ \(serving\)'
		kill -HUP "$master"
		eventually 10 reloads "$round"
		[ "$(count_workers)" -le 16 ]
	done
	answers
	# The first of them were ended, in order, to make room; the last were not.
	ends_in_order "$silent_a_1"
	echoes "$silent_a_12" 'still there'
}

@test "reload: signals of all kinds under load never get stuck" {
	start_server -w 4
	start_load 8
	for round in $(seq 300); do
		kill -HUP "$master"
		kill -USR1 "$master"
		if [ $((round % 10)) -eq 0 ]; then
			kill -TTIN "$master"
			kill -TTOU "$master"
		fi
	done
	end_load
	before=$(times_said 'reloaded')
	kill -HUP "$master"
	more() { [ "$(times_said 'reloaded')" -gt "$before" ]; }
	eventually 10 more
	eventually 10 all_idle 4
	answers
}
