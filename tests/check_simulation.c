/* SPDX-License-Identifier: ISC */
/*
 * Drives the plan with random events and checks after each what must always hold.
 *
 * A world is a server with its processes, from the first start to the exit; it
 * acts as the supervisor does, and keeps its own account of what it was told.
 * Worlds follow one another until SIM_EVENTS events (200000) have happened.
 * Each has a seed of its own; one that fails prints it, and SIM_SEED set to it
 * runs that world first, with everything in it happening again.
 */
#include "tests/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define EVENTS_STANDARD 200000
#define MOST 10
#define SLOTS (MOST * PLAN_SLOTS_PER_WORKER)

/* What a process was last told. */
enum told { TOLD_NOTHING, TOLD_TO_RETIRE, TOLD_TO_END, TOLD_TO_ABORT, TOLD_BY_KILL };

struct process {
	bool lives;
	bool ready;          /* and the plan knows */
	bool busy;           /* it has as many clients as it may */
	bool in_session;     /* it has one */
	bool worn;           /* it has served enough, or all have been found to be worn */
	bool unhurried;      /* it was told to retire, and may take as long as it likes */
	enum told told;
	int64_t told_at;     /* in ms, like all times here */
	unsigned generation;
	unsigned listener;
	int64_t born;
	int64_t ready_at;
	unsigned deaths;     /* in this slot, in a row, that nothing has forgiven */
	bool fork_failed;    /* the last of them was no death, but a fork that failed */
	int64_t waited;      /* what the plan last chose to wait after one */
	int64_t spawn_after; /* when that is over */
	bool stopped;        /* by a signal */
	int64_t stopped_since;
	bool loops;          /* it runs and gets nowhere */
	int64_t looped;      /* for how long it has, in processor time */
	unsigned looks;      /* how often it was looked at since it does */
	uint64_t steps;      /* it has made */
	int64_t clock;       /* processor time until it is to be looked at; 0: it is not */
	int64_t clock_set;   /* what that is in all: the rest of a longer time comes on top */
};

struct listener {
	enum plan_listener_state state;
	int64_t gated_at;
};

struct world {
	uint64_t seed;
	uint64_t random;          /* state of the generator */
	unsigned events;          /* so far */
	struct plan plan;
	struct slot slots[SLOTS];
	struct process processes[SLOTS];
	struct listener listeners[PLAN_LISTENERS_MAX];
	bool inherited;
	unsigned in_force;        /* listener of the generation in charge */
	unsigned emptied;         /* listener that the last PLAN_QUEUE_EMPTY was about */
	int64_t now;
	int64_t late;             /* by how much ticks have come late, in all */
	enum plan_event_kind last; /* event, that is being carried out */
	unsigned charge;          /* generation in charge, as reported */
	unsigned occupied_before; /* slots, before the last event */
	unsigned widest;          /* pool that was allowed since then */
	unsigned largest_pool;    /* that was ever allowed */
	unsigned most;            /* workers that the pool in charge may have */
	int64_t longest_drain;    /* that was ever asked for */
	int64_t drain;            /* in force */
	int64_t spare;            /* how long there are too many idle before some leave */
	int64_t hang;             /* how long a worker may hang, 0: for ever */
	int64_t hang_before;      /* the same before this event */
	int64_t hang_judged;      /* by what the last one was aborted */
	int64_t needed;           /* when nobody was idle, or since when too many are */
	int64_t grown;            /* when the pool last grew */
	unsigned batch;           /* by how many */
	bool spare_leave;         /* the last event has some leave that are too many */
	bool many;                /* workers may have more than one client */
	unsigned load;            /* of ten workers, so many are busy */
	int64_t full_since;       /* when the limit was first met, since it was last looked at */
	int64_t full_said;        /* when it was last spoken of, SLOT_NEVER: not yet */
	struct plan_event reload; /* what was read */
	bool sick;                /* processes die often, and without having done anything */
	bool stubborn;            /* they leave only when they are killed */
	bool starting, reloading, reload_waits;
	unsigned reads;           /* of settings, that are due now */
	int64_t began, reload_began;
	bool anyone_was_ready, start_failed;
	bool stopping, over;
	int64_t stop_bound;       /* the exit must come by then, but for late ticks */
	int64_t late_at_stop;
	int exit_code;
};

#define must(world, condition)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("SIM_SEED=%" PRIu64 " event %u: not so: %s", (world)->seed,   \
			    (world)->events, #condition);                                          \
	} while (0)

/* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned below(struct world *world, unsigned limit)
{
	return (unsigned)(next_random(&world->random) % limit);
}

static bool one_in(struct world *world, unsigned chances)
{
	return below(world, chances) == 0;
}

/* Notes how large a pool the plan allows. */
static void note_widest(struct world *world)
{
	const struct slots *slots = &world->plan.slots;

	if (slots->charge.most > world->widest)
		world->widest = slots->charge.most;
	if (slots->next.most > world->widest)
		world->widest = slots->next.most;
}

static void feed(struct world *world, const struct plan_event *event)
{
	plan_event(&world->plan, event, world->now);
	note_widest(world);
}

/* Whoever is idle in the sense of the board: it takes clients of the listener in force. */
static bool is_idle(const struct world *world, unsigned slot)
{
	const struct process *process = &world->processes[slot];

	return process->lives && process->ready && process->told == TOLD_NOTHING &&
	    !process->busy && process->listener == world->in_force;
}

static unsigned count_idle(const struct world *world, bool in_charge)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		count += is_idle(world, i) &&
		    (!in_charge || world->processes[i].generation == world->charge);
	return count;
}

/* ---- what the plan says ---- */

