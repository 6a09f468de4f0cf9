/* SPDX-License-Identifier: ISC */
/*
 * halt.so: preloaded, it stops a process at its birth, so that strace(1) can be there from
 * the first system call on and is there for nobody else:
 *
 *     LD_PRELOAD=halt.so FAULT_HALT=N program
 *
 * With 0 the program stops before main(), with N > 0 the Nth child that it forks does before
 * fork(2) returns. SIGCONT has it go on. Without FAULT_HALT nothing is different.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

static long halting;  /* whom to stop, -1: nobody */
static long children; /* that were forked so far */

/* Who is no parent may have to be let in (Yama: PR_SET_PTRACER in prctl(2)). */
static void halt(void)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0UL, 0UL, 0UL);
	raise(SIGSTOP);
}

static void forked(void)
{
	children++;
}

static void born(void)
{
	if (children == halting)
		halt();
}

__attribute__((constructor)) static void begin(void)
{
	const char *whom = getenv("FAULT_HALT");

	halting = whom != NULL && whom[0] != '\0' ? atol(whom) : -1;
	pthread_atfork(forked, NULL, born);
	if (halting == 0)
		halt();
}
