/* SPDX-License-Identifier: ISC */
/*
 * Which message each byte that comes back belongs to, and what became of the
 * messages. All have one size and TCP keeps their order, so the place of a byte
 * in the stream says all: what comes late is still matched to its message. Only
 * when nothing is under way a byte belongs to no message at all.
 *
 * After a wrong byte the place says nothing: bytes may be missing, or too many.
 * Then the beginning of a message is looked for in all that comes, and the
 * stream goes on from there. Meanwhile a message that is right at its place
 * counts nevertheless: most often the byte was only changed. A message counts as
 * right only when all its bytes have come, one after the other.
 *
 * Pure: the time is a parameter, in microseconds of a clock that never goes back.
 */
#ifndef CLIENT_CLIENT_LEDGER_H
#define CLIENT_CLIENT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages that can be under way, including those whose time is up. */
#define LEDGER_MOST 16384

/*
 * Bytes that tell the beginning of a message; of one that is smaller, with what
 * follows it. Eight will not be equal by chance.
 */
#define LEDGER_HEAD 8u

/* What there is to tell. */
enum ledger_event {
	LEDGER_NOTHING,
	LEDGER_ANSWER,  /* a message came back, right and in time */
	LEDGER_LATE,    /* it came back right, and its time was up */
	LEDGER_CORRUPT, /* it has a wrong byte; told once a message */
	LEDGER_MISSED,  /* it was not found behind a wrong byte, and later ones were */
	LEDGER_EXTRA,   /* bytes came back when nothing was under way */
	LEDGER_OVERDUE, /* its time is up, and it has not come back yet */
};

struct ledger_note {
	enum ledger_event event;
	uint64_t sequence; /* of the message; of the last one before, for LEDGER_EXTRA */
	uint64_t time_us;  /* from its beginning to its last byte: LEDGER_ANSWER, LEDGER_LATE */
	uint64_t bytes;    /* LEDGER_EXTRA: how many; LEDGER_OVERDUE: how many of it have come */
	uint64_t offset;   /* LEDGER_CORRUPT: place in the message of the wrong byte */
	unsigned char byte; /* LEDGER_CORRUPT: what came back there */
};

struct ledger {
	uint32_t size;       /* of each message, in bytes, at least 1 */
	uint64_t timeout_us; /* after which an answer counts as lost */

	uint64_t sent;       /* messages begun; they are numbered from 1 */
	uint64_t received;   /* came back right and in time; all others are lost */
	uint64_t late;       /* of the lost, came back right after all */
	uint64_t corrupted;  /* of the lost, came back wrong, or went down with one that did */
	uint64_t extra;      /* bytes that belong to no message */

	/* Times of what was received, in microseconds. */
	uint64_t least_us, most_us;
	double mean_us;
	double squares;      /* of the differences from the mean, added up */

	/* The stream. */
	uint64_t next;       /* the message that the next byte belongs to; sent + 1: none */
	uint32_t offset;     /* and its place there */
	uint64_t told;       /* the last message told to be corrupt or missed; 0: none */
	bool searching;      /* the place is not certain, since a wrong byte ... */
	uint64_t lost_at;    /* ... of this message: none before it can still come */
	bool wrong;          /* searching, and a byte of `next` was wrong at its place: */
	uint64_t wrong_offset;    /* which one, */
	unsigned char wrong_byte; /* and what came */
	char recent[LEDGER_HEAD]; /* the last bytes that came */
	uint64_t heads[LEDGER_MOST]; /* the first bytes of each under way, by sequence */
	uint64_t in_time;    /* the first message whose time was not up when last looked at */
	uint64_t begun_us[LEDGER_MOST]; /* when each under way began, by sequence */
};

/* Makes it empty, for messages of `size` bytes and answers within `timeout_us`. */
void ledger_open(struct ledger *ledger, uint32_t size, uint64_t timeout_us);

/* Enters one more message. Returns its number. It must not be full. */
uint64_t ledger_begin(struct ledger *ledger, uint64_t now);

/*
 * Takes back messages of which nothing was sent: those after number `last`,
 * unless they have become overdue.
 */
void ledger_withdraw(struct ledger *ledger, uint64_t last);

/* Whether LEDGER_MOST messages have not come back. */
bool ledger_full(const struct ledger *ledger);

/* Whether a message is under way that is neither known to be wrong nor overdue. */
bool ledger_awaits(const struct ledger *ledger);

/* Returns when the next message becomes overdue; UINT64_MAX when none is awaited. */
uint64_t ledger_deadline(const struct ledger *ledger);

/*
 * Takes bytes that came back: those of one message at most. Returns how many of
 * `size`, with `note` filled in; call again with the rest. None is taken only
 * when there is something to tell.
 */
size_t ledger_receive(struct ledger *ledger, const char *bytes, size_t size, uint64_t now,
    struct ledger_note *note);

/* Finds one more message that has become overdue. Returns false when there is none. */
bool ledger_overdue(struct ledger *ledger, uint64_t now, struct ledger_note *note);

/* Returns the standard deviation of the times, in microseconds; 0 when there is none. */
uint64_t ledger_deviation_us(const struct ledger *ledger);

#endif
