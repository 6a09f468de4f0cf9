#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What clients are held to: time, bytes, and who may come, how many and how fast.

load common

# ms_since MS: how long that moment is ago.
ms_since() {
	echo $(($(now_ms) - $1))
}

# connects_from ADDRESS: whether a client from there is served.
connects_from() {
	[ "$(echo works | timeout 10 "$BUILD/echo-client" --source "$1" 127.0.0.1 "$port" 2>&1)" = works ]
}

# A connection is let in, told that nothing comes, and not reset.
is_turned_away() {
	local fd

	open_session fd
	ends_in_order "$fd"
	close_session "$fd"
	[ ! -s rest.txt ]
}

# totals TEXT: the status report has it in the line of all workers together.
totals() {
	kill -USR1 "$master"
	eventually 5 server_said "all workers.*: $1"
}

# ---- sessions ----

@test "limits: a silent client is ended in order after idle-timeout, and not before" {
	start_server -w 1 --idle-timeout 2s
	open_session fd
	for _ in 1 2 3; do
		sleep 1 # silence that is no longer than it may be
		echoes "$fd" hello
	done
	began=$(now_ms)
	ends_in_order "$fd"
	[ "$(ms_since "$began")" -ge 1900 ]
	[ "$(ms_since "$began")" -le 8000 ]
	[ ! -s rest.txt ]
	eventually 5 server_said '127\.0\.0\.1:[0-9]+: cut off: silent for too long$'
	answers
	totals '2 connections, 2 completed, 0 refused, 0 turned away, 1 cut off,'
}

# As many were cut off as the load has seen closed, or more: some it had no time to see.
as_many_cut_off() {
	kill -USR1 "$master"
	[ "$(sed -n 's/.*all workers.* \([0-9]*\) cut off,.*/\1/p' server.log | tail -n 1)" -ge "$1" ]
}

@test "limits: a thousand silent clients are all ended without a reset" {
	need_plain_build
	start_server -w 250 --idle-timeout 1s
	run -0 "$BUILD/echo-load" -c 1 -d 8 --idle 1000 127.0.0.1 "$port"
	echo "$output"
	[[ $output != *reset* ]]
	# Who is closed comes again.
	closed=$(sed -n 's/^idle *\([0-9]*\) of 1000 closed by the server$/\1/p' <<<"$output")
	[ "$closed" -ge 1000 ]
	eventually 10 as_many_cut_off "$closed"
}