static void begin_reload(struct world *world, const struct plan_event *asked)
{
	world->reloading = true;
	world->reload = *asked;
	world->reload_began = world->now;
	if (asked->drain_ms > world->longest_drain)
		world->longest_drain = asked->drain_ms;
	if (asked->max_workers > world->largest_pool)
		world->largest_pool = asked->max_workers;
}

static void reload_is_over(struct world *world)
{
	world->reloading = false;
	world->reads += world->reload_waits;
	world->reload_waits = false;
}

static int64_t random_hang(struct world *world)
{
	return one_in(world, 3) ? 0 : 1000 + below(world, 60000);
}

/* Settings are read once for each time that is due, with mistakes or without. */
static void read_settings(struct world *world)
{
	struct plan_event event = { .kind = PLAN_RELOAD, .workers = 1 + below(world, MOST),
		.drain_ms = (int64_t)below(world, 4) * 20000, .listener = world->in_force };
	int place = plan_free_listener(&world->plan);

	event.max_workers = event.workers + below(world, MOST - event.workers + 1);
	event.spare_ms = 1 + below(world, 20000);
	event.hang_ms = random_hang(world);
	must(world, world->reads > 0 && !world->reloading && !world->starting && !world->stopping);
	world->reads--;
	if (one_in(world, 4))
		return;
	if (one_in(world, 2) && place >= 0 && !world->inherited) {
		must(world, world->listeners[place].state == PLAN_LISTENER_ABSENT);
		for (unsigned i = 0; i < SLOTS; i++)
			must(world, !world->processes[i].lives ||
			    world->processes[i].listener != (unsigned)place);
		event.listener = (unsigned)place;
		world->listeners[place].state = PLAN_LISTENER_OPEN;
	}
	begin_reload(world, &event);
	feed(world, &event);
}

static unsigned count_ready(const struct world *world, unsigned generation)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		count += world->processes[i].lives && world->processes[i].ready &&
		    world->processes[i].told == TOLD_NOTHING &&
		    world->processes[i].generation == generation;
	return count;
}

/* From now on everybody who was told to retire has an end, like the rest of his generation. */
static void hurry_all(struct world *world)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (world->processes[i].unhurried)
			world->processes[i].told_at = world->now;
		world->processes[i].unhurried = false;
	}
}

static void reloaded(struct world *world, const struct plan_action *action)
{
	must(world, world->reloading);
	must(world, action->generation > world->charge);
	must(world, action->count == world->reload.workers);
	must(world, count_ready(world, action->generation) == world->reload.workers);
	world->charge = action->generation;
	world->in_force = world->reload.listener;
	world->drain = world->reload.drain_ms;
	world->spare = world->reload.spare_ms;
	world->hang = world->reload.hang_ms;
	world->most = world->reload.max_workers;
	world->batch = 0;
	world->full_since = SLOT_NEVER;
	hurry_all(world);
	reload_is_over(world);
}

static void backing_off(struct world *world, const struct plan_action *action)
{
	struct process *process = &world->processes[action->slot];

	must(world, !process->lives && process->deaths > 0);
	must(world, process->fork_failed || process->deaths > 1);
	must(world, action->delay_ms >= process->waited && action->delay_ms > 0);
	must(world, action->delay_ms > process->waited || action->delay_ms == PLAN_BACKOFF_MAX_MS);
	must(world, action->delay_ms <= PLAN_BACKOFF_MAX_MS);
	process->waited = action->delay_ms;
	process->spawn_after = world->now + action->delay_ms;
}

/* All are busy now, and have been met so a while ago; and it was not said but now. */
static void limit_is_told(struct world *world, const struct plan_action *action)
{
	must(world, world->last == PLAN_TICK && count_idle(world, true) == 0);
	must(world, action->count == world->most);
	must(world, count_ready(world, world->charge) == world->most);
	must(world, world->now >= world->full_since + PLAN_FULL_MS);
	must(world, world->full_said == SLOT_NEVER ||
	    world->now >= world->full_said + PLAN_FULL_AGAIN_MS);
	world->full_said = world->now;
}

static void hear(struct world *world, const struct plan_action *action)
{
	switch (action->report) {
	case PLAN_STARTED:
	case PLAN_STARTED_PARTLY:
		must(world, world->starting && !world->stopping && world->anyone_was_ready);
		must(world, action->count == count_ready(world, world->charge) ||
		    world->last == PLAN_ONE_FEWER);
		world->starting = false;
		reload_is_over(world);
		break;
	case PLAN_START_FAILED:
		must(world, world->starting && !world->anyone_was_ready);
		if (world->last == PLAN_TICK && world->now >= world->began + PLAN_START_MS)
			world->exit_code = EX_SOFTWARE;
		world->start_failed = world->stopping = true;
		world->starting = world->reload_waits = false;
		world->listeners[0].state = PLAN_LISTENER_ABSENT;
		world->stop_bound = world->now;
		world->late_at_stop = world->late;
		break;
	case PLAN_RELOADED:
		reloaded(world, action);
		break;
	case PLAN_RELOAD_FAILED:
	case PLAN_RELOAD_LATE:
		must(world, world->reloading && action->generation > world->charge);
		reload_is_over(world);
		break;
	case PLAN_BACKING_OFF:
		backing_off(world, action);
		break;
	case PLAN_FULL:
		limit_is_told(world, action);
		break;
	case PLAN_SHRUNK:
		world->spare_leave = true; /* what follows is about them */
		break;
	default:
		break;
	}
}

/* ---- what the plan wants done ---- */

