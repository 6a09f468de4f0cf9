#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A machine at its limits: what it cannot give is said and waited for, and who is served already
# goes on being served.
#
# Elsewhere: workers that are out of descriptors are in tests/e2e/pool.bats and event.bats; a log
# that is full, and a log daemon that goes and comes back, in tests/e2e/log.bats; fork(2) that
# fails during a reload in tests/e2e/reload.bats.

load ../e2e/common

reloads() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

was_killed() {
	[ "$(times_said 'was killed by signal 9')" -eq "$1" ]
}

# Sets $victim to a worker that serves nobody, when somebody else's title shows a session.
choose_idle_worker() {
	eventually 5 serving >/dev/null
	victim=$(pgrep -P "$master" -f 'echo-master: worker [0-9]+ \(idle\)' | head -n 1)
}

# ---- descriptors ----

@test "machine: a master that is out of descriptors refuses a reload, and the next one works" {
	printf 'workers 2\nport 0\n' >server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf -u "$(id -un)"
	held=$(descriptors "$master")
	open_session fd
	prlimit --pid "$master" --nofile="$held:"
	kill -HUP "$master"
	eventually 10 server_said 'server.conf: .*Too many open files'
	eventually 10 server_said 'reload refused, nothing has changed'
	echoes "$fd" 'still served'
	choose_idle_worker
	kill -KILL "$victim"
	eventually 10 was_killed 1
	eventually 10 has_workers 2 # no worker costs the master a descriptor
	answers
	prlimit --pid "$master" --nofile=1024:
	kill -HUP "$master"
	eventually 10 reloads 1
	close_session "$fd"
	eventually 10 all_idle 2
	[ "$(descriptors "$master")" -eq "$held" ]
}

# ---- processes ----

# A user that has no process but the server's.
choose_user() {
	user=$((60000 + BASHPID % 5000))
	! pgrep -U "$user" >/dev/null || skip "user $user has processes here"
}

# Limits are for the same user to change, if not for one with a right of its own.
limit_processes() {
	setpriv --reuid "$user" --regid "$user" --clear-groups \
		prlimit --pid "$master" --nproc="$1:"
}

@test "machine: a user with no process left loses no session, and gets its workers when it may" {
	need_root
	choose_user
	start_server -w 3 --max-workers 3 -u "$user" -g "$user" --master-user "$user"
	open_session fd
	echoes "$fd" before
	choose_idle_worker
	limit_processes 3
	kill -KILL "$victim"
	eventually 10 server_said 'could not be forked: Resource temporarily unavailable'
	eventually 10 server_said 'will be started again in 0\.4 s' # ever more slowly
	has_workers 2
	echoes "$fd" 'still served'
	answers
	limit_processes 1000
	eventually 20 has_workers 3
	close_session "$fd"
	eventually 10 all_idle 3
	no_zombies
}

# ---- memory ----

# In KiB.
size_of() {
	awk '$1 == "VmSize:" { print $2 }' "/proc/$1/status"
}

@test "machine: without memory for new workers the old ones serve, and get company when there is" {
	need_plain_build
	start_server -w 2 --max-workers 2 -u "$(id -un)"
	open_session fd
	echoes "$fd" before
	choose_idle_worker
	# The master can have no more than it has, and a worker less than it needs.
	prlimit --pid "$master" --as=$((($(size_of "$victim") - 32) * 1024)):
	kill -KILL "$victim"
	eventually 10 server_said 'Cannot allocate memory'
	eventually 10 server_said 'will be started again in 0\.4 s'
	kill -HUP "$master"
	eventually 10 server_said 'reload (refused|failed)'
	echoes "$fd" 'still served'
	prlimit --pid "$master" --as=unlimited:
	eventually 20 has_workers 2
	answers
	close_session "$fd"
	eventually 10 all_idle 2
	no_zombies
}

# Only the event engine asks for memory while it serves: for what a client does not take.
@test "machine: without memory for what a client does not read, only that client is lost" {
	need_plain_build
	ENGINE=event
	start_server -w 1 --max-workers 1 -u "$(id -un)" --log-level debug
	worker=$(workers)
	open_session fd
	echoes "$fd" before
	prlimit --pid "$worker" --as=$(($(size_of "$worker") * 1024)):
	open_session deaf
	head -c 64M /dev/zero >&"$deaf" 2>/dev/null 3>&- &
	eventually 20 server_said 'broken: Cannot allocate memory'
	echoes "$fd" 'still served'
	answers
	prlimit --pid "$worker" --as=unlimited:
	head -c 16M /dev/urandom >sent
	"$BUILD/echo-client" 127.0.0.1 "$port" <sent >got
	cmp sent got
	close_session "$fd"
	close_session "$deaf"
	eventually 10 all_idle 1
	[ "$(workers)" = "$worker" ]
}

# ---- time ----

# set_clock SECONDS: how far from the machine's it is.
set_clock() {
	printf '%-31d\n' "$1" 1<>clock
}

# The server has said something on the day so many seconds from now.
said_at() {
	grep -q "^$(LC_ALL=C date -d "@$((EPOCHSECONDS + $1))" '+%b %e') .*$2" server.log
}

# Idle workers are killed until one is to be started again in 0.4 s.
fall_back() {
	local before

	before=$(times_said 'started again in 0\.4 s')
	for _ in 1 2 3 4 5; do
		choose_idle_worker
		for victim in $(pgrep -P "$master" -f 'echo-master: worker [0-9]+ \(idle\)'); do
			kill -KILL "$victim"
		done
		eventually 10 back_off_is_said_or_over "$before"
		[ "$(times_said 'started again in 0\.4 s')" -eq "$before" ] || return 0
	done
	return 1
}

