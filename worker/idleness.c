/* SPDX-License-Identifier: ISC */
#include "worker/idleness.h"

#include "common/readypipe.h"

struct idleness worker_idleness;

void idleness_became_idle(struct idleness *idleness)
{
	idle_set_add(idleness->set, idleness->number);
	if (idleness->leaving) /* the signal came before the line above */
		idleness_became_busy(idleness);
	else if (idle_set_take_above(idleness->set))
		ready_pipe_mention(idleness->ready_fd, READY_WATCH);
}

void idleness_became_busy(struct idleness *idleness)
{
	idle_set_remove(idleness->set, idleness->number);
	if (idle_set_take_none(idleness->set))
		ready_pipe_mention(idleness->ready_fd, READY_WATCH);
}

/* It goes on until it is told to leave, and says it again meanwhile: a message may be lost. */
void idleness_served_one(struct idleness *idleness)
{
	if (idleness->max_served == 0 || idleness->leaving)
		return;
	if (idleness->served < idleness->max_served)
		idleness->served++;
	if (idleness->served == idleness->max_served)
		ready_pipe_mention(idleness->ready_fd, READY_SERVED_ENOUGH);
}

void idleness_leaves(struct idleness *idleness)
{
	idleness->leaving = 1;
	idleness_became_busy(idleness);
}
