#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A worker that hangs is aborted, killed and replaced; one that waits, for whatever, is not.

load common

# start_hanging [option ...]: a server whose protocol can be told to hang.
start_hanging() {
	ln -sf "$tools/hanging" echo-master
	launch ./echo-master -p 0 --log-stderr "$@"
}

# hangs PID HOW: the log says so, with who it is.
hangs() {
	server_said "worker [0-9]+ \(pid $1, generation [0-9]+\) hangs: it $2; it is aborted$"
}

killed_by() {
	server_said "worker [0-9]+ \(pid $1, generation [0-9]+\) was killed by signal $2"
}

nobody_hangs() {
	[ "$(times_said 'hangs|was killed|would not be missed')" -eq 0 ]
}

# has_run PID SECONDS: of processor time.
has_run() {
	[ "$(awk '{ print $14 + $15 }' "/proc/$1/stat")" -ge $(($2 * $(getconf CLK_TCK))) ]
}

one_serves() {
	[ "$(serving | wc -l)" -eq 1 ]
}

# The worker that serves the one client there is.
worker_of_session() {
	eventually 10 one_serves
	serving
}

reloads_are() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

@test "hang: a stopped worker is aborted after hang-timeout, then killed, and replaced at once" {
	start_server -w 2 --hang-timeout 2s
	worker=$(workers | head -n 1)
	kill -STOP "$worker"
	began=$(now_ms)
	eventually 10 hangs "$worker" 'has been stopped for 2 s'
	[ $(($(now_ms) - began)) -ge 1900 ]
	eventually 1 has_workers 3 # its successor does not wait for its death
	eventually 10 killed_by "$worker" 9
	eventually 10 all_idle 2
	answers
	no_zombies
}

# The first call is about the dead, the second about those that are stopped.
@test "hang: a look for stopped workers that is interrupted is taken again" {
	without_leak_check
	start_server -w 1 --hang-timeout 1s
	worker=$(workers)
	strace -o strace.out -p "$master" -e trace=waitid -e inject=waitid:error=EINTR:when=2 \
		2>attached 3>&- &
	eventually 10 grep -q 'attached' attached
	kill -STOP "$worker"
	eventually 10 hangs "$worker" 'has been stopped for 1 s'
	[ "$(grep -c INJECTED strace.out)" -eq 1 ]
	eventually 10 killed_by "$worker" 9
	eventually 10 all_idle 1
}

@test "hang: a worker that is stopped in session takes along its own clients only" {
	start_server -w 2 --max-workers 2 --hang-timeout 1s
	open_session fd
	echoes "$fd" hello
	worker=$(worker_of_session)
	kill -STOP "$worker"
	eventually 10 killed_by "$worker" 9
	hangs "$worker" 'has been stopped for 1 s'
	run ! echoes "$fd" 'still there'
	close_session "$fd"
	eventually 10 all_idle 2
	answers
}

@test "hang: a worker that goes on in time is left alone, however often it was stopped" {
	start_server -w 1 --max-workers 1 --hang-timeout 3s
	open_session fd
	worker=$(workers)
	for _ in 1 2 3 4 5 6; do
		kill -STOP "$worker"
		sleep 0.7 # not for long enough, but all together
		kill -CONT "$worker"
		echoes "$fd" 'still there'
	done
	sleep 4 # as if it had not been heard of that it goes on
	echoes "$fd" 'and so on'
	close_session "$fd"
	nobody_hangs
}

@test "hang: clients that are silent, do not read or do not close do their workers no harm" {
	start_server -w 4 --max-workers 4 --hang-timeout 1s --idle-timeout 0 --write-timeout 0 \
		--session-bytes 100m
	answers
	processes=$(workers)
	open_session silent
	echoes "$silent" hello
	open_session unheard
	head -c 64M /dev/zero >&"$unheard" 2>/dev/null 3>&- &
	open_session unread
	head -c 101M /dev/zero >&"$unread" 2>/dev/null 3>&- &
	head -c 100M <&"$unread" | cmp -n 104857600 - /dev/zero
	sleep 5 # what is looked for is that nothing happens
	nobody_hangs
	[ "$(workers)" = "$processes" ]
	echoes "$silent" 'still there'
	answers
}

@test "hang: a worker with work all the time does not hang" {
	start_server -w 1 --max-workers 1 --hang-timeout 1s
	worker=$(workers)
	"$BUILD/echo-load" -c 1 -d 300 127.0.0.1 "$port" >load.out 2>&1 3>&- &
	eventually 200 has_run "$worker" 3
	nobody_hangs
	[ "$(workers)" = "$worker" ]
}

