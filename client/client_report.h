/* SPDX-License-Identifier: ISC */
/* What ping says on standard output: a line for each answer, and the summary. */
#ifndef CLIENT_CLIENT_REPORT_H
#define CLIENT_CLIENT_REPORT_H

#include "client/ping.h"

/* Tells what became of a message; a ping_tell. */
bool ping_report_message(const struct ping *ping, const struct ledger_note *note);

/* Prints the statistics. Returns false with errno when that cannot be done. */
bool ping_report_summary(const struct ping *ping);

#endif
