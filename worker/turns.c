/* SPDX-License-Identifier: ISC */
#include "worker/turns.h"

void turns_init(struct turns *turns)
{
	TAILQ_INIT(&turns->line);
	turns->count = 0;
}

void turns_add(struct turns *turns, struct turn *turn)
{
	if (turn->waits)
		return;
	TAILQ_INSERT_TAIL(&turns->line, turn, link);
	turn->waits = true;
	turns->count++;
}

void turns_remove(struct turns *turns, struct turn *turn)
{
	if (!turn->waits)
		return;
	TAILQ_REMOVE(&turns->line, turn, link);
	turn->waits = false;
	turns->count--;
}

struct turn *turns_take(struct turns *turns)
{
	struct turn *first = TAILQ_FIRST(&turns->line);

	if (first != NULL)
		turns_remove(turns, first);
	return first;
}
