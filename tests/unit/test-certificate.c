/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What rules ask of a certificate, as it is read; how long a path holds; and the small parts of evidence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include <smime/error.h>

#include "agent/policy/evidence-parts.h"
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

		int r = read_back(extensions, 0, &certificate);

		/* What can't be read is no certificate that a rule could know. */
		if (r != (rows[i].name ? 0 : -SMIME_E_MALFORMED))
			fail_msg("row %zu: %d", i, r);
		if (r == 0 && strcmp(certificate.template_, rows[i].name) != 0)
			fail_msg("row %zu: %s", i, certificate.template_);
		if (r == 0)
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

/* ---- Evidence ---- */

enum { DAY = 24 * 3600 };
#define NOW ((time_t)1800000000)

/* A certificate for `key` until then. issuer: NULL for itself, with its key. */
static X509 *certify(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, time_t end) {
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);
	X509_EXTENSION *ca = X509V3_EXT_nconf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:true");

	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0), 1);
	assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
	assert_int_equal(X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(certificate), NOW - DAY));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(certificate), end));
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	assert_int_equal(X509_add_ext(certificate, ca, -1), 1);
	assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
	X509_EXTENSION_free(ca);
	return certificate;
}

/* Whichever of the certificates that is. */
static void a_path_holds_until_the_first_of_it_ends(void **state) {
	EVP_PKEY *keys[] = { EVP_EC_gen("P-256"), EVP_EC_gen("P-256"), EVP_EC_gen("P-256") };

	for (int first = 0; first < 3; first++) {
		X509 *root = certify("Root", keys[0], NULL, keys[0], NOW + (first == 0 ? 5 : 9) * DAY);
		X509 *middle = certify("Middle", keys[1], root, keys[0], NOW + (first == 1 ? 5 : 7) * DAY);
		X509 *leaf = certify("Leaf", keys[2], middle, keys[1], NOW + (first == 2 ? 5 : 8) * DAY);
		X509_STORE *anchors = X509_STORE_new();
		STACK_OF(X509) *pool = sk_X509_new_null(), *none = sk_X509_new_null();
		struct evidence_path path;

		assert_int_equal(X509_STORE_add_cert(anchors, root), 1);
		assert_true(sk_X509_push(pool, middle) > 0);
		assert_true(evidence_path_find(leaf, pool, anchors, NULL, NOW, &path));
		assert_int_equal(path.until, NOW + 5 * DAY);
		assert_string_equal(path.anchor, "CN=Root");
		assert_false(evidence_path_find(leaf, pool, anchors, NULL, NOW + 6 * DAY, &path));
		assert_non_null(strstr(path.fault, "expired"));
		assert_false(evidence_path_find(leaf, none, anchors, NULL, NOW, &path));
		assert_false(evidence_path_find(root, pool, anchors, NULL, NOW, &path));
		assert_non_null(strstr(path.fault, "pinned itself"));
		sk_X509_free(pool);
		sk_X509_free(none);
		X509_STORE_free(anchors);
		X509_free(leaf);
		X509_free(middle);
		X509_free(root);
	}
	for (size_t i = 0; i < ELEMENTSOF(keys); i++)
		EVP_PKEY_free(keys[i]);
}

static void firmware_is_three_numbers(void **state) {
	static const struct {
		const char *text;
		bool good;
		uint8_t parts[3];
	} rows[] = { { "5.7.1", true, { 5, 7, 1 } }, { "0.0.0", true, { 0, 0, 0 } }, { "255.255.255", true, { 255, 255, 255 } },
		{ "256.0.0", false }, { "0.256.0", false }, { "0.0.256", false }, { "5.7", false }, { "5.7.1.2", false },
		{ "5.7.1 ", false }, { " 5.7.1", false }, { "5.+7.1", false }, { "", false }, { "5.7.x", false } };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		uint8_t parts[4] = { 9, 9, 9, 9 };

		if (evidence_firmware_parse(rows[i].text, parts) != rows[i].good || (rows[i].good && memcmp(parts, rows[i].parts, 3) != 0))
			fail_msg("%s: %u.%u.%u", rows[i].text, parts[0], parts[1], parts[2]);
		assert_int_equal(parts[3], 9);
	}
	struct evidence *evidence = evidence_new();
	assert_int_equal(evidence_set_firmware(evidence, "5.7.1"), 0);
	assert_int_equal(evidence_set_firmware(evidence, "5.7.1."), -SMIME_E_USAGE);
	evidence_free(evidence);
	assert_null(evidence_free(NULL));
}

