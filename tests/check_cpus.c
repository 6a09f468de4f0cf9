/* SPDX-License-Identifier: ISC */
/* common/cpus.h: what a quota is worth, wherever above the process it is set. */
#include "tests/suites.h"

#include "common/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders and files below the root, in the order in which they can be made. */
static const char *const folders[] = { "/proc", "/proc/self", "/sys", "/sys/fs",
	"/sys/fs/cgroup", "/sys/fs/cgroup/outer", "/sys/fs/cgroup/outer/inner" };
static const char *const files[] = { "/proc/self/cgroup", "/sys/fs/cgroup/cpu.max",
	"/sys/fs/cgroup/outer/cpu.max", "/sys/fs/cgroup/outer/inner/cpu.max" };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char root[32];

static const char *below_root(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s%s", root, name);
	return path;
}

static void set_up(void)
{
	strcpy(root, "/tmp/check_cpus.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	for (size_t i = 0; i < COUNT(folders); i++)
		ck_assert_int_eq(mkdir(below_root(folders[i]), 0755), 0);
}

static void tear_down(void)
{
	for (size_t i = 0; i < COUNT(files); i++)
		unlink(below_root(files[i]));
	for (size_t i = COUNT(folders); i-- > 0;)
		rmdir(below_root(folders[i]));
	rmdir(root);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(below_root(name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* The process is in the group outer/inner, which has such a quota. */
static void has_quota(const char *quota)
{
	write_file("/proc/self/cgroup", "0::/outer/inner\n");
	write_file("/sys/fs/cgroup/outer/inner/cpu.max", quota);
}

static const struct { const char *quota; unsigned cpus; } quotas[] = {
	{ "max 100000\n", UINT_MAX },
	{ "100000 100000\n", 1 },
	{ "200000 100000\n", 2 },
	{ "200001 100000\n", 3 }, /* rounded up */
	{ "250000 100000\n", 3 },
	{ "1000 100000\n", 1 },
	{ "1000 1000000\n", 1 },
	{ "99000 3000\n", 33 },
	{ "18446744073709551615 1\n", UINT_MAX },
	/* What no kernel says is no quota. */
	{ "", UINT_MAX },
	{ "\n", UINT_MAX },
	{ "100000\n", UINT_MAX },
	{ "100000 0\n", UINT_MAX },
	{ "0 100000\n", UINT_MAX },
	{ "many 100000\n", UINT_MAX },
};

START_TEST(quota_is_rounded_up_to_whole_cpus)
{
	has_quota(quotas[_i].quota);
	ck_assert_uint_eq(cpus_of_quota(root), quotas[_i].cpus);
}
END_TEST

START_TEST(least_quota_of_all_groups_above_holds)
{
	has_quota("400000 100000\n");
	ck_assert_uint_eq(cpus_of_quota(root), 4);
	write_file("/sys/fs/cgroup/outer/cpu.max", "300000 100000\n");
	ck_assert_uint_eq(cpus_of_quota(root), 3);
	write_file("/sys/fs/cgroup/cpu.max", "200000 100000\n"); /* as in a container */
	ck_assert_uint_eq(cpus_of_quota(root), 2);
	has_quota("100000 100000\n");
	ck_assert_uint_eq(cpus_of_quota(root), 1);
	has_quota("max 100000\n");
	ck_assert_uint_eq(cpus_of_quota(root), 2);
}
END_TEST

START_TEST(group_is_that_of_version_2)
{
	has_quota("400000 100000\n");
	write_file("/sys/fs/cgroup/outer/cpu.max", "300000 100000\n");
	write_file("/proc/self/cgroup", "1:cpu:/outer/inner\n");
	ck_assert_uint_eq(cpus_of_quota(root), UINT_MAX);
	write_file("/proc/self/cgroup", "10::/outer/inner\n1:cpu:/outer/inner\n0::/outer\n");
	ck_assert_uint_eq(cpus_of_quota(root), 3);
}
END_TEST

START_TEST(group_at_the_top_has_the_quota_of_the_top)
{
	write_file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
	ck_assert_uint_eq(cpus_of_quota(root), 2); /* also when there is no /proc */
	write_file("/proc/self/cgroup", "0::/\n");
	ck_assert_uint_eq(cpus_of_quota(root), 2);
	write_file("/proc/self/cgroup", "0::/nowhere/to/be/seen\n");
	ck_assert_uint_eq(cpus_of_quota(root), 2);
	write_file("/proc/self/cgroup", "0::/../elsewhere\n");
	ck_assert_uint_eq(cpus_of_quota(root), 2);
}
END_TEST

START_TEST(without_groups_there_is_no_quota)
{
	ck_assert_uint_eq(cpus_of_quota(root), UINT_MAX);
	ck_assert_uint_eq(cpus_of_quota("/nonexistent"), UINT_MAX);
}
END_TEST

START_TEST(name_that_is_too_long_is_no_group)
{
	char line[2 * PATH_MAX] = "0::/";

	memset(line + 4, 'x', sizeof line - 5);
	line[sizeof line - 1] = '\0';
	write_file("/proc/self/cgroup", line);
	write_file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
	ck_assert_uint_eq(cpus_of_quota(root), 2);
}
END_TEST

START_TEST(available_are_those_that_it_may_run_on)
{
	cpu_set_t cpus;
	size_t first = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof cpus, &cpus), 0);
	ck_assert_uint_ge(cpus_available(), 1);
	ck_assert_uint_le(cpus_available(), (unsigned)CPU_COUNT(&cpus));
	while (!CPU_ISSET(first, &cpus))
		first++;
	CPU_ZERO(&cpus);
	CPU_SET(first, &cpus);
	ck_assert_int_eq(sched_setaffinity(0, sizeof cpus, &cpus), 0);
	ck_assert_uint_eq(cpus_available(), 1);
}
END_TEST

Suite *cpus_suite(void)
{
	Suite *suite = suite_create("cpus");
	TCase *quota = tcase_create("quota");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(quota, set_up, tear_down);
	tcase_add_loop_test(quota, quota_is_rounded_up_to_whole_cpus, 0, COUNT(quotas));
	tcase_add_test(quota, least_quota_of_all_groups_above_holds);
	tcase_add_test(quota, group_is_that_of_version_2);
	tcase_add_test(quota, group_at_the_top_has_the_quota_of_the_top);
	tcase_add_test(quota, without_groups_there_is_no_quota);
	tcase_add_test(quota, name_that_is_too_long_is_no_group);
	suite_add_tcase(suite, quota);
	tcase_add_test(all, available_are_those_that_it_may_run_on);
	suite_add_tcase(suite, all);
	return suite;
}
