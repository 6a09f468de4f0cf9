/* SPDX-License-Identifier: ISC */
/*
 * master/privileges.h: what a process is afterwards, by what the kernel says of
 * it. Each scene is played by a child. Those with users of their own, and those
 * of root, are left out where they are not permitted; the rest is played as an
 * ordinary user, whom root becomes first.
 */
#include "tests/suites.h"

#include "master/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT_LINE "root:x:0:0::/:/bin/sh\n"
#define NOBODY_LINE "nobody:x:65534:65533::/:/bin/sh\n"
#define EVERYBODY ROOT_LINE "echo:x:500:501::/:/bin/sh\n" NOBODY_LINE
#define GROUPS "root:x:0:\necho:x:501:\nlogs:x:600:echo\nextra:x:601:nobody,echo\n"

#define NO_CAPABILITIES "0000000000000000"

/* What a child does, in this order. What is NULL, 0 or false it leaves out. */
struct scene {
	const char *passwd;    /* the users that there are; NULL: the machine's */
	char *group;           /* the groups; NULL with `passwd`: GROUPS */
	int (*before)(void);   /* returns -1 with errno when it cannot be */
	const char *user;      /* for identity_resolve(); NULL: auto */
	const char *own_group; /* likewise */
	const char *root;      /* likewise; NULL: none */
	struct lie lie;
	unsigned needs;        /* for privileges_limit(), after which it forks for the rest */
	bool drop;
};

/* What it finds. */
struct outcome {
	bool forbidden; /* the scene could not be played */
	int resolved;
	int limited;
	int dropped;
	struct identity identity;
	char why[REASON_MAX];
	char master[4096]; /* /proc/self/status after privileges_limit() */
	char worker[4096]; /* /proc/self/status at the end */
	int signalled;     /* errno of the master's signal to the worker */
	bool in_usr;       /* its root and its working directory are /usr */
	bool went_back;    /* it became root, or group 0, again */
	int dumpable;
};

static struct outcome *seen;

static void share_outcome(void)
{
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(seen, MAP_FAILED);
}

static void forget_outcome(void)
{
	munmap(seen, sizeof *seen);
}

static int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t length = (ssize_t)strlen(text);

	if (fd < 0 || write(fd, text, (size_t)length) != length)
		return -1;
	return close(fd);
}

/* And no groups, to begin with. */
static int give_users(const struct scene *scene)
{
	if (setgroups(0, NULL) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/etc", "tmpfs", 0, NULL) < 0 ||
	    put_file("/etc/nsswitch.conf", "passwd: files\ngroup: files\n") < 0 ||
	    put_file("/etc/passwd", scene->passwd) < 0)
		return -1;
	return put_file("/etc/group", scene->group != NULL ? scene->group : GROUPS);
}

static void read_status(int fd, char *text, size_t size)
{
	ssize_t length = pread(fd, text, size - 1, 0);

	text[length > 0 ? length : 0] = '\0';
}

static bool is_same_place(const struct stat *place, const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_dev == place->st_dev &&
	    status.st_ino == place->st_ino;
}

/* What a change of root directory hides is opened or looked at before. */
static int play_worker(const struct scene *scene)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct stat usr;

	if (fd < 0 || stat("/usr", &usr) < 0)
		return 1;
	if (scene->drop)
		seen->dropped = privileges_drop(&seen->identity, seen->why);
	read_status(fd, seen->worker, sizeof seen->worker);
	seen->in_usr = is_same_place(&usr, "/") && is_same_place(&usr, ".");
	seen->dumpable = prctl(PR_GET_DUMPABLE);
	if (scene->lie.call == 0)
		seen->went_back = setresgid((gid_t)-1, 0, (gid_t)-1) == 0 || setuid(0) == 0 ||
		    setresuid((uid_t)-1, 0, (uid_t)-1) == 0;
	return 0;
}

/* The worker is signalled while it waits to be reaped; that takes the same right. */
static int play_master(const struct scene *scene)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	siginfo_t info;
	int status = 1;
	pid_t pid;

	seen->limited = privileges_limit(scene->needs, seen->why);
	read_status(fd, seen->master, sizeof seen->master);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(play_worker(scene));
	if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		return 1;
	seen->signalled = kill(pid, 0) < 0 ? errno : 0;
	waitpid(pid, &status, 0);
	return status;
}

static const char *or(const char *text, const char *standard)
{
	return text != NULL ? text : standard;
}