static void what_a_device_says_is_put_into_words(void **state) {
	static const struct {
		struct evidence_attestation of;
		const char *words;
	} rows[] = {
		{ { { 5, 7, 1 }, "12", 3, 2, 3 }, "YubiKey 12, firmware 5.7.1, USB-C, PIN always, touch always" },
		{ { { 5, 7, 1 }, "", 0, 0, 0 }, "YubiKey without number, firmware 5.7.1, PIN not told, touch not told" },
		{ { { 5, 7, 1 }, "1", 5, 3, 7 }, "YubiKey 1, firmware 5.7.1, USB-C with fingerprint, PIN match always, touch cached" },
		{ { { 5, 7, 1 }, "1", 6, 4, 8 }, "YubiKey 1, firmware 5.7.1, PIN unknown, touch unknown" },
		{ { { 5, 7, 1 }, "1", 1, 1, 0x81 }, "YubiKey 1, firmware 5.7.1, USB-A, PIN never, touch never" },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char text[200];

		evidence_attestation_describe(&rows[i].of, text, sizeof(text));
		assert_string_equal(text, rows[i].words);
	}
}

static void push(STACK_OF(ASN1_OCTET_STRING) **list, X509 *certificate) {
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);

	assert_true(len > 0);
	assert_int_equal(wire_push_octets(list, der, (size_t)len), 0);
	OPENSSL_free(der);
}

/* Those of files, of the token and of the configuration; what is no certificate is an error in files alone. */
static void certificates_lie_in_one_pool(void **state) {
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificates[] = { certify("A", key, NULL, key, NOW), certify("B", key, NULL, key, NOW), certify("C", key, NULL, key, NOW) };
	STACK_OF(ASN1_OCTET_STRING) *lists[3] = { NULL }, *rubbish = NULL;
	struct wire_inventory *inventory = wire_inventory_new(), *empty = wire_inventory_new();
	struct evidence *evidence = evidence_new();
	STACK_OF(X509) *pool = NULL;

	for (size_t i = 0; i < 3; i++)
		push(&lists[i], certificates[i]);
	push(&lists[0], certificates[1]);
	push(&rubbish, certificates[2]);
	assert_int_equal(wire_push_octets(&rubbish, (const uint8_t *)"x", 1), 0);
	assert_int_equal(wire_push_octets(&lists[1], (const uint8_t *)"x", 1), 0);
	assert_int_equal(evidence_add_attestations(evidence, lists[0]), 0);
	sk_ASN1_OCTET_STRING_pop_free(inventory->certificates, ASN1_OCTET_STRING_free);
	inventory->certificates = lists[1];
	lists[1] = NULL;
	assert_int_equal(evidence_pool(evidence, inventory, lists[2], &pool), 0);
	assert_int_equal(sk_X509_num(pool), 4);
	assert_int_equal(X509_cmp(sk_X509_value(pool, 3), certificates[2]), 0);
	sk_X509_pop_free(pool, X509_free);
	assert_int_equal(evidence_pool(evidence, empty, NULL, &pool), 0);
	assert_int_equal(sk_X509_num(pool), 2);
	sk_X509_pop_free(pool, X509_free);
	assert_int_equal(evidence_add_attestations(evidence, rubbish), -SMIME_E_MALFORMED);
	assert_int_equal(evidence_add_roots(evidence, rubbish), -SMIME_E_MALFORMED);
	assert_int_equal(evidence_add_policy(evidence, "1.2.3", rubbish), -SMIME_E_MALFORMED);
	evidence_free(evidence);
	wire_inventory_free(inventory);
	wire_inventory_free(empty);
	for (size_t i = 0; i < 3; i++) {
		sk_ASN1_OCTET_STRING_pop_free(lists[i], ASN1_OCTET_STRING_free);
		X509_free(certificates[i]);
	}
	sk_ASN1_OCTET_STRING_pop_free(rubbish, ASN1_OCTET_STRING_free);
	EVP_PKEY_free(key);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_rules_ask_for_is_read),
		cmocka_unit_test(a_template_begins_with_its_name),
		cmocka_unit_test(a_key_that_only_binds_is_told),
		cmocka_unit_test(an_endless_identifier_is_none),
		cmocka_unit_test(a_path_holds_until_the_first_of_it_ends),
		cmocka_unit_test(firmware_is_three_numbers),
		cmocka_unit_test(what_a_device_says_is_put_into_words),
		cmocka_unit_test(certificates_lie_in_one_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
