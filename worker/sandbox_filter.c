/* SPDX-License-Identifier: ISC */
/*
 * A filter is what libseccomp makes of the list, and a few steps of our own before it for
 * what libseccomp cannot say: "any number above this one", and "only to oneself".
 */
#include "worker/sandbox_filter.h"

#include <errno.h>
#include <stdio.h>

#ifdef HAVE_SECCOMP

#include <endian.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

/* What kernels compare of a pid or a signal is the lower half of the argument. */
#define LOW_HALF (__BYTE_ORDER == __LITTLE_ENDIAN ? 0 : 4)
#define ARGUMENT(number) (offsetof(struct seccomp_data, args[number]) + LOW_HALF)

/* Numbers from here on are of another kind of program (x32): libseccomp knows which. */
#define FOREIGN_NUMBERS 0x40000000U

/* A debugger puts it in place of a call that is not to be made (ptrace(2)). */
#define NO_CALL 0xffffffffU

/* So many unknown numbers in a row: the ones before were the last. */
#define GAP 32

/* ---- our own steps ---- */

/* abort(3) of glibc makes tgkill(pid, tid, SIGABRT), that of musl tkill(tid, SIGABRT). */
enum { AT_SELF = 8, AT_TKILL = 11, AT_SELF_AGAIN = 13, AT_ALLOW = 16, AT_UNKNOWN = 17,
	OWN_STEPS = 18 };

/* From one step, jumps count from the next. */
#define FROM(step, to) ((uint8_t)((to) - (step) - 1))
#define IF_EQUAL(step, value, yes, no) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), FROM(step, yes), FROM(step, no))

/* `newest` is the highest number that is known, `unknown` what becomes of higher ones. */
static void write_own_steps(struct sock_filter *steps, uint32_t newest, uint32_t unknown)
{
	const struct sock_filter own[OWN_STEPS] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IF_EQUAL(1, seccomp_arch_native(), 2, OWN_STEPS),
		LOAD(offsetof(struct seccomp_data, nr)),
		IF_EQUAL(3, NO_CALL, AT_UNKNOWN, 4),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_NUMBERS, FROM(4, OWN_STEPS), 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, FROM(5, AT_UNKNOWN), 0),
		IF_EQUAL(6, (uint32_t)SCMP_SYS(tgkill), 7, AT_TKILL),
		LOAD(ARGUMENT(0)),
		IF_EQUAL(AT_SELF, 0, 9, OWN_STEPS),
		LOAD(ARGUMENT(2)),
		IF_EQUAL(10, SIGABRT, AT_ALLOW, OWN_STEPS),
		IF_EQUAL(AT_TKILL, (uint32_t)SCMP_SYS(tkill), 12, OWN_STEPS),
		LOAD(ARGUMENT(0)),
		IF_EQUAL(AT_SELF_AGAIN, 0, 14, OWN_STEPS),
		LOAD(ARGUMENT(1)),
		IF_EQUAL(15, SIGABRT, AT_ALLOW, OWN_STEPS),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(unknown),
	};

	memcpy(steps, own, sizeof own);
}

void filter_set_self(struct filter *filter, pid_t self)
{
	if (filter->length == 0)
		return;
	filter->step[AT_SELF].k = (uint32_t)self;
	filter->step[AT_SELF_AGAIN].k = (uint32_t)self; /* the only thread has the pid for its tid */
}

static uint32_t newest_number(void)
{
	int newest = seccomp_syscall_resolve_name("openat2");

	for (int number = newest; number <= newest + GAP; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		if (name != NULL)
			newest = number;
		free(name);
	}
	return (uint32_t)newest;
}

/* ---- the list ---- */

static struct scmp_arg_cmp comparison_of(const struct call_check *check)
{
	if (check->test == CALL_IS)
		return (struct scmp_arg_cmp){ .arg = check->argument, .op = SCMP_CMP_EQ,
			.datum_a = check->value };
	return (struct scmp_arg_cmp){ .arg = check->argument, .op = SCMP_CMP_MASKED_EQ,
		.datum_a = check->mask, .datum_b = check->value };
}

