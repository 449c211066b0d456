/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What would be decided, and what is known of that, in words; see judge.h.
 */
#include "judge-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "inventory.h"

enum { GROUPS_MAX_BYTES = 200 };

/* The supplementary ones, as many as there is room for. */
static void say_groups(const struct policy_client *client, char text[GROUPS_MAX_BYTES]) {
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < client->group_count && len + sizeof(", 4294967295, ...") < GROUPS_MAX_BYTES; i++)
		len += (size_t)snprintf(text + len, GROUPS_MAX_BYTES - len, "%s%u", i ? " " : ", groups ", (unsigned)client->groups[i]);
	if (len + sizeof(", 4294967295, ...") >= GROUPS_MAX_BYTES)
		(void)snprintf(text + len, GROUPS_MAX_BYTES - len, " ...");
	if (client->groups_unknown)
		(void)snprintf(text, GROUPS_MAX_BYTES, ", groups not known");
}

static void say_client(const struct policy_client *client, char *text, size_t size) {
	static const char *const remote[] = { [POLICY_NO] = "no", [POLICY_YES] = "yes", [POLICY_DONT_KNOW] = "not known" };
	char groups[GROUPS_MAX_BYTES];

	say_groups(client, groups);
	(void)snprintf(text, size, "uid %u, gid %u%s, unit %s, label %s, executable %.300s, remote %s", (unsigned)client->uid,
		(unsigned)client->gid, groups,
		!client->unit         ? "not known" :
			*client->unit ? client->unit :
					"none",
		!client->label         ? "not known" :
			*client->label ? client->label :
					 "none",
		client->executable ? client->executable : "not known", remote[client->remote]);
}

static void say_key(const struct policy_key *key, char *text, size_t size) {
	const struct policy_certificate *certificate = key->certificate_count > 0 ? key->certificates[0] : NULL;

	(void)snprintf(text, size, "%.64s on token %.64s, %s%.200s, issuer %.300s, evidence %s (%s)", wire_text(key->key->label),
		wire_text(key->token->label), certificate && certificate->addresses[0] ? "address " : "no address",
		certificate && certificate->addresses[0] ? certificate->addresses[0] : "", certificate ? certificate->issuer : "not known",
		policy_evidence_name(key->evidence), wire_text(key->key->evidence_why));
}

static int say_decision(const struct policy_decision *decision, struct wire_explain_reply *reply) {
	static const char before_login[] =
		"as far as it is known: the token tells which key this is once it is unlocked, and is decided then";
	const char *text = decision->login ? before_login : decision->text;
	int r = wire_set_text(&reply->rule, decision->name);

	reply->outcome = (uint32_t)decision->outcome;
	reply->line = decision->line;
	reply->fresh_pin = decision->fresh_pin && decision->outcome != POLICY_DENY ? 0xff : 0;
	if (r == 0)
		r = wire_set_text(&reply->file, decision->file ? decision->file : "");
	return r < 0 ? r : wire_set_text(&reply->text, text ? text : "");
}

/* What smime would ask for when nobody tells it otherwise: SHA-256, and a message in AES-256 that does not show changes. */
static void assume_strength(struct policy_question *question) {
	enum { SHA256_BITS = 256, AES256_BITS = 256 };

	question->digest_bits = question->operation == POLICY_SIGN ? SHA256_BITS : 0;
	question->cipher_bits = question->operation == POLICY_DECRYPT ? AES256_BITS : 0;
}

/* Unlocking is of a token, whichever of its keys was named, and everything else of a key, though it be any. */
static void describe_object(
	const struct wire_explain *explain, const struct worker *worker, const struct policy_key *key, struct policy_question *question) {
	question->token = worker ? worker_token(worker) : NULL;
	if (question->operation == POLICY_UNLOCK)
		return;
	question->key = worker ? key : NULL;
	question->spki = explain->key ? explain->key : judge_any_key();
}

int judge_explain(
	const struct agent *agent, struct identity *identity, const struct wire_explain *explain, struct wire_explain_reply *reply) {
	struct worker *worker = explain->key ? inventory_find_key(agent, explain->key) : NULL;
	struct policy_question question = { .operation = (enum policy_operation)explain->operation };
	struct judge_certificates certificates;
	struct policy_decision decision;
	struct identity_now now;
	struct policy_key key;
	char text[WIRE_TEXT_MAX_BYTES] = "";

	if (identity_look(identity, &now) < 0)
		return -SMIME_E_NO_MEMORY;
	judge_describe_client(identity, &now, &question.client);
	judge_describe_moment(agent, &question);
	question.from = explain->from ? wire_text(explain->from) : NULL;
	if (worker) {
		judge_describe_key(agent, inventory_key_of(worker, explain->key), worker, NULL, &certificates, &key);
		say_key(&key, text, sizeof(text));
	}
	describe_object(explain, worker, &key, &question);
	assume_strength(&question);
	policy_decide(agent->config->policy, &question, &decision);
	int r = say_decision(&decision, reply);
	if (r == 0)
		r = wire_set_text(&reply->key, text);
	say_client(&question.client, text, sizeof(text));
	if (r == 0)
		r = wire_set_text(&reply->client, text);
	identity_now_clear(&now);
	return r < 0 ? r : wire_set_text(&reply->policy, agent->config->hash);
}
