/* SPDX-License-Identifier: ISC */
/*
 * master/daemon.h: what the shell is told, and when. A test starts a parent (in the place of the
 * process that the shell waits for), which begins a child. The child is in a session of its own,
 * where libcheck's kill does not reach it, so it never waits for anything but the test's leash.
 */
#include "tests/suites.h"

#include "master/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define NOBODY 65534
#define ROOT_ONLY 200 /* code of a parent that can do its part only as root */

static int leash[2]; /* the test writes a byte to let a child go on, and closes it to end it */
static int news[2];  /* what a child writes for the test, a byte a piece */
static int said;     /* where parent and child speak: standard error, which is caught */

static struct shared {
	pid_t parent;               /* its pid */
	struct stat standard[3];    /* the parent's standard descriptors */
	int descriptors;            /* how many the parent had open */
	volatile int interruptions; /* of the parent, so far */
} *shared;

/* What a test lets its processes do: the parent before it begins, and then the child. */
static void (*prepare)(void);
static int (*serve)(void);
static bool keep_stderr;

static void set_up(void)
{
	setprogname("echo-master");
	/* A child whose parent has ended becomes ours. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert_int_eq(pipe(leash), 0);
	ck_assert_int_eq(pipe(news), 0);
	said = stderr_catch();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	ck_assert(shared != MAP_FAILED);
	prepare = NULL;
	keep_stderr = false;
}

static void tear_down(void)
{
	if (leash[1] >= 0)
		close(leash[1]);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	munmap(shared, sizeof *shared);
	stderr_release();
	close(news[0]);
	close(news[1]);
	close(leash[0]);
}

/* ---- in parent and child ---- */

static int count_descriptors(int without)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && (flags & without) == 0)
			count++;
	}
	return count;
}

/* Puts something in their place that is not /dev/null, and remembers what. */
static void note_standard_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		dup2(said, fd);
		fstat(fd, &shared->standard[fd]);
	}
}

static int begin(void *unused)
{
	int code = -1;

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_DFL); /* libcheck's own handler kills more than this process */
	close(leash[1]);
	shared->parent = getpid();
	note_standard_descriptors();
	shared->descriptors = count_descriptors(0);
	if (prepare != NULL)
		prepare();
	return daemon_begin(keep_stderr, &code) ? serve() : code;
}

static bool may_go_on(void)
{
	char byte;

	return read(leash[0], &byte, 1) == 1;
}

static int stay(void)
{
	return may_go_on() ? 100 : 0;
}

/* Returns true when the parent sleeps, false when it, or the test, has ended. */
static bool parent_sleeps(void)
{
	struct pollfd end = { .fd = leash[0], .events = POLLIN };
	char path[64];
	char state = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)shared->parent);
	while (getppid() == shared->parent && poll(&end, 1, 1) == 0) {
		FILE *file = fopen(path, "r");

		if (file != NULL && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (file != NULL)
			fclose(file);
		if (state == 'S')
			return getppid() == shared->parent;
	}
	return false;
}

static bool is_nowhere(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
	    status.st_rdev == makedev(1, 3) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

static bool is_as_in_parent(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_ino == shared->standard[fd].st_ino &&
	    status.st_dev == shared->standard[fd].st_dev;
}

static bool all_are_as_in_parent(void)
{
	return is_as_in_parent(0) && is_as_in_parent(1) && is_as_in_parent(2);
}

/* And nothing else is open that was not in the parent. */
static bool terminal_is_let_go(void)
{
	return is_nowhere(0) && is_nowhere(1) &&
	    (keep_stderr ? is_as_in_parent(2) : is_nowhere(2)) &&
	    count_descriptors(0) == shared->descriptors;
}

/* ---- in the test ---- */

static pid_t start(int (*child)(void))
{
	serve = child;
	return child_start(begin, NULL);
}

static void expect_end(pid_t pid, int code)
{
	int status = 0;

	ck_assert_int_gt(waitpid(pid, &status, 0), 0);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code,
	    "status %#x where code %d was expected", (unsigned)status, code);
}

/* The child's parent has ended, so that it is ours. */
static void end_child(void)
{
	close(leash[1]);
	leash[1] = -1;
	expect_end(-1, 0);
}

static void expect_said(const char *expected)
{
	ck_assert_str_eq(stderr_caught(), expected);
}

/* ---- what the parent ends with ---- */

static int ready_when_parent_sleeps(void)
{
	if (!parent_sleeps())
		return 101;
	return daemon_ready() == 0 ? stay() : 102;
}

START_TEST(parent_ends_with_0_when_the_child_is_ready_and_not_before)
{
	expect_end(start(ready_when_parent_sleeps), EX_OK);
	end_child();
	expect_said("");
}
END_TEST

static const int codes[] = { 1, EX_USAGE, EX_UNAVAILABLE, EX_OSERR, EX_NOPERM, EX_CONFIG, 255 };
static int code_to_end_with;

static int end_with_code(void)
{
	return code_to_end_with;
}

START_TEST(parent_ends_with_the_code_of_a_child_that_could_not_start)
{
	code_to_end_with = codes[_i];
	expect_end(start(end_with_code), codes[_i]);
	expect_said("");
}
END_TEST

