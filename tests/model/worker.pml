/* SPDX-License-Identifier: ISC */
/* One worker's life, with the blocking engine. */

/* Where it sleeps. */
#define AWAKE     0
#define IN_ACCEPT 1
#define IN_PPOLL  2
#define IN_RECV   3
byte sleeps[SLOTS];
bit accepts[SLOTS];      /* it is ready, whatever it has said */
byte served_from[SLOTS]; /* its listener */
byte talks_to[SLOTS];    /* client, from 1; 0: none */

#define MAIL (pending[w].by[TERM] != NOBODY || pending[w].by[QUIT] != NOBODY)
#define LISTENER served_from[w]

/* common/readypipe.c: ready_pipe_send(), which waits while the pipe is full */
inline say(what)
{
	if
	:: ready_pipe ! what, w
	:: master_is_gone /* EPIPE */
	fi
}

/*
 * A place where the handler may run, in the midst of what can be one step: it then has the same
 * effect as before or after it. -DFINE has spin try that out too.
 */
#ifdef FINE
#define CUT break } od; do :: MAIL -> told_to_leave() :: atomic {
#else
#define CUT
#endif

/* worker/blocking.c: end_session(), hurry() */
inline end_session()
{
	session_ending = 1;
	hurried = session_is_set
}

/* worker/blocking.c: told(), when orders_to_drain() has spoken */
inline told(drains)
{
	if
#ifndef MUTANT_FLAG_BEFORE_SLEEP /* a flag is looked at before accept4(2) in place of dup2(2) */
	:: !(drains) && has_listener -> has_listener = 0; release(LISTENER)
#endif
	:: else
	fi;
	if
	:: number == QUIT -> end_session()
	:: else
	fi;
	number = 0
}

inline take_order()
{
	number = (pending[w].by[QUIT] != NOBODY -> QUIT : TERM);
	pending[w].by[number] = NOBODY;
	retiring = 1;
	ending = ending | (number == QUIT)
}

#define IS_ORDER (pending[w].by[QUIT] == MASTER || \
	(pending[w].by[QUIT] == NOBODY && pending[w].by[TERM] == MASTER))

/*
 * worker/orders.c: told_to_leave(), the handler, in which both signals are blocked. Where it
 * may run, it is a choice beside the step that would be next.
 */
inline told_to_leave()
{
	if
	:: d_step { IS_ORDER && !master_is_gone ->
		take_order();
		/* worker/orders.c: orders_to_drain() */
		told(board[LISTENER] == LISTENER_DRAINING) }
	:: d_step { !IS_ORDER && !master_is_gone ->
		number = (pending[w].by[QUIT] != NOBODY -> QUIT : TERM);
		pending[w].by[number] = NOBODY;
		number = 0 };
		say(READY_ASKS_TO_LEAVE)
	/* worker/orders.c: orders_of_orphan() */
	:: d_step { master_is_gone -> take_order(); board[LISTENER] = LISTENER_DRAINING };
		d_step { /* common/gate.c: gate_close() */
			if
			:: has_listener -> gated[LISTENER] = 1; excuse(LISTENER, HALF)
			:: else
			fi
		};
		d_step {
			if
			:: has_listener -> nonblocking[LISTENER] = 1
			:: else
			fi;
			told(1)
		}
	fi
}

/* The queue's first is the worker's. */
inline take_first()
{
	sleeps[w] = AWAKE;
	k = 0;
	do
	:: phase_of[k] == QUEUED && listener_of[k] == LISTENER -> break
	:: else -> k++
	od;
	phase_of[k] = IN_SESSION;
	waiting[LISTENER]--;
	talks_to[w] = k + 1;
	k = 0
}

#define IS_EMPTY (waiting[LISTENER] == 0)
#define HAS_SENT_ALL (finished[talks_to[w] - 1] && !unheard[talks_to[w] - 1])

/* worker/blocking.c: finish_session(), end_connection() */
inline finish_session()
{
	assert(!unheard[talks_to[w] - 1]);
	sleeps[w] = AWAKE;
	session_is_set = 0;
	session_ending = 0;
	hurried = 0;
	phase_of[talks_to[w] - 1] = SERVED;
	talks_to[w] = 0
}

