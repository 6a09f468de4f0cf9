#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The log reaches the system log, and a log daemon in trouble troubles nobody.

load common

# A /dev of its own, in which log is a socket in the test's folder. Needs root.
launch_with_log() {
	# shellcheck disable=SC2016 # the inner shell expands it
	launch unshare -m sh -c '
		mkdir dev && mount -t tmpfs none dev || exit 1
		for device in null zero random urandom; do
			: >dev/$device && mount --bind /dev/$device dev/$device || exit 1
		done
		ln -s "$PWD/log.sock" dev/log && mount --rbind dev /dev || exit 1
		exec "$0" "$@"' "$BUILD/echo-master" -p 0 --log-stderr "$@"
}

start_sink() {
	"$tools/logsink" log.sock >>sink.log 3>&- &
	sink=$!
	sinks_up() { [ "$(grep -c 'logsink ready' sink.log)" -eq "$1" ]; }
	eventually 10 sinks_up "${1:-1}"
}

sink_said() {
	grep -qE -- "$1" sink.log
}

# Everything that was said on standard error is in the system log too, in the same order.
logs_agree() {
	sed -n 's/^.*echo-master\[/[/p' server.log >on_stderr
	sed -n 's/^.*echo-master\[/[/p' sink.log >in_syslog
	cmp -s on_stderr in_syslog
}

@test "log: lines reach the system log as facility daemon, with the pid" {
	need_root
	start_sink
	launch_with_log -w 2
	eventually 10 sink_said "^<29>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} echo-master\[$master\]: ready: 2 workers$"
	sink_said "^<30>.* echo-master\[$master\]: worker 1 started: pid"
	kill -KILL "$(workers | head -n 1)"
	eventually 10 sink_said "^<28>.* was killed by signal 9"
	kill -TERM "$master"
	wait_for_server
	sink_said ": stopped$"
	logs_agree
	kill "$sink"
}

@test "log: what a worker says is logged under its own pid" {
	need_root
	start_sink
	launch_with_log -w 1 --log-level debug
	answers
	eventually 10 sink_said "^<31>.* echo-master\[$(workers)\]: server received 6 bytes$"
	eventually 10 sink_said "127\.0\.0\.1:[0-9]+: 6 bytes in, 6 out, .* closed by the client$"
	kill "$sink"
}

@test "log: a log daemon that stops reading delays nothing, and gets every line later" {
	need_root
	start_sink
	launch_with_log -w 2
	kill -STOP "$sink"
	for round in $(seq 10); do
		kill -HUP "$master"
		reloaded() { [ "$(times_said 'reloaded')" -eq "$round" ]; }
		eventually 10 reloaded
		answers
	done
	eventually 10 all_idle 2
	kill -CONT "$sink"
	eventually 10 logs_agree
	kill "$sink"
}

@test "log: a log daemon that goes and comes back gets the lines of the time between" {
	need_root
	start_sink
	launch_with_log -w 2
	eventually 10 sink_said 'ready: 2 workers'
	kill -KILL "$sink"
	wait "$sink" || true
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: generation 2'
	eventually 10 all_idle 2
	rm log.sock
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: generation 3'
	eventually 10 all_idle 2
	start_sink 2
	kill -USR1 "$master" # the next line brings all that waited along
	eventually 10 logs_agree
	kill "$sink"
}

@test "log: without a log daemon the server runs all the same" {
	need_root
	launch_with_log -w 2
	answers
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "log: a standard error that nobody reads does not stop the server" {
	mkfifo err
	exec 8<>err # a reader that never reads
	"$BUILD/echo-master" -w 1 -p 0 --log-stderr --log-level debug 2>err 3>&- 8>&- &
	server=$!
	master=$server
	# Its log cannot be read: the inode of its listening socket leads to the port.
	has_listener() {
		local inode hex

		inode=$(readlink "/proc/$server/fd/"* | sed -n 's/^socket:\[\(.*\)\]$/\1/p' | paste -sd '|')
		hex=$(awk -v ours="^($inode)$" '$4 == "0A" && $10 ~ ours { sub(/.*:/, "", $2); print $2 }' \
			/proc/net/tcp6 /proc/net/tcp)
		[ -n "$hex" ] && port=$((16#$hex))
	}
	eventually 10 has_listener
	# Far more than fits into a pipe.
	run -0 "$BUILD/echo-load" -c 1 -n 2000 --churn 1 127.0.0.1 "$port"
	kill -TERM "$server"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "log: a log socket without buffers neither spins nor keeps signals out" {
	need_root
	without_leak_check
	start_sink
	launch_with_log -w 2
	strace -o strace.out -p "$master" -e trace=sendto,ppoll -e inject=sendto:error=ENOBUFS \
		2>attached 3>&- &
	eventually 10 grep -q 'attached' attached
	kill -HUP "$master"
	eventually 10 server_said 'reloaded'
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
	# One try for each line at the most, and one for each at the end.
	echo "$(grep -c sendto strace.out) tries for $(wc -l <server.log) lines"
	[ "$(grep -c sendto strace.out)" -le $((3 * $(wc -l <server.log))) ]
}

@test "log: a flood of lines does not keep a stop waiting" {
	start_server -w 8 --log-level debug
	"$BUILD/echo-load" -c 8 -d 300 127.0.0.1 "$port" >load.out 2>&1 3>&- &
	eventually 10 server_said 'server received'
	for _ in 1 2; do
		asked_at=$(now_ms)
		kill -TERM "$master"
		eventually 10 server_said 'stopping'
		echo "noticed after $(($(now_ms) - asked_at)) ms"
	done
	wait_for_server 10
	[ "$status" -eq 0 ]
}

@test "log: --log-level decides what is said" {
	start_server -w 1 --log-level notice
	server_said 'ready: 1 worker$'
	[ "$(times_said 'worker 1 started')" -eq 0 ]
}