@test "limits: workers that nobody comes to go on waiting when idle-timeout is over" {
	need_plain_build
	need_blocking_engine
	start_server -w 1 --idle-timeout 1s
	strace -f -o strace.out -e trace=accept4 -p "$(workers)" 2>attached 3>&- &
	eventually 10 grep -q attached attached
	waited() { [ "$(grep -c EAGAIN strace.out)" -ge 2 ]; }
	eventually 10 waited
	answers
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "limits: a client that does not read is cut off after write-timeout" {
	start_server -w 1 --write-timeout 1s
	open_session fd
	head -c 64M /dev/zero >&"$fd" 2>/dev/null 3>&- &
	writer=$!
	eventually 20 server_said 'cut off: did not read for too long$'
	answers
	kill "$writer" 2>/dev/null || true # unless it has been told by a reset
	close_session "$fd"
}

@test "limits: a client that reads now and then is not cut off" {
	start_server -w 1 --write-timeout 5s --idle-timeout 0
	open_session fd
	head -c 20M /dev/zero >&"$fd" 2>/dev/null 3>&- &
	for _ in 1 2 3 4 5 6 7; do
		sleep 1 # not reading, but not for too long
		head -c 2M <&"$fd" | wc -c >>read.txt
	done
	head -c 6M <&"$fd" | wc -c >>read.txt
	[ "$(awk '{ sum += $1 } END { print sum }' read.txt)" -eq 20971520 ]
	close_session "$fd"
	[ "$(times_said 'cut off')" -eq 0 ]
}

# read_slowly N: a client that has 16 MiB echoed, some 100 KiB of it a second for 12 seconds and
# then the rest. What it got is in read.N.
read_slowly() {
	local fd began had

	open_session fd
	head -c 16M /dev/zero >&"$fd" 2>/dev/null 3>&- &
	began=$(now_ms)
	: >"read.$1"
	while [ "$(ms_since "$began")" -lt 12000 ]; do
		head -c 32768 <&"$fd" >>"read.$1"
		sleep 0.3
	done
	had=$(wc -c <"read.$1")
	head -c $((16777216 - had)) <&"$fd" >>"read.$1"
}

# The kernel confirms what a slow reader takes, about 128 KiB at a time, long before there is room
# for more, which is when a third of some 4 MiB is taken. A blocking send(2) whose time is up says
# so only when it has not sent a part: with small ones and many clients that happens to some.
@test "limits: clients that read slowly all the while are not cut off" {
	start_server -w 8 --buffer 1k --write-timeout 5s --idle-timeout 0
	readers=()
	for i in 1 2 3 4 5 6 7 8; do
		read_slowly "$i" 3>&- &
		readers+=($!)
	done
	wait "${readers[@]}"
	for i in 1 2 3 4 5 6 7 8; do
		[ "$(wc -c <"read.$i")" -eq 16777216 ]
	done
	[ "$(times_said 'cut off')" -eq 0 ]
}

@test "limits: a client that took something once and then nothing is cut off" {
	start_server -w 1 --write-timeout 1s --idle-timeout 0
	open_session fd
	head -c 64M /dev/zero >&"$fd" 2>/dev/null 3>&- &
	head -c 8M <&"$fd" >read.bin
	stopped=$(now_ms)
	eventually 20 server_said 'cut off: did not read for too long$'
	# Looked at each second: at the second look it had taken nothing since the first.
	[ "$(ms_since "$stopped")" -ge 900 ]
	[ "$(ms_since "$stopped")" -le 8000 ]
	close_session "$fd"
}

@test "limits: first-byte-timeout is for clients that never spoke" {
	start_server -w 2 --first-byte-timeout 1s
	open_session talker
	echoes "$talker" hello
	open_session silent
	began=$(now_ms)
	ends_in_order "$silent"
	[ "$(ms_since "$began")" -ge 900 ]
	[ "$(ms_since "$began")" -le 9000 ]
	eventually 5 server_said 'cut off: silent for too long$'
	sleep 1.5 # silence that only a client may have that has spoken
	echoes "$talker" 'still there'
	close_session "$talker"
}

@test "limits: with first-byte-timeout a silent client takes no worker" {
	start_server -w 1 --first-byte-timeout 30s
	open_session one
	open_session two
	answers
	echoes "$two" hello
	close_session "$one"
	close_session "$two"
}

# One whose connection the kernel still keeps is not told that the listener is closed.
is_reset_when_it_speaks() {
	eventually 10 are_clients 01 1
	echo 'anybody there?' >&"$1"
	timeout 10 cat <&"$1" >rest.txt 2>error.txt || true
	close_session "$1"
	[ ! -s rest.txt ]
	grep -q 'reset by peer' error.txt
}

@test "limits: with first-byte-timeout a client that is silent at a stop is reset when it speaks" {
	need_blocking_engine
	start_server -w 1 --first-byte-timeout 30s
	open_session silent
	kill -TERM "$master"
	wait_for_server 5 # and nobody waits for it
	[ "$status" -eq 0 ]
	is_reset_when_it_speaks "$silent"
}

@test "limits: with first-byte-timeout a client that is silent at a move is reset when it speaks" {
	need_blocking_engine
	printf 'first-byte-timeout 30s\nport 0\n' >server.conf
	launch "$BUILD/echo-master" -w 1 --max-workers 1 --log-stderr -f server.conf
	open_session serving
	echoes "$serving" hello
	open_session waiting
	echo 'in the queue' >&"$waiting"
	eventually 10 in_queue 1
	open_session silent
	echo 'listen 127.0.0.1' >>server.conf
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: '
	close_session "$serving"
	read -r -t 10 -u "$waiting" answer
	[ "$answer" = 'in the queue' ]
	close_session "$waiting"
	eventually 10 server_said "the listener on .*:$port is closed"
	eventually 10 are_clients 01 1
	is_reset_when_it_speaks "$silent"
}

@test "limits: who waited while first-byte-timeout was taken away has idle-timeout" {
	echo 'first-byte-timeout 1s' >server.conf
	launch "$BUILD/echo-master" -w 1 --max-workers 1 -p 0 --log-stderr -f server.conf
	open_session serving
	echoes "$serving" hello
	open_session waiting
	echo hello >&"$waiting"
	: >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: first-byte-timeout 1s -> 0$'
	read -r -t 10 -u "$waiting" answer
	[ "$answer" = hello ]
	sleep 1.5 # silence that was too long for a first byte
	echoes "$waiting" 'still there'
	close_session "$waiting"
	close_session "$serving"
}

@test "limits: session-bytes is how much comes back, to the byte" {
	start_server -w 1 --session-bytes 10
	open_session fd
	printf '012345678' >&"$fd"
	read -r -t 10 -N 9 -u "$fd" answer
	[ "$answer" = 012345678 ]
	printf '9 and far more' >&"$fd"
	ends_in_order "$fd"
	[ "$(cat rest.txt)" = 9 ]
	close_session "$fd"
	eventually 5 server_said 'cut off: had its bytes$'
	[ "$(printf 123456789 | "$BUILD/echo-client" 127.0.0.1 "$port")" = 123456789 ]
	[ "$(printf 0123456789 | "$BUILD/echo-client" 127.0.0.1 "$port")" = 0123456789 ]
	totals '3 connections, 3 completed, 0 refused, 0 turned away, 2 cut off,'
}

@test "limits: a client that sends past its limit and reads late gets all that it may have" {
	start_server -w 1 --session-bytes 1000000
	open_session fd
	head -c 1500000 /dev/zero >&"$fd"
	sleep 1 # as long as the server waits for it to close
	while head -c 50000 <&"$fd" >piece.bin 2>>error.txt && [ -s piece.bin ]; do
		cat piece.bin >>read.bin
		sleep 0.05
	done
	[ "$(wc -c <read.bin)" -eq 1000000 ]
	[ ! -s error.txt ]
	close_session "$fd"
}

@test "limits: session-time ends a session in order, however busy it is" {
	start_server -w 1 --session-time 2s
	open_session fd
	began=$(now_ms)
	count=0
	while echoes "$fd" "line $count" 2>/dev/null; do
		count=$((count + 1))
	done
	[ "$count" -ge 10 ]
	[ "$(ms_since "$began")" -ge 1900 ]
	[ "$(ms_since "$began")" -le 8000 ]
	close_session "$fd"
	eventually 5 server_said 'cut off: had its time$'
	open_session fd
	began=$(now_ms)
	ends_in_order "$fd"
	[ "$(ms_since "$began")" -ge 1900 ]
	answers
	totals '3 connections, 3 completed, 0 refused, 0 turned away, 2 cut off,'
}

@test "limits: session-time holds for a user who may have no more signals in a queue" {
	launch bash -c 'ulimit -i 0 && exec "$@"' - "$BUILD/echo-master" -p 0 --log-stderr -w 4 \
		--max-workers 4 --session-time 1s
	server_said 'would not be missed' # it is so
	for i in 1 2 3 4; do
		open_session "fd$i"
	done
	for fd in "$fd1" "$fd2" "$fd3" "$fd4"; do
		ends_in_order "$fd"
	done
	eventually 5 as_many_cut_off 4
}

@test "limits: session-time ends a session whose client does not read" {
	start_server -w 1 --session-time 1s --write-timeout 0 --idle-timeout 0
	open_session fd
	head -c 64M /dev/zero >&"$fd" 2>/dev/null 3>&- &
	writer=$!
	eventually 20 server_said 'cut off: had its time$'
	answers
	kill "$writer" 2>/dev/null || true # likewise
	close_session "$fd"
}

@test "limits: end now reaches sessions that have limits" {
	start_server -w 4 --first-byte-timeout 1m --session-time 1h --session-bytes 1m
	open_session fd
	echoes "$fd" hello
	kill -QUIT "$master"
	ends_in_order "$fd"
	wait_for_server 5
	[ "$status" -eq 0 ]
	[ "$(times_said 'cut off')" -eq 0 ]
}

@test "limits: a reload gives new timeouts to new connections, and leaves the old ones theirs" {
	echo 'idle-timeout 10m' >server.conf
	launch "$BUILD/echo-master" -w 2 -p 0 --log-stderr -f server.conf
	open_session old
	echoes "$old" hello
	echo 'idle-timeout 1s' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: idle-timeout 10m -> 1s$'
	open_session new
	echoes "$new" hello
	ends_in_order "$new"
	echoes "$old" 'still there'
	close_session "$new"
	close_session "$old"
}

# In a network of its own, with the client in another one.
start_with_a_link() {
	need_root
	command -v ip >/dev/null || skip "no ip(8) here"
	unshare -n sleep 600 3>&- &
	far=$!
	# shellcheck disable=SC2016 # for the shell in there
	launch unshare -n sh -c 'ip link set lo up && ip link add near type veth peer name far &&
		ip link set far netns "$1" && ip addr add 192.0.2.1/24 dev near && ip link set near up &&
		shift && exec "$@"' - "$far" "$BUILD/echo-master" -p 0 --log-stderr "$@" ||
		skip "no virtual links here: $(cat server.log)"
	nsenter -t "$far" -n ip addr add 192.0.2.2/24 dev far
	nsenter -t "$far" -n ip link set far up
	client_says() { [ "$(cat client.out)" = hello ]; }
}

cut_the_link() {
	nsenter -t "$master" -n ip link set near down
}

@test "limits: a peer that is gone without a word frees its worker" {
	start_with_a_link -w 1 --max-workers 1 --idle-timeout 1s
	mkfifo keys
	nsenter -t "$far" -n "$BUILD/echo-client" 192.0.2.1 "$port" <keys >client.out 3>&- &
	exec 8>keys
	echo hello >&8
	eventually 10 client_says
	cut_the_link
	eventually 10 server_said '192\.0\.2\.2:[0-9]+: cut off: silent'
	eventually 10 all_idle 1
}

@test "limits: a peer that is gone in mid-stream frees its worker" {
	start_with_a_link -w 1 --max-workers 1 --idle-timeout 0 --write-timeout 1s
	# shellcheck disable=SC2016 # likewise
	nsenter -t "$far" -n bash -c 'exec 4<>/dev/tcp/192.0.2.1/$0; exec cat /dev/zero >&4' "$port" \
		3>&- &
	serving() { [ "$(pgrep -P "$master" -f 'serving' | wc -l)" -eq 1 ]; }
	eventually 10 serving
	cut_the_link
	eventually 20 server_said '192\.0\.2\.2:[0-9]+: cut off: did not read'
	eventually 10 all_idle 1
}

# ---- who may come ----

@test "limits: who is denied is let go in order, counted and told" {
	start_server -w 1 --deny 127.0.0.2
	run ! connects_from 127.0.0.2
	connects_from 127.0.0.1
	eventually 5 server_said '127\.0\.0\.2:[0-9]+: turned away: denied$'
	totals '2 connections, 1 completed, 0 refused, 1 turned away, 0 cut off,'
}

@test "limits: the first rule that fits decides, and an allow leaves out all others" {
	start_server -w 1 --deny 127.0.0.3 --allow 127.0.0.0/30 --deny 127.0.0.2
	connects_from 127.0.0.1
	connects_from 127.0.0.2
	run ! connects_from 127.0.0.3
	run ! connects_from 127.0.0.4
}

@test "limits: an IPv4 client of a socket for all is IPv4" {
	start_server -w 1 -l '*' --deny 127.0.0.2 --deny ::1
	run ! connects_from 127.0.0.2
	connects_from 127.0.0.1
	grep -q '^0\{31\}1 ' /proc/net/if_inet6 || skip "no ::1 here"
	run ! bash -c "echo works | '$BUILD/echo-client' ::1 '$port' | grep works"
	eventually 5 server_said '\[::1\]:[0-9]+: turned away: denied$'
}

@test "limits: clients that are turned away hold no worker, and are not reset" {
	start_server -w 1 --deny 127.0.0.1 "${visible[@]}"
	fds=()
	for _ in $(seq 20); do
		open_session fd
		echo 'let me in' >&"$fd" || true
		fds+=("$fd")
	done
	began=$(now_ms)
	connects_from 127.0.0.2
	[ "$(ms_since "$began")" -le 5000 ]
	for fd in "${fds[@]}"; do
		ends_in_order "$fd"
		[ ! -s rest.txt ]
		close_session "$fd"
	done
	# Nothing is left of them; the listener is the one socket.
	sockets() { [ "$(find "/proc/$(workers)/fd" -lname 'socket:*' | wc -l)" -le "$1" ]; }
	eventually 5 sockets 2
}

@test "limits: a denied source that floods stops nobody, and no worker is forked for it" {
	start_server -w 2 --deny 127.0.0.1
	for _ in $(seq 300); do
		open_session fd # and hold it: more than there are places, in either engine
	done
	for _ in 1 2 3; do
		began=$(now_ms)
		connects_from 127.0.0.2
		[ "$(ms_since "$began")" -le 900 ] # less than it is waited for who does not close
	done
	has_workers 2
	[ "$(times_said 'busy')" -eq 0 ]
}

@test "limits: who is turned away and never closes is let go after a second" {
	start_server -w 1 --deny 127.0.0.1 "${visible[@]}"
	before=$(descriptors "$(workers)")
	open_session fd
	held() { [ "$(descriptors "$(workers)")" -eq "$1" ]; }
	eventually 5 held "$before"
	close_session "$fd"
}

@test "limits: lines about clients that are turned away are limited, and say what was left out" {
	start_server -w 1 --deny 127.0.0.1
	for _ in $(seq 40); do
		is_turned_away
	done
	[ "$(times_said 'turned away: denied')" -ge 5 ]
	[ "$(times_said 'turned away: denied')" -le 10 ]
	totals '40 connections, 0 completed, 0 refused, 40 turned away,'
}

@test "limits: so are those of many workers together" {
	start_server -w 64 --deny 127.0.0.1
	for _ in $(seq 200); do
		is_turned_away
	done
	[ "$(times_said 'turned away: denied')" -ge 5 ]
	[ "$(times_said 'turned away: denied')" -le 15 ]
	totals '200 connections, 0 completed, 0 refused, 200 turned away,'
}

@test "limits: and those of workers that replace one another" {
	start_server -w 4 --max-served 1 --session-bytes 1 --deny 127.0.0.1
	for _ in $(seq 60); do
		is_turned_away
		[ "$(printf 12 | "$BUILD/echo-client" --source 127.0.0.2 127.0.0.1 "$port")" = 1 ] || true
	done
	[ "$(times_said 'turned away: denied')" -ge 5 ]
	[ "$(times_said 'turned away: denied')" -le 15 ]
	[ "$(times_said 'cut off: had its bytes')" -ge 5 ]
	[ "$(times_said 'cut off: had its bytes')" -le 15 ]
	totals '120 connections, 60 completed, 0 refused, 60 turned away, 60 cut off,'
}

@test "limits: per-source is how many connections one client has, and no other's business" {
	start_server -w 8 --per-source 3
	open_session one
	open_session two
	open_session three
	echoes "$one" hello
	echoes "$two" hello
	echoes "$three" hello
	is_turned_away
	eventually 5 server_said 'turned away: its source has as many connections as it may$'
	connects_from 127.0.0.2
	close_session "$two"
	eventually 5 answers
	echoes "$one" 'still there'
	close_session "$one"
	close_session "$three"
}

@test "limits: a killed worker's connections are not counted any more" {
	start_server -w 4 --per-source 2
	for _ in 1 2 3 4 5; do
		open_session one
		open_session two
		echoes "$one" hello
		echoes "$two" hello
		is_turned_away
		# shellcheck disable=SC2046 # a list of pids
		kill -KILL $(workers)
		close_session "$one"
		close_session "$two"
		eventually 20 all_idle 4
	done
	open_session one
	echoes "$one" hello
	answers
	close_session "$one"
}

@test "limits: per-source counts over a reload" {
	start_server -w 2 --per-source 1
	open_session one
	echoes "$one" hello
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: generation 2'
	is_turned_away
	close_session "$one"
	eventually 5 answers
}

@test "limits: rate lets a burst in and then so many a second, of one source only" {
	start_server -w 2 --rate 2 --rate-burst 5
	began=$(now_ms)
	served=0
	for _ in $(seq 40); do
		if connects_from 127.0.0.1; then
			served=$((served + 1))
		fi
	done
	took=$(ms_since "$began")
	echo "$served of 40 in $took ms"
	[ "$served" -ge 5 ]
	[ "$served" -le $((5 + 2 * took / 1000 + 1)) ]
	eventually 5 server_said 'turned away: its source connects faster than it may$'
	connects_from 127.0.0.2
	eventually 5 connects_from 127.0.0.1
}

@test "limits: all limits of sources can be changed by a reload" {
	echo 'deny 127.0.0.1' >server.conf
	launch "$BUILD/echo-master" -w 2 -p 0 --log-stderr -f server.conf
	is_turned_away
	echo 'per-source 1' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: per-source 0 -> 1, allow/deny deny 127\.0\.0\.1 -> none$'
	eventually 10 answers
	open_session one
	echoes "$one" hello
	is_turned_away
	close_session "$one"
}
