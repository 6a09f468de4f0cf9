/* SPDX-License-Identifier: ISC */
/* What the master decides. Each is one step, as nobody sees the plan but the master. */

/* master/slots.h: enum slot_phase, in its order. */
#define FREE     0
#define STARTING 1
#define READY    2
#define SETTLING 3
#define RETIRING 4
#define ENDING   5
#define KILLED   6
byte phase[SLOTS];
bit is_told[SLOTS];      /* what the phase asks for has been handed out */
byte generation[SLOTS];

/* master/plan.h: enum plan_mode, enum plan_listener_state */
#define FIRST_START 0
#define SERVING     1
#define CLOSING     2
#define OVER        3
byte mode;
#define ABSENT   0
#define OPEN     1
#define GATED    2
#define DRAINING 3
byte plan_listener[LISTENERS];

byte charge_generation, charge_listener; /* of the pool in charge */
byte next_generation, next_listener;     /* of the one that a reload brings up; 0: none */
byte newest;
bit read_due, reload_waits, is_fast;

/* Actions about listeners that are to be handed out, in this order. */
bit gate_due[LISTENERS], drain_due[LISTENERS], close_due[LISTENERS];

/* What was asked for, by the world's count and not by the plan's. */
bit reload_is_owed, end_is_owed;

#define IS_BUSY (mode != SERVING || next_generation != 0)

/* master/slots.c: slot_is_live(), slot_is_member() */
#define IS_LIVE(s) (phase[s] > STARTING || (phase[s] == STARTING && is_told[s]))
#define IS_MEMBER(s) (phase[s] == STARTING || phase[s] == READY)

/* master/slots.c: slots_set_phase() */
inline set_phase(s, to)
{
	phase[s] = to;
	is_told[s] = 0;
	if
	:: to == FREE -> generation[s] = 0
	:: else
	fi
}

/* master/slots.c: slots_retire_generation(), slots_retire() */
inline retire_generation(g)
{
	for (i : 0 .. SLOTS - 1) {
		if
		:: generation[i] == g && IS_MEMBER(i) && IS_LIVE(i) -> set_phase(i, RETIRING)
		:: generation[i] == g && IS_MEMBER(i) && !IS_LIVE(i) -> set_phase(i, FREE)
		:: else
		fi
	}
}

/* master/slots.c: slots_settle() */
inline slots_settle(l)
{
	for (j : 0 .. SLOTS - 1) {
		if
		:: phase[j] != FREE && served_from[j] == l && IS_MEMBER(j) && IS_LIVE(j) ->
			set_phase(j, SETTLING)
		:: phase[j] != FREE && served_from[j] == l && IS_MEMBER(j) && !IS_LIVE(j) ->
			set_phase(j, FREE)
		:: else
		fi
	}
}

/* master/plan_close.c: plan_close() */
inline plan_close(l)
{
	if
	:: plan_listener[l] == OPEN ->
		plan_listener[l] = GATED;
		gate_due[l] = 1;
		slots_settle(l)
	:: else
	fi
}

/* master/plan_close.c: plan_drain() */
inline plan_drain(l)
{
	if
	:: plan_listener[l] == GATED ->
		plan_listener[l] = DRAINING;
#ifdef MUTANT_NO_DRAIN /* a listener is closed with what is in its queue */
		close_due[l] = 1
#else
		drain_due[l] = 1
#endif
	:: else
	fi
}

/* master/plan.c: on_tick(), slot_is_due(); master/plan_close.c: plan_listeners_are_due() */
inline listener_is_due(l)
{
	plan_drain(l);
	for (i : 0 .. SLOTS - 1) {
		if
		:: phase[i] == SETTLING && served_from[i] == l -> set_phase(i, RETIRING)
		:: else
		fi
	}
}

inline slot_is_due(s, then)
{
	if
	:: phase[s] == then -> set_phase(s, then + 1)
	:: else
	fi
}

/* master/plan_close.c: let_go(), plan_on_queue_empty(); master/slots.c: slots_tell_again() */
inline plan_on_queue_empty(l)
{
	plan_listener[l] = ABSENT;
	close_due[l] = 1;
	for (i : 0 .. SLOTS - 1) {
		if
		:: phase[i] == RETIRING && served_from[i] == l -> is_told[i] = 0
		:: else
		fi
	}
}

/* master/slots.c: slots_have() */
inline count_live_on(l)
{
	k = 0;
	for (j : 0 .. SLOTS - 1) {
		k = k + (IS_LIVE(j) && served_from[j] == l)
	}
}

/* master/plan_close.c: plan_close_deserted() */
inline plan_close_deserted()
{
	for (i : 0 .. LISTENERS - 1) {
		count_live_on(i);
		if
		:: plan_listener[i] >= GATED && k == 0 -> plan_listener[i] = ABSENT; close_due[i] = 1
		:: else
		fi
	}
}

/* master/slots.c: slots_end_oldest() */
inline slots_end_oldest()
{
	k = SLOTS;
	for (j : 0 .. SLOTS - 1) {
		if
		:: phase[j] == RETIRING && (k == SLOTS || generation[j] < generation[k]) -> k = j
		:: else
		fi
	}
	if
	:: k < SLOTS -> set_phase(k, ENDING)
	:: else
	fi
}

/* master/plan_pool.c: plan_fill(), a place at a time; master/slots.c: slots_take() */
hidden byte members, leaving;

