#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# echo-load: how much and how long, where it begins and ends, and what a stall does to it.

load common

# So many connections have had an echo.
serves() {
	[ "$(wc -l <roomy.out)" -gt "$1" ]
}

# No connection has an answer from here on, until SIGCONT.
stall() {
	kill -STOP "$roomy"
	eventually 10 is_stopped "$roomy"
}

is_stopped() {
	grep -q '^State:.*stopped' "/proc/$1/status"
}

# begin_load [option ...]: puts load on the port; the report will be in out.
begin_load() {
	env --default-signal=INT "$BUILD/echo-load" "$@" 127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
}

# end_load CODE: the load ends by itself, with this code.
end_load() {
	eventually 30 gone "$loader"
	status=0
	wait "$loader" || status=$?
	cat out err
	[ "$status" -eq "$1" ]
}

# How many connections ended in a class, by the report.
ended() {
	local count

	count=$(sed -nE "s/^(connections)? +([0-9]+) $1\$/\2/p" out)
	echo "${count:-0}"
}

# So many connections, and all of them ended in this class.
all_ended() {
	[ "$(ended "$2")" -eq "$1" ]
	[ "$(grep -cE '^(connections)? +[1-9][0-9]* [a-z-]+$' out)" -eq 1 ]
}

echoes_done() {
	sed -nE 's/^echoes +([0-9]+) in .*/\1/p' out
}

# ---- how much ----

@test "load: 5,000 connections are held and served at the same time" {
	need=5100 # a few descriptors are not connections
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge "$need" ] ||
		skip "needs $need open files, and ulimit -Hn is $(ulimit -Hn)"
	start_roomy
	begin_load -c 5000 -d 600 --timeout 60
	eventually 60 serves 5000
	kill -INT "$loader"
	end_load 0
	all_ended 5000 clean
	[ "$(echoes_done)" -ge 5000 ]
}

@test "load: more connections than open files are allowed end with exit code 71, before the load" {
	start_roomy
	run -71 bash -c 'ulimit -n 100; exec "$@"' - "$BUILD/echo-load" -c 90 --idle 10 -n 1 \
		127.0.0.1 "$port"
	[[ $output == *'100 connections need 118 open files, and the hard limit is 100: see ulimit -Hn' ]]
	run ! serves 1
	# As many as the page says are enough, and one less is not.
	bash -c 'ulimit -n 118; exec "$@"' - "$BUILD/echo-load" -c 90 --idle 10 -n 1 127.0.0.1 "$port"
	run -71 bash -c 'ulimit -n 117; exec "$@"' - "$BUILD/echo-load" -c 90 --idle 10 -n 1 \
		127.0.0.1 "$port"
	grep -q '118 for 100 connections on one thread' "$top/client/echo-load.1"
}

@test "load: --ramp opens the connections evenly over a time" {
	start_roomy
	began=$(now_ms)
	begin_load -c 600 -d 600 --ramp 60 --threads 2
	# Not all of them late: twenty are there long before the end.
	eventually 40 serves 20
	kill -INT "$loader"
	end_load 0
	all_ended "$(ended clean)" clean
	# When each was served, from a little before the ramp began: none before its time.
	sed 1d roomy.out | awk -v began="$began" '{ print $1 - began }' >served
	cat served
	awk '$1 < (NR - 1) * 100 - 1 { exit 1 }' served
}

# Messages that were due and not sent, by the report.
never_sent() {
	local count

	count=$(sed -nE 's/^not timed +(.*, )?([0-9]+) due, never sent$/\2/p' out)
	echo "${count:-0}"
}

# ---- how long ----

@test "load: -d ends it in time, in the closed loop and in the open one" {
	start_roomy
	began=$(now_ms)
	begin_load -c 2 -d 0.5
	end_load 0
	[ $(($(now_ms) - began)) -lt 5000 ]
	[ "$(echoes_done)" -gt 0 ]
	# By the rate 100 messages are due in this time, whether we got to send them or not.
	begin_load -c 2 -d 0.5 -r 200
	end_load 0
	[ "$(echoes_done)" -gt 0 ]
	[ $(($(echoes_done) + $(never_sent))) -eq 100 ]
}

@test "load: with -d and -n it ends by what comes first" {
	start_roomy
	for options in '' '-r 1000'; do
		read -ra words <<<"$options"
		begin_load -c 2 -d 600 -n 100 "${words[@]}"
		end_load 0
		[ "$(echoes_done)" -eq 100 ]
		begin_load -c 2 -d 0.2 -n 1000000000 "${words[@]}"
		end_load 0
		[ "$(echoes_done)" -gt 0 ]
		all_ended 2 clean
	done
}

