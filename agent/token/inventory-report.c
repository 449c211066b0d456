/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An inventory in the words of the wire protocol. Public information only.
 */
#include <openssl/err.h>

#include "inventory.h"
#include "smime/error.h"

enum { KEY_CERTIFICATES_MAX_BYTES = 40 * 1024 };

DEFINE_CLEANUP(struct wire_key *, key_freep, wire_key_free)

static ASN1_BOOLEAN wire_bool(bool value) {
	return value ? 0xff : 0;
}

static int add_certificate(STACK_OF(ASN1_OCTET_STRING) **stack, X509 *certificate) {
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der), r = 0;

	if (len <= 0) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	if (len <= WIRE_CERTIFICATE_MAX_BYTES)
		r = wire_push_octets(stack, der, (size_t)len);
	OPENSSL_free(der);
	return r;
}

static int add_certificates(STACK_OF(ASN1_OCTET_STRING) **stack, STACK_OF(X509) *certificates) {
	int i, r = 0;

	for (i = 0; r == 0 && i < sk_X509_num(certificates); i++)
		r = add_certificate(stack, sk_X509_value(certificates, i));
	return r;
}

/* A key and its certificates are on one page: the oldest are left out when there are too many. */
static void drop_oldest(STACK_OF(ASN1_OCTET_STRING) *certificates) {
	size_t bytes = 0;
	int kept;

	for (kept = 0; kept < sk_ASN1_OCTET_STRING_num(certificates); kept++) {
		bytes += wire_octets(sk_ASN1_OCTET_STRING_value(certificates, kept)).len;
		if (bytes > KEY_CERTIFICATES_MAX_BYTES)
			break;
	}
	while (sk_ASN1_OCTET_STRING_num(certificates) > kept)
		ASN1_OCTET_STRING_free(sk_ASN1_OCTET_STRING_pop(certificates));
}

static int describe_key(const struct inventory_key *key, struct bytes token, struct wire_key **ret_description) {
	_cleanup_(key_freep) struct wire_key *description = wire_key_new();

	if (!description || wire_set_octets(&description->spki, key->spki, sizeof(key->spki)) < 0 ||
		wire_set_octets(&description->token, token.data, token.len) < 0 ||
		wire_set_octets(&description->id, key->id, key->id_len) < 0 || wire_set_text(&description->label, key->label) < 0 ||
		add_certificates(&description->certificates, key->certificates) < 0)
		return -SMIME_E_NO_MEMORY;
	drop_oldest(description->certificates);
	description->type = key->type;
	description->bits = (uint32_t)EVP_PKEY_get_bits(key->public);
	description->seen = wire_bool(key->seen);
	description->can_sign = wire_bool(key->can_sign);
	description->can_decrypt = wire_bool(key->can_decrypt);
	description->always_authenticate = wire_bool(key->always_authenticate);
	description->claims = key->claims;
	*ret_description = TAKE(description);
	return 0;
}

int inventory_describe(const struct inventory *inventory, struct bytes token, struct wire_inventory *description) {
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < inventory->count; i++) {
		struct wire_key *key = NULL;

		r = describe_key(&inventory->keys[i], token, &key);
		if (r == 0 && sk_wire_key_push(description->keys, key) <= 0) {
			wire_key_free(key);
			r = -SMIME_E_NO_MEMORY;
		}
	}
	return r < 0 ? r : add_certificates(&description->certificates, inventory->others);
}
