/* SPDX-License-Identifier: ISC */
#include "worker/admission.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/nethelp.h"

#include <inttypes.h>
#include <string.h>

static const struct worker *self;
static bool is_open; /* to everybody */
static struct source_holder holder;

void admission_begin(const struct worker *worker)
{
	const struct limits *limits = &worker->limits;

	self = worker;
	holder = (struct source_holder){ .owner = worker->number };
	is_open = limits->access->count == 0 && limits->source.at_a_time == 0 &&
	    limits->source.interval_ns == 0;
}

static bool may_log(enum board_line line)
{
	uint64_t missed;

	if (!log_wants(LOG_NOTICE) ||
	    !rate_limit_pass(&self->board->line[line], clock_ms(), &missed))
		return false;
	if (missed > 0)
		log_notice("%" PRIu64 " lines like the next one were left out", missed);
	return true;
}

static void turned_away(const struct session *session, const char *why)
{
	char peer[ADDRESS_TEXT_MAX];

	board_count(&session->slot->accepted, 1);
	board_count(&session->slot->turned_away, 1);
	if (may_log(BOARD_LINE_TURNED_AWAY))
		log_notice("%s: turned away: %s", address_text((const struct sockaddr *)
		    &session->peer, session->peer_length, peer), why);
}

static void uncounted(void)
{
	if (may_log(BOARD_LINE_UNCOUNTED))
		log_notice("too many sources to count: those that are new are let in");
}

static bool source_may_come(struct session *session, const struct access_address *address)
{
	const struct source_limits *limits = &self->limits.source;

	if (limits->at_a_time == 0 && limits->interval_ns == 0)
		return true;
	switch (sources_enter(self->sources, &holder, source_of(address), limits, clock_ns(),
	    &session->ticket)) {
	case SOURCE_MAY_COME:
		return true;
	case SOURCE_HAS_NO_ROOM:
		uncounted();
		return true;
	case SOURCE_HAS_TOO_MANY:
		turned_away(session, "its source has as many connections as it may");
		return false;
	case SOURCE_COMES_TOO_FAST:
		turned_away(session, "its source connects faster than it may");
		return false;
	}
	return true;
}

bool admission_grants(struct session *session)
{
	struct access_address address;

	if (is_open ||
	    !access_address_of((const struct sockaddr *)&session->peer, &address))
		return true;
	if (!access_allows(self->limits.access, &address)) {
		turned_away(session, "denied");
		return false;
	}
	return source_may_come(session, &address);
}

void admission_leave(struct session *session)
{
	if (session->ticket != 0)
		sources_leave(self->sources, &holder, session->ticket);
	session->ticket = 0;
}
