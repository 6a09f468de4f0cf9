#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# scripts/loadtest: a row for each scenario, and a failure when anything was lost.

load common

loadtest=$top/scripts/loadtest

# A build with sanitizers is too slow for so many reloads, and its figures say nothing.
# What sanitizers cost is not what is to be looked at here.
eval "plain_$(declare -f setup)"
setup() {
	plain_setup
	need_plain_build
}

# load_test CODE [argument ...]: with a second a scenario, and temporary files in a folder of ours.
load_test() {
	local code=$1

	shift
	mkdir -p temporary
	status=0
	TMPDIR=$PWD/temporary LOADTEST_SECONDS=${LOADTEST_SECONDS:-1} BUILD=$BUILD \
		timeout 120 "$loadtest" "$@" >out 2>err 3>&- || status=$?
	cat out err
	[ "$status" -eq "$code" ]
	leaves_nothing
}

# No file, and no process that was started from here.
leaves_nothing() {
	[ -z "$(ls -A temporary)" ]
	[ ! -e pid ] || gone "$(cat pid)"
}

# has_row TITLE FAILURES VERDICT: each a regular expression; an echo came back, in some time.
has_row() {
	grep -qE "^$1 +[0-9.]+( +[0-9.]+){3}  $2 +$3\$" out
}

# stand_in LINES: a server to be started instead of ours; the real one is $BUILD/echo-master.
stand_in() {
	printf '#!/bin/bash\ncd %q\necho $$ >pid\n%s\n' "$PWD" "$1" >other
	chmod +x other
	export ECHO_MASTER=$PWD/other
}

# A server that does one thing wrong to all; it says what ours would.
stand_in_faulty() {
	stand_in "
		'$tools/faulty' $1 >port &
		faulty=\$!
		trap 'kill \$faulty; exit' TERM
		trap 'echo \": reloaded: \" >&2' HUP
		for try in {1..1000}; do [ -s port ] && break; sleep 0.01; done
		[ -s port ] || exit 70
		echo \"listening on 127.0.0.1:\$(cat port)\" >&2
		echo ': ready: ' >&2
		while :; do wait; done"
}

# A server that loses a client at a stop, every time, and ends with 0 as if all were well.
stand_in_losing() {
	stand_in "
		'$tools/roomy' >port &
		roomy=\$!
		trap 'kill -TERM \$roomy' TERM
		until [ -s port ]; do sleep 0.01; done
		echo \"listening on 127.0.0.1:\$(head -n 1 port)\" >&2
		echo ': ready: ' >&2
		while kill -0 \$roomy 2>/dev/null; do wait \$roomy; status=\$?; done
		exit \$status"
}

# Our server, behind a script that treats it badly on a signal.
stand_in_rough() {
	stand_in "
		'$BUILD/echo-master' \"\$@\" &
		server=\$!
		trap 'kill -TERM \$server' TERM
		trap 'kill -HUP \$server' HUP
		trap '$2' $1
		while kill -0 \$server 2>/dev/null; do wait \$server; status=\$?; done
		exit \$status"
}

@test "loadtest: a row for each scenario, and nothing is lost" {
	load_test 0
	has_row 'one client' - ok
	has_row '8 clients' - ok
	has_row '80 clients' - ok
	has_row churn - ok
	has_row '50 reloads' - ok
	has_row '20 workers killed' '[a-z0-9, -]+' ok
	has_row 'graceful stop' '(refused [0-9]+|-)' ok
	[ "$(grep -c 'ok$' out)" -eq 7 ]
}

@test "loadtest: scenarios can be chosen, and come in that order" {
	load_test 0 churn one
	[ "$(sed -n 's/ .*//p' out | head -n 3 | paste -sd ' ')" = 'scenario churn one' ]
	[ "$(grep -c 'ok$' out)" -eq 2 ]
}

@test "loadtest: the delays are drawn, or it says why not" {
	rm -f "$BUILD/loadtest/loadtest.png"
	load_test 0 one
	if command -v gnuplot >/dev/null; then
		grep -qxF "picture: $BUILD/loadtest/loadtest.png" out
		[ -s "$BUILD/loadtest/loadtest.png" ]
	else
		grep -q '^no picture: gnuplot is missing' out
	fi
}

@test "loadtest: sessions of telnet live through reloads" {
	need_telnet
	load_test 0 telnet 4
	grep -qE '^4 telnet sessions +[0-9]+ .* ok$' out
}

@test "loadtest: a byte that is wrong is a loss, exit code 1" {
	stand_in_faulty flipped
	load_test 1 one
	grep -qE '^one client .* corrupt [0-9]+ +LOST$' out
}

@test "loadtest: a line that telnet does not see again is a loss, exit code 1" {
	need_telnet
	stand_in_faulty flipped
	load_test 1 telnet 2
	grep -qE '^2 telnet sessions .* lines 2 +LOST$' out
}

@test "loadtest: a client lost by a reload is a loss, exit code 1" {
	# shellcheck disable=SC2016 # the script expands it
	stand_in_rough HUP 'pkill -KILL -P $server; kill -HUP $server'
	load_test 1 reload
	grep -qE '^50 reloads .*(reset-before|reset-after|short) [0-9]+.* LOST$' out
}

@test "loadtest: a client lost by a stop is a loss, exit code 1" {
	stand_in_losing
	load_test 1 stop
	# Those that were turned away after it are not what is complained of.
	grep -qE '^graceful stop .*reset-before [0-9]+.* LOST$' out
	run ! grep -E '^graceful stop .*(short|timeout|corrupt|reset-after)' out
}

@test "loadtest: a server that does not start is shown, exit code 70" {
	stand_in 'echo no such luck >&2; exit 71'
	load_test 70 one
	grep -q '^no such luck$' err
	grep -q 'did not start$' err
}

@test "loadtest: Ctrl-C leaves nothing behind, exit code 130" {
	mkdir temporary
	stand_in "exec '$BUILD/echo-master' \"\$@\""
	# A shell starts what runs in the background with the signal ignored.
	TMPDIR=$PWD/temporary LOADTEST_SECONDS=60 BUILD=$BUILD \
		env --default-signal=INT "$loadtest" one >out 2>err 3>&- &
	testing=$!
	eventually 60 test -s pid
	eventually 20 grep -q ': ready: ' temporary/*/log
	kill -INT "$testing"
	eventually 30 gone "$testing"
	status=0
	wait "$testing" || status=$?
	[ "$status" -eq 130 ]
	leaves_nothing
}

@test "loadtest: wrong arguments are named, exit code 64" {
	load_test 64 nonsense
	grep -q "'nonsense' is not a scenario; allowed: one " err
	load_test 64 one ''
	load_test 64 telnet 0
	grep -q "'0' is not a number of sessions" err
	load_test 64 telnet 5 6
	LOADTEST_SECONDS=soon load_test 64
	grep -q "LOADTEST_SECONDS is 'soon'" err
	[ ! -s out ]
}

need_telnet() {
	command -v telnet >/dev/null || skip "needs telnet"
}
