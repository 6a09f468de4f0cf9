#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# scripts/bench: a row for each server and load, and nothing left behind. What the rows say
# depends on the machine, so no test looks at that.

load common

bench=$top/scripts/bench
mark=$((400000 + BASHPID % 400000))

eval "plain_$(declare -f setup)"
setup() {
	plain_setup
	need_plain_build
	command -v jq >/dev/null || skip "needs jq"
	mkdir temporary
}

eval "plain_$(declare -f teardown)"
teardown() {
	marked | xargs -r kill -KILL
	plain_teardown
}

# Marks this process and all that come from it by a limit that none of them needs: one that changes
# its title writes over its environment, one that is a daemon leaves its session and its folder.
set_mark() {
	ulimit -S -q "$mark"
}

# bench_with CODE [option ...]: with temporary files in a folder of ours.
bench_with() {
	local code=$1

	shift
	status=0
	(
		set_mark
		TMPDIR=$PWD/temporary BUILD=$BUILD command -p timeout 500 "$bench" "$@" >out 2>err 3>&-
	) || status=$?
	cat out err
	[ "$status" -eq "$code" ]
	leaves_nothing
}

# The processes that come from bench, those of the servers included.
marked() {
	local pid

	{ grep -lE "^Max msgqueue size +$mark " /proc/[0-9]*/limits 2>/dev/null || true; } |
		cut -d / -f 3 | while read -r pid; do
		gone "$pid" || echo "$pid"
	done
}

none_is_marked() {
	[ -z "$(marked)" ]
}

# No file, and no process: one that was killed may take a moment to go.
leaves_nothing() {
	[ -z "$(ls -A temporary)" ]
	eventually 5 none_is_marked || {
		marked | xargs ps -o pid,args
		return 1
	}
}

# The servers that bench has found: all that are not noted as left out.
servers_found() {
	local name

	for name in blocking event event-one prefork-loop epoll-loop epoll-one apache xinetd tcpserver socat ncat go; do
		jq -e --arg name "$name" '.notes | any(startswith($name + ": left out")) | not' \
			result >/dev/null && echo "$name"
	done
}

# Every server that is here has a row with this load, or a reason why it has none.
has_rows() {
	local name

	for name in $(servers_found); do
		jq -e --arg load "$1" --arg name "$name" \
			'[.loads[], .skipped[]] | any(.load == $load and .server == $name)' result ||
			{ echo "no $1 with $name"; return 1; }
	done
}

# A program that stands in for one that bench starts, and does what LINES say.
stand_in() {
	mkdir -p bin
	printf '#!/bin/bash\n%s\n' "$2" >"bin/$1"
	chmod +x "bin/$1"
}

@test "bench: every load has a row for every server, and every figure is there" {
	bench_with 0 --smoke --json result
	for name in c1 c2 c8 c64 c500 16k stream churn; do
		has_rows "$name"
	done
	jq -e '.loads | map(select(.load == "c5000") | .server) |
		contains(["prefork-loop", "blocking", "epoll-loop", "event", "epoll-one", "event-one"])' result
	jq -e '.loads | all(.failed == {})' result
	jq -e '.skipped | all(.server | IN("blocking", "event", "event-one", "prefork-loop",
		"epoll-loop", "epoll-one") | not)' result
	jq -e '.memory | map(.server) |
		contains(["prefork-loop", "blocking", "epoll-loop", "event", "epoll-one", "event-one"])' result
	# In so short a time a load may have nothing back yet.
	jq -e '.figures | .worker_kib > 0 and .ready_few_ms > 0 and .ready_many_ms > 0 and
		.replaced_ms > 0 and has("instrument") and has("pool_mib")' result
	jq -e '(.figures | has("idle_calls_blocking") and has("idle_calls_event")) or
		(.notes | any(startswith("idle: ")))' result
	jq -e '.bars | length == 18' result
	[ "$(grep -cE ' (met|not met|not measured)( \(worst: .*\))?$' out)" -eq 18 ]
}

