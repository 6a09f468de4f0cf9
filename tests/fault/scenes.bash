# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# The scenes in which a system call fails. Each starts a server of its own in the present
# folder, has strace with one process of it for the length of the scene, and leaves what came of
# it for tests/fault/judge.bash.
#
# Set by whoever calls: $engine, $process and $port; $call, $error and $when, of which $call is
# empty for a run in which nothing fails; and $never, a descriptor that never has anything to
# read.

# Which processes there are in each scene: the new worker of a reload, and the old one.
declare -Ar processes_in=([start]='master worker' [echo]='master worker'
	[reload]='master worker old' [stop]='master worker')

# Longest wait for anything, in seconds: the master gives a worker ten to get ready.
readonly patience=15

# A few milliseconds, without a process for it.
nap() {
	read -rt 0.005 <&"$never" || true
}

# complain TEXT: what must not be.
complain() {
	broken+=("$1")
}

# await SECONDS COMMAND...: until the command succeeds; that it does not is a complaint. When
# all is to end nothing is waited for any more.
await() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))

	shift
	until "$@"; do
		if is_interrupted || [ "${EPOCHREALTIME/[.,]/}" -ge "$end" ]; then
			complain "waited in vain: $*"
			return 1
		fi
		nap
	done
}

# ---- looking at the server ----

read_log() {
	IFS= read -rd '' log <server.log
}

said() {
	read_log
	[[ $log =~ $1 ]]
}

# The children of the master, in $children, those that nobody has reaped included.
find_children() {
	children=()
	{ read -ra children <"/proc/$master/task/$master/children"; } 2>/dev/null
}

# state_of PID: its letter, in $state; X where it is gone.
state_of() {
	local line=

	state=X
	{ IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return
	state=${line##*) }
	state=${state:0:1}
}

is_gone() {
	state_of "$1"
	[[ $state == [ZX] ]]
}

is_halted() {
	state_of "$1"
	[ "$state" = T ]
}

is_idle() {
	local title=

	IFS= read -rd '' title <"/proc/$1/cmdline" || true
	[[ $title == *'echo-master: worker '*' (idle)'* ]]
} 2>/dev/null

# There are workers, and each of them is idle.
all_idle() {
	local child

	find_children
	[ "${#children[@]}" -gt 0 ] || return
	for child in "${children[@]}"; do
		is_idle "$child" || return
	done
}

# The line that says so may be what fails; then all are idle, and stay it.
is_ready() {
	if said ': (ready: |serving with only )'; then
		return 0
	elif ! all_idle; then
		idle_since=
	elif [ -z "${idle_since:=$EPOCHSECONDS}" ] || [ $((EPOCHSECONDS - idle_since)) -lt 2 ]; then
		return 1
	else
		return 0
	fi
	return 1
}

is_ready_or_gone() {
	is_gone "$master" || is_ready
}

has_child_halted() {
	local child

	find_children
	for child in "${children[@]}"; do
		if is_halted "$child"; then
			halted=$child
			return
		fi
	done
	return 1
}

is_halted_or_gone() {
	has_child_halted || is_gone "$master"
}

# ---- the server, and strace with one process of it ----

# Whether only root may trace the process that the scene is about: a worker that is in its
# sandbox already.
is_for_root() {
	[ "$process" = old ] || [[ $process == worker && $scene != start && $scene != reload ]]
}

# A build that counts which lines run (make coverage) writes to files, by a path that has to be
# the same in a root directory of its own.
share_counts() {
	[ -n "${GCOV_PREFIX:-}" ] && [ ! -e "root$GCOV_PREFIX" ] || return 0
	mkdir -p "root$GCOV_PREFIX"
	cp -al "$GCOV_PREFIX/." "root$GCOV_PREFIX"
}

# start_server HALT [option ...]: HALT as halt.c has it, or nothing.
start_server() {
	local halt=$1 options=(-p "$port" --log-stderr --shutdown-timeout 2 --spare-timeout 1
		--pid-file "$PWD/pid" -f "$PWD/settings")

	shift
	[ "$engine" = blocking ] || options+=(--connections 4)
	sandbox=enforce
	if [ "$(id -u)" -eq 0 ]; then
		options+=(--chroot "$PWD/root")
		share_counts
	elif is_for_root; then
		sandbox=off
	fi
	options+=(--sandbox "$sandbox")
	echo 'log-level info' >settings
	: >server.log
	LC_ALL=C setsid env LD_PRELOAD="$halter" FAULT_HALT="$halt" "$BUILD/echo-master" \
		"${options[@]}" "$@" 2>server.log </dev/null &
	master=$!
}

is_attached() {
	local text=

	IFS= read -rd '' text <attached
	[[ $text == *attached* ]]
}

is_attached_or_gone() {
	is_attached || is_gone "$tracer"
}

# attach PID: has it traced, and its call fail.
attach() {
	local what=()

	[ -z "$call" ] || what=(-e "trace=$call" -e "inject=$call:error=$error:when=$when")
	: >attached
	strace -e signal=none -o trace "${what[@]}" -p "$1" 2>attached </dev/null &
	tracer=$!
	await 10 is_attached_or_gone || return
	is_attached || {
		complain "not traced: $(tail -n 1 attached)"
		return 1
	}
}

detach() {
	kill -INT "$tracer" 2>/dev/null
	wait "$tracer"
}

# ---- clients ----

# session_echoes FD TEXT: that it does not is a connection lost, once.
session_echoes() {
	echoes "$1" "$2" || lose_session "$1"
}

lose_session() {
	[[ " ${lost[*]} " == *" session-$1 "* ]] || lost+=("session-$1")
}

# What is in echo-load's report, a word each: how many echoes came back and how many connections
# were clean, and how each of the others was lost.
read_report() {
	jq -er '.echoes, .classes.clean, (.classes | del(.clean) | to_entries[] |
		.key as $class | range(.value) | $class)' report
}

# load ECHOES CONNECTIONS OPTION...: of so many echoes, on so many connections at least. What
# echo-load loses is lost, in its own words; when it loses nothing all of them have come back.
load() {
	local echoes=$1 connections=$2 found=() words

	shift 2
	if ! timeout 20 "$BUILD/echo-load" "$@" --timeout 4 --json --fail-on none 127.0.0.1 \
		"$port" >report 2>load.log </dev/null; then
		complain "echo-load: $(tail -n 1 load.log)"
	elif ! words=$(read_report); then
		complain 'echo-load: no report'
	else
		mapfile -t found <<<"$words"
		lost+=("${found[@]:2}")
		[ "${#found[@]}" -gt 2 ] ||
			[[ ${found[0]} -eq $echoes && ${found[1]} -ge $connections ]] ||
			complain "only ${found[0]} echoes on ${found[1]} clean connections"
	fi
}

# ---- scenes ----

# From the first line of main() to the moment when all are ready, or the end.
scene_start() {
	if [ "$process" = master ]; then
		start_server 0 -w 2 --max-workers 2
		await 10 is_halted "$master" || return
		halted=$master
	else
		start_server 1 -w 2 --max-workers 2
		await 10 has_child_halted || return
	fi
	attach "$halted" || return
	kill -CONT "$halted"
	await "$patience" is_ready_or_gone
	detach
}

# start_and_attach HALT OPTION...: a server that is ready, and strace with what the scene is about.
start_and_attach() {
	start_server "$@"
	await "$patience" is_ready || return
	find_children
	first=${children[0]}
	case $process in
	master) attach "$master" ;;
	worker | old) attach "$first" ;;
	esac
}

