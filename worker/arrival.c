/* SPDX-License-Identifier: ISC */
#include "worker/arrival.h"

#include "common/clock.h"
#include "common/gate.h"
#include "common/log.h"
#include "common/readypipe.h"
#include "worker/orders.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

int arrival_accept(const struct worker *worker, struct session *session, int flags)
{
	enum board_listener state;

	*session = (struct session){ .slot = &worker->board->slots[worker->number],
		.cut_lines = &worker->board->line[BOARD_LINE_CUT_OFF],
		.ending = &orders.ending, .limits = &worker->limits,
		.peer_length = sizeof session->peer };
	session->fd = accept4(worker->listener, (struct sockaddr *)&session->peer,
	    &session->peer_length, SOCK_CLOEXEC | flags);
	if (session->fd < 0)
		return -1;
	state = orders_listener(worker);
	if (state >= LISTENER_GATED)
		gate_lift(session->fd);
	if (state == LISTENER_DRAINING)
		ready_pipe_send(worker->ready_fd, READY_TOOK_ONE);
	return session->fd;
}

enum accept_error arrival_failed(const struct worker *worker, struct accept_trouble *trouble,
    int error)
{
	if (accept_classify(error) == ACCEPT_REFUSED)
		board_count(&worker->board->slots[worker->number].refused, 1);
	return accept_judge(trouble, error);
}

int arrival_pause(const struct worker *worker, struct accept_trouble *trouble, int error)
{
	uint64_t missed;

	if (rate_limit_pass(&worker->board->line[BOARD_LINE_PAUSE], clock_ms(), &missed)) {
		log_warning("accept: %s; worker %u pauses", strerror(error), worker->number + 1);
		if (missed > 0)
			log_warning("%" PRIu64 " lines like this one were left out", missed);
	}
	return accept_pause_ms(trouble);
}
