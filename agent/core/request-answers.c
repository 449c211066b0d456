/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that are answered from what the core knows: hello, list, certificate, anchors, status, subscribe.
 */
#include "request-internal.h"

#include <smime/error.h>

#include "agent/audit/audit.h"
#include "agent/wire/limits.h"
#include "discovery.h"
#include "events.h"
#include "inventory.h"
#include "judge.h"
#include "listener.h"
#include "others.h"
#include "prompt.h"
#include "readers.h"
#include "request-errand.h"

static void forget_text(ASN1_UTF8STRING **text) {
	ASN1_UTF8STRING_free(*text);
	*text = NULL;
}

/*
 * Display and terminal of another machine are somebody else's here, and another user would choose on whose terminal the agent writes:
 * who comes from there is asked for where the agent was started.
 */
static int forget_place_of_others(struct peer *peer, struct wire_hello *hello) {
	enum policy_known remote;

	if (identity_look_far(&peer->identity, &remote) < 0)
		return -SMIME_E_NO_MEMORY;
	peer->far = remote == POLICY_YES;
	if (!peer_is_here(peer)) {
		forget_text(&hello->display);
		forget_text(&hello->wayland_display);
		forget_text(&hello->xauthority);
		forget_text(&hello->tty_name);
		forget_text(&hello->tty_type);
	}
	return 0;
}

void request_handle_hello(struct request *request) {
	struct peer *peer = request->peer;
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_HELLO);
	struct wire_hello **hello = &request->wire->body->hello;

	if (peer->hello) {
		request_fail(request, -SMIME_E_PROTOCOL, "hello was said already");
		return;
	}
	if ((*hello)->version != WIRE_VERSION) {
		request_fail(request, -SMIME_E_AGENT_VERSION, "this agent speaks protocol version 1; use the client that came with it");
		return;
	}
	if (!reply || wire_set_text(&reply->body->hello->agent_version, SMIME_AGENT_VERSION) < 0 ||
		forget_place_of_others(request->peer, *hello) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	reply->body->hello->version = WIRE_VERSION;
	peer->hello = TAKE(*hello);
	request->wire->body->type = -1;
	peer->hello_timer = sd_event_source_disable_unref(peer->hello_timer);
	request_answer(request, reply);
}

struct page {
	struct request *request;
	struct wire_list_reply *list;
	uint32_t offset;
	size_t bytes;
	bool full;
};

static int add_key(void *userdata, const struct wire_key *key, struct worker *worker) {
	struct page *page = userdata;
	int len = ASN1_item_i2d((const ASN1_VALUE *)key, NULL, wire_key_it());

	if (!judge_list(page->request, key, worker))
		return 0;

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

/* The same for every key: what opens a message is this program, not the token. */
static int add_capabilities(const struct agent *agent, struct wire_list_reply *list) {
	list->capabilities = sk_X509_ALGOR_deep_copy(agent->capabilities, X509_ALGOR_dup, X509_ALGOR_free);
	return list->capabilities ? 0 : -SMIME_E_NO_MEMORY;
}

void request_handle_list(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_LIST);
	struct agent *agent = request->peer->agent;

	if (!reply) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	struct page page = { .request = request, .list = reply->body->list, .offset = request->wire->body->list->offset };
	int r = inventory_each(agent, add_key, &page);
	if (r == 0)
		r = add_capabilities(agent, page.list);
	if (r < 0)
		request_fail(request, r, "");
	else
		request_answer(request, reply);
}

struct bytes certificate_for(struct request *request) {
	const ASN1_OCTET_STRING *sha256 = request->wire->body->certificate->sha256;
	struct bytes der = inventory_find_certificate(request->peer->agent, sha256);

	return der.data && (peer_is_here(request->peer) || others_certificate(request, sha256)) ? der : (struct bytes){ NULL, 0 };
}

void request_handle_certificate(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_CERTIFICATE);
	struct bytes der = certificate_for(request);

	if (!der.data)
		request_fail(request, -SMIME_E_NO_CERTIFICATE, "no certificate of this fingerprint");
	else if (!reply || wire_set_octets(&reply->body->certificate, der.data, der.len) < 0)
		request_fail(request, -SMIME_E_NO_MEMORY, "");
	else
		request_answer(request, reply);
}

/* Answers with a page of certificates: those of `first`, and behind them those of `second`, which may be NULL. */
static void answer_certificates(
	struct request *request, uint32_t offset, const STACK_OF(ASN1_OCTET_STRING) *first, const STACK_OF(ASN1_OCTET_STRING) *second) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_ANCHORS);
	uint32_t begin = (uint32_t)sk_ASN1_OCTET_STRING_num(first);
	uint32_t total = begin + (second ? (uint32_t)sk_ASN1_OCTET_STRING_num(second) : 0);
	size_t bytes = 0;

	if (!reply) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	reply->body->anchors->total = total;
	for (uint32_t i = offset; i < total; i++) {
		struct bytes der = wire_octets(
			i < begin ? sk_ASN1_OCTET_STRING_value(first, (int)i) : sk_ASN1_OCTET_STRING_value(second, (int)(i - begin)));
		bytes += der.len;
		if (i > offset && bytes > WIRE_PAGE_MAX_BYTES)
			break;
		if (wire_push_octets(&reply->body->anchors->items, der.data, der.len) < 0) {
			request_fail(request, -SMIME_E_NO_MEMORY, "");
			return;
		}
	}
	request_answer(request, reply);
}

void request_handle_anchors(struct request *request) {
	answer_certificates(request, request->wire->body->anchors->offset, request->peer->agent->anchors, NULL);
}

