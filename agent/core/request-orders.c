/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that become orders for tokens: sign, decrypt, unlock, pinChange, pinUnblock; and lock, which ends token processes.
 */
#include "request-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "discovery.h"
#include "inventory.h"
#include "judge.h"
#include "locking.h"
#include "others.h"
#include "request-consent.h"
#include "request-errand.h"
#include "reuse.h"

static void answer_signed(struct request *request, struct wire_report *report) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_SIGN);

	if (!reply) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	struct wire_sign_reply *empty = reply->body->sign;
	reply->body->sign = report->body->signed_;
	report->body->signed_ = empty;
	request_answer(request, reply);
}

static void answer_unwrapped(struct request *request, struct wire_report *report) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_DECRYPT);
	struct wire_unwrapped *unwrapped = report->body->unwrapped;

	if (!reply) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	/* Moved, not copied: the key is wiped with the message that holds it. */
	ASN1_OCTET_STRING *empty = reply->body->decrypt->cek;
	reply->body->decrypt->cek = unwrapped->cek;
	unwrapped->cek = empty;
	request_answer(request, reply);
}

int request_check(struct request *request, const struct wire_report *report) {
	const struct wire_request_body *body = request->wire->body;

	if (report->body->type != WIRE_REPORT_UNWRAPPED || body->type != WIRE_DECRYPT)
		return 0;
	return reuse_check(request->peer->agent->reuse, report->body->unwrapped->encrypted_key, body->decrypt);
}

void request_outcome(struct request *request, struct wire_report *received, int error, const char *text) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;

	if (!report) {
		request_fail(request, error, text);
		return;
	}
	if (report->body->type == WIRE_REPORT_SIGNED && request->wire->body->type == WIRE_SIGN)
		answer_signed(request, report);
	else if (report->body->type == WIRE_REPORT_UNWRAPPED && request->wire->body->type == WIRE_DECRYPT)
		answer_unwrapped(request, report);
	else if (report->body->type == WIRE_REPORT_DONE && request->logged_in &&
		(request->wire->body->type == WIRE_SIGN || request->wire->body->type == WIRE_DECRYPT))
		request_handle_again(request);
	else if (report->body->type == WIRE_REPORT_DONE && request->wire->body->type != WIRE_SIGN &&
		request->wire->body->type != WIRE_DECRYPT)
		request_answer_done(request);
	else
		request_fail(request, -SMIME_E_INTERNAL, "the token process answered something else than was asked");
}

static void deny(struct request *request, int error, const char *text) {
	const struct audit_ground ground = { NULL, NULL };

	errand_deny(request, NULL, error, text, &ground);
}

static void submit(struct request *request, struct worker *worker, struct wire_order *order, const struct verdict *verdict) {
	char rule[JUDGE_RULE_BYTES];
	const struct audit_ground ground = judge_ground(request->peer->agent, &verdict->decision, rule);

	if (!order) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	judge_count(verdict);
	errand_begin(request, worker, order, &ground);
}

/* Fills in who asks for what, and has somebody agree to it. False: he is asked, or it can't be, and the request is not the caller's any more. */
static bool describe(struct request *request, struct worker *worker, const char *what, const char *whose, struct wire_caller *caller,
	const struct verdict *verdict) {
	char who[200], text[WIRE_TEXT_MAX_BYTES];

	peer_describe(request->peer, who, sizeof(who));
	(void)snprintf(text, sizeof(text), "%s asks to %s%s%.500s", who, what, *whose ? " as " : "", whose);
	caller->fresh_pin = verdict->decision.fresh_pin ? 0xff : 0;
	if (wire_set_text(&caller->text, text) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return false;
	}
	return asked_for(request, worker, verdict, what, text) == 0;
}

/* The token that has a key, for an operation that was judged. NULL: it may not be, or is not there, and the request is over. */
static struct worker *judged_key(
	struct request *request, enum policy_operation operation, const ASN1_OCTET_STRING *spki, struct verdict *ret_verdict) {
	struct worker *worker = inventory_find_key(request->peer->agent, spki);

	int r = judge_request(request, operation, spki, worker, ret_verdict);
	if (r == JUDGE_LOGIN)
		request_log_in(request, worker, ret_verdict);
	if (r != 0)
		return NULL;
	if (!worker)
		deny(request, -SMIME_E_NO_KEY, "no token that is present has this key; `smime keys` lists those that are");
	return worker;
}

void request_handle_sign(struct request *request) {
	struct wire_sign **sign = &request->wire->body->sign;
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_SIGN);
	struct verdict verdict;
	struct worker *worker = judged_key(request, POLICY_SIGN, (*sign)->key, &verdict);

	if (!worker)
		return;
	if (!order)
		request_fail(request, -SMIME_E_NO_MEMORY, "");
	if (!order || !describe(request, worker, "sign", wire_text((*sign)->from), order->body->sign->caller, &verdict))
		return;
	wire_sign_free(order->body->sign->request);
	order->body->sign->request = ASN1_item_dup(wire_sign_it(), *sign);
	submit(request, worker, order->body->sign->request ? TAKE(order) : NULL, &verdict);
}