static int play(void *with)
{
	const struct scene *scene = with;

	if ((scene->passwd != NULL && give_users(scene) < 0) ||
	    (scene->before != NULL && scene->before() < 0)) {
		seen->forbidden = true;
		return errno == EPERM || errno == EACCES || errno == ENOSPC ? 0 : 1;
	}
	errno = EIO; /* of something else, long ago */
	seen->resolved = identity_resolve(&seen->identity, or(scene->user, "auto"),
	    or(scene->own_group, "auto"), or(scene->root, "none"), seen->why);
	if (seen->resolved < 0)
		return 0;
	if (scene->lie.call != 0 && tell_lie(&scene->lie) < 0)
		return 1;
	return scene->needs != 0 ? play_master(scene) : play_worker(scene);
}

/* Returns whether the scene could be played. */
static bool played(struct scene *scene)
{
	memset(seen, 0, sizeof *seen);
	child_succeeded(child_start(play, scene));
	return !seen->forbidden;
}

/* A field of /proc/self/status, without blanks at its end. */
static const char *field(const char *status, const char *name)
{
	static char text[256];
	char label[32];
	const char *found;

	snprintf(label, sizeof label, "\n%s:\t", name);
	found = strstr(status, label);
	ck_assert_msg(found != NULL, "no %s in '%s'", name, status);
	strlcpy(text, found + strlen(label), sizeof text);
	text[strcspn(text, "\n")] = '\0';
	for (size_t end = strlen(text); end > 0 && text[end - 1] == ' '; end--)
		text[end - 1] = '\0';
	return text;
}

#define worker_is(name, value) ck_assert_str_eq(field(seen->worker, name), value)
#define master_is(name, value) ck_assert_str_eq(field(seen->master, name), value)
#define why_says(part)                                                                             \
	ck_assert_msg(strstr(seen->why, part) != NULL, "'%s' does not say '%s'", seen->why, part)

static void worker_has_nothing_left(void)
{
	ck_assert_msg(seen->dropped == 0, "%s", seen->why);
	worker_is("NoNewPrivs", "1");
	worker_is("CapInh", NO_CAPABILITIES);
	worker_is("CapPrm", NO_CAPABILITIES);
	worker_is("CapEff", NO_CAPABILITIES);
	worker_is("CapAmb", NO_CAPABILITIES);
}

/* ---- what happens before ---- */

/* An ordinary user, whatever runs the tests. */
static int leave_root(void)
{
	if (geteuid() != 0)
		return 0;
	return setgroups(0, NULL) < 0 || setresgid(65533, 65533, 65533) < 0 ? -1
	    : setresuid(65534, 65534, 65534);
}

/* As systemd's AmbientCapabilities=CAP_NET_BIND_SERVICE does it. */
static int leave_root_for_low_ports(void)
{
	struct __user_cap_header_struct self = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct all[2] = { { 0 } };

	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || leave_root() < 0)
		return -1;
	all[0].permitted = all[0].effective = all[0].inheritable = 1U << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &self, all) < 0)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
}

/* As a set-user-ID program of user 65534 that user 500 runs. */
static int leave_root_as_its_program(void)
{
	return setresgid(500, 65533, 65533) < 0 ? -1 : setresuid(500, 65534, 65534);
}

/* As a process that means to come back, and so keeps its capabilities too. */
static int leave_root_for_a_while(void)
{
	return setresgid(65533, 65533, 65533) < 0 ? -1 : setresuid(65534, 65534, 0);
}

static int join_a_group(void)
{
	gid_t group = 4;

	return setgroups(1, &group);
}

static int join_groups_of_echo(void)
{
	gid_t groups[] = { 601, 600 };

	return setgroups(2, groups);
}

/* Root of a user namespace in which nobody else is (user_namespaces(7)). */
static int enter_namespace(void)
{
	char users[32];
	char groups[32];

	snprintf(users, sizeof users, "0 %u 1", geteuid());
	snprintf(groups, sizeof groups, "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) < 0 || put_file("/proc/self/setgroups", "deny") < 0 ||
	    put_file("/proc/self/uid_map", users) < 0)
		return -1;
	return put_file("/proc/self/gid_map", groups);
}

static int use_up_descriptors(void)
{
	struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_NOFILE, &none);
}

/* ---- from settings to an identity ---- */

