#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The event engine: many clients in one worker, and none of them notices the others.

load common

ENGINE= # each test says what it wants

# start_event N [option ...]: workers that serve N connections each.
start_event() {
	local connections=$1

	shift
	start_server --connections "$connections" "$@"
}

# open_sessions N: so many that are served; their descriptors are in sessions.
open_sessions() {
	local i

	sessions=()
	for ((i = 0; i < $1; i++)); do
		open_session fd
		sessions+=("$fd")
		echoes "$fd" "client $i"
	done
}

# sessions_of PID: how many sessions its title shows.
sessions_of() {
	local title

	title=$(title_of "$1")
	case $title in
	*'(serving '*) title=${title##*serving } && echo "${title%% *}" ;;
	*) echo 0 ;;
	esac
}

# All workers together show N sessions.
sessions_are() {
	local pid sum=0

	for pid in $(workers); do
		sum=$((sum + $(sessions_of "$pid")))
	done
	[ "$sum" -eq "$1" ]
}

# hold N: clients that connect and say nothing, for as long as the test goes on.
hold() {
	"$BUILD/echo-load" -c 1 -d 120 --churn 1 --rate 1 --idle "$1" 127.0.0.1 "$port" \
		>"hold.$1.out" 2>&1 3>&- &
	holder=$!
}

let_go() {
	kill -KILL "$holder"
	wait "$holder" || true
}

# none_has_too_many N: of 4 workers that have N sessions together none has more than twice the mean.
none_has_too_many() {
	local pid

	eventually 20 sessions_are "$1"
	for pid in $(workers); do
		echo "worker $pid: $(sessions_of "$pid")"
		[ "$(sessions_of "$pid")" -le $(($1 / 2)) ]
	done
}

