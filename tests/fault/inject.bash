#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tests/fault/inject.bash: every system call that master and worker make fails once, each time it
# is made, with each error that it can fail with (tests/fault/errors), while the server starts,
# echoes, reloads and stops (tests/fault/scenes.bash); and each time it must go on, or end with a
# word and a documented exit code (tests/fault/judge.bash).
#
# Which calls there are is learned from runs in which nothing fails. A case is one call, the Nth
# of its name in a process and a scene, and one error; strace(1) puts the error in the call's
# place. A call that comes again for each echo fails the first three times and the last.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
halter=$BUILD/tests/fault/halt.so
failures=$BUILD/fault/inject
# shellcheck source=tests/probing.bash
. "$top/tests/probing.bash"
# shellcheck source=tests/fault/scenes.bash
. "$top/tests/fault/scenes.bash"
# shellcheck source=tests/fault/judge.bash
. "$top/tests/fault/judge.bash"

# How often the same call is tried beyond those that were there without faults.
readonly beyond=20

usage() {
	cat <<'END'
tests/fault/inject.bash [option ...]: every system call fails once; all cases, or some:
  --engine E     blocking or event
  --scene S      start, echo, reload or stop
  --process P    master, worker, or old: the worker that a reload retires
  --call NAME    one system call
  --error NAME   one error
  --when N       only the Nth call
  --first N      only the first N calls of a name
  --share K/N    every Nth case, from the Kth on
  --seconds S    as many as there is time for, in random order
  --seed X       of that order; one that is printed gives the same again
  --jobs N       so many cases at a time, 1 to 9 (2)
  --list         print the cases and leave
exit codes: 0 all is well; 1 a case has failed, or none was tried; 64 wrong usage;
  77 strace may trace nothing here, for which a container needs ptrace(2) allowed
END
}

wrong_usage() {
	echo "tests/fault/inject.bash: $*; --help lists what is allowed" >&2
	exit 64
}

only_engine='' only_scene='' only_process='' only_call='' only_error='' only_when='' only_first=''
share=1/1 seconds='' seed=$RANDOM jobs=2 list_only='' unknown=
while [ $# -gt 0 ]; do
	[[ $1 == --list || $1 == --help || $# -gt 1 ]] || wrong_usage "$1 needs a value"
	case $1 in
	--engine) only_engine=$2 ;;
	--scene) only_scene=$2 ;;
	--process) only_process=$2 ;;
	--call) only_call=$2 ;;
	--error) only_error=$2 ;;
	--when) only_when=$2 ;;
	--first) only_first=$2 ;;
	--share) share=$2 ;;
	--seconds) seconds=$2 ;;
	--seed) seed=$2 ;;
	--jobs) jobs=$2 ;;
	--list)
		list_only=1
		shift
		continue
		;;
	--help)
		usage
		exit 0
		;;
	*) wrong_usage "$1 is no option" ;;
	esac
	shift 2
done
[[ $share =~ ^[1-9][0-9]*/[1-9][0-9]*$ ]] || wrong_usage "--share $share is no share"
[[ $seconds$seed$only_first =~ ^[0-9]*$ ]] ||
	wrong_usage '--seconds, --seed and --first are numbers'
[[ $jobs =~ ^[1-9]$ ]] || wrong_usage "--jobs $jobs is not allowed; allowed: 1 to 9"
for tool in strace jq pgrep timeout; do
	command -v "$tool" >/dev/null || wrong_usage "$tool is missing: scripts/deps fault"
done
[ -e "$halter" ] || wrong_usage "$halter is missing: make tests"

work=$(mktemp -d)
descriptors=$work/descriptors
mkdir -p "$descriptors" "$failures"
runners=()
trap 'end_runners; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# They are told by a file: a signal can have bash fall over its own `read -t`.
end_runners() {
	: >"$work/interrupted"
	[ "${#runners[@]}" -eq 0 ] || wait "${runners[@]}"
}

is_interrupted() {
	[ -e "$work/interrupted" ]
}

# ---- one case ----

# No process that a case has started outlives it, whatever it has come to.
end_case() {
	local pid

	[ -z "$tracer" ] || kill -KILL "$tracer" 2>/dev/null
	if [ -n "$master" ]; then
		for pid in "$master" $(pgrep -s "$master"); do
			kill -KILL "$pid" 2>/dev/null
		done
	fi
	wait 2>/dev/null
}

