#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tests/coverage.bash UNIT E2E... -- EVENT... -- FAULT...: runs, of a build for gcov(1) in $BUILD,
# the program UNIT of the unit tests, the files E2E with the blocking and EVENT with the event
# engine, and the targets FAULT of make, of which check-fault-inject has its first few cases of
# each call for $FAULT_SECONDS. Then it prints which share of the lines and branches of master/,
# worker/ and common/ has run, file by file, and compares what has not with tests/uncovered, which
# says why. Fails when one of the three is under LINES_LEAST or BRANCHES_LEAST percent, or when one
# of the parts could not be counted. Tests that fail are told, and do not end it: this is about what
# has run. Nor does what is not in tests/uncovered: which moments are met, and which faults there is
# time for, is never quite the same.
#
# Workers are another user's and leave by exit(3): their counts go to a folder that everybody may
# write to, which their sandbox lets them do in this build alone (see worker/sandbox.h). One that is
# killed, or in a root of its own, leaves no counts; and one that is killed while it writes them
# takes those of others along, so that each of the parts has a folder of its own. COVERAGE_JOBS of
# them run at a time.
set -euo pipefail

: "${BUILD:?is not set}" "${CFLAGS:?is not set}" "${COUNTING:?is not set}"
: "${FAULT_SECONDS:?is not set}"
cd "$(dirname "$0")/.."
lines_least=${LINES_LEAST:-90}
branches_least=${BRANCHES_LEAST:-80}

for tool in gcovr jq; do
	command -v "$tool" >/dev/null || {
		echo "coverage: $tool is missing; scripts/deps coverage installs it" >&2
		exit 69
	}
done

