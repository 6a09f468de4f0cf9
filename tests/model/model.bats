#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The protocol of master and workers (protocol.pml) holds in every order of its steps, each
# mistake that is seeded in it is found, and it is about the code that is here.

bats_require_minimum_version 1.5.0

model=$BATS_TEST_DIRNAME
top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
CC=${CC:-cc}
speed=-O2
processors=$(nproc)

# MODEL=quick is a share for every change: these searches, and two of the mistakes.
model_share=${MODEL:-all}
quick='stop start_killed orphan_early'
quick_mutants='EMPTY_BEFORE_ORDER NO_SETTLING'
[ "$model_share" = all ] || speed=-O0 # they take longer to compile than to try

# What befalls the server in each of the searches. One worker sees what two do not, and
# the other way round: who is alone has nobody to make up for what it leaves.
stop='-DCLIENTS=1'
stop_alone='-DWORKERS=1 -DTERMS=2 -DFINE -DNONBLOCKING=1'
stop_early='-DWORKERS=1 -DCLIENTS=1 -DSTARTED=0 -DSTRANGERS=1'
stop_killed='-DCLIENTS=1 -DKILLS=1'
stop_frozen='-DCLIENTS=1 -DCOMING=0 -DTERMS=2 -DFREEZES=1'
stop_deaths='-DCLIENTS=1 -DCOMING=0 -DKILLS=2'
start_killed='-DWORKERS=1 -DCLIENTS=1 -DCOMING=0 -DSTARTED=0 -DKILLS=2'
orphans='-DCLIENTS=1 -DTERMS=0 -DMASTER_KILLS=1'
orphan_alone='-DWORKERS=1 -DFINE -DMASTER_KILLS=1'
orphan_early='-DWORKERS=1 -DCLIENTS=1 -DSTARTED=0 -DMASTER_KILLS=1'
reload='-DWORKERS=1 -DCLIENTS=1 -DHUPS=1 -DFORK_FAILS=1'
reloads='-DWORKERS=1 -DCLIENTS=1 -DCOMING=0 -DHUPS=2 -DTERMS=2'
reload_killed='-DWORKERS=1 -DCLIENTS=1 -DCOMING=0 -DHUPS=1 -DKILLS=1 -DFORK_FAILS=1'
move='-DWORKERS=1 -DCLIENTS=1 -DHUPS=1 -DLISTENERS=2'
move_twice='-DWORKERS=1 -DCLIENTS=1 -DCOMING=0 -DHUPS=2 -DLISTENERS=2'
event_alone='-DCONNECTIONS=2 -DWORKERS=1 -DTERMS=2'
event_orphan='-DCONNECTIONS=2 -DWORKERS=1 -DSTARTED=0 -DMASTER_KILLS=1'
move_orphans='-DWORKERS=1 -DCLIENTS=1 -DCOMING=0 -DHUPS=1 -DLISTENERS=2 -DMASTER_KILLS=1'

setup() {
	[[ $model_share == @(all|quick) ]] || {
		echo "MODEL is '$model_share'; allowed: all, quick"
		return 1
	}
	cd "$BATS_TEST_TMPDIR" || return 1
}

need_spin() {
	command -v spin >/dev/null || skip "needs spin"
	command -v "$CC" >/dev/null || skip "needs a C compiler"
}

# chosen NAME QUICK: is it in the share that is asked for?
chosen() {
	[ "$model_share" = all ] || [[ " $2 " == *" $1 "* ]]
}

# each COMMAND QUICK WORD...: runs `COMMAND WORD` for each that is chosen, in a directory of its
# own, as many at once as there are processors. Tells what those said that fail.
each() {
	local command=$1 share=$2 word failed='' list=()

	need_spin
	for word in "${@:3}"; do
		! chosen "$word" "$share" || list+=("$word")
	done
	[ "${#list[@]}" -gt 0 ] || skip "not in the quick share"
	for word in "${list[@]}"; do
		while [ "$(jobs -pr | wc -l)" -ge "$processors" ]; do
			wait -n || true
		done
		mkdir "$word"
		(cd "$word" && "$command" "$word" >said 2>&1 && : >held) 3>&- &
	done
	wait
	for word in "${list[@]}"; do
		cat "$word/said"
		[ -e "$word/held" ] || failed="$failed $word"
	done
	echo "failed:$failed"
	[ -z "$failed" ]
}

