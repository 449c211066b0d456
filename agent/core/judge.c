/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the policy; see judge.h.
 */
#include "judge-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "inventory.h"
#include "others.h"
#include "request-errand.h"
#include "request-internal.h"

struct audit_ground judge_ground(const struct agent *agent, const struct policy_decision *decision, char rule[JUDGE_RULE_BYTES]) {
	if (decision->file)
		(void)snprintf(rule, JUDGE_RULE_BYTES, "%.100s, %.180s:%u", decision->name, decision->file, decision->line);
	else
		(void)snprintf(rule, JUDGE_RULE_BYTES, "default");
	return (struct audit_ground){ .rule = rule, .policy = agent->config->hash[0] ? agent->config->hash : NULL };
}

void judge_refuse(struct request *request, const struct policy_decision *decision, const char *text) {
	char rule[JUDGE_RULE_BYTES];
	const struct audit_ground ground = judge_ground(request->peer->agent, decision, rule);

	errand_deny(request, NULL, -SMIME_E_DENIED, text, &ground);
}

/* `further` goes on with what is not allowed. */
static void say_denied(const struct policy_decision *decision, const char *further, char *text, size_t size) {
	char where[300] = "the policy has no rule that lets this client do it";

	if (decision->file)
		(void)snprintf(where, sizeof(where), "rule \"%.100s\", %.150s:%u", decision->name, decision->file, decision->line);
	(void)snprintf(text, size, "the policy does not allow it%s%s%.500s (%s)", further, decision->text ? ": " : "",
		decision->text ? decision->text : "", where);
}

static void refuse(struct request *request, const struct policy_decision *decision) {
	char text[WIRE_TEXT_MAX_BYTES];

	say_denied(decision, "", text, sizeof(text));
	judge_refuse(request, decision, text);
}

/* ---- A question ---- */

/* What the client's process is, is looked at where some rule asks. */
static int begin_question(struct request *request, struct policy_question *question) {
	const struct peer *peer = request->peer;

	if (policy_names_processes(peer->agent->config->policy) && request_look(request) < 0)
		return -SMIME_E_NO_MEMORY;
	judge_describe_client(&peer->identity, &request->now, &question->client);
	judge_describe_moment(peer->agent, question);
	return 0;
}

/* What would be decided of what is only shown, so that no request ends with it. Without `of` it is about a key of this SPKI that is not there. */
static enum policy_outcome judge_view(struct request *request, enum policy_operation operation, const struct wire_key *of,
	const ASN1_OCTET_STRING *spki, const struct worker *worker) {
	struct policy_question question = { .operation = operation, .spki = spki, .token = worker ? worker_token(worker) : NULL };
	struct judge_certificates certificates;
	struct policy_decision decision;
	struct policy_key key;

	if (begin_question(request, &question) < 0)
		return POLICY_DENY;
	if (of) {
		judge_describe_key(request->peer->agent, of, worker, NULL, &certificates, &key);
		question.key = &key;
	}
	policy_decide(request->peer->agent->config->policy, &question, &decision);
	return decision.outcome;
}

bool judge_list(struct request *request, const struct wire_key *of, const struct worker *worker) {
	return judge_view(request, POLICY_LIST, of, NULL, worker) == POLICY_ALLOW;
}

bool judge_unlock(struct request *request, const struct worker *worker) {
	return judge_view(request, POLICY_UNLOCK, NULL, NULL, worker) != POLICY_DENY;
}

/* ---- What is not there, or not for everybody's eyes ---- */

const ASN1_OCTET_STRING *judge_any_key(void) {
	static const ASN1_OCTET_STRING none = { .length = 0 };

	return &none;
}

/* Whether who is denied may know that what he asks for is there; or, where it is not, whatever it would be. */
static bool may_know(struct request *request, const ASN1_OCTET_STRING *spki, const struct wire_key *found, struct worker *worker) {
	if (found)
		return judge_list(request, found, worker);
	if (worker)
		return others_keys(request, worker) > 0;
	return judge_view(request, POLICY_LIST, NULL, spki ? spki : judge_any_key(), NULL) == POLICY_ALLOW;
}

