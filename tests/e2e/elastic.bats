#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The pool grows while all its workers are busy, and shrinks to what it is at rest.

load common

# open_sessions N: that many sessions, each with its descriptor in the array `sessions`.
open_sessions() {
	local i

	sessions=()
	for ((i = 0; i < $1; i++)); do
		open_session fd
		sessions+=("$fd")
	done
}

close_sessions() {
	local fd

	for fd in "${sessions[@]}"; do
		close_session "$fd"
	done
	sessions=()
}

# Every open session says a line and gets it back.
all_are_answered() {
	local fd answer

	for fd in "${sessions[@]}"; do
		printf 'session %s\n' "$fd" >&"$fd"
	done
	for fd in "${sessions[@]}"; do
		read -r -t 10 -u "$fd" answer
		[ "$answer" = "session $fd" ]
	done
}

has_at_least() {
	[ "$(count_workers)" -ge "$1" ]
}

count_serving() {
	pgrep -P "$master" -f 'echo-master: worker [0-9]+ \(serving\)' | wc -l
}

# start_churn CONNECTIONS: load with a new connection for every echo, until end_churn.
start_churn() {
	"$BUILD/echo-load" -d 100 -c "$1" --churn 1 127.0.0.1 "$port" >load.out 2>load.err 3>&- &
	churn=$!
}

# Nothing was lost, or echo-load says so with its code.
end_churn() {
	local code=0

	kill -INT "$churn"
	wait "$churn" || code=$?
	cat load.out load.err
	[ "$code" -eq 0 ]
	grep -qE '^echoes +[1-9]' load.out
}

@test "elastic: a hundred sessions on eight workers are answered within a second, and then there are eight" {
	start_server -w 8 --spare-timeout 1s
	# A busy machine may be late twice.
	for round in 1 2 3; do
		began=$(now_ms)
		run -0 "$BUILD/echo-load" -c 100 -n 100 --timeout 10 127.0.0.1 "$port"
		took=$(($(now_ms) - began))
		echo "took $took ms"
		[[ $output == *'100 clean'* ]]
		[ "$took" -gt 1000 ] || break
		eventually 20 all_idle 8
	done
	[ "$took" -le 1000 ] || [ -n "$SANITIZE" ]
	open_sessions 100
	all_are_answered
	[ "$(count_workers)" -ge 100 ]
	close_sessions
	eventually 20 all_idle 8
	no_zombies
	answers
}

@test "elastic: a hundred telnet sessions are all served at once" {
	need_plain_build
	command -v telnet || skip "telnet is not here"
	start_server -w 8 --spare-timeout 1s
	mkfifo keys
	exec {keys}<>keys
	for i in $(seq 100); do
		telnet 127.0.0.1 "$port" <keys >"screen$i" 2>&1 3>&- &
	done
	hundred_serve() { [ "$(count_serving)" -eq 100 ]; }
	eventually 10 hundred_serve
	# shellcheck disable=SC2046 # a list of pids
	kill $(jobs -p | grep -vx "$server")
	eventually 20 all_idle 8
}

@test "elastic: growing and shrinking under churn loses not one connection" {
	start_server -w 2 --spare-timeout 1s --max-workers 64
	start_churn 3
	for round in 1 2 3; do
		open_sessions 30
		all_are_answered
		[ "$(count_workers)" -ge 32 ]
		close_sessions
		shrunk() { [ "$(times_said 'spare workers? leave')" -ge "$round" ]; }
		eventually 20 shrunk
	done
	end_churn
	eventually 20 all_idle 2
	[ "$(times_said 'was killed|exited|did not finish')" -eq 0 ]
}

@test "elastic: a client that a spare worker took just before it was told to leave is served to its end" {
	without_leak_check
	start_server -w 1 --max-workers 3 --spare-timeout 6s --shutdown-timeout 1s
	open_sessions 3
	all_are_answered
	close_sessions
	eventually 10 all_idle 3
	# From here on each has a client for a while before it knows.
	# shellcheck disable=SC2046 # a list of pids
	strace -f -o strace.out $(printf -- '-p %s ' $(workers)) -e trace=accept4 \
		-e inject=accept4:delay_exit=9000000 2>attached 3>&- &
	strace=$!
	three_attached() { [ "$(grep -c 'attached' attached)" -eq 3 ]; }
	eventually 10 three_attached
	open_sessions 3
	eventually 15 server_said '2 spare workers leave'
	all_are_answered
	sleep 1.5 # what is looked for is that shutdown-timeout does not end them
	all_are_answered
	kill -INT "$strace"
	wait "$strace" || true
	close_sessions
	eventually 15 all_idle 1
	[ "$(times_said 'did not finish')" -eq 0 ]
}

