# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# What scripts/bench measures of the server alone: how soon it is ready, how soon a killed worker
# is replaced, what it does when idle, and what its workers take.

now_us() {
	echo "${EPOCHREALTIME/[.,]/}"
}

median() {
	sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

ms_since() {
	awk "BEGIN { printf \"%.3f\n\", ($(now_us) - $1) / 1000 }"
}

# ready_after WORKERS: sets $took_ms, from the start of the program to its line that all are ready.
ready_after() {
	local port began line log

	take_port
	[ -p "$folder/lines" ] || mkfifo "$folder/lines"
	exec {log}<>"$folder/lines"
	began=$(now_us)
	"$BUILD/echo-master" -w "$1" -l 127.0.0.1 -p "$port" --log-stderr --log-level notice \
		2>"$folder/lines" </dev/null {log}>&- &
	pid_of[ready]=$!
	line=
	while [[ $line != *': ready: '* ]]; do
		read -r -t 20 -u "$log" line || break
	done
	took_ms=$(ms_since "$began")
	end_servers ready
	exec {log}>&-
	[[ $line == *': ready: '* ]]
}

# measure_ready NAME WORKERS
measure_ready() {
	local i took_ms all=()

	for ((i = 0; i < rounds; i++)); do
		ready_after "$2" || {
			note "$2 workers were not ready within 20 s"
			lost=1
			return
		}
		all+=("$took_ms")
	done
	figure "$1" "$(printf '%s\n' "${all[@]}" | median)"
}

has_idle_worker() {
	worker=$(pgrep -P "${pid_of[replaced]}" -f 'echo-master: worker 1 \(idle\)') ||
		gone "${pid_of[replaced]}"
}

# Sets $took_ms, from a kill of the only worker to the first echo of the one in its place. The
# client's connection waits in the accept queue meanwhile, so nothing is polled for.
replace_worker() {
	local client answer began

	within 10 has_idle_worker && [ -n "$worker" ] || return 1
	began=$(now_us)
	kill -KILL "$worker"
	# One that dies with a connection in its hands resets it.
	while kill -0 "$worker" 2>/dev/null && [ "$(($(now_us) - began))" -lt 10000000 ]; do
		:
	done
	exec {client}<>"/dev/tcp/127.0.0.1/${port_of[replaced]}"
	echo works >&"$client"
	read -r -t 10 -u "$client" answer 2>/dev/null || answer=
	took_ms=$(ms_since "$began")
	exec {client}>&-
	[ "$answer" = works ]
}

# One worker, and no other that could answer in its place.
measure_replaced() {
	local i took_ms worker all=()

	start_server replaced blocking 1 -w 1 --max-workers 1 || {
		not_started replaced blocking
		return
	}
	for ((i = 0; i < kills; i++)); do
		replace_worker || {
			note 'a killed worker was not replaced within 10 s'
			lost=1
			break
		}
		all+=("$took_ms")
	done
	end_servers replaced
	[ "${#all[@]}" -eq 0 ] || figure replaced_ms "$(printf '%s\n' "${all[@]}" | median)"
}

attached_or_gone() {
	[ "$(grep -c attached "$folder/attached")" -ge "$1" ] || gone "$2"
}

# count_calls SERVER: prints how many system calls all of it makes in so many seconds of peace.
count_calls() {
	local tracer pids

	mapfile -t pids < <(processes "${pid_of[$1]}" list)
	: >"$folder/attached"
	strace -f -c -U name,calls -o "$folder/calls" "${pids[@]/#/-p}" 2>"$folder/attached" \
		</dev/null &
	tracer=$!
	helper=$tracer
	within 10 attached_or_gone "${#pids[@]}" "$tracer" || true
	sleep "$idle_seconds"
	kill -INT "$tracer" 2>/dev/null || true
	wait "$tracer" || true
	helper=
	attached_or_gone "${#pids[@]}" $$ || return 1
	calls=$(awk '$1 == "total" { total = $2 } END { print total + 0 }' "$folder/calls")
}

# is_at_rest SERVER: nothing that a client leaves for later is still to be done: titles say that
# nobody is served, and workers that stood aside are back.
is_at_rest() {
	local pid

	for pid in $(pgrep -P "${pid_of[$1]}"); do
		grep -qs '(idle)' "/proc/$pid/cmdline" || return 1
		[ "$1" != event ] || watches_listener "$pid" || return 1
	done
}

# measure_idle SERVER: with a pool that may grow, as it does if not told otherwise.
measure_idle() {
	local calls

	command -v strace >/dev/null || {
		note 'idle: strace is missing'
		return
	}
	start_server "$1" "$1" 8 --max-workers 1024 || {
		not_started idle "$1"
		return
	}
	within 10 is_at_rest "$1" || true # then it is not idle, and that is counted
	if count_calls "$1"; then
		figure "idle_calls_$1" "$calls"
	else
		note 'idle: strace may not look at processes here'
	fi
	end_servers "$1"
}

# The largest of eight workers that have served and rest.
measure_worker() {
	start_server worker blocking 8 || {
		not_started worker blocking
		return
	}
	start_load worker -c 8 -n 8000
	end_load && nothing_failed || lost=1
	# shellcheck disable=SC2046 # a list of pids
	figure worker_kib "$(private_kib $(pgrep -P "${pid_of[worker]}") | sort -n | tail -n 1)"
	end_servers worker
}

# Is there room for so many processes? The kernel needs up to 150 KiB for each, and others some.
has_room_for() {
	[ "$(available_kib)" -gt $(($1 * 300 + 500000)) ] &&
		[ "$(cat /proc/sys/kernel/pid_max)" -gt $(($1 + 2000)) ] &&
		{ [ "$(ulimit -u)" = unlimited ] || [ "$(ulimit -u)" -gt $(($1 + 2000)) ]; }
}

# All that is missing on the machine when they are ready, that of the kernel included.
measure_pool() {
	local before

	has_room_for "$many_workers" || {
		note "$many_workers workers: not tried, too little memory or too few processes"
		return
	}
	before=$(available_kib)
	start_server pool blocking "$many_workers" || {
		not_started pool blocking
		return
	}
	figure pool_mib "$(((before - $(available_kib)) / 1024))"
	end_servers pool
}

# echo-load and the barest load by turns, on the barest epoll server.
measure_instrument() {
	local round with barest

	start_server instrument epoll-loop 64 || {
		not_started instrument epoll-loop
		return
	}
	for ((round = 1; round <= rounds; round++)); do
		start_load instrument -c 64 -d "$seconds"
		{ end_load && nothing_failed; } || break
		with=$(jq .echoes_per_s "$folder/report")
		barest=$(timeout "$patience" "$BUILD/tests/bench/load_loop" 64 "$seconds" \
			"${port_of[instrument]}") || break
		jq -nc --argjson with "$with" --argjson barest "$barest" \
			'{kind: "instrument", $with, $barest}' >>"$raw"
	done
	[ "$round" -gt "$rounds" ] || lost=1
	end_servers instrument
}
