/* SPDX-License-Identifier: ISC */
#include "client/load_thread.h"

#include "client/load_clock.h"

#include <errno.h>

/* So many are begun in one turn of the loop before answers are looked at again. */
#define SENDS_PER_TURN 64

/* ---- the end of a connection ---- */

static void note_first_outcome(struct load_thread *thread, struct load_connection *connection)
{
	if (!connection->was_tried)
		thread->untried--;
	connection->was_tried = true;
}

static void count_end(struct load_thread *thread, const struct load_connection *connection)
{
	struct load_result *result = &thread->result;

	result->classes[connection->class]++;
	result->bytes_out += connection->bytes_out;
	result->bytes_in += connection->bytes_in;
	result->timed_out += connection->state == LOAD_ECHOING &&
	    connection->class == LOAD_TIMEOUT;
	if (connection->class != LOAD_CLEAN) {
		result->bytes_lost += connection->bytes_out - connection->bytes_in;
		if (thread->shared->losses.file != NULL)
			load_losses_note(&thread->shared->losses, connection);
	}
	if (connection->says_nothing && connection->state == LOAD_READY && !thread->ending)
		result->idle_lost++;
}

/*
 * Whoever fails is replaced at once, so that the load stays what was asked, but
 * where connects fail in a row, after a pause: a dead server must not make us spin.
 */
static void replace(struct load_thread *thread, struct load_connection *connection)
{
	unsigned pause = connection->refusals > 0 ? connection->refusals - 1 : 0;

	if (thread->ending || (thread->quota == 0 && !connection->says_nothing))
		return;
	if (pause >= LOAD_PAUSES)
		pause = LOAD_PAUSES - 1;
	delay_start(&connection->pause, &thread->pauses[pause], thread->now);
}

static void try_address(struct load_thread *thread, struct load_connection *connection)
{
	const struct load_address *address = &thread->shared->addresses[connection->address];

	connection->began = load_clock();
	delay_start(&connection->deadline, &thread->timeouts, connection->began);
	load_policy_settle(thread, connection, load_connection_open(connection, &thread->io,
	    (const struct sockaddr *)&address->to, address->length));
}

static void ended(struct load_thread *thread, struct load_connection *connection)
{
	bool was_connecting = connection->state == LOAD_CONNECTING;
	bool by_reset = thread->options->reset_close && connection->class == LOAD_CLEAN;

	delay_stop(&connection->deadline);
	delay_stop(&connection->pause);
	if (was_connecting && connection->fd >= 0 && load_reach_another(thread, connection)) {
		load_connection_close(connection, false);
		try_address(thread, connection);
		return;
	}
	thread->alive--;
	note_first_outcome(thread, connection);
	count_end(thread, connection);
	if (was_connecting)
		load_reach_failed(thread, connection);
	if (connection->state == LOAD_ECHOING) {
		thread->under_way--;
		thread->quota++;
	}
	connection->refusals = was_connecting ? connection->refusals + 1 : 0;
	load_connection_close(connection, by_reset);
	replace(thread, connection);
}

static void end_as(struct load_thread *thread, struct load_connection *connection,
    enum load_class class, int error)
{
	connection->class = class;
	connection->error = error;
	ended(thread, connection);
}

static void finish(struct load_thread *thread, struct load_connection *connection)
{
	if (thread->options->reset_close) {
		end_as(thread, connection, LOAD_CLEAN, 0);
		return;
	}
	delay_stop(&connection->pause);
	delay_start(&connection->deadline, &thread->timeouts, load_clock());
	load_policy_settle(thread, connection, load_connection_finish(connection, &thread->io));
}

/* ---- messages ---- */

/* Marsaglia's xorshift64 ("Xorshift RNGs", 2003): sizes need no better. */
static uint64_t next_random(struct load_thread *thread)
{
	thread->random ^= thread->random << 13;
	thread->random ^= thread->random >> 7;
	thread->random ^= thread->random << 17;
	return thread->random;
}