# The signal has been taken: another one will not be taken for the same.
took_interrupt() {
	local pending

	pending=$(sed -n 's/^ShdPnd:[[:space:]]*//p' "/proc/$loader/status")
	[ $((16#${pending:-0} & 2)) -eq 0 ]
}

@test "load: a second SIGINT ends it at once, and what was under way is timeout" {
	start_roomy
	begin_load -c 3 -d 600 -s 64 --timeout 600
	eventually 20 serves 3
	stall # each has one message under way
	kill -INT "$loader"
	eventually 10 took_interrupt
	run ! gone "$loader"
	kill -INT "$loader"
	end_load 1
	[ "$(ended timeout)" -eq 3 ]
	grep -qE '^bytes .*, 192 lost$' out
}

@test "load: a second signal leaves clean what was closing and owed nothing" {
	be_faulty holding
	begin_load -c 2 -n 10 --timeout 600
	eventually 20 are_clients 05 2
	kill -INT "$loader"
	kill -TERM "$loader"
	end_load 0
	all_ended 2 clean
	begin_load -c 2 -n 10 --timeout 0.3
	end_load 1
	all_ended 2 timeout
}

# ---- where it begins ----

@test "load: a host of several addresses is loaded on the one that serves" {
	need_root
	[ -e /proc/net/if_inet6 ] || skip "needs IPv6"
	start_roomy
	printf '::1 two.test\n127.0.0.1 two.test\n' >hosts
	for options in '' '--threads 2 --churn 5 -r 400'; do
		read -ra words <<<"$options"
		# shellcheck disable=SC2016 # the other shell expands it
		unshare -m bash -ec 'mount --bind hosts /etc/hosts; getent ahosts two.test >addresses
			exec timeout 60 "$@"' - "$BUILD/echo-load" -c 4 -n 40 "${words[@]}" two.test \
			"$port" >out
		cat addresses out
		# The one where nobody listens is tried first.
		head -n 1 addresses | grep -q '^::1 '
		grep -q "^to  *127\.0\.0\.1:$port from " out
		[ "$(echoes_done)" -eq 40 ]
		all_ended "$(ended clean)" clean
	done
	[ "$(ended clean)" -ge 8 ]
}

# ---- what a stall does ----

progress() {
	tr '\r' '\n' <typescript | grep -aE '^[0-9]+ s: '
}

# tells TIMES WHAT: so many progress lines are so.
tells() {
	[ "$(progress | grep -acE "^[0-9]+ s: $2")" -ge "$1" ]
}

# The last progress line is so.
ends_with() {
	progress | tail -n 1 | grep -qaE "^[0-9]+ s: $1"
}

@test "load: the progress line comes while the server stalls, and says that nothing comes back" {
	command -v script >/dev/null || skip "script is not here"
	start_roomy
	script -qefc "exec '$BUILD/echo-load' -c 2 -d 600 --timeout 600 127.0.0.1 $port" typescript \
		</dev/null >/dev/null 3>&- &
	terminal=$!
	eventually 20 serves 2
	stall
	# Two of them: a second and the next.
	eventually 20 tells 2 '0 echoes/s, 0 failures'
	kill -CONT "$roomy"
	eventually 20 ends_with '[1-9][0-9]* echoes/s, p50 [0-9.]+ ms, .*'
	pkill -TERM -P "$terminal"
	wait "$terminal"
}

@test "load: what a stall at the end delayed is in the corrected tail, and not in the uncorrected" {
	command -v jq >/dev/null || skip "jq is not here"
	start_roomy
	# Two seconds of messages. With two connections but two of 400 are ever under way.
	begin_load -c 2 -n 400 -r 200 --json
	eventually 20 serves 2
	stall
	sleep 2 # how long they are delayed
	kill -CONT "$roomy"
	end_load 0
	# Each second of the stall delays 200 of them, half a second or more on average. It was the
	# server's doing: on a busy machine there is lateness of our own too, which is another thing.
	jq -e 'def sum: .mean_us * .count;
		.echoes == 400 and .echo.max_us >= 1900000 and .uncorrected.max_us >= 1900000 and
		(.echo | sum) - (.uncorrected | sum) - (.lateness | sum) > 50000000' out
}
