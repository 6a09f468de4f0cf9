#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tests/fault/storm.bash MASTER ENGINE SECONDS SEED FILE KILLED: so long, and at random, kills,
# crashes and stops workers of a running server, reloads it with good settings in FILE and with
# bad ones, and has it grow and shrink. ENGINE, blocking or event, is what good settings ask for.
# The seed decides what is done in which order, not the moment. At the end it prints what it has
# done, a key and a number a line; what that may have cost is for tests/fault/storm.bats to judge.
#
# Whom a kill costs its session: a worker is stopped wherever it is, and then killed. In between
# KILLED gets a line for each client that it serves: the time, in seconds since the Epoch, and the
# client's address. One in three of the blocking engine dies as it runs, and has one client at most,
# whom nobody has looked for: its line has "sudden" in the place of an address.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/waiting.bash
. "$top/tests/waiting.bash"
# shellcheck source=tests/probing.bash
. "$top/tests/probing.bash"

[ $# -eq 6 ] || {
	echo 'usage: tests/fault/storm.bash MASTER ENGINE SECONDS SEED FILE KILLED' >&2
	exit 64
}
master=$1 engine=$2 seconds=$3 settings=$5 killed=$6
RANDOM=$4

readonly most_workers=8
declare -A did=([kills]=0 [sudden]=0 [sessions]=0 [crashes]=0 [pauses]=0 [hups]=0 [bad_hups]=0
	[resizes]=0 [reports]=0 [crowded]=0)
declare -A paused_until=()

# Chance is asked for in this shell only, or the seed would not decide.
draw() {
	drawn=$((RANDOM % $1))
}

# ---- workers ----

# Sets $victim; fails when there is none.
choose_worker() {
	local all

	mapfile -t all < <(pgrep -P "$master")
	[ "${#all[@]}" -gt 0 ] || return 1
	draw "${#all[@]}"
	victim=${all[drawn]}
}

