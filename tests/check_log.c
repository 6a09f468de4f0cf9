/* SPDX-License-Identifier: ISC */
/* The log: levels, the workers' way to the master, and a system log that may be slow or absent. */
#include "tests/suites.h"

#include "common/clock.h"
#include "common/devlog.h"
#include "common/log.h"
#include "common/logchannel.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void expect_match(const char *text, const char *expression)
{
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0, "'%s' does not match %s", text,
	    expression);
	regfree(&regex);
}

#define TIME "[A-Z][a-z]{2} [ 123][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"

/* ---- log_line() and its friends ---- */

static void watch_stderr(void)
{
	setprogname("echo-master");
	stderr_catch();
}

static void restore_stderr(void)
{
	stderr_release();
	log_threshold = LOG_INFO;
}

START_TEST(levels_have_names)
{
	ck_assert_int_eq(log_level_from_name("error"), LOG_ERR);
	ck_assert_int_eq(log_level_from_name("warning"), LOG_WARNING);
	ck_assert_int_eq(log_level_from_name("notice"), LOG_NOTICE);
	ck_assert_int_eq(log_level_from_name("info"), LOG_INFO);
	ck_assert_int_eq(log_level_from_name("debug"), LOG_DEBUG);
	ck_assert_int_eq(log_level_from_name("Debug"), -1);
	ck_assert_int_eq(log_level_from_name("debug "), -1);
	ck_assert_int_eq(log_level_from_name(""), -1);
	ck_assert_int_eq(log_level_from_name("3"), -1);
}
END_TEST

START_TEST(early_lines_go_to_standard_error)
{
	errno = ENOTTY;
	log_warning("%d of %s", 3, "a kind");
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_str_eq(stderr_caught(), "echo-master: 3 of a kind\n");
}
END_TEST

START_TEST(lines_below_the_threshold_are_not_logged)
{
	log_threshold = LOG_WARNING;
	ck_assert(log_wants(LOG_ERR));
	ck_assert(log_wants(LOG_WARNING));
	ck_assert(!log_wants(LOG_NOTICE));
	log_notice("no");
	log_debug("no");
	ck_assert_str_eq(stderr_caught(), "");
	log_threshold = LOG_DEBUG;
	log_debug("yes");
	ck_assert_str_eq(stderr_caught(), "echo-master: yes\n");
}
END_TEST

START_TEST(long_line_is_cut)
{
	char text[3 * LOG_TEXT_MAX];
	size_t prefix = strlen("echo-master: ");
	const char *told;

	memset(text, 'l', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_error("%s", text);
	told = stderr_caught();
	ck_assert_uint_eq(strlen(told), prefix + LOG_TEXT_MAX - 1 + 1);
	ck_assert_int_eq(told[prefix + LOG_TEXT_MAX - 1], '\n');
}
END_TEST

START_TEST(standard_error_that_is_full_stops_nobody)
{
	int64_t began = clock_ms();
	char page[4096] = { 0 };

	/* A pipe that blocks: only looking before writing helps. */
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK), 0);
	while (write(STDERR_FILENO, page, sizeof page) > 0)
		continue;
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETFL, 0), 0);
	for (int i = 0; i < 100; i++)
		log_error("line %d", i);
	ck_assert_int_lt(clock_ms() - began, 10000);
}
END_TEST

/* Only where no log daemon would be bothered by a test's lines. */
START_TEST(errors_of_the_start_and_all_when_asked_go_to_standard_error)
{
	char expected[128];

	if (access(_PATH_LOG, F_OK) == 0)
		return;
	log_open("tester", LOG_INFO, false);
	log_error("one");
	log_notice("two");
	log_started();
	log_error("three");
	snprintf(expected, sizeof expected, "^" TIME " tester\\[%d\\]: one\n$", (int)getpid());
	expect_match(stderr_caught(), expected);
	log_close(0);
	log_open("tester", LOG_NOTICE, true);
	log_started();
	log_notice("four");
	log_info("five");
	expect_match(stderr_caught(), "^" TIME " tester\\[[0-9]+\\]: four\n$");
	log_close(0);
	log_notice("six");
	expect_match(stderr_caught(), "^" TIME " tester\\[[0-9]+\\]: six\n$");
}
END_TEST

