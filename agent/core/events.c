/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who watches, and what each of them is told; see events.h.
 */
#include "events.h"

#include <sys/queue.h>

#include <smime/error.h>

#include "channel.h"
#include "peer.h"

struct subscriber {
	LIST_ENTRY(subscriber) link;
	struct peer *peer;
	uint32_t id;
	uint32_t missed; /* events since the last one that was told */
};

struct events {
	LIST_HEAD(, subscriber) subscribers;
};

static int fill_in(struct wire_event *wire, const struct event *event) {
	struct bytes id = event->token ? wire_octets(event->token->id) : (struct bytes){ NULL, 0 };

	wire->kind = event->kind;
	wire->number = event->number;
	wire->code = (uint32_t)abs(event->code);
	if (event->token &&
		(wire_set_octets(&wire->token, id.data, id.len) < 0 || wire_set_text(&wire->label, wire_text(event->token->label)) < 0))
		return -SMIME_E_NO_MEMORY;
	if (wire_set_text(&wire->label, event->reader) < 0 || wire_set_text(&wire->text, event->text) < 0)
		return -SMIME_E_NO_MEMORY;
	return 0;
}

/* Whoever can't be told for want of memory has missed it. */
static int tell(const struct subscriber *subscriber, const struct event *event) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(subscriber->id, WIRE_REPLY_EVENT);

	if (!reply || fill_in(reply->body->event, event) < 0)
		return -SMIME_E_NO_MEMORY;
	peer_answer(subscriber->peer, reply);
	return 0;
}

static void tell_or_count(struct subscriber *subscriber, const struct event *event) {
	const struct event missed = { WIRE_EVENT_MISSED, .number = subscriber->missed };

	if (channel_backlog(subscriber->peer->channel) > CHANNEL_BACKLOG_SLOW_BYTES) {
		subscriber->missed++;
		return;
	}
	if (subscriber->missed > 0 && tell(subscriber, &missed) == 0)
		subscriber->missed = 0;
	if (tell(subscriber, event) < 0)
		subscriber->missed++;
}

void events_emit(struct agent *agent, const struct event *event) {
	struct subscriber *subscriber;

	LIST_FOREACH(subscriber, &agent->events->subscribers, link)
	tell_or_count(subscriber, event);
}

int events_subscribe(struct peer *peer, uint32_t id, struct subscriber **ret_subscriber) {
	_cleanup_(freep) struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
	const struct event watching = { WIRE_EVENT_WATCHING };

	if (!subscriber)
		return -SMIME_E_NO_MEMORY;
	*subscriber = (struct subscriber){ .peer = peer, .id = id };
	if (tell(subscriber, &watching) < 0)
		return -SMIME_E_NO_MEMORY;
	LIST_INSERT_HEAD(&peer->agent->events->subscribers, subscriber, link);
	*ret_subscriber = TAKE(subscriber);
	return 0;
}

struct subscriber *events_unsubscribe(struct subscriber *subscriber) {
	if (!subscriber)
		return NULL;
	LIST_REMOVE(subscriber, link);
	free(subscriber);
	return NULL;
}

uint32_t subscriber_id(const struct subscriber *subscriber) {
	return subscriber->id;
}

int events_new(struct events **ret_events) {
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return -SMIME_E_NO_MEMORY;
	LIST_INIT(&events->subscribers);
	*ret_events = events;
	return 0;
}

struct events *events_free(struct events *events) {
	free(events);
	return NULL;
}
