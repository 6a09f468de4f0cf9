/* SPDX-License-Identifier: ISC */
/* The sandbox: which calls are on the list, what the filter answers, and that it kills. */
#include "tests/suites.h"

#include "worker/sandbox.h"
#include "worker/sandbox_calls.h"
#include "worker/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_listed(const char *name, enum call_maker engine)
{
	size_t count;
	const struct call *calls = calls_of_workers(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(calls[i].name, name) == 0 && (calls[i].of & engine) != 0 &&
		    calls[i].error == 0)
			return true;
	return false;
}

/* ---- the list ---- */

static const char *const never[] = {
	"accept", "bind", "bpf", "chmod", "chroot", "clone", "clone3", "connect", "creat",
	"delete_module", "execve", "execveat", "fork", "init_module", "io_uring_setup", "kcmp",
	"keyctl", "kill", "link", "listen", "memfd_create", "mount", "open", "openat", "openat2",
	"perf_event_open", "personality", "pidfd_getfd", "pidfd_open", "prctl",
	"process_vm_readv", "process_vm_writev", "ptrace", "recvmsg", "rename", "rt_sigaction",
	"seccomp", "sendmsg", "setgid", "setns", "setresuid", "setuid", "sigaltstack", "socket",
	"socketpair", "symlink", "tgkill", "timer_create", "tkill", "truncate", "unlink",
	"unshare", "userfaultfd", "vfork",
};

START_TEST(what_no_worker_does_is_on_no_list)
{
	if (SANDBOX_IS_WIDE)
		return;
	ck_assert_msg(!is_listed(never[_i], CALL_OF_BOTH), "%s is on the list", never[_i]);
}
END_TEST

START_TEST(each_engine_has_its_own_list)
{
	ck_assert(is_listed("epoll_wait", CALL_OF_EVENT));
	ck_assert(!is_listed("epoll_wait", CALL_OF_BLOCKING));
	ck_assert(is_listed("setitimer", CALL_OF_BLOCKING));
	ck_assert(!is_listed("setitimer", CALL_OF_EVENT));
	ck_assert(is_listed("accept4", CALL_OF_EVENT));
	ck_assert(is_listed("accept4", CALL_OF_BLOCKING));
}
END_TEST

#ifdef HAVE_SECCOMP

#include <linux/seccomp.h>
#include <seccomp.h>

/* A slip of the pen would be passed over as a call that this machine does not have. */
START_TEST(every_name_is_that_of_a_call)
{
	size_t count;
	const struct call *calls = calls_of_workers(&count);

	for (size_t i = 0; i < count; i++)
		ck_assert_msg(seccomp_syscall_resolve_name(calls[i].name) != __NR_SCMP_ERROR,
		    "there is no %s", calls[i].name);
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		ck_assert_msg(seccomp_syscall_resolve_name(never[i]) != __NR_SCMP_ERROR,
		    "there is no %s", never[i]);
}
END_TEST

/* ---- the filter, run by hand ---- */

static struct filter filter;
static bool looked_at_arguments; /* in the last run */

static uint32_t loaded(const struct seccomp_data *call, uint32_t offset)
{
	uint32_t word;

	ck_assert_uint_le(offset, sizeof *call - sizeof word);
	looked_at_arguments |= offset >= offsetof(struct seccomp_data, args);
	memcpy(&word, (const char *)call + offset, sizeof word);
	return word;
}

/* The part of the kernel's machine that filters of libseccomp use: see bpf(4) of the BSDs. */
static uint32_t answer(const struct seccomp_data *call)
{
	const struct sock_filter *step = filter.step;
	uint32_t value = 0;

	looked_at_arguments = false;
	for (;; step++) {
		bool yes;

		ck_assert(step < filter.step + filter.length);
		switch (step->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			value = loaded(call, step->k);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			value &= step->k;
			continue;
		case BPF_RET | BPF_K:
			return step->k;
		case BPF_JMP | BPF_JA:
			step += step->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = value == step->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = value > step->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = value >= step->k;
			break;
		default:
			ck_abort_msg("a step of code %#x", step->code);
		}
		step += yes ? step->jt : step->jf;
	}
}

static uint32_t answer_to(int number, uint64_t first, uint64_t second, uint64_t third,
    uint64_t fourth)
{
	return answer(&(struct seccomp_data){ .nr = number, .arch = seccomp_arch_native(),
	    .args = { first, second, third, fourth } });
}

static void build(enum sandbox_mode mode, enum call_maker engine)
{
	ck_assert_int_eq(filter_build(&filter, mode, engine), 0);
	ck_assert_uint_gt(filter.length, 50);
}

