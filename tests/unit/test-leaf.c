/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The leaves of CMS against what OpenSSL's CMS makes, and against known answers of the RFCs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/err.h>

#include "agent/cms/leaf.h"
#include "agent/cms/suitable.h"
#include "certificate.h"
#include "hex.h"
#include "smime/error.h"
#include "rsa-key.h"

struct fixture {
	EVP_PKEY *rsa, *ec;
	X509 *rsa_certificate, *ec_certificate;
};

static int setup(void **state) {
	static struct fixture f;
	struct certificate_plan rsa = { .name = "Rita", .address = "rita@example.org", .ski = "hash", .serial = 4711 };
	struct certificate_plan ec = { .name = "Eve", .address = "eve@example.org", .serial = 4712 };

	f.rsa = rsa_key_make(2048);
	f.ec = EVP_EC_gen("P-256");
	f.rsa_certificate = certificate_make(f.rsa, &rsa);
	f.ec_certificate = certificate_make(f.ec, &ec);
	*state = &f;
	return f.rsa_certificate && f.ec_certificate ? 0 : -1;
}

static int teardown(void **state) {
	struct fixture *f = *state;

	X509_free(f->rsa_certificate);
	X509_free(f->ec_certificate);
	EVP_PKEY_free(f->rsa);
	EVP_PKEY_free(f->ec);
	return 0;
}

/* The n-th element inside the constructed element at the start of `in`. */
static struct bytes child(struct bytes in, int n) {
	const uint8_t *p = in.data, *start;
	long len;
	int tag, class;

	assert_false(ASN1_get_object(&p, &len, &tag, &class, (long)in.len) & 0x80);
	const uint8_t *end = p + len;
	for (;; n--) {
		start = p;
		assert_true(p < end);
		assert_false(ASN1_get_object(&p, &len, &tag, &class, end - p) & 0x80);
		p += len;
		if (n == 0)
			return (struct bytes){ start, (size_t)(p - start) };
	}
}

/* ContentInfo / [0] / SignedData */
static struct bytes content_of(struct bytes content_info) {
	return child(child(content_info, 1), 0);
}

static uint8_t *encode(CMS_ContentInfo *cms, struct bytes *ret) {
	uint8_t *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);

	assert_true(len > 0);
	*ret = (struct bytes){ der, (size_t)len };
	CMS_ContentInfo_free(cms);
	return der;
}

/* DER of a SignedData over "hello" by OpenSSL; version, digests, content, [0] certificates, signerInfos. */
static uint8_t *sign(X509 *certificate, EVP_PKEY *key, unsigned int flags, struct bytes *ret_signer_info) {
	BIO *content = BIO_new_mem_buf("hello", 5);
	CMS_ContentInfo *cms = CMS_sign(certificate, key, NULL, content, CMS_BINARY | flags);
	struct bytes der;
	uint8_t *owner;

	BIO_free(content);
	assert_non_null(cms);
	owner = encode(cms, &der);
	*ret_signer_info = child(child(content_of(der), 4), 0);
	return owner;
}

/* The first RecipientInfo of an EnvelopedData by OpenSSL: version, recipientInfos, content. */
static uint8_t *encrypt(X509 *certificate, const EVP_CIPHER *cipher, unsigned int flags, struct bytes *ret_recipient_info) {
	STACK_OF(X509) *to = sk_X509_new_null();
	BIO *content = BIO_new_mem_buf("hello", 5);
	struct bytes der;
	uint8_t *owner;

	sk_X509_push(to, certificate);
	CMS_ContentInfo *cms = CMS_encrypt(to, content, cipher, CMS_BINARY | flags);
	BIO_free(content);
	sk_X509_free(to);
	assert_non_null(cms);
	owner = encode(cms, &der);
	*ret_recipient_info = child(child(content_of(der), 1), 0);
	return owner;
}

