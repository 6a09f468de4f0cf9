#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What the server costs, counted in system calls: a count is the same on every machine.

load common

# strace says of N processes that it has them.
all_attached() {
	[ "$(grep -c 'attached' attached)" -eq "$1" ]
}

# count_calls PID: counts the system calls of a process until stop_counting.
count_calls() {
	strace -f -c -U name,calls -o counts.out "${@/#/-p}" 2>attached 3>&- &
	counter=$!
	eventually 10 all_attached $#
}

stop_counting() {
	kill -INT "$counter"
	wait "$counter" || true
	cat counts.out
}

calls() {
	awk -v name="$1" '$1 == name { print $2 }' counts.out | grep . || echo 0
}

@test "calls: an echo is two system calls in the worker, and nothing else" {
	need_blocking_engine
	need_plain_build
	start_server -w 1
	count_calls "$(workers)"
	run -0 "$BUILD/echo-load" -c 1 -n 10000 127.0.0.1 "$port"
	stop_counting
	total=$(calls total)
	[ "$total" -ge 20000 ]
	[ "$total" -le 20010 ]
	[ "$(calls sendto)" -eq 10000 ]
}

@test "calls: a connection with one echo is at most six system calls" {
	need_blocking_engine
	need_plain_build
	start_server -w 1 --max-workers 1
	count_calls "$(workers)"
	run -0 "$BUILD/echo-load" -c 1 -n 1000 --churn 1 127.0.0.1 "$port"
	stop_counting
	[ "$(calls total)" -le 6010 ]
	[ "$(calls close)" -ge 999 ]
}

@test "calls: an idle server makes no system call in ten seconds" {
	need_plain_build
	start_server -w 8 --hang-timeout 1s
	answers
	eventually 10 all_idle 8
	# shellcheck disable=SC2046 # a list of pids
	count_calls "$master" $(workers)
	sleep 10 # what is looked for is that nothing happens
	stop_counting
	[ "$(calls total)" -eq 0 ]
}

# enough_echoes N: the calls that are written down have N echoes among them.
enough_echoes() {
	[ "$(grep -c ' sendto(' calls.out)" -ge "$1" ]
}

@test "calls: the event engine with 64 clients makes at most 2.2 calls an echo, and no epoll_ctl" {
	need_plain_build
	start_server -w 1 --connections 100
	"$BUILD/echo-load" -c 64 -d 300 127.0.0.1 "$port" >load.out 2>&1 3>&- &
	load=$!
	eventually 10 pgrep -P "$master" -f 'serving 64 of 100'
	strace -f -o calls.out -p "$(workers)" 2>attached 3>&- &
	counter=$!
	eventually 60 enough_echoes 1000
	kill -INT "$counter"
	wait "$counter" || true
	kill -INT "$load"
	wait "$load"
	echoes=$(grep -c ' sendto(' calls.out)
	total=$(grep -c '(' calls.out)
	echo "$total calls, $echoes echoes"
	[ $((total * 10)) -le $((echoes * 22)) ]
	run -1 grep epoll_ctl calls.out
}

# trace_waits PID...: what each call that waits for events returns, until stop_tracing.
trace_waits() {
	strace -f -e 'trace=/^(epoll_p?wait|ppoll)$' -o waits.out "${@/#/-p}" 2>attached 3>&- &
	tracer=$!
	eventually 10 all_attached $#
}

stop_tracing() {
	kill -INT "$tracer"
	wait "$tracer" || true
}

# looks: how often a worker has looked for events without waiting, and found none.
looks() {
	grep -cE ', 0(, NULL, 8)?\) += 0$' waits.out || true
}

@test "calls: with busy-poll a worker looks before it sleeps while there is traffic, else never" {
	need_plain_build
	for us in 0 2000; do
		rm -f server.log
		start_server -w 1 --connections 100 --busy-poll "$us"
		trace_waits "$(workers)"
		run -0 "$BUILD/echo-load" -c 1 -n 500 --rate 1000 127.0.0.1 "$port"
		stop_tracing
		found[us]=$(looks)
		stop_server_somehow
	done
	echo "without: ${found[0]}, with: ${found[2000]}"
	[ "${found[0]}" -eq 0 ]
	[ "${found[2000]}" -ge 100 ]
}

@test "calls: of four workers of the event engine a client wakes one" {
	need_plain_build
	start_server -w 4 --connections 100
	eventually 10 all_idle 4
	# shellcheck disable=SC2046 # a list of pids
	trace_waits $(workers)
	open_session fd
	echoes "$fd" hello
	stop_tracing
	cat waits.out
	[ "$(awk '/ = [1-9]/ { print $1 }' waits.out | sort -u | wc -l)" -eq 1 ]
}

# longest_wait: since the last signal, in ms. In the event engine a wait may begin before the
# worker knows; it is cut short.
longest_wait() {
	sed -nE -e 's/^[0-9]+ +--- SIGQUIT.*/signal/p' \
		-e 's/.* epoll_.*, ([0-9]+)(, NULL, 8)?\) += 0$/\1/p' \
		-e 's/.* ppoll\(.*\{tv_sec=([0-9]+), tv_nsec=([0-9]+)\}.*/\1 \2/p' waits.out |
		awk '/signal/ { most = 0; next }
			{ ms = NF == 2 ? $1 * 1000 + $2 / 1000000 : $1 }
			ms > most { most = ms }
			END { printf "%d\n", most }'
}

# Its clients are told that it ends, and do not close; then the master dies.
linger_as_an_orphan() {
	start_server -w 1 --max-workers 1 --connections "$1"
	open_session fd
	echoes "$fd" hello
	worker=$(workers)
	trace_waits "$worker"
	kill -QUIT "$master"
	ends_in_order "$fd"
	kill -KILL "$master"
	wait "$server" || true
	server=
	eventually 5 gone "$worker"
	wait "$tracer" || true
	cat waits.out
	close_session "$fd"
}

@test "calls: a worker that lingers when its master dies waits no longer than an orphan may" {
	need_plain_build
	for connections in 1 100; do
		rm -f server.log
		linger_as_an_orphan "$connections"
		longest=$(longest_wait)
		[ "$longest" -gt 0 ]
		[ "$longest" -le 250 ]
	done
}

# One of four workers has a client, and all wait for the next one.
one_left() {
	local pid

	[ "$(pgrep -P "$master" -f '\(idle\)' | wc -l)" -eq 3 ] || return 1
	[ "$(pgrep -P "$master" -f '\(serving 1 of 100\)' | wc -l)" -eq 1 ] || return 1
	for pid in $(workers); do
		watches_listener "$pid" || return 1
	done
}

@test "calls: an idle server of the event engine makes no system call in ten seconds" {
	need_plain_build
	start_server -w 4 --connections 100 --busy-poll 1000 --hang-timeout 1s
	open_session fd
	echoes "$fd" 'and then silence'
	run -0 "$BUILD/echo-load" -c 8 -n 1000 127.0.0.1 "$port"
	eventually 10 one_left
	# shellcheck disable=SC2046 # a list of pids
	count_calls "$master" $(workers)
	sleep 10 # what is looked for is that nothing happens
	stop_counting
	[ "$(calls total)" -eq 0 ]
}
