#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# scripts/plot: one picture of one or several distributions, and clear errors.

load common

plot=$top/scripts/plot

need_gnuplot() {
	command -v gnuplot >/dev/null || skip "needs gnuplot (package gnuplot-nox)"
}

# write_hgrm FILE: a small distribution.
write_hgrm() {
	cat >"$1" <<-'EOD'
		       Value     Percentile TotalCount 1/(1-Percentile)

		       0.000 0.000000000000          1           1.00
		       0.043 0.500000000000          5           2.00
		       0.057 0.750000000000          8           4.00
		       1.500 0.900000000000          9          10.00
		     250.111 0.912500000000         10          11.43
		     250.111 1.000000000000         10
		#[Mean    =       25.696, StdDeviation   =       74.799]
		#[Max     =      250.111, Total count    =           10]
		#[Buckets =           16, SubBuckets     =         2048]
	EOD
}

is_png() {
	[ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
}

# has_only FILE...: the folder holds these files and nothing else.
has_only() {
	[ "$(ls -A)" = "$(printf '%s\n' "$@" | sort)" ]
}

@test "plot: a file becomes a picture of its name" {
	need_gnuplot
	write_hgrm run.hgrm
	run -0 "$plot" run.hgrm
	[ -z "$output" ]
	is_png run.png
	has_only run.hgrm run.png
}

@test "plot: several files become one picture, of the name after -o" {
	need_gnuplot
	write_hgrm one.hgrm
	write_hgrm two.hgrm
	run -0 "$plot" -o both.png -t 'One & two' one.hgrm two.hgrm
	is_png both.png
	has_only both.png one.hgrm two.hgrm
}

# A stand-in for gnuplot that keeps what it was told.
@test "plot: the legend has the file names, the last line is the largest of so many" {
	mkdir bin
	printf '#!/bin/sh\ncat >told\n' >bin/gnuplot
	chmod +x bin/gnuplot
	write_hgrm first.hgrm
	write_hgrm second.hgrm
	sed -i 's/ 10$/ 5000/' second.hgrm
	PATH=$PWD/bin:$PATH run -0 "$plot" -t "it's" first.hgrm second.hgrm
	grep -q "title 'first', .*title 'second'" told
	grep -qx "[[:space:]]*set title 'it’s'" told
	grep -qx '5000 250.111' told
	grep -qx '1.00 0.001' told
	[ "$(grep -c '^11.43 250.111' told)" -eq 3 ]
}

@test "plot: names and titles are never commands to gnuplot" {
	need_gnuplot
	write_hgrm "<touch 'run' \$(touch run).hgrm"
	run -0 "$plot" -o '|touch run' -t "'; system 'touch run'; set title '" -- *.hgrm
	is_png '|touch run'
	has_only "<touch 'run' \$(touch run).hgrm" '|touch run'
}

@test "plot: one value alone is drawn too" {
	need_gnuplot
	printf '0.043 0.0 1 1.00\n0.043 1.0 1\n' >one.hgrm
	run -0 "$plot" one.hgrm
	is_png one.png
}

@test "plot: without a file it says how it is used, exit code 64" {
	run -64 "$plot"
	[[ $output == *'no file is named; usage: scripts/plot '* ]]
	run -64 "$plot" --wrong
	[[ $output == *'usage: scripts/plot '* ]]
	run -0 "$plot" -h
	[[ $output == 'usage: scripts/plot '* ]]
}

@test "plot: without gnuplot it names the package, exit code 69" {
	write_hgrm run.hgrm
	PATH=/nonexistent run -69 /bin/sh "$plot" run.hgrm
	[[ $output == *'install the package gnuplot-nox' ]]
	has_only run.hgrm
}

@test "plot: a file that is not there is named, exit code 66" {
	need_gnuplot
	write_hgrm run.hgrm
	run -66 "$plot" run.hgrm absent.hgrm
	[[ $output == *'absent.hgrm: no such file, or it cannot be read' ]]
	has_only run.hgrm
}

@test "plot: a file of something else is named, exit code 65" {
	need_gnuplot
	echo 'nothing was measured' >empty.hgrm
	run -65 "$plot" empty.hgrm
	[[ $output == *'empty.hgrm: has no lines of a percentile distribution' ]]
	has_only empty.hgrm
}

@test "plot: a picture that cannot be written is named, exit code 73" {
	need_gnuplot
	write_hgrm run.hgrm
	run -73 "$plot" -o absent/run.png run.hgrm
	[[ $output == *'absent/run.png: cannot be written' ]]
	has_only run.hgrm
}

@test "plot: a gnuplot that fails is quoted and leaves no picture, exit code 70" {
	mkdir bin
	printf '#!/bin/sh\nprintf half\necho no such terminal >&2\nexit 1\n' >bin/gnuplot
	chmod +x bin/gnuplot
	write_hgrm run.hgrm
	PATH=$PWD/bin:$PATH run -70 "$plot" run.hgrm
	[[ $output == *'gnuplot failed: no such terminal' ]]
	has_only bin run.hgrm
}
