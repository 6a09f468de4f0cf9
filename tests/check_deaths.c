/* SPDX-License-Identifier: ISC */
/* Deaths: what a worker has said is heard before it is reaped, and a flood holds up nobody. */
#include "tests/suites.h"

#include "common/log.h"
#include "master/actions.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* What the ready pipe holds, in bytes (pipe(7)). */
#define FULL 65536

/* That of the worker in slot 0; the next one's is one more. */
#define TOKEN UINT64_C(0x1122334455667788)

#define MOST 2

static struct supervisor master;
static sigset_t mask_before;
static int threshold_before;

/* What happens reaches the plan, and what that wants done is left in it: nobody is forked. */
static void open_master(void)
{
	sigset_t deaths;

	master = (struct supervisor){ .carrying_out = true };
	ck_assert_int_eq(ready_pipe_open(master.channels.ready), 0);
	master.board = board_open(TABLES_SLOTS);
	master.sources = sources_open();
	master.tables = tables_open();
	ck_assert(master.board != NULL && master.sources != NULL && master.tables != NULL);
	master.workers = (struct workers){ .entry = master.tables->entry,
		.capacity = TABLES_SLOTS };
	sigemptyset(&deaths);
	sigaddset(&deaths, SIGCHLD);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &deaths, &mask_before), 0);
	threshold_before = log_threshold;
	log_threshold = LOG_ERR;
}

static void close_master(void)
{
	log_threshold = threshold_before;
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	tables_close(master.tables);
	sources_close(master.sources);
	board_close(master.board);
	close(master.channels.ready[0]);
	close(master.channels.ready[1]);
}

/* Has as many children in the table as the plan wants at its start; each does `work` and dies. */
static void start_workers(unsigned count, int (*work)(void *))
{
	struct plan_action action;
	uint64_t token;

	plan_init(&master.plan, master.tables->slot, &(struct plan_start){ .most = MOST,
	    .workers = count, .max_workers = count, .drain_ms = 1000, .spare_ms = 1000 }, 0);
	while (plan_next(&master.plan, &action)) {
		ck_assert_int_eq(action.kind, PLAN_SPAWN);
		token = TOKEN + action.slot;
		board_assign(master.board, action.slot, action.generation, 1);
		master.tables->token[action.slot] = token;
		workers_add(&master.workers, action.slot, child_start(work, &token),
		    action.generation, 0);
	}
	ck_assert_uint_eq(master.workers.count, count);
}

/* Waits until a worker is dead, and leaves it to be reaped. */
static void await_death(unsigned slot)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)master.workers.entry[slot].pid, &info,
	    WEXITED | WNOWAIT), 0);
}

static bool death_is_pending(void)
{
	sigset_t pending;

	ck_assert_int_eq(sigpending(&pending), 0);
	return sigismember(&pending, SIGCHLD) == 1;
}

/* As the master does before it asks whose that was. */
static void take_signal(void)
{
	sigset_t deaths;
	int number;

	sigemptyset(&deaths);
	sigaddset(&deaths, SIGCHLD);
	ck_assert_int_eq(sigwait(&deaths, &number), 0);
	ck_assert(!death_is_pending());
}

/* Returns a child that is dead and was not reaped, 0: all live, -1: there are none at all. */
static pid_t zombie(void)
{
	siginfo_t info = { 0 };

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? -1 : info.si_pid;
}

/* Its last words are that it is ready, after as much that means nothing as there is room for. */
static int get_ready_and_die(void *token)
{
	int fd = master.channels.ready[1];

	ready_pipe_set_token(*(const uint64_t *)token);
	for (size_t said = sizeof(struct ready_message); said < FULL;
	     said += sizeof(struct ready_message))
		if (ready_pipe_send(fd, READY_WATCH) < 0)
			return 1;
	return ready_pipe_send(fd, READY_TO_ACCEPT) < 0;
}

START_TEST(what_a_worker_has_said_is_heard_before_it_is_reaped)
{
	start_workers(1, get_ready_and_die);
	await_death(0);
	ck_assert_int_eq(master.plan.mode, PLAN_FIRST_START);
	deaths_take(&master);
	ck_assert_int_eq(zombie(), -1);
	ck_assert_uint_eq(master.workers.count, 0);
	ck_assert_int_eq(master.plan.mode, PLAN_SERVING);
	ck_assert_uint_eq(master.plan.slots.charge.ready, 0);
}
END_TEST

static int die(void *token)
{
	(void)token;
	return 0;
}

/* The rest follows when the master has seen to all else, and it does not sleep before. */
START_TEST(full_pipe_leaves_the_next_death_to_the_next_turn)
{
	static const char zeros[FULL];
	int left;

	start_workers(2, die);
	await_death(0);
	await_death(1);
	ck_assert_int_eq(write(master.channels.ready[1], zeros, FULL), FULL);
	take_signal();
	deaths_take(&master);
	ck_assert_uint_eq(master.workers.count, 1);
	left = workers_find(&master.workers, zombie());
	ck_assert_int_ge(left, 0);
	take_signal();
	deaths_take(&master);
	ck_assert_uint_eq(master.workers.count, 0);
	ck_assert_int_eq(zombie(), -1);
	ck_assert(!death_is_pending());
}
END_TEST

Suite *deaths_suite(void)
{
	Suite *suite = suite_create("deaths");
	TCase *tcase = tcase_create("turns");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_master, close_master);
	tcase_add_test(tcase, what_a_worker_has_said_is_heard_before_it_is_reaped);
	tcase_add_test(tcase, full_pipe_leaves_the_next_death_to_the_next_turn);
	suite_add_tcase(suite, tcase);
	return suite;
}
