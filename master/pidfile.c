/* SPDX-License-Identifier: ISC */
#include "master/pidfile.h"

#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define MODE 0644

static struct {
	struct pidfh *file; /* libbsd's; NULL when there is none */
	const char *path;   /* where it was made, the caller's */
	pid_t owner;        /* who made it */
} held;

static int cannot_create(const char *path, const char *reason)
{
	log_error("pid file %s: cannot create: %s", path, reason);
	return EX_CANTCREAT;
}

static int held_by_other(const char *path, pid_t other)
{
	if (other > 0)
		log_error("pid file %s: already held by process %d", path, (int)other);
	else
		log_error("pid file %s: already held by a process that has not written its pid",
		    path);
	return EX_UNAVAILABLE;
}

/* Opening a fifo may wait, opening a link truncates a file that may be anybody's. */
static const char *unfit(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0 || S_ISREG(status.st_mode))
		return NULL;
	return S_ISLNK(status.st_mode) ? "a symbolic link is there" : "no regular file is there";
}

/*
 * A holder that ends may take the file away between libbsd's attempt to lock it
 * and its look at who has the lock. ENOENT then means: try again.
 */
static struct pidfh *open_and_lock(const char *path, pid_t *other)
{
	struct pidfh *file = NULL;

	for (int attempt = 0; attempt < 100; attempt++) {
		*other = -1;
		file = pidfile_open(path, MODE, other);
		if (file != NULL || errno != ENOENT)
			break;
	}
	return file;
}

static int lock_file(const char *path)
{
	const char *reason = unfit(path);
	pid_t other;

	if (reason != NULL)
		return cannot_create(path, reason);
	held.file = open_and_lock(path, &other);
	if (held.file != NULL)
		return EX_OK;
	if (errno == EEXIST || errno == EINVAL)
		return held_by_other(path, other);
	return cannot_create(path, errno == ENOENT ? "there is no such folder" : strerror(errno));
}

/* When writing fails, libbsd removes and closes the file; the handle cannot be freed and stays. */
static int write_file(const char *path)
{
	int fd = pidfile_fileno(held.file);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fchmod(fd, MODE); /* of an old file too: nobody else is to write another pid into it */
	if (pidfile_write(held.file) == 0)
		return EX_OK;
	log_error("pid file %s: cannot write: %s", path, strerror(errno));
	return EX_CANTCREAT;
}

int pidfile_acquire(const char *path)
{
	int code;

	assert(path[0] == '/' && pidfile_fileno(held.file) < 0);
	code = lock_file(path);
	if (code != EX_OK)
		return code;
	held.owner = getpid();
	held.path = path;
	return write_file(path);
}

int pidfile_test(const char *path)
{
	const char *reason = unfit(path);
	char folder[PATH_MAX];

	strlcpy(folder, path, sizeof folder);
	*strrchr(folder, '/') = '\0';
	if (reason == NULL && access(folder[0] != '\0' ? folder : "/", W_OK | X_OK) < 0)
		reason = errno == ENOENT ? "there is no such folder" : strerror(errno);
	return reason == NULL ? EX_OK : cannot_create(path, reason);
}

static bool same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Empties our file wherever it is by now, and removes it if it is where we made it. */
static void empty_and_remove(int fd)
{
	bool empty = ftruncate(fd, 0) == 0;
	struct stat ours;
	struct stat there;

	if (fstat(fd, &ours) < 0 || lstat(held.path, &there) < 0) {
		pidfile_close(held.file);
	} else if (!same_file(&ours, &there)) {
		log_warning("pid file %s: not ours any more, left alone", held.path);
		pidfile_close(held.file);
	} else if (pidfile_remove(held.file) < 0) {
		log_line(empty ? LOG_INFO : LOG_WARNING, "pid file %s: cannot remove: %s%s",
		    held.path, strerror(errno), empty ? "; left empty" : "");
	}
}

void pidfile_release(void)
{
	int fd = pidfile_fileno(held.file);

	if (fd >= 0 && held.owner == getpid()) {
		empty_and_remove(fd);
		held.file = NULL;
	} else {
		pidfile_forget();
	}
}

/* libbsd does not close what it cannot look at; a worker that kept it would have the lock too. */
void pidfile_forget(void)
{
	int fd = pidfile_fileno(held.file);

	if (fd < 0)
		return;
	if (pidfile_close(held.file) < 0)
		close(fd);
	held.file = NULL;
}
