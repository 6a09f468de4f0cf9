# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Waiting for what has to happen, for scripts and end-to-end tests alike.

now_ms() {
	local us=${EPOCHREALTIME/[.,]/}

	echo $((us / 1000))
}

# within SECONDS COMMAND...: until the command succeeds; fails when time is up.
within() {
	local end=$(($(now_ms) + $1 * 1000))

	shift
	until "$@"; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		sleep 0.01
	done
}

# watches_listener PID: whether a worker of the event engine does, which stands aside for a moment
# when it is ahead of others. Nothing else has EPOLLEXCLUSIVE (1 << 28).
watches_listener() {
	grep -qsE '^tfd: .* events: 1[0-9a-f]{7} ' "/proc/$1/fdinfo/"*
}

# A process that only waits to be reaped by its parent, whoever that is, is gone too.
gone() {
	local line

	{ IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${line##*) } == [ZX]* ]]
}
