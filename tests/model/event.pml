/* SPDX-License-Identifier: ISC */
/*
 * The event engine: up to CONNECTIONS sessions, and one sleep for all that can happen, in
 * epoll_wait(2). What an order asks for is done by the loop, which the handler wakes. The
 * listener does not block.
 */

bit called[SLOTS];  /* its eventfd */
bit watches[SLOTS]; /* the listener is in its epoll(7) */
bit knows[SLOTS];   /* and among those that can go on, as it has been told */

#define ENGINE_STATE \
	bit knocked, has_call; /* what epoll_wait(2) has told of */ \
	bit empties;           /* it is to leave when the queue is empty, and knows it */ \
	bit hurried;           /* its sessions end */

#define IS_FULL (talks_to[w] == (1 << CLIENTS) - 1 && CLIENTS == CONNECTIONS)
#define IS_KNOCKED_AT(s) (knows[s] && waiting[served_from[s]] > 0)
#define HAS_EVENTS(s) (called[s] || IS_KNOCKED_AT(s) || HEARD_ALL(s))

/* worker/mux_door.c: is_emptying() */
#ifdef MUTANT_EMPTY_BEFORE_ORDER /* the handler's flag counts, which may come after the look */
#define IS_TO_EMPTY retiring
#else
#define IS_TO_EMPTY empties
#endif

/* worker/mux.c: time_left(); worker/mux_door.c: door_due(): there is something to do at once */
#define IS_DUE ((hurried && talks_to[w]) || \
	(has_listener && !IS_FULL && (!watches[w] || (IS_TO_EMPTY && !talks_to[w]))))

#define SLEEPS_IN_SESSION(s) (sleeps[s] == IN_EPOLL && talks_to[s])
#define WAITS_AT_DOOR(s) (sleeps[s] == IN_EPOLL && !HAS_EVENTS(s) && !talks_to[s])
#define WAITS_FOR_CLIENT(s) (sleeps[s] == IN_EPOLL && !HAS_EVENTS(s) && talks_to[s])

/* worker/mux_door.c: watch(), door_open(); EPOLL_CTL_ADD looks at once whether somebody is there */
inline watch()
{
	nonblocking[LISTENER] = 1;
	watches[w] = 1;
	knows[w] = !IS_EMPTY
}

inline unwatch()
{
	watches[w] = 0;
	knows[w] = 0
}

#define prepare_engine() watch()

inline forget_engine()
{
	unwatch();
	called[w] = 0; knocked = 0; has_call = 0; empties = 0; hurried = 0
}

/*
 * EPOLLEXCLUSIVE: of those that sleep one is woken. Those that do not are told too if they
 * came to the door before it.
 */
#define CAN_BE_WOKEN(s, l) (watches[s] && served_from[s] == l && sleeps[s] == IN_EPOLL && \
	!knows[s] && !killed[s] && !frozen[s])

inline tell_awake(l)
{
	d_step {
		for (k : 0 .. SLOTS - 1) {
			knows[k] = knows[k] ||
			    (watches[k] && served_from[k] == l && sleeps[k] != IN_EPOLL)
		}
		k = 0
	}
}

#define WAKE(s, l) CAN_BE_WOKEN(s, l) -> knows[s] = 1; if :: skip :: tell_awake(l) fi

inline wake_one(l)
{
	if
	:: WAKE(0, l)
#if SLOTS > 1
	:: WAKE(1, l)
#endif
#if SLOTS > 2
	:: WAKE(2, l)
	:: WAKE(3, l)
#endif
	:: else -> tell_awake(l)
	fi
}

/*
 * worker/orders.c: told_to_leave(), the handler, in which both signals are blocked;
 * worker/mux.c: told(). Where it may run, it is a choice beside the step that would be next.
 */
inline told_to_leave()
{
	if
	:: d_step { IS_ORDER || master_is_gone -> take_order(); number = 0; called[w] = 1 }
	:: d_step { !IS_ORDER && !master_is_gone -> take_stranger() }; say(READY_ASKS_TO_LEAVE)
	fi
}

/* worker/mux_door.c: door_close() */
inline door_close()
{
	unwatch();
	has_listener = 0;
	release(LISTENER)
}