START_TEST(child_that_was_stopped_before_it_was_ready_is_no_success)
{
	code_to_end_with = EX_OK;
	expect_end(start(end_with_code), EX_UNAVAILABLE);
	expect_said("echo-master: the server was stopped before it was ready\n");
}
END_TEST

static int be_killed(void)
{
	raise(SIGKILL);
	return 0;
}

START_TEST(child_that_is_killed_is_reported)
{
	expect_end(start(be_killed), EX_SOFTWARE);
	expect_said("echo-master: the server was killed by signal 9 (Killed) "
	            "before it was ready\n");
}
END_TEST

static int end_before_worker(void)
{
	pid_t worker = fork();

	if (worker < 0)
		return 101;
	if (worker > 0)
		return EX_CONFIG;
	daemon_forget();
	return terminal_is_let_go() ? stay() : 102;
}

START_TEST(child_that_ends_is_noticed_while_its_worker_lives)
{
	keep_stderr = _i != 0;
	expect_end(start(end_before_worker), EX_CONFIG);
	end_child();
}
END_TEST

static void ignore_children(void)
{
	signal(SIGCHLD, SIG_IGN);
}

START_TEST(code_of_the_child_is_known_where_sigchld_was_ignored)
{
	prepare = ignore_children;
	code_to_end_with = EX_CONFIG;
	expect_end(start(end_with_code), EX_CONFIG);
}
END_TEST

static void note_interruption(int number)
{
	(void)number;
	shared->interruptions++;
}

static void be_interrupted(void)
{
	interruptions_start(note_interruption, 1);
}

static bool parent_was_interrupted_asleep(void)
{
	int before;

	if (!parent_sleeps())
		return false;
	before = shared->interruptions;
	while (shared->interruptions < before + 5)
		if (!parent_sleeps())
			return false;
	return true;
}

static int ready_after_interruptions(void)
{
	return parent_was_interrupted_asleep() && daemon_ready() == 0 ? stay() : 101;
}

/* The parent sees the end of the stream, and waits for that of the child. */
static int end_after_interruptions(void)
{
	daemon_forget();
	return parent_was_interrupted_asleep() ? EX_CONFIG : 101;
}

START_TEST(interruptions_do_not_end_the_wait)
{
	prepare = be_interrupted;
	expect_end(start(ready_after_interruptions), EX_OK);
	expect_end(start(end_after_interruptions), EX_CONFIG);
	end_child();
}
END_TEST

static void allow_no_descriptor(void)
{
	struct rlimit three = { 3, 3 };

	setrlimit(RLIMIT_NOFILE, &three);
}

START_TEST(failing_socketpair_is_the_systems_fault)
{
	prepare = allow_no_descriptor;
	expect_end(start(stay), EX_OSERR);
	expect_said("echo-master: cannot start in the background: socketpair: "
	            "Too many open files\n");
}
END_TEST

static void allow_no_waiting(void)
{
	if (tell_lie(&(struct lie){ SYS_wait4, -1, 0, ECHILD }) < 0)
		_exit(101);
}

static int end_at_once(void)
{
	return 0;
}

START_TEST(child_that_cannot_be_waited_for_is_the_systems_fault)
{
	prepare = allow_no_waiting;
	expect_end(start(end_at_once), EX_OSERR);
	ck_assert_ptr_nonnull(strstr(stderr_caught(), ": No child processes\n"));
	expect_end(-1, 0); /* it is ours now */
}
END_TEST

static void allow_no_process(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_NPROC, &none);
	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(101);
}

START_TEST(failing_fork_is_the_systems_fault)
{
	prepare = allow_no_process;
	expect_end(start(stay), EX_OSERR);
	expect_said("echo-master: cannot start in the background: fork: "
	            "Resource temporarily unavailable\n");
}
END_TEST

/* A folder that becomes "/" has nothing in it. */
static void enter_empty_root(void)
{
	char folder[] = "check_daemon.XXXXXX"; /* relative, to find it from without */

	if (chdir("/tmp") < 0 || mkdtemp(folder) == NULL)
		_exit(101);
	if (chroot(folder) < 0) {
		rmdir(folder);
		_exit(ROOT_ONLY);
	}
	rmdir(folder);
}

/* And then its user may not enter it. */
static void enter_closed_root(void)
{
	enter_empty_root();
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(101);
}

static const struct {
	void (*prepare)(void);
	const char *said;
} bad_roots[] = {
	{ enter_closed_root, "folder /: Permission denied" },
	{ enter_empty_root, "/dev/null: No such file or directory" },
};

START_TEST(child_that_finds_no_place_to_go_to_says_so)
{
	char text[128];

	prepare = bad_roots[_i].prepare;
	if (geteuid() != 0) {
		expect_end(start(stay), ROOT_ONLY);
		return;
	}
	expect_end(start(stay), EX_OSERR);
	snprintf(text, sizeof text, "echo-master: cannot start in the background: %s\n",
	    bad_roots[_i].said);
	expect_said(text);
}
END_TEST

/* ---- the child ---- */

