# SPDX-License-Identifier: ISC
#
# The table of tests/fault/inject.bash, of lines with a tab between: engine, scene, process, call,
# error, which call, milliseconds, and what came of it. Cases of one call that came to the same
# are one row. The exit code is 1 when any has failed, or none was tried.

BEGIN { FS = "\t" }

{
	outcome = $8
	sub(/^FAIL.*/, "FAIL", outcome)
	row = $1 "\t" $2 "\t" $3 "\t" $4 "\t" outcome
	if (!(row in cases))
		rows[++count] = row
	cases[row]++
	if (index(" " errors[row] " ", " " $5 " ") == 0)
		errors[row] = errors[row] (errors[row] == "" ? "" : " ") $5
	sum[outcome]++
	if ($7 > slowest) {
		slowest = $7
		slow = $1 " " $2 " " $3 " " $4 " " $5 " " $6
	}
}

END {
	print row_of("engine", "scene", "process", "call", "cases", "outcome", "errors")
	fflush()
	sorter = "sort"
	for (i = 1; i <= count; i++) {
		split(rows[i], at, "\t")
		if (at[5] != "not reached")
			print row_of(at[1], at[2], at[3], at[4], cases[rows[i]], at[5],
			    errors[rows[i]]) | sorter
	}
	close(sorter)
	printf "%d cases:", NR
	for (outcome in sum)
		total = total sprintf("%s %d %s", total == "" ? "" : ",", sum[outcome], outcome)
	print total
	printf "the slowest took %.1f s: %s\n", slowest / 1000, slow
	tried = NR - sum["not reached"] - sum["cannot be"]
	if (tried == 0)
		print "no case was tried: none of these calls has failed"
	exit tried == 0 || sum["FAIL"] > 0
}

function row_of(engine, scene, process, call, number, outcome, list)
{
	return sprintf("%-8s %-6s %-7s %-23s %5s  %-15s  %s", engine, scene, process, call, number,
	    outcome, list)
}
