/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of requests, the way in, the waiting for tokens, and how a request ends; see request.h. What each of them does is in
 * request-answers.c and request-orders.c.
 */
#include "request-internal.h"

#include <smime/error.h>

#include "discovery.h"
#include "events.h"
#include "inventory.h"
#include "locking.h"
#include "request-consent.h"
#include "request-errand.h"

struct requests {
	TAILQ_HEAD(request_line, request) waiting; /* for tokens that are being looked for, in the order they came */
	struct request_line reloading;             /* for the end of what was begun under other rules */
	sd_event_source *timer;                    /* when it is no longer worth waiting */
};

struct operation {
	bool needs_hello;
	/* Whether what it asks for is here; when it is not, tokens are looked for first. NULL: it needs none. */
	bool (*is_ready)(struct request *request);
	void (*handle)(struct request *request);
};

/* ---- Ending ---- */

static void request_free(struct request *request) {
	struct peer *peer = request->peer;

	if (request->waiting)
		TAILQ_REMOVE(&peer->agent->requests->waiting, request, wait);
	if (request->reloading)
		TAILQ_REMOVE(&peer->agent->requests->reloading, request, wait);
	request->locking = locking_abandon(request->locking);
	identity_now_clear(&request->now);
	free(request->agreed);
	LIST_REMOVE(request, link);
	wire_request_free(request->wire);
	free(request);
	peer_count(peer, -1);
}

void request_answer(struct request *request, const struct wire_reply *reply) {
	peer_answer(request->peer, reply);
	request_free(request);
}

void request_refuse(struct peer *peer, uint32_t id, int error, const char *text) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(id, WIRE_REPLY_ERROR);

	if (!reply || wire_set_text(&reply->body->error->text, text) < 0) {
		peer_abort(peer);
		return;
	}
	reply->body->error->code = (uint32_t)-error;
	peer_answer(peer, reply);
}

void request_fail(struct request *request, int error, const char *text) {
	request_refuse(request->peer, request->wire->id, error, *text ? text : smime_strerror(error));
	request_free(request);
}

void request_answer_done(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_DONE);

	if (reply)
		request_answer(request, reply);
	else
		request_fail(request, -SMIME_E_NO_MEMORY, "");
}

void request_answer_reloaded(struct request *request) {
	struct agent *agent = request->peer->agent;

	if (errands_linger(agent)) {
		request->reloading = true;
		TAILQ_INSERT_TAIL(&agent->requests->reloading, request, wait);
	} else {
		request_answer_done(request);
	}
}

void requests_errands_over(struct agent *agent) {
	struct request *request;

	while ((request = TAILQ_FIRST(&agent->requests->reloading)))
		request_answer_done(request);
}

void request_forget(struct request *request) {
	request_free(request);
}

void request_cancel(struct request *request) {
	request->errand = errand_abandon(request->errand);
	asked_withdraw(request);
	request_free(request);
}

/* ---- Waiting for tokens, and the way in ---- */

/* A token that has gone may be back. */
static bool worker_is_here(const struct worker *worker) {
	return worker && !worker_is_gone(worker);
}

static bool key_is_ready(struct request *request) {
	const struct wire_request_body *body = request->wire->body;

	return !request->hidden &&
		worker_is_here(inventory_find_key(request->peer->agent, body->type == WIRE_SIGN ? body->sign->key : body->decrypt->key));
}

static bool certificate_is_ready(struct request *request) {
	return certificate_for(request).data != NULL;
}

/* Whoever asks for everything may want what was inserted a moment ago. */
static bool all_is_ready(struct request *request) {
	return discovery_is_fresh(request->peer->agent->discovery);
}

/* Without a name it is the only token that is meant, which takes knowing all of them. */
static bool token_is_ready(struct request *request) {
	const ASN1_OCTET_STRING *name = request_token_name(request)->token;

	return name ? !request->hidden && worker_is_here(inventory_find_token(request->peer->agent, name)) : all_is_ready(request);
}

static bool explained_is_ready(struct request *request) {
	const ASN1_OCTET_STRING *key = request->wire->body->explain->key;

	return !key || worker_is_here(inventory_find_key(request->peer->agent, key));
}

static const struct operation operations[WIRE_REQUEST_TYPES] = {
	[WIRE_HELLO] = { false, NULL, request_handle_hello },
	[WIRE_LIST] = { true, all_is_ready, request_handle_list },
	[WIRE_CERTIFICATE] = { true, certificate_is_ready, request_handle_certificate },
	[WIRE_SIGN] = { true, key_is_ready, request_handle_sign },
	[WIRE_DECRYPT] = { true, key_is_ready, request_handle_decrypt },
	[WIRE_UNLOCK] = { true, token_is_ready, request_handle_unlock },
	[WIRE_LOCK] = { true, NULL, request_handle_lock },
	[WIRE_STATUS] = { true, NULL, request_handle_status },
	[WIRE_ANCHORS] = { true, NULL, request_handle_anchors },
	[WIRE_SUBSCRIBE] = { true, NULL, request_handle_subscribe },
	[WIRE_PIN_CHANGE] = { true, token_is_ready, request_handle_pin_change },
	[WIRE_PIN_UNBLOCK] = { true, token_is_ready, request_handle_pin_unblock },
	[WIRE_INTERMEDIATES] = { true, NULL, request_handle_intermediates },
	[WIRE_RELOAD] = { true, NULL, request_handle_reload },
	[WIRE_EXPLAIN] = { true, explained_is_ready, request_handle_explain },
};

