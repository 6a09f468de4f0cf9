/* SPDX-License-Identifier: ISC */
#include "client/client_report.h"

#include "client/pattern.h"
#include "common/standard.h"

#include <inttypes.h>
#include <stdio.h>

/* Microseconds as milliseconds: PRI_MS is the format, MS(us) its two arguments. */
#define PRI_MS "%" PRIu64 ".%03u"
#define MS(us) (us) / 1000, (unsigned)((us) % 1000)

static void print_answer(const struct ping *ping, const struct ledger_note *note)
{
	printf("%" PRIu32 " bytes from %s: seq=%" PRIu64 " time=" PRI_MS " ms%s\n",
	    ping->ledger.size, ping->server_name, note->sequence, MS(note->time_us),
	    note->event == LEDGER_LATE ? " (late, counted as lost)" : "");
}

static void print_corrupt(const struct ping *ping, const struct ledger_note *note)
{
	char right;

	pattern_write(&right, 1, note->sequence, note->offset);
	printf("corrupt answer from %s: seq=%" PRIu64 " offset=%" PRIu64 " is 0x%02x, not 0x%02x\n",
	    ping->server_name, note->sequence, note->offset, note->byte, (unsigned char)right);
}

static void print_overdue(const struct ping *ping, const struct ledger_note *note)
{
	printf("no answer from %s: seq=%" PRIu64 " after " PRI_MS " ms, %" PRIu64 " of %" PRIu32
	       " bytes are back\n", ping->server_name, note->sequence, MS(ping->ledger.timeout_us),
	    note->bytes, ping->ledger.size);
}

bool ping_report_message(const struct ping *ping, const struct ledger_note *note)
{
	switch (note->event) {
	case LEDGER_NOTHING:
		break;
	case LEDGER_ANSWER:
	case LEDGER_LATE:
		print_answer(ping, note);
		break;
	case LEDGER_CORRUPT:
		print_corrupt(ping, note);
		break;
	case LEDGER_MISSED:
		printf("corrupt answer from %s: seq=%" PRIu64 " was not found after a wrong byte\n",
		    ping->server_name, note->sequence);
		break;
	case LEDGER_EXTRA:
		printf("%" PRIu64 " bytes too many from %s: after seq=%" PRIu64 "\n", note->bytes,
		    ping->server_name, note->sequence);
		break;
	case LEDGER_OVERDUE:
		print_overdue(ping, note);
		break;
	}
	/* After every line: an output that is gone must end a ping that has no count. */
	return standard_flush() == 0;
}

static void print_if_any(uint64_t count, const char *what)
{
	if (count > 0)
		printf(", +%" PRIu64 " %s", count, what);
}

bool ping_report_summary(const struct ping *ping)
{
	const struct ledger *ledger = &ping->ledger;
	uint64_t lost = ledger->sent - ledger->received;

	printf("\n--- %s echo statistics ---\n", ping->server_name);
	printf("%" PRIu64 " sent, %" PRIu64 " received", ledger->sent, ledger->received);
	print_if_any(ledger->late, "late");
	print_if_any(ledger->corrupted, "corrupt");
	printf(", %g%% lost\n",
	    ledger->sent > 0 ? 100 * (double)lost / (double)ledger->sent : 0);
	if (ping->bytes_sent != ping->bytes_received)
		printf("%" PRIu64 " bytes sent, %" PRIu64 " came back\n", ping->bytes_sent,
		    ping->bytes_received);
	if (ledger->received > 0)
		printf("min/avg/max/mdev = " PRI_MS "/" PRI_MS "/" PRI_MS "/" PRI_MS " ms\n",
		    MS(ledger->least_us), MS((uint64_t)(ledger->mean_us + 0.5)),
		    MS(ledger->most_us), MS(ledger_deviation_us(ledger)));
	return standard_flush() == 0;
}
