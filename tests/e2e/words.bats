#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# README, manual pages and help say what is so, and the same thing.

load common

@test "words: every option is in the help, in the README and in the manual page" {
	"$BUILD/echo-master" --help >help
	grep -oE -- '--[a-z-]+' help | sort -u >options
	[ "$(wc -l <options)" -eq 12 ]
	while read -r option; do
		grep -q -- "^    .*$option" "$top/README"
		grep -q -- "Fl -${option#--}" "$top/master/echo-master.8"
	done <options
}

@test "words: defaults in the README are those of the help" {
	"$BUILD/echo-master" --help | sed -n 's/^.*\(--[a-z-]*\).*(default: \([a-z0-9*]*\))$/\1 \2/p' >defaults
	[ "$(wc -l <defaults)" -eq 7 ]
	while read -r option default; do
		[ "$default" != '*' ] || default='\*'
		grep -E -- "^    .*${option}[^a-z].*\(${default}[,)]" "$top/README"
	done <defaults
}

@test "words: manual pages are well-formed" {
	command -v mandoc || skip "mandoc is not here"
	mandoc -Tlint -W warning "$top/master/echo-master.8" "$top/client/echo-client.1" \
		"$top/etc/echo-master.conf.5"
}

@test "words: the README's examples for scripts run as they stand" {
	start_server -w 2
	# The commands behind "$ " that use echo-client, on this server's port and build.
	sed -n 's/^    \$ \(.*echo-client.*\)$/\1/p' "$top/README" |
		sed "s/ 5000/ $port/; s:build/:$BUILD/:g" >examples
	[ "$(wc -l <examples)" -eq 2 ]
	bash -e examples >out
	[ "$(cat out)" = hello ]
}

@test "words: another protocol, as the README has it, builds and serves" {
	need_plain_build
	mkdir tree
	cp -r "$top/GNUmakefile" "$top/master" "$top/worker" "$top/common" "$top/client" tree
	awk '/^    \/\* Answers each line in capitals/ { on = 1 } on && /^[^ ]/ { exit } on' \
		"$top/README" | sed 's/^    //' >tree/worker/echo.c
	make -s -C tree BUILD=build WERROR=1
	BUILD=$PWD/tree/build
	start_server -w 2
	open_session fd
	printf 'hello, world\n' >&"$fd"
	read -r -t 10 -u "$fd" answer
	[ "$answer" = 'HELLO, WORLD' ]
	# It is stopped in order like any other.
	kill -QUIT "$master"
	ends_in_order "$fd"
	close_session "$fd"
	wait_for_server 5
	[ "$status" -eq 0 ]
}
