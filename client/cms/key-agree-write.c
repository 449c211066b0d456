/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypting a content-encryption key to a key on an elliptic curve: ephemeral-static Diffie-Hellman (RFC 5753 3.1.1, RFC 8418 3) and
 * AES key wrap.
 *
 * The ephemeral key serves one recipient of one message. Shared secret and key-encryption key are wiped.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "content-info.h"
#include "recipient-keys.h"
#include "shared-parts.h"
#include "smime/error.h"

enum {
	KEY_AGREE_VERSION = 3,
	POINT_UNCOMPRESSED = 4,
	RAW_KEY_MAX_BYTES = 56, /* X448 */
};

DEFINE_CLEANUP(BIGNUM *, bignum_freep, BN_free)

static int make_ephemeral(EVP_PKEY *key, EVP_PKEY **ret_ephemeral) {
	_cleanup_(evp_pkey_ctx_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (!context || EVP_PKEY_keygen_init(context) != 1 || EVP_PKEY_keygen(context, ret_ephemeral) != 1)
		return -SMIME_E_UNSUPPORTED;
	return 0;
}

static int derive(EVP_PKEY *ephemeral, EVP_PKEY *key, struct secret *z) {
	_cleanup_(evp_pkey_ctx_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, ephemeral, NULL);
	size_t len;
	int r;

	if (!context || EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, key) != 1 ||
		EVP_PKEY_derive(context, NULL, &len) != 1)
		return -SMIME_E_UNSUPPORTED;
	r = secret_alloc(z, len);
	if (r < 0)
		return r;
	if (EVP_PKEY_derive(context, z->data, &len) != 1 || len != z->len)
		return -SMIME_E_UNSUPPORTED;
	return 0;
}

static int set_bits(ASN1_BIT_STRING *bits, const uint8_t *data, size_t len) {
	if (ASN1_BIT_STRING_set(bits, (uint8_t *)(uintptr_t)data, (int)len) != 1)
		return -SMIME_E_NO_MEMORY;
	/* No unused bits: else OpenSSL drops trailing zero bits as those of a named bit list. */
	bits->flags &= ~0x07;
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	return 0;
}

/* The uncompressed form, which every reader knows; `field_len` is the length of a coordinate. */
static int set_point(ASN1_BIT_STRING *point, EVP_PKEY *ephemeral, size_t field_len) {
	_cleanup_(bignum_freep) BIGNUM *x = NULL, *y = NULL;
	_cleanup_(freep) uint8_t *data = malloc(1 + 2 * field_len);

	if (!data)
		return -SMIME_E_NO_MEMORY;
	if (EVP_PKEY_get_bn_param(ephemeral, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
		EVP_PKEY_get_bn_param(ephemeral, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1)
		return -SMIME_E_UNSUPPORTED;
	data[0] = POINT_UNCOMPRESSED;
	if (BN_bn2binpad(x, data + 1, (int)field_len) < 0 || BN_bn2binpad(y, data + 1 + field_len, (int)field_len) < 0)
		return -SMIME_E_UNSUPPORTED;
	return set_bits(point, data, 1 + 2 * field_len);
}

static int set_octets(ASN1_BIT_STRING *public, const EVP_PKEY *ephemeral) {
	uint8_t data[RAW_KEY_MAX_BYTES];
	size_t len = sizeof(data);

	if (EVP_PKEY_get_raw_public_key(ephemeral, data, &len) != 1)
		return -SMIME_E_UNSUPPORTED;
	return set_bits(public, data, len);
}

/* The types of keys are the NIDs of their algorithms, none of which has parameters here (RFC 5753 7.1.2, RFC 8418 3.2). */
static int set_originator(struct cms_key_agree *info, EVP_PKEY *ephemeral, size_t field_len) {
	struct cms_originator_key *originator = cms_originator_key_new();
	X509_ALGOR *algorithm = cms_algorithm(EVP_PKEY_get_base_id(ephemeral));

	if (!originator || !algorithm) {
		cms_originator_key_free(originator);
		X509_ALGOR_free(algorithm);
		return -SMIME_E_NO_MEMORY;
	}
	X509_ALGOR_free(originator->algorithm);
	originator->algorithm = algorithm;
	info->originator->type = CMS_ORIGINATOR_KEY;
	info->originator->key = originator;
	if (EVP_PKEY_get_base_id(ephemeral) == EVP_PKEY_EC)
		return set_point(originator->public_key, ephemeral, field_len);
	return set_octets(originator->public_key, ephemeral);
}

static void agreement_clear(struct cms_agreement *agreement) {
	X509_ALGOR_free(agreement->wrap_algorithm);
}

static int encrypt_with(
	struct cms_key_agree *info, int key_type, const struct secret *z, const struct secret *cek, ASN1_OCTET_STRING *encrypted) {
	_cleanup_(agreement_clear) struct cms_agreement agreement = { .wrap_algorithm = NULL };
	_cleanup_(secret_clear) struct secret kek = SECRET_EMPTY;
	X509_ALGOR *algorithm;
	int r = cms_agreement_make(key_type, cek->len, &agreement, &algorithm);

	if (r < 0)
		return r;
	X509_ALGOR_free(info->key_encryption);
	info->key_encryption = algorithm;
	r = secret_alloc(&kek, agreement.kek_len);
	if (r == 0)
		r = cms_agreement_kek(&agreement, (struct bytes){ z->data, z->len }, NULL, kek.data);
	return r < 0 ? r : key_wrap(agreement.wrap, &kek, cek, encrypted);
}

int key_agree_encrypt(struct cms_key_agree *info, EVP_PKEY *key, const struct secret *cek, struct cms_encrypted_key *recipient) {
	_cleanup_(evp_pkey_freep) EVP_PKEY *ephemeral = NULL;
	_cleanup_(secret_clear) struct secret z = SECRET_EMPTY;
	int r;

	info->version = KEY_AGREE_VERSION;
	r = make_ephemeral(key, &ephemeral);
	if (r < 0)
		return r;
	r = derive(ephemeral, key, &z);
	if (r < 0)
		return r;
	r = set_originator(info, ephemeral, z.len);
	return r < 0 ? r : encrypt_with(info, EVP_PKEY_get_base_id(key), &z, cek, recipient->encrypted_key);
}
