#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What is left to a worker that a client has taken over: tests/e2e/hijacked.c is such a one.

load common

# start_hijacked [option ...]: by the name that processes are looked for by.
start_hijacked() {
	ln -sf "$tools/hijacked" echo-master
	launch ./echo-master -p 0 --log-stderr "$@"
}

# answer_to ATTEMPT: what the worker answers, if it lives.
answer_to() {
	local session answer=

	open_session session
	printf '%s\n' "$1" >&"$session"
	read -r -t 10 -u "$session" answer || true
	close_session "$session"
	echo "$answer"
}

need_seccomp() {
	[ -z "$SANDBOX" ] || skip "SANDBOX says what is to be"
	[[ $("$BUILD/echo-master" -V) == *libseccomp* ]] || skip "built without seccomp"
}

# is_killed_for ATTEMPT CALL: the log says that one worker more has died for this call.
is_killed_for() {
	local before

	before=$(times_said "was killed by its sandbox: it called $2 \([0-9]+\)$")
	[ -z "$(answer_to "$1")" ]
	one_more() {
		[ "$(times_said "was killed by its sandbox: it called $2 \([0-9]+\)$")" -eq $((before + 1)) ]
	}
	eventually 10 one_more "$@"
	eventually 10 all_idle 1
	answers # and so the next one has completed a session, and will be replaced at once
}

# Of all workers, in ticks.
processor_time() {
	for worker in $(workers); do
		cat "/proc/$worker/stat"
	done | awk '{ sum += $14 + $15 } END { print sum }'
}

# None of those in $before, which is sorted, is there any more.
all_are_new() {
	[ -z "$(comm -12 <(echo "$before") <(workers | sort))" ]
}

status_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

