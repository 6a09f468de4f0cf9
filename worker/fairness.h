/* SPDX-License-Identifier: ISC */
/*
 * Which worker takes the next connection. The kernel wakes one of those that
 * wait for a listener with EPOLLEXCLUSIVE (epoll_ctl(2)), and begins with who has
 * waited longest: if nobody did anything about it, that one would have nearly
 * all connections. A worker that is well ahead of the others therefore leaves
 * the listener alone for a moment, which also puts it at the end of that order.
 */
#ifndef WORKER_FAIRNESS_H
#define WORKER_FAIRNESS_H

#include "common/board.h"

#include <stdbool.h>
#include <stdint.h>

/* For how long a worker stands aside, in milliseconds. */
#define FAIRNESS_ASIDE_MS 1

/* How many it takes after that without asking: the others may be stuck. */
#define FAIRNESS_FREE 4

/*
 * Tells whether one with `own` sessions is well ahead of `workers` that have
 * `all` sessions together, its own included: above the mean by an eighth and one.
 */
bool fairness_ahead(unsigned own, uint64_t all, unsigned workers);

/*
 * The same for the worker in slot `number`, by what the board says of others of
 * its generation that take connections now: who stands aside, or is full, could
 * not come in its place, and the last at the door stays, as far as the board shows:
 * two that look at once may both go, and are back after FAIRNESS_ASIDE_MS, as nobody
 * stays away for longer. In a large pool some of them stand for all.
 */
bool fairness_ahead_on_board(const struct board *board, unsigned number);

#endif