static uint32_t next_size(struct load_thread *thread)
{
	uint32_t least = thread->options->size_least;
	uint32_t most = thread->options->size_most;

	if (least == most)
		return least;
	return least + (uint32_t)(next_random(thread) % ((uint64_t)most - least + 1));
}

static bool is_last_of_churn(const struct load_thread *thread, unsigned echoes)
{
	return thread->options->churn > 0 && echoes >= thread->options->churn;
}

static void begin(struct load_thread *thread, struct load_connection *connection)
{
	thread->quota--;
	thread->under_way++;
	thread->claimed_last = thread->quota == 0;
	connection->sequence = thread->sequence;
	thread->sequence += thread->threads;
	connection->size = next_size(thread);
	connection->is_last = thread->options->half_close &&
	    (thread->quota == 0 || is_last_of_churn(thread, connection->echoes + 1));
	connection->began = load_clock();
	connection->intended = connection->began;
	if (load_due_applies(thread)) {
		connection->intended = load_due_time(thread, connection->number);
		connection->number += thread->options->connections;
	}
	delay_start(&connection->deadline, &thread->timeouts, connection->began);
	load_policy_settle(thread, connection, load_connection_begin(connection, &thread->io));
}

/* These were free all the time: their delay is the instrument's own. */
void load_policy_send_due(struct load_thread *thread)
{
	for (unsigned begun = 0; begun < SENDS_PER_TURN; begun++) {
		int64_t due;
		struct load_connection *connection = load_due_take(thread, &due);

		if (connection == NULL)
			break;
		begin(thread, connection);
		histogram_record(&thread->result.lateness,
		    load_microseconds(connection->began - due));
	}
}

/* The total of -n is all back or under way, on other connections. */
static bool has_nothing_left(const struct load_thread *thread,
    const struct load_connection *connection)
{
	return thread->quota == 0 && !connection->says_nothing;
}

/* What a connection does that has nothing under way. */
static void carry_on(struct load_thread *thread, struct load_connection *connection)
{
	delay_stop(&connection->deadline);
	if (connection->at_end)
		load_policy_settle(thread, connection,
		    load_connection_receive(connection, &thread->io));
	else if (thread->ending || has_nothing_left(thread, connection) ||
	         is_last_of_churn(thread, connection->echoes) || connection->is_shut)
		finish(thread, connection);
	else if (!connection->says_nothing && load_due_has_come(thread, connection)) {
		load_due_note_lateness(thread, connection);
		begin(thread, connection);
	}
}

/* ---- what came of a call ---- */

/*
 * A slow reader has an allowance when the time that it takes is over, wherever
 * messages end and from the beginning: many small ones are as slow as a large one.
 * With nothing left it is late by its own will, and its timeout stands still; a
 * connect and a close are as quick as anybody's.
 */
static void slow_down(struct load_thread *thread, struct load_connection *connection)
{
	bool reads = connection->state == LOAD_READY || connection->state == LOAD_ECHOING;

	if (!thread->io.slow || connection->allowance == thread->io.piece || !reads)
		return;
	if (connection->pause.in == NULL)
		delay_start(&connection->pause, &thread->reads, load_clock());
	if (connection->allowance == 0)
		delay_hold(&connection->deadline, load_clock());
}

static void connected(struct load_thread *thread, struct load_connection *connection)
{
	int64_t now = load_clock();

	load_reach_note(thread, connection);
	note_first_outcome(thread, connection);
	connection->refusals = 0;
	histogram_record(&thread->result.connect, load_microseconds(now - connection->began));
	slow_down(thread, connection);
	carry_on(thread, connection);
}

/*
 * Timed until its last byte was read, by the clock: when it came nobody here
 * knows. So it never looks faster than it was; what lies unread while the
 * thread looks at others before it is late by that, as any client's would be.
 */