@test "sandbox: a worker that does what none does is killed, and the log names the call" {
	need_seccomp
	start_hijacked -w 1 --max-workers 1
	answers
	# In builds with sanitizers workers may do what those need.
	if [ -z "$SANITIZE" ]; then
		is_killed_for open openat
		is_killed_for exec execve
		is_killed_for fork '(clone|fork)'
		is_killed_for ptrace ptrace
		is_killed_for kill kill
		is_killed_for code mmap
		is_killed_for handler rt_sigaction
		is_killed_for block fcntl
		is_killed_for packets fcntl
	fi
	is_killed_for socket socket
	is_killed_for connect connect
	is_killed_for unlisten shutdown
	is_killed_for setuid '(get|set)uid'
	no_zombies
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

does_as_it_likes() {
	for attempt in open socket fork setuid code handler stat; do
		echo "$attempt"
		[ "$(answer_to "$attempt")" = 'done' ]
	done
	[ "$(times_said 'killed')" -eq 0 ]
}

@test "sandbox: with off the same worker does as it likes" {
	start_hijacked -w 2 --sandbox off
	server_said 'sandbox off$'
	does_as_it_likes
	[ "$(status_of "$(workers | head -n 1)" Seccomp)" -eq 0 ]
}

@test "sandbox: with log the same worker does as it likes, and has a filter that tells" {
	need_seccomp
	start_hijacked -w 2 --sandbox log
	server_said "sandbox log: seccomp, into the kernel's log\$"
	does_as_it_likes
	[ "$(status_of "$(workers | head -n 1)" Seccomp)" -eq 2 ]
}

@test "sandbox: each worker is in it, without a descriptor, a process or a core file of its own" {
	need_seccomp
	need_plain_build
	start_server -w 2 --log-level debug
	eventually 10 all_idle 2
	server_said 'sandbox enforce: seccomp, .*limits'
	for worker in $(workers); do
		[ "$(status_of "$worker" Seccomp)" -eq 2 ]
		[ "$(status_of "$worker" NoNewPrivs)" -eq 1 ]
		for limit in 'core file size' processes 'file size'; do
			grep -iE "^Max $limit +0 +0 " "/proc/$worker/limits"
		done
		[ "$(find "/proc/$worker/fd" -lname '*landlock*' | wc -l)" -eq 0 ]
	done
	[ "$(status_of "$master" Seccomp)" -eq "$(status_of $$ Seccomp)" ]
	answers
}

@test "sandbox: what libc can do without fails, later calls are unknown, a wait is a wait" {
	need_seccomp
	start_hijacked -w 2
	[ "$(answer_to stat)" = 'Permission denied' ]
	[ "$(answer_to future)" = 'Function not implemented' ]
	[ "$(answer_to sleep)" = 'done' ]
	[ "$(times_said 'killed')" -eq 0 ]
}

# What the service manager is told comes after it, and shows that the sink hears.
@test "sandbox: a worker cannot speak to sockets that others have, by what it was given" {
	"$tools/logsink" sink.sock >sink.log 3>&- &
	eventually 10 grep -q 'logsink ready' sink.log
	NOTIFY_SOCKET=$PWD/sink.sock start_hijacked -w 1 -u "$(id -un)"
	[ "$(answer_to speak)" = forged ] # for its own client is there
	kill -TERM "$master"
	eventually 10 grep -q 'STOPPING=1' sink.log
	run -1 grep forged sink.log
}

# It may shut down what it writes to, as it must for clients; all workers share the log's channel.
@test "sandbox: a worker cannot silence the log for long, nor keep the master busy" {
	start_hijacked -w 3 --max-workers 3 --log-level debug
	before=$(workers | sort)
	[ -z "$(answer_to mute)" ]
	eventually 10 server_said 'a worker has shut down the channel that all workers log by'
	eventually 10 all_are_new
	eventually 10 all_idle 3
	answers
	eventually 10 server_said "\[($(workers | paste -s -d '|'))\]: 127\.0\.0\.1:.* bytes in, "
	[ "$(times_said 'a worker has shut down')" -eq 1 ]
	[ "$(times_said 'worker [0-9]+ started: pid')" -eq 6 ]
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

# Those that are silent are not replaced by others that would be. Nothing else wakes the master.
@test "sandbox: workers serve in silence while there is no channel to log by, and no longer" {
	without_leak_check
	start_hijacked -w 2 --max-workers 2 --log-level debug
	before=$(workers | sort)
	strace -o strace.out -p "$master" -e trace=socketpair -e inject=socketpair:error=ENFILE \
		2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	[ -z "$(answer_to mute)" ]
	eventually 10 server_said 'a new channel for the log of workers: Too many open files in system'
	said=$(times_said 'bytes in, ')
	for _ in 1 2 3 4; do
		answers
	done
	eventually 10 all_idle 2
	[ "$(workers | sort)" = "$before" ]
	[ "$(times_said 'bytes in, ')" -eq "$said" ]
	[ "$(times_said 'a new channel for the log of workers')" -eq 1 ]
	kill -INT "$strace"
	wait "$strace" || true
	eventually 10 all_are_new
	eventually 10 all_idle 2
	answers
	eventually 10 server_said "\[($(workers | paste -s -d '|'))\]: 127\.0\.0\.1:.* bytes in, "
	[ "$(times_said 'worker [0-9]+ started: pid')" -eq 4 ]
	[ "$(times_said 'killed by its sandbox')" -eq 0 ]
}

# What a client pays for that is a few calls more of the blocking engine.
@test "sandbox: a worker that makes what it shares non-blocking stops no other, and none spins" {
	start_hijacked -w 3 --max-workers 3
	before=$(workers)
	[ "$(answer_to unblock)" = 'done' ]
	for i in 1 2 3 4 5 6; do
		open_session fd
		echoes "$fd" "client $i"
		close_session "$fd"
	done
	eventually 10 all_idle 3
	used=$(processor_time)
	sleep 2 # what is looked for is that nothing happens
	echo "$(($(processor_time) - used)) ticks"
	[ $(($(processor_time) - used)) -le 20 ]
	[ "$(workers)" = "$before" ]
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: generation 2'
	eventually 10 all_idle 3
	answers
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

# All workers write to one pipe. It says all that there is to say for each of the others, with the
# token that is its own and with a wrong one. The wish of its own comes last, and so when that is
# granted the others have been read.
@test "sandbox: a worker cannot speak to the master in the name of another" {
	start_hijacked -w 3 --max-workers 3
	before=$(workers | sort)
	[ "$(wc -l <<<"$before")" -eq 3 ]
	[ "$(answer_to "forge $(paste -s -d ' ' <<<"$before")")" = 'done' ]
	eventually 10 server_said 'worker [0-9]+ left: pid'
	eventually 10 all_idle 3
	[ "$(times_said 'worker [0-9]+ left: pid')" -eq 1 ]
	[ "$(comm -12 <(echo "$before") <(workers | sort) | wc -l)" -eq 2 ]
}

# A wish to leave has a successor forked while it is being heard. What is on the master's stack then
# is on the successor's too.
@test "sandbox: a worker has no copy of what another has said to the master" {
	start_hijacked -w 1 --max-workers 1
	has_successor() {
		has_workers 2 && pgrep -P "$master" -f 'worker [0-9]+ \(idle\)'
	}
	for i in 1 2 3; do
		open_session fd
		echoes "$fd" "client $i"
		eventually 10 serving
		worker=$(serving)
		kill -TERM "$worker" # which it tells the master, and goes on with its session
		eventually 10 has_successor
		[ "$(answer_to overhear)" = 'No such file or directory' ]
		close_session "$fd"
		eventually 10 gone "$worker"
		eventually 10 all_idle 1
	done
}

# Each death has the master hear what waits in that pipe, and it is full again at once. What it is
# full of has to be looked for among all workers.
@test "sandbox: a worker that floods the master's pipe keeps it from neither deaths nor deadlines" {
	start_hijacked -w 100 --max-workers 100 --shutdown-timeout 1
	before=$(awk '{ print $14 + $15 }' "/proc/$master/stat")
	open_session fd
	eventually 10 serving
	flooder=$(serving)
	echo flood >&"$fd"
	is_busy() {
		[ "$(awk '{ print $14 + $15 }' "/proc/$master/stat")" -gt $((before + 20)) ]
	}
	eventually 10 is_busy
	kill -TERM "$master"
	eventually 60 server_said "pid $flooder, .* was killed by signal 9"
	wait_for_server 60
	[ "$status" -eq 0 ]
	[ "$(times_said 'was killed by signal 9')" -eq 1 ]
}

# A wish that was heard has a successor take another place before its own is free.
@test "sandbox: what a worker has said before it died is heard, however much it was" {
	start_hijacked -w 1 --max-workers 1
	worker=$(workers)
	kill -STOP "$master"
	[ -z "$(answer_to chatter)" ]
	is_dead() {
		[[ $(ps -o stat= -p "$worker") == Z* ]]
	}
	eventually 10 is_dead
	kill -CONT "$master"
	eventually 10 server_said 'worker 2 started: pid'
	server_said "worker 1 \(pid $worker, .* exited with code 1"
	eventually 10 all_idle 1
	answers
}

@test "sandbox: a worker that aborts has aborted" {
	start_hijacked -w 2
	[ -z "$(answer_to abort)" ]
	eventually 10 server_said 'was killed by signal 6 \(Aborted\)'
	answers
}

@test "sandbox: SIGSYS from somebody else is not taken for it" {
	start_server -w 2
	worker=$(workers | head -n 1)
	kill -SYS "$worker"
	eventually 10 server_said "pid $worker, .* was killed by signal 31 \(Bad system call\)"
	[ "$(times_said 'its sandbox')" -eq 0 ]
	eventually 10 all_idle 2
}

@test "sandbox: workers that are stopped and go on are as they were" {
	start_hijacked -w 2 --max-workers 2
	open_session fd
	echoes "$fd" before
	before=$(workers)
	for i in 1 2 3 4 5 6; do
		# shellcheck disable=SC2046 # a list of pids
		kill -STOP $(workers)
		all_stopped() {
			[ "$(ps -o stat= --ppid "$master" | grep -c '^T')" -eq 2 ]
		}
		eventually 10 all_stopped
		# shellcheck disable=SC2046
		kill -CONT $(workers)
		[ "$i" -gt 3 ] || echoes "$fd" "after $i"
		[ "$i" -ne 3 ] || printf 'sleep\n' >&"$fd" # a wait that the kernel begins anew otherwise
	done
	read -r -t 10 -u "$fd" answer
	[ "$answer" = 'done' ]
	[ "$(workers)" = "$before" ]
}

# With a name of its interface each such client would have cost a worker its life.
@test "sandbox: a link-local client that is turned away is named in the log, and kills nobody" {
	need_root
	command -v ip >/dev/null || skip "needs ip"
	launch unshare -n sh -c 'ip link set lo up && ip addr add fe80::1/64 dev lo nodad && exec "$@"' \
		- "$BUILD/echo-master" -p 0 -w 2 --log-stderr --deny fe80::/10
	run nsenter -t "$master" -n "$BUILD/echo-client" fe80::1%lo "$port" </dev/null
	eventually 10 server_said '\[fe80::1%1\]:[0-9]+: turned away: denied$'
	[ "$(times_said 'killed')" -eq 0 ]
}

# launch_refused [option ...]: the server on a kernel that takes no filter.
launch_refused() {
	without_leak_check
	launch strace -f -o strace.out -e trace=seccomp -e inject=seccomp:error=EINVAL \
		"$BUILD/echo-master" -p 0 --log-stderr "$@"
	master=$(pgrep -P "$server")
}

@test "sandbox: where the kernel takes no filter no worker serves, the way out is told, exit 71" {
	need_seccomp
	launch_refused -w 2 && return 1
	wait_for_server
	[ "$status" -eq 71 ]
	server_said 'worker 1: the sandbox cannot be had: seccomp: Invalid argument; allowed: .* sandbox off$'
	server_said 'no worker could be started: the last one exited with code 71'
	rm server.log
	launch_refused -w 2 --sandbox off
	answers
}

@test "sandbox: a reload to one that cannot be had is refused, and the old workers stay" {
	need_seccomp
	echo 'sandbox off' >server.conf
	launch_refused -w 2 -f server.conf
	before=$(workers)
	echo 'sandbox enforce' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'reload failed, the old workers stay: worker [0-9]+ of generation 2 exited with code 71'
	old_ones() { [ "$(workers)" = "$before" ]; }
	eventually 10 old_ones
	answers
}

@test "sandbox: a reload changes it, and the engine that it is for" {
	need_seccomp
	ENGINE=
	printf 'sandbox off\nconnections 1\n' >server.conf
	launch "$BUILD/echo-master" -p 0 -w 2 --log-stderr -f server.conf
	held=$(descriptors "$master")
	for round in 'enforce 50' 'log 1' 'enforce 1' 'off 50' 'enforce 50'; do
		read -r mode connections <<<"$round"
		printf 'sandbox %s\nconnections %s\n' "$mode" "$connections" >server.conf
		said=$(times_said 'reloaded: ')
		kill -HUP "$master"
		once_more() { [ "$(times_said 'reloaded: ')" -eq $((said + 1)) ]; }
		eventually 10 once_more
		eventually 10 all_idle 2
		filters=$(status_of "$(workers | head -n 1)" Seccomp)
		[ "$filters" -eq "$([ "$mode" = off ] && echo 0 || echo 2)" ]
		answers
	done
	server_said 'sandbox enforce: seccomp'
	[ "$(descriptors "$master")" -le $((held + 1)) ]
}
