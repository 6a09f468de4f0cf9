#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The kill storm: whatever is done to workers, and however often the settings change, under load.
# Nobody loses a session but who was served by a worker that was killed, nothing is left behind,
# and the status report adds up. Where a worker was stopped first, it is known who that was.
#
# STORM_SECONDS is how long each of the two goes on, STORM_SEED gives the order of an earlier one;
# the figures of each are added to STORM_FIGURES.

load ../e2e/common

STORM_SECONDS=${STORM_SECONDS:-60}
STORM_SEED=${STORM_SEED:-$RANDOM}
STORM_FIGURES=${STORM_FIGURES:-/dev/null}
clients=24
most_bytes=4096 # of a message, of which each client has one under way

# of_storm KEY, of_load KEY: a number that either has told at its end.
of_storm() {
	sed -n "s/^$1 //p" storm.out
}

of_load() {
	grep -o "\"$1\":[0-9][0-9]*" load.json | head -n 1 | cut -d : -f 2
}

# How many workers there are to be when nobody comes, by the master's title.
at_rest() {
	title_of "$master" | sed -nE 's/.*\(([0-9]+) workers?(, ([0-9]+) at rest)?, .*/\3 \1/p' |
		awk '{ print $1 }'
}

pool_is_full() {
	all_idle "$(at_rest)"
}

start_stormy_load() {
	"$BUILD/echo-load" -c "$clients" -r 4000 -d 168h -s "1-$most_bytes" --churn 20 --timeout 60 \
		--fail-on none --json --lost lost 127.0.0.1 "$port" >load.json 2>load.err 3>&- &
	load=$!
	eventually 20 serving >/dev/null
}

# Echoes under way are waited for, and none of them waits for long.
end_stormy_load() {
	kill -TERM "$load"
	eventually 70 gone "$load"
	wait "$load"
	cat load.err
}

rage() {
	ulimit -c 0
	: >killed
	"$top/tests/fault/storm.bash" "$master" "$1" "$STORM_SECONDS" "$STORM_SEED" server.conf \
		killed >storm.out 3>&- &
	wait "$!"
	cat storm.out
}

reloads_more_than() {
	[ "$(times_said ': reloaded: ')" -gt "$1" ]
}

# What the storm has asked for last may still be under way.
one_good_reload() {
	local before

	before=$(times_said ': reloaded: ')
	kill -HUP "$master"
	eventually 20 reloads_more_than "$before"
	eventually 40 all_idle 4
}

reports_more_than() {
	[ "$(times_said 'all workers, those')" -gt "$1" ]
}

connections_of_load() {
	local class sum=0

	for class in clean refused reset-before reset-after timeout short corrupt no-port; do
		sum=$((sum + $(of_load "$class")))
	done
	echo "$sum"
}

# Prints the lines of lost connections that no worker had which was killed just then; each was
# served by one at most. A client is told of it at once, and gets to know when it has a CPU. Whom a
# worker had that died suddenly is not known: it may have been any one client, and of those that
# may explain a loss the first does, so that what is left is for later ones. How many of them do so
# is told on standard error.
lost_by_no_kill() {
	LC_ALL=C sort -n lost >lost.sorted
	awk 'function take(whom, now,    i, found) {
			for (i = times[whom]; i > 0 && now - killed[whom, i] <= 20; i--)
				if (killed[whom, i] <= now && !taken[whom, i])
					found = i
			if (found > 0)
				taken[whom, found] = 1
			return found > 0
		}
		FILENAME == "killed" { killed[$2, ++times[$2]] = $1; next }
		take($2, $1) { next }
		take("sudden", $1) { sudden++; next }
		{ print }
		END { print "explained by sudden deaths: " sudden + 0 >"/dev/stderr" }' \
		killed lost.sorted
}

# Sessions that killed workers had, at most: nobody has looked at those of a sudden death, which
# are of the blocking engine and have one.
sessions_killed() {
	echo $(($(of_storm sessions) + $(of_storm sudden)))
}

# Sets $lost: connections that were cut, each by a kill of its own worker. They end in these ways
# only.
judge_connections() {
	local class

	lost=0
	for class in refused timeout corrupt no-port; do
		[ "$(of_load "$class")" -eq 0 ]
	done
	for class in reset-before reset-after short; do
		lost=$((lost + $(of_load "$class")))
	done
	echo "lost: $lost, sessions of killed workers: $(of_storm sessions)," \
		"and of sudden deaths at most: $(of_storm sudden)"
	[ "$(wc -l <lost)" -eq "$lost" ]
	[ "$lost" -le "$(sessions_killed)" ]
	lost_by_no_kill >unexplained
	cat unexplained
	[ ! -s unexplained ]
	[ "$(of_load clean)" -gt 0 ]
	[ "$(of_storm crowded)" -eq 0 ]
}

