/* SPDX-License-Identifier: ISC */
/*
 * What a server answers, which may be anything. The input is a play: its first
 * byte gives the size of a message, each further one has messages sent, bytes
 * come back as they should, other bytes come, some get lost or come twice, or
 * time go by. Whatever comes, the first wrong byte is told with its place, no
 * message is told twice, and the numbers add up.
 */
#include "tests/fuzz/fuzz.h"

#include "client/client_ledger.h"
#include "client/pattern.h"
#include "client/relay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of one input at most. */
#define MESSAGES_MAX 4096

/* In microseconds. */
#define TIMEOUT 1000

static struct play {
	struct ledger ledger;
	uint64_t now;
	uint64_t came;        /* bytes that came back */
	uint64_t place;       /* in the stream of messages, of the next byte that is to come right */
	bool wrong;           /* a byte was wrong, or too many: */
	uint64_t wrong_at;    /* which one of those that came */
	bool told_wrong;      /* that was told */
	uint64_t answered, late, corrupted, extra; /* as they were told */
	bool told[MESSAGES_MAX + 1];    /* of each message: how it came back, or did not */
	bool overdue[MESSAGES_MAX + 1]; /* of each: that its time was up */
} play;

/* ---- what is told ---- */

static void check_once(bool *told, uint64_t sequence)
{
	must(sequence >= 1 && sequence <= play.ledger.sent, "what is told is of a message sent");
	must(!told[sequence], "it is told once");
	told[sequence] = true;
}

/* The first thing told of anything wrong is the first wrong byte. */
static void check_first_wrong(const struct ledger_note *note, unsigned char byte)
{
	uint64_t size = play.ledger.size;

	if (play.told_wrong)
		return;
	play.told_wrong = true;
	must(note->event == LEDGER_CORRUPT || note->event == LEDGER_EXTRA,
	    "the first that is wrong is a byte");
	if (note->event == LEDGER_EXTRA)
		return;
	must((note->sequence - 1) * size + note->offset == play.wrong_at,
	    "the first wrong byte is told with its place");
	must(note->byte == byte, "and as what it came");
}

static void check_note(const struct ledger_note *note, unsigned char last)
{
	switch (note->event) {
	case LEDGER_NOTHING:
		return;
	case LEDGER_ANSWER:
		play.answered++;
		must(note->time_us < TIMEOUT, "an answer is in time");
		check_once(play.told, note->sequence);
		must(!play.overdue[note->sequence], "an answer has not been called overdue");
		return;
	case LEDGER_LATE:
		play.late++;
		must(note->time_us >= TIMEOUT, "what is late is not in time");
		check_once(play.told, note->sequence);
		return;
	case LEDGER_CORRUPT:
		must(note->offset < play.ledger.size, "a wrong byte is in its message");
		check_once(play.told, note->sequence);
		play.corrupted++;
		break;
	case LEDGER_MISSED:
		check_once(play.told, note->sequence);
		play.corrupted++;
		break;
	case LEDGER_EXTRA:
		must(note->bytes > 0, "what is too much is some bytes");
		play.extra += note->bytes;
		break;
	case LEDGER_OVERDUE:
		check_once(play.overdue, note->sequence);
		must(note->bytes < play.ledger.size, "what is overdue has not come whole");
		return;
	}
	must(play.wrong, "nothing is called wrong that is right");
	check_first_wrong(note, last);
}

/* ---- what happens ---- */

static void send_messages(unsigned count)
{
	for (; count > 0 && !ledger_full(&play.ledger) && play.ledger.sent < MESSAGES_MAX; count--)
		ledger_begin(&play.ledger, play.now);
}

static uint64_t bytes_sent(void)
{
	return play.ledger.sent * play.ledger.size;
}

static char right_byte(uint64_t place)
{
	char byte;

	pattern_write(&byte, 1, place / play.ledger.size + 1, place % play.ledger.size);
	return byte;
}

/* Before the ledger sees them: is the first wrong byte among them? */
static void look_for_wrong(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size && !play.wrong; i++) {
		uint64_t at = play.came + i;

		play.wrong = at >= bytes_sent() || right_byte(at) != bytes[i];
		play.wrong_at = at;
	}
	play.came += size;
}