START_TEST(automatic_user_is_echo_where_there_is_one)
{
	struct scene scene = { .passwd = EVERYBODY };

	if (!played(&scene))
		return;
	ck_assert_int_eq(seen->resolved, 0);
	ck_assert(seen->identity.changes);
	ck_assert_str_eq(seen->identity.user, "echo");
	ck_assert_uint_eq(seen->identity.uid, 500);
	ck_assert_uint_eq(seen->identity.gid, 501);
	ck_assert_int_eq(seen->identity.group_count, 3);
	ck_assert_str_eq(seen->identity.root, "");
}
END_TEST

START_TEST(automatic_user_is_nobody_elsewhere)
{
	struct scene scene = { .passwd = ROOT_LINE NOBODY_LINE };

	if (!played(&scene))
		return;
	ck_assert_int_eq(seen->resolved, 0);
	ck_assert_str_eq(seen->identity.user, "nobody");
	ck_assert_uint_eq(seen->identity.uid, 65534);
	ck_assert_uint_eq(seen->identity.gid, 65533);
}
END_TEST

static const struct { const char *user, *group; uid_t uid; gid_t gid; int groups; } accepted[] = {
	{ "echo", NULL, 500, 501, 3 },
	{ "echo", "logs", 500, 600, 2 }, /* as initgroups(3) has it */
	{ "500", NULL, 500, 501, 3 },
	{ "nobody", "77", 65534, 77, 2 },
	{ "1234", "logs", 1234, 600, 0 },
	{ "4294967294", "4294967294", 4294967294U, 4294967294U, 0 },
	{ "root", NULL, 0, 0, 1 },
};

START_TEST(user_and_group_may_be_name_or_number)
{
	struct scene scene = { .passwd = EVERYBODY, .user = accepted[_i].user,
		.own_group = accepted[_i].group, .root = "/usr" };

	if (!played(&scene))
		return;
	ck_assert_msg(seen->resolved == 0, "%s", seen->why);
	ck_assert_uint_eq(seen->identity.uid, accepted[_i].uid);
	ck_assert_uint_eq(seen->identity.gid, accepted[_i].gid);
	ck_assert_int_eq(seen->identity.group_count, accepted[_i].groups);
	ck_assert_str_eq(seen->identity.root, "/usr");
}
END_TEST

#define ID_ALLOWED "is not allowed; allowed: a name, a number from 0 to 4294967294, or auto"
#define NAME_ALLOWED "; allowed: the name of one, a number, or auto"
#define ROOT_ALLOWED "is not allowed; allowed: the absolute path of a directory, or none"

static const struct { struct scene scene; const char *why; } refused[] = {
	{ { .user = "ehco" }, "there is no user ehco" NAME_ALLOWED },
	{ { .user = "" }, "there is no user " NAME_ALLOWED },
	{ { .user = "+5" }, "there is no user +5" NAME_ALLOWED },
	{ { .own_group = "ehco" }, "there is no group ehco" NAME_ALLOWED },
	{ { .user = "4294967295" }, "user 4294967295 " ID_ALLOWED },
	{ { .own_group = "4294967295" }, "group 4294967295 " ID_ALLOWED },
	{ { .user = "1234" }, "user 1234 is a number without a name, so group cannot be auto; "
	  "allowed for group: a name or a number" },
	{ { .passwd = ROOT_LINE }, "there is neither a user echo nor nobody; allowed for user: the "
	  "name of one, or a number" },
	{ { .root = "usr" }, "chroot usr " ROOT_ALLOWED },
	{ { .root = "" }, "chroot  " ROOT_ALLOWED },
	{ { .root = "/etc/group" }, "chroot /etc/group " ROOT_ALLOWED },
	{ { .root = "/nowhere" }, "chroot /nowhere: No such file or directory" },
	{ { .before = use_up_descriptors, .user = "echo" },
	  "user echo cannot be looked up: Too many open files" },
	{ { .before = use_up_descriptors }, "user auto cannot be looked up: Too many open files" },
	{ { .before = use_up_descriptors, .user = "500" },
	  "user 500 cannot be looked up: Too many open files" },
};

START_TEST(mistake_is_answered_word_for_word)
{
	struct scene scene = refused[_i].scene;

	scene.passwd = or(scene.passwd, EVERYBODY);
	if (!played(&scene))
		return;
	ck_assert_int_eq(seen->resolved, -1);
	ck_assert_str_eq(seen->why, refused[_i].why);
}
END_TEST

