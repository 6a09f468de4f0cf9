#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A long life: reloads leave no trace, in a storm and with clients that stay silent.

load common

reloads() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

# reload_times N: one after the other, each when the one before is over.
reload_times() {
	local before

	for _ in $(seq "$1"); do
		before=$(times_said 'reloaded: ')
		kill -HUP "$master"
		eventually 10 reloads $((before + 1))
	done
}

@test "life: 100 reloads leave descriptors and memory as they were" {
	need_plain_build
	printf 'workers 2\nport 0\n' >server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf "${visible[@]}"
	reload_times 100 # what is kept for ever has reached its size
	eventually 10 all_idle 2
	held=$(descriptors "$master")
	memory=$(memory_of "$master")
	reload_times 100
	eventually 10 all_idle 2
	[ "$(descriptors "$master")" -eq "$held" ]
	echo "before: $memory KiB, after: $(memory_of "$master") KiB"
	# One kilobyte lost at each would show.
	[ "$(memory_of "$master")" -le $((memory + 80)) ]
	worker=$(workers | head -n 1)
	own=0
	[ "$ENGINE" != event ] || own=2 # for epoll(7), and for signals
	[ "$(descriptors "$worker")" -lt $((held + own)) ]
	no_zombies
}

@test "life: 200 reloads at 20 a second in a storm of connections, every fifth file broken" {
	printf 'workers 4\nport 0\n' >server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf
	start_load 16
	start=$(now_ms)
	for round in $(seq 200); do
		if [ $((round % 5)) -eq 0 ]; then
			echo 'workers none' >new.conf
		else
			printf 'workers %d\nport 0\n' $((round % 3 + 3)) >new.conf
		fi
		mv new.conf server.conf
		kill -HUP "$master"
		# The rate is the promise here, so this waits for a time.
		left=$((start + round * 50 - $(now_ms)))
		[ "$left" -le 0 ] || sleep "$(printf '0.%03d' "$left")"
	done
	end_load
	printf 'workers 3\nport 0\n' >server.conf
	before=$(times_said 'reloaded: ')
	kill -HUP "$master"
	more() { [ "$(times_said 'reloaded: ')" -gt "$before" ]; }
	eventually 10 more
	eventually 10 all_idle 3
	[ "$(times_said 'reload refused')" -gt 0 ]
	no_zombies
}

@test "life: 50 reloads with silent clients leave a bounded number of processes" {
	start_server -w 2 --max-workers 2 --shutdown-timeout 1h
	for round in $(seq 50); do
		open_session "silent_$round"
		kill -HUP "$master"
		eventually 10 reloads "$round"
		[ "$(count_workers)" -le 16 ]
	done
	answers
	echoes "$silent_50" 'still there'
}
