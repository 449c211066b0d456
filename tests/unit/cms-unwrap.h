/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an agent does with a match, for tests: the content-encryption key out of a RecipientInfo, with the key at hand.
 */
#ifndef TEST_CMS_UNWRAP_H
#define TEST_CMS_UNWRAP_H

#include "cms-fixture.h"

#include <openssl/rsa.h>

#include "client/cms/enveloped.h"

static inline void unwrap_key_trans(const struct cms_key_trans *info, EVP_PKEY *key, struct secret *ret_cek) {
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[1024];
	size_t len = sizeof(out);
	bool oaep = OBJ_obj2nid(info->key_encryption->algorithm) == NID_rsaesOaep;

	assert_int_equal(EVP_PKEY_decrypt_init(context), 1);
	if (oaep) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()), 1);
	}
	assert_int_equal(EVP_PKEY_decrypt(context, out, &len, ASN1_STRING_get0_data(info->encrypted_key),
				 (size_t)ASN1_STRING_length(info->encrypted_key)),
		1);
	assert_int_equal(secret_set(ret_cek, out, len), 0);
	EVP_PKEY_CTX_free(context);
}

static inline void unwrap_key_agree(const struct cms_key_agree *info, EVP_PKEY *key, struct secret *ret_cek) {
	const struct cms_encrypted_key *encrypted = sk_cms_encrypted_key_value(info->recipients, 0);
	const ASN1_BIT_STRING *point = info->originator->key->public_key;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	EVP_CIPHER_CTX *wrap = EVP_CIPHER_CTX_new();
	EVP_PKEY *peer = EVP_PKEY_new();
	struct cms_agreement agreement;
	uint8_t z[128], kek[64], cek[128];
	size_t z_len = sizeof(z);
	int len, last;

	assert_int_equal(sk_cms_encrypted_key_num(info->recipients), 1);
	assert_int_equal(info->originator->type, CMS_ORIGINATOR_KEY);
	assert_int_equal(EVP_PKEY_copy_parameters(peer, key), 1);
	assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, ASN1_STRING_get0_data(point), (size_t)ASN1_STRING_length(point)), 1);
	assert_int_equal(EVP_PKEY_derive_init(context), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(context, peer), 1);
	assert_int_equal(EVP_PKEY_derive(context, z, &z_len), 1);
	assert_int_equal(cms_agreement_read(info->key_encryption, &agreement), 0);
	assert_int_equal(cms_agreement_kek(&agreement, (struct bytes){ z, z_len }, info->ukm, kek), 0);
	EVP_CIPHER_CTX_set_flags(wrap, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_int_equal(EVP_DecryptInit_ex2(wrap, agreement.wrap, kek, NULL, NULL), 1);
	assert_int_equal(EVP_DecryptUpdate(wrap, cek, &len, ASN1_STRING_get0_data(encrypted->encrypted_key),
				 ASN1_STRING_length(encrypted->encrypted_key)),
		1);
	assert_int_equal(EVP_DecryptFinal_ex(wrap, cek + len, &last), 1);
	assert_int_equal(secret_set(ret_cek, cek, (size_t)(len + last)), 0);
	X509_ALGOR_free(agreement.wrap_algorithm);
	EVP_CIPHER_CTX_free(wrap);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
}

static inline void unwrap(const struct enveloped_match *match, EVP_PKEY *key, struct secret *ret_cek) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(freep) uint8_t *again = NULL;
	size_t again_len;

	assert_int_equal(cms_parse((struct bytes){ match->recipient_info, match->recipient_info_len }, cms_recipient_info_it(), &info), 0);
	assert_int_equal(cms_der(info, cms_recipient_info_it(), &again, &again_len), 0);
	assert_int_equal(again_len, match->recipient_info_len);
	assert_memory_equal(again, match->recipient_info, again_len);
	if (info->type == CMS_RECIPIENT_KEY_TRANS)
		unwrap_key_trans(info->key_trans, key, ret_cek);
	else
		unwrap_key_agree(info->key_agree, key, ret_cek);
}

/* Scans, unwraps the first match with this identity's key, checks, and compares the content. */
static inline void assert_decrypts(struct source *cms, const struct identity *identity, const void *content, size_t len) {
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	_cleanup_(source_unrefp) struct source *decrypted = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

	assert_int_equal(enveloped_scan(cms, &identity->certificate, 1, 1, &enveloped), 0);
	assert_int_equal(enveloped->match_count, 1);
	assert_int_equal(enveloped->matches[0].certificate, 0);
	unwrap(&enveloped->matches[0], identity->key, &cek);
	assert_int_equal(enveloped_content(cms, enveloped, &cek, &decrypted), 0);
	assert_int_equal(source_check(decrypted), 0);
	assert_source_is(decrypted, content, len);
	assert_source_is(decrypted, content, len);
}

#endif