static void born(struct world *world, const struct plan_action *action)
{
	struct process *process = &world->processes[action->slot];

	if (process->generation != action->generation)
		*process = (struct process){ .generation = action->generation };
	process->lives = true;
	process->listener = action->listener;
	process->ready = process->busy = process->in_session = false;
	process->stopped = process->loops = false;
	process->steps = 0;
	process->clock = 0;
	process->worn = process->unhurried = false;
	process->told = TOLD_NOTHING;
	process->born = world->now;
}

static void spawn(struct world *world, const struct plan_action *action)
{
	struct process *process = &world->processes[action->slot];
	unsigned failing = world->seed % 4 == 0 ? 4 : 50; /* in some worlds forks often fail */

	if (world->last == PLAN_ONE_FEWER && !process->lives)
		*process = (struct process){ 0 }; /* given up, and taken for a renewal at once */
	must(world, !world->stopping);
	must(world, world->listeners[action->listener].state == PLAN_LISTENER_OPEN);
	must(world, action->generation != world->charge || action->listener == world->in_force);
	must(world, !process->lives);
	must(world, action->generation >= world->charge);
	must(world, process->generation != action->generation || process->deaths == 0 ||
	    world->now >= process->spawn_after);
	must(world, process->generation != action->generation || process->deaths < 2 ||
	    process->waited > 0);
	born(world, action);
	if (!one_in(world, failing))
		return;
	process->lives = false;
	process->fork_failed = true;
	process->deaths++;
	world->exit_code = EX_OSERR;
	feed(world, &(struct plan_event){ .kind = PLAN_SPAWN_FAILED, .slot = action->slot,
	    .code = EX_OSERR });
}

/*
 * One in charge is told to leave, and may take as long as it likes: because it
 * is idle and there are too many, or because it has served enough; then it is
 * alone in that, until its place is taken.
 */
static void leave_unhurried(struct world *world, struct process *process)
{
	const struct pool *charge = &world->plan.slots.charge;

	process->unhurried = true;
	if (world->spare_leave && !(process->worn && process->in_session)) {
		must(world, world->last == PLAN_TICK && !process->in_session);
		must(world, world->now >= world->needed + world->spare);
		must(world, charge->members >= charge->wanted);
		must(world, count_idle(world, true) > charge->wanted);
	} else {
		must(world, process->worn);
		must(world, charge->members - charge->ready <= 1);
	}
}

/* How long a process may hang. */
static int64_t hang_of(const struct world *world, const struct process *process)
{
	bool is_next = process->generation == world->plan.slots.next.generation;

	return is_next ? world->reload.hang_ms : world->hang;
}

/* It is stopped, and has been for so long. */
static bool lies(const struct world *world, const struct process *process, int64_t hang)
{
	return process->stopped && hang > 0 && world->now >= process->stopped_since + hang;
}

static bool lies_too_long(const struct world *world, const struct process *process)
{
	return lies(world, process, hang_of(world, process));
}

/* It has been stopped for long, or has used so much time in vain; one that waits is none of it. */
static void check_abort(struct world *world, const struct process *process)
{
	bool spins = process->loops && process->looped >= process->clock_set &&
	    process->clock_set >= hang_of(world, process);

	must(world, spins || lies(world, process, world->hang_judged));
	must(world, process->told <= TOLD_TO_RETIRE);
}

/* So short that a reload may end old sessions to have a place for each new worker. */
static bool places_are_short(const struct world *world)
{
	return world->plan.slots.occupied + MOST > world->most * PLAN_SLOTS_PER_WORKER;
}

/* Who is in charge is told to go only for a reason; and nobody is killed before his time. */
static void tell(struct world *world, unsigned slot, enum told what)
{
	struct process *process = &world->processes[slot];
	bool hangs = !process->ready && world->now >= process->born + PLAN_START_MS;
	enum plan_listener_state listener = world->listeners[process->listener].state;

	must(world, process->lives);
	if (hangs && process->told == TOLD_BY_KILL)
		return; /* as good as dead, whatever it is told */
	if (what == TOLD_TO_ABORT)
		check_abort(world, process);
	must(world, what != TOLD_TO_RETIRE || listener != PLAN_LISTENER_GATED ||
	    process->told == TOLD_TO_RETIRE || world->last == PLAN_WORKER_ASKS || process->worn ||
	    world->last == PLAN_ONE_FEWER || /* else the queue would be left to nobody */
	    (process->listener == world->in_force && process->generation != world->charge));
	must(world, process->told < what || (process->told == TOLD_TO_RETIRE &&
	    listener == PLAN_LISTENER_ABSENT && world->emptied == process->listener) ||
	    world->last == PLAN_WORKER_ASKS); /* it may have missed what it was told */
	if (process->told == TOLD_NOTHING && process->generation == world->charge &&
	    what == TOLD_TO_RETIRE && world->slots[slot].due == SLOT_NEVER)
		leave_unhurried(world, process);
	else if (process->told == TOLD_NOTHING && process->generation == world->charge)
		must(world, world->stopping || world->last == PLAN_WORKER_ASKS ||
		    world->last == PLAN_ONE_FEWER || what == TOLD_TO_ABORT ||
		    (what == TOLD_BY_KILL && hangs) ||
		    (process->worn && places_are_short(world))); /* before it was told to retire */
	/* A session is not cut because the pool has shrunk, but where places are short. */
	must(world, !process->unhurried || what <= TOLD_TO_RETIRE || world->stopping ||
	    what == TOLD_TO_ABORT || places_are_short(world));
	if (process->told == TOLD_NOTHING && !world->stopping && what != TOLD_TO_ABORT)
		must(world, process->generation != world->plan.slots.next.generation ||
		    world->last == PLAN_WORKER_ASKS);
	if (what == TOLD_BY_KILL)
		must(world, world->start_failed || hangs || (process->told == TOLD_TO_END &&
		    world->now >= process->told_at + PLAN_END_MS) ||
		    (process->told == TOLD_TO_ABORT &&
		    world->now >= process->told_at + PLAN_ABORT_MS));
	if (process->told < what)
		process->told_at = world->now;
	process->told = what;
	process->unhurried &= what == TOLD_TO_RETIRE;
}