static TCase *logging(void)
{
	TCase *tcase = tcase_create("log");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, watch_stderr, restore_stderr);
	tcase_add_test(tcase, levels_have_names);
	tcase_add_test(tcase, early_lines_go_to_standard_error);
	tcase_add_test(tcase, lines_below_the_threshold_are_not_logged);
	tcase_add_test(tcase, long_line_is_cut);
	tcase_add_test(tcase, standard_error_that_is_full_stops_nobody);
	return tcase;
}

/* Comes last: the log keeps its name, even when it is closed. */
static TCase *opened_log(void)
{
	TCase *tcase = tcase_create("opened log");

	tcase_add_checked_fixture(tcase, watch_stderr, restore_stderr);
	tcase_add_test(tcase, errors_of_the_start_and_all_when_asked_go_to_standard_error);
	return tcase;
}

/* ---- the workers' channel ---- */

static int ends[2];
static struct log_record record;
static pid_t sender;

static void open_channel(void)
{
	watch_stderr();
	ck_assert_int_eq(log_channel_open(ends), 0);
}

static void close_channel(void)
{
	log_to_channel(-1);
	close(ends[0]);
	close(ends[1]);
	restore_stderr();
}

START_TEST(record_arrives_as_it_was_sent)
{
	ck_assert_int_eq(log_channel_send(ends[1], LOG_NOTICE, "some text"), 0);
	ck_assert_int_eq(log_channel_send(ends[1], LOG_DEBUG, ""), 0);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_int_eq(record.level, LOG_NOTICE);
	ck_assert_int_eq(sender, getpid());
	ck_assert_uint_eq(record.lost, 0);
	ck_assert_str_eq(record.text, "some text");
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_int_eq(record.level, LOG_DEBUG);
	ck_assert_str_eq(record.text, "");
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 0);
}
END_TEST

START_TEST(channel_never_blocks_and_is_not_for_other_programs)
{
	for (int end = 0; end < 2; end++) {
		ck_assert_int_eq(fcntl(ends[end], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		ck_assert_int_eq(fcntl(ends[end], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	}
}
END_TEST

static const size_t lengths[] = { LOG_TEXT_MAX - 2, LOG_TEXT_MAX - 1, LOG_TEXT_MAX,
	3 * LOG_TEXT_MAX };

START_TEST(long_text_is_cut_to_its_room)
{
	static char text[4 * LOG_TEXT_MAX];
	size_t kept = lengths[_i] < LOG_TEXT_MAX ? lengths[_i] : LOG_TEXT_MAX - 1;

	memset(text, 't', lengths[_i]);
	text[lengths[_i]] = '\0';
	ck_assert_int_eq(log_channel_send(ends[1], LOG_ERR, text), 0);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_uint_eq(strlen(record.text), kept);
	ck_assert_mem_eq(record.text, text, kept);
}
END_TEST

/* Sends until nothing more fits; returns how many did. */
static unsigned fill_channel(void)
{
	unsigned sent = 0;

	while (log_channel_send(ends[1], LOG_INFO, "filling") == 0)
		sent++;
	ck_assert_int_eq(errno, EAGAIN);
	return sent;
}

START_TEST(what_does_not_fit_is_counted)
{
	unsigned sent = fill_channel(); /* and one was lost */

	ck_assert_uint_gt(sent, 0);
	ck_assert_int_eq(log_channel_send(ends[1], LOG_INFO, "lost too"), -1);
	for (unsigned i = 0; i < sent; i++) {
		ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
		ck_assert_uint_eq(record.lost, 0);
	}
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 0);
	ck_assert_int_eq(log_channel_send(ends[1], LOG_INFO, "after"), 0);
	ck_assert_int_eq(log_channel_send(ends[1], LOG_INFO, "later"), 0);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_str_eq(record.text, "after");
	ck_assert_uint_eq(record.lost, 2);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_uint_eq(record.lost, 0);
}
END_TEST

/* Sends the first `size` bytes of a record as they are. */
static void send_raw(const struct log_record *raw, size_t size)
{
	ck_assert_int_eq(send(ends[1], raw, size, 0), (ssize_t)size);
}

/* As a worker that was taken over may do; each look must come to an end. */
START_TEST(channel_that_was_shut_down_has_what_was_sent_before)
{
	struct log_record raw = { .level = LOG_INFO, .text = "text" };

	send_raw(&raw, 0);
	send_raw(&raw, sizeof raw);
	ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), -1);
	ck_assert_int_eq(sender, getpid());
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 0);
	ck_assert(!log_relay(ends[0], 1000));
}
END_TEST

