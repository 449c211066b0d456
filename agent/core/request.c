/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of requests and their handlers; see request.h.
 */
#include "request.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "discovery.h"
#include "inventory.h"
#include "listener.h"
#include "prompt.h"
#include "reuse.h"

struct request {
	LIST_ENTRY(request) link;  /* of its peer */
	TAILQ_ENTRY(request) wait; /* in requests->waiting, while `waiting` */
	struct peer *peer;
	struct wire_request *wire;
	struct ticket *ticket;     /* the order it waits for, or NULL */
	bool waiting;
	struct locking *locking;   /* the lock it waits for, or NULL */
};

/* A lock under way. */
struct locking {
	struct request *request; /* NULL when its client has gone */
	unsigned left;           /* tokens that have not ended yet, and one for the asking itself */
};

struct requests {
	struct agent *agent;
	TAILQ_HEAD(, request) waiting; /* for tokens that are being looked for, in the order they came */
	sd_event_source *timer;        /* when it is no longer worth waiting */
};

struct operation {
	const char *name;
	bool needs_hello;
	/* Whether what it asks for is here; when it is not, tokens are looked for first. NULL: it needs none. */
	bool (*is_ready)(const struct request *request);
	void (*handle)(struct request *request);
};

static const struct operation operations[WIRE_REQUEST_TYPES];

/* ---- Ending ---- */

static void request_free(struct request *request) {
	struct peer *peer = request->peer;

	if (request->waiting)
		TAILQ_REMOVE(&peer->agent->requests->waiting, request, wait);
	if (request->locking)
		request->locking->request = NULL;
	LIST_REMOVE(request, link);
	wire_request_free(request->wire);
	free(request);
	peer_count(peer, -1);
}

static void answer(struct request *request, const struct wire_reply *reply) {
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

static void refuse(struct request *request, int error, const char *text) {
	request_refuse(request->peer, request->wire->id, error, *text ? text : smime_strerror(error));
	request_free(request);
}

static void answer_done(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_DONE);

	if (reply)
		answer(request, reply);
	else
		refuse(request, -SMIME_E_NO_MEMORY, "");
}

void request_cancel(struct request *request) {
	request->ticket = ticket_abandon(request->ticket);
	request_free(request);
}

/* ---- hello, list, certificate, anchors, status ---- */

static void handle_hello(struct request *request) {
	struct peer *peer = request->peer;
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_HELLO);
	struct wire_hello **hello = &request->wire->body->hello;

	if (peer->hello) {
		refuse(request, -SMIME_E_PROTOCOL, "hello was said already");
		return;
	}
	if ((*hello)->version != WIRE_VERSION) {
		refuse(request, -SMIME_E_AGENT_VERSION, "this agent speaks protocol version 1; use the client that came with it");
		return;
	}
	if (!reply || wire_set_text(&reply->body->hello->agent_version, SMIME_AGENT_VERSION) < 0) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	reply->body->hello->version = WIRE_VERSION;
	peer->hello = TAKE(*hello);
	request->wire->body->type = -1;
	peer->hello_timer = sd_event_source_disable_unref(peer->hello_timer);
	answer(request, reply);
}

struct page {
	struct wire_list_reply *list;
	uint32_t offset;
	size_t bytes;
	bool full;
};

static int add_key(void *userdata, const struct wire_key *key, struct worker *worker) {
	struct page *page = userdata;
	int len = ASN1_item_i2d((const ASN1_VALUE *)key, NULL, wire_key_it());

	/* A key too large for a page of its own is on none, whichever page is asked for: offsets must not shift. */
	if (len <= 0 || len > WIRE_PAGE_MAX_BYTES)
		return 0;
	uint32_t index = page->list->total++;
	if (index < page->offset || page->full)
		return 0;
	if (page->bytes + (size_t)len > WIRE_PAGE_MAX_BYTES) {
		page->full = true;
		return 0;
	}
	struct wire_key *copy = ASN1_item_dup(wire_key_it(), key);
	if (!copy || !sk_wire_key_push(page->list->keys, copy)) {
		wire_key_free(copy);
		return -SMIME_E_NO_MEMORY;
	}
	page->bytes += (size_t)len;
	return 0;
}

static void handle_list(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_LIST);
	struct agent *agent = request->peer->agent;

	if (!reply) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	struct page page = { .list = reply->body->list, .offset = request->wire->body->list->offset };
	int r = inventory_each(agent, add_key, &page);
	if (r < 0)
		refuse(request, r, "");
	else
		answer(request, reply);
}

