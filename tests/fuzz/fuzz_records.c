/* SPDX-License-Identifier: ISC */
/*
 * The log channel, into which a worker that was taken over may send anything.
 * What the master makes of a datagram is a clean line, or nothing; a line that
 * was read goes through once more as it is, and the next worker's line comes
 * through whatever was sent before it.
 */
#include "tests/fuzz/fuzz.h"

#include "common/logchannel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_AT offsetof(struct log_record, text)

static int ends[2] = { -1, -1 };

static void put(const uint8_t *data, size_t size)
{
	must(send(ends[1], data, size, MSG_NOSIGNAL) == (ssize_t)size, "a worker can send");
}

static bool is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* A record as it is sent: what is before the text, and a text with its end. */
static bool is_record(const uint8_t *data, size_t size)
{
	int32_t level;

	if (size <= TEXT_AT)
		return false;
	memcpy(&level, data + offsetof(struct log_record, level), sizeof level);
	return level >= LOG_ERR && level <= LOG_DEBUG;
}

static void check_again(const struct log_record *record)
{
	struct log_record again;
	pid_t sender;

	must(log_channel_send(ends[1], record->level, record->text) == 0, "a line can be sent");
	must(log_channel_receive(ends[0], &again, &sender) == 1, "a line that was read is read again");
	must(again.level == record->level && sender == getpid() && again.lost == 0 &&
	    strcmp(again.text, record->text) == 0, "what is sent comes as it was");
}

static void try_record(const uint8_t *data, size_t size)
{
	struct log_record record;
	pid_t sender;
	int got;

	memset(&record, 'x', sizeof record);
	put(data, size);
	got = log_channel_receive(ends[0], &record, &sender);
	must(got == (is_record(data, size) ? 1 : -1),
	    "records are read, and nothing else is");
	if (got == 1) {
		must(memchr(record.text, '\0', sizeof record.text) != NULL, "a text ends in its room");
		must(is_clean(record.text), "a text has no control character");
		must(memcmp(data, &record, TEXT_AT) == 0, "what is before the text is as it came");
		check_again(&record);
	}
	must(log_channel_receive(ends[0], &record, &sender) == 0, "one datagram is one record at most");
}

/* As the master reads it, with a line of another worker behind. */
static void try_relay(const uint8_t *data, size_t size)
{
	static char copy[65536 + 1];
	unsigned lines = 0;
	char *rest = copy;
	char *line;

	put(data, size);
	log_channel_send(ends[1], LOG_ERR, "of another worker");
	stderr_catch();
	must(!log_relay(ends[0], 100), "all is read");
	strlcpy(copy, stderr_release(), sizeof copy);
	for (; (line = strsep(&rest, "\n")) != NULL && rest != NULL; lines++) {
		must(is_clean(line), "a line of the log has no control character");
		must(strncmp(line, getprogname(), strlen(getprogname())) == 0,
		    "a line of the log begins as all do");
	}
	must(line != NULL && line[0] == '\0', "the last line of the log ends");
	must(lines >= 1 && lines <= 3, "a record is a line, and one for those that were lost");
	must(strstr(stderr_release(), ": of another worker\n") != NULL,
	    "the next worker's line comes through");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (ends[0] < 0)
		must(log_channel_open(ends) == 0, "there is a channel");
	try_record(data, size);
	try_relay(data, size);
	return 0;
}
