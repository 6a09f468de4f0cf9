#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# echo-client: exact in both directions, and clear about what went wrong.

load common

# lies HOW: a server that gets it wrong; its port is in $port.
lies() {
	"$tools/liar" "$1" >port.out 3>&- &
	liar=$!
	eventually 10 test -s port.out
	port=$(cat port.out)
}

@test "client: 1 GiB through a pipe in both directions at once comes back exactly" {
	need_plain_build
	start_server -w 1
	# The same stream twice, so that nothing of that size has to lie on a disk.
	stream() {
		awk 'BEGIN { for (i = 0; i < 16777216; i++) printf "%063d\n", i }'
	}
	stream | "$BUILD/echo-client" 127.0.0.1 "$port" | cmp - <(stream)
}

@test "client: an output that is not read does not stop the sending" {
	start_server -w 1
	mkfifo back
	head -c 1M /dev/urandom >sent
	"$BUILD/echo-client" 127.0.0.1 "$port" <sent >back 3>&- &
	client=$!
	exec 8<back
	cmp sent /dev/fd/8
	wait "$client"
}

@test "client: without input it ends with exit code 0" {
	start_server -w 1
	run -0 "$BUILD/echo-client" 127.0.0.1 "$port" </dev/null
	[ -z "$output" ]
}

@test "client: bytes that are missing are counted, exit code 76" {
	lies missing
	run -76 "$BUILD/echo-client" 127.0.0.1 "$port" <<<'0123456789'
	[[ $output == *'1 bytes are missing: sent 11, 10 came back'* ]]
}

@test "client: more bytes than were sent are told, exit code 76" {
	lies extra
	run -76 "$BUILD/echo-client" 127.0.0.1 "$port" <<<'0123456789'
	[[ $output == *'more came back than was sent: sent 11 bytes, 12 came back'* ]]
}

# is_told_at_once WORDS: the client says so and ends, although its input is still open.
is_told_at_once() {
	mkfifo input
	"$BUILD/echo-client" 127.0.0.1 "$port" <input >out 2>err 3>&- &
	client=$!
	exec 7>input
	echo hello >&7
	status=0
	wait "$client" || status=$?
	exec 7>&-
	[ "$status" -eq 76 ]
	grep -q "$1" err
}

@test "client: a server that closes early is told at once, exit code 76" {
	lies early
	is_told_at_once 'the server closed the connection early: sent 6 bytes, 6 came back'
}

@test "client: a connection that is reset is told, exit code 76" {
	lies reset
	is_told_at_once 'connection lost: Connection reset by peer'
}

@test "client: a host that is unknown ends with exit code 68" {
	run -68 "$BUILD/echo-client" no-such-host.invalid 7 </dev/null
	[[ $output == *'no-such-host.invalid port 7: '* ]]
}

@test "client: a port where nobody listens ends with exit code 69" {
	start_server -w 1
	kill -TERM "$master"
	wait_for_server
	run -69 "$BUILD/echo-client" 127.0.0.1 "$port" </dev/null
	[[ $output == *"127.0.0.1 port $port: Connection refused"* ]]
}

@test "client: every address of a name is tried" {
	start_server -w 1 -l 127.0.0.1
	# localhost is ::1 as well, where nobody listens.
	run -0 "$BUILD/echo-client" localhost "$port" <<<hello
	[ "$output" = hello ]
}

@test "client: an output that is closed ends with exit code 74" {
	start_server -w 1
	mkfifo back
	(
		status=0
		yes | "$BUILD/echo-client" 127.0.0.1 "$port" >back 2>err || status=$?
		echo "$status" >status
	) 3>&- &
	head -n 1 <back
	eventually 10 test -s status
	[ "$(cat status)" -eq 74 ]
	grep -q 'standard output: Broken pipe' err
}

@test "client: wrong usage ends with exit code 64 and says what is needed" {
	run -64 "$BUILD/echo-client"
	[[ $output == *'a host is needed'* ]]
	run -64 "$BUILD/echo-client" a b c
	[[ $output == *"unexpected argument 'c'"* ]]
	run -64 "$BUILD/echo-client" --no-such-option
	for port in 0 65536 100513 '' no-such-service; do
		run -64 "$BUILD/echo-client" 127.0.0.1 "$port"
		[[ $output == *"port '$port' is not allowed; allowed: a number from 1 to 65535"* ]]
	done
	run -0 "$BUILD/echo-client" --help
	run -0 "$BUILD/echo-client" --version
}

# garbles HOW [PLACE]: a server that spoils the stream; its port is in $port.
garbles() {
	"$tools/garbler" "$@" >port.out 3>&- &
	eventually 10 test -s port.out
	port=$(cat port.out)
}

@test "client: --source is the address that the server sees" {
	start_server -w 1 --log-level debug
	for options in '' '--ping -c 1'; do
		# shellcheck disable=SC2086 # two options are two words
		"$BUILD/echo-client" $options --source 127.0.0.3 127.0.0.1 "$port" <<<hello
	done
	seen_twice() {
		[ "$(times_said ' 127\.0\.0\.3:[0-9]+: ')" -eq 2 ]
	}
	eventually 10 seen_twice
}

