/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of an errand; see request-errand.h. Each of its steps is begun in one function and ends in a callback.
 */
#include "request-errand.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/audit/audit.h"
#include "inventory.h"
#include "request-internal.h"

struct errand {
	TAILQ_ENTRY(errand) link; /* in agent->errands */
	struct agent *agent;
	struct request *request;    /* NULL: the client has gone */
	struct audit_entry *entry;  /* DENIED, which is abandoned with the request */
	struct wire_order *order;   /* until the token has it */
	struct wire_hello *hello;   /* of the client, for prompts */
	uid_t uid;                  /* whose it is: users take turns */
	ASN1_OCTET_STRING *token;   /* id: its worker may be another one by then */
	struct ticket *ticket;      /* the order that the token has */
	uint64_t intent;            /* the number of its record */
	bool outdated;              /* it was decided under rules that are not in force any more */
	bool withdrawn;             /* as far as it still could be */
	bool anew;                  /* it came to nothing for that, so its request begins anew */
	struct wire_report *report; /* the outcome, while its record is written */
	int error;
	char text[WIRE_TEXT_MAX_BYTES];
};

static void errand_free(struct errand *errand) {
	if (errand->request)
		errand->request->errand = NULL;
	TAILQ_REMOVE(&errand->agent->errands, errand, link);
	wire_order_free(errand->order);
	wire_hello_free(errand->hello);
	ASN1_OCTET_STRING_free(errand->token);
	wire_report_free(errand->report);
	free(errand);
}

static struct errand *errand_new(struct request *request) {
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	errand->agent = request->peer->agent;
	errand->request = request;
	errand->uid = request->peer->identity.uid;
	errand->intent = AUDIT_NO_SEQ;
	request->errand = errand;
	TAILQ_INSERT_TAIL(&errand->agent->errands, errand, link);
	return errand;
}

/* Who asks: what the kernel says, what /proc has said when it was decided, and what the program calls itself. What is not known is null. */
static json_t *describe_client(struct request *request) {
	static const char *const remote[] = { [POLICY_NO] = "no", [POLICY_YES] = "yes", [POLICY_DONT_KNOW] = "not known" };
	const struct identity *identity = &request->peer->identity;
	const struct identity_now *now = &request->now;

	if (request_look(request) < 0)
		return NULL;
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:s}", "pid", (json_int_t)identity->pid, "uid", (json_int_t)identity->uid,
		"gid", (json_int_t)identity->gid, "label", audit_record_text(identity_label(identity, now)), "unit",
		audit_record_text(now->unit), "executable", audit_record_text(now->executable), "remote", remote[now->remote], "program",
		wire_text(request->peer->hello->program));
}

static json_t *describe(
	const char *kind, struct request *request, bool login, const struct wire_token *token, const struct audit_ground *ground) {
	return audit_record_request(kind, request->wire, login, token, describe_client(request), ground);
}

/* A record DENIED; NULL: no memory. */
static json_t *describe_denied(
	struct request *request, const struct wire_token *token, int error, const char *text, const struct audit_ground *ground) {
	json_t *record = describe("denied", request, false, token, ground);

	if (record && !audit_record_outcome(record, error, text)) {
		json_decref(record);
		return NULL;
	}
	return record;
}

/* ---- Outcome, RESULT, answer ---- */

static void answer(struct errand *errand) {
	struct request *request = TAKE(errand->request);
	bool anew = errand->anew;

	if (request)
		request->errand = NULL;
	if (request && !anew)
		request_outcome(request, TAKE(errand->report), errand->error, errand->text);
	errand_free(errand);
	if (request && anew)
		request_begin_anew(request);
}

/* What was done can't be taken back, but what it has yielded stays here. */
static void on_result(void *userdata, int error, const char *text, uint64_t seq) {
	struct errand *errand = userdata;

	if (error < 0 && errand->error == 0) {
		wire_report_free(TAKE(errand->report));
		errand->error = error;
		(void)snprintf(errand->text, sizeof(errand->text), "it was done, but its result is withheld, since %.900s", text);
	}
	answer(errand);
}

static void conclude(struct errand *errand, struct wire_report *report, int error, const char *text) {
	struct audit *audit = errand->agent->audit;

	if (error == 0 && errand->request)
		error = request_check(errand->request, report);
	errand->error = error;
	(void)snprintf(errand->text, sizeof(errand->text), "%s", text);
	errand->report = report;
	if (error < 0)
		wire_report_free(TAKE(errand->report));
	if (!audit) {
		answer(errand);
		return;
	}
	json_t *record = audit_record_result(errand->intent);
	if (record && !audit_record_outcome(record, error, text)) {
		json_decref(record);
		record = NULL;
	}
	int r = audit_write(audit, record, errand->agent->config->audit.durable_results, on_result, errand, NULL);
	if (r < 0)
		on_result(errand, r, smime_strerror(r), AUDIT_NO_SEQ);
}

/* ---- Other rules ---- */

bool errands_linger(const struct agent *agent) {
	const struct errand *errand;

	TAILQ_FOREACH(errand, &agent->errands, link)
	if (errand->outdated && errand->ticket)
		return true;
	return false;
}

static void ticket_is_over(struct errand *errand) {
	errand->ticket = NULL;
	if (errand->outdated && !errands_linger(errand->agent))
		requests_errands_over(errand->agent);
}

static void conclude_outdated(struct errand *errand) {
	errand->anew = true;
	conclude(errand, NULL, -SMIME_E_DENIED, "the policy was read again before this was begun, and it is decided anew");
}

