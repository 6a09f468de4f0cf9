#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# As the first process of a container: it has what an init has to do.

load common

# start_as_init [option ...]: as process 1 of a namespace; $master is its pid outside.
start_as_init() {
	launch unshare --pid --fork --kill-child --mount-proc "$BUILD/echo-master" -p 0 \
		--log-stderr "$@"
	master=$(pgrep -P "$server")
	grep -q '^NSpid:.*[[:space:]]1$' "/proc/$master/status"
}

@test "container: as process 1 it serves, reloads, and stops at SIGTERM with exit code 0" {
	need_root
	start_as_init -w 2
	answers
	kill -HUP "$master"
	eventually 10 server_said 'reloaded: generation 2'
	eventually 10 all_idle 2
	kill -TERM "$master"
	wait_for_server
	[ "$status" -eq 0 ]
	server_said 'stopped$'
}

@test "container: the Containerfile's command line is one that starts" {
	command=$(sed -n 's/^ENTRYPOINT \[\(.*\)\]$/\1/p' "$top/etc/Containerfile" | tr -d '",')
	read -r -a words <<<"$command"
	[ "${words[0]}" = /usr/local/sbin/echo-master ]
	"$BUILD/echo-master" -t "${words[@]:1}"
}
