/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the lists; see candidates.h.
 */
#include "candidates.h"

#include "glance.h"

void candidates_clear(struct candidates *candidates) {
	for (size_t i = 0; candidates->own && i < candidates->count; i++)
		X509_free(candidates->certificates[i]);
	free(candidates->certificates);
	free(candidates->keys);
}

bool candidates_is_present(const struct keyring_key *key) {
	return key->token && key->token->state == WIRE_TOKEN_READY;
}

static void candidates_add(struct candidates *candidates, const struct keyring *keyring, bool present) {
	size_t i, n;

	for (i = 0; i < keyring->count; i++)
		for (n = 0; candidates_is_present(&keyring->keys[i]) == present && n < keyring->keys[i].certificate_count; n++) {
			candidates->certificates[candidates->count] = keyring->keys[i].certificates[n];
			candidates->keys[candidates->count++] = &keyring->keys[i];
		}
}

static int candidates_alloc(const struct keyring *keyring, struct candidates *candidates) {
	size_t total = 1;

	for (size_t i = 0; i < keyring->count; i++)
		total += (size_t)sk_ASN1_OCTET_STRING_num(keyring->keys[i].wire->certificates);
	candidates->certificates = calloc(total, sizeof(*candidates->certificates));
	candidates->keys = calloc(total, sizeof(*candidates->keys));
	return candidates->certificates && candidates->keys ? 0 : -SMIME_E_NO_MEMORY;
}

int candidates_make(const struct keyring *keyring, struct candidates *ret_candidates) {
	if (candidates_alloc(keyring, ret_candidates) < 0)
		return -SMIME_E_NO_MEMORY;
	candidates_add(ret_candidates, keyring, true);
	ret_candidates->present = ret_candidates->count;
	candidates_add(ret_candidates, keyring, false);
	return 0;
}

int candidates_glance(const struct keyring *keyring, struct candidates *ret_candidates) {
	ret_candidates->own = true;
	if (candidates_alloc(keyring, ret_candidates) < 0)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < keyring->count; i++) {
		const struct wire_key *key = keyring->keys[i].wire;

		for (int n = 0; n < sk_ASN1_OCTET_STRING_num(key->certificates); n++) {
			X509 *name = glance_name(wire_octets(sk_ASN1_OCTET_STRING_value(key->certificates, n)));

			if (!name)
				return 1;
			ret_candidates->certificates[ret_candidates->count] = name;
			ret_candidates->keys[ret_candidates->count++] = &keyring->keys[i];
		}
	}
	ret_candidates->present = ret_candidates->count;
	return 0;
}
