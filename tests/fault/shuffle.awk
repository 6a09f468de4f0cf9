# SPDX-License-Identifier: ISC
#
# Puts a number before each case that tests/fault/cases.awk has made, and a tab: a hash of the
# case and of `seed`. Sorted by it, cases come in an order that is the seed's, however many others
# there are.

BEGIN {
	for (i = 32; i < 127; i++)
		code[sprintf("%c", i)] = i
}

# All products stay below 2^53, which awk counts to exactly.
function hash(text, sum, i)
{
	sum = 5381
	for (i = 1; i <= length(text); i++)
		sum = (sum * 1103515 + code[substr(text, i, 1)] * 40503 + 12345) % 2147483647
	return sum
}

{ printf "%010d\t%s\n", hash(seed " " $1 " " $2 " " $3 " " $4 " " $5 " " $7 " " seed), $0 }
