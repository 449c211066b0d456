/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the policy; see judge.h.
 */
#include "judge.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "facts.h"
#include "inventory.h"
#include "request-errand.h"
#include "request-internal.h"
#include "session.h"

static uint64_t boot_us(void) {
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The certificate that a signature is made with, as the token process chooses it; of any other use the newest. */
static struct bytes certificate_of(const struct wire_key *key, const ASN1_OCTET_STRING *named) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(key->certificates); i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(key->certificates, i));
		uint8_t sha256[SHA256_DIGEST_LENGTH];

		if (!named)
			return der;
		(void)SHA256(der.data, der.len, sha256);
		if (wire_octets_equal(named, sha256, sizeof(sha256)))
			return der;
	}
	return (struct bytes){ NULL, 0 };
}

static void describe_key(const struct agent *agent, const struct wire_key *key, const struct worker *worker, const ASN1_OCTET_STRING *named,
	struct policy_key *ret_key) {
	struct bytes der = certificate_of(key, named);

	*ret_key = (struct policy_key){
		.key = key, .token = worker_token(worker), .evidence = (enum policy_evidence)key->evidence, .touch = key->touch
	};
	if (der.data)
		ret_key->certificate = facts_of(agent->facts, der);
}

static void describe_client(const struct identity *identity, const struct identity_now *now, struct policy_client *ret_client) {
	*ret_client = (struct policy_client){
		.uid = identity->uid,
		.own_uid = geteuid(),
		.gid = identity->gid,
		.label = identity->label,
		.unit = now->unit,
		.executable = now->executable,
		.remote = now->remote,
	};
}

static void describe_signature(const struct wire_sign *sign, struct policy_question *question) {
	const EVP_MD *md = EVP_get_digestbyobj(sign->digest_algorithm);

	question->digest_bits = md ? 8 * (unsigned)EVP_MD_get_size(md) : 0;
	question->from = sign->from ? wire_text(sign->from) : NULL;
}

/* ChaCha20-Poly1305 of RFC 8103 has no name in OpenSSL that leads to a cipher. */
static void describe_decryption(const struct wire_decrypt *decrypt, struct policy_question *question) {
	enum { CHACHA20_BITS = 256 };
	char oid[64] = "";
	const ASN1_OBJECT *object = decrypt->content_encryption->algorithm;
	const EVP_CIPHER *cipher = EVP_get_cipherbyobj(object);

	(void)OBJ_obj2txt(oid, sizeof(oid), object, 1);
	question->cipher_bits = cipher ? 8 * (unsigned)EVP_CIPHER_get_key_length(cipher) : 0;
	question->authenticated = cipher && (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER);
	if (strcmp(oid, "1.2.840.113549.1.9.16.3.18") == 0) {
		question->cipher_bits = CHACHA20_BITS;
		question->authenticated = true;
	}
}

static void describe_moment(const struct agent *agent, struct policy_question *question) {
	question->now = time(NULL);
	question->now_us = boot_us();
	session_state(agent->session, &question->session_active, &question->session_unlocked);
}

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

static void refuse(struct request *request, const struct policy_decision *decision) {
	char text[WIRE_TEXT_MAX_BYTES], where[300] = "the policy has no rule that lets this client do it";

	if (decision->file)
		(void)snprintf(where, sizeof(where), "rule \"%.100s\", %.150s:%u", decision->name, decision->file, decision->line);
	(void)snprintf(text, sizeof(text), "the policy does not allow it%s%.500s (%s)", decision->text ? ": " : "",
		decision->text ? decision->text : "", where);
	judge_refuse(request, decision, text);
}

/* What a client's process is, where some rule asks. */
static int look(const struct peer *peer, struct identity_now *ret_now) {
	*ret_now = (struct identity_now){ .remote = POLICY_DONT_KNOW };
	return policy_names_processes(peer->agent->config->policy) ? identity_look(&peer->identity, ret_now) : 0;
}

int judge_request(struct request *request, enum policy_operation operation, const ASN1_OCTET_STRING *spki, struct worker *worker,
	struct verdict *ret_verdict) {
	const struct agent *agent = request->peer->agent;
	const struct wire_request_body *body = request->wire->body;
	const struct wire_key *found = spki ? inventory_key_of(worker, spki) : NULL;
	struct policy_question question = { .operation = operation, .token = worker ? worker_token(worker) : NULL };
	struct policy_key key;

	*ret_verdict = (struct verdict){ .operation = operation, .key = spki };
	if (look(request->peer, &ret_verdict->now) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return -SMIME_E_DENIED;
	}
	describe_client(&request->peer->identity, &ret_verdict->now, &question.client);
	describe_moment(agent, &question);
	if (found) {
		const ASN1_OCTET_STRING *named = body->type == WIRE_SIGN ? body->sign->certificate : NULL;

		describe_key(agent, found, worker, named, &key);
		question.key = &key;
		ret_verdict->found = found;
		ret_verdict->certificate = certificate_of(found, named);
	}
	if (body->type == WIRE_SIGN)
		describe_signature(body->sign, &question);
	if (body->type == WIRE_DECRYPT)
		describe_decryption(body->decrypt, &question);
	policy_decide(agent->config->policy, &question, &ret_verdict->decision);
	if (ret_verdict->decision.outcome == POLICY_ASK && !policy_names_processes(agent->config->policy) &&
		identity_look(&request->peer->identity, &ret_verdict->now) < 0) {
		request_fail(request, -SMIME_E_NO_MEMORY, "");
		return -SMIME_E_DENIED;
	}
	if (ret_verdict->decision.outcome != POLICY_DENY)
		return 0;
	refuse(request, &ret_verdict->decision);
	return -SMIME_E_DENIED;
}

