#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The settings file: checked as a whole, read again at SIGHUP, never half in force.

load common

reloads() {
	[ "$(times_said 'reloaded: ')" -eq "$1" ]
}

# start_with LINE...: the server with a settings file of these lines.
start_with() {
	printf '%s\n' "$@" >server.conf
	launch "$BUILD/echo-master" -p 0 --log-stderr -f server.conf
}

@test "settings: every mistake in a file is told with its line, exit code 78" {
	printf 'workers 0\nwrokers 3\nbacklog\n' >bad.conf
	run -78 "$BUILD/echo-master" -f bad.conf
	[ "${lines[0]}" = "bad.conf:1: workers: '0' is not allowed; allowed: a number from 1 to 8192, or auto" ]
	[ "${lines[1]}" = 'bad.conf:2: wrokers: unknown key; did you mean workers?' ]
	[ "${lines[2]}" = 'bad.conf:3: backlog: a value is missing; allowed: a number from 1 to 65535' ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "settings: what does not go together is told, exit code 78 by the file, 64 by the command line" {
	printf 'master-user root\nchroot /x\n' >bad.conf
	run -78 "$BUILD/echo-master" -f bad.conf
	[[ $output == 'bad.conf:2: chroot: not with master-user, because '* ]]
	run -64 "$BUILD/echo-master" --master-user root --chroot /x
	[[ $output == 'echo-master: --chroot: not with master-user, because '* ]]
}

@test "settings: a file that cannot be read ends with exit code 78 and says why" {
	run -78 "$BUILD/echo-master" -f missing.conf
	[ "$output" = 'missing.conf: No such file or directory' ]
}

@test "settings: the file beats the default, the command line beats the file" {
	printf 'workers 3\nbacklog 77\n' >server.conf
	run -0 "$BUILD/echo-master" -T -f server.conf -w 5
	[[ $output == *$'# command line\nworkers 5\n# default\nmax-workers 256\n'* ]]
	[[ $output == *$'# server.conf, line 2\nbacklog 77\n'* ]]
}

@test "settings: what -T prints is a file that gives the same settings" {
	printf 'workers 3\nshutdown-timeout 2h\nlog-level debug\n' >server.conf
	"$BUILD/echo-master" -T -f server.conf -l ::1 >shown.conf
	"$BUILD/echo-master" -T -f shown.conf >again.conf
	diff <(grep -v '^#' shown.conf) <(grep -v '^#' again.conf)
}

@test "settings: -t says configuration OK, beside a running server too, and disturbs nobody" {
	run -0 "$BUILD/echo-master" -t -p 0
	[ "$output" = 'configuration OK' ]
	start_server -w 1
	run -0 "$BUILD/echo-master" -t -p "$port"
	[ "$output" = 'configuration OK' ]
	answers
	run -69 "$BUILD/echo-master" -t -p 0 -l 192.0.2.1
	run -64 "$BUILD/echo-master" -t -w 0
}

@test "settings: SIGHUP reads the file again, and one line says what has changed" {
	start_with 'workers 2'
	printf 'workers 4\nshutdown-timeout 5s\nbacklog 99\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: workers 2 -> 4, backlog 1024 -> 99, shutdown-timeout 30s -> 5s$'
	eventually 10 all_idle 4
	[ "$(title_of "$master")" = 'echo-master: master (4 workers, generation 2)' ]
	open_session fd
	echoes "$fd" hello
	kill -TERM "$master"
	eventually 10 server_said 'waiting for 1 session, up to 5 s'
	close_session "$fd"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "settings: SIGHUP with a file that did not change says so" {
	start_with 'workers 2'
	kill -HUP "$master"
	eventually 10 server_said 'settings are the same as before'
}

@test "settings: workers auto is no more than the CPU quota is worth, at a reload anew" {
	need_root
	[ "$(nproc)" -gt 1 ] || skip "needs two CPUs"
	grep -q '^0::/' /proc/self/cgroup || skip "no control groups of version 2 here"
	unshare -m true || skip "no mounts of our own here"
	mkdir groups
	echo '50000 100000' >groups/cpu.max
	echo 'workers auto' >server.conf
	# shellcheck disable=SC2016 # for the shell in there
	launch unshare -m sh -c 'mount --bind groups /sys/fs/cgroup && exec "$@"' - \
		"$BUILD/echo-master" -p 0 --log-stderr -f server.conf
	server_said 'ready: 1 worker$'
	echo '100001 100000' >groups/cpu.max
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: workers 1 -> 2$'
	eventually 10 all_idle 2
}

@test "settings: a changed log level holds for new workers" {
	start_with 'workers 1'
	answers
	printf 'workers 1\nlog-level debug\n' >server.conf
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 all_idle 1
	[ "$(times_said 'server received')" -eq 0 ]
	answers
	eventually 10 server_said 'server received 6 bytes'
}

@test "settings: a bad file keeps everything as it was, and the next good one works" {
	start_with 'workers 2'
	before=$(workers)
	held=$(descriptors "$master")
	printf 'workers many\nport none\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said "server.conf:1: workers: 'many' is not allowed"
	eventually 10 server_said "server.conf:2: port: 'none' is not allowed"
	eventually 10 server_said 'reload refused, nothing has changed'
	[ "$(workers)" = "$before" ]
	answers
	rm server.conf
	kill -HUP "$master"
	eventually 10 server_said 'server.conf: No such file or directory'
	echo 'workers 3' >server.conf
	kill -HUP "$master"
	eventually 10 reloads 1
	eventually 10 all_idle 3
	[ "$(descriptors "$master")" -eq "$held" ]
}

@test "settings: a file that became a pipe does not hold the server up" {
	start_with 'workers 2'
	rm server.conf
	mkfifo server.conf
	kill -HUP "$master"
	eventually 10 server_said 'server.conf: no settings file; allowed: a regular file'
	eventually 10 server_said 'reload refused, nothing has changed'
	answers
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
}

@test "settings: a log level that lets more through says that it has come" {
	start_with 'workers 1'
	echo 'log-level warning' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: .*log-level info -> warning'
	echo 'log-level debug' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: log-level warning -> debug$'
}

@test "settings: what only a restart can change is named, and the rest takes effect" {
	start_with 'workers 2'
	printf 'workers 3\npid-file /nowhere/pid\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'only a restart can change this, it stays as it is: pid-file none -> /nowhere/pid$'
	eventually 10 server_said 'settings changed: workers 2 -> 3$'
	eventually 10 all_idle 3
	answers
}

@test "settings: a reload that fails leaves the old settings in force" {
	start_with 'workers 2'
	strace -f -o strace.out -p "$master" -e trace=setpgid -e inject=setpgid:signal=SIGKILL \
		2>attached 3>&- &
	strace=$!
	eventually 10 grep -q 'attached' attached
	printf 'workers 3\nshutdown-timeout 1s\n' >server.conf
	kill -HUP "$master"
	eventually 10 server_said 'reload failed, the old workers stay'
	kill -INT "$strace"
	wait "$strace" || true
	eventually 10 all_idle 2
	[ "$(times_said 'settings changed')" -eq 0 ]
	kill -HUP "$master"
	eventually 10 server_said 'settings changed: workers 2 -> 3, shutdown-timeout 30s -> 1s$'
}

@test "settings: 60 reloads under load, every fifth with a bad file, lose not one session" {
	start_with 'workers 4'
	start_load 16
	good=0
	for round in $(seq 60); do
		if [ $((round % 5)) -eq 0 ]; then
			echo "workers $round of many" >server.conf
			kill -HUP "$master"
			refused() { [ "$(times_said 'reload refused')" -eq $((round / 5)) ]; }
			eventually 10 refused
		else
			echo "workers $((round % 7 + 1))" >server.conf
			kill -HUP "$master"
			good=$((good + 1))
			eventually 10 reloads "$good"
		fi
	done
	end_load
}

@test "settings: the example file has every key at its default, and reads without a mistake" {
	: >empty.conf
	"$BUILD/echo-master" -T -f empty.conf | grep -v '^#' | sort >defaults
	sed -n 's/^#\([a-z-]* [^ ]*\)$/\1/p' "$top/etc/echo-master.conf" | sort >shown
	diff defaults shown
	sed 's/^#\([a-z-]* [^ ]*\)$/\1/' "$top/etc/echo-master.conf" >all.conf
	"$BUILD/echo-master" -T -f all.conf | grep -v '^#' | sort >read_back
	diff defaults read_back
}

@test "settings: every key is in the manual page of the file, with its default" {
	: >empty.conf
	"$BUILD/echo-master" -T -f empty.conf | grep -v '^#' >defaults
	while read -r key default; do
		grep -A 20 "^\.It Ic $key " "$top/etc/echo-master.conf.5" |
			grep -m 1 '^The default is' | grep -F "The default is $default."
	done <defaults
}
