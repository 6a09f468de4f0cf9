# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion for bash, as `echo-master --completion` prints it.

_echo_master() {
	local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
	local IFS=$' \t\n' offers=(-W '')

	# --key=value comes as three words.
	if [[ $cur == '=' ]]; then
		cur='' option+='='
	elif [[ $option == '=' ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}'='
	fi
	# In -dw 8 the value is that of the last letter.
	[[ $option =~ ^-[dtTVh]+(.)$ ]] && option=-${BASH_REMATCH[1]}
	case $option in
	-w | --workers | --workers=) offers=(-W auto) ;;
	--max-workers | --max-workers=) offers=(-W '') ;;
	--spare-timeout | --spare-timeout=) offers=(-W '') ;;
	--max-served | --max-served=) offers=(-W '') ;;
	--hang-timeout | --hang-timeout=) offers=(-W '') ;;
	--connections | --connections=) offers=(-W '') ;;
	--busy-poll | --busy-poll=) offers=(-W '') ;;
	-p | --port | --port=) offers=(-A service) ;;
	-l | --listen | --listen=) offers=(-A hostname) ;;
	-b | --backlog | --backlog=) offers=(-W '') ;;
	--buffer | --buffer=) offers=(-W '') ;;
	--shutdown-timeout | --shutdown-timeout=) offers=(-W '') ;;
	--idle-timeout | --idle-timeout=) offers=(-W '') ;;
	--write-timeout | --write-timeout=) offers=(-W '') ;;
	--first-byte-timeout | --first-byte-timeout=) offers=(-W '') ;;
	--session-time | --session-time=) offers=(-W '') ;;
	--session-bytes | --session-bytes=) offers=(-W '') ;;
	--per-source | --per-source=) offers=(-W '') ;;
	--rate | --rate=) offers=(-W '') ;;
	--rate-burst | --rate-burst=) offers=(-W '') ;;
	--allow | --allow=) offers=(-W 'all none') ;;
	--deny | --deny=) offers=(-W 'all none') ;;
	--daemon=) offers=(-W 'yes no') ;;
	--pid-file | --pid-file=) offers=(-f -W none) ;;
	-u | --user | --user=) offers=(-u -W auto) ;;
	-g | --group | --group=) offers=(-g -W auto) ;;
	--chroot | --chroot=) offers=(-f -W none) ;;
	--master-user | --master-user=) offers=(-u -W none) ;;
	--sandbox | --sandbox=) offers=(-W 'enforce log off') ;;
	--log-level | --log-level=) offers=(-W 'error warning notice info debug') ;;
	--log-stderr=) offers=(-W 'yes no') ;;
	-f | --file | --file=) offers=(-f) ;;
	*) offers=(-W '
			--workers -w
			--max-workers
			--spare-timeout
			--max-served
			--hang-timeout
			--connections
			--busy-poll
			--port -p
			--listen -l
			--backlog -b
			--buffer
			--shutdown-timeout
			--idle-timeout
			--write-timeout
			--first-byte-timeout
			--session-time
			--session-bytes
			--per-source
			--rate
			--rate-burst
			--allow
			--deny
			--daemon -d
			--pid-file
			--user -u
			--group -g
			--chroot
			--master-user
			--sandbox
			--log-level
			--log-stderr
			--file -f
			--test -t
			--show -T
			--completion
			--version -V
			--help -h
		') ;;
	esac
	[[ ${offers[0]} != -f ]] || compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${offers[@]}" -- "$cur")
}
complete -F _echo_master echo-master
