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