/* Returns 0 or an error as libseccomp does: less than 0. */
static int add_call(scmp_filter_ctx context, const struct call *call)
{
	struct scmp_arg_cmp comparisons[CALL_CHECKS_MAX];
	int number = seccomp_syscall_resolve_name(call->name);
	unsigned count = 0;

	if (number < 0)
		return 0; /* not on this machine */
	while (count < CALL_CHECKS_MAX && call->check[count].test != CALL_ANY) {
		comparisons[count] = comparison_of(&call->check[count]);
		count++;
	}
	return seccomp_rule_add_array(context, call->error == 0 ? SCMP_ACT_ALLOW
	    : SCMP_ACT_ERRNO((uint32_t)call->error), number, count, comparisons);
}

/* What is to fail is logged with all the rest where that is what is wanted. */
static int add_calls(scmp_filter_ctx context, enum sandbox_mode mode, enum call_maker engine)
{
	size_t count;
	const struct call *calls = calls_of_workers(&count);
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		if ((calls[i].of & engine) != 0 && (calls[i].error == 0 || mode == SANDBOX_ENFORCE))
			error = add_call(context, &calls[i]);
	return error;
}

/* ---- to the kernel's form ---- */

/* A pipe holds all of it: it is less than a page. */
static int export_through(int ends[2], scmp_filter_ctx context, struct filter *filter)
{
	struct sock_filter *rest = filter->step + OWN_STEPS;
	size_t room = sizeof filter->step - OWN_STEPS * sizeof *rest;
	int error = seccomp_export_bpf(context, ends[1]);
	ssize_t got = error == 0 ? read(ends[0], rest, room) : 0;

	if (error < 0 || got < 0)
		return error < 0 ? error : -errno;
	if ((size_t)got == room)
		return -E2BIG; /* there may be more */
	filter->length = (unsigned short)(OWN_STEPS + (size_t)got / sizeof *rest);
	return 0;
}

static int export(scmp_filter_ctx context, struct filter *filter)
{
	int ends[2];
	int error;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	error = export_through(ends, context, filter);
	close(ends[0]);
	close(ends[1]);
	return error;
}

int filter_build(struct filter *filter, enum sandbox_mode mode, enum call_maker engine)
{
	uint32_t otherwise = mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_TRAP;
	uint32_t unknown = mode == SANDBOX_LOG ? SECCOMP_RET_LOG : SECCOMP_RET_ERRNO | ENOSYS;
	scmp_filter_ctx context = seccomp_init(otherwise);
	int error = 0;

	if (context == NULL) {
		errno = EINVAL; /* a kernel that has no such action */
		return -1;
	}
	/* Fewer steps to the answer; a libseccomp that cannot do it goes on without. */
	seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (mode == SANDBOX_LOG)
		error = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_LOG);
	if (error == 0)
		error = add_calls(context, mode, engine);
	if (error == 0)
		error = export(context, filter);
	seccomp_release(context);
	if (error < 0) {
		errno = -error;
		return -1;
	}
	write_own_steps(filter->step, newest_number(), unknown);
	return 0;
}

char *filter_call_text(int number, char text[static FILTER_CALL_TEXT_MAX])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (name != NULL)
		snprintf(text, FILTER_CALL_TEXT_MAX, "%s (%d)", name, number);
	else
		snprintf(text, FILTER_CALL_TEXT_MAX, "number %d", number);
	free(name);
	return text;
}

const char *filter_builder(void)
{
	static char text[48];
	const struct scmp_version *version = seccomp_version();

	snprintf(text, sizeof text, "libseccomp %u.%u.%u", version->major, version->minor,
	    version->micro);
	return text;
}

#else

int filter_build(struct filter *filter, enum sandbox_mode mode, enum call_maker engine)
{
	(void)mode;
	(void)engine;
	filter->length = 0;
	return 0;
}

void filter_set_self(struct filter *filter, pid_t self)
{
	(void)filter;
	(void)self;
}

char *filter_call_text(int number, char text[static FILTER_CALL_TEXT_MAX])
{
	snprintf(text, FILTER_CALL_TEXT_MAX, "number %d", number);
	return text;
}

const char *filter_builder(void)
{
	return NULL;
}

#endif