# run_case ENGINE SCENE PROCESS CALL ERROR WHEN: writes down what came of it, and leaves it in
# $outcome.
run_case() {
	local began=${EPOCHREALTIME/[.,]/} broken=() lost=() children=() log='' idle_since=''
	local engine=$1 scene=$2 process=$3 call=${4#-} error=${5#-} when=$6
	local first='' halted='' state='' code='' reloads=0

	master='' tracer='' outcome='' sandbox=''
	rm -rf pid settings report ./*.log trace
	: >trace
	"scene_$scene"
	if is_interrupted; then
		outcome=
	elif [ -n "$master" ]; then
		judge
	else
		outcome='FAIL: no server'
	fi
	end_case
	[ -n "$call" ] || count_calls
	! is_interrupted || return
	[[ $outcome != FAIL* ]] || keep_failure
	printf '%s\t' "$engine" "$scene" "$process" "$call" "$error" "$when" \
		$(((${EPOCHREALTIME/[.,]/} - began) / 1000)) >>results
	printf '%s\n' "$outcome" >>results
}

# Of a run in which nothing fails: that strace has seen nothing is a failure of that run.
count_calls() {
	grep -q '^[a-z0-9_]*(' trace || [[ $outcome == FAIL* ]] || outcome='FAIL: no call was seen'
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' trace | sort | uniq -c |
		awk -v scene="$engine $scene $process" '{ print scene, $2, $1 }' \
			>"$work/calls/$engine-$scene-$process-$BASHPID-$EPOCHREALTIME"
}

# All that there is to know of it, and how to have it again.
keep_failure() {
	local folder=$failures/$engine-$scene-$process-$call-$error-$when

	rm -rf "$folder"
	mkdir -p "$folder"
	cp server.log trace "$folder"
	[ ! -e report ] || cp report "$folder"
	echo "--engine $engine --scene $scene --process $process --call $call --error $error" \
		"--when $when: $outcome"
}

# ---- many cases ----

# A port below those that are given to clients, and not that of another runner.
choose_port() {
	port=$((20000 + $$ % 1000 * 10 + $1))
	while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		port=$((port + 10))
	done
}

# run_share K: every so many cases of the list, from the Kth on.
run_share() {
	local number=0 line case

	mkdir -p "$work/$1/root"
	cd "$work/$1" || exit 1
	mkfifo never
	exec {never}<>never
	master='' tracer=''
	trap '' PIPE
	trap end_case EXIT
	choose_port "$1"
	while read -r line; do
		[ $((number++ % jobs)) -eq "$1" ] || continue
		! is_interrupted || break
		[ -z "$seconds" ] || [ "$SECONDS" -lt "$seconds" ] || break
		read -ra case <<<"$line"
		run_one "${case[@]}"
	done <"$work/list"
}

# As run_case(); a number with a '+' stands for itself and all that follow, until the call is not
# made so often.
run_one() {
	local when=${6%+} last

	last=$when
	[[ $6 != *+ ]] || last=$((when + beyond))
	for (( ; when <= last; when++)); do
		run_case "${@:1:5}" "$when"
		[ "$outcome" != 'not reached' ] || break
	done
}

# Runs the list; what came of it is in $work/results.
run_list() {
	local runner

	runners=()
	for ((runner = 0; runner < jobs; runner++)); do
		run_share "$runner" &
		runners+=($!)
	done
	wait "${runners[@]}"
	runners=()
	cat "$work"/[0-9]*/results >"$work/results" 2>/dev/null
	rm -rf "${work:?}"/[0-9]*
}

# ---- which cases there are ----

# Nothing can be tried where no process may trace another, as in some containers.
need_trace() {
	local said

	said=$(strace -o /dev/null true 2>&1) || {
		echo "tests/fault/inject.bash: strace may trace nothing here: $said" >&2
		exit 77
	}
}

scenes() {
	local engine scene process

	for engine in ${only_engine:-blocking event}; do
		for scene in ${only_scene:-start echo reload stop}; do
			for process in ${processes_in[$scene]:-}; do
				[[ ${only_process:-$process} != "$process" ]] ||
					echo "$engine $scene $process"
			done
		done
	done
}

# Others than root may not trace what is in the sandbox.
say_what_is_missing() {
	[ "$(id -u)" -eq 0 ] || echo 'not root: skipped are chroot(2) and its like, workers that' \
		'serve in their sandbox, and the descriptors of workers that are in it'
}

# Two runs of each scene in which nothing fails: how often each call is made.
learn() {
	scenes | sed 'p' | sed 's/$/ - - 0/' >"$work/list"
	[ -s "$work/list" ] || wrong_usage 'there is no such scene'
	mkdir "$work/calls"
	seconds='' run_list
	if ! grep -q . "$work/results" || grep -F FAIL "$work/results"; then
		echo 'tests/fault/inject.bash: without any fault all has to be well' >&2
		exit 1
	fi
}

# The cases, in $work/list: all of them, or a share. Calls of which no error is known are none;
# $unknown says that there are some.
list_cases() {
	awk -f "$top/tests/fault/cases.awk" -v call="$only_call" -v error="$only_error" \
		-v when="$only_when" -v first="$only_first" "$top/tests/fault/errors" \
		"$work"/calls/* >"$work/all" || unknown=1
	awk -v share="$share" 'BEGIN { split(share, of, "/") } (NR - 1) % of[2] == of[1] - 1' \
		"$work/all" >"$work/list"
	[ -s "$work/list" ] || wrong_usage 'there is no such case'
	[ -n "$seconds" ] || return 0
	{
		chosen_before
		awk -f "$top/tests/fault/shuffle.awk" -v seed="$seed" "$work/list" | sort | cut -f 2-
	} >"$work/shuffled"
	mv "$work/shuffled" "$work/list"
}

# What has failed once comes first.
chosen_before() {
	local engine scene process call error

	grep -v '^#' "$top/tests/fault/known" | while read -r engine scene process call error; do
		grep "^$engine $scene $process $call $error " "$work/list"
	done
}

need_trace
learn
list_cases
if [ -n "$list_only" ]; then
	cut -d ' ' -f 1-6 "$work/list"
	exit 0
fi
say_what_is_missing
echo "$(wc -l <"$work/list") cases${seconds:+, for $seconds s, seed $seed}"
SECONDS=0
run_list
awk -f "$top/tests/fault/table.awk" "$work/results" || exit 1
[ -z "$unknown" ] || {
	echo 'tests/fault/inject.bash: calls that tests/fault/errors does not know were not tried' >&2
	exit 1
}