halted_or_gone() {
	local line

	{ IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${line##*) } == [TZX]* ]]
}

halt() {
	kill -STOP "$1" 2>/dev/null && within 10 halted_or_gone "$1" && ! gone "$1"
}

sockets_of() {
	find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | sort
}

# Connections of a worker, in $sessions: the sockets that it does not have from the master.
find_sessions() {
	mapfile -t sessions < <(comm -13 <(echo "$inherited") <(sockets_of "$1"))
}

# One of the blocking engine has no more than one.
count_sessions() {
	did[sessions]=$((did[sessions] + ${#sessions[@]}))
	[ "${#sessions[@]}" -le 1 ] || [ "$engine" = event ] ||
		did[crowded]=$((did[crowded] + 1))
}

# The clients of $sessions, by the number of their sockets: what is IPv4 to a client is it here.
note_clients() {
	ss -Htne | awk -v numbers="${sessions[*]//[!0-9 ]/}" -v now="${EPOCHREALTIME/,/.}" '
		BEGIN {
			count = split(numbers, list, " ")
			for (i = 1; i <= count; i++)
				served["ino:" list[i]] = 1
		}
		{
			for (i = 6; i <= NF; i++)
				if ($i in served) {
					gsub(/\[::ffff:|\]/, "", $5)
					print now, $5
				}
		}' >>"$killed"
}

# Stopped where it is, and looked at.
kill_stopped() {
	halt "$victim" || return 0
	find_sessions "$victim"
	[ "${#sessions[@]}" -eq 0 ] || note_clients
	kill -"$1" "$victim" 2>/dev/null || return 0
	kill -CONT "$victim" 2>/dev/null # which SIGKILL does without
	count_sessions
	count_kill "$1"
}

# Whomever it serves, or does not yet, or no more. A client may know of it before kill(1) is back.
kill_suddenly() {
	local before=${EPOCHREALTIME/,/.}

	! halted_or_gone "$victim" || return 0
	kill -"$1" "$victim" 2>/dev/null || return 0
	echo "$before sudden" >>"$killed"
	did[sudden]=$((did[sudden] + 1))
	count_kill "$1"
}

count_kill() {
	did[kills]=$((did[kills] + 1))
	[ "$1" != SEGV ] || did[crashes]=$((did[crashes] + 1))
}

# kill_worker SIGNAL: a signal that it dies of.
kill_worker() {
	draw 3
	if [ "$drawn" -eq 0 ] && [ "$engine" = blocking ]; then
		kill_suddenly "$1"
	else
		kill_stopped "$1"
	fi
}

kill_all() {
	for victim in $(pgrep -P "$master"); do
		kill_worker KILL
	done
}

pause_worker() {
	kill -STOP "$victim" 2>/dev/null || return 0
	draw 300
	paused_until[$victim]=$(($(now_ms) + drawn))
	did[pauses]=$((did[pauses] + 1))
}

# resume_workers [MS]: those whose time has come by then.
resume_workers() {
	local now=${1:-$(now_ms)} pid

	for pid in "${!paused_until[@]}"; do
		if [ "${paused_until[$pid]}" -le "$now" ]; then
			kill -CONT "$pid" 2>/dev/null
			unset "paused_until[$pid]"
		fi
	done
}

# ---- the master ----

write_settings() {
	local connections=1

	[ "$engine" != event ] || connections=16
	printf '%s\n' "workers $1" "max-workers $most_workers" "connections $connections" \
		'port 0' 'spare-timeout 1s' >"$settings.new"
	mv "$settings.new" "$settings"
}

good_hup() {
	draw 3
	write_settings $((drawn + 3))
	kill -HUP "$master"
	did[hups]=$((did[hups] + 1))
}

bad_hup() {
	draw 3
	case $drawn in
	0) echo 'workers none' >"$settings" ;;
	1) echo 'wrokers 4' >"$settings" ;;
	2) rm -f "$settings" ;;
	esac
	kill -HUP "$master"
	did[bad_hups]=$((did[bad_hups] + 1))
}

resize() {
	kill -"$1" "$master"
	did[resizes]=$((did[resizes] + 1))
}

ask_for_report() {
	kill -USR1 "$master"
	did[reports]=$((did[reports] + 1))
}

# ---- memory ----

largest_worker() {
	local pid

	for pid in $(pgrep -P "$master"); do
		memory_of "$pid"
	done | sort -n | tail -n 1
}

# Of the master its present memory, of workers the most that one had in the last third of the
# time; `first` is the same at the end of, or in, the first third.
measure() {
	local third=$((seconds * 1000 / 3)) since=$(($1 - began)) worker

	worker=$(largest_worker)
	if [ "$since" -lt "$third" ]; then
		first_master=$(memory_of "$master")
		[ "${worker:-0}" -le "$first_worker" ] || first_worker=$worker
	elif [ "$since" -ge $((2 * third)) ]; then
		[ "${worker:-0}" -le "$last_worker" ] || last_worker=$worker
	fi
}

# ---- the storm ----

# What is done to a worker, of 58 in 100.
act_on_worker() {
	choose_worker || return 0
	case $1 in
	[0-9] | [12]?) kill_worker KILL ;;
	3?) kill_worker SEGV ;;
	*) pause_worker ;;
	esac
}

act() {
	local what

	draw 100
	what=$drawn
	case $what in
	0 | 1) kill_all ;;
	[0-9] | [1-5]?) act_on_worker "$what" ;;
	6? | 7[0-4]) good_hup ;;
	7?) bad_hup ;;
	8[0-7]) resize TTIN ;;
	8? | 9[0-5]) resize TTOU ;;
	*) ask_for_report ;;
	esac
}

rage() {
	local now measured=0

	while now=$(now_ms) && [ $((now - began)) -lt $((seconds * 1000)) ]; do
		gone "$master" && return
		resume_workers "$now"
		if [ $((now - measured)) -ge 1000 ]; then
			measure "$now"
			measured=$now
		fi
		act
		draw 50
		sleep "$(printf '0.%03d' "$drawn")"
	done
}

# Whatever happens, nobody is left stopped.
trap 'resume_workers 99999999999999' EXIT
trap 'exit 1' TERM

inherited=$(sockets_of "$master")
began=$(now_ms)
first_master=0 first_worker=0 last_worker=0
rage
resume_workers 99999999999999
write_settings 4
for key in "${!did[@]}"; do
	echo "$key ${did[$key]}"
done
echo "first_master_kib $first_master"
echo "first_worker_kib $first_worker"
echo "last_worker_kib $last_worker"
