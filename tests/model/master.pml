/* SPDX-License-Identifier: ISC */
/* The master: its loop, and how it carries out what the plan has decided. */

#define NO_ACTION 0
#define SPAWN     1
#define RETIRE    2
#define END       3
#define KILL      4
#define GATE      5
#define DRAIN     6
#define CLOSE     7
#define READ      8
#define EXIT      9
#define SHUT      10 /* the second steps of GATE, DRAIN and CLOSE */
#define DRAIN_ON  11
#define CLOSE_IT  12

/* master/slots.c: slots_next_untold(); SETTLING and READY ask for nothing */
inline next_for_slot()
{
	for (i : 0 .. SLOTS - 1) {
		if
		:: action == NO_ACTION && !is_told[i] && (phase[i] == STARTING || phase[i] >= RETIRING) ->
			is_told[i] = 1;
			about = i;
			action = (phase[i] == STARTING -> SPAWN : phase[i] - RETIRING + RETIRE)
		:: else
		fi
	}
}

inline next_for_listener()
{
	for (i : 0 .. LISTENERS - 1) {
		if
		:: action == NO_ACTION && gate_due[i] -> gate_due[i] = 0; action = GATE; about = i
		:: action == NO_ACTION && !gate_due[i] && drain_due[i] ->
			drain_due[i] = 0; action = DRAIN; about = i
		:: action == NO_ACTION && !gate_due[i] && !drain_due[i] && close_due[i] ->
			close_due[i] = 0; action = CLOSE; about = i
		:: else
		fi
	}
}

/* master/plan.c: plan_next() */
inline plan_next()
{
	action = NO_ACTION;
	about = 0;
#ifdef MUTANT_SIGNAL_BEFORE_STORE /* workers are told before the board is */
	next_for_slot();
#endif
	next_for_listener();
	if
	:: action == NO_ACTION && read_due -> read_due = 0; action = READ
	:: else
	fi;
	next_for_slot();
	k = 0;
	for (i : 0 .. SLOTS - 1) {
#ifdef MUTANT_EXITS_EARLY /* the master goes before its last worker does */
		k = k + (IS_LIVE(i) && phase[i] < RETIRING)
#else
		k = k + IS_LIVE(i)
#endif
	}
	if
	:: action == NO_ACTION && mode == CLOSING && k == 0 -> mode = OVER; action = EXIT
	:: else
	fi;
	i = 0; j = 0; k = 0
}

/* master/actions.c: actions_happened(); what it leads to is carried out in the next steps */
inline actions_happened()
{
	after_event();
	plan_next()
}

/* master/messages.c: take_message(), from the pid that is in the table */
inline take_message()
{
	ready_pipe ? what, who;
	if
	:: process[who] == NONE /* a stranger */
	:: process[who] != NONE && what == READY_TO_ACCEPT -> plan_on_ready(who)
	:: process[who] != NONE && what == READY_ASKS_TO_LEAVE -> plan_on_asks(who)
	:: process[who] != NONE && what == READY_TOOK_ONE
	fi;
	what = 0;
	who = 0;
	actions_happened()
}

/* master/deaths.c: next_dead() */
inline next_dead()
{
	dead = 0;
	do
	:: dead < SLOTS && process[dead] != ZOMBIE -> dead++
	:: else -> break
	od
}

/* master/deaths.c: bury() */
inline bury()
{
	next_dead();
	process[dead] = NONE;
	plan_on_exit(dead);
	dead = 0;
	actions_happened()
}

/* master/supervisor.c: take_hangup() */
inline take_hangup()
{
	reload_is_owed = reload_is_owed | (mode < CLOSING);
	plan_on_reload_asked();
	actions_happened()
}

inline take_stop(number)
{
	end_is_owed = end_is_owed | (mode >= CLOSING || number == QUIT);
	plan_on_stop(number == QUIT);
	actions_happened()
}

