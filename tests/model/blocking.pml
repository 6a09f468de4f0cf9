/* SPDX-License-Identifier: ISC */
/* The blocking engine: one session, and the handler of an order does what it asks for. */

#define ENGINE_STATE \
	bit found_empty;                             /* since it is to leave */ \
	bit session_is_set, session_ending, hurried; /* as in blocking.c */

#define prepare_engine() skip
#define look_at_doors() skip
#define wake_one(l) skip
#define SLEEPS_IN_SESSION(s) (sleeps[s] == IN_RECV)
#define WAITS_AT_DOOR(s) ((sleeps[s] == IN_ACCEPT || sleeps[s] == IN_PPOLL) && \
	waiting[served_from[s]] == 0)
#define WAITS_FOR_CLIENT(s) (sleeps[s] == IN_RECV && !HEARD_ALL(s))

inline forget_engine()
{
	found_empty = 0; session_is_set = 0; session_ending = 0; hurried = 0
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
	:: d_step { !IS_ORDER && !master_is_gone -> take_stranger() }; say(READY_ASKS_TO_LEAVE)
	/* worker/orders.c: orders_of_orphan() */
	:: d_step { master_is_gone -> take_order(); board[LISTENER] = LISTENER_DRAINING };
		d_step { gate_as_orphan() };
		d_step { stop_blocking(); told(1) }
	fi
}

/* worker/blocking.c: finish_session(), end_connection() */
inline finish_session()
{
	sleeps[w] = AWAKE;
	session_is_set = 0;
	session_ending = 0;
	hurried = 0;
	serve(talks_to[w])
}

inline work()
{
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
	welcome();

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
	:: atomic { HEARD_ALL(w) -> d_step { finish_session() }; goto accept }
	:: !HEARD_ALL(w) && hurried -> goto talk /* its timeout is over at once */
	:: atomic { !HEARD_ALL(w) && !hurried -> sleeps[w] = IN_RECV };
		if
		:: atomic { HEARD_ALL(w) -> d_step { finish_session() }; goto accept }
		:: atomic { !HEARD_ALL(w) && MAIL -> sleeps[w] = AWAKE };
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
}