unit=$1
shift
lists=('' '' '')
for list in 0 1 2; do
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		lists[list]+=" $1"
		shift
	done
	[ $# -eq 0 ] || shift
done
read -ra blocking <<<"${lists[0]}"
read -ra event <<<"${lists[1]}"
read -ra faults <<<"${lists[2]}"

parts=() # that were begun, by name
counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT

# Whoever starts this in a folder of their own has others shut out of what is in it.
check_counts() {
	chmod a+rwx "$counts"
	[ "$(id -u)" -ne 0 ] || setpriv --reuid 65534 --regid 65534 --clear-groups \
		test -w "$counts" || {
		echo "coverage: $counts cannot be written to by the users that workers become;" \
			"set TMPDIR to a folder where it can" >&2
		exit 77
	}
}

# Every file of counts, empty: whoever makes one would keep the others out.
make_counts() {
	mkdir "$GCOV_PREFIX"
	find "$BUILD" -name '*.gcno' -exec cp --parents -t "$GCOV_PREFIX" {} +
	while IFS= read -r notes; do
		: >"${notes%.gcno}.gcda"
	done < <(find "$GCOV_PREFIX" -name '*.gcno')
	chmod -R a+rwX "$GCOV_PREFIX"
}

# One at a time: its temporary files have the same names for all.
read_counts() {
	find "$GCOV_PREFIX" -name '*.gcda' -size 0 -delete
	flock "$counts" gcovr --root . --object-directory "$GCOV_PREFIX$BUILD" --filter master/ \
		--filter worker/ --filter common/ --json "$1.new" "$GCOV_PREFIX$BUILD"
	mv "$1.new" "$1"
	rm -rf "$GCOV_PREFIX"
}

# run NAME COMMAND...
run() {
	local name=$1 began=$SECONDS log=$BUILD/$1.log

	shift
	export GCOV_PREFIX=$counts/$name
	make_counts
	"$@" >"$log" 2>&1 || {
		echo "$name: some tests failed, as this build's are slower, and write files:"
		grep -E '^not ok|:[FE]:|: FAIL: ' "$log" || tail -n 5 "$log"
	}
	read_counts "$counts/$name.json"
	echo "$name: $((SECONDS - began)) s"
}

# As run(), beside others.
begin() {
	while [ "$(jobs -rp | wc -l)" -ge "${COVERAGE_JOBS:-3}" ]; do
		wait -n || true
	done
	parts+=("$1")
	run "$@" &
}

# of_build TARGET VARIABLE...
of_build() {
	make -s "$@" BUILD="$BUILD" CFLAGS="$CFLAGS" COUNTING="$COUNTING" TAP=1
}

# end_to_end ENGINE FILE...
end_to_end() {
	local engine=$1 file

	shift
	for file; do
		begin "$engine-$(basename "$file" .bats)" of_build check-e2e E2E_JOBS= \
			ENGINE="${engine/blocking/}" E2E="$file"
	done
}

# The order is always the same, so that one can compare what has run.
all_faults() {
	local target

	for target in "${faults[@]}"; do
		begin "$target" of_build "$target" FAULT_SECONDS="$FAULT_SECONDS" \
			FAULT_SEED=1 FAULT_FIRST=4
	done
}

# shellcheck disable=SC2016 # names of jq
table='
	def percent(covered; total): if total == 0 then 100 else 1000 * covered / total | floor / 10 end;
	def row(name; files):
		{ name: name,
		  lines: percent(files | map(.line_covered) | add; files | map(.line_total) | add),
		  branches: percent(files | map(.branch_covered) | add; files | map(.branch_total) | add) };
	.files as $files |
	($files[] | row(.filename; [.])),
	({ name: "", lines: "", branches: "" }),
	(("master/", "worker/", "common/") as $folder |
		row($folder; $files | map(select(.filename | startswith($folder)))) |
		. + { low: (.lines < $lines or .branches < $branches) }),
	row("all"; $files)
	| [.name, .lines, .branches, if .low then "too few" else "" end] | @tsv'

# Of each function that has not run to its full: its file, its name, which lines have not run, and
# which have that did not go each way that they could, as often as there are such ways.
# shellcheck disable=SC2016 # names of jq
missed='
	.files[] | .file as $file | (.functions | sort_by(.lineno)) as $functions |
	[.lines[] | select((."gcovr/noncode" or ."gcovr/excluded") | not) | .line_number as $line |
		{ line: $line, ran: (.count > 0), ways: [.branches[] | select(.count == 0)] | length,
		  function: ([$functions[] | select(.lineno <= $line)] | last | .name) }] |
	group_by(.function)[] |
	[$file, .[0].function, (map(select(.ran | not).line) | join(" ")),
		(map(select(.ran) | .line as $line | range(.ways) | $line) | join(" "))] |
	select(.[2] + .[3] != "") | @tsv'

# Fails when it names a part without its counts.
all_are_counted() {
	local part missing=0

	for part in "${parts[@]}"; do
		[ -s "$counts/$part.json" ] || {
			echo "coverage: $part was not counted, and what follows is without it" >&2
			missing=1
		}
	done
	return "$missing"
}

report() {
	local added=("$counts"/*.json)

	gcovr --root . "${added[@]/#/--add-tracefile=}" --json-summary "$BUILD/coverage.json" \
		--json "$BUILD/lines.json"
	printf '%-32s %7s %9s\n' file 'lines %' 'branches %'
	jq -r --argjson lines "$lines_least" --argjson branches "$branches_least" "$table" \
		"$BUILD/coverage.json" | tee "$BUILD/coverage.tsv" |
		awk -F '\t' '{ printf "%-32s %7s %9s  %s\n", $1, $2, $3, $4 }'
	echo "wanted: $lines_least % of lines, $branches_least % of branches in each of the three"
	jq -r "$missed" "$BUILD/lines.json" >"$BUILD/missed.tsv"
	awk -f tests/uncovered.awk tests/uncovered "$BUILD/missed.tsv"
}

check_counts
begin unit "$unit"
end_to_end blocking "${blocking[@]}"
end_to_end event "${event[@]}"
all_faults
wait
missing=0
all_are_counted || missing=1
report
! grep -q 'too few' "$BUILD/coverage.tsv" && [ "$missing" -eq 0 ]
