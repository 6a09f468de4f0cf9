/* SPDX-License-Identifier: ISC */
#include "common/delays.h"

#include <stddef.h>

void delays_init(struct delay_queue *queue, int64_t length)
{
	queue->length = length;
	TAILQ_INIT(&queue->waiting);
}

void delay_start(struct delay *delay, struct delay_queue *queue, int64_t now)
{
	delay_stop(delay);
	delay->in = queue;
	delay->due = now + queue->length;
	TAILQ_INSERT_TAIL(&queue->waiting, delay, link);
}

void delay_stop(struct delay *delay)
{
	if (delay->in == NULL)
		return;
	TAILQ_REMOVE(&delay->in->waiting, delay, link);
	delay->in = NULL;
}

void delay_hold(struct delay *delay, int64_t now)
{
	if (delay->in == NULL)
		return;
	delay->left = delay->due > now ? delay->due - now : 0;
	delay_stop(delay);
}

/* The place is sought from the end: what was held a moment ago belongs near it. */
void delay_go_on(struct delay *delay, struct delay_queue *queue, int64_t now)
{
	struct delay *before = TAILQ_LAST(&queue->waiting, delay_list);

	delay->in = queue;
	delay->due = now + delay->left;
	while (before != NULL && before->due > delay->due)
		before = TAILQ_PREV(before, delay_list, link);
	if (before != NULL)
		TAILQ_INSERT_AFTER(&queue->waiting, before, delay, link);
	else
		TAILQ_INSERT_HEAD(&queue->waiting, delay, link);
}

struct delay *delay_take(struct delay_queue *queue, int64_t now)
{
	struct delay *first = TAILQ_FIRST(&queue->waiting);

	if (first == NULL || first->due > now)
		return NULL;
	delay_stop(first);
	return first;
}

int64_t delays_next(const struct delay_queue *queue)
{
	const struct delay *first = TAILQ_FIRST(&queue->waiting);

	return first != NULL ? first->due : INT64_MAX;
}
