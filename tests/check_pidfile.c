/* SPDX-License-Identifier: ISC */
/* master/pidfile.h: who may start, what readers see, and what is left when a server has ended. */
#include "tests/suites.h"

#include "master/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define NOBODY 65534

static char folder[32];
static char path[64];  /* of the pid file */
static char other[64]; /* of another file in the same folder */

static int leash[2]; /* children stay until it is closed */
static int news[2];  /* what a child writes for the test, a byte a piece */

static void set_up(void)
{
	setprogname("echo-master");
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	strcpy(folder, "/tmp/check_pidfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/server.pid", folder);
	snprintf(other, sizeof other, "%s/other", folder);
	ck_assert_int_eq(pipe(leash), 0);
	ck_assert_int_eq(pipe(news), 0);
	stderr_catch();
}

static void tear_down(void)
{
	close(leash[1]);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	pidfile_release();
	stderr_release();
	close(leash[0]);
	close(news[0]);
	close(news[1]);
	chmod(folder, 0700);
	remove(path);
	remove(other);
	rmdir(folder);
}

/* ---- in a child ---- */

static int stay(void)
{
	char byte;

	close(leash[1]);
	return read(leash[0], &byte, 1) == 0 ? 0 : 100;
}

static bool tell(void)
{
	return write(news[1], "n", 1) == 1;
}

/* A server of its own, with nothing of what the test has. */
static int hold(void *unused)
{
	(void)unused;
	pidfile_forget();
	return pidfile_acquire(path) == EX_OK && tell() ? stay() : 101;
}

/* Has the lock, but did not write what we would. */
static int hold_with(void *content)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	size_t length = strlen(content);

	if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(fd, content, length) != (ssize_t)length)
		return 101;
	return tell() ? stay() : 102;
}

static int acquire(void *unused)
{
	(void)unused;
	pidfile_forget();
	return pidfile_acquire(path);
}

static int forget(void *unused)
{
	(void)unused;
	pidfile_forget();
	return 0;
}

static int release(void *unused)
{
	(void)unused;
	pidfile_release();
	return 0;
}

/* ---- in the test ---- */

static pid_t start(int (*work)(void *), void *with)
{
	pid_t pid = child_start(work, with);
	char byte;

	ck_assert_int_eq(read(news[0], &byte, 1), 1);
	return pid;
}

/* What becomes of another server that wants the file. */
static int code_of_another(void)
{
	int status = 0;

	ck_assert_int_gt(waitpid(child_start(acquire, NULL), &status, 0), 0);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void write_to(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void expect_content(const char *name, const char *expected)
{
	char text[8192];
	int fd = open(name, O_RDONLY | O_NONBLOCK);
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	got = read(fd, text, sizeof text - 1);
	close(fd);
	ck_assert_int_ge(got, 0);
	text[got] = '\0';
	ck_assert_str_eq(text, expected);
}

static void expect_names(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof text, "%d", (int)pid);
	expect_content(path, text);
}

static void expect_gone(const char *name)
{
	ck_assert_int_lt(access(name, F_OK), 0);
	ck_assert_int_eq(errno, ENOENT);
}

static void expect_said(const char *reason)
{
	char expected[1024] = "";

	if (reason[0] != '\0')
		snprintf(expected, sizeof expected, "echo-master: pid file %s: %s\n", path, reason);
	ck_assert_str_eq(stderr_caught(), expected);
}

static void expect_refused(const char *reason)
{
	ck_assert_int_eq(pidfile_acquire(path), EX_CANTCREAT);
	expect_said(reason);
}

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

/* ---- an ordinary life ---- */

START_TEST(file_names_this_process_and_nothing_else)
{
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	expect_names(getpid());
	expect_said("");
}
END_TEST

START_TEST(release_removes_the_file_and_lets_others_start)
{
	int descriptors = count_descriptors(0);

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pidfile_acquire(path), EX_OK);
		pidfile_release();
		expect_gone(path);
		ck_assert_int_eq(count_descriptors(0), descriptors);
	}
	ck_assert_int_eq(code_of_another(), EX_OK);
	expect_said("");
}
END_TEST

START_TEST(descriptor_is_not_for_other_programs)
{
	int before = count_descriptors(FD_CLOEXEC);
	int all = count_descriptors(0);

	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	ck_assert_int_eq(count_descriptors(0), all + 1);
	ck_assert_int_eq(count_descriptors(FD_CLOEXEC), before);
}
END_TEST

static void expect_mode(mode_t mode)
{
	struct stat status;

	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, mode);
}

START_TEST(all_may_read_the_file_and_only_we_may_write_it)
{
	mode_t mask = umask(077);

	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	expect_mode(0644);
	pidfile_release();
	write_to(path, "1");
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	expect_mode(0644);
	umask(mask);
}
END_TEST

START_TEST(without_a_file_nothing_happens)
{
	int descriptors = count_descriptors(0);

	pidfile_forget();
	pidfile_release();
	ck_assert_int_eq(count_descriptors(0), descriptors);
	expect_said("");
}
END_TEST

