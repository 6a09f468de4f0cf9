#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tests/coverage.bash UNIT E2E... -- EVENT...: runs the program UNIT of the unit tests, then the
# files E2E with the blocking and EVENT with the event engine, of a build for gcov(1) in $BUILD;
# then prints which share of the lines and branches of master/, worker/ and common/ has run, file
# by file. Fails when one of the three is under LINES_LEAST or BRANCHES_LEAST percent. Tests that
# fail are told, and do not end it: this is about what has run.
#
# Workers are another user's and leave by exit(3): their counts go to a folder that everybody may
# write to, which their sandbox lets them do in this build alone (see worker/sandbox.h). One that is
# killed, or in a root of its own, leaves no counts.
set -euo pipefail

: "${BUILD:?is not set}" "${CFLAGS:?is not set}" "${COUNTING:?is not set}"
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
blocking=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	blocking+=("$1")
	shift
done
[ $# -eq 0 ] || shift
event=("$@")

counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT
export GCOV_PREFIX=$counts

# Every file of counts, empty: whoever makes one would keep the others out.
make_counts() {
	find "$BUILD" -name '*.gcda' -delete
	while IFS= read -r notes; do
		mkdir -p "$counts${notes%/*}"
		: >"$counts${notes%.gcno}.gcda"
	done < <(find "$BUILD" -name '*.gcno')
	chmod -R a+rwX "$counts"
}

collect_counts() {
	while IFS= read -r file; do
		cp "$file" "${file#"$counts"}"
	done < <(find "$counts" -name '*.gcda' -size +0)
}

# run NAME COMMAND...
run() {
	local name=$1

	shift
	echo "== $name"
	"$@" >"$BUILD/$name.log" 2>&1 || {
		echo "$name: some tests failed, as this build's are slower, and write files:"
		grep -E '^not ok|:[FE]:' "$BUILD/$name.log" || tail -n 5 "$BUILD/$name.log"
	}
}

# end_to_end ENGINE FILE...
end_to_end() {
	local engine=$1

	shift
	[ $# -eq 0 ] ||
		run "e2e-$engine" make -s check-e2e BUILD="$BUILD" CFLAGS="$CFLAGS" \
			COUNTING="$COUNTING" TAP=1 ENGINE="${engine/blocking/}" E2E="$*"
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

report() {
	gcovr --root . --object-directory "$BUILD" --filter master/ --filter worker/ \
		--filter common/ --json-summary "$BUILD/coverage.json" --txt "$BUILD/missing.txt" \
		"$BUILD"
	printf '%-32s %7s %9s\n' file 'lines %' 'branches %'
	jq -r --argjson lines "$lines_least" --argjson branches "$branches_least" "$table" \
		"$BUILD/coverage.json" | tee "$BUILD/coverage.tsv" |
		awk -F '\t' '{ printf "%-32s %7s %9s  %s\n", $1, $2, $3, $4 }'
	echo "wanted: $lines_least % of lines, $branches_least % of branches in each of the three" \
		"folders; the lines that did not run: $BUILD/missing.txt"
}

make_counts
run unit "$unit"
end_to_end blocking "${blocking[@]}"
end_to_end event "${event[@]}"
collect_counts
report
! grep -q 'too few' "$BUILD/coverage.tsv"
