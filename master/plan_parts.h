/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the plan share among themselves; nobody else includes this.
 *
 *   plan.c         events in, actions out, time
 *   plan_pool.c    a pool is kept full; the first start; workers that come and go
 *   plan_growth.c  a pool grows under load and shrinks after it
 *   plan_reload.c  a new generation takes over, or is taken back
 *   plan_close.c   a listener is closed and nobody in its queue is lost
 *   plan_stop.c    stops: everything is closed, everybody leaves
 *   plan_hang.c    workers that are stopped, or run and get nowhere
 */
#ifndef MASTER_PLAN_PARTS_H
#define MASTER_PLAN_PARTS_H

#include "master/plan.h"

/* plan.c */
void plan_queue(struct plan *plan, struct plan_action action);
void plan_say(struct plan *plan, enum plan_report what, unsigned count);
unsigned plan_number_of(const struct plan *plan, const struct slot *slot);

/* plan_pool.c */
bool plan_has_place(const struct plan *plan);
void plan_fill(struct plan *plan, struct pool *pool, int64_t now);
void plan_start_is_over(struct plan *plan, enum plan_report how);
void plan_fail_start(struct plan *plan);
void plan_on_ready(struct plan *plan, struct slot *slot, int64_t now);
void plan_on_asks(struct plan *plan, struct slot *slot, int64_t now);
void plan_on_exit(struct plan *plan, struct slot *slot, const struct plan_event *event,
    int64_t now);
void plan_on_spawn_failed(struct plan *plan, struct slot *slot, int code, int64_t now);
void plan_resize(struct plan *plan, int change, int64_t now);

/* plan_growth.c */
struct pool plan_pool(unsigned generation, unsigned listener, unsigned wanted, unsigned most);
void plan_forget_growth(struct plan *plan);
void plan_on_all_busy(struct plan *plan, int64_t now);
void plan_on_too_many_idle(struct plan *plan, int64_t now);
void plan_growth_is_due(struct plan *plan, int64_t now);
int64_t plan_growth_deadline(const struct plan *plan);
void plan_on_idle(struct plan *plan, const struct plan_event *event, int64_t now);
void plan_on_served_enough(struct plan *plan, struct slot *slot);
void plan_on_all_worn(struct plan *plan);
void plan_renew(struct plan *plan);

/* plan_reload.c */
void plan_on_reload_asked(struct plan *plan);
void plan_on_reload(struct plan *plan, const struct plan_event *event, int64_t now);
void plan_commit(struct plan *plan, int64_t now);
void plan_roll_back(struct plan *plan, enum plan_report why, unsigned slot, int64_t now);
void plan_reload_is_over(struct plan *plan);

/* plan_close.c */
void plan_close(struct plan *plan, unsigned listener, int64_t now);
void plan_drain(struct plan *plan, unsigned listener);
void plan_listeners_are_due(struct plan *plan, int64_t now);
void plan_on_queue_empty(struct plan *plan, unsigned listener);
void plan_close_deserted(struct plan *plan);

/* plan_stop.c */
void plan_on_stop(struct plan *plan, bool fast, int64_t now);

/* plan_hang.c */
void plan_clock(struct plan *plan, struct slot *slot);
void plan_on_ran(struct plan *plan, struct slot *slot, uint64_t steps, int64_t now);
void plan_on_stopped(struct plan *plan, struct slot *slot, int64_t now);
void plan_on_continued(struct plan *plan, struct slot *slot);
void plan_hangs_are_due(struct plan *plan, int64_t now);
int64_t plan_hang_deadline(const struct plan *plan);
void plan_forget_hang(struct plan *plan, struct slot *slot);

#endif