@test "bench: the pool of the blocking engine does not grow under the load" {
	bench_with 0 --smoke --only memory --servers blocking,prefork-loop --json result
	# A master, and a worker for each.
	jq -e '.memory | length == 2 and all(.processes == 1 + .connections)' result
}

@test "bench: the table fits 100 columns" {
	bench_with 0 --smoke --only c1,churn,memory,worker
	[ "$(wc -L <out)" -le 100 ]
	grep -qE '^64 B, c=1 +prefork-loop +[0-9]+ +[0-9.]+ +[0-9.]+$' out
	grep -qE '^ +blocking +[0-9]+ +[0-9.]+ +[0-9.]+ +prefork-loop +[0-9.]+ +[0-9.]+$' out
}

# measuring COMMAND...: a function of those that measure; $folder/report is ours.
measuring() (
	folder=$PWD
	pictures=$PWD
	. "$top/tests/bench/servers.bash"
	. "$top/tests/bench/measure.bash"
	"$@"
)

@test "bench: rates are those of echo-load, without the end when nothing is sent" {
	echo '{"elapsed_s":4,"load_s":2,"echoes":800,"echoes_per_s":300,"in_bytes":4194304,
		"classes":{"clean":1,"refused":0},"echo":{"p99_us":1500}}' >report
	measuring record_load c8 blocking 1 1600 >load
	jq -e '.per_s == 300 and .cpu_us == 2 and .p99_ms == 1.5 and .failed == {}' load
	measuring record_load stream blocking 1 1600 >load
	jq -e '.per_s == 2 and .cpu_us == 400' load
}

@test "bench: a name that is given twice counts once" {
	bench_with 0 --smoke --only c1,c2,c1 --servers epoll-loop,epoll-loop --json result
	jq -e '.loads | map([.load, .rounds]) == [["c1", 1], ["c2", 1]]' result
}

@test "bench: what is measured of our own programs alone needs none of --servers" {
	bench_with 0 --smoke --only worker,ready,replaced,idle,pool,instrument --servers epoll-loop \
		--json result
	jq -e '.loads == [] and (.figures | all(has("worker_kib", "ready_few_ms", "ready_many_ms",
		"replaced_ms", "pool_mib", "instrument"); .))' result
	bench_with 0 --help
	grep -qF 'The last six, from worker on, are of our own programs, whatever --servers says.' out
}

@test "bench: what is lost is told by the report, whatever the order of its keys" {
	for lost in '{}' '{"clean":2,"reset-before":0}' '{"no-port":3,"clean":1}'; do
		echo "{\"classes\":$lost,\"echoes\":1}" >report
		measuring nothing_failed
	done
	echo '{"classes":{"short":1,"clean":2,"no-port":0},"echoes":1}' >report
	run -1 measuring nothing_failed
}

@test "bench: medians are of rounds, ratios of what was measured in one round" {
	{
		for round in '1 100 200' '2 300 300' '3 50 200'; do
			read -r number ours theirs <<<"$round"
			echo '{"kind":"load","load":"c8","connections":8,"failed":{},"p99_ms":1,"cpu_us":4}' |
				jq -c --argjson n "$number" --argjson ours "$ours" --argjson theirs "$theirs" '
				. + {round: $n} | . + {server: "blocking", per_s: $ours},
				. + {server: "prefork-loop", per_s: $theirs}'
		done
	} >raw
	jq -s --arg machine x --argjson rounds 3 --argjson seconds 1 --argjson sizes '{}' \
		-f "$top/tests/bench/report.jq" raw >result
	jq -e '.loads[0] | .per_s == 100 and .rounds == 3' result
	jq -e '.loads[0].ratios == [{against: "prefork-loop", names: "prefork-loop", speed: 0.5, cpu: 1}]' \
		result
	jq -e '.bars[0] | .figure == 0.5 and .met == false and .where == "c8"' result
	jq -e '.bars[1] | .figure == 1 and .met' result
}

