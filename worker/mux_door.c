/* SPDX-License-Identifier: ISC */
/*
 * The listener of the event engine. It is non-blocking, all workers of the
 * generation watch it, and of those that sleep the kernel wakes one for each
 * connection (EPOLLEXCLUSIVE). One connection is accepted a turn, so that
 * those that are in session do not wait for a crowd at the door.
 *
 * Not watched it is while the worker is full, stands aside to be fair, or the
 * machine is out of something; sessions go on meanwhile. EPOLLEXCLUSIVE does not
 * go with EPOLL_CTL_MOD, so it is taken out and put in again. Who was woken and
 * could not accept wakes another by an eventfd(2) that is watched in the same way.
 */
#include "worker/mux_parts.h"

#include "common/log.h"
#include "common/readypipe.h"
#include "worker/admission.h"
#include "worker/arrival.h"
#include "worker/fairness.h"
#include "worker/idleness.h"
#include "worker/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* Has one of all that watch `fd` be woken. */
static int watch_one(const struct mux *mux, int fd, void *about)
{
	struct epoll_event arrivals = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = about };

	return epoll_ctl(mux->epoll, EPOLL_CTL_ADD, fd, &arrivals);
}

static void unwatch_one(const struct mux *mux, int fd)
{
	epoll_ctl(mux->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static int watch(struct mux *mux)
{
	if (watch_one(mux, mux->worker->listener, &mux->door) < 0)
		return -1;
	if (watch_one(mux, mux->worker->pass_on, &mux->door.called) < 0) {
		unwatch_one(mux, mux->worker->listener);
		return -1;
	}
	mux->door.watched = true;
	board_set_at_door(mux->slot, true);
	return 0;
}

static void unwatch(struct mux *mux)
{
	if (mux->door.watched) {
		unwatch_one(mux, mux->worker->listener);
		unwatch_one(mux, mux->worker->pass_on);
	}
	board_set_at_door(mux->slot, false);
	mux->door.watched = false;
	mux->door.knocked = false;
	mux->door.called = false;
}

/*
 * Of those that sleep the kernel has woken this one only, which cannot accept: another
 * one may. When nobody watches, it stays to be read by the next who does.
 */
static void pass_on(const struct mux *mux)
{
	eventfd_write(mux->worker->pass_on, 1);
}

static void take_call(struct mux *mux)
{
	eventfd_t unused;

	eventfd_read(mux->worker->pass_on, &unused);
	mux->door.called = false;
	mux->door.knocked = true;
}

/*
 * All workers of the generation do this to the socket that they share. What else was
 * set on that of a service manager goes: the sandbox would not let them set it again.
 */
static int make_nonblocking(int listener)
{
	int flags = fcntl(listener, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK) != 0)
		return flags < 0 ? -1 : 0;
	return fcntl(listener, F_SETFL, O_NONBLOCK);
}

int door_open(struct mux *mux)
{
	return make_nonblocking(mux->worker->listener) < 0 ? -1 : watch(mux);
}

/*
 * First out of epoll: what it watches is the socket, which others still have,
 * and not the descriptor, which is /dev/null from here on.
 */
void door_close(struct mux *mux)
{
	unwatch(mux);
	mux->door.closed = true;
	dup2(mux->worker->nowhere, mux->worker->listener);
}

static bool is_full(const struct mux *mux)
{
	return mux->open >= mux->worker->connections;
}

static void stay_away(struct mux *mux, int ms)
{
	unwatch(mux);
	mux->door.back = mux->now + ms;
}

/* The master is asked for a successor; sessions go on. */
static void give_up(struct mux *mux, int error)
{
	if (!orders.retiring) {
		log_error("accept: %s; worker %u gives up", strerror(error),
		    mux->worker->number + 1);
		mux->door.code = EX_SOFTWARE;
		if (mux->open > 0)
			ready_pipe_send(mux->worker->ready_fd, READY_ASKS_TO_LEAVE);
	}
	door_close(mux);
}

/*
 * Nobody knocks at the end: the queue is tried until it is found empty. The handler's own flag
 * would not do: it may come up when accept4(2) has looked, and an orphan's before the gate is
 * closed.
 */
static bool is_emptying(const struct mux *mux)
{
	return mux->door.emptying && mux->open == 0;
}

static void failed(struct mux *mux, int error)
{
	switch (arrival_failed(mux->worker, &mux->door.trouble, error)) {
	case ACCEPT_EMPTY:
		/* Who retires and still accepts empties the queue, to the end of its last session. */
		if (is_emptying(mux))
			door_close(mux);
		break;
	case ACCEPT_REFUSED:
	case ACCEPT_AGAIN:
		break;
	case ACCEPT_PAUSE:
		if (orders.ending)
			door_close(mux);
		else
			stay_away(mux, arrival_pause(mux->worker, &mux->door.trouble, error));
		pass_on(mux);
		break;
	case ACCEPT_FATAL:
		give_up(mux, error);
		pass_on(mux);
		break;
	}
}

/* Nobody waits for this one meanwhile: it has accepted whom it was woken for. */
static void be_fair(struct mux *mux)
{
	struct door *door = &mux->door;

	if (door->free > 0) {
		door->free--;
	} else if (fairness_ahead_on_board(mux->worker->board, mux->worker->number)) {
		stay_away(mux, FAIRNESS_ASIDE_MS);
		door->free = FAIRNESS_FREE;
	}
}

static int let_in(struct mux *mux, struct connection *place)
{
	if (!admission_grants(&place->session))
		return connection_turn_away(mux, place);
	if (connection_begin(mux, place) == 0)
		return 0;
	admission_leave(&place->session);
	return -1;
}

static void accept_one(struct mux *mux)
{
	struct connection *place = connection_place(mux);

	/* Others who have it may have made it blocking, and then no session would go on. */
	if (mux->worker->inherited)
		make_nonblocking(mux->worker->listener);
	if (arrival_accept(mux->worker, &place->session, SOCK_NONBLOCK) < 0) {
		failed(mux, errno);
		return;
	}
	if (let_in(mux, place) < 0) {
		int error = errno;

		close(place->session.fd);
		failed(mux, error);
		return;
	}
	mux->door.trouble = (struct accept_trouble){ 0 };
	if (is_full(mux))
		unwatch(mux);
	else if (!orders.retiring)
		be_fair(mux);
}

/* For the master, which has others at hand when all workers are full. */
static void tell_room(struct mux *mux)
{
	bool full = is_full(mux);

	if (full == mux->door.told_full)
		return;
	mux->door.told_full = full;
	if (full)
		idleness_became_busy(&worker_idleness);
	else
		idleness_became_idle(&worker_idleness);
}

static void look_outside(struct mux *mux)
{
	struct door *door = &mux->door;

	if (door->closed || is_full(mux))
		return;
	if (!door->watched && mux->now >= door->back && watch(mux) < 0)
		stay_away(mux, arrival_pause(mux->worker, &door->trouble, errno));
	if (door->called)
		take_call(mux);
	if (door->watched && (door->knocked || is_emptying(mux)))
		accept_one(mux);
	door->knocked = false;
}

void door_turn(struct mux *mux)
{
	look_outside(mux);
	tell_room(mux);
}

int64_t door_due(const struct mux *mux)
{
	if (mux->door.closed || is_full(mux))
		return MUX_NEVER;
	if (!mux->door.watched)
		return mux->door.back;
	return is_emptying(mux) ? mux->now : MUX_NEVER;
}