void request_handle_decrypt(struct request *request) {
	struct wire_decrypt **decrypt = &request->wire->body->decrypt;
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_DECRYPT);
	struct verdict verdict;
	struct worker *worker = judged_key(request, POLICY_DECRYPT, (*decrypt)->key, &verdict);

	if (!worker)
		return;
	if (wire_octets((*decrypt)->recipient_info).len > WIRE_RECIPIENT_INFO_MAX_BYTES) {
		deny(request, -SMIME_E_TOO_LARGE, "a RecipientInfo has at most 16 KiB");
		return;
	}
	if (!order)
		request_fail(request, -SMIME_E_NO_MEMORY, "");
	if (!order || !describe(request, worker, "decrypt a message", "", order->body->decrypt->caller, &verdict))
		return;
	wire_decrypt_free(order->body->decrypt->request);
	order->body->decrypt->request = ASN1_item_dup(wire_decrypt_it(), *decrypt);
	submit(request, worker, order->body->decrypt->request ? TAKE(order) : NULL, &verdict);
}

/* Whether it is unlocked without a login: so are tokens that can hold no private key, and stand beside one that can. */
static bool wants_no_login(const struct worker *worker) {
	const struct wire_inventory *inventory = worker_inventory(worker);

	return inventory && inventory->unlocked && !inventory->logged_in;
}

/* The only token that the client may know of; where there are several, the only one that a login would unlock. *ret_several: there is no such one. */
static struct worker *only_token(struct request *request, bool *ret_several) {
	const struct agent *agent = request->peer->agent;
	struct worker *only = NULL, *worker;
	size_t count = 0, locked = 0;

	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++) {
		/* One that is reached through two modules is one. */
		if (inventory_find_token(agent, worker_token(worker)->id) != worker ||
			(!peer_is_here(request->peer) && !others_token(request, worker)))
			continue;
		if (count++ == 0 || !wants_no_login(worker)) {
			only = worker;
			locked += !wants_no_login(worker);
		}
	}
	*ret_several = count > 1 && locked != 1;
	return only;
}

/* The token that a request names, without a name the only one, for an operation that was judged. NULL as of judged_key(). */
static struct worker *judged_token(struct request *request, const struct wire_token_name *name, struct verdict *ret_verdict) {
	bool several = false;
	struct worker *worker = name->token ? inventory_find_token(request->peer->agent, name->token) : only_token(request, &several);

	if (several) {
		deny(request, -SMIME_E_KEY_AMBIGUOUS, "there are several tokens; name one, `smime status` lists them");
		return NULL;
	}
	if (judge_request(request, POLICY_UNLOCK, NULL, worker, ret_verdict) < 0)
		return NULL;
	if (!worker)
		deny(request, -SMIME_E_NO_TOKEN,
			name->token ? "no such token; `smime status` lists those that are present" : "no token is present");
	return worker;
}

const struct wire_token_name *request_token_name(const struct request *request) {
	const struct wire_request_body *body = request->wire->body;

	switch (body->type) {
	case WIRE_PIN_CHANGE:
		return body->pin_change;
	case WIRE_PIN_UNBLOCK:
		return body->pin_unblock;
	default:
		return body->unlock;
	}
}

/* The orders that carry nothing but who asks. */
static void order_for_token(struct request *request, enum wire_order_type type, const char *what) {
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, type);
	struct verdict verdict;
	struct worker *worker = judged_token(request, request_token_name(request), &verdict);

	if (!worker)
		return;
	struct wire_caller *caller = !order    ? NULL :
		type == WIRE_ORDER_PIN_CHANGE  ? order->body->pin_change :
		type == WIRE_ORDER_PIN_UNBLOCK ? order->body->pin_unblock :
						 order->body->unlock;
	if (!caller)
		request_fail(request, -SMIME_E_NO_MEMORY, "");
	else if (describe(request, worker, what, "", caller, &verdict))
		submit(request, worker, TAKE(order), &verdict);
}

void request_handle_unlock(struct request *request) {
	order_for_token(request, WIRE_ORDER_UNLOCK, "unlock the token");
}

void request_handle_pin_change(struct request *request) {
	order_for_token(request, WIRE_ORDER_PIN_CHANGE, "change its PIN");
}

void request_handle_pin_unblock(struct request *request) {
	order_for_token(request, WIRE_ORDER_PIN_UNBLOCK, "set a new PIN with the PUK");
}

/* ---- lock ---- */

static void on_locked(void *userdata, int error, const char *text) {
	struct request *request = userdata;

	request->locking = NULL;
	if (error < 0)
		request_fail(request, error, text);
	else
		request_answer_done(request);
}

/* The tokens are locked whether or not the client waits for it. */
void request_handle_lock(struct request *request) {
	struct agent *agent = request->peer->agent;
	const struct wire_token_name *name = request->wire->body->lock;
	struct worker *worker = name->token ? inventory_find_token(agent, name->token) : NULL;
	struct verdict verdict;

	/* Whoever may unlock may lock, and the agent's own user in any case. Of every token takes a rule that is about every one. */
	if (!peer_is_own(request->peer) && judge_request(request, POLICY_UNLOCK, NULL, worker, &verdict) < 0)
		return;
	if (name->token && !worker)
		request_fail(request, -SMIME_E_NO_TOKEN, "no such token; `smime status` lists those that are present");
	else if (locking_start(agent, name->token, on_locked, request, &request->locking) < 0)
		request_fail(request, -SMIME_E_NO_MEMORY, "");
}