static void handle_certificate(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_CERTIFICATE);
	struct bytes der = inventory_find_certificate(request->peer->agent, request->wire->body->certificate->sha256);

	if (!der.data)
		refuse(request, -SMIME_E_NO_CERTIFICATE, "no certificate of this fingerprint");
	else if (!reply || wire_set_octets(&reply->body->certificate, der.data, der.len) < 0)
		refuse(request, -SMIME_E_NO_MEMORY, "");
	else
		answer(request, reply);
}

static void handle_anchors(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_ANCHORS);
	const STACK_OF(ASN1_OCTET_STRING) *anchors = request->peer->agent->anchors;
	uint32_t offset = request->wire->body->anchors->offset;
	size_t bytes = 0;

	if (!reply) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	reply->body->anchors->total = (uint32_t)sk_ASN1_OCTET_STRING_num(anchors);
	for (uint32_t i = offset; i < reply->body->anchors->total; i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(anchors, (int)i));
		bytes += der.len;
		if (i > offset && bytes > WIRE_PAGE_MAX_BYTES)
			break;
		if (wire_push_octets(&reply->body->anchors->items, der.data, der.len) < 0) {
			refuse(request, -SMIME_E_NO_MEMORY, "");
			return;
		}
	}
	answer(request, reply);
}

enum { STATUS_MODULES_MAX_BYTES = WIRE_PAGE_MAX_BYTES * 2 / 3 };

/* As many tokens as fit: each module says how many it has. */
static int add_tokens(const struct agent *agent, struct wire_status_reply *status) {
	struct worker *worker;
	int bytes = ASN1_item_i2d((const ASN1_VALUE *)status, NULL, wire_status_reply_it());

	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++) {
		_cleanup_(wire_token_status_freep) struct wire_token_status *line = wire_token_status_new();
		struct wire_token *token = ASN1_item_dup(wire_token_it(), worker_token(worker));
		if (!line || !token || worker_status(worker, line) < 0) {
			wire_token_free(token);
			return -SMIME_E_NO_MEMORY;
		}
		wire_token_free(line->token);
		line->token = token;
		bytes += ASN1_item_i2d((const ASN1_VALUE *)line, NULL, wire_token_status_it());
		if (bytes > WIRE_PAGE_MAX_BYTES)
			return 0;
		if (!sk_wire_token_status_push(status->tokens, line))
			return -SMIME_E_NO_MEMORY;
		(void)TAKE(line);
	}
	return 0;
}

static void handle_status(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_STATUS);
	struct agent *agent = request->peer->agent;

	/* It tells what is known now, and waits for nothing: the next one finds what was inserted. */
	if (!discovery_is_fresh(agent->discovery))
		discovery_refresh(agent->discovery);
	if (!reply || wire_set_text(&reply->body->status->agent_version, SMIME_AGENT_VERSION) < 0 ||
	    discovery_status(agent->discovery, reply->body->status->modules, STATUS_MODULES_MAX_BYTES) < 0 || add_tokens(agent, reply->body->status) < 0) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	reply->body->status->pid = (uint32_t)getpid();
	reply->body->status->clients = listener_clients(agent->listener);
	reply->body->status->prompts = prompts_count(agent->prompts);
	answer(request, reply);
}

/* ---- sign, decrypt, unlock: orders for a token ---- */

static void answer_signed(struct request *request, struct wire_report *report) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_SIGN);

	if (!reply) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	struct wire_sign_reply *empty = reply->body->sign;
	reply->body->sign = report->body->signed_;
	report->body->signed_ = empty;
	answer(request, reply);
}

static void answer_unwrapped(struct request *request, struct wire_report *report) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_DECRYPT);
	struct wire_unwrapped *unwrapped = report->body->unwrapped;
	int r = reuse_check(request->peer->agent->reuse, unwrapped->encrypted_key, request->wire->body->decrypt->content_type);

	if (r < 0 || !reply) {
		refuse(request, r < 0 ? r : -SMIME_E_NO_MEMORY, "");
		return;
	}
	/* Moved, not copied: the key is wiped with the message that holds it. */
	ASN1_OCTET_STRING *empty = reply->body->decrypt->cek;
	reply->body->decrypt->cek = unwrapped->cek;
	unwrapped->cek = empty;
	answer(request, reply);
}

static void on_outcome(void *userdata, struct wire_report *received, int error, const char *text) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;
	struct request *request = userdata;

	request->ticket = NULL;
	if (!report) {
		refuse(request, error, text);
		return;
	}
	if (report->body->type == WIRE_REPORT_SIGNED && request->wire->body->type == WIRE_SIGN)
		answer_signed(request, report);
	else if (report->body->type == WIRE_REPORT_UNWRAPPED && request->wire->body->type == WIRE_DECRYPT)
		answer_unwrapped(request, report);
	else if (report->body->type == WIRE_REPORT_UNLOCKED && request->wire->body->type == WIRE_UNLOCK)
		answer_done(request);
	else
		refuse(request, -SMIME_E_INTERNAL, "the token process answered something else than was asked");
}

