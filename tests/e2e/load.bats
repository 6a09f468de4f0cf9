#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# echo-load: says exactly what was lost, and how late it was.

load common

# load_with CODE [option ...]: puts load on the port; the report is in out, and nothing in err.log.
load_with() {
	local code=$1

	shift
	status=0
	timeout 60 "$BUILD/echo-load" "$@" 127.0.0.1 "$port" >out 2>err.log || status=$?
	cat out err.log
	[ "$status" -eq "$code" ]
	[ ! -s err.log ]
}

# How many connections ended in a class, by the report.
ended() {
	local count

	count=$(sed -nE "s/^(connections)? +([0-9]+) $1\$/\2/p" out)
	echo "${count:-0}"
}

# Echoes that came back, by the report.
echoes_done() {
	sed -nE 's/^echoes +([0-9]+) in .*/\1/p' out
}

# No connection ended but in these classes, and each of them occurred.
only_ended() {
	local class

	for class in "$@"; do
		[ "$(ended "$class")" -gt 0 ]
	done
	[ "$(grep -cE '^(connections)? +[1-9][0-9]* [a-z-]+$' out)" -eq $# ]
}

# All failed in one way, but for those that the end of the time has found before they began.
only_failed() {
	[ "$(ended "$1")" -gt 0 ]
	[ "$(ended clean)" -le 2 ]
	[ "$(grep -cE '^(connections)? +[1-9][0-9]* [a-z-]+$' out)" -eq \
		$((1 + ($(ended clean) > 0))) ]
}

# Bytes sent are those received and those lost.
bytes_add_up() {
	sed -nE 's/^bytes +([0-9]+) out, ([0-9]+) in, ([0-9]+) lost$/\1 \2 \3/p' out >bytes
	read -r sent received lost <bytes
	[ "$sent" -eq $((received + lost)) ]
}

# time_of ROW COLUMN: a number of the report's table, in ms without its fraction.
time_of() {
	awk -v row="$1" -v column="$2" '$1 == row { print int($column) }' out
}

need() {
	command -v "$1" >/dev/null || skip "$1 is not here"
}

sessions_served() {
	[ "$(pgrep -P "$master" -f 'echo-master: worker [0-9]+ \(serving\) *$' | wc -l)" -eq "$1" ]
}

# ---- the load is what was asked ----

@test "load: -n echoes come back, exactly so many and every byte of them" {
	start_server -w 8
	load_with 0 -c 7 -n 100 -s 64 --threads 2
	[ "$(echoes_done)" -eq 100 ]
	only_ended clean
	grep -qE '^bytes +6400 out, 6400 in, 0 lost$' out
}

@test "load: -n ends by itself with more connections than the server serves at a time" {
	start_server -w 3
	for options in '' '--threads 2' '-r 2000' --half-close '--churn 5'; do
		read -ra words <<<"$options"
		load_with 0 -c 7 -n 100 -s 64 --timeout 20 "${words[@]}"
		[ "$(echoes_done)" -eq 100 ]
		only_ended clean
		grep -qE '^bytes +6400 out, 6400 in, 0 lost$' out
	done
}

@test "load: -d ends it after so long" {
	start_server -w 2
	began=$(now_ms)
	load_with 0 -c 2 -d 0.5
	[ $(($(now_ms) - began)) -ge 500 ]
	[ "$(echoes_done)" -gt 0 ]
	only_ended clean
	bytes_add_up
}

@test "load: --churn replaces a connection after so many echoes" {
	start_server -w 2
	load_with 0 -c 1 -n 100 --churn 10
	[ "$(echoes_done)" -eq 100 ]
	[ "$(ended clean)" -eq 10 ]
}

@test "load: messages of many sizes, larger than a socket's buffer too" {
	start_server -w 4
	load_with 0 -c 4 -n 40 -s 1-1000000
	[ "$(echoes_done)" -eq 40 ]
	only_ended clean
	bytes_add_up
}

@test "load: --half-close closes our side before the last answer, and all of it comes back" {
	be_faulty at-end
	load_with 0 -c 2 -n 10 --churn 1 -s 20000 --half-close
	[ "$(echoes_done)" -eq 10 ]
	only_ended clean
	start_server -w 2
	load_with 0 -c 2 -n 40 --churn 10 -s 20000 --half-close
	[ "$(echoes_done)" -eq 40 ]
	only_ended clean
}

@test "load: without --half-close our side stays open" {
	be_faulty at-end
	load_with 1 -c 1 -d 1 --churn 1 --timeout 0.2
	only_failed timeout
}

@test "load: --idle connections say nothing, and those the server closes are counted" {
	start_server -w 8
	"$BUILD/echo-load" -c 1 -d 30 --idle 3 127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
	eventually 20 sessions_served 4
	kill -TERM "$loader"
	wait "$loader"
	grep -q '^idle  *0 of 3 closed by the server$' out

	"$BUILD/echo-load" -c 1 -d 30 --idle 3 127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
	eventually 20 sessions_served 4
	kill -QUIT "$master"
	wait_for_server
	kill -TERM "$loader"
	wait "$loader" || true
	grep -q '^idle  *3 of 3 closed by the server$' out
}

@test "load: --idle connections of a thread whose share of -n is done stay for the others" {
	be_faulty silent
	env --default-signal=INT "$BUILD/echo-load" -c 2 -n 1 --threads 2 --idle 4 --timeout 600 \
		127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
	# One has a message under way, the other never had one to send, and has gone.
	eventually 20 are_clients 01 5
	kill -INT "$loader"
	eventually 20 are_clients 01 1
	kill -INT "$loader"
	wait "$loader" || true
	[ "$(ended clean)" -eq 5 ]
	[ "$(ended timeout)" -eq 1 ]
	# And they go with the last.
	start_server -w 8
	load_with 0 -c 2 -n 1 --threads 2 --idle 4
	[ "$(ended clean)" -eq 6 ]
}

@test "load: --slow-read takes no more than so many bytes a second" {
	start_server -w 1
	began=$(now_ms)
	load_with 0 -c 1 -n 1 -s 20000 --slow-read 20000
	[ $(($(now_ms) - began)) -ge 1000 ]
	only_ended clean
}

# A message of 10 bytes takes 10 ms.
@test "load: --slow-read slows small messages as well, and short connections" {
	start_server -w 1
	for options in '-s 10 -n 50' '-s 1 -n 500' '-s 7 -n 72' '-s 10 -n 50 --churn 1'; do
		read -ra words <<<"$options"
		began=$(now_ms)
		load_with 0 -c 1 --slow-read 1000 "${words[@]}"
		[ $(($(now_ms) - began)) -ge 500 ]
		only_ended clean
	done
}

@test "load: --slow-read is late by its own will, which is no timeout" {
	start_server -w 1
	load_with 0 -c 1 -n 2 -s 1 --slow-read 1 --timeout 0.7
	only_ended clean
}

@test "load: --slow-read puts off no connect's timeout" {
	be_faulty full
	run -69 timeout 20 "$BUILD/echo-load" -c 1 -d 60 --timeout 0.5 --slow-read 1000 127.0.0.1 "$port"
	[[ $output == *'Connection timed out' ]]
}

@test "load: --slow-read lets a signal end it while it connects" {
	be_faulty full
	"$BUILD/echo-load" -c 1 -d 60 --timeout 2 --slow-read 1000 127.0.0.1 "$port" \
		>out 2>err 3>&- &
	loader=$!
	eventually 20 are_clients 02 1
	kill -TERM "$loader"
	eventually 20 gone "$loader"
}

@test "load: --slow-read takes no blame for a server that is slow itself" {
	be_faulty trickling
	load_with 1 -c 1 -n 1 -s 12 --timeout 1.2 --slow-read 100
	only_ended timeout
	load_with 0 -c 1 -n 1 -s 2 --timeout 20 --slow-read 100
	only_ended clean
}

@test "load: --reset-close ends by a reset, which is clean" {
	start_server -w 2 --log-level debug
	load_with 0 -c 1 -n 20 --churn 10 --reset-close
	[ "$(ended clean)" -eq 2 ]
	eventually 10 server_said 'broken: Connection reset by peer$'
}

@test "load: --lines has answers from a server that echoes line by line" {
	be_faulty lines
	load_with 0 -c 4 -n 1000 -s 1-100k --lines
	only_ended clean
	load_with 1 -c 1 -n 1 -s 5 --timeout 0.3
	only_ended timeout
}

@test "load: --lines finds a wrong byte" {
	be_faulty flipped
	load_with 1 -c 1 -n 10 --lines
	[ "$(ended corrupt)" -gt 0 ]
}

@test "load: --ramp opens the connections over a time" {
	start_server -w 4
	began=$(now_ms)
	load_with 0 -c 4 -d 1 --ramp 0.5
	only_ended clean
	[ "$(ended clean)" -eq 4 ]
}

# ---- how connections end ----

@test "load: a server that has gone is refused, exit code 1" {
	start_server -w 2
	"$BUILD/echo-load" -c 2 -d 3 127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
	eventually 20 sessions_served 2
	kill -QUIT "$master"
	wait_for_server
	status=0
	wait "$loader" || status=$?
	cat out
	[ "$status" -eq 1 ]
	[ "$(ended refused)" -gt 0 ]
	bytes_add_up
}

@test "load: a reset before anything came back is reset-before, exit code 1" {
	be_faulty reset-before
	load_with 1 -c 2 -d 0.5
	only_failed reset-before
	bytes_add_up
}

@test "load: a reset after something came back is reset-after, and the connection is replaced" {
	be_faulty reset-after
	load_with 1 -c 2 -d 2
	[ "$(ended reset-after)" -gt 2 ]
	[ "$(echoes_done)" -gt 0 ]
	[ "$(ended reset-before)" -eq 0 ]
	bytes_add_up
}

@test "load: an answer that does not come in time is timeout, exit code 1" {
	be_faulty silent
	load_with 1 -c 2 -d 1 --timeout 0.2
	only_failed timeout
	bytes_add_up
}

@test "load: a server that closes before all has come back is short, exit code 1" {
	be_faulty short
	load_with 1 -c 2 -d 0.5
	only_failed short
	bytes_add_up
	[ "$lost" -eq "$(ended short)" ]
}

@test "load: a byte that is flipped, missing, doubled or too many is corrupt, exit code 1" {
	for way in flipped missing doubled surplus; do
		rm -f port.out
		be_faulty "$way"
		load_with 1 -c 2 -d 0.5 -s 64
		only_failed corrupt
		bytes_add_up
	done
}

# start_apart COMMAND: the server in a network of its own, prepared by a shell command.
start_apart() {
	need_root
	launch unshare -n sh -c "ip link set lo up && $1 && exec '$BUILD/echo-master' \
		-w 20 -p 5000 --log-stderr"
}

@test "load: no local port left is no-port, exit code 1" {
	need ip
	start_apart 'sysctl -qw net.ipv4.ip_local_port_range="40000 40003"'
	status=0
	nsenter -t "$master" -n timeout 60 "$BUILD/echo-load" -c 10 -d 1 127.0.0.1 5000 >out ||
		status=$?
	cat out
	[ "$status" -eq 1 ]
	[ "$(ended no-port)" -gt 0 ]
	[ "$(ended refused)" -eq 0 ]
	[ "$(ended clean)" -eq 4 ]
}

@test "load: failed connections are replaced: a server that is back is loaded again" {
	start_server -w 4
	"$BUILD/echo-load" -c 4 -d 60 --churn 100 127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
	eventually 20 sessions_served 4
	kill -QUIT "$master"
	wait_for_server
	: >server.log
	launch "$BUILD/echo-master" -p "$port" -w 4 --log-stderr
	eventually 20 sessions_served 4
	kill -TERM "$loader"
	wait "$loader" || true
	cat out
	[ "$(ended clean)" -ge 4 ]
	bytes_add_up
}

@test "load: --fail-on names the classes that make the exit code 1" {
	be_faulty short
	load_with 0 -c 1 -d 0.3 --fail-on corrupt,timeout
	load_with 1 -c 1 -d 0.3 --fail-on corrupt,short
	run -64 "$BUILD/echo-load" --fail-on shorter 127.0.0.1 "$port"
	[[ $output == *shorter* ]]
}

# ---- times ----

@test "load: a stall of 200 ms each second is charged to all it delayed, by the corrected times" {
	be_faulty stalling
	load_with 0 -c 4 -d 4 -r 200 -s 64
	only_ended clean
	# Columns: corrected, uncorrected, connect.
	[ "$(time_of p99 2)" -ge 150 ]
	[ "$(time_of p50 3)" -lt 5 ]
	[ "$(time_of p90 3)" -lt "$(time_of p90 2)" ]
}

@test "load: an echo is timed until its last byte was read" {
	start_server -w 1
	without_leak_check
	timeout 60 strace -f -o strace.out -e trace=recvfrom -e inject=recvfrom:delay_exit=20000 \
		"$BUILD/echo-load" -c 1 -n 10 127.0.0.1 "$port" >out
	cat out
	[ "$(time_of p50 2)" -ge 20 ]
}

@test "load: the rate is that of the load alone, with the echoes and the time that it is of" {
	need jq
	be_faulty silent
	load_with 1 -c 1 -d 1 --timeout 2
	grep -qE '^echoes       0 in 2\.[0-9]{3} s$' out
	grep -qE '^under load   0 in 1\.[0-9]{3} s: 0\.0 echoes/s, ' out
	start_server -w 2
	load_with 0 -c 2 -d 0.5 --json
	jq -e '.load_echoes > 0 and .load_echoes <= .echoes and
		(.load_echoes / .load_s / .echoes_per_s - 1 | fabs) < 0.000001' out
}

@test "load: a rate is held, and in steps" {
	start_server -w 4
	load_with 0 -c 4 -d 2 -r 500
	[ "$(echoes_done)" -ge 950 ]
	[ "$(echoes_done)" -le 1000 ]
	load_with 0 -c 4 -d 2 -r 100..300/3
	[ "$(echoes_done)" -ge 380 ]
	[ "$(echoes_done)" -le 400 ]
	grep -q 'open loop: 100 to 300 echoes/s in 3 steps' out
}

# All threads of a process have been stopped: on a busy machine that takes its time.
is_stopped() {
	! cat "/proc/$1/task/"*/status | grep '^State:' | grep -qv 'T (stopped)'
}

# was_late CONNECTIONS: a load on so many is stopped for half a second, and says so.
was_late() {
	"$BUILD/echo-load" -c "$1" -d 6 -r 200 127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
	eventually 20 sessions_served "$1"
	kill -STOP "$loader"
	eventually 20 is_stopped "$loader"
	sleep 0.5 # how late it is to be
	kill -CONT "$loader"
	wait "$loader"
	cat out
	grep -q '^WARNING  *the rate was not held' out
	[ "$(sed -nE 's/^sent late by .* max ([0-9]+)\..*/\1/p' out)" -ge 400 ]
}

@test "load: its own lateness is told, with a warning, by few connections too" {
	start_server -w 20
	was_late 20
	eventually 20 sessions_served 0
	was_late 2
	# Those that had to wait for a connection count as well: a fifteenth of all is late.
	[ "$(sed -nE 's/^sent late by .* p99 ([0-9]+)\..*/\1/p' out)" -ge 100 ]
}

# On a busy machine it is late by itself too, but what the stalls cost is not in its lateness:
# each of three takes 40 messages, of every second's 200, 100 ms on average. That makes 12 s.
@test "load: a stall of the server is not its own lateness" {
	need jq
	be_faulty stalling
	load_with 0 -c 2 -d 3 -r 200 --json
	jq -e 'def sum: .mean_us * .count;
		.echo.p99_us >= 150000 and
		(.echo | sum) - (.uncorrected | sum) - (.lateness | sum) > 3000000' out
}

@test "load: messages that were due and never sent are counted, and those that timed out" {
	need jq
	be_faulty silent
	load_with 1 -c 1 -d 1 -r 100 --timeout 2 --json
	# One was sent, 99 more came due before the end, and then it was waited for the first.
	jq -e '.unsent == 99 and .timed_out == 1 and .echo.count == 0 and
		.load_s >= 1 and .elapsed_s >= 2 and .load_s < .elapsed_s' out
	load_with 1 -c 1 -d 1 -r 100 --timeout 2
	grep -q '^not timed  *1 timed out$' out
	grep -q '^  *99 due, never sent$' out
	grep -q '^WARNING  *the percentiles leave out 100.0% of the messages' out
}

# On a busy machine it may really have been away: then it says so, and how long.
@test "load: a rate that the server does not keep up with is told, and is not our lateness" {
	be_faulty stalling
	load_with 0 -c 1 -d 2 -r 1000000
	read -r p99 most < <(sed -nE 's/^sent late by .* p99 ([0-9]+).*, max ([0-9]+).*/\1 \2/p' out)
	if [ "$p99" -ge 10 ] || [ "$most" -ge 50 ]; then
		grep -q '^WARNING  *the rate was not held' out
	else
		grep -q '^ *not reached: ' out
	fi
	# Of two million, most never had their turn.
	grep -qE '^not timed  *1[0-9]{6} due, never sent$' out
}

# ---- reports ----

@test "load: SIGINT ends it with the report" {
	start_server -w 2
	env --default-signal=INT "$BUILD/echo-load" -c 2 -d 60 127.0.0.1 "$port" >out 2>err 3>&- &
	loader=$!
	eventually 20 sessions_served 2
	kill -INT "$loader"
	wait "$loader"
	cat out
	[ "$(ended clean)" -eq 2 ]
	only_ended clean
	bytes_add_up
}

@test "load: nothing is on standard error when it is no terminal" {
	start_server -w 2
	load_with 0 -c 2 -d 2.2 # long enough for progress lines
}

@test "load: on a terminal a progress line comes each second and is cleared at the end" {
	need script
	start_server -w 2
	script -qec "'$BUILD/echo-load' -c 2 -d 2.2 127.0.0.1 $port" typescript </dev/null >/dev/null
	grep -qE $'\r[12] s: [0-9]+ echoes/s, p50 [0-9.]+ ms, p99 [0-9.]+ ms, 0 failures' typescript
	grep -qF $'\r\033[Kto ' typescript
}

@test "load: an error on a terminal does not stand in the progress line" {
	need script
	start_server -w 2
	without_leak_check
	status=0
	# The third connection fails, when there have been lines of progress.
	script -qec "strace -f -o strace.out -e trace=epoll_ctl \
		-e inject=epoll_ctl:error=ENOSPC:when=3+ '$BUILD/echo-load' -c 1 -d 30 \
		--idle 2 --ramp 4 127.0.0.1 $port" typescript </dev/null >/dev/null || status=$?
	[ "$status" -eq 71 ]
	grep -qE $'\r[12] s: ' typescript
	grep -qF $'\r\033[Kecho-load: epoll_ctl: No space left on device' typescript
}

# required_keys SCHEMA REPORT: every key that the schema requires is in the report.
required_keys() {
	jq -en --slurpfile schema "$1" --slurpfile report "$2" '
		def resolved: if has("$ref")
			then . as $s | $schema[0]["$defs"][$s["$ref"] | ltrimstr("#/$defs/")] else . end;
		def complete($s; $d): ($s | resolved) as $s |
			if $s.anyOf and $d != null then complete($s.anyOf[1]; $d)
			elif ($d | type) != "object" then true
			else all($s.required // [] | .[]; . as $key | $d | has($key)) and
				all($s.properties // {} | to_entries[]; complete(.value; $d[.key]))
			end;
		complete($schema[0]; $report[0])' >/dev/null
}

has_jsonschema() {
	python3 -c 'from jsonschema import Draft202012Validator' 2>/dev/null
}

# By python3-jsonschema where it is, else what jq can tell.
fits_schema() {
	local schema=$top/client/echo-load.schema.json

	required_keys "$schema" "$1"
	! has_jsonschema || python3 -c '
import json, sys
from jsonschema import Draft202012Validator
schema, report = (json.load(open(name)) for name in sys.argv[1:])
Draft202012Validator.check_schema(schema)
Draft202012Validator(schema).validate(report)' "$schema" "$1"
}

@test "load: JSON fits its schema, in the closed loop, the open loop and when nothing comes back" {
	need jq
	start_server -w 4
	load_with 0 -c 4 -n 200 -s 10-20 --json
	cp out closed.json
	fits_schema closed.json
	jq -e '.echoes == 200 and .out_bytes == .in_bytes and .classes.clean == 4 and
		.echo.count == 200 and .connect.count == 4 and .rate == null and
		([.echo.histogram_us[][1]] | add) == 200' closed.json
	load_with 0 -c 2 -d 0.5 -r 100 --json
	cp out open.json
	fits_schema open.json
	jq -e '.rate.wanted_per_s == 100 and .uncorrected.count == .echoes' open.json
	rm -f port.out
	be_faulty silent
	load_with 1 -c 2 -d 0.5 --timeout 0.2 --json
	cp out silent.json
	fits_schema silent.json
	jq -e '.classes.timeout > 0 and .echo.p50_us == null' silent.json
	# The check itself finds what is missing.
	jq -c 'del(.echo.p99_us)' closed.json >broken.json
	run ! required_keys "$top/client/echo-load.schema.json" broken.json
}

@test "load: --hgrm writes the percentiles of the echo times" {
	start_server -w 2
	load_with 0 -c 2 -n 100 --hgrm times.hgrm
	grep -qE '^ *Value +Percentile +TotalCount +1/\(1-Percentile\)$' times.hgrm
	grep -qE '^ *[0-9.]+ +1\.0+ +100( +inf)?$' times.hgrm
}

two_timed_out() {
	[ "$(grep -c timeout lost.txt)" -ge 2 ]
}

# lost_are CLASS ERROR: the lines of lost.txt, of two connections at least, are as many as were
# lost, each with its address, time and counts, which add up.
lost_are() {
	[ "$(wc -l <lost.txt)" -eq "$(ended "$1")" ]
	[ "$(grep -cE "^[0-9]{10}\.[0-9]{6} 127\.0\.0\.1:[0-9]+ $1 [0-9]+ [0-9]+ [0-9]+ $2\$" lost.txt)" \
		-eq "$(ended "$1")" ]
	[ "$(cut -d " " -f 2 lost.txt | sort -u | wc -l)" -gt 1 ]
	read -r time _ <lost.txt
	[ "${time%.*}" -ge "$began" ]
	[ "${time%.*}" -le "$EPOCHSECONDS" ]
	bytes_add_up
	[ "$(awk '{ lost += $5 - $6 } END { print lost + 0 }' lost.txt)" -eq "$lost" ]
}

@test "load: --lost names each connection that was lost, as soon as it was" {
	began=$EPOCHSECONDS
	start_server -w 2
	load_with 0 -c 2 -n 100 --churn 5 --lost lost.txt
	[ -e lost.txt ]
	[ ! -s lost.txt ]
	rm -f port.out
	be_faulty reset-after
	load_with 1 -c 3 -d 1.2 --lost lost.txt
	only_ended clean reset-after
	lost_are reset-after 'Connection reset by peer'
	rm -f port.out
	be_faulty short
	load_with 1 -c 2 -d 0.3 --threads 2 --lost lost.txt
	lost_are short -
	rm -f port.out
	be_faulty silent
	"$BUILD/echo-load" -c 1 -d 60 --timeout 0.1 --lost lost.txt 127.0.0.1 "$port" >out 3>&- &
	load=$!
	eventually 10 two_timed_out
	run ! gone "$load"
	kill -TERM "$load"
	wait "$load" || [ $? -eq 1 ]
	lost_are timeout 'Connection timed out'
}

# No packet for the broadcast address leaves the machine.
@test "load: --lost names who could not connect, without an address where there was none" {
	be_faulty refused
	run -69 "$BUILD/echo-load" -c 1 -n 1 --lost lost.txt 127.0.0.1 "$port"
	head -n 1 lost.txt | grep -E '^[0-9.]+ 127\.0\.0\.1:[1-9][0-9]* refused 0 0 0 Connection refused$'
	run -69 "$BUILD/echo-load" -c 1 -n 1 --lost lost.txt 255.255.255.255 1
	head -n 1 lost.txt | grep -E '^[0-9.]+ - refused 0 0 0 Network is unreachable$'
}

@test "load: the file of --lost is emptied before the load begins" {
	echo old >lost.txt
	be_faulty silent
	"$BUILD/echo-load" -c 1 -d 60 --lost lost.txt 127.0.0.1 "$port" >out 3>&- &
	load=$!
	emptied() { [ ! -s lost.txt ]; }
	eventually 10 emptied
	run ! gone "$load"
	kill -KILL "$load"
	wait "$load" || true
}

@test "load: one file for --hgrm and --lost is refused with exit code 64, and left as it was" {
	echo old >one.file
	ln -s one.file lost.txt
	for file in one.file ./one.file lost.txt; do
		run -64 "$BUILD/echo-load" -n 1 --hgrm one.file --lost "$file" 127.0.0.1 1
		[[ $output == *"--hgrm and --lost: '$file' is one file; allowed: a file for each" ]]
	done
	[ "$(cat one.file)" = old ]
	run -64 "$BUILD/echo-load" -n 1 --lost '' 127.0.0.1 1
}

@test "load: a list of lost connections that cannot be written ends with exit code 74" {
	be_faulty short
	status=0
	"$BUILD/echo-load" -c 1 -d 0.2 --lost /dev/full 127.0.0.1 "$port" >out 2>err || status=$?
	[ "$status" -eq 74 ]
	grep -q '/dev/full: No space left on device' err
	[ "$(ended short)" -gt 0 ] # the report is there
}

@test "load: a file that cannot be made ends with exit code 73, before the load" {
	start_server -w 1
	run -73 "$BUILD/echo-load" -c 1 -n 1 --lost /nonexistent/file 127.0.0.1 "$port"
	[[ $output == *'/nonexistent/file: No such file or directory'* ]]
	run -73 --separate-stderr "$BUILD/echo-load" -c 1 -n 1 --hgrm /nonexistent/file \
		127.0.0.1 "$port"
	[[ $stderr == *'/nonexistent/file: No such file or directory'* ]]
	[ -z "$output" ] # no report: there was no load
	run -73 "$BUILD/echo-load" -c 1 -n 1 --hgrm . 127.0.0.1 "$port"
	# What was there before stays, where there is nothing to replace it.
	echo old >times.hgrm
	be_faulty refused
	run -69 "$BUILD/echo-load" -c 1 -n 1 --hgrm times.hgrm 127.0.0.1 "$port"
	[ "$(cat times.hgrm)" = old ]
}

@test "load: a report that cannot be written ends with exit code 74" {
	start_server -w 1
	for option in --threads=1 --json; do
		status=0
		"$BUILD/echo-load" -c 1 -n 1 "$option" 127.0.0.1 "$port" >/dev/full 2>err || status=$?
		[ "$status" -eq 74 ]
		grep -q 'standard output: No space left on device' err
	done
}

# ---- what cannot begin ----

@test "load: a host that is unknown ends with exit code 68" {
	run -68 "$BUILD/echo-load" -c 1 -n 1 no-such-host.invalid 7
	[[ $output == *no-such-host.invalid* ]]
}

@test "load: a port where nobody listens ends with exit code 69" {
	be_faulty refused
	run -69 timeout 60 "$BUILD/echo-load" -c 2 -d 30 127.0.0.1 "$port"
	[[ $output == *"$port"*'Connection refused'* ]]
}

@test "load: a second signal before anybody was reached is no timeout, exit code 69" {
	be_faulty full
	env --default-signal=INT "$BUILD/echo-load" -c 1 -d 600 --timeout 600 127.0.0.1 "$port" \
		>out 2>err 3>&- &
	loader=$!
	eventually 20 are_clients 02 1
	kill -INT "$loader"
	kill -TERM "$loader" # the other one, which does not merge with it
	eventually 20 gone "$loader"
	status=0
	wait "$loader" || status=$?
	[ "$status" -eq 69 ]
	grep -q "^echo-load: 127.0.0.1 port $port: interrupted before anybody was reached$" err
}

@test "load: a network that cannot be reached ends with exit code 69" {
	need_root
	run -69 unshare -n timeout 60 "$BUILD/echo-load" -c 2 -d 30 192.0.2.1 5000
	[[ $output == *'Network is unreachable'* ]]
}

@test "load: a call that the system refuses ends with exit code 71 and is named" {
	without_leak_check
	start_server -w 2
	for refused in epoll_pwait2:error=ENOSYS epoll_ctl:error=ENOSPC:when=2+ socket:error=ENFILE; do
		run -71 timeout 60 strace -f -o strace.out -e "inject=$refused" \
			"$BUILD/echo-load" -c 2 -d 30 127.0.0.1 "$port"
		[[ $output == "echo-load: ${refused%%:*}: "* ]]
	done
}

@test "load: wrong usage ends with exit code 64 and says what is needed" {
	run -64 "$BUILD/echo-load"
	[ -n "$output" ]
	for option in '-c 0' '-c x' '-d -1' '-n 0' '-s 0' '-s 9-3' '-r 0' '-r 1..2' '-r 2..1/0' \
		'--churn x' '--threads 0' '--timeout 0' '--fail-on nothing' --no-such-option; do
		read -ra words <<<"$option"
		run -64 "$BUILD/echo-load" "${words[@]}" 127.0.0.1 7
		[ -n "$output" ]
	done
	run -0 "$BUILD/echo-load" --help
	run -0 "$BUILD/echo-load" --version
}

@test "load: every option of the help is in the manual page" {
	"$BUILD/echo-load" --help | grep -oE -- '--[a-z-]+' | sort -u >options
	[ "$(wc -l <options)" -ge 18 ]
	while read -r option; do
		grep -q -- "Fl -${option#--}" "$top/client/echo-load.1"
	done <options
}

@test "load: the manual page is well-formed" {
	need mandoc
	mandoc -Tlint -W warning "$top/client/echo-load.1"
}

# ---- other servers ----

# A port that nobody has at the moment.
take_free_port() {
	rm -f port.out
	be_faulty refused
	kill "$!"
	wait "$!" || true
}

accepts() {
	(exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# is_measured COMMAND...: this server, in the background, echoes all of a load.
is_measured() {
	"$@" >foreign.out 2>&1 3>&- &
	foreign=$!
	eventually 20 accepts
	load_with 0 -c 4 -n 200 -s 1-3000
	[ "$(echoes_done)" -eq 200 ]
	only_ended clean
	bytes_add_up
	load_with 0 -c 4 -n 40 --churn 5
	[ "$(echoes_done)" -eq 40 ]
	only_ended clean
}

@test "load: against the echo service that xinetd has built in" {
	need xinetd
	take_free_port
	cat >xinetd.conf <<-EOF
		service echo
		{
			type = INTERNAL UNLISTED
			socket_type = stream
			protocol = tcp
			user = $(id -un)
			wait = no
			port = $port
			bind = 127.0.0.1
			cps = 1000 1
			disable = no
		}
	EOF
	is_measured xinetd -dontfork -f "$PWD/xinetd.conf" -filelog "$PWD/xinetd.out" \
		-pidfile "$PWD/xinetd.pid"
}

@test "load: against socat" {
	need socat
	take_free_port
	is_measured socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" EXEC:cat
}

@test "load: against ncat" {
	need ncat
	take_free_port
	is_measured ncat -l -k --exec /bin/cat 127.0.0.1 "$port"
}

@test "load: against tcpserver with cat" {
	need tcpserver
	take_free_port
	is_measured tcpserver -H -R -l localhost 127.0.0.1 "$port" cat
}
