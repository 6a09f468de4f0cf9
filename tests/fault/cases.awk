# SPDX-License-Identifier: ISC
#
# Makes the cases of tests/fault/inject.bash, one a line: engine, scene, process, call, error,
# which call of that name, and the name of that place: the same number, or "last" or "more", which
# stay what they are when a call is made more often. Reads tests/fault/errors, and then how often each call is made:
# files of lines "engine scene process call count". With call, error or when set, only those; with
# first, no call after that one.
#
# A call that tests/fault/errors does not know is named, and the exit code then is 1; the cases
# are all others.

FNR == NR && /^(#|$)/ { next }

FNR == NR {
	star = sub(/\*$/, "", $1)
	repeats[$1] = star
	errors[$1] = $0
	if ($2 == "-")
		infallible[$1] = 1
	next
}

{
	if (!($4 in errors)) {
		if (!($4 in unknown))
			print "tests/fault/errors does not know " $4 "(2)" >"/dev/stderr"
		unknown[$4] = is_unknown = 1
		next
	}
	key = $1 " " $2 " " $3 " " $4
	if (!(key in count))
		order[++keys] = key
	if ($5 > count[key])
		count[key] = $5
}

# Is an error one that this engine or this process is told?
function concerns(error, engine, process, at)
{
	at = index(error, "@")
	return at == 0 || substr(error, at + 1) == engine || substr(error, at + 1) == process
}

function place_of(name, number)
{
	if (number > most)
		return "more"
	return repeats[name] && number > 3 ? "last" : number
}

function print_case(where, error, number, place)
{
	if ((when == "" || when == number) && (first == "" || number <= first))
		print where, error, (number > most && when == "" ? number "+" : number), place
}

END {
	for (i = 1; i <= keys; i++) {
		split(order[i], field, " ")
		name = field[4]
		if (name in infallible || (call != "" && call != name))
			continue
		total = split(errors[name], list, " ")
		most = count[order[i]]
		for (j = 2; j <= total; j++) {
			if (!concerns(list[j], field[1], field[3]))
				continue
			plain = list[j]
			sub(/@.*/, "", plain)
			if (error != "" && error != plain)
				continue
			for (n = 1; n <= most; n++)
				if (!repeats[name] || n <= 3 || n == most)
					print_case(order[i], plain, n, place_of(name, n))
			# One more, or however many there are when it has failed.
			if (j == 2 && !repeats[name])
				print_case(order[i], plain, n, place_of(name, n))
		}
	}
	exit is_unknown
}