static void a_signer_info_of_openssl_reads_and_encodes_to_itself(void **state) {
	struct fixture *f = *state;
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	_cleanup_(freep) uint8_t *again = NULL;
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, 0, &der);
	size_t len = 0;

	assert_int_equal(cms_parse(der, cms_signer_info_it(), &info), 0);
	assert_int_equal(info->version, 1);
	assert_int_equal(info->sid->type, CMS_SID_ISSUER_SERIAL);
	assert_true(cms_issuer_serial_is(info->sid->issuer_serial, f->rsa_certificate));
	assert_false(cms_issuer_serial_is(info->sid->issuer_serial, f->ec_certificate));
	assert_ptr_equal(cms_digest(info->digest_algorithm->algorithm), EVP_sha256());
	assert_int_equal(cms_der(info, cms_signer_info_it(), &again, &len), 0);
	assert_int_equal(len, der.len);
	assert_memory_equal(again, der.data, len);
	OPENSSL_free(owner);
}

static void a_signer_named_by_key_identifier_is_found(void **state) {
	struct fixture *f = *state;
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, CMS_USE_KEYID, &der);

	assert_int_equal(cms_parse(der, cms_signer_info_it(), &info), 0);
	assert_int_equal(info->version, 3);
	assert_int_equal(info->sid->type, CMS_SID_KEY_ID);
	assert_true(cms_key_id_is(info->sid->key_id, f->rsa_certificate));
	assert_false(cms_key_id_is(info->sid->key_id, f->ec_certificate));
	OPENSSL_free(owner);
}

static void a_certificate_without_key_identifier_matches_the_sha1_of_its_key(void **state) {
	struct fixture *f = *state;
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned int len;

	X509_pubkey_digest(f->ec_certificate, EVP_sha1(), hash, &len);
	ASN1_OCTET_STRING_set(id, hash, (int)len);
	assert_true(cms_key_id_is(id, f->ec_certificate));
	hash[0] ^= 1;
	ASN1_OCTET_STRING_set(id, hash, (int)len);
	assert_false(cms_key_id_is(id, f->ec_certificate));
	ASN1_OCTET_STRING_free(id);
}

static int verifies(EVP_PKEY *key, struct bytes signature, const uint8_t *data, size_t len) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestVerify(context, signature.data, signature.len, data, len) == 1;

	EVP_MD_CTX_free(context);
	return ok;
}

static struct bytes octets(const ASN1_STRING *string) {
	return (struct bytes){ ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string) };
}

static void raw_signed_attributes_are_what_openssl_signed(void **state) {
	struct fixture *f = *state;
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	_cleanup_(freep) uint8_t *raw = NULL;
	_cleanup_(freep) uint8_t *made = NULL;
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, 0, &der);
	size_t len = 0, made_len = 0;
	bool sorted = false;

	assert_int_equal(cms_parse(der, cms_signer_info_it(), &info), 0);
	assert_int_equal(cms_signed_attributes_raw(der, &raw, &len, &sorted), 0);
	assert_true(sorted);
	assert_true(verifies(f->rsa, octets(info->signature), raw, len));
	assert_int_equal(cms_attributes_der(info->signed_attributes, &made, &made_len), 0);
	assert_int_equal(made_len, len);
	assert_memory_equal(made, raw, len);
	OPENSSL_free(owner);
}

/* SignerInfo with its own length and that of signedAttrs indefinite. */
static struct bytes make_indefinite(struct bytes signer_info, const uint8_t *raw, size_t raw_len, uint8_t *out) {
	struct bytes first = child(signer_info, 0), attributes = child(signer_info, 3);
	const uint8_t *p = raw;
	long content;
	int tag, class;
	size_t len = 0;

