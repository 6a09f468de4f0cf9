# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# The servers that scripts/bench compares: how each is started, found ready and
# ended. Each is the leader of a session of its own, so that every process of it
# can be found, also when the one that forked it is gone.
#
# Peers get their best settings for this use: no limits, and TCP_NODELAY where
# they have it.

own_servers='blocking event event-one prefork-loop epoll-loop epoll-one'
peers='apache xinetd tcpserver socat ncat go'

declare -A pid_of port_of
next_port=$((20000 + RANDOM % 8000)) # below those that the kernel gives to clients

# can_have SERVER: is it there? If not, $why says so.
can_have() {
	local program=$1

	case $1 in
	blocking | event | event-one | prefork-loop | epoll-loop | epoll-one) return 0 ;;
	go) program=$BUILD/tests/bench/echo_go ;;
	apache) program=apache2 ;;
	esac
	why='not installed'
	command -v "$program" >/dev/null
}

# ---- processes ----

# processes PIDS WHAT: of the servers that PIDS lead: their sessions, and all descendants. WHAT is
# "list", for their pids, or "cpu", for the microseconds of CPU that they have used, those that
# were reaped included. A process of one thread is read in nanoseconds from schedstat, as ticks
# are too coarse for a process a connection.
processes() {
	{ cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v leaders="$1" -v what="$2" \
		-v tick="$((1000000 / $(getconf CLK_TCK)))" '
		function is_member(pid) {
			for (; pid > 1; pid = parent[pid])
				if (pid in leads || session[pid] in leads)
					return 1
			return 0
		}
		BEGIN {
			count = split(leaders, list, " ")
			for (i = 1; i <= count; i++)
				leads[list[i]] = 1
		}
		{
			pid = $1
			sub(/^.*\) /, "") # the name of a program may hold anything
			parent[pid] = $2; session[pid] = $4; threads[pid] = $18
			own[pid] = ($12 + $13) * tick; reaped[pid] = ($14 + $15) * tick
		}
		END {
			for (pid in parent) {
				if (!is_member(pid))
					continue
				if (what == "list") {
					print pid
					continue
				}
				file = "/proc/" pid "/schedstat"
				if (threads[pid] == 1 && (getline line <file) > 0) {
					split(line, fields, " ")
					own[pid] = fields[1] / 1000
				}
				close(file)
				sum += own[pid] + reaped[pid]
			}
			if (what == "cpu")
				printf "%.0f\n", sum
		}'
}

# end_servers NAME...: in order, or else by force, and with all that they have started.
end_servers() {
	local name left pids=()

	for name; do
		[ -z "${pid_of[$name]:-}" ] || pids+=("${pid_of[$name]}")
		unset "pid_of[$name]"
	done
	[ "${#pids[@]}" -gt 0 ] || return 0
	left=$(processes "${pids[*]}" list)
	kill -TERM "${pids[@]}" 2>/dev/null || true
	for name in "${pids[@]}"; do
		within 10 gone "$name" || kill -KILL "$name" 2>/dev/null || true
		wait "$name" 2>/dev/null || true
	done
	for name in $left; do
		[ ! -e "/proc/$name" ] || kill -KILL "$name" 2>/dev/null || true
	done
}

# ---- starting ----