# search WAY DEFINITION...: has spin try all orders; what it found is in the file `found`. WAY is
# SAFETY, for assertions and wrong end states, or NP, for runs that never end.
search() {
	local way=$1 cycles=()

	shift
	echo "--- $way $*"
	spin -a "$@" "$model/protocol.pml" >spun
	[ ! -s spun ] || ! grep -i error spun || return 1
	"$CC" "$speed" -w "-D$way" -DNOFAIR -DCOLLAPSE -DMEMLIM=1024 -o pan pan.c
	[ "$way" != NP ] || cycles=(-l)
	nice ./pan -n -m10000 "${cycles[@]}" >found
}

# holds WAY NAME: nothing is found, and nothing was left out of the search.
holds() {
	local words

	read -ra words <<<"${!2}"
	search "$1" "${words[@]}"
	cat found
	grep -q 'errors: 0$' found || return 1
	! grep -E 'Search not completed|max search depth too small|out of memory' found
}

is_safe() {
	holds SAFETY "$1"
}

ends() {
	holds NP "$1"
}

# is_found MUTANT
is_found() {
	local name words

	name=$(mutants | sed -n "s/^$1 //p")
	read -ra words <<<"${!name}"
	speed=-O0 # it takes longer to compile than to find
	search SAFETY "-DMUTANT_$1" "${words[@]}"
	grep -q 'errors: 1$' found || return 1
	grep -E '^pan:1: (assertion violated|invalid end state)' found
}

# Every mistake that can be seeded, and a search that must find it.
mutants() {
	cat <<-END
		FLAG_BEFORE_SLEEP reload
		NO_TOOK_ONE stop_alone
		NO_SECOND_LOOK stop_alone
		OPEN_BEFORE_PPOLL stop_alone
		LOOKED_ONCE stop_alone
		ORPHAN_ASKED_FIRST orphan_early
		ORPHAN_GIVES_UP orphan_early
		NO_DRAIN stop
		DRAIN_BLOCKS stop
		NO_SETTLING stop
		SIGNAL_BEFORE_STORE stop
		GATE_BEFORE_STORE stop
		SECOND_STOP_IGNORED stop_alone
		EXITS_EARLY stop
		REAPS_ONE stop_deaths
		NOT_TOLD_AGAIN stop_early
		OLD_STAYS reloads
		REAPED_UNHEARD start_killed
		HUP_FORGOTTEN reloads
		STOP_KEEPS_RELOAD reloads
		EMPTY_BEFORE_ORDER event_orphan
	END
}

@test "model: a graceful stop loses no client and no order, and ends" {
	each is_safe "$quick" stop_early stop_alone stop event_alone
}

@test "model: a stop ends whoever is killed or hangs, and at whatever moment" {
	each is_safe "$quick" stop_killed stop_frozen stop_deaths start_killed
}

@test "model: workers of a killed master serve who waits, and all are gone" {
	each is_safe "$quick" orphan_alone orphans orphan_early event_orphan
}

@test "model: a reload ends in one of two ways, and leaves no generation behind" {
	each is_safe "$quick" reloads reload reload_killed
}

@test "model: a reload that moves loses no client and closes the old listener" {
	each is_safe "$quick" move move_twice move_orphans
}

@test "model: no run goes on for ever" {
	each ends "$quick" stop_deaths stop_alone orphan_early move_twice
}

@test "model: every mistake that is seeded is found" {
	need_spin
	mutants >listed
	diff <(cut -d ' ' -f 1 listed | sort) \
		<(grep -ohE 'MUTANT_[A-Z_]+' "$model"/*.pml | sed 's/^MUTANT_//' | grep . | sort -u)
	read -ra all <<<"$(cut -d ' ' -f 1 listed | tr '\n' ' ')"
	each is_found "$quick_mutants" "${all[@]}"
}

# The functions and types that comments of the model name, as `file name`. A list of them may
# go on in the next line.
named() {
	sed -E 's,^[[:space:]]*(/\*|\*),,' "$model"/*.pml | tr -s ' \t\n' ' ' |
		grep -oE '(master|worker|common)/[a-z_-]+\.[ch]: ((enum [a-z_]+|[a-z0-9_]+\(\)),? ?)+' |
		while IFS=: read -r file names; do
			tr ',' '\n' <<<"$names" | sed -E "s,^ *,$file ,; s, *$,,"
		done | grep -E '\(\)$| enum ' | sort -u
}

@test "model: what it stands for is in the code" {
	named >names
	[ "$(wc -l <names)" -ge 80 ]
	while read -r file name; do
		echo "$file: $name"
		case $name in
		enum*) grep -qE "^$name \{" "$top/$file" ;;
		*) grep -qE "^[a-z].*[ *]${name%()}\([^;]*$" "$top/$file" ;;
		esac
	done <names
}
