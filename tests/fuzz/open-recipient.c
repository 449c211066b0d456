/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "open-recipient.h"

#include <openssl/err.h>

static int set_padding(EVP_PKEY_CTX *context, const X509_ALGOR *algorithm) {
	if (OBJ_obj2nid(algorithm->algorithm) != NID_rsaesOaep)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING);
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

static int open_transport(const struct cms_key_trans *info, EVP_PKEY *key, struct secret *ret_cek) {
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[1024];
	size_t len = sizeof(out);
	bool opened = EVP_PKEY_decrypt_init(context) == 1 && set_padding(context, info->key_encryption) == 1 &&
		EVP_PKEY_decrypt(context, out, &len, ASN1_STRING_get0_data(info->encrypted_key),
			(size_t)ASN1_STRING_length(info->encrypted_key)) == 1;

	EVP_PKEY_CTX_free(context);
	return opened ? secret_set(ret_cek, out, len) : -1;
}

static EVP_PKEY *peer_of(EVP_PKEY *key, const uint8_t *point, size_t point_len) {
	EVP_PKEY *peer;

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_get_base_id(key), NULL, point, point_len);
	peer = EVP_PKEY_new();
	if (EVP_PKEY_copy_parameters(peer, key) == 1 && EVP_PKEY_set1_encoded_public_key(peer, point, point_len) == 1)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

int open_agree(EVP_PKEY *key, const uint8_t *point, size_t point_len, uint8_t z[66], size_t *ret_len) {
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	EVP_PKEY *peer = peer_of(key, point, point_len);
	bool agreed = peer && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1;

	*ret_len = 66;
	agreed = agreed && EVP_PKEY_derive(context, z, ret_len) == 1;
	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(context);
	return agreed ? 0 : -1;
}

static int unwrap_key(const EVP_CIPHER *wrap, const uint8_t *kek, const ASN1_OCTET_STRING *encrypted, struct secret *ret_cek) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t cek[128];
	int len = 0;

	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	bool opened = ASN1_STRING_length(encrypted) <= 64 && EVP_DecryptInit_ex2(context, wrap, kek, NULL, NULL) == 1 &&
		EVP_DecryptUpdate(context, cek, &len, ASN1_STRING_get0_data(encrypted), ASN1_STRING_length(encrypted)) == 1;
	EVP_CIPHER_CTX_free(context);
	return opened ? secret_set(ret_cek, cek, (size_t)len) : -1;
}

static int open_agreement(const struct cms_key_agree *info, EVP_PKEY *key, struct secret *ret_cek) {
	const struct cms_encrypted_key *encrypted = sk_cms_encrypted_key_value(info->recipients, 0);
	struct cms_agreement agreement = { .wrap_algorithm = NULL };
	uint8_t z[66], kek[64];
	size_t z_len;
	int r = -1;

	if (!encrypted || info->originator->type != CMS_ORIGINATOR_KEY || cms_agreement_read(info->key_encryption, &agreement) < 0)
		return -1;
	const ASN1_BIT_STRING *point = info->originator->key->public_key;
	if (open_agree(key, ASN1_STRING_get0_data(point), (size_t)ASN1_STRING_length(point), z, &z_len) == 0 &&
		cms_agreement_kek(&agreement, (struct bytes){ z, z_len }, info->ukm, kek) == 0)
		r = unwrap_key(agreement.wrap, kek, encrypted->encrypted_key, ret_cek);
	X509_ALGOR_free(agreement.wrap_algorithm);
	return r;
}

int open_recipient(const struct cms_recipient_info *info, EVP_PKEY *key, struct secret *ret_cek) {
	int r = -1;

	if (info->type == CMS_RECIPIENT_KEY_TRANS && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		r = open_transport(info->key_trans, key, ret_cek);
	if (info->type == CMS_RECIPIENT_KEY_AGREE && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		r = open_agreement(info->key_agree, key, ret_cek);
	ERR_clear_error();
	return r;
}
