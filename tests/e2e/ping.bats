#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# echo-client --ping: every answer is timed and checked, and nothing that is wrong stays unsaid.

load common

# garbles HOW [PLACE]: a server that spoils the stream; its port is in $port.
garbles() {
	"$tools/garbler" "$@" >port.out 3>&- &
	eventually 10 test -s port.out
	port=$(cat port.out)
}

ping() {
	"$BUILD/echo-client" --ping "$@" 127.0.0.1 "$port"
}

# ping_in_background OPTION...: its output is in out and err, its pid in $client.
ping_in_background() {
	"$BUILD/echo-client" --ping "$@" 127.0.0.1 "$port" >out 2>err 3>&- &
	client=$!
}

# Sets $status to the exit code of the one in the background.
wait_for_client() {
	eventually 20 gone "$client"
	status=0
	wait "$client" || status=$?
}

@test "ping: a line for each answer, a summary, and exit code 0 when all came back" {
	start_server -w 1
	ping -c 3 -i 0.01 >out
	cat out
	time='[0-9]+\.[0-9]{3}'
	for seq in 1 2 3; do
		grep -qxE "64 bytes from 127.0.0.1:$port: seq=$seq time=$time ms" out
	done
	grep -qx -- "--- 127.0.0.1:$port echo statistics ---" out
	grep -qx '3 sent, 3 received, 0% lost' out
	grep -qxE "min/avg/max/mdev = $time/$time/$time/$time ms" out
	[ "$(wc -l <out)" -eq 7 ]
}

@test "ping: the statistics are those of the lines" {
	start_server -w 1
	ping -c 50 -i 0 -s 1000 >out
	awk -F '[= ]' '/seq=/ { t = $8; s += t; if (!n || t < least) least = t
			if (t > most) most = t; n++ }
		END { printf "%.3f %.3f %.3f\n", least, s / n, most }' out >expected
	sed -n 's:.*mdev = \(.*\)/\(.*\)/\(.*\)/.*:\1 \2 \3:p' out >said
	cat expected said
	paste -d ' ' expected said | awk '{ d = $2 - $5
		exit !($1 == $4 && $3 == $6 && d < 0.0011 && d > -0.0011) }'
}

@test "ping: -s is the size, up to 1 MiB, and a large one does not deadlock" {
	start_server -w 1 --log-level debug
	run -0 ping -c 3 -i 0 -s 1048576
	[[ $output == *"1048576 bytes from 127.0.0.1:$port: seq=3"* ]]
	[[ $output == *'3 sent, 3 received, 0% lost'* ]]
	eventually 10 server_said ' 3145728 bytes in, 3145728 out'
	run -0 ping -c 2 -i 0 -s 1
	[[ $output == *"1 bytes from 127.0.0.1:$port: seq=2"* ]]
}

@test "ping: large messages that are due before the last one is through do not deadlock" {
	start_server -w 1
	run -0 ping -c 20 -i 0.000001 -s 1048576
	[[ $output == *'20 sent, 20 received, 0% lost'* ]]
}

@test "ping: -i is the time from one to the next" {
	start_server -w 1
	begun=$(now_ms)
	ping -c 4 -i 0.2 >out
	took=$(($(now_ms) - begun))
	[ "$took" -ge 600 ]
	begun=$(now_ms)
	ping -c 2 >out # one second
	took=$(($(now_ms) - begun))
	[ "$took" -ge 1000 ]
}

@test "ping: a flipped byte is told with its place, and the others are right" {
	garbles flip $((64 + 17))
	run -1 ping -c 3 -i 0
	[[ $output == *"corrupt answer from 127.0.0.1:$port: seq=2 offset=17 is 0x"* ]]
	[[ $output == *'seq=1 time='*'seq=3 time='* ]]
	[[ $output == *'3 sent, 2 received, +1 corrupt, 33.3333% lost'* ]]
	[[ $output != *'came back'* ]]
}

@test "ping: the byte that came and the one that was right are inverse when it was flipped" {
	garbles flip 5
	run -1 ping -c 1
	[[ $output =~ offset=5\ is\ 0x(..),\ not\ 0x(..) ]]
	[ $((0x${BASH_REMATCH[1]} ^ 0x${BASH_REMATCH[2]})) -eq 255 ]
}

