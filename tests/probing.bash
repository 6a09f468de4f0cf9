# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Trying out a server from outside, for the tests in tests/e2e and tests/fault alike: sessions
# with it, on $port, and how much memory a process of it has.

# open_session NAME: connects, the descriptor is in the variable NAME.
open_session() {
	local opened

	exec {opened}<>"/dev/tcp/127.0.0.1/$port" || return
	printf -v "$1" '%s' "$opened"
}

close_session() {
	local closing=$1

	exec {closing}>&-
}

# echoes FD TEXT: sends a line and reads it back.
echoes() {
	local answer=

	{ printf '%s\n' "$2" >&"$1" && read -r -t 10 -u "$1" answer; } 2>/dev/null
	[ "$answer" = "$2" ]
}

# ends_in_order FD: the server closes the connection, and does not reset it; what came before the
# end is in rest.txt.
ends_in_order() {
	timeout 10 cat <&"$1" >rest.txt 2>error.txt && [ ! -s error.txt ]
}

# memory_of PID: what it has of its own and has written to, in KiB; nothing when it is gone.
memory_of() {
	sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null
}
