#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A reload that changes the address or the port: the new one serves before the old
# one is given up, and nobody is lost on either.

load common

reloads() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

start_with() {
	printf '%s\n' "$@" >server.conf
	launch "$BUILD/echo-master" --log-stderr -f server.conf
}

# reload_with LINE...: these are the settings from now on; waits until they are in force.
reload_with() {
	local before

	before=$(times_said 'reloaded: ')
	printf '%s\n' "$@" >server.conf
	kill -HUP "$master"
	eventually 10 reloads $((before + 1))
	port=$(sed -n 's/.* listening on .*:\([0-9]*\)$/\1/p' server.log | tail -n 1)
}

# How many listening sockets the master has; which they are is in the file inodes.
listening() {
	find "/proc/$master/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | sort >sockets
	awk '$4 == "0A" { print $10 }' /proc/net/tcp /proc/net/tcp6 | sort | comm -12 - sockets >inodes
	wc -l <inodes
}

listens_once() {
	[ "$(listening)" -eq 1 ]
}

# Somebody else's server, on the port in $taken.
launch_second() {
	"$BUILD/echo-master" -p 0 -w 1 --log-stderr 2>second.log </dev/null 3>&- &
	second=$!
	eventually 10 grep -q ' ready: ' second.log
	taken=$(sed -n 's/.* listening on .*:\([0-9]*\)$/\1/p' second.log)
}

is_given_up() {
	! (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

@test "move: a changed port under load loses nothing on either port" {
	start_with 'workers 4' 'port 0'
	old=$port
	start_load 16 --fail-on "$losses"
	reload_with 'workers 4' 'port 0' 'listen 127.0.0.1'
	[ "$port" -ne "$old" ]
	run -0 "$BUILD/echo-load" -c 16 -n 2000 --churn 1 127.0.0.1 "$port"
	eventually 10 is_given_up "$old"
	end_load
	eventually 30 all_idle 4
	eventually 10 listens_once
	server_said 'settings changed: listen \* -> 127.0.0.1$'
	server_said "the listener on \[::\]:$old is closed"
	answers
}

@test "move: ten changes of port in a storm lose nothing" {
	start_with 'workers 4' 'port 0'
	held=$(descriptors "$master")
	for address in 127.0.0.1 '*' 127.0.0.1 '*' 127.0.0.1 '*' 127.0.0.1 '*' 127.0.0.1 '*'; do
		old=$port
		start_load 8 --fail-on "$losses"
		reload_with 'workers 4' 'port 0' "listen $address"
		eventually 10 is_given_up "$old"
		end_load
	done
	eventually 30 all_idle 4
	eventually 10 listens_once
	[ "$(descriptors "$master")" -eq "$held" ]
}

@test "move: from every address to one on the same port, and back, loses nothing" {
	start_with 'workers 4' 'port 0'
	number=$port
	start_load 16
	for _ in 1 2 3 4 5; do
		reload_with 'workers 4' "port $number" 'listen 127.0.0.1'
		reload_with 'workers 4' "port $number"
	done
	end_load
	eventually 30 all_idle 4
	eventually 10 listens_once
	# Nobody else may share the port, not even another echo-master.
	run -69 "$BUILD/echo-master" -p "$number"
	[[ $output == *'Address already in use'* ]]
}

@test "move: another name for the same address keeps the listener" {
	start_with 'workers 2' 'port 0' 'listen 127.0.0.1'
	listens_once
	inode=$(cat inodes)
	reload_with 'workers 2' "port $port" 'listen localhost'
	listens_once
	[ "$(cat inodes)" = "$inode" ]
	[ "$(times_said 'is closed')" -eq 0 ]
	answers
}

@test "move: sessions on the old port go on, and it is free at once" {
	start_with 'workers 2' 'port 0'
	old=$port
	open_session fd
	echoes "$fd" before
	reload_with 'workers 2' 'port 0' 'listen 127.0.0.1'
	eventually 10 server_said "the listener on \[::\]:$old is closed"
	echoes "$fd" after
	old_is_free() { (port=$old; port_is_free); }
	eventually 10 old_is_free
	close_session "$fd"
	eventually 10 all_idle 2
}

# hold_all: every worker has a session, and one more client waits in the queue.
hold_all() {
	for i in 1 2; do
		open_session "busy_$i"
		local name=busy_$i
		echoes "${!name}" hello
	done
	open_session waiting
}

@test "move: an old listener with a queue does not hide the new one on its port" {
	start_with 'workers 2' 'port 0' 'listen 127.0.0.1'
	hold_all
	# From one address to all: the old one would be the better fit for the kernel.
	reload_with 'workers 2' "port $port"
	answers
	# And back, while sessions on both still go on.
	reload_with 'workers 2' "port $port" 'listen 127.0.0.1'
	answers
	reload_with 'workers 2' "port $port"
	answers
	# Who waited in the queue is served when there is somebody to do it.
	close_session "$busy_1"
	echoes "$waiting" 'still there'
	close_session "$busy_2"
	close_session "$waiting"
	eventually 10 all_idle 2
	eventually 10 listens_once
}

@test "move: an address that cannot be had keeps the old one and says why" {
	start_with 'workers 2' 'port 0'
	before=$(workers)
	held=$(descriptors "$master")
	launch_second
	printf 'workers 3\nport %s\n' "$taken" >server.conf
	kill -HUP "$master"
	eventually 10 server_said "port $taken of \*: bind: Address already in use"
	eventually 10 server_said 'reload refused, nothing has changed'
	printf 'workers 3\nlisten 192.0.2.1\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'port echo of 192.0.2.1: bind: Cannot assign requested address'
	[ "$(workers)" = "$before" ]
	[ "$(descriptors "$master")" -eq "$held" ]
	answers
	kill -TERM "$second"
	wait "$second"
	reload_with 'workers 3' "port $taken"
	[ "$port" -eq "$taken" ]
	answers
}

@test "move: when the new workers cannot be started the old address stays" {
	start_with 'workers 2' 'port 0'
	old=$port
	before=$(workers)
	held=$(descriptors "$master")
	strace -f -o strace.out -p "$master" -e trace=setpgid \
		-e inject=setpgid:signal=SIGKILL 2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	printf 'workers 2\nport 0\nlisten 127.0.0.1\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'reload failed, the old workers stay'
	kill -INT "$strace"
	wait "$strace" || true
	eventually 10 listens_once
	eventually 10 all_idle 2
	[ "$(workers)" = "$before" ]
	[ "$(descriptors "$master")" -eq "$held" ]
	port=$old
	answers
}

@test "move: a stop in the middle of one loses nothing and leaves nothing" {
	start_with 'workers 2' 'port 0'
	start_load 8 --fail-on "$losses"
	first=$load
	before=$(workers)
	reload_with 'workers 2' 'port 0' 'listen 127.0.0.1'
	start_load 8 --fail-on "$losses"
	new_one_serves() { serving | grep -qvxF "$before"; }
	eventually 10 new_one_serves
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
	end_load "$first"
	end_load
}