	ASN1_get_object(&p, &content, &tag, &class, (long)raw_len);
	out[len++] = 0x30;
	out[len++] = 0x80;
	memcpy(out + len, first.data, (size_t)(attributes.data - first.data));
	len += (size_t)(attributes.data - first.data);
	out[len++] = 0xa0;
	out[len++] = 0x80;
	memcpy(out + len, p, (size_t)content);
	len += (size_t)content;
	memset(out + len, 0, 2);
	len += 2;
	const uint8_t *rest = attributes.data + attributes.len;
	memcpy(out + len, rest, (size_t)(signer_info.data + signer_info.len - rest));
	len += (size_t)(signer_info.data + signer_info.len - rest);
	memset(out + len, 0, 2);
	return (struct bytes){ out, len + 2 };
}

static void indefinite_lengths_do_not_change_raw_attributes(void **state) {
	struct fixture *f = *state;
	_cleanup_(freep) uint8_t *raw = NULL;
	_cleanup_(freep) uint8_t *again = NULL;
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, 0, &der), buffer[4096];
	size_t len = 0, again_len = 0;
	bool sorted = false;

	assert_int_equal(cms_signed_attributes_raw(der, &raw, &len, &sorted), 0);
	struct bytes ber = make_indefinite(der, raw, len, buffer);
	assert_int_equal(cms_signed_attributes_raw(ber, &again, &again_len, &sorted), 0);
	assert_int_equal(again_len, len);
	assert_memory_equal(again, raw, len);
	OPENSSL_free(owner);
}

static void attributes_out_of_order_are_kept_and_reported(void **state) {
	struct fixture *f = *state;
	_cleanup_(freep) uint8_t *raw = NULL;
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, 0, &der), swapped[256];
	struct bytes attributes = child(der, 3);
	struct bytes first = child(attributes, 0), second = child(attributes, 1);
	size_t len = 0;
	bool sorted = true;

	memcpy(swapped, second.data, second.len);
	memcpy(swapped + second.len, first.data, first.len);
	memcpy((uint8_t *)(uintptr_t)first.data, swapped, first.len + second.len);
	assert_int_equal(cms_signed_attributes_raw(der, &raw, &len, &sorted), 0);
	assert_false(sorted);
	assert_int_equal(len, attributes.len);
	assert_memory_equal(raw + 1, attributes.data + 1, len - 1);
	assert_int_equal(raw[0], 0x31);
	OPENSSL_free(owner);
}

static void a_signer_info_without_attributes_has_none(void **state) {
	struct fixture *f = *state;
	uint8_t *raw = (uint8_t *)"";
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, CMS_NOATTR, &der);
	size_t len = 0;
	bool sorted;

	assert_int_equal(cms_signed_attributes_raw(der, &raw, &len, &sorted), 0);
	assert_null(raw);
	OPENSSL_free(owner);
}

static void a_cut_signer_info_is_malformed_everywhere(void **state) {
	struct fixture *f = *state;
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, 0, &der);

	for (size_t len = 0; len < der.len; len++) {
		struct cms_signer_info *info = NULL;
		uint8_t *raw = NULL;
		size_t raw_len;
		bool sorted;
		uint8_t *copy = malloc(len + 1); /* so that a sanitizer sees the end */
		memcpy(copy, der.data, len);
		assert_int_equal(cms_parse((struct bytes){ copy, len }, cms_signer_info_it(), &info), -SMIME_E_MALFORMED);
		assert_int_equal(cms_signed_attributes_raw((struct bytes){ copy, len }, &raw, &raw_len, &sorted), -SMIME_E_MALFORMED);
		free(copy);
	}
	OPENSSL_free(owner);
}

static void endless_nesting_is_malformed(void **state) {
	uint8_t nested[4000];
	uint8_t *raw = NULL;
	size_t len;
	bool sorted;

	for (size_t i = 0; i < sizeof(nested); i += 2) {
		nested[i] = 0x30;
		nested[i + 1] = 0x80;
	}
	assert_int_equal(cms_signed_attributes_raw((struct bytes){ nested, sizeof(nested) }, &raw, &len, &sorted), -SMIME_E_MALFORMED);
}

