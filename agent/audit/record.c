/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records from requests; see record.h. Of a record that lacks a member for want of memory nothing is left.
 */
#include "record.h"

#include <openssl/sha.h>
#include <smime/error.h>

#include "agent/wire/limits.h"
#include "agent/wire/text.h"
#include "audit.h"

enum { OBJECT_MAX_BYTES = 100, TEXT_MAX_BYTES = 4096 };

/* Sets a member, whose value is owned here. */
static void set(json_t **record, const char *name, json_t *value) {
	if (json_object_set_new(*record, name, value) == 0)
		return;
	json_decref(*record);
	*record = NULL;
}

static json_t *hex(struct bytes octets) {
	static const char digits[] = "0123456789abcdef";
	_cleanup_(freep) char *text = malloc(2 * octets.len + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < octets.len; i++) {
		text[2 * i] = digits[octets.data[i] >> 4];
		text[2 * i + 1] = digits[octets.data[i] & 15];
	}
	return json_stringn(text, 2 * octets.len);
}

static json_t *name_of(const ASN1_OBJECT *object) {
	char text[OBJECT_MAX_BYTES];

	return OBJ_obj2txt(text, sizeof(text), object, 0) > 0 ? json_string(text) : NULL;
}

json_t *audit_record_text(const char *text) {
	json_t *value = text ? json_string(text) : json_null();
	char clean[TEXT_MAX_BYTES];

	return value ? value : json_stringn(clean, text_clean(text, clean, sizeof(clean)));
}

static json_t *hash_of(const ASN1_OCTET_STRING *octets) {
	struct bytes data = wire_octets(octets);
	uint8_t hash[WIRE_FINGERPRINT_BYTES];

	return SHA256(data.data, data.len, hash) ? hex((struct bytes){ hash, sizeof(hash) }) : NULL;
}

static json_t *describe_token(const struct wire_token *token) {
	return json_pack(
		"{s:o, s:s, s:s}", "id", hex(wire_octets(token->id)), "serial", wire_text(token->serial), "label", wire_text(token->label));
}

static void add_sign(json_t **record, const struct wire_sign *sign) {
	set(record, "key", hex(wire_octets(sign->key)));
	if (sign->certificate)
		set(record, "certificate", hex(wire_octets(sign->certificate)));
	set(record, "digest",
		json_pack("{s:o, s:o}", "algorithm", name_of(sign->digest_algorithm), "value", hex(wire_octets(sign->digest))));
	if (sign->pss)
		set(record, "pss", json_true());
	if (sign->from)
		set(record, "from", json_string(wire_text(sign->from)));
}

static void add_decrypt(json_t **record, const struct wire_decrypt *decrypt) {
	set(record, "key", hex(wire_octets(decrypt->key)));
	set(record, "content_type", name_of(decrypt->content_type));
	set(record, "cipher", name_of(decrypt->content_encryption->algorithm));
	set(record, "recipient_info", hash_of(decrypt->recipient_info));
}

static const char *operation_of(const struct wire_request *request) {
	switch (request->body->type) {
	case WIRE_SIGN:
		return "sign";
	case WIRE_DECRYPT:
		return "decrypt";
	case WIRE_PIN_CHANGE:
		return "pin-change";
	case WIRE_PIN_UNBLOCK:
		return "pin-unblock";
	case WIRE_LOCK:
		return "lock";
	case WIRE_SUBSCRIBE:
		return "watch";
	case WIRE_RELOAD:
		return "policy-reload";
	case WIRE_EXPLAIN:
		return "policy-explain";
	default:
		return "unlock";
	}
}

json_t *audit_record_request(const char *kind, const struct wire_request *request, bool login, const struct wire_token *token,
	json_t *client, const struct audit_ground *ground) {
	json_t *record =
		json_pack("{s:s, s:s, s:o}", "kind", kind, "operation", login ? "unlock" : operation_of(request), "client", client);

	if (token)
		set(&record, "token", describe_token(token));
	if (request->body->type == WIRE_SIGN && !login)
		add_sign(&record, request->body->sign);
	else if (request->body->type == WIRE_DECRYPT && !login)
		add_decrypt(&record, request->body->decrypt);
	set(&record, "rule", audit_record_text(ground->rule));
	set(&record, "policy", audit_record_text(ground->policy));
	return record;
}

json_t *audit_record_result(uint64_t intent) {
	json_t *record = json_pack("{s:s}", "kind", "result");

	set(&record, "intent", intent == AUDIT_NO_SEQ ? json_null() : json_integer((json_int_t)intent));
	return record;
}

bool audit_record_outcome(json_t *record, int error, const char *text) {
	json_t *outcome = error == 0 ? json_pack("{s:s}", "result", "ok") :
				       json_pack("{s:s, s:i, s:o}", "result", "error", "code", -error, "text",
					       audit_record_text(*text ? text : smime_strerror(error)));

	return json_object_set_new(record, "outcome", outcome) == 0;
}