@test "hang: a retiring worker may wait for its last session, but not hang" {
	start_server -w 1 --max-workers 1 --hang-timeout 1s --shutdown-timeout 1h
	open_session fd
	echoes "$fd" hello
	worker=$(workers)
	kill -HUP "$master"
	eventually 10 reloads_are 1
	sleep 3 # what is looked for is that nothing happens
	echoes "$fd" 'still there'
	nobody_hangs
	kill -STOP "$worker"
	eventually 10 killed_by "$worker" 9
	hangs "$worker" 'has been stopped for 1 s'
	close_session "$fd"
	eventually 10 all_idle 1
}

@test "hang: a worker that runs and gets nowhere is aborted, and replaced" {
	start_hanging -w 2 --max-workers 2 --hang-timeout 1s
	for order in loop call; do
		open_session fd
		echoes "$fd" hello
		worker=$(worker_of_session)
		echo "$order" >&"$fd"
		eventually 300 killed_by "$worker" 6 # processor time may be long in coming
		hangs "$worker" 'has run for 1 s and got nowhere'
		close_session "$fd"
		eventually 10 all_idle 2
		answers
	done
	[ "$(times_said hangs)" -eq 2 ]
}

@test "hang: a retiring worker that runs and gets nowhere holds no stop up" {
	start_hanging -w 1 --max-workers 1 --hang-timeout 1s --shutdown-timeout 1h
	open_session fd
	echoes "$fd" hello
	worker=$(workers)
	echo loop >&"$fd"
	kill -TERM "$master"
	wait_for_server 300
	[ "$status" -eq 0 ]
	hangs "$worker" 'has run for 1 s and got nowhere'
	close_session "$fd"
}

sleeps() {
	local line

	IFS= read -r line <"/proc/$1/stat"
	[[ ${line##*) } == S* ]]
}

# talks_aside PID: it uses 3 s of processor time in which nothing is counted, and waits for its
# client before each line: who finds the next one there does not, which is up to the scheduler.
talks_aside() {
	local fd

	open_session fd
	echoes "$fd" hello
	echoes "$fd" aside
	for i in $(seq 80); do
		eventually 10 sleeps "$1"
		echoes "$fd" "line $i"
	done
	close_session "$fd"
	has_run "$1" 3
}

@test "hang: a protocol with calls of its own does not hang as long as it waits for its client" {
	need_blocking_engine
	start_hanging -w 1 --max-workers 1 --hang-timeout 1s
	talks_aside "$(workers)"
	nobody_hangs
}

# What a command is started with as a root who is not shown the processes of others, nor those of
# its own that are in a sandbox.
hidden=(unshare -m sh -c 'mount -t proc -o hidepid=2,gid=65533 proc /proc && exec "$@"' -
	setpriv --bounding-set -sys_ptrace)

# Linux 5.8 is the first to hide processes from one mount alone.
can_hide_processes() {
	printf '%s\n' 5.8 "$(uname -r)" | sort -CV && "${hidden[@]}" true
}

@test "hang: a worker that its master cannot look at is not taken for one that hangs" {
	need_root
	need_blocking_engine
	[ "$SANDBOX" != off ] || skip "workers outside the sandbox can be looked at"
	can_hide_processes || skip "needs a /proc that hides processes"
	ln -sf "$tools/hanging" echo-master
	launch "${hidden[@]}" ./echo-master -p 0 --log-stderr -w 1 --max-workers 1 --hang-timeout 1s
	worker=$(workers)
	talks_aside "$worker"
	[ "$(workers)" = "$worker" ]
	[ "$(times_said 'hangs|was killed')" -eq 0 ]
	[ "$(times_said 'how often it waits cannot be read in /proc \(No such file or directory\)')" -eq 1 ]
}

@test "hang: with hang-timeout 0 nobody is missed, and a reload can change that" {
	echo 'hang-timeout 0' >server.conf
	launch "$BUILD/echo-master" -w 1 -p 0 --log-stderr -f server.conf
	worker=$(workers)
	kill -STOP "$worker"
	sleep 2 # what is looked for is that nothing happens
	nobody_hangs
	kill -CONT "$worker"
	answers
	echo 'hang-timeout 1s' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: hang-timeout 0 -> 1s$'
	eventually 10 gone "$worker"
	kill -STOP "$(workers)"
	eventually 10 server_said 'hangs: it has been stopped for 1 s'
	eventually 10 all_idle 1
}

@test "hang: a stopped worker that dies, and one that comes in its place, are not mistaken" {
	start_server -w 1 --hang-timeout 1s
	for _ in 1 2 3 4 5; do
		worker=$(workers)
		kill -STOP "$worker"
		kill -KILL "$worker"
		eventually 10 killed_by "$worker" 9
		eventually 10 all_idle 1
	done
	sleep 2 # what is looked for is that nothing happens
	[ "$(times_said hangs)" -eq 0 ]
	answers
}