START_TEST(more_groups_than_there_is_room_for_are_refused)
{
	struct scene scene = { .passwd = EVERYBODY };
	size_t size;
	FILE *file = open_memstream(&scene.group, &size);
	bool could;

	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < IDENTITY_GROUPS_MAX; i++)
		fprintf(file, "group%d:x:%d:echo\n", i, 1000 + i);
	fclose(file);
	could = played(&scene);
	free(scene.group);
	if (!could)
		return;
	ck_assert_int_eq(seen->resolved, -1);
	ck_assert_str_eq(seen->why, "user echo is in 257 groups; allowed: at most 256");
}
END_TEST

/* ---- becoming an identity ---- */

#ifndef __has_feature
#define __has_feature(name) 0
#endif

/* Unless somebody set it otherwise it is 0: no core file of who changed its user. */
static int dumpable_after_change(void)
{
	char text[8] = "";
	int fd = open("/proc/sys/fs/suid_dumpable", O_RDONLY);

	read_status(fd, text, sizeof text);
	close(fd);
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	return 1;
#else
	return atoi(text);
#endif
}

START_TEST(root_becomes_a_user_for_ever)
{
	struct scene scene = { .passwd = EVERYBODY, .before = join_a_group, .drop = true };

	if (!played(&scene))
		return;
	worker_has_nothing_left();
	worker_is("CapBnd", NO_CAPABILITIES);
	worker_is("Uid", "500\t500\t500\t500");
	worker_is("Gid", "501\t501\t501\t501");
	worker_is("Groups", "501 600 601");
	ck_assert(!seen->went_back);
	ck_assert(!seen->in_usr);
	ck_assert_int_eq(seen->dumpable, dumpable_after_change());
}
END_TEST

START_TEST(number_without_a_name_leaves_all_groups)
{
	struct scene scene = { .passwd = EVERYBODY, .before = join_a_group, .user = "1234",
		.own_group = "1235", .drop = true };

	if (!played(&scene))
		return;
	worker_has_nothing_left();
	worker_is("Uid", "1234\t1234\t1234\t1234");
	worker_is("Gid", "1235\t1235\t1235\t1235");
	worker_is("Groups", "");
	ck_assert(!seen->went_back);
}
END_TEST

START_TEST(root_directory_changes_before_the_user)
{
	struct scene scene = { .passwd = EVERYBODY, .root = "/usr", .drop = true };

	if (!played(&scene))
		return;
	worker_has_nothing_left();
	worker_is("Uid", "500\t500\t500\t500");
	ck_assert(seen->in_usr);
	ck_assert(!seen->went_back);
}
END_TEST

START_TEST(user_root_keeps_its_number_and_no_capability)
{
	struct scene scene = { .passwd = EVERYBODY, .before = join_a_group, .user = "root",
		.root = "/usr", .drop = true };

	if (!played(&scene))
		return;
	worker_has_nothing_left();
	worker_is("CapBnd", NO_CAPABILITIES);
	worker_is("Uid", "0\t0\t0\t0");
	worker_is("Groups", "0");
	ck_assert(seen->in_usr);
}
END_TEST

#define ALWAYS -1, 0

static const struct { struct scene scene; const char *why; } failures[] = {
	{ { .root = "/usr", .lie = { SYS_chroot, ALWAYS, EPERM } }, "cannot chroot to /usr: Op" },
	{ { .root = "/usr", .lie = { SYS_chroot, ALWAYS, DOES_NOTHING } }, "it is still outside" },
	{ { .root = "/usr", .lie = { SYS_chdir, ALWAYS, EACCES } }, "cannot chroot to /usr: Per" },
	{ { .root = "/usr", .lie = { SYS_chdir, ALWAYS, DOES_NOTHING } }, "it is still outside" },
	{ { .lie = { SYS_setgroups, ALWAYS, EPERM } }, "groups of user echo: Operation not" },
	{ { .lie = { SYS_setgroups, ALWAYS, DOES_NOTHING } }, "other supplementary groups than" },
	{ { .lie = { SYS_setresgid, ALWAYS, EPERM } }, "cannot become group 501: Operation not" },
	{ { .lie = { SYS_setresgid, ALWAYS, DOES_NOTHING } }, "not become user 500, group 501" },
	{ { .lie = { SYS_setresuid, ALWAYS, EAGAIN } }, "cannot become user 500: Resource" },
	{ { .lie = { SYS_setresuid, ALWAYS, DOES_NOTHING } }, "not become user 500, group 501" },
	{ { .lie = { SYS_setresuid, 1, 0, DOES_NOTHING } }, "user echo can become root again" },
	{ { .lie = { SYS_setresgid, 1, 0, DOES_NOTHING } }, "user echo can become group 0 again" },
	{ { .lie = { SYS_capget, ALWAYS, EPERM } }, "look at capabilities: Operation not" },
	{ { .user = "root", .lie = { SYS_capset, ALWAYS, EPERM } }, "capabilities: Operation not" },
	{ { .user = "root", .lie = { SYS_capset, ALWAYS, DOES_NOTHING } }, "they are still there" },
	{ { .lie = { SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, EINVAL } }, "cannot set no_new_privs" },
	{ { .lie = { SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, DOES_NOTHING } }, "set no_new_privs" },
	{ { .lie = { SYS_prctl, 0, PR_CAPBSET_DROP, EINVAL } }, "bounding set: Invalid argument" },
};

