/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What rules ask of a certificate, as it is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include <smime/error.h>

#include "agent/policy/policy.h"
#include "agent/wire/base.h"

enum { EXTENSIONS_MAX = 5 };

static X509 *make(const char *const extensions[2 * EXTENSIONS_MAX]) {
	X509 *certificate = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_NAME *name = X509_get_issuer_name(certificate);
	CONF *none = NCONF_new(NULL);
	X509V3_CTX context;

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Gr\xc3\xbcn", -1, -1, 0), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"Issuing, Inc", -1, -1, 0), 1);
	assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 60));
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509V3_set_nconf(&context, none);
	for (size_t i = 0; i < 2 * EXTENSIONS_MAX && extensions[i]; i += 2) {
		X509_EXTENSION *extension = X509V3_EXT_nconf(none, &context, extensions[i], extensions[i + 1]);

		assert_non_null(extension);
		assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	NCONF_free(none);
	EVP_PKEY_free(key);
	return certificate;
}

static int read_back(const char *const extensions[2 * EXTENSIONS_MAX], size_t cut, struct policy_certificate *ret_certificate) {
	X509 *certificate = make(extensions);
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);
	int r = policy_certificate_read((struct bytes){ der, (size_t)len - cut }, ret_certificate);

	OPENSSL_free(der);
	X509_free(certificate);
	return r;
}

static void all_that_rules_ask_for_is_read(void **state) {
	static const char *const extensions[2 * EXTENSIONS_MAX] = { "subjectAltName",
		"email:Alice@Example.ORG,DNS:example.org,email:a2@example.org", "extendedKeyUsage", "emailProtection,1.2.3.4",
		"certificatePolicies", "1.2.3,2.16.840.1.101.3.2.1.3.7", "1.3.6.1.4.1.311.21.7", "DER:300D06082B06010401823715020100" };
	static const char *const without[2 * EXTENSIONS_MAX] = { NULL };
	struct policy_certificate certificate;

	assert_int_equal(read_back(extensions, 0, &certificate), 0);
	assert_string_equal(certificate.addresses[0], "alice@example.org");
	assert_string_equal(certificate.addresses[1], "a2@example.org");
	assert_null(certificate.addresses[2]);
	assert_string_equal(certificate.issuer, "CN=Issuing\\, Inc,O=Gr\xc3\xbcn");
	assert_string_equal(certificate.ekus[0], "1.3.6.1.5.5.7.3.4");
	assert_string_equal(certificate.ekus[1], "1.2.3.4");
	assert_null(certificate.ekus[2]);
	assert_string_equal(certificate.policies[0], "1.2.3");
	assert_string_equal(certificate.policies[1], "2.16.840.1.101.3.2.1.3.7");
	assert_null(certificate.policies[2]);
	assert_string_equal(certificate.template_, "1.3.6.1.4.1.311.21");
	policy_certificate_clear(&certificate);
	assert_null(certificate.issuer);

	assert_int_equal(read_back(without, 0, &certificate), 0);
	assert_null(certificate.addresses[0]);
	assert_null(certificate.ekus[0]);
	assert_null(certificate.policies[0]);
	assert_null(certificate.template_);
	assert_false(certificate.non_repudiation_only);
	policy_certificate_clear(&certificate);
	assert_int_equal(read_back(without, 1, &certificate), -SMIME_E_MALFORMED);
}

/* What is no template names none. */
static void a_template_begins_with_its_name(void **state) {
	static const struct {
		const char *value, *name;
	} rows[] = {
		{ "DER:300506032A0304", "1.2.3.4" },
		{ "DER:300B06032A0304020164020101", "1.2.3.4" },
		{ "DER:310506032A0304", NULL },
		{ "DER:0403060100", NULL },
		{ "DER:3003020100", NULL },
		{ "DER:3000", NULL },
		{ "DER:30", NULL },
		{ "DER:300906032A0304", NULL },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *const extensions[2 * EXTENSIONS_MAX] = { "1.3.6.1.4.1.311.21.7", rows[i].value };
		struct policy_certificate certificate;

		assert_int_equal(read_back(extensions, 0, &certificate), 0);
		if ((certificate.template_ == NULL) != (rows[i].name == NULL) ||
			(rows[i].name && strcmp(certificate.template_, rows[i].name) != 0))
			fail_msg("row %zu: %s", i, certificate.template_);
		policy_certificate_clear(&certificate);
	}
}

static void a_key_that_only_binds_is_told(void **state) {
	static const struct {
		const char *usage;
		bool only;
	} rows[] = { { "nonRepudiation", true }, { "nonRepudiation,keyEncipherment", true }, { "nonRepudiation,digitalSignature", false },
		{ "digitalSignature", false }, { "keyEncipherment", false } };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *const extensions[2 * EXTENSIONS_MAX] = { "keyUsage", rows[i].usage };
		struct policy_certificate certificate;

		assert_int_equal(read_back(extensions, 0, &certificate), 0);
		assert_int_equal(certificate.non_repudiation_only, rows[i].only);
		policy_certificate_clear(&certificate);
	}
}

/* One whose text would be cut is none that a rule could mean. */
static void an_endless_identifier_is_none(void **state) {
	static const char *const extensions[2 * EXTENSIONS_MAX] = { "extendedKeyUsage",
		"1.2.4294967295.4294967295.4294967295.4294967295.4294967295.4294967295.4294967295.4294967295.4294967295.4294967295."
		"4294967295."
		"4294967295,1.2.3" };
	struct policy_certificate certificate;

	assert_int_equal(read_back(extensions, 0, &certificate), 0);
	assert_string_equal(certificate.ekus[0], "");
	assert_string_equal(certificate.ekus[1], "1.2.3");
	policy_certificate_clear(&certificate);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_rules_ask_for_is_read),
		cmocka_unit_test(a_template_begins_with_its_name),
		cmocka_unit_test(a_key_that_only_binds_is_told),
		cmocka_unit_test(an_endless_identifier_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