/*
 * master/actions.c: read_settings(), coming_listener(). With two listeners it is the other one,
 * if that is free.
 */
#define OTHER (LISTENERS - 1 - charge_listener)

inline read_settings()
{
	reload_is_owed = 0;
	count_live_on(OTHER);
	if
#if LISTENERS > 1
	:: plan_listener[OTHER] == ABSENT && k == 0 ->
		board[OTHER] = LISTENER_OPEN; gated[OTHER] = 0; nonblocking[OTHER] = 0;
		held_by_master[OTHER] = 1;
		holders[OTHER]++;
		plan_on_reload(OTHER)
#else
	:: 1 -> plan_on_reload(charge_listener)
#endif
	:: else
	fi;
	actions_happened()
}

/* master/echo-master.c: main(), at its end */
inline leave_in_order()
{
	for (i : 0 .. SLOTS - 1) {
		assert(process[i] == NONE)
	}
	assert(!held_by_master[0] && !held_by_master[LISTENERS - 1]);
	i = 0;
	action = NO_ACTION;
	master_is_gone = 1
}

/* ---- time, and what must be so when the master sleeps ---- */

#define IS_CALM (len(ready_pipe) == 0 && !raised[CHLD] && !raised[HUP] && !raised[TERM] && \
	!raised[QUIT])
#define HAS_NO_MAIL(s) (pending[s].by[TERM] == NOBODY && pending[s].by[QUIT] == NOBODY)

/* It sleeps, nothing will wake it, and nothing is on its way. */
#define SLEEPS_ON(s, why) (process[s] == LIVES && !killed[s] && !frozen[s] && HAS_NO_MAIL(s) && \
	IS_CALM && why)

/* A stop lets go of the port while sessions go on. */
inline look_at_door(l)
{
	k = 0;
	for (j : 0 .. SLOTS - 1) {
		if
		:: process[j] != NONE && served_from[j] == l && !SLEEPS_ON(j, SLEEPS_IN_SESSION(j)) -> k = 1
		:: else
		fi
	}
	assert(plan_listener[l] != DRAINING || waiting[l] > 0 || k == 1)
}

/* Nobody is left behind, and nothing that was asked for is forgotten. */
inline look_around()
{
	for (j : 0 .. SLOTS - 1) {
		assert(!IS_MEMBER(j) || generation[j] == charge_generation ||
		    generation[j] == next_generation);
		assert(phase[j] < RETIRING || is_told[j]);
		assert(!end_is_owed || phase[j] == FREE || phase[j] >= ENDING)
	}
	assert(!reload_is_owed || mode >= CLOSING || IS_BUSY);
	j = 0
}

#define DUE_LISTENER (SLOTS + 1)
#define DUE_RELOAD (SLOTS + 1 + LISTENERS)
#define DUE_KILL (DUE_RELOAD + 1)

/*
 * master/plan.c: plan_deadline(). A worker that was told to leave may have to be told to end,
 * but only when it waits for a client; who was told to end never has to be killed.
 */
#define TIME_OF_LISTENER(l) \
	d_step { AT(WAIT) && plan_listener[l] == GATED && under_way[l] == 0 -> \
		awake(DUE_LISTENER + l) }
#define TIME_OF_SLOT(s) \
	d_step { AT(WAIT) && phase[s] == RETIRING && \
	    (frozen[s] || (WAITS_FOR_CLIENT(s) && HAS_NO_MAIL(s))) -> \
		look_at_door(served_from[s]); k = 0; awake(s + 1) } \
	:: d_step { AT(WAIT) && phase[s] == ENDING && frozen[s] -> awake(DUE_KILL + s) } \
	:: AT(WAIT) && phase[s] >= RETIRING && SLEEPS_ON(s, WAITS_AT_DOOR(s)) -> assert(false) \
	:: AT(WAIT) && phase[s] >= ENDING && SLEEPS_ON(s, WAITS_FOR_CLIENT(s)) -> assert(false)

