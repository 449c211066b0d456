/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Project Wycheproof's vectors on what libsmime verifies and decrypts itself: signatures by the algorithms that a SignerInfo
 * names, and the content of AuthEnvelopedData. What the token process does with them is in test-unwrap.c.
 */
#include "opening.h"
#include "wycheproof.h"

#include "client/cms/enveloped.h"
#include "client/lib/signature.h"

/* ---- Signatures ---- */

static EVP_PKEY *public_key(const json_t *group) {
	_cleanup_(free_bytes) struct bytes der = unhex(group, "publicKeyDer");
	const uint8_t *p = der.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)der.len);

	assert_non_null(key);
	return key;
}

/* As a SignerInfo would have it. */
static struct signature_algorithm algorithm_of(const EVP_MD *md, X509_ALGOR *signature) {
	X509_ALGOR *digest = cms_algorithm(EVP_MD_get_type(md));
	struct signature_algorithm algorithm;
	const char *why = NULL;

	assert_int_equal(signature_read(digest, signature, &algorithm, &why), 0);
	X509_ALGOR_free(digest);
	X509_ALGOR_free(signature);
	return algorithm;
}

static void check_signatures(const char *name, const struct signature_algorithm *algorithm) {
	struct wycheproof file = wycheproof_open(name);
	const json_t *group, *test;
	size_t i, k;

	wycheproof_foreach(&file, i, k, group, test) {
		_cleanup_(free_bytes) struct bytes message = unhex(test, "msg");
		_cleanup_(free_bytes) struct bytes value = unhex(test, "sig");
		EVP_PKEY *key = public_key(group);
		enum verdict verdict = wycheproof_verdict(&file, test);
		uint8_t hash[EVP_MAX_MD_SIZE];
		unsigned len = 0;
		int r = signature_verify(algorithm, key, message, (struct bytes){ NULL, 0 }, value);

		assert_true(r == 0 || r == -SMIME_E_SIGNATURE);
		wycheproof_decided(&file, verdict, r == 0);
		/* The same, where there are no signed attributes and the content was hashed before. */
		if (algorithm->scheme != SIGNATURE_ED25519) {
			assert_int_equal(EVP_Digest(message.data, message.len, hash, &len, algorithm->md, NULL), 1);
			assert_int_equal(
				signature_verify(algorithm, key, (struct bytes){ NULL, 0 }, (struct bytes){ hash, len }, value), r);
		}
		assert_int_equal(ERR_peek_error(), 0);
		EVP_PKEY_free(key);
	}
	wycheproof_close(&file, 0);
}

static void rsa_pkcs1_signatures(void **state) {
	struct signature_algorithm algorithm = algorithm_of(EVP_sha256(), cms_algorithm(NID_sha256WithRSAEncryption));

	check_signatures("rsa_signature_2048_sha256_test", &algorithm);
}

static void rsa_pss_signatures(void **state) {
	struct signature_algorithm algorithm = algorithm_of(EVP_sha256(), cms_algorithm_pss(EVP_sha256()));

	assert_int_equal(algorithm.salt_len, 32);
	check_signatures("rsa_pss_2048_sha256_mgf1_32_test", &algorithm);
}

static void ecdsa_signatures(void **state) {
	struct signature_algorithm algorithm = algorithm_of(EVP_sha256(), cms_algorithm(NID_ecdsa_with_SHA256));

	check_signatures("ecdsa_secp256r1_sha256_test", &algorithm);
}

static void ed25519_signatures(void **state) {
	struct signature_algorithm algorithm = algorithm_of(EVP_sha512(), cms_algorithm(NID_ED25519));

	check_signatures("ed25519_test", &algorithm);
}

/* ---- AES-GCM ---- */

static X509_ALGOR *gcm_algorithm(size_t key_bits, struct bytes nonce, size_t tag_len) {
	static const char *const oids[] = { "2.16.840.1.101.3.4.1.6", "2.16.840.1.101.3.4.1.26", "2.16.840.1.101.3.4.1.46" };
	struct buf parameters = octets(0x04, nonce.data, nonce.len), body = { 0 }, der = { 0 };
	uint8_t icv = (uint8_t)tag_len;
	struct buf number = octets(0x02, &icv, 1);
	const uint8_t *p;
	X509_ALGOR *algorithm;

	buf_add(&parameters, number.data, number.len);
	buf_clear(&number);
	buf_oid(&body, oids[key_bits / 64 - 2]);
	buf_tlv(&body, 0x30, &parameters);
	buf_tlv(&der, 0x30, &body);
	p = der.data;
	algorithm = d2i_X509_ALGOR(NULL, &p, (long)der.len);
	assert_non_null(algorithm);
	buf_clear(&der);
	return algorithm;
}

