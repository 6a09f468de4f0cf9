#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# README, manual pages and help say what is so, and the same thing.

load common

@test "words: every option is in the help, in the README and in the manual page" {
	"$BUILD/echo-master" --help >help
	grep -oE -- '--[a-z-]+' help | sort -u >options
	[ "$(wc -l <options)" -eq 37 ]
	while read -r option; do
		grep -q -- "^    .*$option" "$top/README"
		grep -q -- "Fl -${option#--}" "$top/master/echo-master.8"
	done <options
}

@test "words: defaults in the README are those of the help" {
	"$BUILD/echo-master" --help | sed -n 's/^.*\(--[a-z-]*\).*(default: \([a-z0-9*]*\))$/\1 \2/p' >defaults
	[ "$(wc -l <defaults)" -eq 31 ]
	while read -r option default; do
		[ "$default" != '*' ] || default='\*'
		grep -E -- "^    .*${option}[^a-z].*\(${default}[,)]" "$top/README"
	done <defaults
}

@test "words: manual pages are well-formed" {
	command -v mandoc || skip "mandoc is not here"
	mandoc -Tlint -W warning "$top/master/echo-master.8" "$top/client/echo-client.1" \
		"$top/client/echo-load.1" \
		"$top/etc/echo-master.conf.5"
}

@test "words: what only a restart changes is the same in all of them" {
	: >empty.conf
	"$BUILD/echo-master" -T -f empty.conf | grep -v '^#' | cut -d ' ' -f 1 >keys
	while read -r key; do
		if awk -v key="$key" '/^\.It Ic / { on = $3 == key } on' "$top/etc/echo-master.conf.5" |
			grep -q '^Only a restart changes it'; then
			echo "$key" >>in_manual
		fi
		if awk -v key="$key" '/^$/ { text = "" } { text = text $0 }
			index($0, "#" key " ") == 1 { print text }' "$top/etc/echo-master.conf" |
			grep -q '(Restart\.)'; then
			echo "$key" >>in_example
		fi
	done <keys
	diff in_manual in_example
	[ "$(tr '\n' ' ' <in_manual)" = 'daemon pid-file master-user ' ]
	tr '\n' ' ' <"$top/README" | grep -q 'only a restart changes daemon, pid-file and master-user\.'
}

# completes WORD...: what bash offers for the last word.
completes() {
	cat >complete.bash <<-'EOF'
		. "$1"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		function=$(complete -p echo-master | sed 's/.*-F \([^ ]*\).*/\1/')
		"$function" echo-master "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf '%s\n' "${COMPREPLY[@]}"
	EOF
	bash complete.bash "$top/etc/echo-master.bash" echo-master "$@" | LC_ALL=C sort | tr '\n' ' '
}

@test "words: the completion for bash is what the program prints, and offers every option" {
	"$BUILD/echo-master" --completion | diff - "$top/etc/echo-master.bash"
	"$BUILD/echo-master" --help | grep -oE -- '--[a-z-]+|^  -[a-zA-Z]' | tr -d ' ' |
		LC_ALL=C sort >options
	[ "$(completes '')" = "$(tr '\n' ' ' <options)" ]
	[ "$(completes --lo)" = '--log-level --log-stderr ' ]
	[ "$(completes -w 3 -d --lo)" = '--log-level --log-stderr ' ]
	[ "$(completes --nothing)" = ' ' ]
}

@test "words: the completion for bash offers what a value may be" {
	touch server.conf 'server two.conf'
	[ "$(completes --log-level d)" = 'debug ' ]
	[ "$(completes --log-level = d)" = 'debug ' ]
	[ "$(completes --log-level =)" = 'debug error info notice warning ' ]
	[ "$(completes -f serv)" = 'server two.conf server.conf ' ]
	[ "$(completes -tf server.)" = 'server.conf ' ]
	[ "$(completes --file = server.)" = 'server.conf ' ]
	[ "$(completes --sandbox '')" = 'enforce log off ' ]
	[ "$(completes --pid-file no)" = 'none ' ]
	[ "$(completes --chroot "$PWD/server.")" = "$PWD/server.conf " ]
	[ "$(completes -w '')" = 'auto ' ]
	[ "$(completes -dw '')" = 'auto ' ]
	[ "$(completes --log-stderr = '')" = 'no yes ' ]
	[ "$(completes --daemon --tes)" = '--test ' ]
	[[ " $(completes -u roo)" == *' root '* ]]
	[ "$(completes -u aut)" = 'auto ' ]
	[[ " $(completes -g roo)" == *' root '* ]]
	[ "$(completes --master-user non)" = 'none ' ]
	[ "$(completes --backlog '')" = ' ' ]
	if grep -q '^telnet[[:space:]]' /etc/services; then
		[[ " $(completes -p tel)" == *' telnet '* ]]
	fi
}

@test "words: the completion for bash is clean" {
	command -v shellcheck || skip "shellcheck is not here"
	shellcheck "$top/etc/echo-master.bash"
}

@test "words: the README's examples for scripts run as they stand" {
	start_server -w 8
	# The commands behind "$ " that run one of the clients, on this server's port and build.
	sed -n 's/^    \$ \(.*echo-\(client\|load\).*\)$/\1/p' "$top/README" |
		sed "s/ 5000/ $port/; s:build/:$BUILD/:g" >examples
	[ "$(wc -l <examples)" -eq 5 ]
	bash -e examples >out
	[ "$(head -n 1 out)" = hello ]
	grep -q '^3 sent, 3 received, 0% lost$' out
	grep -q '^connections  8 clean$' out
	grep -q '"echoes":1000,"echoes_per_s"' out
}

