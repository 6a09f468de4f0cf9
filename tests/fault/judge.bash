# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# What must hold after a scene of tests/fault/scenes.bash: the server has ended with an exit code
# that is documented and has said why, or it goes on as if nothing had been. Sets $outcome.

# Exit codes of echo-master(8).
readonly documented=' 0 64 69 70 71 73 74 77 78 '

# Calls that may cost the connection that they are about.
readonly of_connections=' close epoll_ctl ioctl recvfrom sendto setsockopt shutdown '

# What strace shows of calls that do not fail in the way in which they were made to:
impossible=(
	# an eventfd(2) takes a one at any time,
	'write\([0-9]+, "\\1(\\0){7}", 8\)'
	# and to take a descriptor out of epoll(7) takes no memory.
	'epoll_ctl\([0-9]+, EPOLL_CTL_DEL,'
)

# ---- what was found ----

was_reached() {
	local text=

	IFS= read -rd '' text <trace
	[[ $text == *INJECTED* ]]
}

# Errors that the kernel does not give there, though it gives them to the same call elsewhere.
cannot_be() {
	local way

	for way in "${impossible[@]}"; do
		! grep -qE "^$way.*INJECTED" trace || return 0
	done
	# What libnss_systemd wants of signals would end any program that asks for a user.
	said "Assertion '[^']*' failed at src/(nss-systemd|basic)/"
}

worker_died() {
	said 'worker [0-9]+ \(pid [0-9]+, generation [0-9]+\) (exited with code|was killed by signal)'
}

# Lines that say more than what a server says that lives and dies as it should.
has_explained() {
	grep -vE ': (ready: |stopp|worker [0-9]+ (started|left): |SIGHUP|settings are the same)' \
		server.log | grep -vE ' listening on |the listener on .* is closed' | grep -q ': '
}

# The call that failed was about the log itself, whose line then is not there.
was_about_log() {
	grep -qE '^(write\(2,|poll\(\[\{fd=2,).*INJECTED' trace
}

# ---- what must hold ----

judge_code() {
	if [[ $documented != *" $1 "* ]]; then
		complain "exit code $1"
	elif [ "$1" -ne 0 ] && ! has_explained && ! was_about_log; then
		complain "exit code $1 without a word"
	fi
}

# Workers may die of what failed, but in order, and saying why.
judge_deaths() {
	local code

	if [ "$call" != kill ] && said 'was killed by signal [0-9]+ \([^)]*\)'; then
		complain "${BASH_REMATCH[0]}"
	fi
	while read -r code; do
		judge_code "$code"
	done < <(sed -n 's/.*worker .* exited with code \([0-9]*\)$/\1/p' server.log)
}

# A client loses its connection by what failed on it, or because its worker died of that.
judge_losses() {
	local allowed=0 class

	if [ "$process" != master ] && [ -n "$call" ]; then
		[[ $of_connections != *" $call "* ]] || allowed=1
		! worker_died || allowed=2
	fi
	[ "${#lost[@]}" -le "$allowed" ] || complain "lost: ${lost[*]}"
	for class in "${lost[@]}"; do
		[ "$class" != corrupt ] || complain 'wrong bytes came back'
	done
}

# The master then has no descriptor of a ruleset, and all others.
is_without_landlock() {
	[[ "$call $error" =~ ^landlock_create_ruleset\ (ENOSYS|EOPNOTSUPP|EPERM)$ ]]
}

# A worker in its sandbox shows them to root only.
can_see_descriptors() {
	[ -r "/proc/$1/fd" ]
}