/* AuthEnvelopedData with one recipient of an unknown kind. The authenticated data of the vectors are no attributes, so they are given beside it. */
static struct buf auth_enveloped(const X509_ALGOR *algorithm, struct bytes ct, struct bytes tag) {
	struct buf content = { 0 }, body = { 0 }, other = { 0 }, recipients = { 0 }, ciphertext = { 0 },
		   mac = octets(0x04, tag.data, tag.len);
	struct buf info = { 0 }, explicit = { 0 }, all = { 0 }, version = octets(0x02, "", 1);

	buf_oid(&content, OID_DATA);
	buf_item(&content, algorithm, ASN1_ITEM_rptr(X509_ALGOR));
	buf_add(&ciphertext, ct.data, ct.len);
	buf_tlv(&content, 0x80, &ciphertext);
	buf_add(&body, version.data, version.len);
	buf_oid(&other, "2.999.1");
	buf_add(&other, "\5", 2);
	buf_tlv(&recipients, 0xa4, &other);
	buf_tlv(&body, 0x31, &recipients);
	buf_tlv(&body, 0x30, &content);
	buf_add(&body, mac.data, mac.len);
	buf_tlv(&explicit, 0x30, &body);
	buf_oid(&info, OID_AUTH_ENVELOPED_DATA);
	buf_tlv(&info, 0xa0, &explicit);
	buf_tlv(&all, 0x30, &info);
	buf_clear(&mac);
	buf_clear(&version);
	return all;
}

/* Whether it opens; to what it should, if it does. */
static bool opens(const json_t *test, const X509_ALGOR *algorithm) {
	_cleanup_(free_bytes) struct bytes key = unhex(test, "key");
	_cleanup_(free_bytes) struct bytes ct = unhex(test, "ct");
	_cleanup_(free_bytes) struct bytes tag = unhex(test, "tag");
	_cleanup_(free_bytes) struct bytes aad = unhex(test, "aad");
	_cleanup_(free_bytes) struct bytes message = unhex(test, "msg");
	_cleanup_(buf_clear) struct buf der = auth_enveloped(algorithm, ct, tag);
	_cleanup_(source_unrefp) struct source *cms = NULL, *content = NULL;
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	_cleanup_(sink_freep) struct sink *memory = NULL;
	int r;

	assert_int_equal(source_from_memory(der.data, der.len, &cms), 0);
	assert_int_equal(enveloped_scan(cms, NULL, 0, 0, &enveloped), 0);
	enveloped->auth_attributes = malloc(aad.len + 1);
	memcpy(enveloped->auth_attributes, aad.data, aad.len);
	enveloped->auth_attributes_len = aad.len;
	assert_int_equal(secret_set(&cek, key.data, key.len), 0);
	assert_int_equal(enveloped_content(cms, enveloped, &cek, &content), 0);
	r = source_check(content);
	if (r < 0) {
		assert_int_equal(r, -SMIME_E_INTEGRITY);
		return false;
	}
	assert_int_equal(sink_to_memory(message.len + 100, &memory), 0);
	assert_int_equal(sink_copy(memory, content), 0);
	assert_int_equal(sink_memory(memory).len, message.len);
	assert_memory_equal(sink_memory(memory).data, message.data, message.len);
	return true;
}

static void aes_gcm_content(void **state) {
	enum { LONG_NONCES = 6 }; /* 128 octets and more: the limit is 64 */
	struct wycheproof file = wycheproof_open("aes_gcm_test");
	const json_t *group, *test;
	size_t i, k;

	wycheproof_foreach(&file, i, k, group, test) {
		_cleanup_(free_bytes) struct bytes nonce = unhex(test, "iv");
		size_t bits = (size_t)json_integer_value(json_object_get(group, "keySize"));
		X509_ALGOR *algorithm = gcm_algorithm(bits, nonce, (size_t)json_integer_value(json_object_get(group, "tagSize")) / 8);
		enum verdict verdict = wycheproof_verdict(&file, test);
		struct cms_cipher cipher;
		bool readable = cms_cipher_read(algorithm, true, &cipher) == 0;

		if (!readable && nonce.len > sizeof(cipher.iv))
			wycheproof_leave_out(&file, verdict);
		else
			wycheproof_decided(&file, verdict, readable && opens(test, algorithm));
		X509_ALGOR_free(algorithm);
	}
	wycheproof_close(&file, LONG_NONCES);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsa_pkcs1_signatures),
		cmocka_unit_test(rsa_pss_signatures),
		cmocka_unit_test(ecdsa_signatures),
		cmocka_unit_test(ed25519_signatures),
		cmocka_unit_test(aes_gcm_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
