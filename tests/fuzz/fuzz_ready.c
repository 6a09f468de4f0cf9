/* SPDX-License-Identifier: ISC */
/*
 * The ready pipe, into which a worker that was taken over may write anything:
 * an input is made of writes, each after a byte with its length. Every message
 * that the master reads is one that a worker could have sent; and whatever was
 * written before them, the other workers' messages come through whole.
 */
#include "tests/fuzz/fuzz.h"

#include "common/readypipe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More turns than bytes are not needed to read them. */
#define TURNS_MAX 4096

/* As random as any. */
#define TOKEN ready_pipe_token(UINT64_C(0x9c41d2e85fb37a16))

static int ends[2] = { -1, -1 };
static struct ready_reader reader;

static void put(const uint8_t *data, size_t size)
{
	while (size > 1) {
		size_t length = data[0];

		data++;
		size--;
		if (length > size)
			length = size;
		must(write(ends[1], data, length) == (ssize_t)length, "a worker can write");
		data += length;
		size -= length;
	}
}

/* Whether the bytes of the message stand somewhere in what was written. */
static bool was_written(const struct ready_message *message, const uint8_t *data, size_t size)
{
	uint8_t all[4096];
	size_t count = 0;

	while (size > 1 && count < sizeof all - 256) {
		size_t length = data[0] < size - 1 ? data[0] : size - 1;

		memcpy(all + count, data + 1, length);
		count += length;
		data += length + 1;
		size -= length + 1;
	}
	return memmem(all, count, message, sizeof *message) != NULL;
}

/* The next one of this process, as the master would tell. */
static bool next_message(void)
{
	for (unsigned turn = 0; ready_pipe_next(&reader); turn++) {
		must(turn < TURNS_MAX, "reading comes to an end");
		if (reader.message.token == TOKEN && reader.message.pid == getpid())
			return true;
		ready_pipe_refuse(&reader);
	}
	return false;
}

static void read_all(const uint8_t *data, size_t size)
{
	ready_pipe_look(&reader, ends[0]);
	for (unsigned turn = 0; ready_pipe_next(&reader); turn++) {
		must(turn < TURNS_MAX, "reading comes to an end");
		must(was_written(&reader.message, data, size), "nothing is made up");
		if (turn % 2 == 0)
			ready_pipe_refuse(&reader);
	}
}

/* What was written before them may be theirs to all looks, but not be one with a part of theirs. */
static void check_others(void)
{
	enum ready_kind heard[] = { 0, 0 };

	ready_pipe_send(ends[1], READY_TOOK_ONE);
	ready_pipe_send(ends[1], READY_TO_ACCEPT);
	ready_pipe_look(&reader, ends[0]);
	while (next_message()) {
		heard[0] = heard[1];
		heard[1] = (enum ready_kind)reader.message.kind;
	}
	must(heard[0] == READY_TOOK_ONE && heard[1] == READY_TO_ACCEPT,
	    "the other workers' messages come through whole");
	must(reader.start == reader.end, "and nothing else is left");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (ends[0] < 0)
		must(ready_pipe_open(ends) == 0, "there is a pipe");
	ready_pipe_set_token(TOKEN);
	if (size > 2048)
		size = 2048;
	put(data, size);
	read_all(data, size);
	put(data, size);
	check_others();
	return 0;
}