@test "elastic: clients that stay in many workers do not have ever more of them started" {
	start_server -w 1 --connections 2 --max-workers 8 --spare-timeout 1s
	held=()
	for round in 1 2 3; do
		open_sessions $((16 - ${#held[@]}))
		all_are_answered
		[ "$(count_workers)" -le 8 ]
		sessions=("${held[@]}" "${sessions[@]}")
		held=()
		for i in "${!sessions[@]}"; do
			if [ $((i % 2)) -eq 0 ]; then
				held+=("${sessions[i]}")
			else
				close_session "${sessions[i]}"
			fi
		done
		sleep 1.6 # what is looked for is that nobody leaves who has a session
		[ "$(count_workers)" -le 8 ]
	done
	sessions=("${held[@]}")
	all_are_answered
	[ "$(times_said 'did not finish|was killed')" -eq 0 ]
	close_sessions
	eventually 20 all_idle 1
}

@test "elastic: as many at most as at rest is a fixed pool: the ninth client of eight waits and is served" {
	start_server -w 8 --max-workers 8
	open_sessions 8
	all_are_answered
	open_session ninth
	printf 'client 9\n' >&"$ninth"
	# A second after the limit was reached it is said, with those who wait by then.
	eventually 10 server_said 'all 8 workers are busy, which is max-workers; 1 client waits in the queue'
	[ "$(count_workers)" -eq 8 ]
	run read -r -t 0.1 -u "$ninth" answer
	[ "$status" -ne 0 ]
	close_session "${sessions[3]}"
	read -r -t 10 -u "$ninth" answer
	[ "$answer" = 'client 9' ]
	[ "$(count_workers)" -eq 8 ]
}

@test "elastic: at the limit it says so once, and everybody is served after all" {
	start_server -w 2 --max-workers 4 --spare-timeout 1s
	"$tools/crowd" 40 "$port" >crowd.out 3>&- < <(exec sleep 100) &
	crowd=$!
	eventually 10 server_said 'all 4 workers are busy, which is max-workers; 36 clients wait in the queue'
	eventually 10 grep -q 'connected 40' crowd.out
	[ "$(count_workers)" -eq 4 ]
	kill "$crowd"
	run -0 "$BUILD/echo-load" -c 40 -n 400 --churn 1 127.0.0.1 "$port"
	eventually 20 all_idle 2
	[ "$(times_said 'which is max-workers')" -eq 1 ]
}

@test "elastic: workers that were killed in a grown pool leave it as good as before" {
	start_server -w 4 --spare-timeout 1s --max-workers 32
	open_sessions 20
	all_are_answered
	# shellcheck disable=SC2046 # a list of pids
	kill -KILL $(workers)
	twenty_killed() { [ "$(times_said 'was killed by signal 9')" -ge 20 ]; }
	eventually 10 twenty_killed
	close_sessions
	eventually 20 all_idle 4
	no_zombies
	# The dead have left no trace: it still knows when nobody is idle, and when too many are.
	open_sessions 20
	all_are_answered
	close_sessions
	eventually 20 all_idle 4
}

@test "elastic: while a grown pool is reloaded all its sessions go on, and the new one grows by itself" {
	start_server -w 2 --spare-timeout 1s
	open_sessions 20
	all_are_answered
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: generation 2 is in charge, 2 workers ready'
	all_are_answered
	old=("${sessions[@]}")
	open_sessions 10
	all_are_answered
	[ "$(title_of "$master")" != 'echo-master: master (2 workers, generation 2)' ]
	[[ $(title_of "$master") == 'echo-master: master ('*' workers, 2 at rest, generation 2)' ]]
	kill -USR1 "$master"
	eventually 10 server_said 'status: [0-9]+ workers, 2 at rest, generation 2 in charge'
	sessions+=("${old[@]}")
	all_are_answered
	close_sessions
	eventually 20 all_idle 2
	[ "$(title_of "$master")" = 'echo-master: master (2 workers, generation 2)' ]
	[ "$(times_said 'did not finish')" -eq 0 ]
}

@test "elastic: reloads of a grown pool under churn lose not one connection" {
	start_server -w 2 --spare-timeout 1s --max-workers 40
	start_churn 16
	for round in $(seq 20); do
		kill -HUP "$master"
		reloaded() { [ "$(times_said 'reloaded: ')" -eq "$round" ]; }
		eventually 20 reloaded
	done
	end_churn
	eventually 20 all_idle 2
}

@test "elastic: a stop of a grown pool waits for every session" {
	start_server -w 1
	open_sessions 12
	all_are_answered
	kill -TERM "$master"
	eventually 10 server_said 'waiting for 12 sessions'
	all_are_answered
	close_sessions
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "elastic: TTIN and TTOU change what a grown pool shrinks to" {
	start_server -w 2 --spare-timeout 1s --max-workers 20
	open_sessions 10
	all_are_answered
	kill -TTIN "$master"
	eventually 10 server_said '3 workers from now on'
	close_sessions
	eventually 20 all_idle 3
	for wanted in 4 5; do
		kill -TTIN "$master"
		eventually 10 all_idle "$wanted"
	done
	kill -TTOU "$master"
	eventually 10 all_idle 4
}

@test "elastic: a reload changes the limits of the pool" {
	printf 'workers 2\nmax-workers 2\n' >server.conf
	launch "$BUILD/echo-master" -p 0 --log-stderr -f server.conf
	open_sessions 2
	all_are_answered
	printf 'workers 2\nmax-workers 6\nspare-timeout 1s\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: max-workers 2 -> 6, spare-timeout 10s -> 1s$'
	close_sessions
	open_sessions 6
	all_are_answered
	close_sessions
	eventually 20 all_idle 2
}

@test "elastic: a server that has shrunk makes no system call" {
	need_plain_build
	start_server -w 4 --spare-timeout 1s
	open_sessions 20
	all_are_answered
	close_sessions
	eventually 20 all_idle 4
	# shellcheck disable=SC2046 # a list of pids
	strace -f -c -U name,calls -o counts.out $(printf -- '-p %s ' "$master" $(workers)) \
		2>attached 3>&- &
	strace=$!
	all_attached() { [ "$(grep -c 'attached' attached)" -eq 5 ]; }
	eventually 10 all_attached
	sleep 5 # what is looked for is that nothing happens
	kill -INT "$strace"
	wait "$strace" || true
	[ "$(awk '$1 == "total" { print $2 }' counts.out | grep . || echo 0)" -eq 0 ]
}

@test "elastic: workers are replaced after max-served connections, and nothing is lost" {
	start_server -w 4 --max-workers 4 --max-served 20 --log-level debug
	before=$(workers)
	start_churn 6
	renewed() { [ "$(times_said 'worker [0-9]+ left')" -ge 40 ]; }
	eventually 30 renewed
	end_churn
	eventually 20 all_idle 4
	for worker in $before; do
		gone "$worker"
	done
	[ "$(times_said 'was killed|exited')" -eq 0 ]
}

@test "elastic: clients cannot fill the log with workers that come and go" {
	start_server -w 2 --connections 1 --max-workers 24 --max-served 1 --spare-timeout 1s
	began=$(now_ms)
	for round in $(seq 40); do
		run -0 "$BUILD/echo-load" -c 1 -n 50 --churn 1 127.0.0.1 "$port"
		open_sessions 20
		all_are_answered
		close_sessions
		eventually 20 all_idle 2
		! server_said '[1-9][0-9]* lines like the next one were left out' || break
	done
	took=$(($(now_ms) - began))
	echo "$round rounds in $took ms"
	server_said '[1-9][0-9]* lines like the next one were left out'
	[ "$(times_said 'worker [0-9]+ (started|left)')" -eq 2 ] # at the start
	[ "$(times_said 'grew to [0-9]+ workers$')" -ge 5 ]
	[ "$(times_said 'grew to [0-9]+ workers$')" -le $((6 + took / 10000)) ]
	server_said '[0-9]+ spare workers? leaves?$'
	# What somebody asked for is said as ever, and so is a death.
	kill -TTIN "$master"
	eventually 10 all_idle 3
	kill -KILL "$(workers | head -n 1)"
	eventually 10 server_said 'was killed by signal 9'
	eventually 10 all_idle 3
	kill -TTOU "$master"
	eventually 10 all_idle 2
	[ "$(times_said 'worker [0-9]+ started')" -eq 4 ]
	[ "$(times_said 'worker [0-9]+ left')" -eq 1 ]
}

@test "elastic: never are two workers replaced at once" {
	start_server -w 4 --max-workers 4 --max-served 1 --log-level debug
	# A successor stops before it is ready.
	strace -f -o strace.out -p "$master" -e trace=setpgid -e inject=setpgid:signal=SIGSTOP \
		2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	for i in $(seq 12); do
		answers
	done
	eventually 10 server_said 'worker [0-9]+ left'
	answers
	[ "$(times_said 'worker [0-9]+ started')" -eq 5 ]
	[ "$(times_said 'worker [0-9]+ left')" -eq 1 ]
	kill -INT "$strace"
	wait "$strace" || true
	kill -CONT "$(pgrep -P "$master" -n)"
	# The others wait for no further client: it is known that they have served enough.
	all_left() { [ "$(times_said 'worker [0-9]+ left')" -ge 4 ]; }
	eventually 10 all_left
	eventually 10 all_idle 4
	[ "$(times_said 'was killed|exited')" -eq 0 ]
}