START_TEST(datagram_that_is_no_record_is_thrown_away)
{
	struct log_record raw = { .level = LOG_INFO, .text = "text" };
	static const int32_t levels[] = { LOG_DEBUG + 1, LOG_ERR - 1, LOG_EMERG, -1, INT32_MIN,
		INT32_MAX };

	for (size_t size = 0; size <= offsetof(struct log_record, text); size++) {
		send_raw(&raw, size);
		ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), -1);
	}
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		raw.level = levels[i];
		send_raw(&raw, sizeof raw);
		ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), -1);
	}
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 0);
}
END_TEST

START_TEST(text_always_has_an_end)
{
	struct log_record raw = { .level = LOG_INFO };
	char large[2 * sizeof raw];

	memset(raw.text, 'x', sizeof raw.text);
	memset(large, 'x', sizeof large);
	for (size_t size = offsetof(struct log_record, text) + 1; size <= sizeof raw; size++) {
		send_raw(&raw, size);
		memset(record.text, 'y', sizeof record.text);
		ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
		ck_assert_uint_eq(strnlen(record.text, sizeof record.text),
		    size - offsetof(struct log_record, text) - 1);
	}
	memcpy(large, &raw, sizeof raw);
	ck_assert_int_eq(send(ends[1], large, sizeof large, 0), (ssize_t)sizeof large);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_uint_eq(strnlen(record.text, sizeof record.text), LOG_TEXT_MAX - 1);
}
END_TEST

START_TEST(control_characters_are_made_harmless)
{
	char text[300];
	size_t length = 0;

	for (int c = 1; c < 256; c++)
		text[length++] = (char)c;
	text[length] = '\0';
	ck_assert_int_eq(log_channel_send(ends[1], LOG_INFO, text), 0);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	for (int c = 1; c < 256; c++) {
		bool control = c < 0x20 || c == 0x7f;

		ck_assert_int_eq(record.text[c - 1], control ? '?' : (char)c);
	}
	ck_assert_int_eq(record.text[length], '\0');
}
END_TEST

static int log_in_a_child(void *unused)
{
	(void)unused;
	log_to_channel(ends[1]);
	errno = ENOTTY;
	log_warning("child %d", (int)getpid());
	log_debug("not wanted");
	return errno == ENOTTY ? 0 : 1;
}

START_TEST(worker_logs_over_the_channel)
{
	pid_t pid = child_start(log_in_a_child, NULL);
	char expected[64];

	child_succeeded(pid);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_int_eq(sender, pid);
	ck_assert_int_eq(record.level, LOG_WARNING);
	snprintf(expected, sizeof expected, "child %d", (int)pid);
	ck_assert_str_eq(record.text, expected);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 0);
	ck_assert_str_eq(stderr_caught(), "");
}
END_TEST