back_off_is_said_or_over() {
	[ "$(times_said 'started again in 0\.4 s')" -gt "$1" ] || has_workers 3
}

# Whoever waits for a moment waits no longer, and no shorter: a worker for the end of a session,
# a place for its next worker, a client for nothing.
goes_on_at() {
	local before fd

	open_session fd
	echoes "$fd" before
	before=$(times_said 'reloaded: ')
	kill -HUP "$master"
	eventually 10 reloads $((before + 1))
	eventually 10 has_workers 3
	fall_back
	set_clock "$1"
	eventually 10 has_workers 3
	echoes "$fd" 'still served'
	answers
	kill -USR1 "$master"
	eventually 10 said_at "$1" 'status: 2 workers'
	echoes "$fd" 'served by whom it was'
	close_session "$fd"
	eventually 10 all_idle 2
}

@test "machine: a clock that is set back or forward changes nothing but the log's times" {
	need_plain_build
	set_clock 0
	launch env SETCLOCK="$PWD/clock" LD_PRELOAD="$BUILD/tests/fault/setclock.so" \
		"$BUILD/echo-master" -p 0 --log-stderr -w 2 --max-workers 2 --idle-timeout 1m \
		--session-time 1h
	goes_on_at -86400
	goes_on_at 5184000
	[ "$(times_said ': cut off: |did not get ready|did not finish')" -eq 0 ]
	kill -TERM "$master"
	wait_for_server 10
	[ "$status" -eq 0 ]
}

@test "machine: a master that is stopped for ten seconds leaves no client waiting, and catches up" {
	start_server -w 4 --max-workers 4
	kill -STOP "$master"
	# shellcheck disable=SC2046 # a list of pids
	kill -KILL $(workers | head -n 2)
	kill -HUP "$master"
	run -0 "$BUILD/echo-load" -c 2 -d 10 --churn 5 127.0.0.1 "$port"
	echo "$output"
	[ "$(times_said 'was killed|reload')" -eq 0 ] # it was stopped
	kill -CONT "$master"
	eventually 10 was_killed 2
	eventually 10 reloads 1
	eventually 10 all_idle 4
	no_zombies
	answers
}

# ---- many ----

largest_worker() {
	local worker

	for worker in $(workers); do
		memory_of "$worker"
	done | sort -n | tail -n 1
}

most_descriptors() {
	local worker

	for worker in $(workers); do
		descriptors "$worker"
	done | sort -n | tail -n 1
}

sizes() {
	echo "$(memory_of "$master") $(largest_worker) $(descriptors "$master") $(most_descriptors)"
}

@test "machine: 100,000 connections one after another leave memory and descriptors as they were" {
	need_plain_build
	start_server -w 2 --max-workers 2 "${visible[@]}"
	run -0 timeout 60 "$BUILD/echo-load" -c 2 -n 5000 --churn 1 127.0.0.1 "$port"
	eventually 10 all_idle 2
	read -r master_kib worker_kib master_fds worker_fds < <(sizes)
	# Ports that were used are free again only after a minute: each address has its own.
	for last in 1 2 3 4 5; do
		run -0 timeout 120 "$BUILD/echo-load" -c 2 -n 20000 --churn 1 "127.0.0.$last" "$port"
		[[ $output == *'echoes       20000 in '* ]]
	done
	eventually 10 all_idle 2
	echo "before: $master_kib $worker_kib $master_fds $worker_fds, after: $(sizes)"
	read -r master_kib_now worker_kib_now master_fds_now worker_fds_now < <(sizes)
	# A byte lost at each would show.
	[ "$master_kib_now" -le $((master_kib + 32)) ]
	[ "$worker_kib_now" -le $((worker_kib + 32)) ]
	[ "$master_fds_now" -eq "$master_fds" ]
	[ "$worker_fds_now" -le "$worker_fds" ]
	no_zombies
}

# echo-load's own part in it is in tests/e2e/load.bats.
@test "machine: clients that run out of ports are let down by their machine, not by the server" {
	need_networks
	[ -w /proc/sys/net/ipv4/ip_local_port_range ] || skip "/proc/sys is read-only here"
	launch unshare -n sh -c "ip link set lo up &&
		sysctl -qw net.ipv4.ip_local_port_range='40000 40007' &&
		exec '$BUILD/echo-master' -p 5000 --log-stderr -w 8 --max-workers 8 ${ENGINE:+--connections 64}"
	inside() { nsenter -t "$master" -n "$@"; }
	status=0
	inside timeout 60 "$BUILD/echo-load" -c 12 -d 2 --churn 1 127.0.0.1 5000 >out || status=$?
	cat out
	[ "$status" -eq 1 ]
	grep -qE ' [1-9][0-9]* no-port$' out
	run ! grep -E ' (refused|reset-before|reset-after|timeout|short|corrupt)$' out
	# When there are ports again it is as if nothing had been.
	inside sysctl -qw net.ipv4.ip_local_port_range='41000 42000'
	run -0 inside timeout 60 "$BUILD/echo-load" -c 8 -n 100 --churn 1 127.0.0.1 5000
	eventually 10 all_idle 8
	[ "$(times_said 'warning|error|was killed|pauses')" -eq 0 ]
}
