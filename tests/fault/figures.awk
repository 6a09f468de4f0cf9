# SPDX-License-Identifier: ISC
#
# The table of `make soak`, from the lines of tests/fault/storm.bats: one a storm, tab-separated.

BEGIN {
	FS = "\t"
	form = "%-9s %6s %6s %7s %8s %8s %11s %10s %6s %6s %6s %9s %12s %12s %7s\n"
	printf form, "engine", "s", "seed", "kills", "reloads", "refused", "connections", "echoes",
		"before", "after", "short", "sessions", "master KiB", "worker KiB", "fds"
}

{
	printf form, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 " " $14, $15 " " $16,
		$17 " " $18
	for (i = 2; i <= 12; i++)
		sum[i] += $i
}

END {
	printf form, "all", sum[2], "", sum[4], sum[5], sum[6], sum[7], sum[8], sum[9], sum[10],
		sum[11], sum[12], "", "", ""
	print ""
	print "before, after: reset before or after the first echo; short: closed early; all of them,"
	print "at most, are the sessions that killed workers had. refused: reloads that were not to"
	print "succeed, or whose new workers were killed. Memory, and descriptors of the master: in"
	print "the beginning and at the end; a worker's is that of the largest."
}