START_TEST(step_that_fails_or_does_nothing_is_noticed)
{
	struct scene scene = failures[_i].scene;

	scene.passwd = EVERYBODY;
	scene.before = join_a_group;
	scene.drop = true;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) /* one of the steps is done already */
		return;
	if (!played(&scene))
		return;
	ck_assert_int_eq(seen->dropped, -1);
	why_says(failures[_i].why);
}
END_TEST

static const struct scene harmless[] = {
	{ .lie = { SYS_capset, ALWAYS, EPERM } }, /* the change of user took them along */
	{ .lie = { SYS_prctl, 0, PR_CAPBSET_DROP, EPERM } },
	{ .before = join_groups_of_echo, .lie = { SYS_setgroups, ALWAYS, EPERM } },
};

START_TEST(refusal_of_what_is_so_already_does_no_harm)
{
	struct scene scene = harmless[_i];

	scene.passwd = EVERYBODY;
	scene.drop = true;
	if (!played(&scene))
		return;
	worker_has_nothing_left();
	worker_is("Uid", "500\t500\t500\t500");
}
END_TEST

START_TEST(root_of_a_namespace_without_others_cannot_become_one)
{
	struct scene scene = { .before = enter_namespace, .drop = true };

	if (!played(&scene))
		return;
	ck_assert_msg(seen->resolved == 0, "%s", seen->why);
	ck_assert_int_eq(seen->dropped, -1);
	why_says("cannot ");
}
END_TEST

START_TEST(root_of_a_namespace_may_stay_root)
{
	struct scene scene = { .passwd = EVERYBODY, .before = enter_namespace, .user = "root",
		.drop = true };

	if (!played(&scene))
		return;
	worker_has_nothing_left();
}
END_TEST

/* ---- an ordinary user ---- */

START_TEST(ordinary_user_stays_who_it_is)
{
	bool is_root = geteuid() == 0;
	char user[16];
	char group[16];
	struct scene scene = { .before = leave_root, .user = user, .own_group = group,
		.drop = true };

	snprintf(user, sizeof user, "%u", is_root ? 65534 : geteuid());
	snprintf(group, sizeof group, "%u", is_root ? 65533 : getegid());
	for (int i = 0; i < 2; i++) {
		if (!played(&scene))
			return;
		ck_assert_int_eq(seen->resolved, 0);
		ck_assert_str_eq(seen->why, "");
		ck_assert(!seen->identity.changes);
		ck_assert_uint_eq(seen->identity.uid, (uid_t)atol(user));
		ck_assert_str_ne(seen->identity.user, "");
		worker_has_nothing_left();
		ck_assert(!seen->went_back);
		scene.user = scene.own_group = NULL; /* and now for auto */
	}
}
END_TEST

START_TEST(ordinary_user_is_told_what_is_not_used)
{
	struct scene scene = { .before = leave_root, .user = "root", .own_group = "no such group",
		.root = "relative", .drop = true };

	if (!played(&scene))
		return;
	ck_assert_int_eq(seen->resolved, IDENTITY_NOT_USED);
	ck_assert_str_eq(seen->why, "only root can change to this, it is not used: user root, "
	    "group no such group, chroot relative");
	worker_has_nothing_left();
	ck_assert(!seen->in_usr);
}
END_TEST