@test "client: a source that is no address is wrong usage, one of others cannot be had" {
	run -64 "$BUILD/echo-client" --source localhost 127.0.0.1 7 </dev/null
	[[ $output == *"--source 'localhost' is not allowed; allowed: a numeric address"* ]]
	run -64 "$BUILD/echo-client" -6 --source 127.0.0.1 ::1 7 </dev/null
	[[ $output == *'a numeric address of the family asked for'* ]]
	run -69 "$BUILD/echo-client" --source 192.0.2.1 127.0.0.1 7 </dev/null
	[[ $output == *'from 192.0.2.1: Cannot assign requested address'* ]]
}

@test "client: -4 and -6 choose the family" {
	start_server -w 1 -l 127.0.0.1
	run -0 "$BUILD/echo-client" -4 localhost "$port" <<<hello
	[ "$output" = hello ]
	# 127.0.0.1 is no IPv6 address.
	run -68 "$BUILD/echo-client" -6 127.0.0.1 "$port" <<<hello
	run -68 "$BUILD/echo-client" -4 ::1 "$port" <<<hello
}

@test "client: -6 connects by IPv6" {
	[ -e /proc/net/if_inet6 ] && grep -q '^0\{31\}1 ' /proc/net/if_inet6 || skip "no ::1 here"
	start_server -w 1 -l '*'
	run -0 "$BUILD/echo-client" -6 --ping -c 1 ::1 "$port"
	[[ $output == *"64 bytes from [::1]:$port: seq=1 "* ]]
}

@test "client: --timeout is how long a server that does not answer is waited for" {
	garbles deaf
	for options in '' '--ping'; do
		begun=$(now_ms)
		# shellcheck disable=SC2086 # none or one
		run -69 "$BUILD/echo-client" $options --timeout 0.3 127.0.0.1 "$port" </dev/null
		[[ $output == *"127.0.0.1 port $port: Connection timed out"* ]]
		took=$(($(now_ms) - begun))
		[ "$took" -ge 300 ]
		[ "$took" -lt 5000 ] # the kernel's own limit is two minutes
	done
}

# on_terminal OPTION...: the client in a pseudo-terminal; what is written to descriptor 7 is
# typed, what the screen shows is in the file screen, $client is who runs it.
on_terminal() {
	mkfifo keys
	script -qec "$BUILD/echo-client $* 127.0.0.1 $port" /dev/null <keys >screen 2>&1 3>&- &
	client=$!
	exec 7>keys
}

# Sets $status to the client's exit code, once it has one; the terminal is still open.
wait_for_terminal() {
	eventually 10 gone "$client"
	status=0
	wait "$client" || status=$?
	exec 7>&-
}

# The terminal shows what is typed, and then it comes back.
hello_came_back() {
	[ "$(grep -c '^hello' screen)" -eq 2 ]
}

@test "client: on a terminal it says where it is connected, and Ctrl-D ends it" {
	start_server -w 1
	on_terminal
	eventually 10 grep -qE \
		"^connected to 127\.0\.0\.1:$port from 127\.0\.0\.1:[0-9]+; Ctrl-D ends" screen
	echo hello >&7
	eventually 10 hello_came_back
	printf '\004' >&7
	wait_for_terminal
	[ "$status" -eq 0 ]
}

@test "client: on a terminal a server that closes is told at once, not at the next line" {
	garbles close 6
	on_terminal
	eventually 10 grep -q '^connected to ' screen
	echo hello >&7
	wait_for_terminal # nothing more is typed
	[ "$status" -eq 76 ]
	grep -q 'the server closed the connection early: sent 6 bytes, 6 came back' screen
}

@test "client: on a terminal Ctrl-C ends a ping with its summary" {
	start_server -w 1
	on_terminal --ping -i 0.01
	eventually 10 grep -qE "^connected to 127\.0\.0\.1:$port from .*; Ctrl-C ends" screen
	eventually 10 grep -q 'seq=3 ' screen
	printf '\003' >&7
	wait_for_terminal
	[ "$status" -eq 0 ]
	grep -q ' received, 0% lost' screen
}

@test "client: not on a terminal it says nothing of the connection" {
	start_server -w 1
	run -0 --separate-stderr "$BUILD/echo-client" 127.0.0.1 "$port" <<<hello
	[ "$output" = hello ]
	# shellcheck disable=SC2154 # bats sets it
	[ -z "$stderr" ]
}

@test "client: the help and the manual page know the same options" {
	"$BUILD/echo-client" --help | grep -oE -- '--[a-z]+' | sort -u >help
	grep -oE 'Fl -[a-z]+' "$top/client/echo-client.1" | sed 's/Fl -/--/' | sort -u >page
	diff help page
	for letter in 4 6 c i s V h; do
		grep -q "^\.It Fl $letter" "$top/client/echo-client.1"
	done
}
