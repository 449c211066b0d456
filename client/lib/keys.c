/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_keys(): the agent's keys as a public structure.
 */
#include <time.h>

#include "describe.h"
#include "uri.h"

struct keys_object {
	struct smime_keys keys; /* first: its address is the object's */
	struct arena arena;
};

static const char *key_algorithm(struct arena *arena, const struct keyring_key *key) {
	switch (key->wire->type) {
	case WIRE_KEY_RSA:
		return arena_printf(arena, "RSA-%u", key->wire->bits);
	case WIRE_KEY_EC:
		return arena_printf(arena, "EC-%u", key->wire->bits);
	case WIRE_KEY_ED25519:
		return arena_text(arena, "Ed25519");
	case WIRE_KEY_XDH:
		return arena_text(arena, describe_xdh(key));
	default:
		return key->certificate_count > 0 ? describe_public_key(arena, key->certificates[0]) : arena_text(arena, "unknown");
	}
}

static const char *hex(struct arena *arena, const ASN1_OCTET_STRING *octets) {
	struct bytes bytes = wire_octets(octets);

	return arena_hex(arena, bytes.data, bytes.len);
}

static const char *key_uri(struct arena *arena, const struct wire_key *key, const struct wire_token *token) {
	_cleanup_(freep) char *text = NULL;

	if (uri_format(key, token, &text) < 0) {
		arena->failed = true;
		return NULL;
	}
	return arena_text(arena, text);
}

/* What a later agent calls better than all that is known here is none of it. */
static const char *evidence_name(uint32_t level) {
	static const char *const names[] = { "software", "claimed", "enrolled", "ca-policy", "attested" };

	return names[level < ELEMENTSOF(names) ? level : 0];
}

static void describe(struct arena *arena, const struct keyring_key *from, time_t now, struct smime_key *key) {
	const struct wire_token *token = from->token ? from->token->token : NULL;
	struct smime_certificate *certificates = arena_alloc(arena, from->certificate_count, sizeof(*certificates));

	key->fingerprint = hex(arena, from->wire->spki);
	key->id = hex(arena, from->wire->id);
	key->label = arena_text(arena, wire_text(from->wire->label));
	key->uri = key_uri(arena, from->wire, token);
	key->token_label = arena_text(arena, token ? wire_text(token->label) : "");
	key->token_serial = arena_text(arena, token ? wire_text(token->serial) : "");
	key->token_id = hex(arena, from->wire->token);
	key->algorithm = key_algorithm(arena, from);
	key->can_sign = from->wire->can_sign;
	key->can_decrypt = from->wire->can_decrypt;
	key->seen = from->wire->seen;
	key->always_authenticate = from->wire->always_authenticate;
	key->evidence = evidence_name(from->wire->evidence);
	key->evidence_why = arena_text(arena, wire_text(from->wire->evidence_why));
	key->touch = from->wire->touch;
	for (size_t i = 0; certificates && i < from->certificate_count; i++)
		describe_certificate(arena, from->certificates[i], from, now, &certificates[i]);
	key->certificates = certificates;
	key->certificate_count = certificates ? from->certificate_count : 0;
}

SMIME_API int smime_keys(struct smime *s, struct smime_keys **ret_keys) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	struct keys_object *object;
	int r = keyring_fetch(s, &keyring);

	if (r < 0)
		return r;
	object = calloc(1, sizeof(*object));
	struct smime_key *keys = object ? arena_alloc(&object->arena, keyring->count, sizeof(*keys)) : NULL;
	for (size_t i = 0; keys && i < keyring->count; i++)
		describe(&object->arena, &keyring->keys[i], time(NULL), &keys[i]);
	if (!object || arena_failed(&object->arena)) {
		(void)smime_keys_free(object ? &object->keys : NULL);
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	}
	object->keys.keys = keys;
	object->keys.count = keyring->count;
	*ret_keys = &object->keys;
	return 0;
}

SMIME_API struct smime_keys *smime_keys_free(struct smime_keys *keys) {
	struct keys_object *object = (struct keys_object *)keys;

	if (object)
		arena_clear(&object->arena);
	free(object);
	return NULL;
}