START_TEST(own_name_is_no_other_user)
{
	struct scene scene = { .passwd = EVERYBODY, .before = leave_root, .user = "nobody",
		.own_group = "logs" };

	if (!played(&scene))
		return;
	ck_assert_int_eq(seen->resolved, IDENTITY_NOT_USED);
	ck_assert_str_eq(seen->why, "only root can change to this, it is not used: group logs");
	ck_assert_str_eq(seen->identity.user, "nobody");
}
END_TEST

START_TEST(ambient_capability_goes_with_the_others)
{
	struct scene scene = { .passwd = EVERYBODY, .before = leave_root_for_low_ports,
		.drop = true };

	if (!played(&scene))
		return;
	ck_assert(!seen->identity.changes);
	worker_has_nothing_left();
}
END_TEST

START_TEST(user_who_could_change_back_cannot_any_more)
{
	int (*const before[])(void) = { leave_root_as_its_program, leave_root_for_a_while };
	struct scene scene = { .passwd = EVERYBODY, .before = before[_i], .drop = true };

	if (!played(&scene))
		return;
	ck_assert(!seen->identity.changes);
	worker_has_nothing_left();
	worker_is("Uid", "65534\t65534\t65534\t65534");
	worker_is("Gid", "65533\t65533\t65533\t65533");
	ck_assert(!seen->went_back);
}
END_TEST

/* As systemd's ~@privileged does. */
START_TEST(ordinary_user_makes_no_call_that_a_filter_may_kill_for)
{
	static const int calls[] = { SYS_chroot, SYS_setgroups, SYS_setresgid, SYS_setresuid,
		SYS_capset };
	struct scene scene = { .before = leave_root, .lie = { calls[_i], ALWAYS, KILLS },
		.drop = true };

	if (!played(&scene))
		return;
	worker_has_nothing_left();
}
END_TEST

/* ---- a master that stays root ---- */

#define SETGID_SETUID_KILL "00000000000000e0"
#define AND_SYS_CHROOT     "00000000000400e0"
#define AND_FOR_LISTENER   "00000000000014e0"
#define NET_BIND_SERVICE   "0000000000000400"
#define ONLY_FOR_LISTENER  "0000000000001400"

static void master_keeps(const char *capabilities)
{
	ck_assert_msg(seen->limited == 0, "%s", seen->why);
	master_is("NoNewPrivs", "1");
	master_is("CapPrm", capabilities);
	master_is("CapEff", capabilities);
	master_is("CapInh", NO_CAPABILITIES);
	master_is("CapAmb", NO_CAPABILITIES);
}

static const struct { unsigned needs; const char *root, *capabilities; } limits[] = {
	{ PRIVILEGES_FOR_WORKERS, NULL, SETGID_SETUID_KILL },
	{ PRIVILEGES_FOR_WORKERS | PRIVILEGES_FOR_CHROOT, "/usr", AND_SYS_CHROOT },
	{ PRIVILEGES_FOR_WORKERS | PRIVILEGES_FOR_LISTENER, NULL, AND_FOR_LISTENER },
};

START_TEST(worker_of_a_limited_master_becomes_a_user)
{
	struct scene scene = { .passwd = EVERYBODY, .before = join_a_group,
		.root = limits[_i].root, .needs = limits[_i].needs, .drop = true };

	if (!played(&scene))
		return;
	master_keeps(limits[_i].capabilities);
	master_is("CapBnd", limits[_i].capabilities);
	master_is("Uid", "0\t0\t0\t0");
	worker_has_nothing_left();
	worker_is("Uid", "500\t500\t500\t500");
	worker_is("Groups", "501 600 601");
	ck_assert(!seen->went_back);
	ck_assert(seen->in_usr == (limits[_i].root != NULL));
	ck_assert_int_eq(seen->signalled, 0);
}
END_TEST

START_TEST(what_was_not_asked_for_is_gone)
{
	struct scene scene = { .passwd = EVERYBODY, .root = "/usr",
		.needs = PRIVILEGES_FOR_WORKERS, .drop = true };

	if (!played(&scene))
		return;
	master_keeps(SETGID_SETUID_KILL);
	ck_assert_int_eq(seen->dropped, -1);
	why_says("cannot chroot to /usr: Operation not permitted");
	scene.root = NULL;
	scene.needs = PRIVILEGES_FOR_LISTENER;
	ck_assert(played(&scene));
	master_keeps(ONLY_FOR_LISTENER);
	ck_assert_int_eq(seen->dropped, -1);
	why_says("cannot set the supplementary groups of user echo: Operation not permitted");
}
END_TEST