@test "bench: a peer that loses something is left out, with the reason" {
	command -v socat >/dev/null || skip "needs socat"
	stand_in socat "[[ \$1 =~ :([0-9]+), ]]
		exec /usr/bin/socat \"\$1\" EXEC:'head -c 6'"
	PATH=$PWD/bin:$PATH bench_with 0 --smoke --only c1 --servers blocking,socat --json result
	jq -e '.skipped == [{load: "c1", server: "socat", reason: .skipped[0].reason}]' result
	grep -qE '^- not measured: c1 with socat: lost: [a-z-]+:[0-9]+' out
}

@test "bench: a peer that does not start is left out, with the reason" {
	stand_in ncat 'echo no such luck >&2; exit 1'
	PATH=$PWD/bin:$PATH bench_with 0 --smoke --only c1 --servers ncat
	grep -qF -- '- not measured: c1 with ncat: did not start: no such luck' out
}

@test "bench: the longest load that may be asked for has the time that it takes" {
	# The load is cut short, but not the time that it has.
	stand_in timeout "echo \"\$*\" >>'$PWD/bounds'; exec /usr/bin/timeout \"\${@/#99.99/0.1}\""
	PATH=$PWD/bin:$PATH bench_with 0 --seconds 99.99 --rounds 1 --only c1,instrument \
		--servers epoll-loop --json result
	jq -e '.skipped == [] and (.loads | length == 1) and .figures.instrument > 0' result
	[ "$(grep -cE '^(-k 2 )?1[5-9][0-9] .*/echo-load .* -d 99.99 ' bounds)" -eq 2 ]
	[ "$(grep -cE '^1[5-9][0-9] .*/load_loop 64 99.99 ' bounds)" -eq 1 ]
}

@test "bench: Ctrl-C ends every server, exit code 130" {
	# A shell starts what runs in the background with the signal ignored.
	(
		set_mark
		TMPDIR=$PWD/temporary BUILD=$BUILD exec env --default-signal=INT "$bench" --seconds 20 \
			--only c8 >out 2>err 3>&-
	) &
	testing=$!
	under_load() { pgrep -P "$testing" -x timeout >load_pid; }
	eventually 120 under_load
	[ "$(marked | wc -l)" -ge 20 ]
	kill -INT "$testing"
	eventually 60 gone "$testing"
	status=0
	wait "$testing" || status=$?
	[ "$status" -eq 130 ]
	leaves_nothing
}

@test "bench: the file of --json is untouched when nothing was measured" {
	bench_with 64 --json result --nonsense
	bench_with 64 --json result --rounds 0
	[ ! -e result ]
	stand_in make 'exit 2'
	PATH=$PWD/bin:$PATH bench_with 69 --json result
	grep -q 'does not build' err
	[ ! -e result ]
	echo 'of last time' >result
	PATH=$PWD/bin:$PATH bench_with 69 --json result
	[ "$(cat result)" = 'of last time' ]
}

@test "bench: wrong usage is told, exit code 64" {
	bench_with 64 --nonsense
	grep -q "'--nonsense' is not an option" err
	bench_with 64 --rounds 0
	grep -q "rounds is '0'; allowed: 1 to 999" err
	bench_with 64 --rounds
	grep -q -- '--rounds needs a value' err
	bench_with 64 --seconds soon
	grep -q "seconds is 'soon'; allowed: " err
	bench_with 64 --only c8,c9
	grep -q "'c9' is not a measurement; allowed: c1 " err
	bench_with 64 --servers nginx
	grep -q "'nginx' is not a server; allowed: blocking " err
	bench_with 64 --only ''
	bench_with 64 --json absent/result
	grep -q 'absent/result cannot be written' err
	bench_with 64 --json temporary
	grep -q 'temporary cannot be written' err
	bench_with 64 --json ''
	[ ! -s out ]
	bench_with 0 --help
	grep -q '^usage: scripts/bench ' out
}
