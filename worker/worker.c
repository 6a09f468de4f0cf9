/* SPDX-License-Identifier: ISC */
#include "worker/worker.h"

#include "common/log.h"
#include "common/readypipe.h"
#include "common/title.h"
#include "worker/admission.h"
#include "worker/buffers.h"
#include "worker/engine.h"
#include "worker/idleness.h"
#include "worker/orders.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

/* What ps(1) shows of it, by enum board_state: made once, as it changes often. */
static struct title titles[BOARD_LEAVING + 1];

static void make_titles(unsigned number)
{
	for (enum board_state state = 0; state <= BOARD_LEAVING; state++)
		title_make(&titles[state], "worker %u (%s)", number + 1, board_state_name(state));
}

void worker_show_state(const struct worker *worker, enum board_state state)
{
	board_set_state(&worker->board->slots[worker->number], state);
	title_show(&titles[state]);
}

/* The last thing before it is ready: no handler and no descriptor is made after that. */
static int enter_sandbox(const struct worker *worker)
{
	char why[SANDBOX_TEXT_MAX];

	if (sandbox_enter(worker->sandbox, &worker->board->slots[worker->number].denied, why) == 0)
		return 0;
	log_error("worker %u: %s", worker->number + 1, why);
	return -1;
}

/* Returns 0, or -1 when it cannot; the reason has been logged. */
static int prepare(const struct worker *worker, const struct engine *engine)
{
	char *buffer = buffer_make(worker->buffer_size);

	if (buffer == NULL) {
		log_error("a buffer of %zu bytes: %s", worker->buffer_size, strerror(errno));
		return -1;
	}
	if (engine->prepare(worker, buffer) < 0)
		return -1;
	admission_begin(worker);
	make_titles(worker->number);
	worker_show_state(worker, BOARD_IDLE);
	worker_idleness = (struct idleness){ .set = worker->idle, .number = worker->number,
		.ready_fd = worker->ready_fd, .max_served = worker->max_served };
	if (orders_begin(worker, engine->told) < 0) {
		log_error("worker %u cannot hear its master: %s", worker->number + 1,
		    strerror(errno));
		return -1;
	}
	if (enter_sandbox(worker) < 0)
		return -1;
	idleness_became_idle(&worker_idleness);
	/* An orphan, whom nobody hears any more, has its orders by now: it serves what waits. */
	if (ready_pipe_send(worker->ready_fd, READY_TO_ACCEPT) < 0 && !orders_of_orphan(worker)) {
		log_error("telling the master that worker %u is ready: %s", worker->number + 1,
		    strerror(errno));
		return -1;
	}
	return 0;
}

int worker_run(const struct worker *worker)
{
	const struct engine *engine = worker->connections > 1 ? &mux_engine : &blocking_engine;
	int code;

	prctl(PR_SET_NAME, "echo-worker");
	/*
	 * Asked for first and checked after: of a master that died in between it tells itself. The
	 * signal waits for orders_begin(), and perhaps nobody else is left to serve the queue.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGQUIT) < 0) {
		log_error("worker %u would not notice its master's death: %s", worker->number + 1,
		    strerror(errno));
		return EX_OSERR;
	}
	if (orders_of_orphan(worker))
		raise(SIGQUIT);
	if (prepare(worker, engine) < 0)
		return EX_OSERR;
	code = engine->serve();
	idleness_leaves(&worker_idleness);
	worker_show_state(worker, BOARD_LEAVING);
	/* While the last clients close, nobody new may come to a door that will not open. */
	dup2(worker->nowhere, worker->listener);
	engine->finish();
	return code;
}