static const struct operation *operation_of(const struct request *request) {
	return &operations[request->wire->body->type];
}

int request_look(struct request *request) {
	int r = request->looked ? 0 : identity_look(&request->peer->identity, &request->now);

	request->looked = r == 0;
	return r;
}

void request_handle_again(struct request *request) {
	identity_now_clear(&request->now);
	request->looked = false;
	operation_of(request)->handle(request);
}

static void go_on(struct request *request) {
	TAILQ_REMOVE(&request->peer->agent->requests->waiting, request, wait);
	request->waiting = false;
	request_handle_again(request);
}

/* Handling one request can end others, but a walk from the start costs nothing: few wait, and seldom. */
static struct request *next_ready(struct agent *agent) {
	bool enough = discovery_patience(agent->discovery) == 0;
	struct request *request;

	TAILQ_FOREACH(request, &agent->requests->waiting, wait)
	if (enough || operation_of(request)->is_ready(request))
		return request;
	return NULL;
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata) {
	requests_go_on(userdata);
	return 0;
}

/* Every change of what is known changes how long the rest is worth waiting for. Negative: nobody would be woken when that is over. */
static int set_timer(struct agent *agent) {
	struct requests *requests = agent->requests;

	requests->timer = sd_event_source_disable_unref(requests->timer);
	if (TAILQ_EMPTY(&requests->waiting))
		return 0;
	return sd_event_add_time_relative(agent->event, &requests->timer, CLOCK_MONOTONIC, discovery_patience(agent->discovery),
		REQUEST_TIMER_ACCURACY_MS * 1000, on_patience_over, agent);
}

void requests_go_on(struct agent *agent) {
	struct request *request;

	while ((request = next_ready(agent)))
		go_on(request);
	while (set_timer(agent) < 0 && (request = TAILQ_FIRST(&agent->requests->waiting)))
		go_on(request);
}

static void wait_for_tokens(struct request *request) {
	struct agent *agent = request->peer->agent;

	request->waiting = true;
	TAILQ_INSERT_TAIL(&agent->requests->waiting, request, wait);
	if (set_timer(agent) < 0)
		go_on(request);
}

/* What is asked for is not there, and it is looked for if that is worth waiting for. */
static bool look_for_it(struct request *request) {
	struct discovery *discovery = request->peer->agent->discovery;

	discovery_refresh(discovery);
	if (discovery_patience(discovery) == 0)
		return false;
	wait_for_tokens(request);
	return true;
}

bool request_hide(struct request *request) {
	if (request->hidden)
		return false;
	request->hidden = true;
	return look_for_it(request);
}

/* From the way in, or from an errand that came to nothing. */
void request_begin_anew(struct request *request) {
	const struct operation *operation = operation_of(request);

	request->logged_in = request->hidden = false;
	if (!operation->is_ready || operation->is_ready(request) || !look_for_it(request))
		request_handle_again(request);
}

static bool id_is_open(const struct peer *peer, uint32_t id) {
	const struct request *request;

	LIST_FOREACH(request, &peer->requests, link)
	if (request->wire->id == id)
		return true;
	return peer->subscriber && subscriber_id(peer->subscriber) == id;
}

int request_handle(struct peer *peer, struct bytes der) {
	_cleanup_(wire_request_freep) struct wire_request *wire = NULL;
	int r = wire_decode(der, wire_request_it(), &wire);

	if (r < 0)
		return r;
	const struct operation *operation = &operations[wire->body->type];
	if (!wire_request_is_sized(wire) || (operation->needs_hello && !peer->hello) || id_is_open(peer, wire->id))
		return -SMIME_E_PROTOCOL;
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return -SMIME_E_NO_MEMORY;
	request->peer = peer;
	request->now.remote = POLICY_DONT_KNOW;
	request->wire = TAKE(wire);
	LIST_INSERT_HEAD(&peer->requests, request, link);
	peer_count(peer, 1);
	request_begin_anew(request);
	return 0;
}

int requests_new(struct requests **ret_requests) {
	struct requests *requests = calloc(1, sizeof(*requests));

	if (!requests)
		return -SMIME_E_NO_MEMORY;
	TAILQ_INIT(&requests->waiting);
	TAILQ_INIT(&requests->reloading);
	*ret_requests = requests;
	return 0;
}

struct requests *requests_free(struct requests *requests) {
	if (!requests)
		return NULL;
	sd_event_source_disable_unref(requests->timer);
	free(requests);
	return NULL;
}
