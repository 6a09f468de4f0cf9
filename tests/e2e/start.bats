#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What a start says, what it refuses, and with which exit code.

load common

# refused CODE TEXT OPTION...: it does not start, and one line says why.
refused() {
	local code=$1 text=$2

	shift 2
	run "-$code" "$BUILD/echo-master" "$@"
	[[ $output == *"$text"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "start: --help goes to standard output with exit code 0, and names every option" {
	"$BUILD/echo-master" --help >out 2>err
	[ ! -s err ]
	for option in --workers --port --listen --backlog --shutdown-timeout --log-level \
		--log-stderr --file --test --show --version --help; do
		grep -q -- "$option" out
	done
}

@test "start: -V prints the version, and that of libseccomp or that there is none" {
	run -0 "$BUILD/echo-master" -V
	[[ $output =~ ^echo-master\ [0-9]+\.[0-9]+\.[0-9]+\ \((libseccomp\ [0-9.]+|without\ seccomp)\)$ ]]
}

@test "start: a bad value is refused with one line and exit code 64" {
	refused 64 "--workers: '0' is not allowed; allowed: a number from 1 to 8192" -w 0
	refused 64 "--workers: '+8' is not allowed" -w +8
	refused 64 "--port: ' 5000' is not allowed; allowed: a number from 0 to 65535" -p ' 5000'
	refused 64 "--port: 'no-such-service' is not allowed" -p no-such-service
	refused 64 "--backlog: '0' is not allowed; allowed: a number from 1 to 65535" -b 0
	refused 64 "--shutdown-timeout: '1d' is not allowed" --shutdown-timeout 1d
	refused 64 "--log-level: 'loud' is not allowed" --log-level loud
	refused 64 "unknown option '-x'" -x
	refused 64 "unexpected argument 'extra'" extra
}

@test "start: every mistake is told, not only the first" {
	run -64 "$BUILD/echo-master" -w none -b none
	[ "${#lines[@]}" -eq 2 ]
}

@test "start: a port that is taken ends with exit code 69 and says so" {
	start_server -w 1
	refused 69 "Address already in use" -w 1 -p "$port"
}

@test "start: an address that is not this machine's ends with exit code 69" {
	refused 69 "Cannot assign requested address" -w 1 -p 0 -l 192.0.2.1
}

@test "start: a name that is unknown ends with exit code 69" {
	refused 69 "no-such-host.invalid" -w 1 -p 0 -l no-such-host.invalid
}

@test "start: a port that needs privilege ends with exit code 77 and suggests -p 5000" {
	if [ "$(id -u)" -eq 0 ]; then
		# A network of its own has the kernel's default for privileged ports.
		folder=$(mktemp -d /tmp/echo-master.XXXXXX)
		chmod 755 "$folder"
		cp "$BUILD/echo-master" "$folder"
		run -77 unshare -n setpriv --reuid 65534 --regid 65534 --clear-groups \
			"$folder/echo-master" -w 1
		rm -r "$folder"
	else
		[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 7 ] || skip "all ports are free for all"
		run -77 "$BUILD/echo-master" -w 1
	fi
	[[ $output == *'port echo'*'try -p 5000'* ]]
}

@test "start: without IPv6 it listens on IPv4" {
	# The lookup of users makes such calls too: which one is it?
	without_leak_check
	strace -o sockets -e trace=socket "$BUILD/echo-master" -t -p 0
	number=$(grep -n -m 1 AF_INET6 sockets | cut -d: -f1)
	launch_injected socket "socket:error=EAFNOSUPPORT:when=$number" -w 1
	server_said 'listening on 0\.0\.0\.0:'
	answers
}

@test "start: -l listens on one address only" {
	start_server -w 1 -l 127.0.0.1
	server_said 'listening on 127\.0\.0\.1:'
	answers
}

@test "start: a backlog that the kernel cuts is told" {
	most=$(cat /proc/sys/net/core/somaxconn)
	[ "$most" -lt 65535 ] || skip "somaxconn is as large as a backlog can be"
	start_server -w 1 -b 65535
	server_said "backlog 65535 is cut to $most by net.core.somaxconn"
}

# fails_to_start CODE CALLS INJECTION
fails_to_start() {
	without_leak_check
	run "-$1" strace -f -o strace.out -e "trace=$2" -e "inject=$3" \
		"$BUILD/echo-master" -w 3 -p 0 --log-stderr
}

@test "start: when no worker can be forked it fails with exit code 71 and the reason" {
	fails_to_start 71 clone,clone3,fork clone,clone3,fork:error=EAGAIN
	[[ $output == *'no worker could be started: the last one could not be forked: Resource temporarily unavailable'* ]]
}

@test "start: when every worker dies before it is ready it fails with the reason" {
	fails_to_start 70 setpgid setpgid:signal=SIGKILL
	[[ $output == *'no worker could be started: the last one was killed by signal 9'* ]]
}

@test "start: errors reach standard error although it is no terminal" {
	start_server -w 1
	"$BUILD/echo-master" -w 1 -p "$port" 2>second.log || true
	grep -q 'Address already in use' second.log
}

@test "start: ps shows what each process is, with an empty environment too" {
	start_server -w 2
	[ "$(title_of "$master")" = 'echo-master: master (2 workers, generation 1)' ]
	for worker in $(workers); do
		[[ $(title_of "$worker") =~ ^echo-master:\ worker\ [12]\ \(idle\)$ ]]
	done
	open_session fd
	echoes "$fd" hello
	pgrep -P "$master" -f '^echo-master: worker [12] \(serving( 1 of 64)?\) *$'
	close_session "$fd"
	kill -TERM "$master"
	wait_for_server

	rm server.log
	launch env -i "$BUILD/echo-master" -w 1 -p 0 --log-stderr
	[ "$(title_of "$(workers)")" = 'echo-master: worker 1 (idle)' ]
}

@test "start: titles are clean also when the program has a long name" {
	mkdir -p a/folder/whose/name/is/long/enough/to/be/longer/than/any/title
	cd a/folder/whose/name/is/long/enough/to/be/longer/than/any/title
	cp "$BUILD/echo-master" .
	launch "$PWD/echo-master" -w 1 -p 0 --log-stderr
	[ "$(ps -o args= -p "$(workers)" | sed 's/ *$//')" = 'echo-master: worker 1 (idle)' ]
}
