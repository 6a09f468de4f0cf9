#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The systemd units are correct, and their sandbox is tight, but not too tight for the server.

load common

# The units, starting the program under test in place of the one that will be installed.
copy_units() {
	local version

	version=$(systemd-analyze --version 2>/dev/null | awk 'NR == 1 { print $2 }')
	[ "${version:-0}" -ge 252 ] || skip "needs systemd-analyze of systemd 252 or later"
	cp "$top"/etc/systemd/echo-master.* .
	sed -i "s|^ExecStart=[^ ]*|ExecStart=$BUILD/echo-master|" echo-master.service
}

# The words that a setting of the service has.
setting() {
	sed -n "s/^$1=//p" echo-master.service | tr ' ' '\n'
}

# expand_calls NAME...: system calls and @groups of them become system calls.
expand_calls() {
	local name

	for name; do
		case $name in
		@*) # shellcheck disable=SC2046 # a list of names
			expand_calls $(systemd-analyze syscall-filter "$name" | sed -n 's/^    \([^ #]\)/\1/p') ;;
		*) echo "$name" ;;
		esac
	done
}

# Leads a server through what it does in its life; what it asks of the kernel is in strace.out.
# It has the user and the capabilities of a service, as far as we may give them.
trace_server() {
	local as_service=() only=-all,+net_bind_service

	need_plain_build
	command -v strace >/dev/null || skip "needs strace"
	if [ "$(id -u)" -eq 0 ]; then
		as_service=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs
			--bounding-set="$only" --inh-caps="$only" --ambient-caps="$only")
		chmod a+x "$BATS_RUN_TMPDIR" # for that user
	fi
	cp "$BUILD/echo-master" .
	launch strace -f -o all.out "${as_service[@]}" "$PWD/echo-master" -p 0 -w 2 --log-stderr \
		--log-level debug --shutdown-timeout 1s "$@"
	master=$(pgrep -P "$server")
	lead_through_life
	sed -n '/execve("[^"]*echo-master"/,$p' all.out >strace.out
	grep -q 'exited with 0' strace.out
}

lead_through_life() {
	local session

	answers
	kill -KILL "$(workers | head -n 1)"
	eventually 10 server_said 'was killed by signal 9'
	kill -USR1 "$master"
	kill -TTIN "$master"
	eventually 10 has_workers 3
	strace -f -o reload.out /bin/kill -HUP "$master" # as ExecReload does it
	eventually 10 server_said 'reloaded: '
	open_session session
	echoes "$session" hello
	kill -TERM "$master"
	wait_for_server
	ends_in_order "$session"
}

# The names of the system calls in files that strace(1) wrote, each once.
calls_in() {
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$@" | sort -u
}

@test "units: systemd finds no fault with them" {
	copy_units
	for unit in echo-master.service echo-master.socket; do
		run -0 systemd-analyze verify --man=no --recursive-errors=no "./$unit"
		[[ $output != *echo-master* ]]
	done
}

@test "units: a fault would be found" {
	copy_units
	sed -i 's/^Type=notify$/Type=notice/' echo-master.service
	run systemd-analyze verify --man=no --recursive-errors=no ./echo-master.service
	[[ $output == *echo-master.service*notice* ]]
}

@test "units: the exposure of the service is at most 1.7" {
	copy_units
	run -0 systemd-analyze security --offline=yes --threshold=17 --no-pager ./echo-master.service
	[[ ${lines[-1]} == *'exposure level for echo-master.service: 1.'* ]]
}

@test "units: the service's user is made by its sysusers file" {
	command -v systemd-sysusers >/dev/null || skip "needs systemd-sysusers"
	need_root
	copy_units
	mkdir -p root/etc
	run -0 systemd-sysusers --root="$PWD/root" "$PWD/echo-master.sysusers"
	grep -E "^$(setting User):x:[0-9]+:[0-9]+:[^:]*:/:[^:]*/nologin$" root/etc/passwd
	grep -E "^$(setting User):" root/etc/group
}

@test "units: systemd gives a stop more time than the server takes" {
	copy_units
	: >defaults.conf
	taken=$("$BUILD/echo-master" -T -f defaults.conf |
		sed -n 's/^shutdown-timeout \([0-9]*\)s$/\1/p')
	[ "$taken" -gt 0 ]
	given=$(setting TimeoutStopSec)
	[ "${given%s}" -gt $((taken + 2)) ]
}

@test "units: every system call that the server makes is one that its unit permits" {
	copy_units
	# shellcheck disable=SC2046 # a list of names
	expand_calls $(setting SystemCallFilter) | sort -u >permitted
	for options in '' '--connections 1000'; do
		read -ra words <<<"$options"
		rm -f server.log
		trace_server "${words[@]}"
		calls_in strace.out reload.out >made
		[ "$(wc -l <made)" -ge 40 ]
		run -0 comm -23 made permitted
		[ -z "$output" ]
	done
}

@test "units: the server opens no socket, memory or file that its unit forbids" {
	copy_units
	trace_server
	grep -oE '(socket|socketpair)\(AF_[A-Z0-9]+' strace.out | sed 's/.*(//' | sort -u >families
	grep -qx AF_UNIX families
	run -0 comm -23 families <(setting RestrictAddressFamilies | sort)
	[ -z "$output" ]
	# MemoryDenyWriteExecute
	grep -q PROT_EXEC strace.out
	run -1 grep -E 'PROT_WRITE\|PROT_EXEC|(mprotect|shmat)\(.*(PROT|SHM)_EXEC' strace.out
	# ProtectSystem=strict, ProcSubset=pid
	grep -q 'openat.*O_RDONLY' strace.out
	grep -E ' open.*O_(WRONLY|RDWR|CREAT)' strace.out >written
	run -1 grep -v '"/dev/null"' written
	run -1 grep -E '"/proc/[^s]' strace.out
}