/* What is withdrawn can end other errands, or begin some; those were decided now. */
static struct errand *next_to_withdraw(const struct agent *agent) {
	struct errand *errand;

	TAILQ_FOREACH(errand, &agent->errands, link)
	if (errand->outdated && errand->ticket && !errand->withdrawn)
		return errand;
	return NULL;
}

void errands_judge_anew(struct agent *agent) {
	struct errand *errand;

	TAILQ_FOREACH(errand, &agent->errands, link)
	errand->outdated = true;
	while ((errand = next_to_withdraw(agent))) {
		errand->withdrawn = true;
		if (ticket_withdraw(errand->ticket, &errand->anew))
			continue;
		ticket_is_over(errand);
		conclude_outdated(errand);
	}
}

/* ---- What came of the order ---- */

static void on_outcome(void *userdata, struct wire_report *report, int error, const char *text) {
	struct errand *errand = userdata;

	ticket_is_over(errand);
	errand->anew = errand->anew && error < 0;
	if (errand->anew)
		conclude_outdated(errand);
	else
		conclude(errand, report, error, text);
}

/* ---- INTENT, order ---- */

/* The worker of the token that the record names, if it has not gone since. */
static struct worker *find_worker(const struct errand *errand) {
	const struct wire_order_body *body = errand->order->body;
	struct worker *worker = body->type == WIRE_ORDER_SIGN ? inventory_find_key(errand->agent, body->sign->request->key) :
		body->type == WIRE_ORDER_DECRYPT              ? inventory_find_key(errand->agent, body->decrypt->request->key) :
								inventory_find_token(errand->agent, errand->token);

	return worker && ASN1_OCTET_STRING_cmp(worker_token(worker)->id, errand->token) == 0 ? worker : NULL;
}

static void give_order(struct errand *errand) {
	struct worker *worker = find_worker(errand);
	int r = worker ? worker_submit(worker, TAKE(errand->order), errand->hello, errand->uid, on_outcome, errand, &errand->ticket) :
			 -SMIME_E_TOKEN_GONE;

	if (r < 0)
		conclude(errand, NULL, r, r == -SMIME_E_TOKEN_FAULT ? worker_fault(worker) : "");
}

static void on_intent(void *userdata, int error, const char *text, uint64_t seq) {
	struct errand *errand = userdata;

	errand->intent = seq;
	if (error < 0) {
		errand->error = error;
		(void)snprintf(errand->text, sizeof(errand->text), "%.900s; nothing was done", text);
		answer(errand);
	} else if (!errand->request) {
		conclude(errand, NULL, -SMIME_E_AGENT_GONE, "the client has gone; the token was not asked");
	} else if (errand->outdated) {
		conclude_outdated(errand);
	} else {
		give_order(errand);
	}
}

static bool fill_in(struct errand *errand, const struct worker *worker, struct wire_order *order) {
	errand->order = order;
	errand->hello = ASN1_item_dup(wire_hello_it(), errand->request->peer->hello);
	errand->token = ASN1_OCTET_STRING_dup(worker_token(worker)->id);
	return order && errand->hello && errand->token;
}

void errand_begin(struct request *request, struct worker *worker, struct wire_order *order, const struct audit_ground *ground) {
	struct errand *errand = errand_new(request);
	int r = -SMIME_E_NO_MEMORY;

	if (!errand) {
		wire_order_free(order);
		request_fail(request, r, "");
		return;
	}
	if (fill_in(errand, worker, order))
		r = errand->agent->audit ?
			audit_write(errand->agent->audit,
				describe("intent", request, order->body->type == WIRE_ORDER_UNLOCK, worker_token(worker), ground), true,
				on_intent, errand, NULL) :
			1;
	if (r > 0) {
		give_order(errand);
	} else if (r < 0) {
		errand_free(errand);
		request_fail(request, r, "");
	}
}

/* ---- DENIED ---- */

static void on_denied(void *userdata, int error, const char *text, uint64_t seq) {
	answer(userdata);
}

void errand_deny(struct request *request, const struct wire_token *token, int error, const char *text, const struct audit_ground *ground) {
	struct audit *audit = request->peer->agent->audit;
	struct errand *errand = audit ? errand_new(request) : NULL;

	if (errand) {
		errand->error = error;
		(void)snprintf(errand->text, sizeof(errand->text), "%s", text);
		if (audit_write(audit, describe_denied(request, token, error, text, ground), true, on_denied, errand, &errand->entry) == 0)
			return;
		errand_free(errand);
	}
	request_fail(request, error, text);
}

/* ---- The client has gone ---- */

void errand_withdrawn(
	struct request *request, const struct wire_token *token, int error, const char *text, const struct audit_ground *ground) {
	struct audit *audit = request->peer->agent->audit;

	if (audit)
		(void)audit_write(audit, describe_denied(request, token, error, text, ground), false, NULL, NULL, NULL);
}

struct errand *errand_abandon(struct errand *errand) {
	if (!errand)
		return NULL;
	errand->request = NULL;
	if (errand->entry) {
		(void)audit_abandon(errand->entry);
		errand_free(errand);
	} else if (errand->ticket && !ticket_abandon(errand->ticket)) {
		ticket_is_over(errand);
		conclude(errand, NULL, -SMIME_E_AGENT_GONE, "the client has gone; the token was not asked");
	}
	return NULL;
}
