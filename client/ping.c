/* SPDX-License-Identifier: ISC */
#include "client/ping.h"

#include "client/pattern.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What is sent or received in one call, at most. */
#define PIECE 65536u

/* PING_REST_MS in microseconds. */
#define REST_US ((uint64_t)PING_REST_MS * 1000)

/* What a run needs beside the ping itself. */
struct run {
	struct ping *ping;
	ping_tell *tell;
	uint64_t due_us;      /* when the next message begins */
	uint64_t end_us;      /* when nothing more is waited for */
	int signals;          /* signalfd(2) of those that interrupt; -1: there is none */
	unsigned interrupts;  /* that have come */
	bool half_closed;     /* our side has ended: only the server's end is waited for */
};

/*
 * They are read like the socket: ppoll(2) lets a signal through only when no
 * descriptor is ready, and with large messages one always is. Without the
 * descriptor, a signal does what it did before.
 */
static void catch_interrupts(struct run *run, sigset_t *before)
{
	sigset_t caught;

	sigemptyset(&caught);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGTERM);
	sigprocmask(SIG_SETMASK, NULL, before);
	run->signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signals >= 0)
		sigprocmask(SIG_BLOCK, &caught, NULL);
}

static bool interrupted_again(struct run *run)
{
	struct signalfd_siginfo info;

	return run->signals >= 0 && read(run->signals, &info, sizeof info) == sizeof info;
}

/* What is still pending has been heeded: it must not end the process before the summary. */
static void release_interrupts(struct run *run, const sigset_t *before)
{
	if (run->signals < 0)
		return;
	while (interrupted_again(run))
		;
	close(run->signals);
	sigprocmask(SIG_SETMASK, before, NULL);
}

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static enum ping_end failed(struct ping *ping, enum ping_end end)
{
	ping->error = errno;
	return end;
}

/* Bytes of messages begun that have not been sent yet. */
static uint64_t bytes_waiting(const struct ping *ping)
{
	return ping->ledger.sent * ping->ledger.size - ping->bytes_sent;
}

/* ---- the three things that a turn of the loop does ---- */

static enum ping_end tell_overdue(struct run *run, uint64_t now)
{
	struct ledger_note note;

	while (ledger_overdue(&run->ping->ledger, now, &note))
		if (!run->tell(run->ping, &note))
			return failed(run->ping, PING_OUTPUT_FAILED);
	return PING_GOES_ON;
}

/* One piece a turn, so that answers are looked for in between. */
static enum ping_end send_waiting(struct ping *ping)
{
	static char piece[PIECE];
	uint64_t offset = ping->bytes_sent % ping->ledger.size;
	uint64_t rest = ping->ledger.size - offset;
	size_t size = rest < PIECE ? (size_t)rest : PIECE;
	ssize_t sent;

	if (bytes_waiting(ping) == 0)
		return PING_GOES_ON;
	pattern_write(piece, size, ping->bytes_sent / ping->ledger.size + 1, offset);
	sent = send(ping->server, piece, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent >= 0)
		ping->bytes_sent += (uint64_t)sent;
	else if (errno != EAGAIN && errno != EINTR)
		return failed(ping, PING_BROKEN);
	return PING_GOES_ON;
}

static enum ping_end match(struct run *run, const char *bytes, size_t size)
{
	uint64_t now = clock_us();

	run->ping->bytes_received += size;
	while (size > 0) {
		struct ledger_note note;
		size_t taken = ledger_receive(&run->ping->ledger, bytes, size, now, &note);

		if (note.event != LEDGER_NOTHING && !run->tell(run->ping, &note))
			return failed(run->ping, PING_OUTPUT_FAILED);
		bytes += taken;
		size -= taken;
	}
	return PING_GOES_ON;
}

static enum ping_end over(const struct run *run)
{
	if (run->interrupts > 0)
		return PING_INTERRUPTED;
	return ledger_full(&run->ping->ledger) ? PING_STUCK : PING_DONE;
}

static enum ping_end receive(struct run *run)
{
	static char piece[PIECE];
	ssize_t got = recv(run->ping->server, piece, sizeof piece, MSG_DONTWAIT);

