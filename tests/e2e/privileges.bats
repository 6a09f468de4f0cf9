#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Whom workers and master run as; all of it read from /proc.

load common

field() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' ' | sed 's/ *$//'
}

# Real, effective, saved and filesystem id, all of them.
runs_as() {
	[ "$(field "$1" Uid)" = "$2 $2 $2 $2" ] && [ "$(field "$1" Gid)" = "$3 $3 $3 $3" ]
}

has_no_privilege() {
	local set

	for set in CapInh CapPrm CapEff CapAmb; do
		[ "$(field "$1" $set)" = 0000000000000000 ] || return 1
	done
	[ "$(field "$1" NoNewPrivs)" = 1 ]
}

reloads() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

# The program where everybody can read it.
public_copy() {
	public=$(mktemp -d /var/tmp/echo-master.XXXXXX)
	chmod 755 "$public"
	cp "$BUILD/echo-master" "$public/"
}

eval "plain_$(declare -f teardown)"
teardown() {
	plain_teardown
	rm -rf "${public:-}"
}

@test "privileges: workers of root run as echo, or else nobody, for good" {
	need_root
	start_server -w 3
	id=$(id -u echo 2>/dev/null || id -u nobody)
	group=$(id -g echo 2>/dev/null || id -g nobody)
	for worker in $(workers); do
		runs_as "$worker" "$id" "$group"
		has_no_privilege "$worker"
		[ "$(field "$worker" Groups)" = "$group" ]
	done
	answers
}

@test "privileges: the master of root keeps only what a reload and a stop need" {
	need_root
	start_server -w 1
	# kill, setgid, setuid, net_bind_service, net_admin, sys_chroot
	[ "$(field "$master" CapEff)" = 00000000000414e0 ]
	[ "$(field "$master" CapPrm)" = 00000000000414e0 ]
	[ "$(field "$master" CapBnd)" = 00000000000414e0 ]
	[ "$(field "$master" NoNewPrivs)" = 1 ]
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 all_idle 1
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
	[ "$(times_said 'cannot be turned away')" -eq 0 ]
}

@test "privileges: user and group are names or numbers, and SIGHUP changes them" {
	need_root
	echo 'user daemon' >server.conf
	launch "$BUILD/echo-master" -p 0 -w 2 --log-stderr -f server.conf
	for worker in $(workers); do
		runs_as "$worker" "$(id -u daemon)" "$(id -g daemon)"
	done
	printf 'user 12345\ngroup 23456\n' >server.conf
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 all_idle 2
	for worker in $(workers); do
		runs_as "$worker" 12345 23456
		has_no_privilege "$worker"
	done
	server_said 'settings changed: user daemon -> 12345, group auto -> 23456$'
	# So does one that is started later.
	worker=$(workers | head -n 1)
	kill -KILL "$worker"
	eventually 10 gone "$worker"
	eventually 10 all_idle 2
	for worker in $(workers); do
		runs_as "$worker" 12345 23456
	done
	echo 'user 12345' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'reload refused, nothing has changed'
	answers
}

@test "privileges: workers have the supplementary groups of their user" {
	need_root
	mkdir etc
	cp /etc/group etc/group
	printf 'extra-one:x:54321:daemon\nextra-two:x:54322:daemon\n' >>etc/group
	launch unshare -m sh -c 'mount --bind etc/group /etc/group && exec "$@"' - \
		"$BUILD/echo-master" -p 0 -w 1 --log-stderr -u daemon
	[ "$(field "$(workers)" Groups)" = "$(id -g daemon) 54321 54322" ]
}

@test "privileges: chroot locks workers into a folder, and the master stays outside" {
	need_root
	mkdir -p jail
	chmod 755 jail
	start_server -w 2 --chroot "$PWD/jail"
	for worker in $(workers); do
		[ "$(readlink "/proc/$worker/root")" = "$PWD/jail" ]
		[ "$(readlink "/proc/$worker/cwd")" = "$PWD/jail" ]
	done
	[ "$(readlink "/proc/$master/root")" = / ]
	answers
	kill -HUP "$master"
	eventually 10 reloads 1
	answers
}