static int look_around(void)
{
	char folder[256];

	if (getsid(0) != getpid() || getcwd(folder, sizeof folder) == NULL ||
	    strcmp(folder, "/") != 0)
		return 101;
	if (!all_are_as_in_parent())
		return 102;
	/* What it has beyond those of the parent is not for other programs. */
	if (count_descriptors(0) != shared->descriptors + 2 ||
	    count_descriptors(FD_CLOEXEC) != shared->descriptors)
		return 103;
	return EX_CONFIG;
}

START_TEST(child_has_a_session_of_its_own_and_the_terminal_until_it_is_ready)
{
	expect_end(start(look_around), EX_CONFIG);
}
END_TEST

static int let_go_of_terminal(void)
{
	if (daemon_ready() < 0)
		return 101;
	return terminal_is_let_go() ? stay() : 102;
}

START_TEST(child_lets_go_of_the_terminal_when_it_is_ready)
{
	keep_stderr = _i != 0;
	expect_end(start(let_go_of_terminal), EX_OK);
	end_child();
}
END_TEST

static int be_ready_twice(void)
{
	if (daemon_ready() < 0)
		return 101;
	dup2(news[1], STDIN_FILENO);
	return daemon_ready() == 0 && !is_nowhere(STDIN_FILENO) ? stay() : 102;
}

START_TEST(being_ready_again_does_nothing)
{
	expect_end(start(be_ready_twice), EX_OK);
	end_child();
}
END_TEST

/* It sees twice that the parent is gone, and still has a standard error to say so. */
static int miss_parent(void)
{
	signal(SIGPIPE, SIG_DFL);
	if (write(news[1], "b", 1) != 1 || !may_go_on())
		return 101;
	for (int i = 0; i < 2; i++)
		if (daemon_ready() == 0 || errno != EPIPE || !all_are_as_in_parent())
			return 102;
	return 0;
}

static void await_news(void)
{
	char byte;

	ck_assert_int_eq(read(news[0], &byte, 1), 1);
}

START_TEST(child_notices_that_the_parent_was_killed)
{
	pid_t parent = start(miss_parent);

	await_news();
	child_kill(parent);
	ck_assert_int_eq(write(leash[1], "g", 1), 1);
	end_child();
}
END_TEST

START_TEST(ctrl_c_ends_the_parent_only_and_the_child_notices)
{
	int status = 0;
	int terminal;
	pid_t parent;

	serve = miss_parent;
	parent = forkpty(&terminal, NULL, NULL, NULL);
	ck_assert_int_ge(parent, 0);
	if (parent == 0)
		_exit(begin(NULL));
	await_news();
	ck_assert_int_eq(write(terminal, "\003", 1), 1);
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	ck_assert_int_eq(write(leash[1], "g", 1), 1);
	end_child();
	close(terminal);
}
END_TEST

static int do_without_begin(void *unused)
{
	(void)unused;
	note_standard_descriptors();
	daemon_forget();
	return daemon_ready() == 0 && all_are_as_in_parent() ? 0 : 101;
}

START_TEST(in_the_foreground_nothing_happens)
{
	child_succeeded(child_start(do_without_begin, NULL));
}
END_TEST

static TCase *parents(void)
{
	TCase *tcase = tcase_create("parent");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, parent_ends_with_0_when_the_child_is_ready_and_not_before);
	tcase_add_loop_test(tcase, parent_ends_with_the_code_of_a_child_that_could_not_start, 0,
	    sizeof codes / sizeof codes[0]);
	tcase_add_test(tcase, child_that_was_stopped_before_it_was_ready_is_no_success);
	tcase_add_test(tcase, child_that_is_killed_is_reported);
	tcase_add_loop_test(tcase, child_that_ends_is_noticed_while_its_worker_lives, 0, 2);
	tcase_add_test(tcase, code_of_the_child_is_known_where_sigchld_was_ignored);
	tcase_add_test(tcase, interruptions_do_not_end_the_wait);
	tcase_add_test(tcase, failing_socketpair_is_the_systems_fault);
	tcase_add_test(tcase, child_that_cannot_be_waited_for_is_the_systems_fault);
	tcase_add_test(tcase, failing_fork_is_the_systems_fault);
	tcase_add_loop_test(tcase, child_that_finds_no_place_to_go_to_says_so, 0,
	    sizeof bad_roots / sizeof bad_roots[0]);
	return tcase;
}

static TCase *children(void)
{
	TCase *tcase = tcase_create("child");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, child_has_a_session_of_its_own_and_the_terminal_until_it_is_ready);
	tcase_add_loop_test(tcase, child_lets_go_of_the_terminal_when_it_is_ready, 0, 2);
	tcase_add_test(tcase, being_ready_again_does_nothing);
	tcase_add_test(tcase, child_notices_that_the_parent_was_killed);
	tcase_add_test(tcase, ctrl_c_ends_the_parent_only_and_the_child_notices);
	tcase_add_test(tcase, in_the_foreground_nothing_happens);
	return tcase;
}

Suite *daemon_suite(void)
{
	Suite *suite = suite_create("daemon");

	suite_add_tcase(suite, parents());
	suite_add_tcase(suite, children());
	return suite;
}