static void leave(struct world *world, const struct plan_action *action)
{
	must(world, world->stopping && !world->over);
	must(world, action->code == (world->start_failed ? world->exit_code : EX_OK));
	for (unsigned i = 0; i < SLOTS; i++)
		must(world, !world->processes[i].lives);
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		must(world, world->listeners[i].state == PLAN_LISTENER_ABSENT);
	must(world, world->now <= world->stop_bound + world->late - world->late_at_stop ||
	    world->start_failed);
	world->over = true;
}

/* In charge is who was replaced, or never took over; but at a stop all are closed. */
static void gate(struct world *world, unsigned number)
{
	struct listener *listener = &world->listeners[number];

	must(world, listener->state == PLAN_LISTENER_OPEN && !world->inherited);
	must(world, world->stopping || number != world->in_force);
	*listener = (struct listener){ PLAN_LISTENER_GATED, world->now };
}

static void drain(struct world *world, unsigned number)
{
	struct listener *listener = &world->listeners[number];

	must(world, listener->state == PLAN_LISTENER_GATED);
	must(world, world->last == PLAN_STOP || world->last == PLAN_STOP_FAST ||
	    world->now >= listener->gated_at + PLAN_SETTLE_MS);
	listener->state = PLAN_LISTENER_DRAINING;
}

/* Only when its queue is empty, or nobody is left to empty it, or it is not ours. */
static void close_it(struct world *world, unsigned number)
{
	struct listener *listener = &world->listeners[number];
	bool has_workers = false;

	for (unsigned i = 0; i < SLOTS; i++)
		has_workers |= world->processes[i].lives && world->processes[i].listener == number;
	if (world->inherited)
		must(world, listener->state == PLAN_LISTENER_OPEN && world->stopping);
	else if (has_workers)
		must(world, listener->state == PLAN_LISTENER_DRAINING &&
		    world->last == PLAN_QUEUE_EMPTY && world->emptied == number);
	else
		must(world, listener->state >= PLAN_LISTENER_GATED);
	listener->state = PLAN_LISTENER_ABSENT;
}

/* A stop is asked for: by when must it be over? */
static void note_stop(struct world *world, bool fast)
{
	int64_t wait = world->drain > PLAN_SETTLE_MS ? world->drain : PLAN_SETTLE_MS;

	if (!world->stopping) {
		world->stop_bound = world->now + PLAN_END_MS + (fast ? 0 : wait);
		world->late_at_stop = world->late;
		world->stopping = true;
		hurry_all(world);
		world->starting = world->reloading = world->reload_waits = false;
		world->reads = 0;
	} else if (world->stop_bound > world->now + PLAN_END_MS && !world->start_failed) {
		world->stop_bound = world->now + PLAN_END_MS;
		world->late_at_stop = world->late;
	}
}

/* When a start or a reload is over, whoever hears of it may want to stop at once. */
static void interrupt(struct world *world, const struct plan_action *action)
{
	bool is_over = action->report == PLAN_STARTED || action->report == PLAN_STARTED_PARTLY ||
	    action->report == PLAN_RELOADED || action->report == PLAN_RELOAD_FAILED;

	if (!is_over || world->stopping || !one_in(world, 20))
		return;
	note_stop(world, false);
	feed(world, &(struct plan_event){ .kind = PLAN_STOP });
}

static void look(struct world *world)
{
	uint64_t idle[SLOTS / 64 + 1] = { 0 };
	uint64_t vacant[SLOTS / 64 + 1] = { 0 };

	for (unsigned i = 0; i < SLOTS; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;

		idle[i / 64] |= is_idle(world, i) ? bit : 0;
		vacant[i / 64] |= is_idle(world, i) && !world->processes[i].in_session ? bit : 0;
	}
	feed(world, &(struct plan_event){ .kind = PLAN_IDLE, .idle = idle, .vacant = vacant,
	    .waiting = below(world, 3) });
}

/* It is to be looked at when it has run for so long, or for so much longer. */
static void set_clock(struct world *world, const struct plan_action *action)
{
	struct process *process = &world->processes[action->slot];
	bool goes_on = process->loops && process->looks > 1; /* the first look saw it begin */

	must(world, process->lives && process->ready && process->told <= TOLD_TO_RETIRE);
	must(world, action->delay_ms > 0);
	process->clock = action->delay_ms;
	process->clock_set = action->delay_ms + (goes_on ? process->clock_set : 0);
	must(world, process->clock_set == hang_of(world, process) ||
	    (world->reloading && process->clock_set == world->reload.hang_ms));
}