# Many short connections, a second worker for them, and one that has much to say.
scene_echo() {
	start_and_attach '' -w 1 --max-workers 2 || return
	load 20 4 -c 2 -n 20 --churn 5
	load 1 1 -c 1 -n 1 -s 256k
	detach
}

# The line that says so may be what fails, but not the title.
is_reload_over() {
	local title=

	said ': (reload failed|reload refused)' || is_gone "$master" || {
		IFS= read -rd '' title <"/proc/$master/cmdline"
		[[ $title == *' generation 2)'* ]]
	}
}

# Of one worker, which has a session that goes on.
scene_reload() {
	local session=

	if [ "$process" = worker ]; then
		start_server 2 -w 1 --max-workers 1
		await "$patience" is_ready || return
		find_children
		first=${children[0]}
	else
		start_and_attach '' -w 1 --max-workers 1 || return
	fi
	open_session session 2>/dev/null || complain 'no session could be opened'
	session_echoes "$session" 'before the reload'
	kill -HUP "$master"
	if [ "$process" = worker ]; then
		await "$patience" is_halted_or_gone || return
		attach "$halted" || return
		kill -CONT "$halted"
	fi
	await "$patience" is_reload_over
	session_echoes "$session" 'after the reload'
	close_session "$session"
	await "$patience" is_settled
	detach
}

# Nobody is left of the generation that is not in charge.
is_settled() {
	is_gone "$master" || { all_idle && [ "${#children[@]}" -eq 1 ]; }
}

# A session that goes on to its end, and one that is ended.
scene_stop() {
	local one='' two=''

	start_and_attach '' -w 1 --max-workers 2 || return
	open_session one 2>/dev/null || complain 'no session could be opened'
	session_echoes "$one" 'before the stop'
	open_session two 2>/dev/null || complain 'no second session could be opened'
	session_echoes "$two" 'before the stop'
	kill -TERM "$master"
	session_echoes "$one" 'after the stop'
	session_echoes "$two" 'after the stop'
	close_session "$one"
	kill -TERM "$master"
	{ ends_in_order "$two" && [ ! -s rest.txt ]; } || lose_session "$two"
	close_session "$two"
	await "$patience" is_gone "$master"
	detach
}