static void an_attribute_counts_only_when_it_is_single(void **state) {
	struct fixture *f = *state;
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	struct bytes der;
	uint8_t *owner = sign(f->rsa_certificate, f->rsa, 0, &der);
	const ASN1_TYPE *value = NULL;
	uint8_t digest[32];

	EVP_Digest("hello", 5, digest, NULL, EVP_sha256(), NULL);
	assert_int_equal(cms_parse(der, cms_signer_info_it(), &info), 0);
	assert_int_equal(cms_attribute_single(info->signed_attributes, OID_MESSAGE_DIGEST, &value), 0);
	assert_memory_equal(ASN1_STRING_get0_data(value->value.octet_string), digest, sizeof(digest));
	assert_int_equal(cms_attribute_single(info->signed_attributes, OID_SIGNING_CERTIFICATE_V2, &value), 1);
	assert_int_equal(cms_attribute_single(NULL, OID_MESSAGE_DIGEST, &value), 1);

	X509_ATTRIBUTE *twice = X509_ATTRIBUTE_create(NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, ASN1_OCTET_STRING_new());
	sk_X509_ATTRIBUTE_push(info->signed_attributes, twice);
	assert_int_equal(cms_attribute_single(info->signed_attributes, OID_MESSAGE_DIGEST, &value), -SMIME_E_MALFORMED);
	OPENSSL_free(owner);
}

static void key_transport_of_openssl_reads(void **state) {
	struct fixture *f = *state;
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *by_id = NULL;
	struct bytes der;
	uint8_t *owner = encrypt(f->rsa_certificate, EVP_aes_256_cbc(), 0, &der);

	assert_int_equal(cms_parse(der, cms_recipient_info_it(), &info), 0);
	assert_int_equal(info->type, CMS_RECIPIENT_KEY_TRANS);
	assert_int_equal(info->key_trans->version, 0);
	assert_true(cms_issuer_serial_is(info->key_trans->rid->issuer_serial, f->rsa_certificate));
	assert_int_equal(ASN1_STRING_length(info->key_trans->encrypted_key), 256);
	OPENSSL_free(owner);

	owner = encrypt(f->rsa_certificate, EVP_aes_256_cbc(), CMS_USE_KEYID, &der);
	assert_int_equal(cms_parse(der, cms_recipient_info_it(), &by_id), 0);
	assert_int_equal(by_id->key_trans->version, 2);
	assert_true(cms_key_id_is(by_id->key_trans->rid->key_id, f->rsa_certificate));
	OPENSSL_free(owner);
}

static EVP_PKEY *originator_key(const struct cms_key_agree *agree) {
	EVP_PKEY *key = EVP_PKEY_new();
	const ASN1_BIT_STRING *point = agree->originator->key->public_key;

	assert_int_equal(agree->originator->type, CMS_ORIGINATOR_KEY);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("group", (char[]){ "P-256" }, 0),
		OSSL_PARAM_construct_octet_string(
			"pub", (void *)(uintptr_t)ASN1_STRING_get0_data(point), (size_t)ASN1_STRING_length(point)),
		OSSL_PARAM_construct_end(),
	};
	key = NULL;
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* The integrity check of AES key wrap says that the derived key is OpenSSL's. */
static void assert_unwraps(const struct cms_agreement *agreement, const uint8_t *kek, struct bytes wrapped, size_t key_len) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t cek[64];
	int len = 0;

	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_int_equal(EVP_DecryptInit_ex(context, agreement->wrap, NULL, kek, NULL), 1);
	assert_int_equal(EVP_DecryptUpdate(context, cek, &len, wrapped.data, (int)wrapped.len), 1);
	assert_int_equal(len, key_len);
	EVP_CIPHER_CTX_free(context);
}

