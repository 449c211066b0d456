/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_watch(): the agent's events, one after the other as they happen.
 *
 * The connection belongs to the events as long as they are watched, and is closed behind them.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "agent.h"
#include "arena.h"

static const char *const names[] = {
	[SMIME_EVENT_WATCHING] = "watching",
	[SMIME_EVENT_MISSED] = "missed",
	[SMIME_EVENT_TOKEN_IN] = "token-in",
	[SMIME_EVENT_TOKEN_OUT] = "token-out",
	[SMIME_EVENT_READER_IN] = "reader-in",
	[SMIME_EVENT_READER_OUT] = "reader-out",
	[SMIME_EVENT_LOCKED] = "locked",
	[SMIME_EVENT_UNLOCKED] = "unlocked",
	[SMIME_EVENT_PROMPT_SHOWN] = "prompt-shown",
	[SMIME_EVENT_PROMPT_QUEUED] = "prompt-queued",
	[SMIME_EVENT_PROMPT_CLOSED] = "prompt-closed",
	[SMIME_EVENT_SLOW] = "slow",
	[SMIME_EVENT_DONE] = "done",
};

/* Waits for the next event. Returns 1 when there is one, 0 when it is enough, or an error. */
static int wait_for_event(struct smime *s, int stop) {
	struct pollfd fds[] = { { .fd = s->fd, .events = POLLIN }, { .fd = stop, .events = POLLIN } };
	int n;

	do
		n = poll(fds, ELEMENTSOF(fds), -1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return smime_fail(s, SMIME_E_INTERNAL, "waiting for events: %s", strerror(errno));
	return fds[1].revents ? 0 : 1;
}

static void describe(struct arena *arena, const struct wire_event *wire, struct smime_event *event) {
	struct bytes id = wire_octets(wire->token);

	event->kind = (enum smime_event_kind)wire->kind;
	event->name = names[wire->kind];
	event->token_id = id.data ? arena_hex(arena, id.data, id.len) : NULL;
	event->label = wire_text(wire->label);
	event->text = wire_text(wire->text);
	event->place = wire->kind == WIRE_EVENT_PROMPT_QUEUED ? wire->number : 0;
	event->missed = wire->kind == WIRE_EVENT_MISSED ? wire->number : 0;
	event->code = (int)wire->code;
}

static int hand_over(struct smime *s, const struct wire_event *wire, smime_event_handler handler, void *userdata) {
	struct smime_event event = { .code = 0 };
	struct arena arena = { 0 };
	int r;

	/* An agent of a later version may tell of more. */
	if (wire->kind >= ELEMENTSOF(names))
		return 0;
	describe(&arena, wire, &event);
	r = arena_failed(&arena) ? smime_fail(s, SMIME_E_NO_MEMORY, "out of memory") : handler(userdata, &event);
	arena_clear(&arena);
	return r;
}

struct first {
	struct smime *s;
	int stop;
	bool stopped;
};

/* An agent that hangs may never answer: then the connection is ended here, which is what is read in place of the answer. */
static void wait_for_first(void *userdata) {
	struct first *first = userdata;

	first->stopped = wait_for_event(first->s, first->stop) == 0;
	if (first->stopped)
		(void)shutdown(first->s->fd, SHUT_RDWR);
}

static int watch(struct smime *s, int stop, smime_event_handler handler, void *userdata) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_SUBSCRIBE);
	struct first first = { .s = s, .stop = stop };
	struct wire_reply *reply = NULL;
	int r = agent_call_meanwhile(s, request, &(struct meanwhile){ wait_for_first, &first }, WIRE_REPLY_EVENT, &reply);

	if (first.stopped) {
		wire_reply_free(reply);
		return 0;
	}
	while (r == 0) {
		r = hand_over(s, reply->body->event, handler, userdata);
		wire_reply_free(TAKE(reply));
		if (r != 0)
			break;
		r = wait_for_event(s, stop);
		if (r <= 0)
			break;
		r = agent_next(s, WIRE_REPLY_EVENT, &reply);
	}
	return r == -SMIME_E_AGENT_GONE ? smime_fail(s, r, "the agent has ended") : r;
}

SMIME_API int smime_watch(struct smime *s, int stop, smime_event_handler handler, void *userdata) {
	int r = watch(s, stop, handler, userdata);

	agent_disconnect(s);
	return r;
}
