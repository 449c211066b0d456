/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypting a content-encryption key to an EC key: ephemeral-static Diffie-Hellman (RFC 5753 3.1.1) and AES key wrap.
 *
 * The ephemeral key serves one recipient of one message. Shared secret and key-encryption key are wiped.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "content-info.h"
#include "recipient-keys.h"
#include "shared-parts.h"
#include "smime/error.h"

#define OID_STD_DH_SHA256_KDF "1.3.132.1.11.1"

enum {
	KEY_AGREE_VERSION = 3,
	POINT_UNCOMPRESSED = 4,
	AES_128_KEY_BYTES = 16,
};

DEFINE_CLEANUP(BIGNUM *, bignum_freep, BN_free)
DEFINE_CLEANUP(ASN1_STRING *, asn1_string_freep, ASN1_STRING_free)

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
	if (ASN1_BIT_STRING_set(point, data, (int)(1 + 2 * field_len)) != 1)
		return -SMIME_E_NO_MEMORY;
	/* No unused bits: else OpenSSL drops trailing zero bits as those of a named bit list. */
	point->flags &= ~0x07;
	point->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	return 0;
}

static int set_originator(struct cms_key_agree *info, EVP_PKEY *ephemeral, size_t field_len) {
	struct cms_originator_key *originator = cms_originator_key_new();
	X509_ALGOR *algorithm = cms_algorithm(NID_X9_62_id_ecPublicKey);

	if (!originator || !algorithm) {
		cms_originator_key_free(originator);
		X509_ALGOR_free(algorithm);
		return -SMIME_E_NO_MEMORY;
	}
	X509_ALGOR_free(originator->algorithm);
	originator->algorithm = algorithm;
	info->originator->type = CMS_ORIGINATOR_KEY;
	info->originator->key = originator;
	return set_point(originator->public_key, ephemeral, field_len);
}

/* dhSinglePass-stdDH-sha256kdf-scheme with the wrap as its parameter. */
static int set_algorithm(struct cms_key_agree *info, const X509_ALGOR *wrap) {
	_cleanup_(asn1_string_freep) ASN1_STRING *packed = ASN1_item_pack((void *)(uintptr_t)wrap, ASN1_ITEM_rptr(X509_ALGOR), NULL);
	ASN1_OBJECT *scheme = cms_object(OID_STD_DH_SHA256_KDF);

	if (!packed || !scheme || X509_ALGOR_set0(info->key_encryption, scheme, V_ASN1_SEQUENCE, packed) != 1) {
		ASN1_OBJECT_free(scheme);
		return -SMIME_E_NO_MEMORY;
	}
	packed = NULL; /* handed over */
	return 0;
}

static int encrypt_with(struct cms_key_agree *info, const struct secret *z, const struct secret *cek, ASN1_OCTET_STRING *encrypted) {
	bool small = cek->len <= AES_128_KEY_BYTES;
	_cleanup_(algorithm_freep) X509_ALGOR *wrap = cms_algorithm(small ? NID_id_aes128_wrap : NID_id_aes256_wrap);
	const EVP_CIPHER *cipher = small ? EVP_aes_128_wrap() : EVP_aes_256_wrap();
	_cleanup_(secret_clear) struct secret kek = SECRET_EMPTY;
	int r;

	if (!wrap)
		return -SMIME_E_NO_MEMORY;
	r = set_algorithm(info, wrap);
	if (r < 0)
		return r;
	r = secret_alloc(&kek, (size_t)EVP_CIPHER_get_key_length(cipher));
	if (r < 0)
		return r;
	r = cms_kdf_x963(EVP_sha256(), (struct bytes){ z->data, z->len }, wrap, NULL, kek.len, kek.data);
	return r < 0 ? r : key_wrap(cipher, &kek, cek, encrypted);
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
	return r < 0 ? r : encrypt_with(info, &z, cek, recipient->encrypted_key);
}