/* The same words as for what is not there: those of the decision about something of which nothing is known. The log has the real one. */
static void refuse_unseen(struct request *request, struct policy_question *question, const struct policy_decision *decision) {
	struct policy_decision unseen;
	char text[WIRE_TEXT_MAX_BYTES];

	question->key = NULL;
	question->token = NULL;
	policy_decide(request->peer->agent->config->policy, question, &unseen);
	say_denied(&unseen, question->spki ? ", or no token that is present has the key" : ", or no such token is present", text,
		sizeof(text));
	judge_refuse(request, decision, text);
}

static bool is_about_every_token(const struct request *request) {
	const struct wire_request_body *body = request->wire->body;

	return body->type == WIRE_LOCK && !body->lock->token;
}

/* A denial. Who may not know whether it is there waits for it as he would if it were not. 0: it is not there, and he may know it. */
static int deny(struct request *request, struct policy_question *question, const struct policy_decision *decision,
	const struct wire_key *found, struct worker *worker) {
	bool is_there = found || worker; /* a key is looked for with the worker that has it */

	if (is_about_every_token(request) || (is_there && may_know(request, question->spki, found, worker)))
		refuse(request, decision);
	else if (!is_there && may_know(request, question->spki, NULL, NULL))
		return 0;
	else if (!is_there || !request_hide(request))
		refuse_unseen(request, question, decision);
	return -SMIME_E_DENIED;
}

/* Without anybody being asked. */
static bool may_unlock(const struct agent *agent, struct policy_question question, struct policy_decision *ret_decision) {
	struct policy_decision decision;

	question.operation = POLICY_UNLOCK;
	question.key = NULL;
	question.spki = NULL;
	policy_decide(agent->config->policy, &question, &decision);
	if (decision.outcome != POLICY_ALLOW)
		return false;
	*ret_decision = decision;
	return true;
}

int judge_request(struct request *request, enum policy_operation operation, const ASN1_OCTET_STRING *spki, struct worker *worker,
	struct verdict *ret_verdict) {
	const struct agent *agent = request->peer->agent;
	const struct wire_request_body *body = request->wire->body;
	const struct wire_key *found = spki && worker ? inventory_key_of(worker, spki) : NULL;
	struct policy_question question = { .operation = operation, .spki = spki, .token = worker ? worker_token(worker) : NULL };
	struct judge_certificates certificates;
	struct policy_key key;

	*ret_verdict = (struct verdict){
		.operation = operation, .key = spki, .token = worker ? worker_token(worker)->id : NULL, .now = &request->now
	};
	if (begin_question(request, &question) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return -SMIME_E_DENIED;
	}
	if (found) {
		const ASN1_OCTET_STRING *named = body->type == WIRE_SIGN ? body->sign->certificate : NULL;

		judge_describe_key(agent, found, worker, named, &certificates, &key);
		question.key = &key;
		ret_verdict->found = found;
		ret_verdict->certificate = judge_certificate_of(found, named);
	}
	if (body->type == WIRE_SIGN)
		judge_describe_signature(body->sign, &question);
	if (body->type == WIRE_DECRYPT)
		judge_describe_decryption(body->decrypt, &question);
	policy_decide(agent->config->policy, &question, &ret_verdict->decision);
	if (ret_verdict->decision.login && !request->logged_in && may_unlock(agent, question, &ret_verdict->decision))
		return JUDGE_LOGIN;
	if (ret_verdict->decision.outcome == POLICY_ASK && request_look(request) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return -SMIME_E_DENIED;
	}
	if (ret_verdict->decision.outcome != POLICY_DENY)
		return 0;
	return deny(request, &question, &ret_verdict->decision, found, worker);
}

void judge_count(const struct verdict *verdict) {
	policy_count(&verdict->decision, judge_boot_us());
}
