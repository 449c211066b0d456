/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client's connection; see peer.h.
 */
#include "peer.h"

#include <stdio.h>
#include <sys/socket.h>

#include <smime/error.h>

#include "channel.h"
#include "events.h"
#include "listener.h"
#include "request.h"

static int on_frame(void *userdata, struct bytes der) {
	return request_handle(userdata, der);
}

static void cancel_all(struct peer *peer) {
	while (!LIST_EMPTY(&peer->requests))
		request_cancel(LIST_FIRST(&peer->requests));
}

/* What breaks the protocol is told so once, and gets no other answer any more. */
static void on_refused(void *userdata) {
	struct peer *peer = userdata;

	cancel_all(peer);
	peer->subscriber = events_unsubscribe(peer->subscriber);
	request_refuse(peer, 0, -SMIME_E_PROTOCOL, "the frame is not as docs/protocol.asn1 has it");
}

static void on_closed(void *userdata, int error) {
	peer_close(userdata);
}

static int on_hello_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
	peer_close(userdata);
	return 0;
}

int peer_new(struct agent *agent, int fd, struct identity *identity, struct peer **ret_peer) {
	static const struct channel_callbacks callbacks = { on_frame, on_refused, on_closed };
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer) {
		(void)close(fd);
		identity_clear(identity);
		return -SMIME_E_NO_MEMORY;
	}
	peer->agent = agent;
	peer->identity = *identity;
	*identity = IDENTITY_NOBODY;
	LIST_INIT(&peer->requests);
	int r = channel_new(agent->event, fd, (uint64_t)PEER_FRAME_MAX_MS * 1000, &callbacks, peer, &peer->channel);
	if (r == 0 &&
		sd_event_add_time_relative(agent->event, &peer->hello_timer, CLOCK_MONOTONIC, (uint64_t)PEER_HELLO_MAX_MS * 1000, 0,
			on_hello_timeout, peer) < 0)
		r = -SMIME_E_NO_MEMORY;
	if (r < 0) {
		(void)channel_free(peer->channel);
		identity_clear(&peer->identity);
		free(peer);
		return r;
	}
	*ret_peer = peer;
	return 0;
}

void peer_close(struct peer *peer) {
	listener_remove(peer->agent->listener, peer);
	cancel_all(peer);
	peer->subscriber = events_unsubscribe(peer->subscriber);
	sd_event_source_disable_unref(peer->hello_timer);
	(void)channel_free(peer->channel);
	wire_hello_free(peer->hello);
	identity_clear(&peer->identity);
	free(peer);
}

void peer_answer(struct peer *peer, const struct wire_reply *reply) {
	int r = channel_send(peer->channel, reply, wire_reply_it(), -1);

	/* An answer that can't be made is one all the same: a client never waits for nothing. */
	if (r == -SMIME_E_PROTOCOL && reply->body->type != WIRE_REPLY_ERROR)
		request_refuse(peer, reply->id, -SMIME_E_TOO_LARGE, "the answer does not fit a frame");
	else if (r < 0)
		peer_abort(peer);
}

void peer_abort(struct peer *peer) {
	channel_shutdown(peer->channel);
}

bool peer_is_own(const struct peer *peer) {
	return peer->identity.uid == geteuid();
}

bool peer_is_here(const struct peer *peer) {
	return peer_is_own(peer) && !peer->far;
}

void peer_count(struct peer *peer, int change) {
	peer->in_flight += (unsigned)change;
	channel_pause(peer->channel, peer->in_flight >= PEER_IN_FLIGHT_MAX);
}

void peer_describe(const struct peer *peer, char *text, size_t size) {
	const char *program = wire_text(peer->hello->program);

	(void)snprintf(text, size, "%.100s (process %d)", *program ? program : "A program", (int)peer->identity.pid);
}