# Sets $port to one that nobody listens on.
take_port() {
	while (exec 9<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null; do
		next_port=$((next_port + 1))
	done
	port=$next_port
	next_port=$((next_port + 1))
}

# write_apache_settings CLIENTS: Apache as a prefork echo server and nothing else.
write_apache_settings() {
	local most=$(($1 + 8)) modules=${APACHE_MODULES:-/usr/lib/apache2/modules}

	cat >"$folder/apache.conf" <<-EOF
		ServerRoot $folder
		DefaultRuntimeDir $folder
		PidFile $folder/apache.pid
		ErrorLog $folder/apache.errors
		ServerName localhost
		LoadModule mpm_prefork_module $modules/mod_mpm_prefork.so
		LoadModule echo_module $modules/mod_echo.so
		Listen 127.0.0.1:$port
		ProtocolEcho On
		StartServers $most
		MaxSpareServers $most
		ServerLimit $most
		MaxRequestWorkers $most
	EOF
	if [ "$(id -u)" -eq 0 ]; then
		printf 'User %s\nGroup %s\n' nobody "$(id -gn nobody)" >>"$folder/apache.conf"
	fi
}

write_xinetd_settings() {
	cat >"$folder/xinetd.conf" <<-EOF
		defaults
		{
			log_type = FILE $folder/xinetd.lines
			cps = 100000 1
			instances = UNLIMITED
			per_source = UNLIMITED
		}
		service echo
		{
			id = echo-stream
			type = INTERNAL UNLISTED
			socket_type = stream
			protocol = tcp
			bind = 127.0.0.1
			port = $port
			user = $(id -un)
			wait = no
			flags = NODELAY
		}
	EOF
}

# Sets $command to what starts a server on $port that has room for so many clients at once.
# set_command SERVER CLIENTS
set_command() {
	local name=$1 clients=$2 most=$(($2 + 8)) workers=$(($2 > 8 ? $2 : 8))
	local ours=("$BUILD/echo-master" -l 127.0.0.1 -p "$port" --log-stderr --log-level notice)

	case $name in
	blocking) command=("${ours[@]}" -w "$workers" --max-workers "$workers") ;;
	event) command=("${ours[@]}" -w auto --connections $((most > 64 ? most : 64))) ;;
	event-one) command=("${ours[@]}" -w 1 --connections $((most > 64 ? most : 64))) ;;
	prefork-loop) command=("$BUILD/tests/bench/prefork_loop" "$workers" "$port") ;;
	epoll-loop) command=("$BUILD/tests/bench/epoll_loop" "$(nproc)" "$port") ;;
	epoll-one) command=("$BUILD/tests/bench/epoll_loop" 1 "$port") ;;
	apache)
		write_apache_settings "$workers"
		command=(apache2 -D FOREGROUND -f "$folder/apache.conf")
		;;
	xinetd)
		write_xinetd_settings
		command=(xinetd -dontfork -f "$folder/xinetd.conf" -pidfile "$folder/xinetd.pid")
		;;
	tcpserver) command=(tcpserver -HRD -l 0 -c "$most" -b 4096 127.0.0.1 "$port" cat) ;;
	socat)
		command=(socat
			"TCP4-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,nodelay,backlog=4096" PIPE)
		;;
	ncat) command=(ncat -l -k -m "$most" -e /bin/cat 127.0.0.1 "$port") ;;
	go) command=("$BUILD/tests/bench/echo_go" "$port") ;;
	esac
}

answers() {
	local client answer=

	{ exec {client}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	{ echo works >&"$client" && read -r -t 1 -u "$client" answer; } 2>/dev/null || true
	exec {client}>&-
	[ "$answer" = works ]
}

answers_or_gone() {
	answers "${port_of[$1]}" || gone "${pid_of[$1]}"
}

# Nothing more is being forked by any of them. That they are done none of the peers says: so it is
# looked twice, with more time in between than one takes from one fork to the next.
is_settled() {
	local count

	count=$(processes "${pid_of[*]}" list | wc -l)
	[ "$count" -eq "$settled_at" ] || {
		settled_at=$count
		sleep 0.03
		return 1
	}
}

settle() {
	settled_at=0
	within 5 is_settled || true
}

# launch NAME SERVER CLIENTS [OPTION...]: NAME is what it is known by from here on.
launch() {
	local command port

	take_port
	set_command "$2" "$3"
	setsid "${command[@]}" "${@:4}" >"$folder/$1.log" 2>&1 </dev/null &
	pid_of[$1]=$!
	port_of[$1]=$port
}

# has_come_up NAME: waits until it serves; if not, $why says why, and nothing is left of it.
has_come_up() {
	if within 20 answers_or_gone "$1" && ! gone "${pid_of[$1]}"; then
		return 0
	fi
	why="did not start: $(tail -n 1 "$folder/$1.log" | cut -c 1-45)"
	end_servers "$1"
	return 1
}

# start_server NAME SERVER CLIENTS [OPTION...]: both, until it is at rest.
start_server() {
	launch "$@"
	has_come_up "$1" || return 1
	settle
}