/* Returns the lowest descriptor that is free. */
static int free_descriptor(void)
{
	int fd = dup(ends[0]);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

/* As a worker without a sandbox may do: the master would have more and more of them. */
START_TEST(descriptors_that_come_along_are_not_taken)
{
	struct log_record raw = { .level = LOG_INFO, .text = "text" };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec data = { .iov_base = &raw, .iov_len = sizeof raw };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr *first = CMSG_FIRSTHDR(&message);
	int before = free_descriptor();

	first->cmsg_level = SOL_SOCKET;
	first->cmsg_type = SCM_RIGHTS;
	first->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(first), ends, 2 * sizeof(int));
	ck_assert_int_eq(sendmsg(ends[1], &message, 0), sizeof raw);
	ck_assert_int_eq(log_channel_receive(ends[0], &record, &sender), 1);
	ck_assert_int_eq(sender, getpid());
	ck_assert_str_eq(record.text, "text");
	ck_assert_int_eq(free_descriptor(), before);
}
END_TEST

START_TEST(channel_that_was_made_blocking_does_not_block)
{
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0);
	ck_assert_uint_gt(fill_channel(), 0);
}
END_TEST

START_TEST(full_channel_leaves_errno_alone)
{
	fill_channel();
	log_to_channel(ends[1]);
	errno = ENOTTY;
	log_error("does not fit");
	ck_assert_int_eq(errno, ENOTTY);
	while (log_channel_receive(ends[0], &record, &sender) != 0)
		continue;
	ck_assert_int_eq(log_channel_send(ends[1], LOG_INFO, "the count goes with it"), 0);
}
END_TEST

START_TEST(relaying_stops_after_so_many)
{
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(log_channel_send(ends[1], LOG_INFO, "r"), 0);
	ck_assert(log_relay(ends[0], 2));
	ck_assert_str_eq(stderr_caught(), "echo-master: r\necho-master: r\n");
	ck_assert(log_relay(ends[0], 3)); /* there may be more: it did not look */
	ck_assert(!log_relay(ends[0], 1));
	ck_assert_str_eq(stderr_caught(), "echo-master: r\necho-master: r\necho-master: r\n");
}
END_TEST

START_TEST(relaying_tells_what_was_lost_and_leaves_out_what_is_not_wanted)
{
	struct log_record raw = { .level = LOG_INFO, .lost = 12, .text = "after" };

	send_raw(&raw, sizeof raw);
	raw.level = LOG_DEBUG;
	raw.lost = 0;
	send_raw(&raw, sizeof raw);
	send_raw(&raw, 3);
	send_raw(&raw, 0);
	raw.level = LOG_INFO;
	send_raw(&raw, sizeof raw);
	ck_assert(!log_relay(ends[0], 100));
	ck_assert_str_eq(stderr_caught(), "echo-master: 12 lines of this worker were lost\n"
	                                  "echo-master: after\necho-master: after\n");
}
END_TEST

static TCase *channel(void)
{
	TCase *tcase = tcase_create("channel");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, open_channel, close_channel);
	tcase_add_test(tcase, record_arrives_as_it_was_sent);
	tcase_add_test(tcase, channel_never_blocks_and_is_not_for_other_programs);
	tcase_add_loop_test(tcase, long_text_is_cut_to_its_room, 0,
	    sizeof lengths / sizeof lengths[0]);
	tcase_add_test(tcase, what_does_not_fit_is_counted);
	tcase_add_test(tcase, datagram_that_is_no_record_is_thrown_away);
	tcase_add_test(tcase, channel_that_was_shut_down_has_what_was_sent_before);
	tcase_add_test(tcase, text_always_has_an_end);
	tcase_add_test(tcase, control_characters_are_made_harmless);
	tcase_add_test(tcase, worker_logs_over_the_channel);
	tcase_add_test(tcase, descriptors_that_come_along_are_not_taken);
	tcase_add_test(tcase, channel_that_was_made_blocking_does_not_block);
	tcase_add_test(tcase, full_channel_leaves_errno_alone);
	tcase_add_test(tcase, relaying_stops_after_so_many);
	tcase_add_test(tcase, relaying_tells_what_was_lost_and_leaves_out_what_is_not_wanted);
	return tcase;
}