void verdict_clear(struct verdict *verdict) {
	identity_now_clear(&verdict->now);
}

/* What would be decided of what is only shown, so that no request ends with it. */
static enum policy_outcome judge_view(
	const struct peer *peer, enum policy_operation operation, const struct wire_key *of, const struct worker *worker) {
	struct policy_question question = { .operation = operation, .token = worker ? worker_token(worker) : NULL };
	struct policy_decision decision;
	struct identity_now now;
	struct policy_key key;

	if (look(peer, &now) < 0)
		return POLICY_DENY;
	describe_client(&peer->identity, &now, &question.client);
	describe_moment(peer->agent, &question);
	if (of) {
		describe_key(peer->agent, of, worker, NULL, &key);
		question.key = &key;
	}
	policy_decide(peer->agent->config->policy, &question, &decision);
	identity_now_clear(&now);
	return decision.outcome;
}

bool judge_list(const struct peer *peer, const struct wire_key *of, const struct worker *worker) {
	return judge_view(peer, POLICY_LIST, of, worker) == POLICY_ALLOW;
}

bool judge_unlock(const struct peer *peer, const struct worker *worker) {
	return judge_view(peer, POLICY_UNLOCK, NULL, worker) != POLICY_DENY;
}

void judge_count(const struct verdict *verdict) {
	policy_count(&verdict->decision, boot_us());
}

/* ---- Explaining ---- */

static void say_client(const struct policy_client *client, char *text, size_t size) {
	static const char *const remote[] = { [POLICY_NO] = "no", [POLICY_YES] = "yes", [POLICY_DONT_KNOW] = "not known" };

	(void)snprintf(text, size, "uid %u, gid %u, unit %s, label %s, executable %.300s, remote %s", (unsigned)client->uid,
		(unsigned)client->gid,
		!client->unit         ? "not known" :
			*client->unit ? client->unit :
					"none",
		!client->label         ? "not known" :
			*client->label ? client->label :
					 "none",
		client->executable ? client->executable : "not known", remote[client->remote]);
}

static void say_key(const struct policy_key *key, char *text, size_t size) {
	const struct policy_certificate *certificate = key->certificate;

	(void)snprintf(text, size, "%.64s on token %.64s, %s%.200s, issuer %.300s, evidence %s (%s)", wire_text(key->key->label),
		wire_text(key->token->label), certificate && certificate->addresses[0] ? "address " : "no address",
		certificate && certificate->addresses[0] ? certificate->addresses[0] : "", certificate ? certificate->issuer : "not known",
		policy_evidence_name(key->evidence), wire_text(key->key->evidence_why));
}

static int say_decision(const struct policy_decision *decision, struct wire_explain_reply *reply) {
	int r = wire_set_text(&reply->rule, decision->name);

	reply->outcome = (uint32_t)decision->outcome;
	reply->line = decision->line;
	if (r == 0)
		r = wire_set_text(&reply->file, decision->file ? decision->file : "");
	return r < 0 ? r : wire_set_text(&reply->text, decision->text ? decision->text : "");
}

int judge_explain(
	const struct agent *agent, const struct identity *identity, const struct wire_explain *explain, struct wire_explain_reply *reply) {
	struct worker *worker = explain->key ? inventory_find_key(agent, explain->key) : NULL;
	struct policy_question question = { .operation = (enum policy_operation)explain->operation };
	struct policy_decision decision;
	struct identity_now now;
	struct policy_key key;
	char text[WIRE_TEXT_MAX_BYTES] = "";

	if (identity_look(identity, &now) < 0)
		return -SMIME_E_NO_MEMORY;
	describe_client(identity, &now, &question.client);
	describe_moment(agent, &question);
	question.from = explain->from ? wire_text(explain->from) : NULL;
	if (worker) {
		describe_key(agent, inventory_key_of(worker, explain->key), worker, NULL, &key);
		question.key = &key;
		question.token = worker_token(worker);
		say_key(&key, text, sizeof(text));
	}
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
