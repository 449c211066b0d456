/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signed attributes: which there are, in which form, once each, and encoded as RFC 5652 hashes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ess.h>

#include "agent/token/attributes.h"
#include "certificate.h"
#include "hex.h"
#include "smime/error.h"

static const uint8_t digest[32] = { 0xd1, 0x6e };

struct fixture {
	EVP_PKEY *key;
	X509 *signer, *encryption;
	X509_ALGOR *digest_algorithm, *signature_algorithm;
	STACK_OF(X509_ALGOR) *capabilities;
};

static int setup(void **state) {
	static struct fixture f;
	struct certificate_plan signer = { .name = "Signer", .serial = 0x1234 }, encryption = { .name = "Signer", .serial = 0x4321 };

	f.key = EVP_EC_gen("P-256");
	f.signer = certificate_make(f.key, &signer);
	f.encryption = certificate_make(f.key, &encryption);
	f.digest_algorithm = cms_algorithm(NID_sha256);
	f.signature_algorithm = cms_algorithm(NID_ecdsa_with_SHA256);
	f.capabilities = sk_X509_ALGOR_new_null();
	sk_X509_ALGOR_push(f.capabilities, cms_algorithm(NID_aes_256_cbc));
	sk_X509_ALGOR_push(f.capabilities, cms_algorithm(NID_aes_128_cbc));
	*state = &f;
	return 0;
}

static int teardown(void **state) {
	struct fixture *f = *state;

	EVP_PKEY_free(f->key);
	X509_free(f->signer);
	X509_free(f->encryption);
	X509_ALGOR_free(f->digest_algorithm);
	X509_ALGOR_free(f->signature_algorithm);
	sk_X509_ALGOR_pop_free(f->capabilities, X509_ALGOR_free);
	return 0;
}

static STACK_OF(X509_ATTRIBUTE) *make(const struct fixture *f, time_t now, bool split) {
	struct attributes_input input = {
		.digest = { digest, sizeof(digest) },
		.signer = f->signer,
		.encryption = split ? f->encryption : NULL,
		.digest_algorithm = f->digest_algorithm,
		.signature_algorithm = f->signature_algorithm,
		.capabilities = f->capabilities,
		.now = now,
	};
	STACK_OF(X509_ATTRIBUTE) *attributes = NULL;

	assert_int_equal(attributes_make(&input, &attributes), 0);
	return attributes;
}

static void free_all(STACK_OF(X509_ATTRIBUTE) *attributes) {
	sk_X509_ATTRIBUTE_pop_free(attributes, X509_ATTRIBUTE_free);
}

static const ASN1_TYPE *single(STACK_OF(X509_ATTRIBUTE) *attributes, const char *oid) {
	const ASN1_TYPE *value = NULL;

	assert_int_equal(cms_attribute_single(attributes, oid, &value), 0);
	return value;
}

static void assert_der(const ASN1_TYPE *value, const char *hex) {
	uint8_t *der = NULL;
	int len = i2d_ASN1_TYPE(value, &der);

	assert_hex(der, len, hex);
	OPENSSL_free(der);
}

static void every_attribute_is_there_once(void **state) {
	STACK_OF(X509_ATTRIBUTE) *attributes = make(*state, 1795305600, true);

	assert_int_equal(sk_X509_ATTRIBUTE_num(attributes), 7);
	assert_der(single(attributes, OID_CONTENT_TYPE), "06092a864886f70d010701");
	assert_der(single(attributes, OID_MESSAGE_DIGEST), "0420d16e000000000000000000000000000000000000000000000000000000000000");
	assert_der(single(attributes, OID_SIGNING_TIME), "170d3236313132323030303030305a");
	assert_der(single(attributes, OID_ALGORITHM_PROTECTION), "3019300b0609608648016503040201a10a06082a8648ce3d040302");
	assert_der(single(attributes, OID_SMIME_CAPABILITIES), "301a300b060960864801650304012a300b0609608648016503040102");
	(void)single(attributes, OID_SIGNING_CERTIFICATE_V2);
	(void)single(attributes, OID_ENCRYPTION_KEY_PREFERENCE);
	free_all(attributes);
}

static void a_signer_who_is_encrypted_to_with_the_same_certificate_names_no_other(void **state) {
	STACK_OF(X509_ATTRIBUTE) *attributes = make(*state, 1795305600, false);
	const ASN1_TYPE *value;

	assert_int_equal(sk_X509_ATTRIBUTE_num(attributes), 6);
	assert_int_equal(cms_attribute_single(attributes, OID_ENCRYPTION_KEY_PREFERENCE, &value), 1);
	free_all(attributes);
}