static void submit(struct request *request, struct worker *worker, struct wire_order *order) {
	int r = order ? worker_submit(worker, order, request->peer->hello, on_outcome, request, &request->ticket) : -SMIME_E_NO_MEMORY;

	if (r < 0)
		refuse(request, r, r == -SMIME_E_TOKEN_FAULT ? worker_fault(worker) : "");
}

static int describe(const struct request *request, const char *what, const char *whose, ASN1_UTF8STRING **field) {
	char who[200], text[WIRE_TEXT_MAX_BYTES];

	peer_describe(request->peer, who, sizeof(who));
	(void)snprintf(text, sizeof(text), "%s asks to %s%s%.500s", who, what, *whose ? " as " : "", whose);
	return wire_set_text(field, text);
}

static struct worker *worker_for_key(struct request *request, const ASN1_OCTET_STRING *spki) {
	struct worker *worker = inventory_find_key(request->peer->agent, spki);

	if (!worker)
		refuse(request, -SMIME_E_NO_KEY, "no token that is present has this key; `smime keys` lists those that are");
	return worker;
}

static void handle_sign(struct request *request) {
	struct wire_sign **sign = &request->wire->body->sign;
	struct worker *worker = worker_for_key(request, (*sign)->key);
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_SIGN);

	if (!worker)
		return;
	if (!order || describe(request, "sign", wire_text((*sign)->from), &order->body->sign->caller->text) < 0) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	wire_sign_free(order->body->sign->request);
	order->body->sign->request = ASN1_item_dup(wire_sign_it(), *sign);
	submit(request, worker, order->body->sign->request ? TAKE(order) : NULL);
}

static void handle_decrypt(struct request *request) {
	struct wire_decrypt **decrypt = &request->wire->body->decrypt;
	struct worker *worker = worker_for_key(request, (*decrypt)->key);
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_DECRYPT);

	if (!worker)
		return;
	if (wire_octets((*decrypt)->recipient_info).len > WIRE_RECIPIENT_INFO_MAX_BYTES) {
		refuse(request, -SMIME_E_TOO_LARGE, "a RecipientInfo has at most 16 KiB");
		return;
	}
	if (!order || describe(request, "decrypt a message", "", &order->body->decrypt->caller->text) < 0) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	wire_decrypt_free(order->body->decrypt->request);
	order->body->decrypt->request = ASN1_item_dup(wire_decrypt_it(), *decrypt);
	submit(request, worker, order->body->decrypt->request ? TAKE(order) : NULL);
}

/* The token that a request names; without a name the only one. Refuses and returns NULL when that says nothing clear. */
static struct worker *named_token(struct request *request, const struct wire_token_name *name) {
	const struct agent *agent = request->peer->agent;
	struct worker *only = discovery_worker(agent->discovery, 0);
	struct worker *worker = name->token ? inventory_find_token(agent, name->token) : only;

	if (!worker)
		refuse(request, -SMIME_E_NO_TOKEN, name->token ? "no such token; `smime status` lists those that are present" : "no token is present");
	else if (!name->token && discovery_worker(agent->discovery, 1)) {
		refuse(request, -SMIME_E_KEY_AMBIGUOUS, "there are several tokens; name one, `smime status` lists them");
		return NULL;
	}
	return worker;
}

static void handle_unlock(struct request *request) {
	struct worker *worker = named_token(request, request->wire->body->unlock);
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_UNLOCK);

	if (!worker)
		return;
	if (!order || describe(request, "unlock the token", "", &order->body->unlock->text) < 0) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	submit(request, worker, TAKE(order));
}

/* ---- lock ---- */

/* Several tokens end one by one, whether or not the client waits for it. */
static void on_locked(void *userdata) {
	struct locking *locking = userdata;
	struct request *request = locking->request;

	if (--locking->left > 0)
		return;
	if (request) {
		request->locking = NULL;
		answer_done(request);
	}
	free(locking);
}

