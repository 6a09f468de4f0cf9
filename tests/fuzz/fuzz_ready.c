/* SPDX-License-Identifier: ISC */
/*
 * The ready pipe, into which a worker that was taken over may write anything:
 * an input is made of writes, each after a byte with its length. Every message
 * that the master reads is one that a worker could have sent; and when the rest
 * of what was written is gone, the other workers' messages come through whole.
 */
#include "tests/fuzz/fuzz.h"

#include "common/readypipe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More turns than bytes are not needed to read them. */
#define TURNS_MAX 4096

static int ends[2] = { -1, -1 };

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

static void read_all(const uint8_t *data, size_t size)
{
	struct ready_message message;
	int got = 1;

	for (unsigned turn = 0; got != 0; turn++) {
		must(turn < TURNS_MAX, "reading comes to an end");
		got = ready_pipe_receive(ends[0], &message);
		must(got != 1 || was_written(&message, data, size), "nothing is made up");
	}
}

/*
 * Its first bytes may be taken for the end of what was written before it, so one may be lost
 * that comes at once, and none after that.
 */
static void check_others(void)
{
	struct ready_message message = { 0 };
	bool came = false;

	ready_pipe_send(ends[1], READY_TOOK_ONE);
	for (unsigned i = 0; i < 2; i++)
		ready_pipe_send(ends[1], READY_TO_ACCEPT);
	for (unsigned turn = 0; turn < TURNS_MAX && !came; turn++)
		came = ready_pipe_receive(ends[0], &message) == 1 && message.pid == getpid() &&
		    message.kind == READY_TO_ACCEPT;
	must(came, "the other workers' messages come through");
	while (ready_pipe_receive(ends[0], &message) != 0)
		must(message.pid == getpid() && message.kind == READY_TO_ACCEPT,
		    "from then on they come through whole");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (ends[0] < 0)
		must(ready_pipe_open(ends) == 0, "there is a pipe");
	ready_pipe_set_token(UINT64_C(0x9c41d2e85fb37a16)); /* as random as any */
	if (size > 2048)
		size = 2048;
	put(data, size);
	read_all(data, size);
	put(data, size);
	check_others();
	return 0;
}