static void key_agreement_of_openssl_reads_and_its_key_derives(void **state) {
	struct fixture *f = *state;
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	struct cms_agreement agreement = { 0 };
	struct bytes der;
	uint8_t *owner = encrypt(f->ec_certificate, EVP_aes_128_cbc(), 0, &der), z[32], kek[32];
	size_t z_len = sizeof(z);

	assert_int_equal(cms_parse(der, cms_recipient_info_it(), &info), 0);
	assert_int_equal(info->type, CMS_RECIPIENT_KEY_AGREE);
	assert_int_equal(info->key_agree->version, 3);
	struct cms_encrypted_key *recipient = sk_cms_encrypted_key_value(info->key_agree->recipients, 0);
	assert_true(cms_issuer_serial_is(recipient->rid->issuer_serial, f->ec_certificate));
	assert_int_equal(cms_agreement_read(info->key_agree->key_encryption, &agreement), 0);
	assert_int_equal(agreement.kek_len, 16);

	EVP_PKEY *peer = originator_key(info->key_agree);
	EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new(f->ec, NULL);
	assert_int_equal(EVP_PKEY_derive_init(derive), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(derive, peer), 1);
	assert_int_equal(EVP_PKEY_derive(derive, z, &z_len), 1);
	EVP_PKEY_CTX_free(derive);
	EVP_PKEY_free(peer);
	assert_int_equal(cms_agreement_kek(&agreement, (struct bytes){ z, z_len }, info->key_agree->ukm, kek), 0);
	assert_unwraps(&agreement, kek, octets(recipient->encrypted_key), 16);
	X509_ALGOR_free(agreement.wrap_algorithm);
	OPENSSL_free(owner);
}

static void other_recipients_keep_their_encoding(void **state) {
	static const uint8_t password[] = { 0xa3, 0x05, 0x02, 0x01, 0x00, 0x04, 0x00 };
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(freep) uint8_t *again = NULL;
	size_t len = 0;

	assert_int_equal(cms_parse((struct bytes){ password, sizeof(password) }, cms_recipient_info_it(), &info), 0);
	assert_true(info->type >= CMS_RECIPIENT_OTHER);
	assert_int_equal(cms_der(info, cms_recipient_info_it(), &again, &len), 0);
	assert_int_equal(len, sizeof(password));
	assert_memory_equal(again, password, len);
}

struct cipher_case {
	const char *hex;
	bool authenticated;
	int r;
	const char *name;
	size_t iv_len, tag_len;
	bool weak, derived;
};

#define AES256_CBC "060960864801650304012a"
#define AES256_GCM "060960864801650304012e"
#define NONCE12 "040c000102030405060708090a0b"
#define IV16 "0410000102030405060708090a0b0c0d0e0f"
#define DES3 "06082a864886f70d0307"
#define RC2 "06082a864886f70d0302"
#define CHACHA "060b2a864886f70d0109100312"
#define HKDF "060b2a864886f70d010910031f"