/* What epoll_wait(2) returns: it tells of the listener for as long as somebody waits. */
inline wake_up()
{
	sleeps[w] = AWAKE;
	knows[w] = IS_KNOCKED_AT(w);
	knocked = knows[w];
	has_call = called[w]
}

/* worker/mux.c: take_turns(), of each session that can go on */
inline take_turns()
{
	has_call = 0;
	if
	:: hurried -> serve(talks_to[w])
	:: else -> serve(HEARD_ALL(w))
	fi
}

/* worker/mux_door.c: look_outside(), up to accept_one() */
inline look_outside()
{
	if
	:: has_listener && !IS_FULL && !watches[w] -> watch()
	:: else
	fi;
	knocked = has_listener && !IS_FULL && (knocked || (IS_TO_EMPTY && !talks_to[w]))
}

/* Nobody waits at a door at which all sleep. */
#define IS_AT_REST(s) (phase[s] == FREE || (phase[s] == READY && process[s] == LIVES && \
	accepts[s] && !killed[s] && !frozen[s] && sleeps[s] == IN_EPOLL && \
	pending[s].by[TERM] == NOBODY && pending[s].by[QUIT] == NOBODY && !HAS_EVENTS(s)))

inline look_at_doors()
{
	d_step {
		x = 1;
		for (k : 0 .. SLOTS - 1) {
			x = x && IS_AT_REST(k)
		}
		for (k : 0 .. SLOTS - 1) {
			assert(!(x && phase[k] == READY && watches[k] && waiting[served_from[k]] > 0))
		}
		k = 0; x = 0
	}
}

/* worker/mux.c: turn() */
inline work()
{
turn:
	/* worker/mux.c: serve(), wait_for_events() */
	do
	:: MAIL -> told_to_leave()
	:: !has_listener && !talks_to[w] -> goto leave
	:: d_step { HAS_EVENTS(w) || IS_DUE -> wake_up() }; break
	:: atomic { !HAS_EVENTS(w) && !IS_DUE && (has_listener || talks_to[w]) ->
		knows[w] = 0; sleeps[w] = IN_EPOLL };
		do
		:: d_step { HAS_EVENTS(w) -> wake_up() }; goto woken
		:: d_step { !HAS_EVENTS(w) && MAIL -> wake_up() }; /* EINTR */
			told_to_leave();
			goto woken
		:: d_step { !HAS_EVENTS(w) && knows[w] -> knows[w] = 0 } /* another was faster */
		od
	od;
woken:
	/* worker/mux.c: take_orders(); worker/orders.c: orders_to_drain() */
	do
	:: MAIL -> told_to_leave()
	:: d_step { !has_call -> take_turns() }; break
	:: d_step { has_call && !master_is_gone ->
		called[w] = 0;
		if
		:: retiring && has_listener && board[LISTENER] != LISTENER_DRAINING -> door_close()
		:: retiring && has_listener && board[LISTENER] == LISTENER_DRAINING -> empties = 1
		:: else
		fi;
		hurried = hurried | ending;
		take_turns() };
		break
	/* worker/orders.c: orders_of_orphan() */
	:: d_step { has_call && master_is_gone -> called[w] = 0; board[LISTENER] = LISTENER_DRAINING };
		d_step { gate_as_orphan() };
		d_step { empties = has_listener; hurried = hurried | ending; take_turns() };
		break
	od;
	do
	:: MAIL -> told_to_leave()
	:: d_step { skip -> look_outside() }; break
	od;
	/* worker/mux_door.c: accept_one() */
	do
	:: MAIL -> told_to_leave()
	:: !knocked -> goto turn
	:: atomic { knocked && !IS_EMPTY -> knocked = 0; d_step { take_first() }; break }
	:: atomic { knocked && IS_EMPTY -> knocked = 0; goto nobody }
	od;
	welcome();
	/* worker/mux_connection.c: connection_begin() */
	do
	:: MAIL -> told_to_leave()
	:: d_step { hurried = hurried | ending;
		if
		:: IS_FULL -> unwatch()
		:: else
		fi };
		goto turn
	od;
nobody:
	/* worker/mux_door.c: failed(): the queue is empty */
	do
	:: MAIL -> told_to_leave()
	:: d_step { IS_TO_EMPTY && !talks_to[w] -> door_close() }; goto turn
	:: !(IS_TO_EMPTY && !talks_to[w]) -> goto turn
	od
}
