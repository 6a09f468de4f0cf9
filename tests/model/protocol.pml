/* SPDX-License-Identifier: ISC */
/*
 * The protocol by which master and workers part, as a model for spin(1): how a stop and a
 * reload go, whatever signal or death comes at whatever moment, with a master, WORKERS
 * workers a generation of either engine, and CLIENTS clients. tests/model/model.bats
 * has spin try all orders in which the steps of all of them can happen.
 *
 *   kernel.pml   what the system does: signals, listeners, descriptors, the ready pipe
 *   worker.pml   one worker's life, as both engines have it
 *   blocking.pml what the blocking engine does in it, and
 *   event.pml    what the event engine does
 *   plan.pml     what the master decides; pure, as master/plan.c
 *   master.pml   its loop, and how it carries out
 *   protocol.pml the clients, what befalls the server, the start
 *
 * A step of a process is what no other can come between: a system call, an access to the
 * board, a decision of the plan. Each names the function of the code that it stands for as
 * `file: function()`; model.bats looks whether those are still there.
 *
 * Time: a listener is not drained before the handshakes under way are over, which is what
 * PLAN_SETTLE_MS is for. The time that sessions have is up only when a worker waits for its
 * client, and PLAN_END_MS only for one that makes no step any more: all that still do are quick
 * enough. That of a reload may be up at any moment.
 *
 * Searches of a stop are with two workers, and with one; those of a reload with one in each
 * generation, and those of the event engine with one, as more take more than minutes.
 *
 * What must hold is asserted where it could fail. As no run goes on for ever (`pan -l` finds
 * no cycle) and each ends with everybody gone (the others are invalid end states for spin),
 * what must happen in the end does happen.
 *
 *   no lost stop         TIME_OF_SLOT() in master.pml: who was told does not go on waiting
 *   port is let go       look_at_door() in master.pml: once its queue is empty
 *   no one left behind   look_around() in master.pml: who is not in charge was told to go
 *   nobody lost          lose() in kernel.pml: whose connect(2) was completed is served
 *   one end of a reload  plan_commit(), plan_roll_back() in plan.pml
 *   no deadlock, exit    spin's search for end states that are not ends
 *
 * The event engine is another protocol: an order is taken by the loop and not in the handler,
 * a worker leaves when its last session has ended, and of those that sleep a client wakes one.
 *
 * Steps are one where nobody can tell: those of a worker's start while its master lives, the
 * master's waking and its first look. Which of two clients comes first is not tried twice.
 *
 * Left out: who stands aside to be fair and what is passed on when a worker of the event engine
 * cannot accept, an inherited listener, growth, back-off, a worker that hangs
 * at its start. Memory is that of one processor: each store is seen at once.
 *
 * -DMUTANT_... breaks one step, as the comment beside it says; spin must find each of them.
 */

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef COMING
#define COMING CLIENTS /* of them: 0 where it is only about processes */
#endif
/* How often each may befall the server, at any moment. */
#ifndef HUPS
#define HUPS 0      /* reloads asked for */
#endif
#ifndef TERMS
#define TERMS 1     /* stops asked for: one, or two for a fast one */
#endif
#ifndef KILLS
#define KILLS 0     /* workers killed */
#endif
#ifndef FREEZES
#define FREEZES 0   /* workers that make no step any more, as by SIGSTOP */
#endif
#ifndef STRANGERS
#define STRANGERS 0 /* signals to a worker by somebody who is not its master */
#endif
#ifndef MASTER_KILLS
#define MASTER_KILLS 0
#endif
#ifndef FORK_FAILS
#define FORK_FAILS 0
#endif
/* 1: the blocking engine; more, and as many as clients or more: the event engine */
#ifndef CONNECTIONS
#define CONNECTIONS 1
#endif
/* Listeners: with two, each reload moves from one to the other. */
#ifndef LISTENERS
#define LISTENERS 1
#endif
/* 1: somebody else has made the listener non-blocking */
#ifndef NONBLOCKING
#define NONBLOCKING 0
#endif
/* 1: the first generation is there already, or else it is started */
#ifndef STARTED
#define STARTED 1
#endif
/* Places for processes: PLAN_SLOTS_PER_WORKER, less than it is, for each worker. */
#if HUPS + STRANGERS > 0
#define SLOTS (2 * WORKERS)
#else
#define SLOTS WORKERS
#endif

#include "kernel.pml"
#include "plan.pml"
#include "worker.pml"
#include "master.pml"