/*
 * What is looked at in one turn of the loop, in this order. Where there is nothing to do
 * nothing is done: it is passed over in the step before.
 */
#define MESSAGES 0
#define REAP     1
#define HANGUP   2
#define STOP     3
#define STOP_NOW 4
#define TICK     5
#define QUEUES   6
#define WAIT     7

/* master/supervisor.c: supervise(), take_signals(), look_at_queues() */
inline go_on()
{
	do
	:: stage++;
		if
		:: stage == REAP && caught[CHLD] -> break
		:: stage == HANGUP && caught[HUP] -> break
		:: stage == STOP && caught[TERM] -> break
		:: stage == STOP_NOW && caught[QUIT] -> break
		:: stage == TICK && due != 0 -> break
		:: stage == QUEUES ->
			find_empty_queue();
			if
			:: k < LISTENERS -> break
			:: else
			fi
		:: stage == WAIT -> look_around(); break
		:: else
		fi
	od;
	k = 0
}

/* master/listener.c: listener_depth() */
inline find_empty_queue()
{
	k = 0;
	do
	:: k < LISTENERS && !(plan_listener[k] == DRAINING && waiting[k] == 0) -> k++
	:: else -> break
	od
}

/* master/plan.c: on_tick() */
inline on_tick()
{
	if
	:: due >= DUE_LISTENER && due < DUE_RELOAD -> listener_is_due(due - DUE_LISTENER)
	:: due == DUE_RELOAD && next_generation != 0 -> plan_roll_back()
	:: due == DUE_RELOAD && next_generation == 0
	:: due < DUE_LISTENER -> slot_is_due(due - 1, RETIRING)
	:: due >= DUE_KILL -> slot_is_due(due - DUE_KILL, ENDING)
	fi;
	due = 0;
	actions_happened()
}

/* master/supervisor.c: wait_for_something(); master/signals.c: signals_wait() */
inline awake(why)
{
	due = why;
	for (j : 0 .. CHLD) {
		caught[j] = raised[j];
		raised[j] = 0
	}
	j = 0;
	stage = MESSAGES;
	if
	:: len(ready_pipe) == 0 -> go_on()
	:: else
	fi
}

#define ACTS action != NO_ACTION
#define AT(s) action == NO_ACTION && stage == s
#define HAS_ZOMBIE (process[0] == ZOMBIE || process[SLOTS - 1] == ZOMBIE || \
	process[SLOTS / 2] == ZOMBIE || process[SLOTS / 4] == ZOMBIE)

