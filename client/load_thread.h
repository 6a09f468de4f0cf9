/* SPDX-License-Identifier: ISC */
/*
 * One thread of a load: its share of the connections, served by one epoll(7)
 * loop. Threads share nothing that they write to while the load is on, but a
 * few flags and counts and, with the main thread, their results under
 * a lock that nobody else holds for long.
 */
#ifndef CLIENT_LOAD_THREAD_H
#define CLIENT_LOAD_THREAD_H

#include "client/load_connection.h"
#include "client/load_losses.h"
#include "client/load_schedule.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

/* The most addresses of a host that are tried. */
#define LOAD_ADDRESSES_MAX 16

/* Pauses before a connect, by how many before it failed in a row: 0, 1, 10, 100 ms. */
#define LOAD_PAUSES 4

/* How far the load is told to end. */
enum load_stop {
	LOAD_GOES_ON,
	LOAD_STOP,        /* nothing new is sent, what is under way may finish */
	LOAD_STOP_AT_ONCE /* nothing is waited for any longer */
};

struct load_address {
	struct sockaddr_storage to;
	socklen_t length;
};

/* What all threads look at. */
struct load_shared {
	const struct load_options *options;
	struct load_address addresses[LOAD_ADDRESSES_MAX];
	unsigned addresses_count;
	struct load_schedule schedule; /* of the open loop */
	int64_t start;                 /* when the load began; all times are of load_clock() */
	int done;                      /* eventfd(2): each thread that ends adds one */
	atomic_uint connecting;        /* connects under way, of all threads */
	atomic_uint reached;           /* which address somebody could connect to ... */
	atomic_int unreachable;        /* ... or errno, where nobody could, to any; EINTR: by then */
	atomic_int failure;            /* errno of what the system refused a thread ... */
	const char *refused;           /* ... and the name of that call; set by who set `failure` */
	atomic_int stop;               /* enum load_stop */
	struct load_losses losses;     /* the file of --lost */
	struct load_thread *const *all; /* the threads ... */
	atomic_uint at_work;           /* ... and how many have some of -n left to do */
};

/* `reached` as long as nobody has connected. */
#define LOAD_NOT_REACHED UINT_MAX

struct load_thread {
	struct load_shared *shared;
	const struct load_options *options;
	unsigned index;                /* of this thread */
	unsigned threads;              /* how many there are */
	unsigned first;                /* of all that talk, the number of this thread's first */
	unsigned talking;              /* connections that exchange messages, and come first ... */
	unsigned total;                /* ... and those with --idle after them */
	struct load_connection *connections;
	unsigned opened;               /* of them, how many were begun */
	unsigned untried;              /* ... and of how many the first outcome is not known */
	unsigned alive;                /* have a socket */
	unsigned under_way;            /* have a message under way */
	uint64_t quota;                /* messages that may still be begun */
	bool claimed_last;             /* in this turn the last of them was */
	uint64_t sequence;             /* of the next message */
	uint64_t random;               /* state of the sizes' generator */
	int64_t now;                   /* when this turn of the loop began */
	int64_t begins;                /* open loop: when the schedule does; INT64_MAX: not yet */
	int64_t ends;                  /* when the load is to end; INT64_MAX: not by the clock */
	int64_t ended;                 /* when it did: nothing new is sent any more */
	uint64_t echoes_at_end, bytes_at_end; /* how many had come back by then */
	int64_t busy;                  /* open loop: time not spent waiting, since it began */
	int64_t stall_began;           /* open loop: when this thread was last away from its work, */
	int64_t stall_ended;           /* ... and until when; 0: never */
	uint64_t next_number;          /* open loop: of its messages the one due next ... */
	unsigned next_connection;      /* ... and whose it is */
	bool has_had_all;              /* its share of -n; idle connections stay for the others' */
	bool ending;
	struct delay_queue timeouts, reads, pauses[LOAD_PAUSES];
	int wake;                      /* eventfd(2): look at `stop` */
	pthread_t id;
	pthread_mutex_t lock;          /* held while `result` may change */
	struct load_result result;     /* its share: counts and histograms */
	struct load_io io;
};