static void carry_out(struct world *world, const struct plan_action *action)
{
	must(world, !world->over);
	switch (action->kind) {
	case PLAN_SPAWN:
		spawn(world, action);
		break;
	case PLAN_RETIRE:
		tell(world, action->slot, TOLD_TO_RETIRE);
		break;
	case PLAN_END:
		tell(world, action->slot, TOLD_TO_END);
		break;
	case PLAN_ABORT:
		must(world, world->processes[action->slot].stopped == action->stopped);
		must(world, action->delay_ms == world->processes[action->slot].clock_set ||
		    action->delay_ms == world->hang_before ||
		    action->delay_ms == hang_of(world, &world->processes[action->slot]));
		world->hang_judged = action->delay_ms;
		tell(world, action->slot, TOLD_TO_ABORT);
		break;
	case PLAN_CLOCK:
		set_clock(world, action);
		break;
	case PLAN_KILL:
		tell(world, action->slot, TOLD_BY_KILL);
		break;
	case PLAN_GATE:
		gate(world, action->listener);
		break;
	case PLAN_DRAIN:
		drain(world, action->listener);
		break;
	case PLAN_CLOSE:
		close_it(world, action->listener);
		break;
	case PLAN_READ:
		read_settings(world);
		break;
	case PLAN_LOOK:
		look(world);
		break;
	case PLAN_REPORT:
		hear(world, action);
		interrupt(world, action);
		break;
	case PLAN_EXIT:
		leave(world, action);
		break;
	}
}

/* ---- what must hold between events ---- */

static struct slots recount(const struct world *world)
{
	struct slots sum = { 0 };

	for (unsigned i = 0; i < SLOTS; i++) {
		const struct slot *slot = &world->slots[i];
		struct pool *pool = slot->generation == world->charge ? &sum.charge : &sum.next;
		bool counts = slot->generation == world->charge ||
		    slot->generation == world->plan.slots.next.generation;

		sum.occupied += slot->phase != SLOT_FREE;
		sum.live += world->processes[i].lives;
		sum.leaving += slot->phase == SLOT_ABORTED || slot->phase == SLOT_ENDING ||
		    slot->phase == SLOT_KILLED;
		pool->members += counts && slot->phase >= SLOT_WAITING && slot->phase <= SLOT_HUNG;
		pool->ready += counts && slot->phase == SLOT_READY;
	}
	return sum;
}

static void check_counts(struct world *world)
{
	const struct slots *slots = &world->plan.slots;
	const struct slots sum = recount(world);

	must(world, slots->occupied == sum.occupied && slots->live == sum.live);
	must(world, slots->leaving == sum.leaving && slots->untold == 0);
	must(world, slots->charge.generation == world->charge);
	must(world, slots->charge.members == sum.charge.members);
	must(world, slots->charge.ready == sum.charge.ready);
	must(world, slots->next.members == sum.next.members || world->stopping);
	must(world, slots->next.ready == sum.next.ready || world->stopping);
	must(world, slots->charge.members <= slots->charge.target || world->stopping);
	must(world, slots->charge.target <= slots->charge.most);
	must(world, slots->charge.target >= slots->charge.wanted);
	must(world, slots->charge.most == world->most && slots->next.target == slots->next.wanted);
	must(world, sum.occupied <= world->largest_pool * PLAN_SLOTS_PER_WORKER);
	must(world, sum.occupied <= world->occupied_before ||
	    sum.occupied <= world->widest * PLAN_SLOTS_PER_WORKER);
}

/* What each slot says must fit what its process was told. */
static void check_slot(struct world *world, unsigned i)
{
	const struct slot *slot = &world->slots[i];
	struct process *process = &world->processes[i];

	must(world, process->lives == slot_is_live(slot));
	must(world, slot->phase == SLOT_SETTLING || (slot->phase == SLOT_READY) ==
	    (process->lives && process->ready && process->told == TOLD_NOTHING));
	must(world, process->told != TOLD_NOTHING || !process->lives ||
	    slot->phase == SLOT_STARTING || slot->phase == SLOT_READY ||
	    slot->phase == SLOT_SETTLING);
	must(world, slot->phase != SLOT_SETTLING || (slot->listener == process->listener &&
	    world->listeners[slot->listener].state ==
	    (world->inherited ? PLAN_LISTENER_ABSENT : PLAN_LISTENER_GATED)));
	if (slot->phase == SLOT_FREE)
		*process = (struct process){ 0 };
}

/* Nothing is under way, and what the plan was told of the load has come to its end. */
static bool is_at_rest(const struct world *world)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if ((world->slots[i].phase != SLOT_FREE && world->slots[i].phase != SLOT_READY &&
		    !world->processes[i].unhurried) || world->processes[i].stopped)
			return false;
	return !world->starting && !world->reloading && !world->stopping &&
	    world->plan.spare_due == SLOT_NEVER && world->plan.full_due == SLOT_NEVER;
}

/* What holds when every tick has come in time. */
static void check_deadlines(struct world *world)
{
	const struct slots *slots = &world->plan.slots;

	if (plan_deadline(&world->plan) <= world->now)
		return;
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		must(world, world->listeners[i].state != PLAN_LISTENER_GATED ||
		    world->now < world->listeners[i].gated_at + PLAN_SETTLE_MS);
	must(world, !world->reloading || world->now < world->reload_began + PLAN_START_MS);
	must(world, world->stopping || slots->charge.members == slots->charge.target ||
	    slots->occupied >= PLAN_SLOTS_PER_WORKER * slots->charge.most);
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct process *process = &world->processes[i];
		int64_t since = world->now - process->told_at;

		must(world, !process->lives || process->told != TOLD_TO_RETIRE ||
		    process->unhurried || since < world->longest_drain);
		must(world, !process->lives || process->told != TOLD_TO_END ||
		    since < PLAN_END_MS);
		must(world, !process->lives || process->told != TOLD_TO_ABORT ||
		    since < PLAN_ABORT_MS);
		must(world, !process->ready || process->told > TOLD_TO_RETIRE ||
		    !lies_too_long(world, process));
		must(world, !process->lives || process->ready || process->told != TOLD_NOTHING ||
		    world->slots[i].phase == SLOT_SETTLING ||
		    world->now < process->born + PLAN_START_MS);
	}
}