/* What is of no token, of one that has gone meanwhile, or of one that is not for everybody's eyes, is what the configuration names. */
void request_handle_intermediates(struct request *request) {
	const struct agent *agent = request->peer->agent;
	const struct wire_intermediates *wanted = request->wire->body->intermediates;
	struct worker *worker = wanted->token ? inventory_find_token(agent, wanted->token) : NULL;
	bool seen = worker && (peer_is_here(request->peer) || others_token(request, worker));
	const struct wire_inventory *inventory = seen ? worker_inventory(worker) : NULL;

	answer_certificates(request, wanted->offset, agent->certificates, inventory ? inventory->certificates : NULL);
}

enum { STATUS_MODULES_MAX_BYTES = WIRE_PAGE_MAX_BYTES * 2 / 3, STATUS_LINE_MAX_BYTES = 8 * 1024 };

/* As many tokens as fit: each module says how many it has. */
static int add_tokens(struct request *request, struct wire_status_reply *status) {
	const struct agent *agent = request->peer->agent;
	bool is_here = peer_is_here(request->peer);
	struct worker *worker;
	int bytes = ASN1_item_i2d((const ASN1_VALUE *)status, NULL, wire_status_reply_it());

	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++) {
		if (!is_here && !others_token(request, worker))
			continue;
		_cleanup_(wire_token_status_freep) struct wire_token_status *line = wire_token_status_new();
		struct wire_token *token = ASN1_item_dup(wire_token_it(), worker_token(worker));
		if (!line || !token || worker_status(worker, line) < 0) {
			wire_token_free(token);
			return -SMIME_E_NO_MEMORY;
		}
		wire_token_free(line->token);
		line->token = token;
		if (!is_here)
			line->keys = others_keys(request, worker);
		bytes += ASN1_item_i2d((const ASN1_VALUE *)line, NULL, wire_token_status_it());
		if (bytes > WIRE_PAGE_MAX_BYTES)
			return 0;
		if (!sk_wire_token_status_push(status->tokens, line))
			return -SMIME_E_NO_MEMORY;
		(void)TAKE(line);
	}
	return 0;
}

static int add_readers(const struct agent *agent, struct wire_status_reply *status) {
	const struct wire_reader *reader;

	for (size_t i = 0; (reader = readers_get(agent->readers, i)); i++) {
		struct wire_reader *copy = ASN1_item_dup(wire_reader_it(), reader);
		if (!copy || !sk_wire_reader_push(status->readers, copy)) {
			wire_reader_free(copy);
			return -SMIME_E_NO_MEMORY;
		}
	}
	return wire_set_text(&status->reader_fault, discovery_needs_readers(agent->discovery) ? readers_fault(agent->readers) : "");
}

static int add_pin(const struct config *config, struct wire_status_reply *status) {
	int r = wire_set_text(&status->pin_program, config->pin_program);

	return r == 0 ? wire_set_text(&status->pin_file, config->pin_file) : r;
}

static int add_audit(struct audit *audit, struct wire_status_reply *status) {
	_cleanup_(freep) char *trouble = audit ? audit_trouble(audit) : NULL;

	if (!audit)
		return 0;
	if (!trouble || wire_set_text(&status->audit_directory, audit_directory(audit)) < 0)
		return -SMIME_E_NO_MEMORY;
	return *trouble ? wire_set_text(&status->audit_fault, trouble) : 0;
}

/* What nobody but the agent's own user at this machine is told: modules, readers, the log, and who asks for what. */
static int add_own(const struct agent *agent, struct wire_status_reply *status) {
	status->clients = listener_clients(agent->listener);
	status->prompts = prompts_count(agent->prompts);
	status->rules_read = ASN1_GENERALIZEDTIME_set(NULL, agent->config->read_at);
	if (!status->rules_read || discovery_status(agent->discovery, status->modules, STATUS_MODULES_MAX_BYTES) < 0 ||
		add_readers(agent, status) < 0 || add_audit(agent->audit, status) < 0)
		return -SMIME_E_NO_MEMORY;
	return add_pin(agent->config, status) < 0 ? -SMIME_E_NO_MEMORY :
						    prompts_status(agent->prompts, status->line, STATUS_LINE_MAX_BYTES);
}

void request_handle_status(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_STATUS);
	struct agent *agent = request->peer->agent;

	/* It tells what is known now, and waits for nothing: the next one finds what was inserted. */
	if (!discovery_is_fresh(agent->discovery))
		discovery_refresh(agent->discovery);
	if (!reply || wire_set_text(&reply->body->status->agent_version, SMIME_AGENT_VERSION) < 0 ||
		(peer_is_here(request->peer) && add_own(agent, reply->body->status) < 0) || add_tokens(request, reply->body->status) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	reply->body->status->pid = (uint32_t)getpid();
	request_answer(request, reply);
}

/* It stays open as long as the connection, so it is none of the requests that are counted as being worked on. */
void request_handle_subscribe(struct request *request) {
	const struct audit_ground ground = { NULL, NULL };
	struct peer *peer = request->peer;

	/* Events say who asks for what, with which token. */
	if (!peer_is_here(peer))
		errand_deny(
			request, NULL, -SMIME_E_DENIED, "only the agent's own user may watch what others do, and on this machine", &ground);
	else if (peer->subscriber)
		request_fail(request, -SMIME_E_PROTOCOL, "this connection is subscribed already");
	else if (events_subscribe(peer, request->wire->id, &peer->subscriber) < 0)
		request_fail(request, -SMIME_E_NO_MEMORY, "");
	else
		request_forget(request);
}
