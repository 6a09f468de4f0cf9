#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Every byte comes back, in order, whatever the client does.

load common

# all_queues_are_full: at both ends of the one connection there is something that is not confirmed
# and something that is not read.
all_queues_are_full() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk -v port="$(printf ':%04X$' "$port")" \
			'$4 == "01" && ($2 ~ port || $3 ~ port) && $5 !~ /^0+:|:0+$/ { full++ }
			END { exit full != 2 }'
}

@test "echo: a line comes back as it was" {
	start_server -w 2
	run -0 "$BUILD/echo-client" 127.0.0.1 "$port" <<<'hello, world'
	[ "$output" = 'hello, world' ]
}

@test "echo: clients reach it over IPv4 and over IPv6" {
	[ -e /proc/net/if_inet6 ] || skip "no IPv6 here"
	start_server -w 2
	run -0 "$BUILD/echo-client" 127.0.0.1 "$port" <<<four
	[ "$output" = four ]
	run -0 "$BUILD/echo-client" ::1 "$port" <<<six
	[ "$output" = six ]
}

@test "echo: 64 MiB of random bytes come back exactly" {
	start_server -w 2
	head -c 64M /dev/urandom >sent
	"$BUILD/echo-client" 127.0.0.1 "$port" <sent >got
	cmp sent got
}

@test "echo: bytes sent one at a time come back one at a time" {
	start_server -w 1
	open_session fd
	for byte in e c h o; do
		printf '%s' "$byte" >&"$fd"
		read -r -t 10 -n 1 -u "$fd" answer
		[ "$answer" = "$byte" ]
	done
	close_session "$fd"
}

@test "echo: a client that half-closes gets every byte" {
	start_server -w 4
	run -0 "$BUILD/echo-load" -c 4 -n 400 -s 65536 --churn 1 --half-close 127.0.0.1 "$port"
	[[ $output == *'echoes       400 in '* ]]
}

@test "echo: a client that does not read is not read from, and costs no memory" {
	start_server -w 1 --max-workers 1
	head -c 100M /dev/zero >sent
	mkfifo back
	"$BUILD/echo-client" 127.0.0.1 "$port" <sent >back 3>&- &
	client=$!
	exec 8<back
	worker=$(workers)
	# Both ends sleep, with something to read and something that is not taken.
	stuck() {
		[ "$(ps -o stat= -p "$worker,$client" | grep -c '^S')" -eq 2 ] && all_queues_are_full
	}
	eventually 60 stuck
	if [ -z "$SANITIZE" ]; then
		rss=$(awk '/VmRSS/ { print $2 }' "/proc/$worker/status")
		echo "resident: $rss kB"
		[ "$rss" -lt 4096 ]
	fi
	cmp sent /dev/fd/8
	wait "$client"
}

@test "echo: a session over telnet, as in the README" {
	start_server -w 2
	mkfifo keys
	telnet 127.0.0.1 "$port" <keys >screen 2>&1 3>&- &
	telnet=$!
	exec 7>keys
	eventually 10 grep -q 'Escape character' screen
	echo 'hello' >&7
	eventually 10 grep -q '^hello' screen
	echo 'is anybody there?' >&7
	eventually 10 grep -q '^is anybody there?' screen
	exec 7>&-
	wait "$telnet" || true
}

@test "echo: a client that resets its connection disturbs nobody" {
	start_server -w 2 --log-level debug
	open_session fd
	echoes "$fd" first
	# Close with an answer unread: the client's kernel sends a reset.
	printf 'never read\n' >&"$fd"
	eventually 10 server_said 'server received 11 bytes'
	close_session "$fd"
	eventually 10 server_said 'bytes in, .*(broken|closed by the client)'
	answers
	has_workers 2
}