static void check_world(struct world *world)
{
	check_counts(world);
	for (unsigned i = 0; i < SLOTS; i++)
		check_slot(world, i);
	must(world, plan_is_stopping(&world->plan) == world->stopping);
	must(world, (world->plan.slots.next.generation != 0) == world->reloading);
	must(world, (plan_deadline(&world->plan) == SLOT_NEVER) || !is_at_rest(world));
	must(world, world->reads == 0 || world->stopping);
	for (unsigned i = 0; i < PLAN_LISTENERS_MAX; i++)
		must(world, world->plan.listener[i].state == world->listeners[i].state);
	must(world, world->stopping ||
	    world->listeners[world->in_force].state == PLAN_LISTENER_OPEN);
	check_deadlines(world);
}

static void carry_out_all(struct world *world)
{
	struct plan_action action;

	while (plan_next(&world->plan, &action))
		carry_out(world, &action);
	check_world(world);
}

static void happen(struct world *world, struct plan_event event)
{
	world->events++;
	world->last = event.kind;
	world->occupied_before = world->plan.slots.occupied;
	world->widest = 0;
	world->spare_leave = false;
	world->hang_before = world->hang;
	note_widest(world);
	feed(world, &event);
	carry_out_all(world);
}

/* By how many workers the pool must grow if it is told now that all are busy. */
static unsigned growth_expected(const struct world *world)
{
	const struct pool *charge = &world->plan.slots.charge;
	unsigned batch = 2 * world->batch;

	if (world->batch == 0 || world->now - world->grown >= PLAN_CALM_MS)
		batch = 1;
	if (charge->ready < charge->members || charge->members < charge->target ||
	    world->starting || world->stopping)
		return 0; /* whoever is to come may be enough */
	return batch < world->most - charge->members ? batch : world->most - charge->members;
}

static void all_are_busy(struct world *world)
{
	const struct pool *charge = &world->plan.slots.charge;
	unsigned batch = growth_expected(world);
	unsigned before = charge->members;
	unsigned target = batch > 0 ? before + batch : charge->target;

	if (before == world->most && world->plan.full_due == SLOT_NEVER)
		world->full_since = world->now;
	if (batch > 0) {
		world->batch = world->now - world->grown >= PLAN_CALM_MS ? 1 : 2 * world->batch;
		if (world->batch == 0)
			world->batch = 1;
		world->grown = world->now;
	}
	world->needed = world->now;
	happen(world, (struct plan_event){ .kind = PLAN_ALL_BUSY });
	must(world, charge->target == target);
	must(world, world->stopping || plan_watch(&world->plan).above == 0 ||
	    charge->members > charge->wanted);
}

/* As the supervisor does: what the plan wants to be told, as long as it wants it and it is so. */
static void tell_what_is_watched(struct world *world)
{
	for (unsigned times = 0;; times++) {
		struct plan_watch watch = plan_watch(&world->plan);
		unsigned idle = count_idle(world, false);

		must(world, times <= 3);
		must(world, !world->stopping || (!watch.all_busy && watch.above == 0));
		if (watch.all_busy && idle == 0) {
			all_are_busy(world);
		} else if (watch.above > 0 && idle > watch.above) {
			world->needed = world->now;
			happen(world, (struct plan_event){ .kind = PLAN_TOO_MANY_IDLE });
		} else {
			return;
		}
	}
}

/* ---- what happens ---- */

/* Returns a random slot with a process, or -1. */
static int any_process(struct world *world)
{
	unsigned first = below(world, SLOTS);

	for (unsigned i = 0; i < SLOTS; i++)
		if (world->processes[(first + i) % SLOTS].lives)
			return (int)((first + i) % SLOTS);
	return -1;
}

static void get_ready(struct world *world, unsigned slot)
{
	struct process *process = &world->processes[slot];

	if (process->ready)
		return;
	if (process->told == TOLD_NOTHING) {
		process->ready = world->anyone_was_ready = true;
		process->ready_at = world->now;
	}
	happen(world, (struct plan_event){ .kind = PLAN_WORKER_READY, .slot = slot });
}

static void die(struct world *world, unsigned slot)
{
	struct process *process = &world->processes[slot];
	bool completed = process->ready && one_in(world, world->sick ? 20 : 2);
	int code = one_in(world, 2) ? EX_SOFTWARE : EX_OSERR;

	process->lives = false;
	process->deaths++;
	process->fork_failed = false;
	if (completed || (process->ready && world->now - process->ready_at >= PLAN_HEALTHY_MS))
		process->deaths = 0;
	if (process->deaths == 0)
		process->waited = 0;
	if (process->told != TOLD_NOTHING && world->slots[slot].phase != SLOT_HUNG)
		*process = (struct process){ 0 };
	else if (world->slots[slot].generation == world->charge && !world->start_failed)
		world->exit_code = code;
	process->ready = process->stopped = process->loops = false;
	happen(world, (struct plan_event){ .kind = PLAN_WORKER_EXITED, .slot = slot,
	    .completed = completed, .code = code });
}

static void reload(struct world *world)
{
	if (world->reloading || world->starting)
		world->reload_waits = true;
	else if (!world->stopping)
		world->reads++;
	happen(world, (struct plan_event){ .kind = PLAN_RELOAD_ASKED });
}

static void resize(struct world *world)
{
	bool more = one_in(world, 2);

	happen(world, (struct plan_event){ .kind = more ? PLAN_ONE_MORE : PLAN_ONE_FEWER });
}

static void stop(struct world *world, bool fast)
{
	note_stop(world, fast);
	happen(world, (struct plan_event){ .kind = fast ? PLAN_STOP_FAST : PLAN_STOP });
}

