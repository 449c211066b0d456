/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a request to a question for the policy, and from its decision to what becomes of the request.
 *
 * The only place where the core asks the policy: what passes no judge_*() reaches no token. Who may neither use nor list a key is told the
 * same whether or not it is there, and so of tokens.
 */
#ifndef CORE_JUDGE_H
#define CORE_JUDGE_H

#include "agent/audit/record.h"
#include "identity.h"
#include "worker.h"

struct request;

struct verdict {
	struct policy_decision decision;
	const struct identity_now *now; /* the request's */
	enum policy_operation operation;
	const ASN1_OCTET_STRING *key;   /* or NULL; the request's */
	const ASN1_OCTET_STRING *token; /* id; or NULL */
	const struct wire_key *found; /* what the token says of it, and the certificate that it is used with; until the inventory changes */
	struct bytes certificate;
};

/*
 * The decision about a request of `operation` with a key of `worker`, or, where `spki` is NULL, with its token. `worker` is NULL where that is not
 * there. 0: it may go on, perhaps after somebody was asked; or be told that it is not there. -SMIME_E_DENIED: it was refused and is over, or
 * waits as it would for what is not there. JUDGE_LOGIN: it can't be said before the token is logged in, for which request_log_in() is; the decision is that about the login.
 */
enum { JUDGE_LOGIN = 1 };
int judge_request(struct request *request, enum policy_operation operation, const ASN1_OCTET_STRING *spki, struct worker *worker,
	struct verdict *ret_verdict);

/* On what ground something is done, for the audit log: `rule` has room for its name and place. All texts are others'. */
enum { JUDGE_RULE_BYTES = 320 };
struct audit_ground judge_ground(const struct agent *agent, const struct policy_decision *decision, char rule[JUDGE_RULE_BYTES]);

/* Refuses a request that a rule was asked about, in other words than the rule's. The request is over. */
void judge_refuse(struct request *request, const struct policy_decision *decision, const char *text);

/* Whether a client may know of a key. */
bool judge_list(struct request *request, const struct wire_key *key, const struct worker *worker);

/* Whether it may unlock a token: without anybody being asked, or after. */
bool judge_unlock(struct request *request, const struct worker *worker);

/* What is known, and what would be decided, without anything being done. `identity` is whose it would be; -SMIME_E_NO_MEMORY. */
int judge_explain(
	const struct agent *agent, struct identity *identity, const struct wire_explain *explain, struct wire_explain_reply *reply);

/* The operation is about to begin: what rules count is counted. */
void judge_count(const struct verdict *verdict);

#endif
