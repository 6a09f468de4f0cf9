# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# What scripts/bench measures. Each measurement is one line of JSON in $raw, for
# tests/bench/report.jq to make medians and ratios of.

# crowd_of LOAD: how many connections it has at a time.
crowd_of() {
	case $1 in
	c500) echo "$crowd" ;;
	c5000) echo $((10 * crowd)) ;;
	churn | 16k) echo 8 ;;
	stream) echo 1 ;;
	*) echo "${1#c}" ;;
	esac
}

# A closed connection keeps its local port for a while, and when half of them are gone (ip(7):
# ip_local_port_range; connect(2) takes even ones first) to find one takes longer and longer.
churn_most=12000

# Sets $options to those that a load has for echo-load. Messages are lines, as mod_echo gives
# nothing back before.
set_load_options() {
	options=(--lines -c "$(crowd_of "$1")")
	case $1 in
	churn) options+=(--churn 1 -d "$seconds" -n "$churn_most") ;;
	16k) options+=(-s 16k -d "$seconds") ;;
	stream) options+=(-s "$stream_message" -n "$stream_messages") ;;
	*) options+=(-d "$seconds") ;;
	esac
}

# skip LOAD SERVER REASON
skip() {
	jq -nc --arg load "$1" --arg server "$2" --arg reason "$3" \
		'{kind: "skip", $load, $server, $reason}' >>"$raw"
	skipped[$1 $2]=1
}

# note WORDS: for the end of the table.
note() {
	jq -nc --arg note "$1" '{kind: "note", $note}' >>"$raw"
}

# figure NAME VALUE
figure() {
	jq -nc --arg name "$1" --argjson value "$2" '{kind: "figure", $name, $value}' >>"$raw"
}

# start_load NAME OPTION...: on the server of that name, in the background so that a signal is taken
# at once. Bounded, whatever the server does.
start_load() {
	timeout -k 2 "$patience" "$BUILD/echo-load" "${@:2}" --timeout 5 --json --fail-on none \
		127.0.0.1 "${port_of[$1]}" >"$folder/report" 2>"$folder/complaints" </dev/null &
	load=$!
}

# The report is in $folder/report; fails when there is none.
end_load() {
	local status=0

	wait "$load" || status=$?
	load=
	[ "$status" -eq 0 ] && [ -s "$folder/report" ]
}

# Connections that failed, by class, in what jq makes of a report. That no local port is left is
# the client's own trouble.
failed='.classes | del(.clean, .["no-port"]) | with_entries(select(.value > 0))'

# Was no connection lost, as the report says?
nothing_failed() {
	jq -e "($failed) == {}" "$folder/report" >/dev/null
}

# record_load LOAD SERVER ROUND CPU: prints what the report says. Its rates leave out the end,
# when nothing is sent any more; the CPU is for all that came back.
record_load() {
	jq -c --arg load "$1" --arg server "$2" --argjson round "$3" --argjson cpu "$4" \
		--argjson connections "$(crowd_of "$1")" '
		. as $report |
		(if $load != "stream" then {done: .echoes, per_s: .echoes_per_s}
		 else (.in_bytes / 1048576) |
			{done: ., per_s: (if . > 0 then . / $report.load_s else 0 end)}
		 end) as {$done, $per_s} |
		{kind: "load", $load, $server, $connections, $round, $per_s,
		 cpu_us: (if $done > 0 then $cpu / $done else null end),
		 p99_ms: (if .echo.p99_us then .echo.p99_us / 1000 else null end),
		 failed: ('"$failed"')}' "$folder/report"
}

# measure_load LOAD SERVER ROUND: a peer that loses a connection is not tried again with this load.
measure_load() {
	local before after options

	set_load_options "$1"
	[ "$1" != c64 ] || options+=(--hgrm "$pictures/$2.hgrm")
	before=$(processes "${pid_of[$2]}" cpu)
	start_load "$2" "${options[@]}"
	if ! end_load; then
		skip "$1" "$2" "$(tail -n 1 "$folder/complaints" | cut -c 1-45 | grep . || echo hangs)"
		is_peer "$2" || lost=1
		return
	fi
	after=$(processes "${pid_of[$2]}" cpu)
	if is_peer "$2" && ! nothing_failed; then
		skip "$1" "$2" "lost: $(jq -c "$failed" "$folder/report" | tr -d '{}"')"
		return
	fi
	nothing_failed || lost=1
	record_load "$1" "$2" "$3" $((after - before)) >>"$raw"
}

# measure_loads LOAD SERVER...: all of them run while one after another has the load, round by round.
measure_loads() {
	local load_name=$1 round server

	for server in "${@:2}"; do
		launch "$server" "$server" "$(crowd_of "$load_name")"
	done
	for server in "${@:2}"; do
		has_come_up "$server" || not_started "$load_name" "$server"
	done
	settle
	for ((round = 1; round <= rounds; round++)); do
		for server in "${@:2}"; do
			[ -n "${skipped[$load_name $server]:-}" ] ||
				measure_load "$load_name" "$server" "$round"
		done
	done
	end_servers "${@:2}"
}

not_started() {
	skip "$1" "$2" "$why"
	is_peer "$2" || lost=1
}

# ---- memory ----

# private_kib PID...: private memory of each, in KiB, one a line.
private_kib() {
	local pid

	for pid; do
		awk '/^Private_(Clean|Dirty):/ { sum += $2 } END { print sum + 0 }' \
			"/proc/$pid/smaps_rollup" 2>/dev/null || true
	done
}

sum_up() {
	awk '{ sum += $1 } END { print sum + 0 }'
}

available_kib() {
	sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

# private_of NAME: of all processes of the server, in KiB.
private_of() {
	# shellcheck disable=SC2046 # a list of pids
	private_kib $(processes "${pid_of[$1]}" list) | sum_up
}

# measure_memory SERVER: at rest, and while the crowd's connections have each echoed and rest.
measure_memory() {
	local rest with count

	start_server "$1" "$1" "$crowd" || {
		not_started memory "$1"
		return
	}
	rest=$(private_of "$1")
	start_load "$1" --lines -c "$crowd" -r "$crowd" -d "$memory_seconds"
	sleep "$(awk "BEGIN { print $memory_seconds * 0.8 }")"
	with=$(private_of "$1")
	count=$(processes "${pid_of[$1]}" list | wc -l)
	if end_load && nothing_failed; then
		jq -nc --arg server "$1" --argjson rest "$rest" --argjson with "$with" \
			--argjson count "$count" --argjson c "$crowd" '
			{kind: "memory", $server, connections: $c, processes: $count, rest_kib: $rest,
			 with_kib: $with}' >>"$raw"
	else
		skip memory "$1" "does not hold $crowd connections"
		is_peer "$1" || lost=1
	fi
	end_servers "$1"
}
