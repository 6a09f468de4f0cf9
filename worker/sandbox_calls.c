/* SPDX-License-Identifier: ISC */
/*
 * Each call is here because a worker makes it, or because its C library does for it
 * (allocation, stdio, the end of a process); names that only some machines have stand
 * beside those that do the same elsewhere.
 *
 * Arguments are looked at where a call could do more than a worker needs, and not in
 * those of an echo: the kernel then knows the answer without running the filter. They
 * need not be, as
 *
 *   sendto    connects nothing: a worker has no socket that is not connected, cannot
 *             make one so (connect is not here, shutdown(2) only with SHUT_WR, or a
 *             listener would become one, for MSG_FASTOPEN), and its log channel takes
 *             no address (SOCK_SEQPACKET)
 *   read      and their like reach what is open already: connections, the listener,
 *   write     the channels to the master, and standard error
 */
#include "worker/sandbox_calls.h"

#include "worker/sandbox.h"

#include <asm/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/in6.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* since Linux 5.17 */
#endif

#define MADE_BY(name, maker) { (name), (maker), { { CALL_ANY, 0, 0, 0 } }, 0 }
#define MADE(name) MADE_BY(name, CALL_OF_BOTH)
#define MADE_IF(name, ...) { (name), CALL_OF_BOTH, { __VA_ARGS__ }, 0 }
#define REFUSED(name) { (name), CALL_OF_BOTH, { { CALL_ANY, 0, 0, 0 } }, EACCES }
#define REFUSED_IF(name, error, ...) { (name), CALL_OF_BOTH, { __VA_ARGS__ }, (error) }

#define IS(argument, value) { CALL_IS, (argument), 0, (value) }
#define HAS(argument, bits) HAS_BUT(argument, bits, 0)
#define LACKS(argument, bits) HAS_BUT(argument, 0, bits)
#define HAS_BUT(argument, bits, others) { CALL_BITS, (argument), (bits) | (others), (bits) }

/* Of the memory calls: there is never anything new to execute. */
#define NO_CODE LACKS(2, PROT_EXEC)

/*
 * Of the flags of what others have too. With O_DIRECT the pipe to the master would hold a
 * message a page, and lose the rest of one that is read in parts (pipe(7)).
 */
#define ONLY_NONBLOCKING HAS_BUT(2, O_NONBLOCK, O_DIRECT | O_ASYNC | O_APPEND)