# examples_of PAGE: its commands, on this server's port and build; a load takes less long.
examples_of() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/s/^\.Dl //p' "$top/$1" |
		sed -E "s/ 127\.0\.0\.1 5000/ 127.0.0.1 $port/; s/(echo-load .*-d )[0-9]+ /\10.5 /"
}

# run_example N: this one, as a shell has it; what it prints is in out.
run_example() {
	local line

	line=$(sed -n "$1p" examples)
	echo "$line"
	PATH=$BUILD:$PATH timeout 60 bash -e -o pipefail -c "$line" >out 3>&-
	cat out
}

@test "words: the examples of echo-load's manual page run, and do what they say" {
	command -v jq >/dev/null || skip "jq is not here"
	start_roomy
	examples_of client/echo-load.1 >examples
	[ "$(wc -l <examples)" -eq 5 ]
	[ "$(grep -c " 127\.0\.0\.1 $port" examples)" -eq 5 ]
	run_example 1
	grep -q '^connections  200 clean$' out
	run_example 2
	grep -q '^connections  50 clean$' out
	grep -q ' open loop: 2000 echoes/s$' out
	grep -q ' Percentile ' echo.hgrm
	run_example 3
	grep -q '^echoes       1000 in ' out
	[ "$(sed -n 's/^connections  \([0-9]*\) clean$/\1/p' out)" -ge 1000 ]
	run_example 4
	grep -qE '^connections  [1-9][0-9]* clean$' out
	[ -e lost.txt ]
	[ ! -s lost.txt ]
	run_example 5
	grep -qE '^[0-9.]+$' out
}

@test "words: the examples of echo-client's manual page run, and do what they say" {
	start_roomy
	seq 100000 >file
	examples_of client/echo-client.1 >examples
	[ "$(wc -l <examples)" -eq 3 ]
	[ "$(grep -c " 127\.0\.0\.1 $port" examples)" -eq 3 ]
	run_example 1
	[ "$(cat out)" = hello ]
	run_example 2
	[ ! -s out ]
	run_example 3
	grep -q '^1000 bytes from ' out
	grep -q '^5 sent, 5 received, 0% lost' out
}

# The paragraph of a long option in echo-load's manual page, as one line.
paragraph_of() {
	awk -v option="Fl -$1 " '/^\.(It|El|Sh|Ss)/ { on = index($0 " ", option) } on' \
		"$top/client/echo-load.1" | tr '\n' ' '
}

@test "words: limits and defaults of echo-load's options are in its manual page" {
	# What the program says is allowed, for each option that takes a value with limits.
	"$BUILD/echo-load" --help | sed -nE 's/^.* --([a-z-]+) [A-Z].*/\1/p' | while read -r option; do
		run -64 "$BUILD/echo-load" "--$option=" 127.0.0.1 7
		grep -oE '[0-9]+[a-z]* to [0-9^]+[a-z]*' <<<"$output" | sed "s/^/$option /"
	done >limits
	[ "$(wc -l <limits)" -eq 12 ]
	while read -r option range; do
		[[ $(paragraph_of "$option") == *"${range:?}"[!0-9a-z]* ]]
	done <limits
	"$BUILD/echo-load" --help | sed -nE 's/^.* --([a-z-]+) .*\(([0-9]+s?)[,)].*/\1 \2/p' >defaults
	[ "$(wc -l <defaults)" -eq 5 ]
	while read -r option default; do
		[[ $(paragraph_of "$option") == *"default is $default"[!0-9a-z]* ]]
	done <defaults
}

@test "words: another protocol, as the README has it, builds and serves" {
	need_plain_build
	mkdir tree
	cp -r "$top/GNUmakefile" "$top/master" "$top/worker" "$top/common" "$top/client" tree
	awk '/^    \/\* Answers each line in capitals/ { on = 1 } on && /^[^ ]/ { exit } on' \
		"$top/README" | sed 's/^    //' >tree/worker/echo.c
	make -s -C tree BUILD=build WERROR=1
	BUILD=$PWD/tree/build
	for connections in 1 64; do
		rm -f server.log
		start_server -w 2 --connections "$connections"
		open_session fd
		printf 'hello, world\n' >&"$fd"
		read -r -t 10 -u "$fd" answer
		[ "$answer" = 'HELLO, WORLD' ]
		# What comes at the end of what the client says is more than an echo to it.
		printf '1\n2\n' | "$BUILD/echo-client" 127.0.0.1 "$port" >answer.txt || true
		[ "$(paste -sd ' ' answer.txt)" = '1 2 lines: 2' ]
		# It is stopped in order like any other.
		kill -QUIT "$master"
		ends_in_order "$fd"
		[ "$(cat rest.txt)" = 'lines: 1' ]
		close_session "$fd"
		wait_for_server 5
		[ "$status" -eq 0 ]
	done
}

@test "words: every test that the README names for a promise is there" {
	sed -n '/^What it promises/,/^Your own protocol/s/^    \([a-z]*: .*\)/\1/p' "$top/README" >named
	[ "$(wc -l <named)" -ge 40 ]
	cat "$top"/tests/e2e/*.bats "$top"/tests/fault/*.bats >all
	while read -r name; do
		grep -qF "@test \"$name\" {" all || { echo "no test: $name"; return 1; }
	done <named
}

# As tests/uncovered.awk has them by gcov; after a function moves the reason moves with it.
@test "words: every function that tests/uncovered names is in its file" {
	sed '/^#/d; /^$/d' "$top/tests/uncovered" >listed
	[ "$(wc -l <listed)" -ge 100 ]
	while read -r file name _; do
		grep -qE "^[a-z].*[ *]$name\([^;]*$" "$top/$file" || { echo "$file: no $name"; return 1; }
	done <listed
}