# has_descriptors PROCESS PID: those of a run without faults.
has_descriptors() {
	local fds=("/proc/$2/fd/"*) wanted=()

	can_see_descriptors "$2" || return 0
	read -ra wanted <"$descriptors/$engine.$sandbox.$1"
	if [ "$1" = master ] && is_without_landlock; then
		[ "${#fds[@]}" -eq $((${#wanted[@]} - 1)) ]
	else
		[ "${fds[*]##*/}" = "${wanted[*]}" ]
	fi
}

# Of the first server that there is, in which nothing fails yet.
note_descriptors() {
	local fds=("/proc/$2/fd/"*)

	! can_see_descriptors "$2" || [ -e "$descriptors/$engine.$sandbox.$1" ] ||
		echo "${fds[*]##*/}" >"$descriptors/$engine.$sandbox.$1"
}

note_all_descriptors() {
	find_children
	note_descriptors master "$master"
	note_descriptors worker "${children[0]}"
}

# A call that is not made leaves its descriptor open, unlike one that fails in the kernel. What
# the last session had may take a moment.
judge_descriptors() {
	local child fds

	[ "$call" != close ] || return 0
	find_children
	for child in "${children[@]}"; do
		await "$patience" has_descriptors worker "$child" || {
			fds=("/proc/$child/fd/"*)
			complain "a worker has descriptors ${fds[*]##*/}"
		}
	done
	await "$patience" has_descriptors master "$master" || {
		fds=("/proc/$master/fd/"*)
		complain "the master has descriptors ${fds[*]##*/}"
	}
}

judge_zombies() {
	local child

	find_children
	for child in "${children[@]}"; do
		state_of "$child"
		[ "$state" != Z ] || complain "zombie $child"
	done
}

count_reloads() {
	read_log
	log=${log//[^:]: reloaded: /$'\1'}
	reloads=${log//[!$'\1']/}
	reloads=${#reloads}
}

has_reloads() {
	count_reloads
	[ "$reloads" -eq "$1" ]
}

# Whatever became of a reload, the next one does what it should.
judge_next_reload() {
	count_reloads
	kill -HUP "$master"
	await "$patience" has_reloads $((reloads + 1)) && await "$patience" is_settled
}

judge_service() {
	local session=

	if ! open_session session 2>/dev/null || ! echoes "$session" 'still here'; then
		complain 'it does not serve'
	fi
	[ -z "$session" ] || close_session "$session"
}

# Sets $code to the master's exit code.
judge_end() {
	local pid

	code=0
	wait "$master" 2>/dev/null || code=$?
	judge_code "$code"
	await "$patience" nobody_left
	# A file that cannot be removed is left empty.
	[[ ! -s pid || $call == unlink* ]] || complain 'the pid file is left'
}

nobody_left() {
	local pid

	while read -r pid; do
		is_gone "$pid" || return
	done < <(pgrep -s "$master")
}

# It is prctl(2) that has a worker notice when its master is killed.
judge_orphans() {
	kill -KILL "$master"
	wait "$master" 2>/dev/null
	await "$patience" nobody_left
}

judge_life() {
	await "$patience" all_idle
	[ -n "$call" ] || note_all_descriptors
	[ "$scene" != reload ] || judge_next_reload
	judge_service
	await "$patience" all_idle
	judge_zombies
	judge_descriptors
	if [ "$call" = prctl ]; then
		judge_orphans
		return
	fi
	kill -TERM "$master"
	await "$patience" is_gone "$master" || return
	judge_end
	[ "$code" -eq 0 ] || complain "exit code $code after all went well"
}

# ---- the verdict ----

judge() {
	local ended=

	if is_gone "$master"; then
		ended=1
		judge_end
		[[ $scene == start || $scene == stop ]] || complain 'it has ended'
		[[ $scene != start || $code -ne 0 ]] || complain 'exit code 0, and it does not serve'
	else
		judge_life
	fi
	judge_deaths
	judge_losses
	if [ -n "$call" ] && cannot_be; then
		outcome='cannot be'
	elif [ "${#broken[@]}" -gt 0 ]; then
		printf -v outcome '; %s' "${broken[@]}"
		outcome="FAIL: ${outcome#; }"
	elif [ -n "$call" ] && ! was_reached; then
		outcome='not reached'
	elif [ -n "$ended" ] && [ "$code" -ne 0 ]; then
		outcome="exit $code"
	elif said ': (reload failed|reload refused)'; then
		outcome='reload refused'
	elif worker_died; then
		outcome='worker replaced'
	else
		outcome='goes on'
	fi
}
