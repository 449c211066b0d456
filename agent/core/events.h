/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: what happens, told to every client that has subscribed (`smime watch`). Whoever sees something happen calls
 * events_emit(); it costs nothing while nobody watches.
 *
 * Never waits for a client and never closes one from within a call: a client that does not read misses events and is told how many.
 */
#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

#include "agent.h"

struct event {
	enum wire_event_kind kind;
	const struct wire_token *token; /* the one that it is about, or NULL */
	const char *reader;             /* the one that it is about, where there is no token; NULL: none */
	const char *text;               /* for people: who asks for what, why; NULL: none */
	unsigned number;                /* of WIRE_EVENT_PROMPT_QUEUED: prompts that are before it */
	int code;                       /* of WIRE_EVENT_DONE: enum smime_error, either sign */
};

struct events;
struct subscriber;
struct peer;

int events_new(struct events **ret_events);        /* -SMIME_E_NO_MEMORY */
struct events *events_free(struct events *events); /* behind the last subscriber; accepts NULL, returns NULL */

/* Tells everybody who watches: `events_emit(agent, &(struct event){ WIRE_EVENT_TOKEN_IN, .token = token })`. */
void events_emit(struct agent *agent, const struct event *event);

/*
 * Has every event from here on sent to the peer as an answer to the request of this id, the first of them at once. The subscriber
 * is the peer's to end. -SMIME_E_NO_MEMORY.
 */
int events_subscribe(struct peer *peer, uint32_t id, struct subscriber **ret_subscriber);
struct subscriber *events_unsubscribe(struct subscriber *subscriber); /* accepts NULL, returns NULL */

/* The id of the request that it answers. */
uint32_t subscriber_id(const struct subscriber *subscriber);

#endif