/* ---- what is there already ---- */

#define LIVES "(a process that lives)"

static const char *const left_behind[] = { "", "who knows\n", "999999999", LIVES,
	"1234567890123456789012345678901234567890\nand more\n" };

START_TEST(file_left_behind_prevents_no_start_and_is_overwritten_wholly)
{
	char text[16];

	snprintf(text, sizeof text, "%d", (int)getppid());
	write_to(path, strcmp(left_behind[_i], LIVES) == 0 ? text : left_behind[_i]);
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	expect_names(getpid());
	expect_said("");
}
END_TEST

START_TEST(live_holder_is_named_and_its_file_stays)
{
	pid_t holder = start(hold, NULL);
	char reason[64];

	snprintf(reason, sizeof reason, "already held by process %d", (int)holder);
	ck_assert_int_eq(pidfile_acquire(path), EX_UNAVAILABLE);
	expect_said(reason);
	pidfile_release(); /* of nothing */
	expect_names(holder);
}
END_TEST

static char *const unknown[] = { (char []){ "" }, (char []){ "who knows\n" }, (char []){ "0" },
	(char []){ "-7" } };

START_TEST(holder_that_has_not_written_its_pid_is_a_holder)
{
	start(hold_with, unknown[_i]);
	ck_assert_int_eq(pidfile_acquire(path), EX_UNAVAILABLE);
	expect_said("already held by a process that has not written its pid");
	expect_content(path, unknown[_i]);
}
END_TEST

static int hold_again_and_again(void *unused)
{
	(void)unused;
	if (!tell())
		return 101;
	for (int i = 0; i < 500; i++) {
		int code = pidfile_acquire(path);

		if (code != EX_OK && code != EX_UNAVAILABLE)
			return 102;
		pidfile_release();
	}
	return 0;
}

START_TEST(holder_that_ends_meanwhile_is_no_error)
{
	pid_t holder = start(hold_again_and_again, NULL);
	int status = -1;

	while (waitpid(holder, &status, WNOHANG) == 0) {
		int code = pidfile_acquire(path);

		ck_assert_msg(code == EX_OK || code == EX_UNAVAILABLE, "code %d", code);
		pidfile_release();
	}
	ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- what is no pid file ---- */

START_TEST(symbolic_link_is_not_followed)
{
	write_to(other, "precious");
	ck_assert_int_eq(symlink(other, path), 0);
	expect_refused("cannot create: a symbolic link is there");
	expect_content(other, "precious");
	ck_assert_int_eq(unlink(other), 0);
	expect_refused("cannot create: a symbolic link is there");
	expect_gone(other);
}
END_TEST

START_TEST(fifo_is_refused_whether_it_is_read_or_not)
{
	int reader;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_refused("cannot create: no regular file is there");
	reader = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(reader, 0);
	expect_refused("cannot create: no regular file is there");
	close(reader);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(folder_is_refused)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect_refused("cannot create: no regular file is there");
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(socket_is_refused)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	strlcpy(address.sun_path, path, sizeof address.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	expect_refused("cannot create: no regular file is there");
	close(fd);
}
END_TEST

START_TEST(missing_folder_is_said)
{
	snprintf(path, sizeof path, "%s/missing/server.pid", folder);
	expect_refused("cannot create: there is no such folder");
	write_to(other, "");
	snprintf(path, sizeof path, "%s/other/server.pid", folder);
	expect_refused("cannot create: Not a directory");
}
END_TEST

/* Root's rights go beyond the modes that the tests set. */
static bool become_ordinary(void)
{
	return geteuid() != 0 || setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static int acquire_as_ordinary(void *unused)
{
	(void)unused;
	return become_ordinary() && pidfile_acquire(path) == EX_CANTCREAT ? 0 : 101;
}

START_TEST(folder_that_is_not_ours_to_write_to_is_said)
{
	ck_assert_int_eq(chmod(folder, 0555), 0);
	child_succeeded(child_start(acquire_as_ordinary, NULL));
	expect_said("cannot create: Permission denied");
}
END_TEST

/* It is as if the disk was full, with another reason. */
static int acquire_without_room(void *unused)
{
	struct rlimit nothing = { 0, 0 };
	int descriptors = count_descriptors(0);

	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &nothing);
	if (pidfile_acquire(path) != EX_CANTCREAT)
		return 101;
	pidfile_release();
	pidfile_forget();
	return count_descriptors(0) == descriptors ? 0 : 102;
}

START_TEST(file_that_cannot_be_written_is_said_and_does_not_stay)
{
	child_succeeded(child_start(acquire_without_room, NULL));
	expect_said("cannot write: File too large");
	expect_gone(path);
}
END_TEST

/* ---- children ---- */

static int live_on(void *unused)
{
	(void)unused;
	pidfile_forget();
	return tell() ? stay() : 101;
}

static int hold_with_worker(void *unused)
{
	(void)unused;
	if (pidfile_acquire(path) != EX_OK)
		return 101;
	if (fork() == 0)
		_exit(live_on(NULL));
	return stay();
}

START_TEST(killed_server_can_be_started_again_while_its_workers_live)
{
	pid_t server = start(hold_with_worker, NULL); /* its worker has forgotten */

	child_kill(server);
	expect_names(server);
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	expect_names(getpid());
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), 0); /* the worker does live */
}
END_TEST