/* Whoever waits for that waits for nothing else. */
#if SLOTS == 1
#define IS_OVER (master_is_gone && process[0] == NONE)
#elif SLOTS == 2
#define IS_OVER (master_is_gone && process[0] == NONE && process[1] == NONE)
#else
#define IS_OVER (master_is_gone && process[0] == NONE && process[1] == NONE && \
	process[2] == NONE && process[3] == NONE)
#endif

/* A client comes at any moment, and closes when it has its echo or is silent for ever. */
proctype client(byte me)
{
	atomic {
#if COMING > 1 /* which of them is the first makes no difference */
		(me == 0 || phase_of[0] != AWAY);
#endif
		if
		:: listener_of[me] = 0
#if LISTENERS > 1
		:: holders[1] > 0 -> listener_of[me] = 1
#endif
		fi;
		if
		:: holders[listener_of[me]] > 0 && !gated[listener_of[me]] ->
			phase_of[me] = HALF;
			under_way[listener_of[me]]++
		:: else -> phase_of[me] = TURNED_AWAY; goto done
		fi
	}
	atomic { /* its ACK arrives; connect(2) was over before */
		under_way[listener_of[me]]--;
		if
		:: holders[listener_of[me]] > 0 ->
			phase_of[me] = QUEUED;
			waiting[listener_of[me]]++;
			unheard = unheard | (gated[listener_of[me]] << me);
			wake_one(listener_of[me])
		:: else -> lose(me)
		fi
	}
	if
	:: d_step { phase_of[me] < SERVED -> finished = finished | (1 << me) }
	:: phase_of[me] < SERVED
	:: IS_OVER && phase_of[me] >= SERVED
	fi;
	IS_OVER && phase_of[me] >= SERVED;
done:
end:	false
}

#define CAN_BE_HIT(w) (process[w] == LIVES && !killed[w] && !frozen[w])

#if SLOTS == 1
#define SOMEONE_THERE CAN_BE_HIT(0)
#elif SLOTS == 2
#define SOMEONE_THERE (CAN_BE_HIT(0) || CAN_BE_HIT(1))
#else
#define SOMEONE_THERE (CAN_BE_HIT(0) || CAN_BE_HIT(1) || CAN_BE_HIT(2) || CAN_BE_HIT(3))
#endif

inline choose_someone()
{
	if
	:: CAN_BE_HIT(0) -> x = 0
#if SLOTS > 1
	:: CAN_BE_HIT(1) -> x = 1
#endif
#if SLOTS > 2
	:: CAN_BE_HIT(2) -> x = 2
	:: CAN_BE_HIT(3) -> x = 3
#endif
	fi
}

#define HAS_MORE (hups + terms + kills + freezes + strangers + master_kills > 0)
#define GO_ON x = 0; if :: HAS_MORE :: else -> break fi

/* Whatever befalls it, in any order, and a stop in the end, or the master's death. */
init {
	byte hups = HUPS, terms = TERMS, kills = KILLS, freezes = FREEZES;
	byte strangers = STRANGERS, master_kills = MASTER_KILLS;
	byte x;

	atomic {
		nonblocking[0] = NONBLOCKING;
		holders[0] = 1;
		held_by_master[0] = 1;
		for (x : 0 .. SLOTS - 1) {
			run worker(x)
		}
#if STARTED
		mode = SERVING;
		for (x : 0 .. WORKERS - 1) {
			process[x] = LIVES; accepts[x] = 1; hears_of_death[x] = 1;
			phase[x] = READY; generation[x] = 1; holders[0]++
		}
#endif
		run master();
#if COMING > 0
		for (x : 0 .. COMING - 1) {
			run client(x)
		}
#endif
		x = 0
	}
	do
	:: atomic { hups > 0 && !master_is_gone -> hups--; raised[HUP] = 1; GO_ON }
	:: atomic { terms > 0 && !master_is_gone -> look_at_doors(); terms--; raised[TERM] = 1; GO_ON }
	:: atomic { kills > 0 && SOMEONE_THERE -> kills--; choose_someone(); killed[x] = 1; GO_ON }
	:: atomic { freezes > 0 && SOMEONE_THERE -> freezes--; choose_someone(); frozen[x] = 1; GO_ON }
	:: atomic { strangers > 0 && SOMEONE_THERE -> strangers--; choose_someone();
		if
		:: d_step { skip -> send_signal(x, TERM, STRANGER) }
		:: d_step { skip -> send_signal(x, QUIT, STRANGER) }
		fi; GO_ON }
	:: atomic { master_kills > 0 && !master_is_gone -> master_kills--; kill_master(); GO_ON }
	:: atomic { HAS_MORE && (terms < TERMS || master_is_gone) ->
		hups = 0; terms = 0; kills = 0; freezes = 0; strangers = 0; master_kills = 0; break }
	od;
end:	false
}
