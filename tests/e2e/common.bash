# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# What the end-to-end tests share. Each test has a folder of its own, starts a
# server of its own on a free port, and waits for events: a line in the log, a
# process that is gone, an answer.

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${BUILD:-$top/build}
SANITIZE=${SANITIZE:-}
# ENGINE=event: servers that do not say which engine they want get the event engine.
ENGINE=${ENGINE:-}
# SANDBOX=off: likewise, for servers that do not say what sandbox they want.
SANDBOX=${SANDBOX:-}
# What a test gives a server whose workers it looks into by more than what everybody may see
# of a process: in its sandbox a worker shows that to root only.
visible=()
[ "$(id -u)" -eq 0 ] || visible=(--sandbox off)
# SHORTCALLS=SEED: the server's calls are short, late and interrupted by chance.
SHORTCALLS=${SHORTCALLS:-}
tools=$BUILD/tests/e2e
# shellcheck source=tests/waiting.bash
. "$top/tests/waiting.bash"
# shellcheck source=tests/probing.bash
. "$top/tests/probing.bash"

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	server= # what was started: its exit code is the server's
	master= # the master itself, which is the same unless it runs under strace
	port=
}

teardown() {
	local failed=0

	stop_server_somehow
	stop_helpers
	if grep -lsE 'AddressSanitizer|LeakSanitizer|runtime error:|Assertion' ./*.log; then
		echo "a sanitizer or an assertion spoke up:"
		cat ./*.log
		failed=1
	fi
	if [ -z "$BATS_TEST_COMPLETED" ] && [ -f server.log ]; then
		echo "--- server.log"
		tail -n 60 server.log
	fi
	return "$failed"
}

# eventually SECONDS COMMAND...: within that time; tells what has not happened.
eventually() {
	within "$@" || {
		echo "did not happen in time: ${*:2}"
		return 1
	}
}

server_said() {
	grep -qE -- "$1" server.log
}

# How often a line that fits is in the log.
times_said() {
	grep -cE -- "$1" server.log || true
}

ready_or_dead() {
	server_said ': ready: ' || gone "$server"
}

# Sets $engine to the options that give a server of these options the engine under test, and the
# sandbox. What a settings file says of it must not be overruled: there the test empties ENGINE.
choose_engine() {
	engine=()
	[ "$ENGINE" != event ] || [[ " $* " == *' --connections '* ]] || engine=(--connections 64)
	[ -z "$SANDBOX" ] || [[ " $* " == *' --sandbox '* ]] || engine+=(--sandbox "$SANDBOX")
}

# Sets $preload to what a server is started with that has short calls: for launch.
choose_calls() {
	preload=()
	[ -z "$SHORTCALLS" ] || preload=(env SHORTCALLS="$SHORTCALLS"
		LD_PRELOAD="$BUILD/tests/fault/shortcalls.so")
}

# launch COMMAND...: runs it as the server, log in server.log, until it is ready.
launch() {
	choose_engine "$@"
	choose_calls
	set -- "${preload[@]}" "$@" "${engine[@]}"
	"$@" 2>>server.log </dev/null 3>&- &
	server=$!
	eventually 20 ready_or_dead
	master=$server
	port=$(sed -n 's/.* listening on .*:\([0-9]*\)$/\1/p' server.log | tail -n 1)
	server_said ': ready: '
}

# start_server [option ...]
start_server() {
	launch "$BUILD/echo-master" -p 0 --log-stderr "$@"
}

# Leak checking needs ptrace(2) for itself, and cannot have it under strace.
without_leak_check() {
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
}

# launch_injected CALLS INJECTION [option ...]: the server with a system call that fails.
launch_injected() {
	local calls=$1 injection=$2

	shift 2
	without_leak_check
	launch strace -f -o strace.out -e "trace=$calls" -e "inject=$injection" \
		"$BUILD/echo-master" -p 0 --log-stderr "$@"
	master=$(pgrep -P "$server")
}

# Sets $status to the server's exit code, once it has one.
wait_for_server() {
	eventually "${1:-20}" gone "$server"
	status=0
	wait "$server" || status=$?
	server=
}

stop_server_somehow() {
	if [ -n "${server:-}" ] && ! gone "$server"; then
		kill -QUIT "${master:-$server}" 2>/dev/null || true
		eventually 10 gone "$server" || kill -KILL "$server" "${master:-$server}"
		wait "$server" || true
	fi
}

# Whatever else a test has started and not waited for.
stop_helpers() {
	local helper

	for helper in $(jobs -p); do
		kill -KILL "$helper" 2>/dev/null || true
	done
}

# The pids of the workers that are alive.
workers() {
	pgrep -P "$master" -f 'echo-master: worker' || true
}

count_workers() {
	workers | wc -l
}

has_workers() {
	[ "$(count_workers)" -eq "$1" ]
}

# All N workers are idle: ready, and nobody is being served.
all_idle() {
	[ "$(pgrep -P "$master" -f 'echo-master: worker [0-9]+ \(idle\) *$' | wc -l)" -eq "$1" ] &&
		has_workers "$1"
}

title_of() {
	local title

	IFS= read -r -d '' title <"/proc/$1/cmdline" || true
	echo "${title%"${title##*[! ]}"}"
}

descriptors() {
	local fds=("/proc/$1/fd/"*)

	echo "${#fds[@]}"
}

# No child of the server has died without having been reaped.
no_zombies() {
	! ps -o stat= --ppid "$master" | grep -q '^Z'
}

# be_faulty WAY: a server that does so; its port is in $port.
be_faulty() {
	"$tools/faulty" "$1" >port.out 3>&- &
	eventually 10 test -s port.out
	port=$(cat port.out)
}

# start_roomy: a server with room for thousands; its port is in $port, and in roomy.out when it
# served whom. Its pid is in $roomy.
start_roomy() {
	"$tools/roomy" >roomy.out 3>&- &
	# shellcheck disable=SC2034 # for tests that stop it
	roomy=$!
	eventually 10 test -s roomy.out
	port=$(head -n 1 roomy.out)
}

# are_clients STATE N: so many connections to the port are in a state of TCP, by the client's
# side: 01 established, 02 connecting, 05 closed by the client alone.
are_clients() {
	[ "$(grep -cE "^ *[0-9]+: [0-9A-F:]+ [0-9A-F]{8}:$(printf %04X "$port") $1 " /proc/net/tcp)" \
		-eq "$2" ]
}

# in_queue N: so many connections wait to be accepted. Of a listening socket the second queue in
# these lists is that of connections.
in_queue() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk -v port="$(printf ':%04X$' "$port")" -v count="$(printf ':%08X$' "$1")" \
			'$2 ~ port && $4 == "0A" && $5 ~ count { found = 1 } END { exit !found }'
}

answers() {
	[ "$(echo works | timeout 10 "$BUILD/echo-client" 127.0.0.1 "$port")" = works ]
}

# Ways in which a client is lost that was let in; one that is refused was not.
losses=reset-before,reset-after,timeout,short,corrupt

# The workers that serve somebody at the moment.
serving() {
	pgrep -P "$master" -f 'echo-master: worker [0-9]+ \(serving( [0-9]+ of [0-9]+)?\) *$'
}

# start_load CONNECTIONS [option ...]: sessions of one echo each, one after another, until end_load;
# returns when somebody is served. Its pid is in $load.
start_load() {
	{
		exec "$BUILD/echo-load" -c "$1" -d 300 --churn 1 "${@:2}" 127.0.0.1 "$port" \
			>"load.$BASHPID.log" 2>&1
	} 3>&- &
	load=$!
	eventually 20 serving >/dev/null
}

# end_load [PID]: fails when any session ended in another way than it may, or without its echo; but
# those that were being connected at the end have none.
end_load() {
	local load=${1:-$load} code=0

	kill -TERM "$load"
	wait "$load" || code=$?
	cat "load.$load.log"
	[ "$code" -eq 0 ]
	awk '$1 == "load" { most = $2 } $1 == "echoes" { echoes = $2 } $1 == "connections" { clean = $2 }
		END { exit !(echoes > 0 && clean - echoes <= most) }' "load.$load.log"
}

port_is_free() {
	! (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

# Networks of its own: for tests that spoil one, which no other process may have.
need_networks() {
	need_root
	command -v ip >/dev/null || skip "ip is missing: scripts/deps fault"
	unshare -n true || skip "no network namespaces here"
	unshare -n sh -c 'ip link set lo up' || skip "no network here may be set up"
}

# need_blocking_engine [REASON]
need_blocking_engine() {
	[ "$ENGINE" != event ] || skip "${1:-about one connection at a time}"
}

need_plain_build() {
	[ -z "$SANITIZE" ] || skip "only for the build without sanitizers"
}