static void signing_time_is_generalized_from_2050_on(void **state) {
	STACK_OF(X509_ATTRIBUTE) *last = make(*state, 2524607999, false), *next = make(*state, 2524608000, false);

	assert_der(single(last, OID_SIGNING_TIME), "170d3439313233313233353935395a");
	assert_der(single(next, OID_SIGNING_TIME), "180f32303530303130313030303030305a");
	free_all(last);
	free_all(next);
}

/* RFC 5035: the default SHA-256 is left out, issuer and serial number are there. */
static void signing_certificate_names_the_signer(void **state) {
	const struct fixture *f = *state;
	STACK_OF(X509_ATTRIBUTE) *attributes = make(f, 1795305600, false);
	const ASN1_TYPE *value = single(attributes, OID_SIGNING_CERTIFICATE_V2);
	uint8_t hash[32], *der = NULL;
	const uint8_t *p;
	int len = i2d_ASN1_TYPE(value, &der);

	X509_digest(f->signer, EVP_sha256(), hash, NULL);
	/* SigningCertificateV2, certs, ESSCertIDv2: then the hash comes at once */
	for (p = der; p < der + len && *p == 0x30;)
		p += p[1] == 0x81 ? 3 : 2;
	assert_int_equal(p[0], 0x04);
	assert_int_equal(p[1], 32);
	assert_memory_equal(p + 2, hash, 32);
	p += 34;
	assert_int_equal(*p, 0x30); /* IssuerSerial: GeneralNames, serial number at the end */
	assert_memory_equal(der + len - 4, "\x02\x02\x12\x34", 4);
	OPENSSL_free(der);
	free_all(attributes);
}

/* RFC 8551 2.5.3: [0] IMPLICIT IssuerAndSerialNumber */
static void the_preference_is_issuer_and_serial_number(void **state) {
	const struct fixture *f = *state;
	STACK_OF(X509_ATTRIBUTE) *attributes = make(f, 1795305600, true);
	const ASN1_TYPE *value = single(attributes, OID_ENCRYPTION_KEY_PREFERENCE);
	_cleanup_(cms_issuer_serial_freep) struct cms_issuer_serial *name = NULL;
	uint8_t *der = NULL;
	int len = i2d_ASN1_TYPE(value, &der);

	assert_int_equal(der[0], 0xa0);
	der[0] = 0x30;
	assert_int_equal(cms_parse((struct bytes){ der, (size_t)len }, cms_issuer_serial_it(), &name), 0);
	assert_true(cms_issuer_serial_is(name, f->encryption));
	OPENSSL_free(der);
	free_all(attributes);
}

static void what_is_hashed_is_a_sorted_set(void **state) {
	STACK_OF(X509_ATTRIBUTE) *attributes = make(*state, 1795305600, true);
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = 0;
	struct bytes before = { NULL, 0 };
	long content;
	int tag, class;

	assert_int_equal(cms_attributes_der(attributes, &der, &len), 0);
	const uint8_t *p = der;
	assert_int_equal(p[0], 0x31);
	assert_false(ASN1_get_object(&p, &content, &tag, &class, (long)len) & 0x80);
	while (p < der + len) {
		struct bytes element = { p, 0 };
		assert_false(ASN1_get_object(&p, &content, &tag, &class, der + len - p) & 0x80);
		p += content;
		element.len = (size_t)(p - element.data);
		if (before.data) {
			size_t common = before.len < element.len ? before.len : element.len;
			assert_true(memcmp(before.data, element.data, common) < 0);
		}
		before = element;
	}
	assert_int_equal(ERR_peek_error(), 0);
	free_all(attributes);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		{ "C11: every attribute is there once", every_attribute_is_there_once, NULL, NULL, NULL },
		{ "C18: a signer who is encrypted to with the same certificate names no other",
			a_signer_who_is_encrypted_to_with_the_same_certificate_names_no_other, NULL, NULL, NULL },
		{ "C12: signing-time is UTCTime through 2049, GeneralizedTime from 2050 on", signing_time_is_generalized_from_2050_on, NULL,
			NULL, NULL },
		{ "C15: signing-certificate-v2 names the signer", signing_certificate_names_the_signer, NULL, NULL, NULL },
		{ "C18: the preference is issuer and serial number", the_preference_is_issuer_and_serial_number, NULL, NULL, NULL },
		{ "C8: what is hashed is a sorted set", what_is_hashed_is_a_sorted_set, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
