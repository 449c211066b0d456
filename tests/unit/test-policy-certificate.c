/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the policy reads in a certificate: each kind of address, and that what can't be read is no certificate without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <smime/error.h>

#include "agent/policy/policy.h"
#include "certificate.h"

#define TEMPLATE "1.3.6.1.4.1.311.21.7"

static EVP_PKEY *key;

static int make_key(void **state) {
	key = EVP_EC_gen("P-256");
	return key ? 0 : -1;
}

static int free_key(void **state) {
	EVP_PKEY_free(key);
	return 0;
}

struct extension {
	const char *oid; /* NULL: none */
	const char *der;
	size_t len;
};

/* A certificate of alice with these extensions, as they stand there. */
static int read_with(
	const char *address, const char *eku, const struct extension extensions[2], struct policy_certificate *ret_certificate) {
	const struct certificate_plan plan = { .name = "alice", .address = address, .ku = "digitalSignature", .eku = eku };
	X509 *certificate = certificate_make(key, &plan);
	uint8_t *der = NULL;

	for (int i = 0; i < 2 && extensions[i].oid; i++) {
		ASN1_OBJECT *type = OBJ_txt2obj(extensions[i].oid, 1);
		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		X509_EXTENSION *extension;

		assert_int_equal(ASN1_OCTET_STRING_set(value, (const uint8_t *)extensions[i].der, (int)extensions[i].len), 1);
		extension = X509_EXTENSION_create_by_OBJ(NULL, type, 0, value);
		assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
		X509_EXTENSION_free(extension);
		ASN1_OCTET_STRING_free(value);
		ASN1_OBJECT_free(type);
	}
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	int len = i2d_X509(certificate, &der);
	X509_free(certificate);
	int r = policy_certificate_read((struct bytes){ der, (size_t)len }, ret_certificate);
	OPENSSL_free(der);
	return r;
}

static void addresses_of_each_kind_are_read(void **state) {
	/* rfc822Name Bob@x.org; otherName SmtpUTF8Mailbox with the UTF8String of Grüße@y.org, in UTF-8 */
	static const char names[] = "\x30\x28\x81\x09"
				    "Bob@x.org"
				    "\xa0\x1b\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x09\xa0\x0f\x0c\x0d"
				    "Gr\xc3\xbc\xc3\x9f"
				    "e@y.org";
	const struct extension extensions[2] = { { "2.5.29.17", names, sizeof(names) - 1 } };
	struct policy_certificate certificate;

	assert_int_equal(read_with(NULL, "emailProtection", extensions, &certificate), 0);
	assert_string_equal(certificate.addresses[0], "bob@x.org");
	assert_string_equal(certificate.addresses[1],
		"gr\xc3\xbc\xc3\x9f"
		"e@y.org");
	assert_null(certificate.addresses[2]);
	assert_string_equal(certificate.ekus[0], "1.3.6.1.5.5.7.3.4");
	assert_string_equal(certificate.issuer, "CN=alice");
	assert_null(certificate.policies[0]);
	assert_null(certificate.template_);
	policy_certificate_clear(&certificate);
}

static void a_template_is_read(void **state) {
	static const char template_[] = "\x30\x08\x06\x03\x2a\x03\x05\x02\x01\x64"; /* 1.2.3.5, version 100 */
	const struct extension extensions[2] = { { TEMPLATE, template_, sizeof(template_) - 1 } };
	struct policy_certificate certificate;

	assert_int_equal(read_with("alice@example.org", NULL, extensions, &certificate), 0);
	assert_string_equal(certificate.template_, "1.2.3.5");
	assert_string_equal(certificate.addresses[0], "alice@example.org");
	assert_null(certificate.ekus[0]);
	policy_certificate_clear(&certificate);
}

static void what_can_not_be_read_is_not_absent(void **state) {
	static const struct extension cases[][2] = {
		{ { "2.5.29.17", "\x30\x05\x81", 3 } }, /* cut */
		{ { "2.5.29.17",
			"\x30\x07\x81\x05"
			"a\0@x.",
			9 } }, /* a NUL in an address */
		{ { "2.5.29.17", "\x30\x10\xa0\x0e\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x09\xa0\x02\x05\x00",
			18 } },                     /* a mailbox that is NULL */
		{ { "2.5.29.37", "\x04\x00", 2 } }, /* usages that are an OCTET STRING */
		{ { "2.5.29.37", "\x30\x05\x06\x03\x2a\x03\x05", 7 }, { "2.5.29.37", "\x30\x05\x06\x03\x2a\x03\x04", 7 } }, /* twice */
		{ { "2.5.29.32", "\x30\x05\x06\x03\x2a\x03\x05", 7 } }, /* a policy that is no SEQUENCE */
		{ { TEMPLATE, "\x06\x03\x2a\x03\x05", 5 } },            /* likewise */
		{ { TEMPLATE, "\x30\x02\x05\x00", 4 } },                /* without an object identifier */
		{ { TEMPLATE, "\x30", 1 } },                            /* cut */
	};
	struct policy_certificate certificate;

	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		if (read_with(NULL, NULL, cases[i], &certificate) != -SMIME_E_MALFORMED)
			fail_msg("case %zu is read", i);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_each_kind_are_read),
		cmocka_unit_test(a_template_is_read),
		cmocka_unit_test(what_can_not_be_read_is_not_absent),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