# Workers died of what the storm has done, and of nothing else.
judge_deaths() {
	local died='\(pid [0-9]+, generation [0-9]+\) was killed by signal' # not why a reload failed

	[ "$(of_storm kills)" -gt 0 ]
	[ "$(times_said 'exited with code')" -eq 0 ]
	[ "$(times_said "$died")" -le "$(of_storm kills)" ]
	[ "$(times_said "$died 11")" -le "$(of_storm crashes)" ]
	[ "$(times_said "$died")" -eq "$(times_said "$died (9|11) ")" ]
}

# judge_totals ENGINE: the board outlives who writes to it, and a worker writes down what it has
# done as soon as it has done it. So what killed workers did is in the totals but for the last
# call of each: one connection accepted, one message read, one message sent, one connection
# closed. With C connections of the load, K kills that cost S sessions, E ends that are not
# written down, of those sessions or of one just closed, and M the most bytes of a message:
#
#     C - K <= accepted <= C            completed <= accepted <= completed + E
#     clean - E <= completed            E <= K (blocking), S + K (event)
#     sent by us >= bytes in >= bytes out >= received by us - K * M
judge_totals() {
	local all kills ends accepted completed in out before

	before=$(times_said 'all workers, those')
	kill -USR1 "$master"
	eventually 10 reports_more_than "$before"
	all=$(sed -n 's/.*all workers, those that are gone included: //p' server.log | tail -n 1)
	read -r accepted completed in out < <(awk '{ print $1, $3, $13, $16 }' <<<"$all")
	kills=$(of_storm kills) ends=$kills
	[ "$1" = blocking ] || ends=$((kills + $(of_storm sessions)))
	echo "totals: $all"
	echo "the load: $(connections_of_load) connections, $(of_load out_bytes) bytes sent," \
		"$(of_load in_bytes) received"
	[ "$accepted" -le "$(connections_of_load)" ]
	[ "$accepted" -ge $(($(connections_of_load) - kills)) ]
	[ "$completed" -le "$accepted" ]
	[ "$completed" -ge $((accepted - ends)) ]
	[ "$completed" -ge $(($(of_load clean) - ends)) ]
	[ "$in" -le "$(of_load out_bytes)" ]
	[ "$out" -le "$in" ]
	[ "$out" -ge $(($(of_load in_bytes) - kills * most_bytes)) ]
}

judge_what_is_left() {
	[ "$(descriptors "$master")" -eq "$held" ]
	no_zombies
}

# Sanitizers keep what was given back for a while, to see who uses it.
judge_memory() {
	local master_kib

	master_kib=$(memory_of "$master")
	echo "master: $(of_storm first_master_kib) KiB, then $master_kib;" \
		"largest worker: $(of_storm first_worker_kib) KiB, then $(of_storm last_worker_kib)"
	[ -z "$SANITIZE" ] || return 0
	[ "$master_kib" -le $(($(of_storm first_master_kib) + 128)) ]
	[ "$(of_storm last_worker_kib)" -le $(($(of_storm first_worker_kib) + 128)) ]
}

# A line of the table that `make soak` prints; tests/fault/figures.awk has the names.
write_figures() {
	printf '%s\t' "$1" "$STORM_SECONDS" "$STORM_SEED" "$(of_storm kills)" \
		"$(times_said ': reloaded: ')" "$(times_said 'reload (refused|failed)')" \
		"$(connections_of_load)" "$(of_load echoes)" "$(of_load reset-before)" \
		"$(of_load reset-after)" "$(of_load short)" "$(sessions_killed)" \
		"$(of_storm first_master_kib)" "$(memory_of "$master")" \
		"$(of_storm first_worker_kib)" "$(of_storm last_worker_kib)" "$held" \
		>>"$STORM_FIGURES"
	descriptors "$master" >>"$STORM_FIGURES"
}

# storm ENGINE CONNECTIONS
storm() {
	command -v ss >/dev/null || skip "ss is missing: scripts/deps fault"
	ENGINE= # the file says it
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0
	export ASAN_OPTIONS
	echo "STORM_SEED=$STORM_SEED gives this storm again"
	printf '%s\n' 'workers 4' 'max-workers 8' "connections $2" 'port 0' 'spare-timeout 1s' \
		>server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf "${visible[@]}"
	held=$(descriptors "$master")
	start_stormy_load
	rage "$1"
	end_stormy_load
	run ! gone "$master" # the one that was started
	eventually 40 pool_is_full
	one_good_reload
	write_figures "$1"
	judge_connections
	judge_deaths
	judge_totals "$1"
	judge_what_is_left
	judge_memory
	answers
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "storm: killed workers of the blocking engine cost one session each, and nothing else" {
	storm blocking 1
}

@test "storm: killed workers of the event engine cost their own sessions, and nothing else" {
	storm event 16
}