static const struct cipher_case cipher_cases[] = {
	{ "301d" AES256_CBC IV16, false, 0, "aes256-cbc", 16, 0, false, false },
	{ "301d" AES256_CBC IV16, true, -SMIME_E_UNSUPPORTED, NULL, 0, 0, false, false },
	{ "301b" AES256_GCM "300e" NONCE12, true, 0, "aes256-gcm", 12, 12, false, false },
	{ "301e" AES256_GCM "3011" NONCE12 "020110", true, 0, "aes256-gcm", 12, 16, false, false },
	{ "301e" AES256_GCM "3011" NONCE12 "02010c", true, 0, "aes256-gcm", 12, 12, false, false },
	{ "301e" AES256_GCM "3011" NONCE12 "020104", true, -SMIME_E_UNSUPPORTED, NULL, 0, 0, false, false },
	{ "301e" AES256_GCM "3011" NONCE12 "020111", true, -SMIME_E_UNSUPPORTED, NULL, 0, 0, false, false },
	{ "301b" AES256_GCM "300e" NONCE12, false, -SMIME_E_UNSUPPORTED, NULL, 0, 0, false, false },
	{ "3017" AES256_GCM "300a"
	  "04080001020304050607",
		true, 0, "aes256-gcm", 8, 12, false, false },
	{ "300f" AES256_GCM "3002"
	  "0400",
		true, -SMIME_E_MALFORMED, NULL, 0, 0, false, false },
	{ "300d" AES256_GCM "0500", true, -SMIME_E_MALFORMED, NULL, 0, 0, false, false },
	{ "3015" AES256_CBC "04080001020304050607", false, -SMIME_E_MALFORMED, NULL, 0, 0, false, false },
	{ "300b" AES256_CBC, false, -SMIME_E_MALFORMED, NULL, 0, 0, false, false },
	{ "3014" DES3 "04080001020304050607", false, 0, "des-ede3-cbc", 8, 0, true, false },
	{ "3014" RC2 "04080001020304050607", false, -SMIME_E_UNSUPPORTED, NULL, 0, 0, false, false },
	{ "301b" CHACHA NONCE12, true, 0, "chacha20-poly1305", 12, 16, false, false },
	{ "301b" CHACHA NONCE12, false, -SMIME_E_UNSUPPORTED, NULL, 0, 0, false, false },
	{ "301f" CHACHA IV16, true, -SMIME_E_MALFORMED, NULL, 0, 0, false, false },
	{ "300d" CHACHA, true, -SMIME_E_MALFORMED, NULL, 0, 0, false, false },
	{ "302a" HKDF "301b" CHACHA NONCE12, true, 0, "chacha20-poly1305", 12, 16, false, true },
	{ "302c" HKDF "301d" AES256_CBC IV16, false, 0, "aes256-cbc", 16, 0, false, true },
	{ "302a" HKDF "301b" AES256_GCM "300e" NONCE12, true, 0, "aes256-gcm", 12, 12, false, true },
	{ "302a" HKDF "301b" AES256_GCM "300e" NONCE12, false, -SMIME_E_UNSUPPORTED, NULL, 0, 0, false, false },
	{ "300f" HKDF "0500", true, -SMIME_E_MALFORMED, NULL, 0, 0, false, false },
};

static void content_encryption_is_an_allow_list(void **state) {
	for (size_t i = 0; i < ELEMENTSOF(cipher_cases); i++) {
		const struct cipher_case *c = &cipher_cases[i];
		X509_ALGOR *algorithm = algorithm_from(c->hex);
		struct cms_cipher cipher = { .name = NULL };
		int r = cms_cipher_read(algorithm, c->authenticated, &cipher);

		X509_ALGOR_free(algorithm);
		if (r != c->r)
			print_message("case %zu\n", i);
		assert_int_equal(r, c->r);
		if (r < 0) {
			assert_null(cipher.name);
			continue;
		}
		assert_string_equal(cipher.name, c->name);
		assert_int_equal(cipher.iv_len, c->iv_len);
		assert_int_equal(cipher.tag_len, c->tag_len);
		assert_int_equal(cipher.weak, c->weak);
		assert_int_equal(cipher.derived, c->derived);
		assert_int_equal(cipher.key_len, EVP_CIPHER_get_key_length(cipher.cipher));
	}
}

/* RFC 9709, Appendix A.1 */
static void the_derived_key_is_that_of_rfc_9709(void **state) {
	static const uint8_t key[] = { 0xc7, 0x02, 0xe7, 0xd0, 0xa9, 0xe0, 0x64, 0xb0, 0x9b, 0xa5, 0x52, 0x45, 0xfb, 0x73, 0x3c, 0xf3 };
	static const uint8_t expected[] = { 0x21, 0x24, 0xff, 0xb2, 0x9f, 0xac, 0x4e, 0x0f, 0xbb, 0xc7, 0xd5, 0xd8, 0x74, 0x92, 0xbf,
		0xf3 };
	X509_ALGOR *algorithm = algorithm_from("302a" HKDF "301b0609608648016503040106300e040c5c79058ba2f43447639d29e2");
	uint8_t derived[16];

	assert_int_equal(cms_cek_derive(algorithm, key, sizeof(key), derived), 0);
	assert_memory_equal(derived, expected, sizeof(expected));
	X509_ALGOR_free(algorithm);
}