proctype master()
{
	bit caught[4];
	byte fork_fails = FORK_FAILS;
	byte stage, action, about, due, what, who, dead;

	{
		d_step { plan_init(); actions_happened() };
		do
		/* master/actions.c: actions_carry_out(), carry_out() */
		:: d_step { action == SPAWN -> /* master/actions.c: spawn(); master/spawn.c: spawn_worker() */
			process[about] = LIVES; holders[served_from[about]]++; plan_next() }
		:: d_step { action == SPAWN && fork_fails > 0 && generation[about] == next_generation ->
			fork_fails--;
			plan_on_exit(about); /* master/plan_pool.c: plan_on_spawn_failed() */
			actions_happened() }
		:: d_step { action == RETIRE -> /* master/actions.c: tell() */
			send_signal(about, TERM, MASTER);
			plan_next() }
		:: d_step { action == END -> send_signal(about, QUIT, MASTER); plan_next() }
		:: d_step { action == KILL -> killed[about] = (process[about] == LIVES); plan_next() }
		/* master/actions.c: gate(); common/gate.c: gate_close(), gate_divert() */
#ifdef MUTANT_GATE_BEFORE_STORE /* workers do not know yet that the gate is to be lifted */
		:: d_step { action == GATE -> gated[about] = 1; action = SHUT }
		:: d_step { action == SHUT -> board[about] = LISTENER_GATED; plan_next() }
#else
		:: d_step { action == GATE -> board[about] = LISTENER_GATED; action = SHUT }
		:: d_step { action == SHUT -> gated[about] = 1; plan_next() }
#endif
		/* master/actions.c: drain(); master/listener.c: listener_set_nonblocking() */
		:: d_step { action == DRAIN ->
#ifndef MUTANT_DRAIN_BLOCKS /* who empties the queue waits for more */
			nonblocking[about] = 1;
#endif
			if
			:: is_fast -> excuse(about, HALF)
			:: else
			fi;
			action = DRAIN_ON }
		:: d_step { action == DRAIN_ON -> board[about] = LISTENER_DRAINING; plan_next() }
		/* master/actions.c: close_listener() */
		:: d_step { action == CLOSE -> board[about] = LISTENER_CLOSED; action = CLOSE_IT }
		:: d_step { action == CLOSE_IT ->
			held_by_master[about] = 0; release(about); plan_next() }
		:: d_step { action == READ -> read_settings() }
		:: d_step { action == READ -> reload_is_owed = 0; plan_next() } /* refused */
		:: atomic { action == EXIT -> d_step { leave_in_order() }; break }

		/* master/messages.c: messages_take() */
		:: d_step { AT(MESSAGES) && len(ready_pipe) > 0 -> take_message() }
		:: d_step { AT(MESSAGES) && len(ready_pipe) == 0 -> go_on() }
		/* master/deaths.c: deaths_take(): one SIGCHLD may stand for many deaths */
#ifdef MUTANT_REAPS_ONE
		:: d_step { AT(REAP) && HAS_ZOMBIE -> caught[CHLD] = 0; go_on(); bury() }
#else
#ifdef MUTANT_REAPED_UNHEARD /* a pid is free again while what its owner said is in the pipe */
		:: d_step { AT(REAP) && HAS_ZOMBIE -> bury() }
#else
		:: d_step { AT(REAP) && HAS_ZOMBIE && len(ready_pipe) > 0 -> take_message() }
		:: d_step { AT(REAP) && HAS_ZOMBIE && len(ready_pipe) == 0 -> bury() }
#endif
#endif
		:: d_step { AT(REAP) && !HAS_ZOMBIE -> caught[CHLD] = 0; go_on() }
		/* master/supervisor.c: take_signals(); master/signals.c: signals_take() */
		:: d_step { AT(HANGUP) && caught[HUP] -> caught[HUP] = 0; take_hangup() }
		:: d_step { AT(HANGUP) && !caught[HUP] -> go_on() }
		:: d_step { AT(STOP) && caught[TERM] -> caught[TERM] = 0; take_stop(TERM) }
		:: d_step { AT(STOP) && !caught[TERM] -> go_on() }
		:: d_step { AT(STOP_NOW) && caught[QUIT] -> caught[QUIT] = 0; take_stop(QUIT) }
		:: d_step { AT(STOP_NOW) && !caught[QUIT] -> go_on() }
		:: d_step { AT(TICK) && due != 0 -> on_tick() }
		:: d_step { AT(TICK) && due == 0 -> go_on() }
		:: d_step { AT(QUEUES) ->
			find_empty_queue();
			if
			:: k < LISTENERS -> about = k; plan_on_queue_empty(about); actions_happened()
			:: else -> go_on()
			fi }
		:: d_step { AT(WAIT) && !IS_CALM -> awake(0) }
		:: d_step { AT(WAIT) && next_generation != 0 -> awake(DUE_RELOAD) }
		:: TIME_OF_LISTENER(0)
		:: TIME_OF_SLOT(0)
#if SLOTS > 1
		:: TIME_OF_SLOT(1)
#endif
#if LISTENERS > 1
		:: TIME_OF_LISTENER(1)
#endif
#if SLOTS > 2
		:: TIME_OF_SLOT(2)
		:: TIME_OF_SLOT(3)
#endif
		od
	} unless { master_was_killed }
}