/* ---- the system log ---- */

static char folder[] = "/tmp/check_log.XXXXXX";
static char path[64];
static int daemon_fd; /* the log daemon's socket, -1 when there is none */
static struct devlog *devlog;

static void start_daemon(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	unlink(path);
	strlcpy(address.sun_path, path, sizeof address.sun_path);
	daemon_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(daemon_fd, 0);
	ck_assert_int_eq(bind(daemon_fd, (struct sockaddr *)&address, sizeof address), 0);
}

static void stop_daemon(void)
{
	if (daemon_fd >= 0)
		close(daemon_fd);
	daemon_fd = -1;
	unlink(path);
}

static void make_folder(void)
{
	strlcpy(folder, "/tmp/check_log.XXXXXX", sizeof folder);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/log", folder);
	daemon_fd = -1;
	devlog = devlog_open(path, "tester");
	ck_assert_ptr_nonnull(devlog);
}

static void remove_folder(void)
{
	devlog_close(devlog);
	stop_daemon();
	rmdir(folder);
}

/* Returns the next datagram that the daemon gets, NULL when none is there. */
static const char *next_line(void)
{
	static char line[4096];
	ssize_t got = recv(daemon_fd, line, sizeof line - 1, 0);

	if (got < 0)
		return NULL;
	line[got] = '\0';
	return line;
}

static void expect_text(const char *text)
{
	const char *line = next_line();
	const char *begin;

	ck_assert_msg(line != NULL, "nothing came, but '%s' should", text);
	begin = strstr(line, "]: ");
	ck_assert_ptr_nonnull(begin);
	ck_assert_str_eq(begin + 3, text);
}

static void expect_numbers(unsigned from, unsigned to)
{
	char text[32];

	for (unsigned i = from; i <= to; i++) {
		snprintf(text, sizeof text, "line %u", i);
		expect_text(text);
		devlog_flush(devlog); /* there is room again */
	}
}

static void write_number(unsigned number)
{
	char text[32];

	snprintf(text, sizeof text, "line %u", number);
	devlog_write(devlog, LOG_INFO, 5, text);
}

/* Writes lines from 1 on until one had to wait; returns its number. */
static unsigned write_until_full(void)
{
	unsigned number = 0;

	while (devlog_pollfd(devlog) < 0) {
		ck_assert_uint_lt(number, 100000);
		write_number(++number);
	}
	return number;
}

START_TEST(line_has_the_form_that_daemons_read)
{
	start_daemon();
	devlog_write(devlog, LOG_WARNING, 123, "some text: 100%");
	expect_match(next_line(), "^<28>" TIME " tester\\[123\\]: some text: 100%$");
	devlog_write(devlog, LOG_DEBUG, 1, "");
	expect_match(next_line(), "^<31>" TIME " tester\\[1\\]: $");
	ck_assert_ptr_null(next_line());
	ck_assert_int_eq(devlog_pollfd(devlog), -1);
}
END_TEST

START_TEST(long_text_is_cut_and_not_lost)
{
	static char text[5000];

	start_daemon();
	memset(text, 't', sizeof text - 1);
	devlog_write(devlog, LOG_INFO, 5, text);
	ck_assert_uint_eq(strlen(next_line()), 2047);
}
END_TEST

START_TEST(lines_wait_in_order_for_a_daemon_that_does_not_read)
{
	struct pollfd writable = { .events = POLLOUT };
	unsigned last;

	start_daemon();
	last = write_until_full();
	for (int i = 0; i < 50; i++)
		write_number(++last);
	writable.fd = devlog_pollfd(devlog);
	ck_assert_int_eq(poll(&writable, 1, 0), 0);
	expect_text("line 1");
	ck_assert_int_eq(poll(&writable, 1, -1), 1); /* there is room: the master wakes up */
	devlog_flush(devlog);
	write_number(++last); /* behind those that wait */
	expect_numbers(2, last);
	ck_assert_ptr_null(next_line());
	ck_assert_int_eq(devlog_pollfd(devlog), -1);
}
END_TEST