static void assert_algorithm(X509_ALGOR *algorithm, const char *hex) {
	uint8_t *der = NULL;
	int len = i2d_X509_ALGOR(algorithm, &der);

	assert_hex(der, len, hex);
	OPENSSL_free(der);
	X509_ALGOR_free(algorithm);
}

static void algorithm_parameters_are_as_the_rfcs_want_them(void **state) {
	assert_algorithm(cms_algorithm(NID_sha256), "300b0609608648016503040201");
	assert_algorithm(cms_algorithm(NID_rsaEncryption), "300d06092a864886f70d0101010500");
	assert_algorithm(cms_algorithm(NID_sha512WithRSAEncryption), "300d06092a864886f70d01010d0500");
	assert_algorithm(cms_algorithm(NID_ecdsa_with_SHA256), "300a06082a8648ce3d040302");
	assert_algorithm(cms_algorithm_pss(EVP_sha256()),
		"303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201a203"
		"020120");
}

static void agreements_are_an_allow_list(void **state) {
	struct cms_agreement agreement;
	X509_ALGOR *fine = algorithm_from("301506062b8104010b03300b060960864801650304012d");
	X509_ALGOR *other_wrap = algorithm_from("301506062b8104010b03300b060960864801650304012a");
	X509_ALGOR *other_scheme = algorithm_from("301506062b8104010b09300b060960864801650304012d");
	X509_ALGOR *no_wrap = algorithm_from("300806062b8104010b03");

	assert_int_equal(cms_agreement_read(fine, &agreement), 0);
	assert_int_equal(agreement.kdf, CMS_KDF_X963);
	assert_ptr_equal(agreement.md, EVP_sha512());
	assert_int_equal(agreement.kek_len, 32);
	X509_ALGOR_free(agreement.wrap_algorithm);
	assert_int_equal(cms_agreement_read(other_wrap, &agreement), -SMIME_E_UNSUPPORTED);
	assert_int_equal(cms_agreement_read(other_scheme, &agreement), -SMIME_E_UNSUPPORTED);
	assert_int_equal(cms_agreement_read(no_wrap, &agreement), -SMIME_E_MALFORMED);
	X509_ALGOR_free(fine);
	X509_ALGOR_free(other_wrap);
	X509_ALGOR_free(other_scheme);
	X509_ALGOR_free(no_wrap);
}

struct suitable_case {
	struct certificate_plan plan;
	int sign, encrypt; /* with an RSA key */
};

static void suitability_follows_usage_and_validity(void **state) {
	struct fixture *f = *state;
	static const struct suitable_case cases[] = {
		{ { .name = "plain" }, 0, 0 },
		{ { .name = "both", .ku = "digitalSignature,keyEncipherment", .eku = "emailProtection" }, 0, 0 },
		{ { .name = "any", .eku = "anyExtendedKeyUsage" }, 0, 0 },
		{ { .name = "nonRepudiation", .ku = "nonRepudiation" }, 0, -SMIME_E_KEY_UNUSABLE },
		{ { .name = "enc only", .ku = "keyEncipherment" }, -SMIME_E_KEY_UNUSABLE, 0 },
		{ { .name = "data", .ku = "dataEncipherment" }, -SMIME_E_KEY_UNUSABLE, -SMIME_E_KEY_UNUSABLE },
		{ { .name = "tls", .eku = "clientAuth" }, -SMIME_E_KEY_UNUSABLE, -SMIME_E_KEY_UNUSABLE },
		{ { .name = "ca", .ca = "CA:TRUE" }, -SMIME_E_KEY_UNUSABLE, -SMIME_E_KEY_UNUSABLE },
		{ { .name = "leaf", .ca = "CA:FALSE" }, 0, 0 },
		{ { .name = "old", .from = -10, .to = -1 }, -SMIME_E_CERT_EXPIRED, -SMIME_E_CERT_EXPIRED },
		{ { .name = "young", .from = 1, .to = 10 }, -SMIME_E_CERT_EXPIRED, -SMIME_E_CERT_EXPIRED },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		X509 *certificate = certificate_make(f->rsa, &cases[i].plan);
		const char *why = NULL;

		assert_int_equal(cms_suitable_for_signing(certificate, time(NULL), &why), cases[i].sign);
		assert_int_equal(why != NULL, cases[i].sign != 0);
		why = NULL;
		assert_int_equal(cms_suitable_for_encryption(certificate, time(NULL), &why), cases[i].encrypt);
		assert_int_equal(why != NULL, cases[i].encrypt != 0);
		X509_free(certificate);
	}
}