/* ---- load_thread.c ---- */

/*
 * Prepares thread `index`; `shared` is complete but for `start`. Returns 0, or
 * -1 with errno. What it has is given back by load_thread_free(), in either case.
 */
int load_thread_init(struct load_thread *thread, struct load_shared *shared, unsigned index,
    unsigned threads);
void load_thread_free(struct load_thread *thread);

/* The thread itself, for pthread_create(3), with the load_thread. */
void *load_thread_main(void *with);

/* Makes the thread look at `stop`. Any thread may call it. */
void load_thread_wake(struct load_thread *thread);

/* Ends the load, because the system refused this system call with that errno. */
void load_thread_refused(struct load_thread *thread, const char *call, int error);

/* ---- load_reach.c: whether anybody is reached, and where ---- */

/* Chooses the address for a connect. It is under way until one of the last two below is called. */
void load_reach_begin(struct load_thread *thread, struct load_connection *connection);

/*
 * Returns whether a connect that failed may be tried at another of the host's
 * addresses, which is then the connection's. The first address that takes a
 * connection is the one that all use. Until then each connection tries one
 * after the other, and fails with the last, or where it is when the load ends.
 */
bool load_reach_another(struct load_thread *thread, struct load_connection *connection);

/* Takes note of a connection that has connected: its address, and our own. */
void load_reach_note(struct load_thread *thread, const struct load_connection *connection);

/*
 * Takes note of a connect that failed. It ends the load as a whole where there
 * is no socket to be had; or where nobody has ever been reached, no connect of
 * any thread is under way that may do better, and it is not for want of a local
 * port, which may come free.
 */
void load_reach_failed(struct load_thread *thread, const struct load_connection *connection);

/* ---- load_due.c: what the schedule of the open loop asks of a thread ---- */

/* Returns whether there is a schedule: the open loop. */
bool load_due_applies(const struct load_thread *thread);

/* Returns when message `number` of the schedule, which has begun, is to be sent. */
int64_t load_due_time(const struct load_thread *thread, uint64_t number);

/* Returns whether a free connection may send its next message now; in the closed loop always. */
bool load_due_has_come(const struct load_thread *thread, const struct load_connection *connection);

/*
 * Returns the connection of the next message whose time has come, and that time,
 * or NULL when there is none. Those whose connection is not free are passed over.
 */
struct load_connection *load_due_take(struct load_thread *thread, int64_t *due);

/*
 * Records how late the next message of a connection is that was not free in
 * time: by the server's doing, but where it came due while we were away: then
 * until we were back, by ours.
 */
void load_due_note_lateness(struct load_thread *thread, const struct load_connection *connection);

/* Returns how many messages have come due by now, or by the end of the load, and were not sent. */
uint64_t load_due_unsent(const struct load_thread *thread);

/* ---- load_policy.c: what a thread does with its connections ---- */

/* Opens a connection's socket, and sees to what comes of it. */
void load_policy_open(struct load_thread *thread, struct load_connection *connection);

/* Sees to what came of a call of load_connection.h. */
void load_policy_settle(struct load_thread *thread, struct load_connection *connection,
    enum load_step step);

/* Lets all begin whose time in the schedule has come, if they are free. */
void load_policy_send_due(struct load_thread *thread);

/* A connect, a message or a close has taken too long. */
void load_policy_expire(struct load_thread *thread, struct load_connection *connection);

/* A slow reader has a new allowance. */
void load_policy_read_on(struct load_thread *thread, struct load_connection *connection);

/*
 * Closes in order those that have nothing left to send, when the last message
 * of -n was begun in this turn: the server may serve so many at a time, and
 * those with a message under way may be waiting for these to make room.
 */
void load_policy_close_spare(struct load_thread *thread);

/* Begins to end: what is under way may finish, all else is closed. */
void load_policy_end(struct load_thread *thread);

/* Closes everything now. What is still owed counts as waited for in vain: LOAD_TIMEOUT. */
void load_policy_end_at_once(struct load_thread *thread);

#endif