START_TEST(lines_wait_for_a_daemon_that_is_not_there_yet)
{
	for (unsigned i = 1; i <= 5; i++)
		write_number(i);
	ck_assert_int_eq(devlog_pollfd(devlog), -1); /* nothing that could wake anybody */
	devlog_flush(devlog);
	start_daemon();
	write_number(6);
	expect_numbers(1, 6);
	ck_assert_ptr_null(next_line());
}
END_TEST

START_TEST(daemon_that_was_restarted_gets_the_next_line)
{
	start_daemon();
	write_number(1);
	expect_numbers(1, 1);
	stop_daemon();
	start_daemon();
	write_number(2);
	expect_numbers(2, 2);
	stop_daemon();
	write_number(3);
	write_number(4);
	start_daemon();
	devlog_flush(devlog);
	expect_numbers(3, 4);
}
END_TEST

START_TEST(lines_that_waited_for_the_old_daemon_go_to_the_new_one)
{
	unsigned first;

	start_daemon();
	first = write_until_full();
	write_number(first + 1);
	stop_daemon();
	start_daemon();
	devlog_flush(devlog);
	expect_numbers(first, first + 1);
	ck_assert_ptr_null(next_line());
}
END_TEST

START_TEST(too_many_lines_are_counted_and_the_count_is_logged)
{
	for (unsigned i = 1; i <= DEVLOG_QUEUE_MAX; i++)
		write_number(i);
	for (int i = 0; i < 7; i++)
		write_number(9999);
	start_daemon();
	devlog_flush(devlog);
	expect_numbers(1, DEVLOG_QUEUE_MAX);
	expect_match(next_line(), "^<28>" TIME " tester\\[[0-9]+\\]: 7 log lines were lost$");
	ck_assert_ptr_null(next_line());
	write_number(1);
	expect_numbers(1, 1);
}
END_TEST

static const char *long_text(unsigned number)
{
	static char text[1000];

	snprintf(text, sizeof text, "line %u %0800d", number, 0);
	return text;
}

START_TEST(long_lines_wait_up_to_their_bytes_and_make_room_as_they_go)
{
	unsigned full = DEVLOG_QUEUE_SIZE / 800;
	size_t length = 0;
	const char *line;
	unsigned kept;
	char lost[64];

	for (unsigned i = 0; i < full; i++)
		devlog_write(devlog, LOG_INFO, 5, long_text(i));
	start_daemon();
	devlog_flush(devlog);
	for (unsigned i = 0; i < full / 2; i++) {
		line = next_line();
		length = strlen(line) + 1;
		ck_assert_ptr_nonnull(strstr(line, long_text(i)));
		devlog_flush(devlog);
	}
	for (unsigned i = 0; i < full; i++) /* behind those that still wait */
		devlog_write(devlog, LOG_INFO, 5, "line");
	kept = full / 2;
	while (strstr(next_line(), long_text(kept)) != NULL) {
		devlog_flush(devlog);
		kept++;
	}
	ck_assert_uint_lt(kept, full);
	ck_assert_uint_le(kept * (length - 4), DEVLOG_QUEUE_SIZE);
	ck_assert_uint_gt((kept + 1) * length, DEVLOG_QUEUE_SIZE);
	for (unsigned i = 1; i < full; i++) {
		expect_text("line");
		devlog_flush(devlog);
	}
	snprintf(lost, sizeof lost, "%u log lines were lost", full - kept);
	expect_text(lost);
	ck_assert_ptr_null(next_line());
}
END_TEST

/* Reads until line 300 and compares the order; waits for each. */
static int read_three_hundred(void *unused)
{
	struct pollfd readable = { .fd = daemon_fd, .events = POLLIN };
	char text[32];
	unsigned next = 1;

	(void)unused;
	while (next <= 300 && poll(&readable, 1, -1) == 1) {
		const char *line = next_line();

		snprintf(text, sizeof text, "]: line %u", next++);
		if (line == NULL || strstr(line, text) == NULL)
			return 1;
	}
	return next == 301 ? 0 : 2;
}