static void suitability_follows_the_key(void **state) {
	struct fixture *f = *state;
	struct certificate_plan plain = { .name = "plain" }, agree = { .name = "agree", .ku = "keyAgreement" },
				encipher = { .name = "encipher", .ku = "keyEncipherment" };
	EVP_PKEY *keys[] = { rsa_key_make(1024), EVP_EC_gen("secp256k1"), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), f->ec, f->ec, f->ec };
	const struct certificate_plan *plans[] = { &plain, &plain, &plain, &plain, &agree, &encipher };
	static const int sign[] = { -SMIME_E_KEY_UNUSABLE, 0, 0, 0, -SMIME_E_KEY_UNUSABLE, -SMIME_E_KEY_UNUSABLE };
	static const int seal[] = { -SMIME_E_KEY_UNUSABLE, -SMIME_E_KEY_UNUSABLE, -SMIME_E_KEY_UNUSABLE, 0, 0, -SMIME_E_KEY_UNUSABLE };

	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		X509 *certificate = certificate_make(keys[i], plans[i]);
		const char *why;

		assert_int_equal(cms_suitable_for_signing(certificate, time(NULL), &why), sign[i]);
		assert_int_equal(cms_suitable_for_encryption(certificate, time(NULL), &why), seal[i]);
		X509_free(certificate);
		if (keys[i] != f->ec)
			EVP_PKEY_free(keys[i]);
	}
}

static void no_error_is_left_behind(void **state) {
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signer_info_of_openssl_reads_and_encodes_to_itself),
		cmocka_unit_test(a_signer_named_by_key_identifier_is_found),
		cmocka_unit_test(a_certificate_without_key_identifier_matches_the_sha1_of_its_key),
		cmocka_unit_test(raw_signed_attributes_are_what_openssl_signed),
		cmocka_unit_test(indefinite_lengths_do_not_change_raw_attributes),
		cmocka_unit_test(attributes_out_of_order_are_kept_and_reported),
		cmocka_unit_test(a_signer_info_without_attributes_has_none),
		cmocka_unit_test(a_cut_signer_info_is_malformed_everywhere),
		cmocka_unit_test(endless_nesting_is_malformed),
		cmocka_unit_test(an_attribute_counts_only_when_it_is_single),
		cmocka_unit_test(key_transport_of_openssl_reads),
		cmocka_unit_test(key_agreement_of_openssl_reads_and_its_key_derives),
		cmocka_unit_test(other_recipients_keep_their_encoding),
		cmocka_unit_test(content_encryption_is_an_allow_list),
		cmocka_unit_test(the_derived_key_is_that_of_rfc_9709),
		cmocka_unit_test(algorithm_parameters_are_as_the_rfcs_want_them),
		cmocka_unit_test(agreements_are_an_allow_list),
		cmocka_unit_test(suitability_follows_usage_and_validity),
		cmocka_unit_test(suitability_follows_the_key),
		cmocka_unit_test(no_error_is_left_behind),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