static void echoed(struct load_thread *thread, struct load_connection *connection)
{
	struct load_result *result = &thread->result;
	int64_t now = load_clock();

	thread->under_way--;
	result->echoes++;
	histogram_record(&result->echo, load_microseconds(now - connection->intended));
	if (load_due_applies(thread))
		histogram_record(&result->uncorrected, load_microseconds(now - connection->began));
	slow_down(thread, connection);
	carry_on(thread, connection);
}

void load_policy_settle(struct load_thread *thread, struct load_connection *connection,
    enum load_step step)
{
	switch (step) {
	case LOAD_WAITS:
		slow_down(thread, connection);
		break;
	case LOAD_CONNECTED:
		connected(thread, connection);
		break;
	case LOAD_ECHOED:
		echoed(thread, connection);
		break;
	case LOAD_ENDED:
		ended(thread, connection);
		break;
	}
}

void load_policy_open(struct load_thread *thread, struct load_connection *connection)
{
	thread->alive++;
	load_reach_begin(thread, connection);
	try_address(thread, connection);
}

/* ---- what time brings ---- */

void load_policy_expire(struct load_thread *thread, struct load_connection *connection)
{
	end_as(thread, connection, LOAD_TIMEOUT, ETIMEDOUT);
}

void load_policy_read_on(struct load_thread *thread, struct load_connection *connection)
{
	bool was_waiting = connection->state == LOAD_ECHOING && connection->allowance == 0;

	connection->allowance = thread->io.piece;
	if (!was_waiting)
		return;
	delay_go_on(&connection->deadline, &thread->timeouts, load_clock());
	load_policy_settle(thread, connection, load_connection_receive(connection, &thread->io));
}

/* A slow reader is in no hurry, but the load now is. */
static void read_all(struct load_thread *thread, struct load_connection *connection)
{
	if (connection->pause.in == NULL)
		return;
	delay_stop(&connection->pause);
	load_policy_read_on(thread, connection);
}

static void close_in_order(struct load_thread *thread, struct load_connection *connection)
{
	if (connection->state == LOAD_READY)
		finish(thread, connection);
	else if (connection->state == LOAD_ECHOING && thread->options->half_close)
		load_connection_half_close(connection);
}

void load_policy_close_spare(struct load_thread *thread)
{
	bool is_due = thread->claimed_last && thread->quota == 0;

	thread->claimed_last = false;
	for (unsigned i = 0; is_due && i < thread->opened; i++)
		if (!thread->connections[i].says_nothing)
			close_in_order(thread, &thread->connections[i]);
}

/* How far the load has come when nothing new is sent any more: its rates are of that. */
static void take_stock(struct load_thread *thread)
{
	thread->ended = load_clock();
	thread->echoes_at_end = thread->result.echoes;
	thread->bytes_at_end = thread->result.bytes_in;
	for (unsigned i = 0; i < thread->opened; i++)
		if (thread->connections[i].state != LOAD_ABSENT)
			thread->bytes_at_end += thread->connections[i].bytes_in;
	thread->result.unsent = load_due_unsent(thread);
}

void load_policy_end(struct load_thread *thread)
{
	take_stock(thread);
	thread->ending = true;
	thread->io.slow = false;
	for (unsigned i = 0; i < thread->opened; i++) {
		struct load_connection *connection = &thread->connections[i];

		if (connection->state == LOAD_ABSENT)
			delay_stop(&connection->pause);
		close_in_order(thread, connection);
		if (connection->state == LOAD_ECHOING)
			read_all(thread, connection);
	}
}

void load_policy_end_at_once(struct load_thread *thread)
{
	for (unsigned i = 0; i < thread->opened; i++) {
		struct load_connection *connection = &thread->connections[i];
		bool owes = connection->state == LOAD_CONNECTING ||
		    connection->state == LOAD_ECHOING;

		if (connection->state != LOAD_ABSENT)
			end_as(thread, connection, owes ? LOAD_TIMEOUT : LOAD_CLEAN, EINTR);
	}
}