/*
 * A process runs for a while, if it can. One that has run for so long is looked at;
 * if it gets nowhere that is the end of it the second time at the latest, but for the
 * time that a reload has given it since.
 */
static void run(struct world *world, unsigned slot, int64_t ms)
{
	struct process *process = &world->processes[slot];
	int64_t allowed = process->clock_set;

	process->looped += process->loops ? ms : 0;
	process->clock -= ms;
	if (process->clock > 0)
		return;
	process->clock = 0;
	process->steps += !process->loops;
	process->looks++;
	happen(world, (struct plan_event){ .kind = PLAN_WORKER_RAN, .slot = slot,
	    .steps = process->steps });
	if (!process->lives || process->told > TOLD_TO_RETIRE || hang_of(world, process) == 0)
		return;
	must(world, process->clock > 0 &&
	    (!process->loops || process->looks < 2 || process->clock_set > allowed));
}

static void run_some(struct world *world, int64_t ms)
{
	for (unsigned i = 0; i < SLOTS && !world->over; i++) {
		const struct process *process = &world->processes[i];

		if (process->lives && process->clock > 0 && !process->stopped &&
		    one_in(world, process->loops ? 2 : 4))
			run(world, i, (int64_t)below(world, (unsigned)ms + 1));
	}
}

/* Time goes to the next deadline or not so far, rarely beyond it: the master was held up. */
static void pass_time(struct world *world)
{
	int64_t deadline = plan_deadline(&world->plan);
	int64_t left = deadline == SLOT_NEVER ? 100000 : deadline - world->now;

	if (left > 0 && one_in(world, 2))
		left = (int64_t)below(world, (unsigned)left) + 1;
	if (left > 0)
		world->now += left;
	if (left > 0)
		run_some(world, left);
	deadline = plan_deadline(&world->plan);
	if (deadline <= world->now && one_in(world, 10)) {
		int64_t more = below(world, 3000);

		world->now += more;
		world->late += more;
		return;
	}
	if (deadline <= world->now) {
		happen(world, (struct plan_event){ .kind = PLAN_TICK });
		/* One that is given no time at all is due as soon as it is told. */
		must(world, plan_deadline(&world->plan) > world->now || world->drain == 0 ||
		    (world->inherited && world->stopping) || world->plan.stopped > 0);
	}
}

/* Whether a process that was told `what` dies now; whoever was killed does. */
static bool dies_now(struct world *world, enum told what)
{
	if (what == TOLD_BY_KILL)
		return true;
	if (what == TOLD_NOTHING)
		return one_in(world, world->sick ? 2 : 12);
	if (what == TOLD_TO_ABORT)
		return one_in(world, 4);
	return one_in(world, world->stubborn ? 1000 : what == TOLD_TO_END ? 3 : 8);
}

/* A worker that has said so may say it again. */
static void serve_enough(struct world *world, unsigned slot)
{
	struct process *process = &world->processes[slot];

	process->worn = process->told == TOLD_NOTHING;
	happen(world, (struct plan_event){ .kind = PLAN_SERVED_ENOUGH, .slot = slot });
}

static void wear_all_out(struct world *world)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (world->processes[i].lives && world->processes[i].told == TOLD_NOTHING)
			world->processes[i].worn = true;
	happen(world, (struct plan_event){ .kind = PLAN_ALL_WORN });
}

/* One that is stopped may be so again: then it went on in between. */
static void stop_process(struct world *world, unsigned slot)
{
	struct process *process = &world->processes[slot];
	process->stopped = true;
	process->stopped_since = world->now;
	happen(world, (struct plan_event){ .kind = PLAN_WORKER_STOPPED, .slot = slot });
}

static void continue_process(struct world *world, unsigned slot)
{
	world->processes[slot].stopped = false;
	happen(world, (struct plan_event){ .kind = PLAN_WORKER_CONTINUED, .slot = slot });
}

/* A client has it think for ever. */
static void begin_loop(struct process *process)
{
	process->loops = true;
	process->steps++;
	process->looks = 0;
	process->looped = 0;
}

/* Somebody stops it or has it go on, or it loses its way. */
static void hang(struct world *world, unsigned slot)
{
	struct process *process = &world->processes[slot];

	if (process->stopped && one_in(world, 3))
		continue_process(world, slot);
	else if (one_in(world, 2))
		stop_process(world, slot);
	else if (process->ready && !process->loops)
		begin_loop(process);
}

/* A process does something of its own accord. */
static void live(struct world *world)
{
	int slot = any_process(world);
	const struct process *process;

	if (slot < 0)
		return;
	process = &world->processes[slot];
	if (dies_now(world, process->told))
		die(world, (unsigned)slot);
	else if (one_in(world, 20))
		hang(world, (unsigned)slot);
	else if (process->stopped || process->loops)
		return;
	else if (!process->ready && !one_in(world, 8))
		get_ready(world, (unsigned)slot);
	else if (process->ready && one_in(world, 20))
		happen(world, (struct plan_event){ .kind = PLAN_WORKER_ASKS,
		    .slot = (unsigned)slot });
	else if (process->ready && one_in(world, 20))
		serve_enough(world, (unsigned)slot);
}

/* Clients come and go, now more of them and now fewer. */
static void serve(struct world *world)
{
	if (one_in(world, 10))
		world->load = below(world, 13);
	for (unsigned i = 0; i < SLOTS; i++) {
		struct process *process = &world->processes[i];

		if (!process->ready || !one_in(world, 3))
			continue;
		process->busy = below(world, 10) < world->load;
		process->in_session = process->busy || (world->many && one_in(world, 2));
	}
	if (one_in(world, 20))
		all_are_busy(world); /* as told a moment ago, or out of place */
}