static void handle_lock(struct request *request) {
	struct agent *agent = request->peer->agent;
	const struct wire_token_name *name = request->wire->body->lock;
	struct worker *worker = NULL;
	struct locking *locking = calloc(1, sizeof(*locking));

	if (!locking) {
		refuse(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	if (name->token && !inventory_find_token(agent, name->token)) {
		free(locking);
		refuse(request, -SMIME_E_NO_TOKEN, "no such token; `smime status` lists those that are present");
		return;
	}
	*locking = (struct locking){ .request = request, .left = 1 };
	request->locking = locking;
	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++) {
		if (name->token && worker != inventory_find_token(agent, name->token))
			continue;
		locking->left++;
		if (worker_lock(worker, on_locked, locking) < 0)
			locking->left--;
	}
	on_locked(locking);
}

/* ---- Waiting for tokens, and the way in ---- */

static bool key_is_ready(const struct request *request) {
	const struct wire_request_body *body = request->wire->body;

	return inventory_find_key(request->peer->agent, body->type == WIRE_SIGN ? body->sign->key : body->decrypt->key) != NULL;
}

static bool certificate_is_ready(const struct request *request) {
	return inventory_find_certificate(request->peer->agent, request->wire->body->certificate->sha256).data != NULL;
}

/* Whoever asks for everything may want what was inserted a moment ago. */
static bool all_is_ready(const struct request *request) {
	return discovery_is_fresh(request->peer->agent->discovery);
}

/* Without a name it is the only token that is meant, which takes knowing all of them. */
static bool token_is_ready(const struct request *request) {
	const ASN1_OCTET_STRING *name = request->wire->body->unlock->token;

	return name ? inventory_find_token(request->peer->agent, name) != NULL : all_is_ready(request);
}

static const struct operation operations[WIRE_REQUEST_TYPES] = {
	[WIRE_HELLO] = { "hello", false, NULL, handle_hello },
	[WIRE_LIST] = { "list", true, all_is_ready, handle_list },
	[WIRE_CERTIFICATE] = { "certificate", true, certificate_is_ready, handle_certificate },
	[WIRE_SIGN] = { "sign", true, key_is_ready, handle_sign },
	[WIRE_DECRYPT] = { "decrypt", true, key_is_ready, handle_decrypt },
	[WIRE_UNLOCK] = { "unlock", true, token_is_ready, handle_unlock },
	[WIRE_LOCK] = { "lock", true, NULL, handle_lock },
	[WIRE_STATUS] = { "status", true, NULL, handle_status },
	[WIRE_ANCHORS] = { "anchors", true, NULL, handle_anchors },
};

static const struct operation *operation_of(const struct request *request) {
	return &operations[request->wire->body->type];
}

static void go_on(struct request *request) {
	TAILQ_REMOVE(&request->peer->agent->requests->waiting, request, wait);
	request->waiting = false;
	operation_of(request)->handle(request);
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

/* Every change of what is known changes how long the rest is worth waiting for. */
static void set_timer(struct agent *agent) {
	struct requests *requests = agent->requests;

	requests->timer = sd_event_source_disable_unref(requests->timer);
	if (!TAILQ_EMPTY(&requests->waiting))
		(void)sd_event_add_time_relative(agent->event, &requests->timer, CLOCK_MONOTONIC, discovery_patience(agent->discovery),
			REQUEST_TIMER_ACCURACY_MS * 1000, on_patience_over, agent);
}

void requests_go_on(struct agent *agent) {
	struct request *request;

	while ((request = next_ready(agent)))
		go_on(request);
	set_timer(agent);
}

static void wait_for_tokens(struct request *request) {
	struct agent *agent = request->peer->agent;

	request->waiting = true;
	TAILQ_INSERT_TAIL(&agent->requests->waiting, request, wait);
	set_timer(agent);
}

/* Whether what is asked for is not there and worth waiting for; it is looked for then. */
static bool has_to_wait(const struct request *request) {
	const struct operation *operation = operation_of(request);
	struct discovery *discovery = request->peer->agent->discovery;

	if (!operation->is_ready || operation->is_ready(request))
		return false;
	discovery_refresh(discovery);
	return discovery_patience(discovery) > 0;
}

static bool id_is_open(const struct peer *peer, uint32_t id) {
	const struct request *request;

	LIST_FOREACH(request, &peer->requests, link)
		if (request->wire->id == id)
			return true;
	return false;
}

int request_handle(struct peer *peer, struct bytes der) {
	_cleanup_(wire_request_freep) struct wire_request *wire = NULL;
	int r = wire_decode(der, wire_request_it(), &wire);

	if (r < 0)
		return r;
	const struct operation *operation = &operations[wire->body->type];
	if ((operation->needs_hello && !peer->hello) || id_is_open(peer, wire->id))
		return -SMIME_E_PROTOCOL;
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return -SMIME_E_NO_MEMORY;
	request->peer = peer;
	request->wire = TAKE(wire);
	LIST_INSERT_HEAD(&peer->requests, request, link);
	peer_count(peer, 1);
	if (has_to_wait(request))
		wait_for_tokens(request);
	else
		operation->handle(request);
	return 0;
}

int requests_new(struct agent *agent, struct requests **ret_requests) {
	struct requests *requests = calloc(1, sizeof(*requests));

	if (!requests)
		return -SMIME_E_NO_MEMORY;
	requests->agent = agent;
	TAILQ_INIT(&requests->waiting);
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
