/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests about the policy itself: reload, explain. Both are for the agent's own user alone, and what touches others is for him at this machine.
 */
#include "request-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "inventory.h"
#include "judge.h"
#include "reload.h"
#include "request-errand.h"

static bool refuse(struct request *request, const char *text) {
	const struct audit_ground ground = { NULL, NULL };

	errand_deny(request, NULL, -SMIME_E_DENIED, text, &ground);
	return false;
}

/* What rules say of others tells a stranger how to get around them. */
static bool is_own(struct request *request) {
	return peer_is_own(request->peer) || refuse(request, "only the agent's own user may ask this");
}

/* Reading rules again closes what is being asked, and which processes there are is nothing to another machine. */
static bool is_here(struct request *request) {
	return peer_is_here(request->peer) || refuse(request, "only the agent's own user may ask this, and on this machine");
}

void request_handle_reload(struct request *request) {
	_cleanup_(freep) char *message = NULL;
	int r;

	if (!is_here(request))
		return;
	r = reload(request->peer->agent, &message);
	if (r < 0)
		request_fail(request, r, message ? message : "");
	else
		request_answer_reloaded(request);
}

/* Whose the operation would be: the client's own, or that of a process that it names. */
static int find_identity(struct request *request, struct identity *ret_other, struct identity **ret_identity) {
	uint32_t pid = request->wire->body->explain->pid;
	int r = pid == 0 ? 0 : identity_of_process((pid_t)pid, ret_other);

	*ret_identity = pid == 0 ? &request->peer->identity : ret_other;
	return r;
}

void request_handle_explain(struct request *request) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = wire_reply_make(request->wire->id, WIRE_REPLY_EXPLAIN);
	_cleanup_(identity_clear) struct identity other = IDENTITY_NOBODY;
	const struct wire_explain *explain = request->wire->body->explain;
	const struct agent *agent = request->peer->agent;
	struct identity *identity = NULL;

	if (!(explain->pid ? is_here(request) : is_own(request)))
		return;
	if (explain->operation >= POLICY_OPERATIONS)
		request_fail(request, -SMIME_E_USAGE, "there is no such operation");
	else if (explain->key && !inventory_find_key(agent, explain->key))
		request_fail(request, -SMIME_E_NO_KEY, "no token that is present has this key; `smime keys` lists those that are");
	else if (find_identity(request, &other, &identity) < 0)
		request_fail(request, -SMIME_E_USAGE, "there is no process of this number");
	else if (!reply || judge_explain(agent, identity, explain, reply->body->explain) < 0)
		request_fail(request, -SMIME_E_NO_MEMORY, "");
	else
		request_answer(request, reply);
}
