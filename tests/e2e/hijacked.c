/* SPDX-License-Identifier: ISC */
/*
 * hijacked: an echo-master whose workers do as a client tells them, as one would that the
 * client had taken over. Options and all else are echo-master's; this is its protocol, in
 * the place of worker/echo.c.
 *
 * A line is the name of an attempt from the table below, and what that takes. The answer is
 * "done" or why it failed, if the worker lives to give one; any other line is echoed.
 */
#include "worker/echo.h"

#include "common/log.h"
#include "common/nethelp.h"
#include "common/readypipe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* No attempt looks at descriptors from here on. */
#define OWN_FIRST 64

/* What follows the name of the attempt, up to the end of the line. */
static const char *rest_of_line;

/* A pipe for what it says to itself; in a sandbox there is none to be had. */
static int own_pipe[2] = { -1, -1 };

static void make_own_pipe(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return;
	for (int end = 0; end < 2; end++) {
		own_pipe[end] = fcntl(ends[end], F_DUPFD, OWN_FIRST);
		close(ends[end]);
	}
}

/* Workers are forked, and as soon as one is it has its pipe. */
__attribute__((constructor)) static void prepare(void)
{
	pthread_atfork(NULL, NULL, make_own_pipe);
}

static long try_open(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static long try_stat(void)
{
	struct stat status;

	return stat("/", &status);
}

static long try_exec(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static long try_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : close(fd);
}

/* To nowhere, as descriptor 0 is no socket. */
static long try_connect(void)
{
	struct sockaddr address = { .sa_family = AF_INET };

	return connect(STDIN_FILENO, &address, sizeof address);
}

/* Over whatever it has, to the socket "sink.sock" in its folder, and to a port. */
static long try_speak(void)
{
	struct sockaddr_un sink = { .sun_family = AF_UNIX, .sun_path = "sink.sock" };
	struct sockaddr_in port = { .sin_family = AF_INET, .sin_port = htons(7),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	static const char text[] = "forged\n";

	for (int fd = 0; fd < OWN_FIRST; fd++) {
		sendto(fd, text, sizeof text - 1, MSG_NOSIGNAL, (struct sockaddr *)&sink,
		    sizeof sink);
		if (sendto(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_FASTOPEN,
		        (struct sockaddr *)&port, sizeof port) < 0 && errno == ECONNREFUSED)
			return -1; /* it has been there */
	}
	return 0;
}

/* With which a listener would be a socket that can connect. */
static long try_unlisten(void)
{
	return shutdown(STDIN_FILENO, SHUT_RD);
}

/* Of the log's channel, which all workers have; the end of what it says to its client too. */
static long try_mute(void)
{
	for (int fd = 0; fd < OWN_FIRST; fd++)
		shutdown(fd, SHUT_WR);
	return 0;
}

/* Has nothing that it shares with others wait for anything, or all of it. */
static long make_all(int nonblocking)
{
	for (int fd = STDERR_FILENO + 1; fd < OWN_FIRST; fd++) {
		int flags = fcntl(fd, F_GETFL);

		if (flags >= 0 && fcntl(fd, F_SETFL, (flags & ~O_NONBLOCK) | nonblocking) < 0)
			return -1;
	}
	return 0;
}

static long try_unblock(void)
{
	return make_all(O_NONBLOCK);
}

static long try_block(void)
{
	return make_all(0);
}

/* Returns the pipe to the master, which alone cannot be read from; -1 when there is none. */
static int pipe_to_master(void)
{
	for (int fd = STDERR_FILENO + 1; fd < OWN_FIRST; fd++) {
		int flags = fcntl(fd, F_GETFL);

		if (flags >= 0 && (flags & O_ACCMODE) == O_WRONLY)
			return fd;
	}
	return -1;
}

/* Has each message to the master take a page of the pipe. */
static long try_packets(void)
{
	return fcntl(pipe_to_master(), F_SETFL, O_NONBLOCK | O_DIRECT);
}

/* Much that means nothing, a wish to leave after that, and its death. */
static long try_chatter(void)
{
	int fd = pipe_to_master();

	for (int i = 0; i < 3000; i++)
		ready_pipe_send(fd, READY_WATCH);
	ready_pipe_send(fd, READY_ASKS_TO_LEAVE);
	_exit(1);
}

/* Nothing but what may be a message at every fourth byte and is none, for as long as it lives. */
static long try_flood(void)
{
	uint32_t junk[1024];
	int fd = pipe_to_master();

	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++)
		junk[i] = READY_TO_ACCEPT;
	while (write(fd, junk, sizeof junk) > 0 || errno == EINTR || errno == EAGAIN)
		continue;
	return -1;
}

/*
 * No pointer, which would have its upper bits clear, nor what else may stand before a pid and a
 * small number, as those of a worker and its generation do.
 */
static bool may_be_overheard(const struct ready_message *message)
{
	int32_t own = getpid();

	return message->token >> 48 != 0 && message->token == ready_pipe_token(message->token) &&
	    message->pid != own && message->pid > own - 100 && message->pid < own + 100 &&
	    message->kind >= READY_TO_ACCEPT && message->kind <= READY_SERVED_ENOUGH;
}

/*
 * What another has said to the master, with the token that nobody else is to know: looked for
 * on the stack, which this process was born with a copy of, and where it was left behind.
 */
__attribute__((no_sanitize("address"))) static long try_overhear(void)
{
	const volatile uint32_t *end = (const uint32_t *)(getauxval(AT_RANDOM) & ~7UL);
	const volatile uint32_t *at = (const uint32_t *)__builtin_frame_address(0) - 16384;

	for (; at + 4 <= end; at += 2) { /* halves of pointers are pids and kinds by chance */
		struct ready_message message = { .token = at[0] | (uint64_t)at[1] << 32,
			.pid = (int32_t)at[2], .kind = at[3] };

		if (may_be_overheard(&message)) {
			log_warning("overheard: token %" PRIx64 ", pid %d, kind %u, %td bytes below the "
			    "end", message.token, (int)message.pid, message.kind,
			    (const volatile char *)end - (const volatile char *)at);
			return 0;
		}
	}
	errno = ENOENT;
	return -1;
}

/* Returns the token that the master knows this worker by; 0 when it cannot be had. */
static uint64_t own_token(void)
{
	struct ready_message message;

	if (ready_pipe_send(own_pipe[1], READY_WATCH) < 0 ||
	    read(own_pipe[0], &message, sizeof message) != sizeof message)
		return 0;
	return message.token;
}

/* Says everything that there is to say in the name of `pid`. */
static long forge(int fd, pid_t pid, uint64_t token)
{
	struct ready_message message = { .token = token, .pid = pid };

	for (message.kind = READY_TO_ACCEPT; message.kind <= READY_SERVED_ENOUGH; message.kind++)
		if (write(fd, &message, sizeof message) < 0)
			return -1;
	return 0;
}

/*
 * Takes a list of pids. Speaks for each of them but its own, with its own token and with one
 * that is nobody's, and says at last that it wishes to leave itself. Fails where its own token
 * is not as all are to be.
 */
static long try_forge(void)
{
	uint64_t token = own_token();
	int fd = pipe_to_master();
	unsigned others = 0;
	char *end;

	for (const char *rest = rest_of_line; *rest == ' '; rest = end) {
		pid_t pid = (pid_t)strtol(rest, &end, 10);

		if (pid == getpid())
			continue;
		if (forge(fd, pid, token) < 0 || forge(fd, pid, ~token) < 0)
			return -1;
		others++;
	}
	if (token != ready_pipe_token(token) || others == 0) {
		errno = EINVAL;
		return -1;
	}
	return ready_pipe_send(fd, READY_ASKS_TO_LEAVE);
}

static long try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long try_kill(void)
{
	return kill(getppid(), 0);
}

static long try_setuid(void)
{
	return setuid(getuid());
}

static long try_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? -1 : munmap(page, 4096);
}