/* exit(3), or a kill: the kernel closes what it had, and tells its master. */
inline die()
{
	d_step {
		if
		:: has_listener -> has_listener = 0; release(LISTENER)
		:: else
		fi;
		if
		:: talks_to[w] != 0 -> phase_of[talks_to[w] - 1] = LOST
		:: else
		fi;
		retiring = 0; ending = 0; talks_to[w] = 0; session_is_set = 0; session_ending = 0;
		hurried = 0; found_empty = 0; number = 0;
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

proctype worker(byte w)
{
	bit retiring, ending, found_empty;           /* its orders, and what it has seen */
	bit has_listener;                            /* not /dev/null in its place */
	bit session_is_set, session_ending, hurried; /* as in blocking.c */
	bit number;

	end: do
	:: d_step { process[w] == LIVES -> has_listener = 1 };
		{
			if
			:: accepts[w] -> goto accept /* STARTED */
			:: !accepts[w]
			fi;
			/* worker/worker.c: worker_run(), with all signals blocked */
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
			accepts[w] = 1;
			do
			:: MAIL -> told_to_leave()
			:: ready_pipe ! READY_TO_ACCEPT, w -> break
#ifdef MUTANT_ORPHAN_GIVES_UP /* who cannot say that it is ready leaves the queue as it is */
			:: master_is_gone -> goto leave
#else
			:: master_is_gone -> break
#endif
			od;

			/* worker/blocking.c: serve(); worker/arrival.c: arrival_accept() */
accept:
			do
			:: MAIL -> told_to_leave()
#ifdef MUTANT_FLAG_BEFORE_SLEEP
			:: retiring && board[LISTENER] != LISTENER_DRAINING -> goto leave
			:: !retiring || board[LISTENER] == LISTENER_DRAINING -> break
			od;
			do
			:: MAIL -> told_to_leave()
#endif
			:: atomic { !has_listener -> assert(retiring); goto leave } /* ENOTSOCK */
			:: atomic { has_listener && !IS_EMPTY -> d_step { take_first() }; break }
			:: has_listener && IS_EMPTY && nonblocking[LISTENER] -> goto nobody
			:: atomic { has_listener && IS_EMPTY && !nonblocking[LISTENER] ->
				sleeps[w] = IN_ACCEPT };
				if
				:: atomic { !IS_EMPTY -> d_step { take_first() }; break }
				:: atomic { IS_EMPTY && MAIL -> sleeps[w] = AWAKE }; /* EINTR */
					told_to_leave()
				fi
			od;
			/* worker/arrival.c: arrival_accept(), the rest; common/gate.c: gate_lift() */
			do
			:: MAIL -> told_to_leave()
			:: atomic { board[LISTENER] != LISTENER_DRAINING ->
				if
				:: board[LISTENER] != LISTENER_OPEN -> unheard[talks_to[w] - 1] = 0
				:: else
				fi;
				break }
			:: atomic { board[LISTENER] == LISTENER_DRAINING -> unheard[talks_to[w] - 1] = 0 };
#ifndef MUTANT_NO_TOOK_ONE /* the master is not woken when the queue may be empty */
				say(READY_TOOK_ONE);
#endif
				break
			od;

			/* worker/blocking.c: begin_session() */
			do
			:: MAIL -> told_to_leave()
			:: atomic { session_ending = 0; hurried = 0; CUT session_is_set = 1; CUT
				if
#ifndef MUTANT_NO_SECOND_LOOK /* "end now" that came before there was a session is forgotten */
				:: ending -> end_session()
#endif
				:: else
				fi;
				break }
			od;

			/* worker/session.c: session_allowance(), session_receive() */
talk:
			do
			:: MAIL -> told_to_leave()
			:: atomic { session_ending -> d_step { finish_session() }; goto accept }
			:: !session_ending -> break
			od;
			do
			:: MAIL -> told_to_leave()
			:: atomic { HAS_SENT_ALL -> d_step { finish_session() }; goto accept }
			:: !HAS_SENT_ALL && hurried -> goto talk /* its timeout is over at once */
			:: atomic { !HAS_SENT_ALL && !hurried -> sleeps[w] = IN_RECV };
				if
				:: atomic { HAS_SENT_ALL -> d_step { finish_session() }; goto accept }
				:: atomic { !HAS_SENT_ALL && MAIL -> sleeps[w] = AWAKE };
					told_to_leave();
					goto talk
				fi
			od;

			/* worker/blocking.c: after_failure(), after_empty() */
nobody:
			do
			:: MAIL -> told_to_leave()
#ifdef MUTANT_LOOKED_ONCE /* the queue may have been empty only before the order came */
			:: retiring -> goto leave
#else
			:: retiring && found_empty -> goto leave
			:: atomic { retiring && !found_empty -> found_empty = 1; goto accept }
#endif
			:: !retiring && has_listener && nonblocking[LISTENER] -> break
			:: !retiring && !(has_listener && nonblocking[LISTENER]) -> goto accept
			od;
			/* worker/blocking.c: wait_for_connection(), with signals blocked but in ppoll(2) */
			do
			:: MAIL -> told_to_leave()
			:: retiring -> goto accept
#ifdef MUTANT_OPEN_BEFORE_PPOLL /* they are not blocked between the look and the sleep */
			:: !retiring -> break
			od;
			do
			:: MAIL -> told_to_leave()
			:: atomic { sleeps[w] = IN_PPOLL; break }
#else
			:: atomic { !retiring -> sleeps[w] = IN_PPOLL; break }
#endif
			od;
			if
			:: atomic { MAIL -> sleeps[w] = AWAKE }; told_to_leave()
			:: atomic { !MAIL && (!has_listener || !IS_EMPTY) -> sleeps[w] = AWAKE }
			fi;
			goto accept;
leave:
			skip
		} unless { killed[w] || frozen[w]; killed[w] };
		die()
	od
}
