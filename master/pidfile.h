/* SPDX-License-Identifier: ISC */
/*
 * The pid file: who serves, for people and scripts, and a lock that lets no
 * second server start with the same file. On top of libbsd's pidfile(3), which
 * has no answer to some things that happen to a server with children.
 *
 * The lock decides, not the number: a file that was left behind prevents no
 * start, whatever it says. The lock is of flock(2) and goes with the last copy
 * of the descriptor, hence pidfile_forget() in every child.
 *
 * What readers can rely on: the file holds the decimal pid, without a newline,
 * from when the server starts until it is about to end. It is empty for a
 * moment while it is made and while it is removed, and for as long as it is there
 * when it could not be removed (the folder is not ours to write to any more). It
 * names a process that has ended only after that was killed.
 *
 * The folder must be one that only trusted users write to: what they put in the
 * file's place between our look and libbsd's is opened.
 *
 * A process has at most one pid file.
 */
#ifndef MASTER_PIDFILE_H
#define MASTER_PIDFILE_H

/*
 * Makes the pid file at `path`, mode 0644 whatever the umask, and writes the
 * pid of the caller: one that goes into the background first does that. The
 * path is kept by reference until pidfile_release(). It must be absolute, as it is
 * used again at the end, when the working folder may be another. Takes up to 0.1 s
 * when another process has locked the file but not written it yet.
 *
 * Returns EX_OK; or, with the reason logged and nothing held, EX_UNAVAILABLE when
 * another process holds it, and EX_CANTCREAT when it cannot be made, or something
 * other than a regular file (a symbolic link too) is there: that stays as it is.
 */
int pidfile_acquire(const char *path);

/*
 * Tells whether pidfile_acquire() would find a place for its file, without
 * touching anything: whoever holds one that is there does not matter. Returns
 * as that does.
 */
int pidfile_test(const char *path);

/*
 * At the end, when a successor may start: removes the file and gives up the lock.
 * A file that is not the one we made is left alone (somebody removed ours, and
 * another server made its own). One that cannot be removed is emptied, so that
 * it does not name a pid that others may get. In a child it removes nothing.
 */
void pidfile_release(void);

/*
 * In a child: gives up its share of the lock, which stays the parent's. After
 * that the parent's end frees the file, however long the child lives.
 */
void pidfile_forget(void);

#endif