static long try_handler(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static long try_future(void)
{
	return syscall(100000);
}

static long try_sleep(void)
{
	return usleep(2000000);
}

static long try_abort(void)
{
	abort();
}

static const struct {
	const char *name;
	long (*make)(void);
} attempts[] = {
	{ "open", try_open }, { "stat", try_stat }, { "exec", try_exec }, { "socket", try_socket },
	{ "connect", try_connect }, { "speak", try_speak }, { "unlisten", try_unlisten },
	{ "mute", try_mute }, { "block", try_block }, { "unblock", try_unblock },
	{ "packets", try_packets }, { "chatter", try_chatter }, { "flood", try_flood },
	{ "overhear", try_overhear },
	{ "forge", try_forge },
	{ "fork", try_fork }, { "ptrace", try_ptrace }, { "kill", try_kill },
	{ "setuid", try_setuid }, { "code", try_code }, { "handler", try_handler },
	{ "future", try_future }, { "sleep", try_sleep }, { "abort", try_abort },
};

/* Makes the attempt that `line` names. Returns the answer. */
static const char *answer_to(const char *line)
{
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
		rest_of_line = line + strlen(attempts[i].name);
		if (strncmp(line, attempts[i].name, strlen(attempts[i].name)) == 0 &&
		    (*rest_of_line == '\n' || *rest_of_line == ' '))
			return attempts[i].make() < 0 ? strerror(errno) : "done";
	}
	return NULL;
}

void echo_serve(struct session *session)
{
	struct line_reader reader = LINE_READER(session->fd);
	char line[1024];
	ssize_t length;

	while ((length = readline(&reader, line, sizeof line)) > 0) {
		const char *answer = answer_to(line);

		if (answer != NULL)
			length = snprintf(line, sizeof line, "%s\n", answer);
		if (writen(session->fd, line, (size_t)length) < 0)
			return;
	}
}

/* A line comes as a whole from clients that are near. */
int echo_received(struct session *session, char *bytes, size_t size)
{
	char line[1024];
	const char *answer;

	if (size == 0)
		return 0;
	snprintf(line, sizeof line, "%.*s", (int)(size < sizeof line ? size : sizeof line - 1), bytes);
	answer = answer_to(line);
	if (answer == NULL)
		return session_reply(session, bytes, size);
	return session_reply(session, line, (size_t)snprintf(line, sizeof line, "%s\n", answer));
}