static void come(const char *bytes, size_t size)
{
	look_for_wrong(bytes, size);
	while (size > 0) {
		struct ledger_note note;
		size_t taken = ledger_receive(&play.ledger, bytes, size, play.now, &note);

		must(taken <= size, "no more is taken than there is");
		must(taken > 0 || note.event != LEDGER_NOTHING, "it goes on");
		check_note(&note, taken > 0 ? (unsigned char)bytes[taken - 1] : 0);
		bytes += taken;
		size -= taken;
	}
}

static void come_right(size_t size)
{
	char bytes[64];
	size_t count = 0;

	for (; count < size && play.place < bytes_sent(); count++)
		bytes[count] = right_byte(play.place++);
	come(bytes, count);
}

static void pass_time(uint64_t us)
{
	struct ledger_note note;

	play.now += us;
	while (ledger_overdue(&play.ledger, play.now, &note))
		check_note(&note, 0);
	must(ledger_deadline(&play.ledger) > play.now, "what is overdue has been told");
}

/* Returns how many bytes of the input it took. */
static size_t act(const uint8_t *data, size_t size)
{
	size_t number = (data[0] & 0x1f) + 1u;
	size_t rest = size - 1 < number ? size - 1 : number;

	switch (data[0] >> 5) {
	case 0:
		send_messages((unsigned)number);
		break;
	case 1:
	case 2:
		come_right(number);
		break;
	case 3:
		come((const char *)data + 1, rest);
		return rest + 1;
	case 4: /* as many as should come, but others */
		play.place += rest;
		come((const char *)data + 1, rest);
		return rest + 1;
	case 5:
		play.place += number;
		break;
	case 6:
		play.place -= play.place < number ? play.place : number;
		break;
	default:
		pass_time(number * number * 4);
	}
	return 1;
}

static void check_totals(void)
{
	const struct ledger *ledger = &play.ledger;

	must(ledger->received == play.answered, "what came back is counted");
	must(ledger->late == play.late, "what came late is counted");
	must(ledger->corrupted == play.corrupted, "what came wrong is counted");
	must(ledger->extra == play.extra, "what was too much is counted");
	must(ledger->received + ledger->late + ledger->corrupted <= ledger->sent,
	    "no message is counted twice");
	must(play.wrong == play.told_wrong, "what is wrong is told");
	must(play.wrong || ledger->received + ledger->late == play.came / ledger->size,
	    "all that came right is counted");
	must(ledger->received == 0 || (ledger->least_us <= ledger->most_us &&
	    ledger_deviation_us(ledger) <= ledger->most_us), "the times make sense");
}

static void try_ledger(const uint8_t *data, size_t size)
{
	if (size == 0)
		return;
	memset(&play, 0, sizeof play);
	ledger_open(&play.ledger, data[0] + 1u, TIMEOUT);
	for (size_t at = 1; at < size;)
		at += act(data + at, size - at);
	check_totals();
}

/* ---- the relay: what comes back goes out as it is ---- */

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0,
	    "there is memory");
	return fd;
}

/* A server that has answered, and closed, before it is asked; the first half is the input. */
static void try_relay(const uint8_t *data, size_t size)
{
	static struct relay relay;
	size_t asked = size / 2;
	size_t answered = size - asked;
	char out[4096];
	enum relay_end end;
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "there is a socket");
	must(send(pair[1], data + asked, answered, 0) == (ssize_t)answered, "a server answers");
	shutdown(pair[1], SHUT_WR);
	memset(&relay, 0, sizeof relay);
	relay.in = file_of(data, asked);
	relay.out = file_of(data, 0);
	relay.server = pair[0];
	end = relay_run(&relay);
	must(relay.received == answered && relay.sent <= asked, "bytes are counted");
	must(pread(relay.out, out, sizeof out, 0) == (ssize_t)answered &&
	    memcmp(out, data + asked, answered) == 0, "what comes back goes out");
	must((end == RELAY_EXTRA) == (answered > relay.sent), "what is too much is noticed");
	must(end != RELAY_COMPLETE || answered == asked, "a relay that is complete lacks nothing");
	close(relay.in);
	close(relay.out);
	close(pair[0]);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		size = 4096;
	try_ledger(data, size);
	if (size % 16 == 0) /* it is slow, and has little to do with what the bytes are */
		try_relay(data, size);
	return 0;
}