/*
 * No clients for so long that everything under way is over: then there are as
 * many workers as are wanted at rest, and nothing wakes the master again.
 */
static void calm_down(struct world *world)
{
	const struct pool *charge = &world->plan.slots.charge;

	for (unsigned turns = 0; !world->stopping; turns++) {
		must(world, turns < 1000);
		for (unsigned i = 0; i < SLOTS && !world->stopping; i++) {
			world->processes[i].busy = world->processes[i].in_session = false;
			if (!world->processes[i].lives)
				continue;
			world->processes[i].loops = false;
			if (world->processes[i].stopped)
				continue_process(world, i);
			if (world->processes[i].told != TOLD_NOTHING)
				die(world, i);
			else
				get_ready(world, i);
		}
		tell_what_is_watched(world);
		if (world->stopping || plan_deadline(&world->plan) == SLOT_NEVER)
			break;
		if (plan_deadline(&world->plan) > world->now)
			world->now = plan_deadline(&world->plan);
		happen(world, (struct plan_event){ .kind = PLAN_TICK });
	}
	must(world, world->stopping || (charge->members == charge->wanted &&
	    charge->ready == charge->wanted && charge->target == charge->wanted));
}

/* The kernel buries without fail: nobody outlives SIGKILL for long. */
static void bury_the_killed(struct world *world)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (world->processes[i].lives && world->processes[i].told == TOLD_BY_KILL &&
		    (world->stopping || one_in(world, 2)))
			die(world, i);
}

static void empty_a_queue(struct world *world)
{
	world->emptied = below(world, PLAN_LISTENERS_MAX);
	happen(world, (struct plan_event){ .kind = PLAN_QUEUE_EMPTY,
	    .listener = world->emptied });
}

static void anything(struct world *world)
{
	unsigned what = below(world, 124);

	bury_the_killed(world);
	tell_what_is_watched(world);
	if (world->over)
		return;
	if (what >= 104)
		serve(world);
	else if (one_in(world, 400))
		calm_down(world);
	else if (one_in(world, 400))
		wear_all_out(world);
	else if (what < 70)
		live(world);
	else if (what < 90)
		pass_time(world);
	else if (what < 93)
		reload(world);
	else if (what < 97)
		resize(world);
	else
		empty_a_queue(world);
}

/* ---- worlds ---- */

static void begin(struct world *world, uint64_t seed)
{
	struct plan_start start = { .most = MOST };

	*world = (struct world){ .seed = seed, .random = seed, .charge = 1, .starting = true };
	world->now = world->began = (int64_t)below(world, 1000000);
	world->sick = one_in(world, 4);
	world->stubborn = one_in(world, 4);
	world->many = one_in(world, 2);
	world->inherited = one_in(world, 8);
	world->listeners[0].state = PLAN_LISTENER_OPEN;
	start.workers = 1 + below(world, MOST);
	start.max_workers = start.workers + below(world, MOST - start.workers + 1);
	start.drain_ms = world->drain = world->longest_drain = (int64_t)below(world, 60000);
	start.spare_ms = world->spare = 1 + below(world, 20000);
	start.hang_ms = world->hang = random_hang(world);
	start.inherited = world->inherited;
	world->largest_pool = world->most = start.max_workers;
	world->full_said = SLOT_NEVER;
	plan_init(&world->plan, world->slots, &start, world->now);
	note_widest(world);
	carry_out_all(world);
}

/* Runs one world to its end; returns how many events that took. */
static unsigned run_world(uint64_t seed)
{
	static struct world world;
	unsigned length;

	begin(&world, seed);
	length = 1 + below(&world, 2000);
	while (world.events < length && !world.stopping)
		anything(&world);
	stop(&world, one_in(&world, 5));
	for (unsigned turns = 0; !world.over; turns++) {
		must(&world, turns < 100000);
		if (one_in(&world, 50))
			stop(&world, one_in(&world, 2));
		else
			anything(&world);
	}
	must(&world, !plan_next(&world.plan, &(struct plan_action){ 0 }));
	return world.events;
}

static uint64_t number_from(const char *name, uint64_t standard)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 0) : standard;
}

static uint64_t random_seed(void)
{
	uint64_t seed;

	ck_assert_int_eq(getentropy(&seed, sizeof seed), 0);
	return seed >> 32; /* short enough to be typed */
}

START_TEST(everything_holds_in_every_world)
{
	uint64_t events = number_from("SIM_EVENTS", EVENTS_STANDARD);
	uint64_t seed = number_from("SIM_SEED", random_seed());
	uint64_t worlds = seed;
	uint64_t done = 0;

	printf("simulation: SIM_SEED=%" PRIu64 " SIM_EVENTS=%" PRIu64 "\n", seed, events);
	fflush(stdout);
	while (done < events) {
		done += run_world(seed);
		seed = next_random(&worlds);
	}
}
END_TEST

/* The generator is the published one, so a seed means the same everywhere. */
START_TEST(generator_is_the_published_one)
{
	uint64_t state = 1234567;

	ck_assert(next_random(&state) == 6457827717110365317u);
	ck_assert(next_random(&state) == 3203168211198807973u);
	ck_assert(next_random(&state) == 9817491932198370423u);
}
END_TEST

Suite *simulation_suite(void)
{
	Suite *suite = suite_create("simulation");
	TCase *tcase = tcase_create("worlds");

	tcase_set_timeout(tcase, 60 + (double)number_from("SIM_EVENTS", EVENTS_STANDARD) / 10000);
	tcase_add_test(tcase, generator_is_the_published_one);
	tcase_add_test(tcase, everything_holds_in_every_world);
	suite_add_tcase(suite, tcase);
	return suite;
}
