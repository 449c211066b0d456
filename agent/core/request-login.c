/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A login that comes before the decision: most tokens tell of their private keys only then, and a rule that names one can't be asked before.
 */
#include "request-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "judge.h"
#include "request-errand.h"

void request_log_in(struct request *request, struct worker *worker, const struct verdict *verdict) {
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_UNLOCK);
	char who[200], text[WIRE_TEXT_MAX_BYTES], rule[JUDGE_RULE_BYTES];
	const struct audit_ground ground = judge_ground(request->peer->agent, &verdict->decision, rule);

	request->logged_in = true;
	peer_describe(request->peer, who, sizeof(who));
	(void)snprintf(text, sizeof(text), "%s asks to %s; the token says which key that is once it is unlocked", who,
		request->wire->body->type == WIRE_SIGN ? "sign" : "decrypt a message");
	if (!order || wire_set_text(&order->body->unlock->text, text) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return;
	}
	order->body->unlock->fresh_pin = verdict->decision.fresh_pin ? 0xff : 0;
	judge_count(verdict);
	errand_begin(request, worker, TAKE(order), &ground);
}