START_TEST(ordinary_master_keeps_its_ambient_capability)
{
	struct scene scene = { .passwd = EVERYBODY, .before = leave_root_for_low_ports,
		.needs = PRIVILEGES_FOR_WORKERS | PRIVILEGES_FOR_LISTENER, .drop = true };

	if (!played(&scene))
		return;
	master_keeps(NET_BIND_SERVICE);
	worker_has_nothing_left();
	scene.needs = PRIVILEGES_FOR_WORKERS;
	ck_assert(played(&scene));
	master_keeps(NO_CAPABILITIES);
}
END_TEST

START_TEST(ordinary_master_has_nothing_to_give_up)
{
	struct scene scene = { .before = leave_root, .needs = PRIVILEGES_FOR_WORKERS,
		.drop = true };

	if (!played(&scene))
		return;
	master_keeps(NO_CAPABILITIES);
	worker_has_nothing_left();
	ck_assert_int_eq(seen->signalled, 0);
}
END_TEST

START_TEST(master_that_cannot_be_limited_says_so)
{
	struct scene scene = { .passwd = EVERYBODY, .needs = PRIVILEGES_FOR_WORKERS,
		.lie = { SYS_capset, ALWAYS, EPERM } };

	if (!played(&scene))
		return;
	ck_assert_int_eq(seen->limited, -1);
	why_says("cannot give up capabilities: Operation not permitted");
}
END_TEST

/* ---- the suite ---- */

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static TCase *begin(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, share_outcome, forget_outcome);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void add_resolving(TCase *tcase)
{
	tcase_add_test(tcase, automatic_user_is_echo_where_there_is_one);
	tcase_add_test(tcase, automatic_user_is_nobody_elsewhere);
	tcase_add_loop_test(tcase, user_and_group_may_be_name_or_number, 0, COUNT(accepted));
	tcase_add_loop_test(tcase, mistake_is_answered_word_for_word, 0, COUNT(refused));
	tcase_add_test(tcase, more_groups_than_there_is_room_for_are_refused);
}

static void add_dropping(TCase *tcase)
{
	tcase_add_test(tcase, root_becomes_a_user_for_ever);
	tcase_add_test(tcase, number_without_a_name_leaves_all_groups);
	tcase_add_test(tcase, root_directory_changes_before_the_user);
	tcase_add_test(tcase, user_root_keeps_its_number_and_no_capability);
	tcase_add_loop_test(tcase, step_that_fails_or_does_nothing_is_noticed, 0, COUNT(failures));
	tcase_add_loop_test(tcase, refusal_of_what_is_so_already_does_no_harm, 0, COUNT(harmless));
	tcase_add_test(tcase, root_of_a_namespace_without_others_cannot_become_one);
	tcase_add_test(tcase, root_of_a_namespace_may_stay_root);
}

static void add_ordinary(TCase *tcase)
{
	tcase_add_test(tcase, ordinary_user_stays_who_it_is);
	tcase_add_test(tcase, ordinary_user_is_told_what_is_not_used);
	tcase_add_test(tcase, own_name_is_no_other_user);
	tcase_add_test(tcase, ambient_capability_goes_with_the_others);
	tcase_add_loop_test(tcase, user_who_could_change_back_cannot_any_more, 0, 2);
	tcase_add_loop_test(tcase, ordinary_user_makes_no_call_that_a_filter_may_kill_for, 0, 5);
}

static void add_limiting(TCase *tcase)
{
	tcase_add_loop_test(tcase, worker_of_a_limited_master_becomes_a_user, 0, COUNT(limits));
	tcase_add_test(tcase, what_was_not_asked_for_is_gone);
	tcase_add_test(tcase, ordinary_master_keeps_its_ambient_capability);
	tcase_add_test(tcase, ordinary_master_has_nothing_to_give_up);
	tcase_add_test(tcase, master_that_cannot_be_limited_says_so);
}

Suite *privileges_suite(void)
{
	Suite *suite = suite_create("privileges");

	add_resolving(begin(suite, "resolve"));
	add_dropping(begin(suite, "drop"));
	add_ordinary(begin(suite, "ordinary user"));
	add_limiting(begin(suite, "limit"));
	return suite;
}