# A byte that is the same as its neighbour hides the place: it is that of the next one.
is_between() {
	[[ $output =~ seq=2\ offset=([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" -ge "$1" ] && [ "${BASH_REMATCH[1]}" -le $(($1 + 3)) ]
}

@test "ping: a missing byte is told with its place, and how many came back" {
	garbles drop $((64 + 17))
	run -1 ping -c 2 -i 0
	is_between 17
	[[ $output == *'2 sent, 1 received, +1 corrupt, 50% lost'* ]]
	[[ $output == *'128 bytes sent, 127 came back'* ]]
}

@test "ping: a doubled byte is told with its place, and how many came back" {
	garbles double $((64 + 17))
	run -1 ping -c 3 -i 0
	is_between 18
	[[ $output == *'192 bytes sent, 193 came back'* ]]
}

# spoils_one HOW: a byte in the middle of ten messages, with one or with several under way.
spoils_one() {
	local interval

	for interval in 0 0.000001; do
		rm -f port.out
		garbles "$1" $((4 * 64 + 17))
		run -1 ping -c 10 -i "$interval"
		[[ $output == *"corrupt answer from 127.0.0.1:$port: seq=5 offset="* ]]
		[[ $output == *'10 sent, 9 received, +1 corrupt, 10% lost'* ]]
		[[ $output == *'seq=6 time='*'seq=10 time='* ]]
	done
}

@test "ping: a byte that is flipped spoils one of ten messages" {
	spoils_one flip
}

@test "ping: a byte that is missing spoils one of ten messages" {
	spoils_one drop
}

@test "ping: a byte that is doubled spoils one of ten messages" {
	spoils_one double
}

@test "ping: the last byte of all doubled is one too many" {
	garbles double $((2 * 64 - 1))
	run -1 ping -c 2 -i 0
	[[ $output == *"1 bytes too many from 127.0.0.1:$port: after seq=2"* ]]
	[[ $output == *'2 sent, 2 received, 0% lost'* ]]
	[[ $output == *'128 bytes sent, 129 came back'* ]]
}

@test "ping: the last byte of all missing makes its message overdue" {
	garbles drop $((2 * 64 - 1))
	run -1 ping -c 2 -i 0 --timeout 0.2
	[[ $output == *"no answer from 127.0.0.1:$port: seq=2 after 200.000 ms, 63 of 64 bytes are back"* ]]
	[[ $output == *'2 sent, 1 received, 50% lost'* ]]
}

@test "ping: what comes after --timeout is lost, and still matched to its number" {
	garbles hold $((3 * 64)) # answers when the third has come, which is 0.4 s after the first
	run -1 ping -c 3 -i 0.2 --timeout 0.1
	[[ $output == *"no answer from 127.0.0.1:$port: seq=1 after 100.000 ms"* ]]
	[[ $output =~ seq=1\ time=([0-9]+)\.[0-9]+\ ms\ \(late,\ counted\ as\ lost\) ]]
	[ "${BASH_REMATCH[1]}" -ge 400 ]
	[[ $output == *'seq=2 time='*' (late, counted as lost)'* ]]
	[[ $output =~ 3\ sent,\ [01]\ received,\ \+[23]\ late ]]
}

@test "ping: Ctrl-C prints the summary, exit code 0 when all came back" {
	start_server -w 1
	ping_in_background -i 0.01
	eventually 10 grep -q 'seq=5 ' out
	kill -INT "$client"
	wait_for_client
	[ "$status" -eq 0 ]
	grep -qE '^([0-9]+) sent, \1 received, 0% lost$' out
	grep -q '^min/avg/max/mdev' out
	[ ! -s err ]
}

@test "ping: Ctrl-C while an answer is under way prints the summary, exit code 1" {
	garbles hold 10000
	ping_in_background --timeout 0.05 -i 0.02
	eventually 10 grep -q 'no answer .*seq=1 ' out
	kill -INT "$client"
	wait_for_client
	[ "$status" -eq 1 ]
	grep -qE '^[0-9]+ sent, 0 received, 100% lost$' out
	run -1 grep -q mdev out
}

@test "ping: a connection that the server closes is told at once, and what was under way is lost" {
	garbles close $((64 + 32))
	run -1 --separate-stderr ping -i 0
	[[ $stderr == *'the server closed the connection early'* ]]
	[[ $output == *'2 sent, 1 received, 50% lost'* ]]
	[[ $output == *'128 bytes sent, 96 came back'* ]]
}

@test "ping: a server that closes between two messages is told before the next is due" {
	garbles close 64
	run -1 --separate-stderr timeout 20 "$BUILD/echo-client" --ping -i 3600 127.0.0.1 "$port"
	[[ $stderr == *'the server closed the connection early'* ]]
	[[ $output == *'1 sent, 1 received, 0% lost'* ]]
}

@test "ping: a connection that is reset is told at once" {
	garbles reset $((64 + 32))
	run -1 --separate-stderr ping -i 0
	[[ $stderr == *'connection lost: Connection reset by peer'* ]]
	[[ $output == *'2 sent, '*'received, '*'lost'* ]]
}

@test "ping: exit code 69 when nobody listens, 68 when the host is unknown" {
	start_server -w 1
	kill -TERM "$master"
	wait_for_server
	run -69 ping -c 1
	[[ $output == *"127.0.0.1 port $port: Connection refused"* ]]
	run -68 "$BUILD/echo-client" --ping -c 1 no-such-host.invalid 7
}

@test "ping: wrong values end with exit code 64 and say what is allowed" {
	run -64 "$BUILD/echo-client" --ping -c 0 127.0.0.1
	[[ $output == *"-c '0' is not allowed; allowed: a number from 1 to "* ]]
	run -64 "$BUILD/echo-client" --ping -i -1 127.0.0.1
	[[ $output == *"-i '-1' is not allowed; allowed: 0 to 3600 seconds"* ]]
	run -64 "$BUILD/echo-client" --ping -s 1048577 127.0.0.1
	[[ $output == *"-s '1048577' is not allowed; allowed: a number from 1 to 1048576"* ]]
	run -64 "$BUILD/echo-client" -c 1 127.0.0.1
	[[ $output == *'-c is only for --ping'* ]]
}

@test "ping: an output that is closed ends with exit code 74" {
	start_server -w 1
	mkfifo back
	(
		status=0
		ping -i 0 >back 2>err || status=$?
		echo "$status" >status
	) 3>&- &
	head -n 1 <back
	eventually 10 test -s status
	[ "$(cat status)" -eq 74 ]
	grep -q 'standard output: Broken pipe' err
}

@test "ping: standard input is not read" {
	start_server -w 1
	echo kept >input
	{
		ping -c 2 -i 0 >out
		cat >rest
	} <input
	cmp input rest
}

# The servers that Debian has.
is_pinged() {
	eventually 10 ping -c 1
	run -0 ping -c 20 -i 0
	[[ $output == *'20 sent, 20 received, 0% lost'* ]]
}

is_pinged_with_large_messages() {
	run -0 ping -c 5 -i 0.001 -s 1000000
	[[ $output == *'5 sent, 5 received, 0% lost'* ]]
}

# A port that was free a moment ago.
free_port() {
	start_server -w 1
	kill -TERM "$master"
	wait_for_server
}

need() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

@test "ping: against socat" {
	need socat
	free_port
	socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" PIPE 3>&- &
	is_pinged
	is_pinged_with_large_messages
}

@test "ping: against ncat" {
	need ncat
	free_port
	ncat -l -k -e /bin/cat 127.0.0.1 "$port" 3>&- &
	is_pinged # ncat and its cat would wait for each other if more came at once
}

@test "ping: against tcpserver with cat" {
	need tcpserver
	free_port
	tcpserver -H -R -l 0 127.0.0.1 "$port" cat 3>&- &
	is_pinged
	is_pinged_with_large_messages
}

@test "ping: against xinetd's own echo" {
	need xinetd
	need_root
	free_port
	cat >xinetd.conf <<-END
		service echo
		{
			type = INTERNAL UNLISTED
			id = echo-stream
			socket_type = stream
			protocol = tcp
			user = root
			wait = no
			bind = 127.0.0.1
			port = $port
		}
	END
	xinetd -dontfork -f "$PWD/xinetd.conf" -pidfile "$PWD/xinetd.pid" 3>&- &
	is_pinged
	is_pinged_with_large_messages
}