	if (got > 0)
		return match(run, piece, (size_t)got);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return PING_GOES_ON;
	run->ping->server_ended = got == 0;
	if (run->half_closed)
		return over(run);
	return got == 0 ? PING_CLOSED : failed(run->ping, PING_BROKEN);
}

/* ---- when to do what ---- */

static bool more_to_begin(const struct run *run)
{
	const struct ping *ping = run->ping;

	return run->interrupts == 0 && !run->half_closed && !ledger_full(&ping->ledger) &&
	    (ping->count == 0 || ping->ledger.sent < ping->count);
}

static void begin_due(struct run *run, uint64_t now)
{
	struct ping *ping = run->ping;

	if (!more_to_begin(run))
		return;
	if (ping->interval_us == 0) {
		if (!ledger_awaits(&ping->ledger))
			ledger_begin(&ping->ledger, now);
		return;
	}
	/* Nothing is to be lost before it was sent, because we have been stopped, say. */
	if (now > run->due_us && now - run->due_us >= ping->ledger.timeout_us)
		run->due_us = now;
	for (; now >= run->due_us && more_to_begin(run); run->due_us += ping->interval_us)
		ledger_begin(&ping->ledger, run->due_us);
}

static void end_within_rest(struct run *run, uint64_t now)
{
	uint64_t end_us = now + REST_US;

	if (end_us < run->end_us)
		run->end_us = end_us;
}

static void heed_interrupt(struct run *run, uint64_t now)
{
	struct ping *ping = run->ping;
	uint64_t begun = (ping->bytes_sent + ping->ledger.size - 1) / ping->ledger.size;

	run->interrupts++;
	ledger_withdraw(&ping->ledger, begun);
	end_within_rest(run, now);
	if (run->interrupts > 1 || run->half_closed)
		run->end_us = now;
}

/*
 * When every answer is there, the server is told that nothing more comes: what
 * it still sends before it closes is too much.
 */
static void end_sending(struct run *run, uint64_t now)
{
	if (run->half_closed || more_to_begin(run) || ledger_awaits(&run->ping->ledger))
		return;
	shutdown(run->ping->server, SHUT_WR);
	run->half_closed = true;
	end_within_rest(run, now);
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

static struct timespec until_next(const struct run *run, uint64_t now)
{
	uint64_t next = earlier(ledger_deadline(&run->ping->ledger), run->end_us);
	uint64_t us;

	if (more_to_begin(run) && run->ping->interval_us > 0)
		next = earlier(next, run->due_us);
	us = next > now ? next - now : 0;
	us = earlier(us, (uint64_t)3600 * 1000000); /* ppoll(2) takes no end of the world */
	return (struct timespec){ .tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000 };
}

static enum ping_end wait_and_receive(struct run *run)
{
	bool sends = !run->half_closed && bytes_waiting(run->ping) > 0;
	struct pollfd fds[] = {
		{ .fd = run->ping->server, .events = (short)(sends ? POLLIN | POLLOUT : POLLIN) },
		{ .fd = run->signals, .events = POLLIN },
	};
	struct timespec limit = until_next(run, clock_us());

	if (ppoll(fds, sizeof fds / sizeof fds[0], &limit, NULL) <= 0)
		return PING_GOES_ON;
	if (fds[1].revents != 0 && interrupted_again(run))
		heed_interrupt(run, clock_us());
	return (fds[0].revents & ~POLLOUT) != 0 ? receive(run) : PING_GOES_ON;
}

static enum ping_end take_turn(struct run *run)
{
	uint64_t now = clock_us();
	enum ping_end end = tell_overdue(run, now);

	if (end == PING_GOES_ON && now >= run->end_us)
		end = over(run);
	if (end != PING_GOES_ON)
		return end;
	begin_due(run, now);
	end_sending(run, now);
	if (!run->half_closed)
		end = send_waiting(run->ping);
	return end == PING_GOES_ON ? wait_and_receive(run) : end;
}

enum ping_end ping_run(struct ping *ping, ping_tell *tell)
{
	struct run run = { .ping = ping, .tell = tell, .due_us = clock_us(),
		.end_us = UINT64_MAX };
	enum ping_end end = PING_GOES_ON;
	sigset_t before;

	catch_interrupts(&run, &before);
	while (end == PING_GOES_ON)
		end = take_turn(&run);
	release_interrupts(&run, &before);
	return end;
}
