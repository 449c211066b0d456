/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer: one client's connection. It takes frames to requests and answers back; who the client is comes from the kernel, what
 * it says of itself (hello) is only ever shown as its claim.
 */
#ifndef CORE_PEER_H
#define CORE_PEER_H

#include <sys/queue.h>
#include <sys/types.h>

#include "agent.h"
#include "identity.h"

enum {
	PEER_HELLO_MAX_MS = 5 * 1000,
	PEER_FRAME_MAX_MS = 10 * 1000,
	PEER_IN_FLIGHT_MAX = 16, /* beyond it no more is read until an answer has gone out */
};

struct channel;
struct request;

LIST_HEAD(request_list, request);

struct peer {
	LIST_ENTRY(peer) link;
	struct agent *agent;
	struct channel *channel;
	sd_event_source *hello_timer;
	struct identity identity; /* who the kernel says it is */
	struct wire_hello *hello; /* NULL until it has come */
	bool far;                 /* it passed on what comes from another machine when it said hello */
	struct request_list requests;
	unsigned in_flight;
	struct subscriber *subscriber; /* what tells it events, or NULL */
};

LIST_HEAD(peers, peer);

/* `fd` and `identity` are consumed in every case. */
int peer_new(struct agent *agent, int fd, struct identity *identity, struct peer **ret_peer);

/* Cancels its requests, closes the connection and frees the peer. */
void peer_close(struct peer *peer);

/* Sends an answer, which stays the caller's. A client that can't be given one is closed (from the loop). */
void peer_answer(struct peer *peer, const struct wire_reply *reply);

/* Ends the connection from the loop, since an answer that is due can't be made. */
void peer_abort(struct peer *peer);

/* Whether it is a client of the agent's own user. */
bool peer_is_own(const struct peer *peer);

/* Whether it is, and sits at this machine: only such a client is shown what all the others do. */
bool peer_is_here(const struct peer *peer);

/* For request.c: one request more or less is under way. */
void peer_count(struct peer *peer, int change);

/* Who asks, for a prompt: "thunderbird (process 4711)". `text` takes `size` bytes. */
void peer_describe(const struct peer *peer, char *text, size_t size);

#endif