/* Else a worker would pay for the filter with each echo: the kernel knows these by heart. */
START_TEST(no_argument_of_an_echo_is_looked_at)
{
	static const int of_both[] = { SYS_accept4, SYS_recvfrom, SYS_sendto, SYS_close };

	for (int engine = CALL_OF_BLOCKING; engine <= CALL_OF_EVENT; engine++) {
		build(SANDBOX_ENFORCE, (enum call_maker)engine);
		for (size_t i = 0; i < sizeof of_both / sizeof of_both[0]; i++) {
			ck_assert_uint_eq(answer_to(of_both[i], 1, 2, 3, 4), SECCOMP_RET_ALLOW);
			ck_assert(!looked_at_arguments);
		}
	}
	ck_assert_uint_eq(answer_to(SYS_epoll_pwait, 1, 2, 3, 4), SECCOMP_RET_ALLOW);
	ck_assert(!looked_at_arguments);
}
END_TEST

START_TEST(call_that_is_not_listed_is_trapped)
{
	build(SANDBOX_ENFORCE, CALL_OF_BOTH);
	if (SANDBOX_IS_WIDE)
		return;
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
		int number = seccomp_syscall_resolve_name(never[i]);

		if (number >= 0)
			ck_assert_msg(answer_to(number, 0, 0, 0, 0) == SECCOMP_RET_TRAP, "%s",
			    never[i]);
	}
}
END_TEST

#define HIGH (UINT64_C(1) << 32)

static const struct {
	int number;
	uint64_t good[4], bad[4];
} arguments[] = {
	{ SYS_ioctl, { 5, 0x541b }, { 5, 0x5412 } }, /* FIONREAD, TIOCSTI */
	{ SYS_ioctl, { 5, 0x5411 }, { 5, 0x5411 | HIGH } },
	{ SYS_fcntl, { 5, F_GETFL }, { 5, F_SETOWN } },
	{ SYS_fcntl, { 5, F_SETFL, O_RDWR | O_NONBLOCK }, { 5, F_SETFL, O_RDWR } },
	{ SYS_fcntl, { 5, F_SETFL, O_NONBLOCK }, { 5, F_DUPFD, O_NONBLOCK } },
	{ SYS_fcntl, { 5, F_SETFL, O_NONBLOCK }, { 5, F_SETFL, O_NONBLOCK | O_DIRECT } },
	{ SYS_fcntl, { 5, F_SETFL, O_NONBLOCK }, { 5, F_SETFL, O_NONBLOCK | O_ASYNC } },
	{ SYS_fcntl, { 5, F_SETFL, O_NONBLOCK }, { 5, F_SETFL, O_NONBLOCK | O_APPEND } },
	{ SYS_shutdown, { 5, SHUT_WR }, { 5, SHUT_RD } },
	{ SYS_shutdown, { 5, SHUT_WR }, { 5, SHUT_RDWR } },
	{ SYS_setsockopt, { 5, SOL_SOCKET, SO_RCVTIMEO }, { 5, SOL_SOCKET, SO_BINDTODEVICE } },
	{ SYS_setsockopt, { 5, SOL_SOCKET, SO_SNDTIMEO }, { 5, SOL_SOCKET, SO_RCVBUF } },
	{ SYS_getsockopt, { 5, SOL_SOCKET, SO_RCVTIMEO }, { 5, SOL_SOCKET, SO_PEERCRED } },
	{ SYS_mprotect, { 0, 4096, PROT_READ | PROT_WRITE }, { 0, 4096, PROT_EXEC } },
	{ SYS_mprotect, { 0, 4096, PROT_READ }, { 0, 4096, PROT_READ | PROT_EXEC } },
	{ SYS_mmap, { 0, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS },
	  { 0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS } },
	{ SYS_mmap, { 0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS },
	  { 0, 4096, PROT_READ, MAP_SHARED } },
	{ SYS_futex, { 0, 0x80 }, { 0, 0x86 } }, /* FUTEX_WAIT_PRIVATE, FUTEX_LOCK_PI_PRIVATE */
};