rss_of() {
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

@test "event: 64 clients at once have every byte back, of messages of every size" {
	start_event 64 -w 1
	for bytes in 1 63 1000 16384 65536 100000; do
		run -0 "$BUILD/echo-load" -c 16 -n 320 -s "$bytes" --half-close 127.0.0.1 "$port"
		[[ $output == *', 0 lost'* ]]
	done
	run -0 "$BUILD/echo-load" -c 64 -n 400 -s 65536 --churn 1 127.0.0.1 "$port"
	[[ $output == *'echoes       400 in '* ]]
}

@test "event: 8 clients that stream 8 MiB each through one worker get exactly that" {
	start_event 64 -w 1
	for i in 1 2 3 4 5 6 7 8; do
		head -c 8M /dev/urandom >"sent.$i"
		"$BUILD/echo-client" 127.0.0.1 "$port" <"sent.$i" >"got.$i" 3>&- &
		clients[i]=$!
	done
	for i in 1 2 3 4 5 6 7 8; do
		wait "${clients[i]}"
		cmp "sent.$i" "got.$i"
	done
}

@test "event: 400 clients that come at once are shared by 4 workers" {
	start_event 1000 -w 4
	mkfifo go
	"$tools/crowd" -q 400 "$port" <go >crowd.out 3>&- &
	exec 6>go
	none_has_too_many 400
	exec 6>&-
}

@test "event: 400 clients that come one after another are shared by 4 workers" {
	start_event 1000 -w 4
	for i in $(seq 400); do
		open_session fd
		echoes "$fd" "client $i"
	done
	none_has_too_many 400
}

@test "event: a full worker leaves the next client to others" {
	start_event 3 -w 2 --max-workers 2
	open_sessions 6
	for pid in $(workers); do
		each_has_three() { [ "$(sessions_of "$pid")" -eq 3 ]; }
		eventually 10 each_has_three
	done
	open_session seventh
	printf 'client 7\n' >&"$seventh"
	eventually 10 in_queue 1
	for fd in "${sessions[@]}"; do
		echoes "$fd" 'no room'
	done
	eventually 10 in_queue 1
	close_session "${sessions[2]}"
	read -r -t 10 -u "$seventh" answer
	[ "$answer" = 'client 7' ]
}

@test "event: a full worker is at rest, and comes back when a client leaves" {
	start_event 3 -w 1 --max-workers 1
	open_sessions 3
	open_session fourth
	printf 'client 4\n' >&"$fourth"
	# What it does meanwhile is what its clients want, and nothing else.
	ticks=$(awk '{ print $14 + $15 }' "/proc/$(workers)/stat")
	run read -r -t 1 -u "$fourth" answer
	[ "$status" -ne 0 ]
	echoes "${sessions[0]}" 'still here'
	close_session "${sessions[1]}"
	read -r -t 10 -u "$fourth" answer
	[ "$answer" = 'client 4' ]
	echoes "${sessions[2]}" 'still here, too'
	[ $(($(awk '{ print $14 + $15 }' "/proc/$(workers)/stat") - ticks)) -le 10 ]
}

@test "event: 1000 clients that do not read stop nobody, and cost a buffer each at most" {
	start_event 2000 -w 1 --buffer 16k
	worker=$(workers)
	"$tools/glutton" 1000 "$port" >glutton.out 3>&- &
	eventually 60 grep -q '^stuck' glutton.out
	cat glutton.out
	answers
	before=$(rss_of "$worker")
	echo "resident: $before kB"
	if [ -z "$SANITIZE" ]; then
		[ "$before" -lt $((1000 * 16 + 4096)) ]
	fi
	for _ in $(seq 100); do
		answers
	done
	[ "$(rss_of "$worker")" -le $((before + 512)) ]
}

@test "event: 10000 silent clients leave others served, and cost 512 bytes each at most" {
	need_plain_build
	[ "$(ulimit -Hn)" -ge 12300 ] || skip "needs 12300 descriptors"
	ulimit -Sn 11000 # for who holds them
	start_event 12000 -w 1 -b 4096
	worker=$(workers)
	answers
	before=$(rss_of "$worker")
	hold 10000
	eventually 60 sessions_are 10001
	run -0 "$BUILD/echo-load" -c 8 -n 8000 127.0.0.1 "$port"
	after=$(rss_of "$worker")
	echo "resident: $before kB, then $after kB"
	[ $((after - before)) -le $((10000 * 512 / 1024 + 256)) ]
	let_go
	eventually 20 all_idle 1
	answers
}

@test "event: more connections than the system lets a worker have are a clear error" {
	need_root
	run -71 prlimit --nofile=1000:1000 setpriv --bounding-set -sys_resource \
		--inh-caps -sys_resource \
		"$BUILD/echo-master" -p 0 -w 1 --connections 60000 --log-stderr
	[[ $output == *'connections 60000: 60288 descriptors are needed, the limit is 1000'* ]]
	[[ $output == *'allowed: up to 712'* ]]
}

@test "event: SIGTERM lets all sessions finish, and takes nobody new" {
	start_event 100 -w 2
	open_sessions 20
	kill -TERM "$master"
	eventually 10 server_said 'stopping: waiting for 20 sessions'
	eventually 10 port_is_free
	for fd in "${sessions[@]}"; do
		echoes "$fd" after
		close_session "$fd"
	done
	wait_for_server
	[ "$status" -eq 0 ]
	[ "$(times_said 'was killed')" -eq 0 ]
}

@test "event: SIGQUIT ends all sessions in order, also with one that never stops sending" {
	start_event 100 -w 2
	"$BUILD/echo-client" 127.0.0.1 "$port" </dev/zero >/dev/null 2>client.err 3>&- &
	mkfifo back
	"$BUILD/echo-client" 127.0.0.1 "$port" </dev/zero >back 2>/dev/null 3>&- &
	exec 8<back
	open_sessions 20
	for fd in "${sessions[@]}"; do
		printf 'arrived\n' >&"$fd"
	done
	eventually 10 sessions_are 22
	kill -QUIT "$master"
	for fd in "${sessions[@]}"; do
		ends_in_order "$fd"
		grep -qx arrived rest.txt
		close_session "$fd"
	done
	wait_for_server 5
	[ "$status" -eq 0 ]
	[ "$(times_said 'was killed')" -eq 0 ]
	grep -q 'the server closed the connection early' client.err
	exec 8<&-
}

@test "event: orders are heard while there is never nothing to do" {
	start_event 100 -w 1
	"$BUILD/echo-load" -c 32 -d 60 127.0.0.1 "$port" >load.out 2>&1 3>&- &
	eventually 10 sessions_are 32
	worker=$(workers)
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: generation 2'
	open_session fd
	echoes "$fd" 'from the new generation'
	kill -QUIT "$master"
	close_session "$fd"
	wait_for_server 5
	[ "$status" -eq 0 ]
	[ "$(times_said 'was killed')" -eq 0 ]
}

@test "event: a worker that is killed takes only its own clients along" {
	start_event 100 -w 2
	open_sessions 20
	eventually 10 sessions_are 20
	victim=$(workers | head -n 1)
	lost=$(sessions_of "$victim")
	kill -KILL "$victim"
	eventually 10 server_said 'was killed by signal 9'
	alive=0
	for fd in "${sessions[@]}"; do
		if echoes "$fd" after 2>/dev/null; then
			alive=$((alive + 1))
		fi
	done
	echo "$lost were in the killed worker, $alive still answer"
	[ "$alive" -eq $((20 - lost)) ]
	eventually 10 has_workers 2
	answers
}

@test "event: when the master is killed its workers end in order and are gone, the port is free" {
	start_event 100 -w 2
	processes=$(workers)
	open_sessions 10
	kill -KILL "$master"
	wait "$server" 2>/dev/null || true
	server=
	for fd in "${sessions[@]}"; do
		ends_in_order "$fd"
		close_session "$fd"
	done
	for worker in $processes; do
		eventually 5 gone "$worker"
	done
	port_is_free
}

# Whether a call of accept(2) on the listener would wait, as the kernel shows it: 04000 is O_NONBLOCK.
listener_is_nonblocking() {
	local inode

	inode=$(readlink "/proc/$master/fd/$listener")
	[[ $inode == socket:* ]]
	(($(sed -n 's/^flags:[[:space:]]*/0/p' "/proc/$master/fdinfo/$listener") & 04000))
}

listener_is_blocking() {
	! listener_is_nonblocking
}

find_listener() {
	local fd

	for fd in "/proc/$master/fd/"*; do
		if readlink "$fd" | grep -qx "socket:.$(ss -Htlne "sport = :$port" |
			sed -n 's/.* ino:\([0-9]*\).*/\1/p' | head -n 1)."; then
			listener=${fd##*/}
		fi
	done
}

@test "event: reloads between the engines lose nobody, and give the listener back blocking" {
	command -v ss || skip "needs ss"
	printf 'port 0\nworkers 4\nconnections 1\n' >server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf
	find_listener
	"$BUILD/echo-load" -c 3 -d 60 --churn 5 127.0.0.1 "$port" >load.out 2>&1 3>&- &
	load=$!
	for round in $(seq 10); do
		connections=$((round % 2 ? 64 : 1))
		printf 'port 0\nworkers 4\nconnections %d\n' "$connections" >server.conf
		kill -HUP "$master"
		eventually 10 reloads_are "$round"
		if [ "$connections" -gt 1 ]; then
			listener_is_nonblocking
		else
			eventually 10 listener_is_blocking
		fi
	done
	kill -INT "$load"
	status=0
	wait "$load" || status=$?
	cat load.out
	[ "$status" -eq 0 ]
	[ "$(times_said 'was killed|gives up|pauses')" -eq 0 ]
}

# served_alone: a client to which nobody who comes later brings a worker.
served_alone() {
	local fd

	open_session fd
	echoes "$fd" 'all alone'
	close_session "$fd"
}

# Of the first workers each keeps a client: it is still there, and is not to be woken for others.
@test "event: a client that comes alone while workers are replaced is served by others" {
	printf 'port 0\nworkers 4\nconnections 64\n' >server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf
	open_sessions 16
	for round in $(seq 20); do
		printf 'port 0\nworkers 4\nconnections %d\n' $((round % 3 == 0 ? 1 : 64)) >server.conf
		kill -HUP "$master"
		until reloads_are "$round"; do
			served_alone
		done
		served_alone
	done
}

# are_wanted N TIMES: that there are to be so many workers has been said so often. Of two signals of
# one kind a master that has no time meanwhile sees one.
are_wanted() {
	[ "$(times_said "$1 workers from now on")" -eq "$2" ]
}

@test "event: a client that comes alone while the pool shrinks, or one has served enough, is served" {
	start_event 64 -w 2 --max-served 3
	for round in $(seq 10); do
		kill -TTIN "$master"
		served_alone
		eventually 10 are_wanted 3 "$round"
		kill -TTOU "$master"
		served_alone
		served_alone
		eventually 10 are_wanted 2 "$round"
	done
	eventually 10 has_workers 2
	[ "$(times_said 'left: ')" -ge 10 ]
}

# has_state LETTER PID: S is asleep, t held back by strace(1).
has_state() {
	grep -q "^State:.$1" "/proc/$2/status"
}

# SIGTERM, which is 15, is pending.
is_told_to_leave() {
	grep -qE '^ShdPnd:.*[4-7c-f][0-9a-f]{3}$' "/proc/$1/status"
}

serves() {
	[ "$(sessions_of "$1")" -eq "$2" ]
}

worker_2_is_idle() {
	second=$(pgrep -P "$master" -f 'echo-master: worker 2 \(idle\)')
}

# Of two workers the one that has just stood aside is not the first to be woken, and the other is
# the one that leaves at TTOU. Between the wake and the order nothing else happens to it.
@test "event: a client whose worker is told to leave just when it is woken is served" {
	without_leak_check
	start_event 64 -w 1
	open_sessions 3
	first=$(workers)
	kill -TTIN "$master"
	eventually 10 worker_2_is_idle
	eventually 10 serves "$first" 3
	eventually 10 has_state S "$first"
	open_sessions 1
	eventually 10 watches_listener "$first"
	strace -o strace.out -p "$second" -e 'trace=/^epoll_p?wait$' \
		-e 'inject=/^epoll_p?wait$:delay_exit=30000000' 2>attached 3>&- &
	tracer=$!
	eventually 10 grep -q attached attached
	eventually 10 has_state S "$second"
	open_session fd
	echo 'just in time' >&"$fd"
	eventually 10 has_state t "$second"
	kill -TTOU "$master"
	eventually 10 is_told_to_leave "$second"
	kill -INT "$tracer"
	wait "$tracer" || true
	read -r -t 10 -u "$fd" answer
	[ "$answer" = 'just in time' ]
	close_session "$fd"
	eventually 10 gone "$second"
	eventually 10 serves "$first" 4
}

reloads_are() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

@test "event: an old worker with a session keeps the listener as it needs it" {
	command -v ss || skip "needs ss"
	printf 'port 0\nworkers 2\nconnections 64\n' >server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf
	find_listener
	open_session fd
	echoes "$fd" before
	printf 'port 0\nworkers 2\nconnections 1\n' >server.conf
	kill -HUP "$master"
	eventually 10 reloads_are 1
	listener_is_nonblocking
	for _ in 1 2 3 4 5 6; do
		answers
	done
	echoes "$fd" after
	close_session "$fd"
	eventually 10 listener_is_blocking
	answers
}

@test "event: a client that resets its connection disturbs nobody" {
	start_event 64 -w 1 --log-level debug
	open_session other
	open_session fd
	echoes "$fd" first
	printf 'never read\n' >&"$fd"
	eventually 10 server_said 'server received 11 bytes'
	close_session "$fd"
	eventually 10 server_said 'bytes in, .*(broken|closed by the client)'
	echoes "$other" 'still here'
}

@test "event: out of descriptors a worker serves whom it has, without spinning" {
	start_event 64 -w 1 -u "$(id -un)" "${visible[@]}"
	worker=$(workers)
	open_session first
	echoes "$first" hello
	prlimit --pid "$worker" --nofile="$(descriptors "$worker"):"
	open_session waiting
	eventually 10 server_said 'accept: Too many open files; worker 1 pauses'
	before=$(awk '{ print $14 + $15 }' "/proc/$worker/stat")
	for i in $(seq 100); do
		echoes "$first" "still served $i"
	done
	after=$(awk '{ print $14 + $15 }' "/proc/$worker/stat")
	[ $((after - before)) -le 10 ]
	prlimit --pid "$worker" --nofile=1024:
	echoes "$waiting" 'served at last'
}

@test "event: a worker that is out of descriptors leaves no client waiting that another can serve" {
	start_event 64 -w 2 -u "$(id -un)" "${visible[@]}"
	answers
	for worker in $(workers); do
		eventually 10 all_idle 2
		prlimit --pid "$worker" --nofile="$(descriptors "$worker"):"
		# Each is alone: nobody who comes later wakes the other worker.
		for _ in $(seq 10); do
			answers
		done
		prlimit --pid "$worker" --nofile=1024:
	done
	server_said 'accept: Too many open files; worker [12] pauses'
}

@test "event: with busy-poll every byte comes back, and an idle server is at rest" {
	start_event 64 -w 1 --busy-poll 2000
	run -0 "$BUILD/echo-load" -c 8 -n 4000 127.0.0.1 "$port"
	worker=$(workers)
	at_rest() {
		local before
		before=$(awk '{ print $14 + $15 }' "/proc/$worker/stat")
		sleep 0.3
		[ "$(awk '{ print $14 + $15 }' "/proc/$worker/stat")" -eq "$before" ]
	}
	eventually 10 at_rest
}
