/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_policy_explain(), _reload() and _check(): what the agent's policy says. Nothing is decided here.
 */
#include <ctype.h>
#include <string.h>

#include "agent.h"
#include "agent/wire/limits.h"
#include "arena.h"
#include "select.h"

struct explanation_object {
	struct smime_explanation explanation; /* first: its address is the object's */
	struct arena arena;
};

static int find_operation(struct smime *s, const char *name, uint32_t *ret_operation) {
	static const char *const names[] = { "sign", "decrypt", "raw-sign", "raw-decrypt", "derive", "unlock", "list" };

	for (uint32_t i = 0; i < ELEMENTSOF(names); i++)
		if (strcmp(names[i], name) == 0) {
			*ret_operation = i;
			return 0;
		}
	return smime_fail(s, SMIME_E_USAGE,
		"there is no operation %s; there are sign, decrypt, raw-sign, raw-decrypt, derive, unlock and list", name);
}

/* A whole fingerprint names any key, also one that can't sign. */
static bool parse_fingerprint(const char *text, uint8_t fingerprint[WIRE_FINGERPRINT_BYTES]) {
	static const char digits[] = "0123456789abcdef";

	if (strlen(text) != 2 * (size_t)WIRE_FINGERPRINT_BYTES)
		return false;
	for (size_t i = 0; i < 2 * (size_t)WIRE_FINGERPRINT_BYTES; i++) {
		const char *digit = strchr(digits, tolower((unsigned char)text[i]));

		if (!digit)
			return false;
		fingerprint[i / 2] = (uint8_t)(fingerprint[i / 2] << 4 | (digit - digits));
	}
	return true;
}

static int name_key(struct smime *s, const char *name, ASN1_OCTET_STRING **ret_key) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	uint8_t fingerprint[WIRE_FINGERPRINT_BYTES] = { 0 };
	struct selection selection;
	int r = 0;

	if (!parse_fingerprint(name, fingerprint)) {
		r = keyring_fetch(s, &keyring);
		if (r == 0)
			r = select_for_signing(s, keyring, name, NULL, time(NULL), &selection);
		if (r < 0)
			return r;
		memcpy(fingerprint, wire_octets(selection.key->wire->spki).data, sizeof(fingerprint));
	}
	*ret_key = ASN1_OCTET_STRING_new();
	r = *ret_key ? wire_set_octets(ret_key, fingerprint, sizeof(fingerprint)) : -SMIME_E_NO_MEMORY;
	return r < 0 ? smime_fail_at(s, r, "the key") : 0;
}

static int describe(const struct wire_explain_reply *from, struct smime_explanation **ret_explanation) {
	struct explanation_object *object = calloc(1, sizeof(*object));
	struct arena *arena;

	if (!object)
		return -SMIME_E_NO_MEMORY;
	arena = &object->arena;
	object->explanation = (struct smime_explanation){
		.outcome = from->outcome <= SMIME_POLICY_DENY ? (enum smime_policy_outcome)from->outcome : SMIME_POLICY_DENY,
		.rule = arena_text(arena, wire_text(from->rule)),
		.file = arena_text(arena, wire_text(from->file)),
		.line = from->line,
		.text = arena_text(arena, wire_text(from->text)),
		.client = arena_text(arena, wire_text(from->client)),
		.key = arena_text(arena, wire_text(from->key)),
		.policy = arena_text(arena, wire_text(from->policy)),
		.fresh_pin = from->fresh_pin,
	};
	if (arena_failed(arena)) {
		(void)smime_explanation_free(&object->explanation);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_explanation = &object->explanation;
	return 0;
}

SMIME_API struct smime_explanation *smime_explanation_free(struct smime_explanation *explanation) {
	struct explanation_object *object = (struct explanation_object *)explanation;

	if (object)
		arena_clear(&object->arena);
	free(object);
	return NULL;
}

SMIME_API int smime_policy_explain(struct smime *s, const char *operation, const char *key, const char *from, unsigned pid,
	struct smime_explanation **ret_explanation) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_EXPLAIN);
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	uint32_t number = 0;
	int r = find_operation(s, operation, &number);

	if (r == 0 && !request)
		r = smime_fail_at(s, -SMIME_E_NO_MEMORY, "the request");
	if (r == 0 && key)
		r = name_key(s, key, &request->body->explain->key);
	if (r < 0)
		return r;
	request->body->explain->operation = number;
	request->body->explain->pid = pid;
	if (from)
		r = wire_set_text(&request->body->explain->from, from);
	if (r == 0)
		r = agent_call(s, request, WIRE_REPLY_EXPLAIN, &reply);
	if (r < 0)
		return r;
	r = describe(reply->body->explain, ret_explanation);
	return r < 0 ? smime_fail_at(s, r, "the answer") : 0;
}

SMIME_API int smime_policy_reload(struct smime *s) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_RELOAD);
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;

	return agent_call(s, request, WIRE_REPLY_DONE, &reply);
}

SMIME_API int smime_policy_check(struct smime *s, const char *file) {
	return agent_check_config(s, file);
}