START_TEST(arguments_are_held_to_what_a_worker_gives)
{
	const uint64_t *good = arguments[_i].good;
	const uint64_t *bad = arguments[_i].bad;

	build(SANDBOX_ENFORCE, CALL_OF_BLOCKING);
	if (SANDBOX_IS_WIDE)
		return;
	ck_assert_uint_eq(answer_to(arguments[_i].number, good[0], good[1], good[2], good[3]),
	    SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(answer_to(arguments[_i].number, bad[0], bad[1], bad[2], bad[3]),
	    SECCOMP_RET_TRAP);
}
END_TEST

START_TEST(abort_is_for_oneself_only)
{
	build(SANDBOX_ENFORCE, CALL_OF_BLOCKING);
	filter_set_self(&filter, 4711);
	if (SANDBOX_IS_WIDE)
		return;
	ck_assert_uint_eq(answer_to(SYS_tgkill, 4711, 4711, SIGABRT, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(answer_to(SYS_tgkill, 4710, 4711, SIGABRT, 0), SECCOMP_RET_TRAP);
	ck_assert_uint_eq(answer_to(SYS_tgkill, 4711, 4711, SIGTERM, 0), SECCOMP_RET_TRAP);
	ck_assert_uint_eq(answer_to(SYS_tkill, 4711, SIGABRT, 0, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(answer_to(SYS_tkill, 4710, SIGABRT, 0, 0), SECCOMP_RET_TRAP);
	ck_assert_uint_eq(answer_to(SYS_tkill, 4711, SIGTERM, SIGABRT, 0), SECCOMP_RET_TRAP);
	ck_assert_uint_eq(answer_to(SYS_kill, 4711, SIGABRT, SIGABRT, 0), SECCOMP_RET_TRAP);
}
END_TEST

static bool is_known(int number)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	free(name);
	return name != NULL;
}

START_TEST(unknown_numbers_are_as_on_an_older_kernel)
{
	int newest = seccomp_syscall_resolve_name("openat2");

	build(SANDBOX_ENFORCE, CALL_OF_BLOCKING);
	while (is_known(newest + 1))
		newest++;
	if (!SANDBOX_IS_WIDE)
		ck_assert_uint_eq(answer_to(newest, 0, 0, 0, 0), SECCOMP_RET_TRAP);
	ck_assert_uint_eq(answer_to(newest + 1, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	ck_assert_uint_eq(answer_to(newest + 100, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	ck_assert_uint_eq(answer_to(-1, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS); /* strace(1) */
}
END_TEST

START_TEST(calls_of_another_kind_of_program_kill)
{
	struct seccomp_data call = { .nr = SYS_recvfrom, .arch = 1 };

	build(SANDBOX_ENFORCE, CALL_OF_BLOCKING);
	ck_assert_uint_eq(answer(&call), SECCOMP_RET_KILL_THREAD);
#ifdef __x86_64__
	ck_assert_uint_eq(answer_to(SYS_recvfrom | 0x40000000, 0, 0, 0, 0),
	    SECCOMP_RET_KILL_THREAD);
#endif
}
END_TEST

START_TEST(what_takes_paths_and_is_not_needed_fails)
{
	build(SANDBOX_ENFORCE, CALL_OF_BLOCKING);
	ck_assert_uint_eq(answer_to(SYS_statx, 0, 0, 0, 0), SECCOMP_RET_ERRNO | EACCES);
}
END_TEST

/* glibc does it with some tunables, and takes this for a kernel that cannot (prctl(2)). */
START_TEST(naming_memory_fails_and_no_other_prctl_does)
{
	build(SANDBOX_ENFORCE, CALL_OF_BOTH);
	if (SANDBOX_IS_WIDE)
		return;
	ck_assert_uint_eq(answer_to(SYS_prctl, 0x53564d41, 0, 0, 0), SECCOMP_RET_ERRNO | EINVAL);
	ck_assert_uint_eq(answer_to(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0), SECCOMP_RET_TRAP);
}
END_TEST

START_TEST(log_stops_nothing)
{
	build(SANDBOX_LOG, CALL_OF_BLOCKING);
	ck_assert_uint_eq(answer_to(SYS_recvfrom, 0, 0, 0, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(answer_to(SYS_statx, 0, 0, 0, 0), SECCOMP_RET_LOG);
	ck_assert_uint_eq(answer_to(SYS_setuid, 0, 0, 0, 0), SECCOMP_RET_LOG);
	ck_assert_uint_eq(answer_to(100000, 0, 0, 0, 0), SECCOMP_RET_LOG);
	ck_assert_uint_eq(answer(&(struct seccomp_data){ .arch = 1 }), SECCOMP_RET_LOG);
}
END_TEST

START_TEST(calls_have_names)
{
	char text[FILTER_CALL_TEXT_MAX];
	char expected[FILTER_CALL_TEXT_MAX];

	snprintf(expected, sizeof expected, "execve (%d)", SYS_execve);
	ck_assert_str_eq(filter_call_text(SYS_execve, text), expected);
	ck_assert_str_eq(filter_call_text(123456, text), "number 123456");
	ck_assert_str_eq(filter_call_text(-7, text), "number -7");
}
END_TEST

static TCase *filters(void)
{
	TCase *tcase = tcase_create("filter");

	tcase_add_test(tcase, every_name_is_that_of_a_call);
	tcase_add_test(tcase, no_argument_of_an_echo_is_looked_at);
	tcase_add_test(tcase, call_that_is_not_listed_is_trapped);
	tcase_add_loop_test(tcase, arguments_are_held_to_what_a_worker_gives, 0,
	    sizeof arguments / sizeof arguments[0]);
	tcase_add_test(tcase, abort_is_for_oneself_only);
	tcase_add_test(tcase, unknown_numbers_are_as_on_an_older_kernel);
	tcase_add_test(tcase, calls_of_another_kind_of_program_kill);
	tcase_add_test(tcase, what_takes_paths_and_is_not_needed_fails);
	tcase_add_test(tcase, naming_memory_fails_and_no_other_prctl_does);
	tcase_add_test(tcase, log_stops_nothing);
	tcase_add_test(tcase, calls_have_names);
	return tcase;
}

/* ---- the kernel ---- */

/* What is tried in a child that is in the sandbox, and the call it is killed for. */
struct attempt {
	long (*make)(void);
	long call;
};

static _Atomic uint32_t *denied; /* shared with children */

static int enter_and_try(void *with)
{
	const struct attempt *attempt = with;
	struct settings settings = { .sandbox = SANDBOX_ENFORCE, .connections = 1 };
	char why[SANDBOX_TEXT_MAX];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ||
	    sandbox_enter(sandbox_for(&settings), denied, why) < 0)
		return 1;
	attempt->make();
	return 2;
}

/* Returns the signal that the child died of. */
static int try(const struct attempt *attempt)
{
	pid_t pid;
	int status;

	denied = mmap(NULL, sizeof *denied, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	ck_assert_ptr_ne(denied, MAP_FAILED);
	pid = child_start(enter_and_try, (void *)(uintptr_t)attempt);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "it left with code %d", WEXITSTATUS(status));
	return WTERMSIG(status);
}

static long try_setuid(void) { return syscall(SYS_setuid, 0); }
static long try_socket(void) { return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }
static long try_connect(void) { return syscall(SYS_connect, 0, 0, 0); }
static long try_bpf(void) { return syscall(SYS_bpf, 0, 0, 0); }
static long try_read_memory(void) { return syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0); }
static long try_shutdown(void) { return syscall(SYS_shutdown, 0, SHUT_RD); }

#if !SANDBOX_IS_WIDE /* or these are allowed */
static long try_openat(void) { return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY); }
static long try_execve(void) { return syscall(SYS_execve, "/bin/true", NULL, NULL); }
static long try_clone(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
static long try_ptrace(void) { return syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0); }
static long try_kill(void) { return syscall(SYS_kill, getppid(), 0); }
static long try_rt_sigaction(void) { return syscall(SYS_rt_sigaction, SIGSYS, 0, 0, 8); }
#endif

static const struct attempt attempts[] = {
	{ try_setuid, SYS_setuid }, { try_socket, SYS_socket }, { try_connect, SYS_connect },
	{ try_bpf, SYS_bpf }, { try_read_memory, SYS_process_vm_readv },
	{ try_shutdown, SYS_shutdown },
#if !SANDBOX_IS_WIDE
	{ try_openat, SYS_openat }, { try_execve, SYS_execve }, { try_clone, SYS_clone },
	{ try_ptrace, SYS_ptrace }, { try_kill, SYS_kill },
	{ try_rt_sigaction, SYS_rt_sigaction },
#endif
};

START_TEST(kernel_kills_and_the_call_is_noted)
{
	ck_assert_int_eq(try(&attempts[_i]), SIGSYS);
	ck_assert_int_eq((long)*denied, attempts[_i].call + 1);
}
END_TEST

static long try_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return try_setuid();
}

START_TEST(blocking_the_signal_is_no_way_out)
{
	ck_assert_int_eq(try(&(struct attempt){ .make = try_blocked }), SIGSYS);
	ck_assert_uint_eq(*denied, 0);
}
END_TEST

static long try_abort(void)
{
	abort();
}

START_TEST(abort_is_still_an_abort)
{
	ck_assert_int_eq(try(&(struct attempt){ .make = try_abort }), SIGABRT);
	ck_assert_uint_eq(*denied, 0);
}
END_TEST

static TCase *kernel(void)
{
	TCase *tcase = tcase_create("kernel");

	tcase_add_loop_test(tcase, kernel_kills_and_the_call_is_noted, 0,
	    sizeof attempts / sizeof attempts[0]);
	tcase_add_test(tcase, blocking_the_signal_is_no_way_out);
	tcase_add_test(tcase, abort_is_still_an_abort);
	return tcase;
}

#endif

Suite *sandbox_suite(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *list = tcase_create("list");

	tcase_add_loop_test(list, what_no_worker_does_is_on_no_list, 0,
	    sizeof never / sizeof never[0]);
	tcase_add_test(list, each_engine_has_its_own_list);
	suite_add_tcase(suite, list);
#ifdef HAVE_SECCOMP
	suite_add_tcase(suite, filters());
	suite_add_tcase(suite, kernel());
#endif
	return suite;
}