inline plan_fill_one(pool_generation, pool_listener)
{
	members = 0;
	leaving = 0;
	k = SLOTS;
	for (j : 0 .. SLOTS - 1) {
		members = members + (IS_MEMBER(j) && generation[j] == pool_generation);
		leaving = leaving + (phase[j] >= ENDING);
		if
		:: phase[j] == FREE && k == SLOTS -> k = j
		:: else
		fi
	}
	if
	:: pool_generation == 0 || mode >= CLOSING || members >= WORKERS
	:: else ->
		if
		:: k < SLOTS ->
			set_phase(k, STARTING);
			generation[k] = pool_generation;
			served_from[k] = pool_listener
		:: k == SLOTS && leaving < WORKERS - members -> slots_end_oldest()
		:: else
		fi
	fi
}

inline plan_fill(pool_generation, pool_listener)
{
	for (i : 1 .. WORKERS) {
		plan_fill_one(pool_generation, pool_listener)
	}
}

/* master/plan_reload.c: plan_reload_is_over() */
inline plan_reload_is_over()
{
	next_generation = 0;
	next_listener = 0;
	read_due = reload_waits;
	reload_waits = 0
}

/* master/plan_reload.c: plan_commit(), replace(): a generation whose workers all accept */
inline plan_commit()
{
	assert(mode == SERVING && next_generation > charge_generation);
	for (i : 0 .. SLOTS - 1) {
		assert(generation[i] != next_generation || accepts[i] || process[i] != LIVES)
	}
	if
	:: charge_listener != next_listener -> plan_close(charge_listener)
	:: else
	fi;
#ifndef MUTANT_OLD_STAYS /* the old generation is not told to go */
	retire_generation(charge_generation);
#endif
	charge_generation = next_generation;
	charge_listener = next_listener;
	plan_reload_is_over()
}

/* master/plan_reload.c: plan_roll_back(), replace(): the old one is as it was */
inline plan_roll_back()
{
	assert(mode == SERVING && next_generation != 0);
	if
	:: charge_listener != next_listener -> plan_close(next_listener)
	:: else
	fi;
	retire_generation(next_generation);
	plan_reload_is_over();
	assert(plan_listener[charge_listener] == OPEN)
}

/* master/plan_reload.c: plan_on_reload_asked() */
inline plan_on_reload_asked()
{
	if
	:: mode >= CLOSING
	:: mode < CLOSING && !IS_BUSY -> read_due = 1
	:: mode < CLOSING && IS_BUSY ->
#ifndef MUTANT_HUP_FORGOTTEN /* a reload asked for during another */
		reload_waits = 1
#endif
	fi
}

/* master/plan_reload.c: plan_on_reload() */
inline plan_on_reload(l)
{
	assert(!IS_BUSY);
	plan_listener[l] = OPEN;
	newest++;
	next_generation = newest;
	next_listener = l
}

inline count_ready(g)
{
	k = 0;
	for (j : 0 .. SLOTS - 1) {
		k = k + (phase[j] == READY && generation[j] == g)
	}
}

/* master/plan_pool.c: plan_on_ready(), plan_start_is_over() */
inline plan_on_ready(s)
{
	if
	:: phase[s] == STARTING ->
		assert(accepts[s] || process[s] != LIVES);
		set_phase(s, READY);
		count_ready(generation[s]);
		if
		:: next_generation != 0 && next_generation == generation[s] && k == WORKERS ->
			plan_commit()
		:: mode == FIRST_START && k == WORKERS -> mode = SERVING; plan_reload_is_over()
		:: else
		fi
	:: else
	fi
}

/* master/plan_pool.c: plan_on_asks() */
inline plan_on_asks(s)
{
	if
#ifndef MUTANT_NOT_TOLD_AGAIN /* somebody else's signal may have hidden the master's */
	:: phase[s] == RETIRING || phase[s] == ENDING -> is_told[s] = 0
#endif
	:: mode < CLOSING && phase[s] == READY -> set_phase(s, RETIRING)
	:: else
	fi
}

/* master/plan_pool.c: plan_on_exit(), on_loss(), start_again() */
inline plan_on_exit(s)
{
	if
	:: !IS_MEMBER(s) -> set_phase(s, FREE)
	:: IS_MEMBER(s) && generation[s] == next_generation -> set_phase(s, FREE); plan_roll_back()
	:: IS_MEMBER(s) && generation[s] != next_generation -> set_phase(s, STARTING)
	fi
}

/* master/plan_stop.c: plan_on_stop(), begin_stop(), stop_fast() */
inline plan_on_stop(fast)
{
	if
#ifdef MUTANT_SECOND_STOP_IGNORED /* it is to end sessions at once */
	:: 0
#else
	:: mode >= CLOSING || fast -> is_fast = 1
#endif
	:: else
	fi;
	if
	:: mode < CLOSING ->
		mode = CLOSING;
#ifndef MUTANT_STOP_KEEPS_RELOAD /* a reload under way is forgotten */
		next_generation = 0;
		next_listener = 0;
		read_due = 0;
		reload_waits = 0;
#endif
		for (i : 0 .. LISTENERS - 1) {
			plan_close(i)
		}
#ifdef MUTANT_NO_SETTLING /* handshakes under way have no time to come to an end */
		listener_is_due(0)
#endif
	:: else
	fi;
	if
	:: is_fast ->
		for (i : 0 .. LISTENERS - 1) {
			plan_drain(i)
		}
		for (i : 0 .. SLOTS - 1) {
			if
			:: phase[i] != FREE && phase[i] < ENDING -> set_phase(i, ENDING)
			:: else
			fi
		}
	:: else
	fi
}

/* master/plan.c: plan_init() */
inline plan_init()
{
	charge_generation = 1;
	newest = 1;
	plan_listener[0] = OPEN;
	plan_fill(charge_generation, charge_listener)
}

/* master/plan.c: plan_event(), its end */
inline after_event()
{
	plan_close_deserted();
	plan_fill(charge_generation, charge_listener);
	plan_fill(next_generation, next_listener);
	i = 0; j = 0; k = 0
}