START_TEST(child_that_forgets_leaves_lock_and_file_to_the_parent)
{
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	child_succeeded(child_start(forget, NULL));
	expect_names(getpid());
	ck_assert_int_eq(code_of_another(), EX_UNAVAILABLE);
}
END_TEST

START_TEST(child_cannot_remove_the_file_of_the_parent)
{
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	child_succeeded(child_start(release, NULL));
	expect_names(getpid());
	ck_assert_int_eq(code_of_another(), EX_UNAVAILABLE);
}
END_TEST

/* ---- the end ---- */

START_TEST(file_of_another_server_is_left_alone)
{
	pid_t successor;

	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	ck_assert_int_eq(unlink(path), 0);
	successor = start(hold, NULL);
	pidfile_release();
	expect_said("not ours any more, left alone");
	expect_names(successor);
}
END_TEST

START_TEST(file_that_was_removed_is_not_missed)
{
	int descriptors = count_descriptors(0);

	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	ck_assert_int_eq(unlink(path), 0);
	pidfile_release();
	expect_said("");
	ck_assert_int_eq(count_descriptors(0), descriptors);
}
END_TEST

START_TEST(file_that_was_moved_names_us_no_longer)
{
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	pidfile_release();
	expect_said("not ours any more, left alone");
	expect_content(other, "");
}
END_TEST

static int release_as_ordinary(void *unused)
{
	(void)unused;
	if (pidfile_acquire(path) != EX_OK || chmod(folder, 0555) < 0 || !become_ordinary())
		return 101;
	pidfile_release();
	return 0;
}

START_TEST(file_that_cannot_be_removed_is_emptied)
{
	child_succeeded(child_start(release_as_ordinary, NULL));
	expect_said("cannot remove: Permission denied; left empty");
	expect_content(path, "");
	ck_assert_int_eq(pidfile_acquire(path), EX_OK);
	expect_names(getpid());
}
END_TEST

static TCase *beginning(void)
{
	TCase *tcase = tcase_create("beginning");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, file_names_this_process_and_nothing_else);
	tcase_add_test(tcase, release_removes_the_file_and_lets_others_start);
	tcase_add_test(tcase, descriptor_is_not_for_other_programs);
	tcase_add_test(tcase, all_may_read_the_file_and_only_we_may_write_it);
	tcase_add_test(tcase, without_a_file_nothing_happens);
	tcase_add_loop_test(tcase, file_left_behind_prevents_no_start_and_is_overwritten_wholly, 0,
	    sizeof left_behind / sizeof left_behind[0]);
	tcase_add_test(tcase, live_holder_is_named_and_its_file_stays);
	tcase_add_loop_test(tcase, holder_that_has_not_written_its_pid_is_a_holder, 0,
	    sizeof unknown / sizeof unknown[0]);
	tcase_add_test(tcase, holder_that_ends_meanwhile_is_no_error);
	return tcase;
}

static TCase *refusals(void)
{
	TCase *tcase = tcase_create("refusals");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, symbolic_link_is_not_followed);
	tcase_add_test(tcase, fifo_is_refused_whether_it_is_read_or_not);
	tcase_add_test(tcase, folder_is_refused);
	tcase_add_test(tcase, socket_is_refused);
	tcase_add_test(tcase, missing_folder_is_said);
	tcase_add_test(tcase, folder_that_is_not_ours_to_write_to_is_said);
	tcase_add_test(tcase, file_that_cannot_be_written_is_said_and_does_not_stay);
	return tcase;
}

static TCase *ends(void)
{
	TCase *tcase = tcase_create("ends");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, killed_server_can_be_started_again_while_its_workers_live);
	tcase_add_test(tcase, child_that_forgets_leaves_lock_and_file_to_the_parent);
	tcase_add_test(tcase, child_cannot_remove_the_file_of_the_parent);
	tcase_add_test(tcase, file_of_another_server_is_left_alone);
	tcase_add_test(tcase, file_that_was_removed_is_not_missed);
	tcase_add_test(tcase, file_that_was_moved_names_us_no_longer);
	tcase_add_test(tcase, file_that_cannot_be_removed_is_emptied);
	return tcase;
}

Suite *pidfile_suite(void)
{
	Suite *suite = suite_create("pidfile");

	suite_add_tcase(suite, beginning());
	suite_add_tcase(suite, refusals());
	suite_add_tcase(suite, ends());
	return suite;
}