START_TEST(draining_waits_until_all_has_gone_out)
{
	pid_t reader;

	start_daemon();
	for (unsigned i = 1; i <= 300; i++)
		write_number(i);
	ck_assert_int_ge(devlog_pollfd(devlog), 0);
	reader = child_start(read_three_hundred, NULL);
	devlog_drain(devlog, 20000);
	ck_assert_int_eq(devlog_pollfd(devlog), -1);
	child_succeeded(reader);
}
END_TEST

START_TEST(draining_gives_up_in_time)
{
	int64_t began = clock_ms();

	start_daemon();
	write_until_full();
	devlog_drain(devlog, 100);
	ck_assert_int_ge(clock_ms() - began, 100);
	ck_assert_int_lt(clock_ms() - began, 10000);
	ck_assert_int_ge(devlog_pollfd(devlog), 0);
}
END_TEST

START_TEST(draining_does_not_wait_for_nobody)
{
	int64_t began = clock_ms();

	write_number(1);
	devlog_drain(devlog, 60000);
	ck_assert_int_lt(clock_ms() - began, 20000);
}
END_TEST

static int disown_it(void *unused)
{
	int fd = devlog_pollfd(devlog);

	(void)unused;
	devlog_disown(devlog);
	return fcntl(fd, F_GETFD) < 0 && errno == EBADF ? 0 : 1;
}

START_TEST(child_that_disowns_it_has_no_socket_and_the_parent_loses_nothing)
{
	unsigned last;

	start_daemon();
	last = write_until_full();
	child_succeeded(child_start(disown_it, NULL));
	expect_numbers(1, last);
	ck_assert_ptr_null(next_line());
}
END_TEST

START_TEST(path_that_is_too_long_is_nobody)
{
	char deep[300];
	struct devlog *other;

	memset(deep, 'd', sizeof deep - 1);
	deep[sizeof deep - 1] = '\0';
	other = devlog_open(deep, "tester");
	devlog_write(other, LOG_INFO, 5, "text");
	ck_assert_int_eq(devlog_pollfd(other), -1);
	devlog_close(other);
	devlog_close(NULL);
}
END_TEST

static TCase *system_log(void)
{
	TCase *tcase = tcase_create("system log");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, make_folder, remove_folder);
	tcase_add_test(tcase, line_has_the_form_that_daemons_read);
	tcase_add_test(tcase, long_text_is_cut_and_not_lost);
	tcase_add_test(tcase, lines_wait_in_order_for_a_daemon_that_does_not_read);
	tcase_add_test(tcase, lines_wait_for_a_daemon_that_is_not_there_yet);
	tcase_add_test(tcase, daemon_that_was_restarted_gets_the_next_line);
	tcase_add_test(tcase, lines_that_waited_for_the_old_daemon_go_to_the_new_one);
	tcase_add_test(tcase, too_many_lines_are_counted_and_the_count_is_logged);
	tcase_add_test(tcase, long_lines_wait_up_to_their_bytes_and_make_room_as_they_go);
	tcase_add_test(tcase, draining_waits_until_all_has_gone_out);
	tcase_add_test(tcase, draining_gives_up_in_time);
	tcase_add_test(tcase, draining_does_not_wait_for_nobody);
	tcase_add_test(tcase, child_that_disowns_it_has_no_socket_and_the_parent_loses_nothing);
	tcase_add_test(tcase, path_that_is_too_long_is_nobody);
	return tcase;
}

Suite *log_suite(void)
{
	Suite *suite = suite_create("log");

	suite_add_tcase(suite, logging());
	suite_add_tcase(suite, channel());
	suite_add_tcase(suite, system_log());
	suite_add_tcase(suite, opened_log());
	return suite;
}
