#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The build does what GNU make users expect.

load common

# A copy of the tree, so that nothing here touches the build under test.
copy_tree() {
	need_plain_build
	mkdir tree
	cp -r "$top/GNUmakefile" "$top/README" "$top/master" "$top/worker" "$top/common" \
		"$top/client" "$top/etc" tree
	cd tree || return 1
	forget_outer_make
}

# What a make that runs these tests has told its children is not for the ones in here.
forget_outer_make() {
	unset BUILD MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CC CFLAGS CPPFLAGS LDFLAGS SECCOMP WERROR
}

@test "build: nothing is built twice, and a header rebuilds what includes it" {
	copy_tree
	make -s -j 4
	run -0 make -q
	touch common/board.h
	run -1 make -q
	make -j 4 >made
	grep -q 'worker/session.o' made
	run -1 grep -q -- '-o build/common/clock.o' made
}

@test "build: changed flags rebuild everything" {
	copy_tree
	make -s -j 4
	run -1 make -q CFLAGS='-O1'
}

@test "build: CFLAGS, CPPFLAGS, LDFLAGS and CC are honoured, and it stays free of warnings" {
	copy_tree
	make -j 4 WERROR=1 CC=gcc CFLAGS='-O0' CPPFLAGS='-DFROM_OUTSIDE' LDFLAGS='-Wl,--build-id=none' >made
	grep -q 'gcc.*-DFROM_OUTSIDE.*-O0.*master/plan.c' made
	grep -q 'build-id=none' made
	build/echo-master -V
}

# What is left when system calls are not filtered; opening stands for all that landlock forbids.
@test "build: SECCOMP=no does without libseccomp, says so, and holds workers by the rest" {
	need_root # another user's processes are not ours to count
	copy_tree
	mkdir -p tests/e2e
	cp "$top/tests/e2e/hijacked.c" tests/e2e
	make -s -j 4 SECCOMP=no WERROR=1 build/tests/e2e/hijacked
	cd "$BATS_TEST_TMPDIR"
	cp tree/build/tests/e2e/hijacked echo-master
	run -1 grep -q seccomp <(readelf -dW echo-master)
	[[ $(./echo-master -V) == *' (without seccomp)' ]]
	ENGINE=
	launch ./echo-master -p 0 -w 1 --max-workers 1 --log-stderr
	server_said 'sandbox enforce: .*limits.*; no seccomp in this build$'
	open_session fd
	echoes "$fd" hello
	says() {
		printf '%s\n' "$1" >&"$fd"
		read -r -t 10 -u "$fd" answer
		[ "$answer" = "$2" ]
	}
	says fork 'Resource temporarily unavailable'
	says kill 'Operation not permitted'
	says ptrace 'Operation not permitted'
	! server_said 'landlock [0-9]' || says open 'Permission denied'
}

@test "build: programs are hardened: PIE, full RELRO, stack protector, FORTIFY" {
	copy_tree
	make -s -j 4
	for program in build/echo-master build/echo-client; do
		readelf -hW $program | grep -q 'Type:.*DYN'
		readelf -lW $program | grep -q GNU_RELRO
		readelf -dW $program | grep -q BIND_NOW
		readelf -sW $program | grep -q __stack_chk_fail
		readelf -sW $program | grep -q '_chk@'
	done
}

@test "build: install puts its files under DESTDIR and prefix, uninstall leaves nothing" {
	copy_tree
	make -s -j 4 install DESTDIR="$PWD/stage" prefix=/usr
	(cd stage && find . -type f | sort) >installed
	cat installed
	diff installed - <<-END
		./usr/bin/echo-client
		./usr/bin/echo-load
		./usr/etc/echo-master.conf
		./usr/lib/systemd/system/echo-master.service
		./usr/lib/systemd/system/echo-master.socket
		./usr/lib/sysusers.d/echo-master.conf
		./usr/sbin/echo-master
		./usr/share/bash-completion/completions/echo-master
		./usr/share/doc/echo-master/README
		./usr/share/doc/echo-master/echo-load.schema.json
		./usr/share/man/man1/echo-client.1
		./usr/share/man/man1/echo-load.1
		./usr/share/man/man5/echo-master.conf.5
		./usr/share/man/man8/echo-master.8
	END
	stage/usr/sbin/echo-master -V
	grep -x 'ExecStart=/usr/sbin/echo-master' stage/usr/lib/systemd/system/echo-master.service
	# A configuration of one's own survives both.
	echo 'workers 3' >>stage/usr/etc/echo-master.conf
	make -s install DESTDIR="$PWD/stage" prefix=/usr
	make -s uninstall DESTDIR="$PWD/stage" prefix=/usr
	tail -n 1 stage/usr/etc/echo-master.conf | grep -x 'workers 3'
	rm stage/usr/etc/echo-master.conf
	make -s install DESTDIR="$PWD/stage" prefix=/usr
	make -s uninstall DESTDIR="$PWD/stage" prefix=/usr
	[ -z "$(find stage ! -type d)" ]
	[ ! -e stage/usr/share/doc/echo-master ]
}

@test "build: dist packs a tree that builds" {
	need_plain_build
	git -C "$top" rev-parse HEAD >/dev/null 2>&1 || skip "no git history here"
	forget_outer_make
	git clone -q "$top" clone
	make -s -C clone dist
	tar -xzf clone/build/echo-master-*.tar.gz
	make -s -j 4 -C echo-master-*/
	"$(echo "$PWD"/echo-master-*/build/echo-master)" -V
}

@test "build: make help names every target" {
	forget_outer_make
	run -0 make -s -C "$top" help
	for target in check asan lint install uninstall dist clean; do
		[[ $output == *"$target"* ]]
	done
}