@test "privileges: a chroot that is no folder is refused at a start and at a test" {
	need_root
	run -78 "$BUILD/echo-master" -p 0 --chroot "$PWD/nothing"
	[[ $output == *"$PWD/nothing"* ]]
	run -78 "$BUILD/echo-master" -t -p 0 --chroot "$PWD/nothing"
}

@test "privileges: a user that cannot be had keeps the server from starting, and says so" {
	need_root
	# A namespace that knows no user but root.
	run -77 unshare -r "$BUILD/echo-master" -p 0 -w 1
	[[ $output == *'no worker could be started'* ]]
}

@test "privileges: with --master-user the master too gives up everything" {
	need_root
	start_server -w 2 --max-workers 2 --master-user daemon
	for process in "$master" $(workers); do
		runs_as "$process" "$(id -u daemon)" "$(id -g daemon)"
		has_no_privilege "$process"
	done
	start_load 8
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 has_workers 2
	end_load
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "privileges: a reload that would need privilege says so and keeps the old address" {
	need_root
	echo 'port 0' >server.conf
	launch "$BUILD/echo-master" -w 2 --log-stderr -f server.conf --master-user daemon
	before=$(workers)
	printf 'port 7\nlisten 127.0.0.1\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'port 7 of 127.0.0.1: Permission denied: ports below 1024 are for root'
	eventually 10 server_said 'reload refused, nothing has changed'
	[ "$(workers)" = "$before" ]
	answers
	printf 'port 0\nlisten 127.0.0.1\n' >server.conf
	kill -HUP "$master"
	eventually 10 reloads 1
}

@test "privileges: root's master binds a low port anew at a reload" {
	need_root
	echo 'port 0' >server.conf
	launch unshare -n \
		"$BUILD/echo-master" -w 2 --log-stderr -f server.conf
	echo 'port 7' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'listening on .*:7$'
	eventually 10 reloads 1
}

@test "privileges: with --master-user a reload can still move on the same port" {
	need_root
	echo 'port 0' >server.conf
	launch "$BUILD/echo-master" -w 2 --log-stderr -f server.conf --master-user daemon
	printf 'port %s\nlisten 127.0.0.1\n' "$port" >server.conf
	kill -HUP "$master"
	eventually 10 reloads 1
	answers
}

@test "privileges: --master-user can be a number, and root" {
	need_root
	start_server -w 1 --master-user 12345 --group 23456
	runs_as "$master" 12345 23456
	kill -TERM "$master"
	wait_for_server
	mv server.log first.log
	start_server -w 1 --master-user root
	has_no_privilege "$master"
	kill -HUP "$master"
	eventually 10 reloads 1
	answers
}

@test "privileges: descriptors that the server was given by chance do not reach workers" {
	need_root
	mkdir jail
	launch "$BUILD/echo-master" -p 0 -w 1 --log-stderr --chroot "$PWD/jail" 7</
	[ -z "$(find "/proc/$master/fd" "/proc/$(workers)/fd" -lname / -print)" ]
}

@test "privileges: an ordinary user's server works all the same, and says what it does not use" {
	need_root
	public_copy
	launch setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$public/echo-master" -p 0 -w 2 --log-stderr -u daemon
	server_said 'only root can change to this, it is not used: user daemon'
	for process in "$master" $(workers); do
		runs_as "$process" 65534 65534
		has_no_privilege "$process"
	done
	answers
	kill -HUP "$master"
	eventually 10 reloads 1
	answers
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "privileges: an ordinary user with the right to low ports keeps it in the master only" {
	need_root
	public_copy
	launch unshare -n \
		setpriv --reuid 65534 --regid 65534 --clear-groups \
		--inh-caps +net_bind_service --ambient-caps +net_bind_service \
		"$public/echo-master" -p 7 -w 2 --log-stderr
	[ "$(field "$master" CapEff)" = 0000000000000400 ]
	for worker in $(workers); do
		has_no_privilege "$worker"
	done
	kill -HUP "$master"
	eventually 10 reloads 1
}