static const struct call calls[] = {
	/* connections */
	MADE("accept4"),
	MADE("recvfrom"),
	MADE("recv"),
	MADE("sendto"),
	MADE("send"),
	MADE_IF("shutdown", IS(1, SHUT_WR)),
	MADE("close"),
	MADE_IF("ioctl", IS(1, FIONREAD)),
	MADE_IF("ioctl", IS(1, SIOCOUTQ)),
	MADE_IF("getsockopt", IS(1, SOL_SOCKET), IS(2, SO_RCVTIMEO)),
	MADE_IF("setsockopt", IS(1, SOL_SOCKET), IS(2, SO_RCVTIMEO)),
	MADE_IF("setsockopt", IS(1, SOL_SOCKET), IS(2, SO_SNDTIMEO)),
	/* the gate: lifted from connections, and closed by a worker whose master is dead */
	MADE_IF("setsockopt", IS(1, SOL_SOCKET), IS(2, SO_ATTACH_FILTER)),
	MADE_IF("setsockopt", IS(1, IPPROTO_IP), IS(2, IP_MINTTL)),
	MADE_IF("setsockopt", IS(1, IPPROTO_IPV6), IS(2, IPV6_MINHOPCOUNT)),

	/* the listener, let go and made non-blocking; never the reverse, as others have it too */
	MADE("dup2"),
	MADE("dup3"),
	MADE_IF("fcntl", IS(1, F_GETFL)),
	MADE_IF("fcntl", IS(1, F_SETFL), ONLY_NONBLOCKING),
	MADE_IF("fcntl64", IS(1, F_GETFL)),
	MADE_IF("fcntl64", IS(1, F_SETFL), ONLY_NONBLOCKING),

	/* the master, and protocols that use descriptors or stdio */
	MADE("read"),
	MADE("readv"),
	MADE("write"),
	MADE("writev"),
	MADE("getpid"),
	MADE("getppid"),
	MADE("gettid"),
	MADE("fstat"),
	MADE("fstat64"),
	MADE("lseek"),
	MADE("_llseek"),
	/* stdio asks for the size of blocks, which it can do without; these take paths too */
	REFUSED("newfstatat"),
	REFUSED("fstatat64"),
	REFUSED("statx"),

	/* waiting */
	MADE("poll"),
	MADE("ppoll"),
	MADE("ppoll_time64"),
	MADE_BY("epoll_wait", CALL_OF_EVENT),
	MADE_BY("epoll_pwait", CALL_OF_EVENT),
	MADE_BY("epoll_ctl", CALL_OF_EVENT),
	MADE("nanosleep"),
	MADE("clock_nanosleep"),
	MADE("clock_nanosleep_time64"),
	/* SIGCONT has the kernel make it for the call that was interrupted */
	MADE("restart_syscall"),

	/* time, where the kernel's clock cannot be read without a call */
	MADE("clock_gettime"),
	MADE("clock_gettime64"),
	MADE("gettimeofday"),
	MADE("time"),
	MADE_BY("setitimer", CALL_OF_BLOCKING),

	/* signals: handlers are all set before, and none can be changed */
	MADE("rt_sigprocmask"),
	MADE("rt_sigreturn"),
	MADE("sigreturn"),

	/* memory */
	MADE("brk"),
	MADE_IF("mmap", NO_CODE, HAS(3, MAP_ANONYMOUS)),
	MADE_IF("mmap2", NO_CODE, HAS(3, MAP_ANONYMOUS)),
	MADE_IF("mprotect", NO_CODE),
	MADE("mremap"),
	MADE("munmap"),
	MADE_IF("madvise", IS(2, MADV_DONTNEED)),
	MADE_IF("madvise", IS(2, MADV_FREE)),
	MADE_IF("madvise", IS(2, MADV_HUGEPAGE)),
	/* later C libraries name what they have mapped, and fall back as on an older kernel */
	REFUSED_IF("prctl", EINVAL, IS(0, PR_SET_VMA)),
	MADE_IF("futex", IS(1, FUTEX_WAIT_PRIVATE)),
	MADE_IF("futex", IS(1, FUTEX_WAKE_PRIVATE)),
	MADE_IF("futex_time64", IS(1, FUTEX_WAIT_PRIVATE)),
	MADE_IF("futex_time64", IS(1, FUTEX_WAKE_PRIVATE)),
	MADE("getrandom"),

	/* the end; that of abort(3) is in the filter, which knows the worker's own pid */
	MADE("exit"),
	MADE("exit_group"),

#if SANDBOX_IS_WIDE
	/*
	 * The sanitizers look at leaks and tell of faults by these, and gcov writes its counts;
	 * no other build has them.
	 */
	MADE("access"),
	MADE("arch_prctl"),
	MADE("clone"),
	MADE("clone3"),
	MADE("dup"),
	MADE("execve"),
	MADE("fcntl"),
	MADE("fork"),
	MADE("futex"),
	MADE("getdents"),
	MADE("getdents64"),
	MADE("getrlimit"),
	MADE("getuid"),
	MADE("ioctl"),
	MADE("kill"),
	MADE("madvise"),
	MADE("mmap"),
	MADE("mprotect"),
	MADE("open"),
	MADE("openat"),
	MADE("pipe"),
	MADE("pipe2"),
	MADE("prctl"),
	MADE("pread64"),
	MADE("prlimit64"),
	MADE("ptrace"),
	MADE("readlink"),
	MADE("readlinkat"),
	MADE("rt_sigaction"),
	MADE("sched_getaffinity"),
	MADE("sched_yield"),
	MADE("sigaltstack"),
	MADE("stat"),
	MADE("tgkill"),
	MADE("uname"),
	MADE("vfork"),
	MADE("wait4"),
#endif
};

const struct call *calls_of_workers(size_t *count)
{
	*count = sizeof calls / sizeof calls[0];
	return calls;
}
