/* SPDX-License-Identifier: ISC */
#include "client/load_delays.h"

#include <stddef.h>

void load_delays_init(struct load_delay_queue *queue, int64_t length)
{
	queue->length = length;
	TAILQ_INIT(&queue->waiting);
}

void load_delay_start(struct load_delay *delay, struct load_delay_queue *queue, int64_t now)
{
	load_delay_stop(delay);
	delay->in = queue;
	delay->due = now + queue->length;
	TAILQ_INSERT_TAIL(&queue->waiting, delay, link);
}

void load_delay_stop(struct load_delay *delay)
{
	if (delay->in == NULL)
		return;
	TAILQ_REMOVE(&delay->in->waiting, delay, link);
	delay->in = NULL;
}

void load_delay_hold(struct load_delay *delay, int64_t now)
{
	if (delay->in == NULL)
		return;
	delay->left = delay->due > now ? delay->due - now : 0;
	load_delay_stop(delay);
}

/* The place is sought from the end: what was held a moment ago belongs near it. */
void load_delay_go_on(struct load_delay *delay, struct load_delay_queue *queue, int64_t now)
{
	struct load_delay *before = TAILQ_LAST(&queue->waiting, load_delay_list);

	delay->in = queue;
	delay->due = now + delay->left;
	while (before != NULL && before->due > delay->due)
		before = TAILQ_PREV(before, load_delay_list, link);
	if (before != NULL)
		TAILQ_INSERT_AFTER(&queue->waiting, before, delay, link);
	else
		TAILQ_INSERT_HEAD(&queue->waiting, delay, link);
}

struct load_delay *load_delay_take(struct load_delay_queue *queue, int64_t now)
{
	struct load_delay *first = TAILQ_FIRST(&queue->waiting);

	if (first == NULL || first->due > now)
		return NULL;
	load_delay_stop(first);
	return first;
}

int64_t load_delays_next(const struct load_delay_queue *queue)
{
	const struct load_delay *first = TAILQ_FIRST(&queue->waiting);

	return first != NULL ? first->due : INT64_MAX;
}
