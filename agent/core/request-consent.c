/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See request-consent.h.
 */
#include "request-consent.h"

#include <smime/error.h>

#include "consent-text.h"
#include "question.h"
#include "request-errand.h"
#include "request-internal.h"

struct asked {
	struct question *question;
	struct consent_question scope;
	struct policy_decision decision; /* whose rule stays where it is: with other rules the question is void */
	struct wire_token *token;
};

static struct asked *asked_free(struct asked *asked) {
	wire_token_free(asked->token);
	free(asked);
	return NULL;
}

static void on_answered(void *userdata, enum question_outcome outcome, int error, const char *text) {
	struct request *request = userdata;
	struct asked *asked = TAKE(request->asked);
	char rule[JUDGE_RULE_BYTES];

	if (outcome == QUESTION_REFUSED) {
		const struct audit_ground ground = judge_ground(request->peer->agent, &asked->decision, rule);

		errand_deny(request, asked->token, error, text, &ground);
	} else {
		free(request->agreed);
		request->agreed = outcome == QUESTION_AGREED ? calloc(1, sizeof(*request->agreed)) : NULL;
		if (request->agreed) {
			*request->agreed = asked->scope;
			consent_renew(request->peer->agent->consents, request->agreed);
		}
		request_handle_again(request);
	}
	(void)asked_free(asked);
}

static int begin(struct request *request, struct worker *worker, const struct verdict *verdict, const char *what, const char *caller,
	const struct consent_question *scope) {
	struct consents *consents = request->peer->agent->consents;
	STACK_OF(ASN1_UTF8STRING) *paragraphs = NULL;
	struct asked *asked = calloc(1, sizeof(*asked));
	int r = asked && (asked->token = ASN1_item_dup(wire_token_it(), worker_token(worker))) ? 0 : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = consent_text(request->peer, request->wire, verdict, what, &paragraphs);
	if (r < 0) {
		consent_over(consents, scope);
		if (asked)
			(void)asked_free(asked);
		return r;
	}
	asked->scope = *scope;
	asked->decision = verdict->decision;
	request->asked = asked;
	r = question_begin(request->peer, worker_token(worker), scope, caller, paragraphs, on_answered, request, &asked->question);
	if (r < 0)
		request->asked = asked_free(asked);
	return r;
}

int asked_for(struct request *request, struct worker *worker, const struct verdict *verdict, const char *what, const char *caller) {
	struct agent *agent = request->peer->agent;
	struct consent_question scope;
	char rule[JUDGE_RULE_BYTES];
	const struct audit_ground ground = judge_ground(agent, &verdict->decision, rule);
	int r = verdict->decision.outcome == POLICY_ASK ?
		consent_ask(agent->consents, &request->peer->identity, verdict, request->agreed, &scope) :
		0;

	if (r == 0)
		return 0;
	if (r < 0) {
		judge_refuse(request, &verdict->decision, CONSENT_REFUSED);
		return r;
	}
	/* Nobody is asked for what can't be done anyway. */
	r = worker_rouse(worker);
	if (r < 0) {
		consent_over(agent->consents, &scope);
		errand_deny(request, worker_token(worker), r, worker_fault(worker), &ground);
		return r;
	}
	r = begin(request, worker, verdict, what, caller, &scope);
	if (r < 0)
		request_fail(request, r, "");
	return 1;
}

void asked_withdraw(struct request *request) {
	struct asked *asked = TAKE(request->asked);
	char rule[JUDGE_RULE_BYTES];

	if (!asked)
		return;
	const struct audit_ground ground = judge_ground(request->peer->agent, &asked->decision, rule);

	(void)question_abandon(asked->question);
	errand_withdrawn(
		request, asked->token, -SMIME_E_AGENT_GONE, "the client has gone before somebody had agreed; nothing was done", &ground);
	(void)asked_free(asked);
}
