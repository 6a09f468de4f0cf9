# SPDX-License-Identifier: ISC
#
# Compares tests/uncovered, the first file, with what has not run: lines of a file, a function,
# numbers of lines that have not run, and of lines that did not go each way, a tab between.

FNR == NR && /^(#|$)/ { next }

FNR == NR {
	key = $1 " " $2
	if ($0 !~ /^[^ ]+ [^ ]+ [0-9]+ [0-9]+ [^ ]/ || key in lines) {
		printf "tests/uncovered:%d: neither a file, a function, two numbers and a reason, " \
		    "nor the first of that function\n", FNR
		next
	}
	lines[key] = $3
	ways[key] = $4
	next
}

FNR == 1 { FS = "\t"; $0 = $0 }

{
	key = $1 " " $2
	seen[key] = 1
	if (split($3, unused, " ") > lines[key] + 0 || split($4, unused, " ") > ways[key] + 0)
		more[++count] = key " " split($3, unused, " ") " " split($4, unused, " ") \
		    "   not run: " ($3 == "" ? "-" : $3) "; not each way: " ($4 == "" ? "-" : $4)
}

END {
	if (count > 0)
		print "not run, and more than tests/uncovered gives a reason for:"
	for (i = 1; i <= count; i++)
		print "  " more[i]
	for (key in lines)
		if (!(key in seen))
			print "has run, though it is in tests/uncovered: " key
}
