/* SPDX-License-Identifier: ISC */
/* One worker's life: what both engines do. */

/* Where it sleeps. */
#define AWAKE     0
#define IN_ACCEPT 1
#define IN_PPOLL  2
#define IN_RECV   3
#define IN_EPOLL  4
byte sleeps[SLOTS];
bit accepts[SLOTS];      /* it is ready, whatever it has said */
byte served_from[SLOTS]; /* its listener */
byte talks_to[SLOTS];    /* clients, a bit each */

#define MAIL (pending[w].by[TERM] != NOBODY || pending[w].by[QUIT] != NOBODY)
#define LISTENER served_from[w]
#define IS_EMPTY (waiting[LISTENER] == 0)
#define HEARD_ALL(s) (talks_to[s] & finished & ~unheard) /* of these */

/* common/readypipe.c: ready_pipe_send(), which waits while the pipe is full */
inline say(what)
{
	if
	:: ready_pipe ! what, w
	:: master_is_gone /* EPIPE */
	fi
}

/* worker/orders.c: told_to_leave() */
inline take_order()
{
	number = (pending[w].by[QUIT] != NOBODY -> QUIT : TERM);
	pending[w].by[number] = NOBODY;
	retiring = 1;
	ending = ending | (number == QUIT)
}

inline take_stranger()
{
	number = (pending[w].by[QUIT] != NOBODY -> QUIT : TERM);
	pending[w].by[number] = NOBODY;
	number = 0
}

#define IS_ORDER (pending[w].by[QUIT] == MASTER || \
	(pending[w].by[QUIT] == NOBODY && pending[w].by[TERM] == MASTER))

/* worker/orders.c: orders_to_drain(), for an orphan; common/gate.c: gate_close() */
inline gate_as_orphan()
{
	if
	:: has_listener -> gated[LISTENER] = 1; excuse(LISTENER, HALF)
	:: else
	fi
}

inline stop_blocking()
{
	if
	:: has_listener -> nonblocking[LISTENER] = 1
	:: else
	fi
}

hidden byte gone;

/* The queue's first is the worker's: accept4(2). */
inline take_first()
{
	sleeps[w] = AWAKE;
	k = 0;
	do
	:: phase_of[k] == QUEUED && listener_of[k] == LISTENER -> break
	:: else -> k++
	od;
	phase_of[k] = IN_SESSION;
	came_late[k] = 0;
	waiting[LISTENER]--;
	talks_to[w] = talks_to[w] | (1 << k);
	latest = 1 << k;
	k = 0
}

/* What is known of a client that is gone makes no difference any more. */
inline hang_up(whom)
{
	gone = whom;
	finished = finished & ~gone;
	unheard = unheard & ~gone;
	talks_to[w] = talks_to[w] & ~gone
}

/* Sessions with these come to their end. */
inline serve(whom)
{
	assert(!(unheard & (whom)));
	for (k : 0 .. CLIENTS - 1) {
		if
		:: ((whom) >> k) & 1 -> phase_of[k] = SERVED
		:: else
		fi
	}
	k = 0;
	hang_up(whom)
}

/*
 * worker/arrival.c: arrival_accept(), what follows accept4(2); common/gate.c: gate_lift(). What
 * the board says is looked at once.
 */
inline welcome()
{
	do
	:: MAIL -> told_to_leave()
	:: atomic { board[LISTENER] != LISTENER_DRAINING ->
		if
		:: board[LISTENER] != LISTENER_OPEN -> unheard = unheard & ~latest
		:: else
		fi;
		latest = 0;
		break }
	:: atomic { board[LISTENER] == LISTENER_DRAINING -> unheard = unheard & ~latest; latest = 0 };
#ifndef MUTANT_NO_TOOK_ONE /* the master is not woken when the queue may be empty */
		say(READY_TOOK_ONE);
#endif
		break
	od
}

/* exit(3), or a kill: the kernel closes what it had, and tells its master. */
inline die()
{
	d_step {
		forget_engine();
		if
		:: has_listener -> has_listener = 0; release(LISTENER)
		:: else
		fi;
		for (k : 0 .. CLIENTS - 1) {
			if
			:: (talks_to[w] >> k) & 1 -> phase_of[k] = LOST
			:: else
			fi
		}
		k = 0;
		hang_up(talks_to[w]);
		retiring = 0; ending = 0; latest = 0; number = 0;
		pending[w].by[TERM] = NOBODY;
		pending[w].by[QUIT] = NOBODY;
		sleeps[w] = AWAKE;
		hears_of_death[w] = 0;
		accepts[w] = 0;
		killed[w] = 0;
		frozen[w] = 0;
		if
		:: master_is_gone -> process[w] = NONE
		:: else -> process[w] = ZOMBIE; raised[CHLD] = 1
		fi
	}
}

#if CONNECTIONS > 1
#include "event.pml"
#else
#include "blocking.pml"
#endif

/* The steps of a start are only seen by a master that dies. */
#if MASTER_KILLS == 0
#define UNSEEN atomic
#else
#define UNSEEN
#endif

/* worker/worker.c: worker_run(), with all signals blocked */
inline begin()
{
#if MASTER_KILLS == 0
	d_step { hears_of_death[w] = 1; accepts[w] = 1; prepare_engine() };
#else
#ifndef MUTANT_ORPHAN_ASKED_FIRST /* whether the master lives, and then to hear of its death */
	hears_of_death[w] = 1;
#endif
	if
	:: d_step { master_is_gone -> send_signal(w, QUIT, MASTER) }
	:: !master_is_gone
	fi;
#ifdef MUTANT_ORPHAN_ASKED_FIRST
	hears_of_death[w] = 1;
#endif
	/* worker/orders.c: orders_begin(); worker/worker.c: prepare() */
	d_step { accepts[w] = 1; prepare_engine() };
#endif
	do
	:: MAIL -> told_to_leave()
	:: ready_pipe ! READY_TO_ACCEPT, w -> break
#ifdef MUTANT_ORPHAN_GIVES_UP /* who cannot say that it is ready leaves the queue as it is */
	:: master_is_gone -> goto leave
#else
	:: master_is_gone -> break
#endif
	od
}

proctype worker(byte w)
{
	bit retiring, ending;  /* its orders */
	bit has_listener;      /* not /dev/null in its place */
	byte latest;           /* the client that is let in, by its bit */
	bit number;            /* of the signal */
	ENGINE_STATE

end:	do
	:: {
		UNSEEN {
			d_step { process[w] == LIVES -> has_listener = 1 };
			if
			:: d_step { accepts[w] -> prepare_engine() } /* STARTED */
			:: !accepts[w] -> begin()
			fi
		};
		work();
leave:
		skip
		} unless { killed[w] || frozen[w]; killed[w] };
		die()
	od
}
