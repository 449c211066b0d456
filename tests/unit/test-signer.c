/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libsmime says of signatures: the rules of RFC 5652, 8551, 5035, 6211, 8419 and 8933 one by one, each with a message
 * that breaks just that rule.
 */
#include "opening.h"
#include "rsa-key.h"

#include <openssl/rsa.h>

#define CONTENT "Content-Type: text/plain\r\n\r\nThis is what Alice has to say.\r\n"

static struct identity ca, alice, ec, ed, bob;
static struct trust_file trust;

static int setup(void **state) {
	ca = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Demonstration CA", NULL, ca_extensions });
	alice = identity_make(rsa_key_make(2048), &(struct certificate_plan){ "Alice", &ca, alice_extensions, 2 });
	ec = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Alice EC", &ca, alice_extensions, 3 });
	ed = identity_make(
		EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), &(struct certificate_plan){ "Alice Ed25519", &ca, alice_extensions, 4 });
	bob = identity_make(rsa_key_make(2048), &(struct certificate_plan){ "Bob", &ca, alice_extensions, 5 });
	trust_file_make(&trust, &ca.certificate, 1);
	return 0;
}

static int teardown(void **state) {
	identity_clear(&ca);
	identity_clear(&alice);
	identity_clear(&ec);
	identity_clear(&ed);
	identity_clear(&bob);
	close(trust.fd);
	return 0;
}

static int verify(const struct buf *message, const char *content, struct smime_report **ret_report) {
	struct smime *s = context_make();
	struct smime_verify_options options = { .cms = true, .trust = trust.list, .trust_count = 1 };
	int in = fd_of(message->data, message->len), r;

	options.detached = content;
	if (content)
		options.detached_content = fd_of(content, strlen(content));
	r = smime_verify(s, in, -1, &options, ret_report);
	if (r == 0)
		assert_true((*ret_report)->good);
	close(in);
	if (content)
		close(options.detached_content);
	smime_free(s);
	return r;
}

/* Makes the message, detached and embedded, and wants this result, and this outcome of this check where `name` is not NULL. */
static void expect(struct recipe recipe, int result, const char *name, enum smime_outcome outcome) {
	int detached;

	recipe.signer = recipe.signer ? recipe.signer : &alice;
	recipe.content = recipe.content ? recipe.content : CONTENT;
	for (detached = 0; detached < 2; detached++) {
		struct smime_report *report = NULL;
		struct buf message;
		int r;

		recipe.detached = detached;
		message = signed_make(&recipe);
		r = verify(&message, detached ? recipe.content : NULL, &report);
		if (r != -result && report)
			print_error("first bad: %s\n", report->first_bad);
		assert_int_equal(-r, result);
		assert_non_null(report);
		assert_int_equal(report->layer_count, 1);
		if (name)
			assert_int_equal(outcome_of(&report->layers[0].signers[0], name), outcome);
		smime_report_free(report);
		buf_clear(&message);
	}
}

static void expect_good(struct recipe recipe) {
	expect(recipe, 0, "signature", SMIME_GOOD);
}

static void expect_bad(struct recipe recipe, const char *name) {
	expect(recipe, SMIME_E_SIGNATURE, name, SMIME_BAD);
}

static void right_signatures_are_good(void **state) {
	expect_good((struct recipe){ 0 });
	expect_good((struct recipe){ .signature_nid = NID_sha256WithRSAEncryption });
	expect_good((struct recipe){ .md = EVP_sha384() });
	expect_good((struct recipe){ .md = EVP_sha512(), .signature_nid = NID_sha512WithRSAEncryption });
	expect_good((struct recipe){ .signer = &ec });
	expect_good((struct recipe){ .signer = &ec, .md = EVP_sha512(), .signature_nid = NID_ecdsa_with_SHA512 });
	expect_good((struct recipe){ .protect = true, .names = alice.certificate });
	expect_good((struct recipe){ .names = alice.certificate, .names_v1 = true });
}

static void ec_public_key_stands_for_ecdsa(void **state) {
	expect_good((struct recipe){ .signer = &ec, .signature_nid = NID_X9_62_id_ecPublicKey });
}

static void signer_by_key_id_is_found(void **state) {
	expect_good((struct recipe){ .key_id = true });
	expect_good((struct recipe){ .key_id = true, .signer = &ec });
}

/* A key id need not be unique: bob's certificate says alice's key id and stands in front. */
static void every_certificate_of_a_key_id_is_tried(void **state) {
	struct extension extensions[6];
	char id[128];
	const ASN1_OCTET_STRING *octet = X509_get0_subject_key_id(alice.certificate);
	size_t i, len = 0;
	X509 *other;
	STACK_OF(X509) *extra = sk_X509_new_null();

	for (i = 0; i < (size_t)ASN1_STRING_length(octet); i++)
		len += (size_t)snprintf(id + len, sizeof(id) - len, "%s%02x", i ? ":" : "", ASN1_STRING_get0_data(octet)[i]);
	memcpy(extensions, alice_extensions, sizeof(extensions));
	extensions[4].value = id;
	id[strcspn(id, "\n")] = '\0';
	for (char *p = id, *q = id;; p++)
		if (*p != ':' && !(*q++ = *p))
			break;
	other = certificate_make(bob.key, &(struct certificate_plan){ "Mallory", &ca, extensions, 66 });
	sk_X509_push(extra, other);
	expect_good((struct recipe){ .key_id = true, .extra = extra });
	sk_X509_free(extra);
	X509_free(other);
}

static void ed25519_is_verified_with_sha512_only(void **state) {
	expect_good((struct recipe){ .signer = &ed });
	expect_bad((struct recipe){ .signer = &ed, .md = EVP_sha256() }, "signature");
}

static void ed25519_without_attributes_is_not_supported(void **state) {
	expect((struct recipe){ .signer = &ed, .no_attributes = true }, SMIME_E_UNTRUSTED, "signature", SMIME_UNKNOWN);
}

static X509_ALGOR *pss(const EVP_MD *md, const EVP_MD *mgf, int salt) {
	X509_ALGOR *algorithm = cms_algorithm_pss(md), *mgf_algorithm = cms_algorithm_pss(mgf);
	RSA_PSS_PARAMS *params = ASN1_item_unpack(algorithm->parameter->value.sequence, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	RSA_PSS_PARAMS *other = ASN1_item_unpack(mgf_algorithm->parameter->value.sequence, ASN1_ITEM_rptr(RSA_PSS_PARAMS));

	X509_ALGOR_free(params->maskGenAlgorithm);
	params->maskGenAlgorithm = other->maskGenAlgorithm;
	other->maskGenAlgorithm = NULL;
	ASN1_INTEGER_set(params->saltLength, salt);
	ASN1_item_pack(params, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &algorithm->parameter->value.sequence);
	RSA_PSS_PARAMS_free(params);
	RSA_PSS_PARAMS_free(other);
	X509_ALGOR_free(mgf_algorithm);
	return algorithm;
}

static void pss_is_verified_by_its_parameters(void **state) {
	X509_ALGOR *long_salt = pss(EVP_sha256(), EVP_sha256(), 222), *short_salt = pss(EVP_sha256(), EVP_sha256(), 20);
	X509_ALGOR *other_hash = pss(EVP_sha384(), EVP_sha384(), 32), *other_mgf = pss(EVP_sha256(), EVP_sha1(), 32);

	expect_good((struct recipe){ .pss_salt = 32 });
	expect_good((struct recipe){ .pss_salt = 222, .signature_algorithm = long_salt });
	expect_bad((struct recipe){ .pss_salt = 32, .signature_algorithm = short_salt }, "signature");
	expect_bad((struct recipe){ .pss_salt = 32, .signature_algorithm = other_hash }, "signature");
	expect_bad((struct recipe){ .pss_salt = 32, .signature_algorithm = other_mgf }, "signature");
	expect_bad((struct recipe){ .pss_salt = 32, .signature_nid = NID_rsaEncryption }, "signature");
	X509_ALGOR_free(long_salt);
	X509_ALGOR_free(short_salt);
	X509_ALGOR_free(other_hash);
	X509_ALGOR_free(other_mgf);
}

/* Alice's key in a certificate for RSASSA-PSS alone; `restriction` NULL: with any parameters. */
static struct identity pss_only(const X509_ALGOR *restriction) {
	X509 *certificate = certificate_make(alice.key, &(struct certificate_plan){ "Alice PSS", &ca, alice_extensions, 6 });
	uint8_t *key = NULL, *der = NULL;
	int len = i2d_PublicKey(alice.key, &key);
	ASN1_STRING *parameters = restriction ? ASN1_STRING_dup(restriction->parameter->value.sequence) : NULL;

	assert_int_equal(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(certificate), OBJ_nid2obj(NID_rsassaPss),
				 parameters ? V_ASN1_SEQUENCE : V_ASN1_UNDEF, parameters, key, len),
		1);
	assert_true(X509_sign(certificate, ca.key, EVP_sha256()) > 0);
	len = i2d_X509(certificate, &der);
	X509_free(certificate);
	const uint8_t *p = der;
	certificate = d2i_X509(NULL, &p, len); /* the one that was made remembers the key as it was before */
	assert_non_null(certificate);
	OPENSSL_free(der);
	assert_int_equal(EVP_PKEY_up_ref(alice.key), 1);
	return (struct identity){ alice.key, certificate };
}

/* RFC 4055 3.3: digest and mask must be those of the certificate, the salt at least as long. */
static void a_certificate_for_pss_restricts_what_verifies(void **state) {
	X509_ALGOR *restriction = pss(EVP_sha256(), EVP_sha256(), 32);
	X509_ALGOR *longer = pss(EVP_sha256(), EVP_sha256(), 64), *shorter = pss(EVP_sha256(), EVP_sha256(), 20);
	struct identity free = pss_only(NULL), restricted = pss_only(restriction);

	expect_good((struct recipe){ .signer = &free, .pss_salt = 32 });
	expect_good((struct recipe){ .signer = &free, .pss_salt = 48, .md = EVP_sha384(), .protect = true });
	expect_good((struct recipe){ .signer = &restricted, .pss_salt = 32 });
	expect_good((struct recipe){ .signer = &restricted, .pss_salt = 64, .signature_algorithm = longer });
	expect_bad((struct recipe){ .signer = &restricted, .pss_salt = 20, .signature_algorithm = shorter }, "signature");
	expect_bad((struct recipe){ .signer = &restricted, .pss_salt = 48, .md = EVP_sha384() }, "signature");
	X509_ALGOR_free(restriction);
	X509_ALGOR_free(longer);
	X509_ALGOR_free(shorter);
	identity_clear(&free);
	identity_clear(&restricted);
}

static void a_certificate_for_pss_verifies_no_other_signature(void **state) {
	struct identity free = pss_only(NULL);

	expect_bad((struct recipe){ .signer = &free }, "signature");
	expect_bad((struct recipe){ .signer = &free, .signature_nid = NID_sha256WithRSAEncryption }, "signature");
	identity_clear(&free);
}

static X509_ALGOR *pss_from(const char *hex) {
	long len = 0;
	uint8_t *der = OPENSSL_hexstr2buf(hex, &len);
	const uint8_t *p = der;
	X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &p, len);

	assert_non_null(algorithm);
	OPENSSL_free(der);
	return algorithm;
}

/* RFC 4055 3.1: SHA-1, MGF1 with SHA-1, salt of 20 octets and the trailer 1, said or left out; the parameters themselves must be there. */
static void pss_defaults_may_be_left_out_or_said(void **state) {
#define PSS "06092a864886f70d01010a"
#define SHA1 "300906052b0e03021a0500"
	static const struct {
		const char *hex;
		bool good;
	} cases[] = {
		{ "300d" PSS "3000", true },
		{ "301a" PSS "300d"
		  "a00b" SHA1,
			true },
		{ "303e" PSS "3031"
		  "a00b" SHA1 "a118301606092a864886f70d010108" SHA1 "a203020114"
		  "a303020101",
			true },
		{ "3012" PSS "3005"
		  "a303020102",
			false },
		{ "300b" PSS, false },
		{ "300d" PSS "0500", false },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		X509_ALGOR *algorithm = pss_from(cases[i].hex);
		struct recipe recipe = { .pss_salt = 20, .md = EVP_sha1(), .signature_algorithm = algorithm };
		expect(recipe, cases[i].good ? SMIME_E_UNTRUSTED : SMIME_E_SIGNATURE, "signature", cases[i].good ? SMIME_GOOD : SMIME_BAD);
		X509_ALGOR_free(algorithm);
	}
}

static void a_signature_without_attributes_is_legacy(void **state) {
	expect((struct recipe){ .no_attributes = true }, 0, "attributes", SMIME_WARNING);
	expect((struct recipe){ .no_attributes = true, .signer = &ec }, 0, "attributes", SMIME_WARNING);
}

static void attributes_are_demanded_for_other_content_types(void **state) {
	expect_bad((struct recipe){ .no_attributes = true, .content_type = "1.2.840.113549.1.9.16.1.4" }, "attributes");
	expect((struct recipe){ .content_type = "1.2.840.113549.1.9.16.1.4" }, 0, "attributes", SMIME_GOOD);
}

static void the_signed_content_type_is_that_of_the_content(void **state) {
	expect_bad((struct recipe){ .attribute_content_type = OID_SIGNED_DATA }, "attributes");
	expect_bad((struct recipe){ .no_content_type = true }, "attributes");
}

static void there_is_one_message_digest_with_one_value(void **state) {
	expect_bad((struct recipe){ .second_digest = true }, "attributes");
	expect_bad((struct recipe){ .two_digest_values = true }, "attributes");
	expect_bad((struct recipe){ .no_digest = true }, "attributes");
}

static void there_is_one_signing_time(void **state) {
	expect_bad((struct recipe){ .second_time = true }, "attributes");
}

static void a_generalized_time_before_2050_is_flagged(void **state) {
	expect((struct recipe){ .generalized_time = true }, 0, "attributes", SMIME_WARNING);
}

static void two_lists_of_capabilities_are_bad(void **state) {
	expect((struct recipe){ .second_capabilities = true }, SMIME_E_SIGNATURE, "attributes", SMIME_BAD);
}

static void algorithm_protection_must_match(void **state) {
	X509_ALGOR *digest = cms_algorithm(NID_sha512), *signature = cms_algorithm(NID_sha256WithRSAEncryption);
	X509_ALGOR *with_null = X509_ALGOR_new();

	X509_ALGOR_set0(with_null, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL);
	expect_bad((struct recipe){ .protect = true, .protect_digest = digest }, "attributes");
	expect_bad((struct recipe){ .protect = true, .protect_signature = signature }, "attributes");
	expect_good((struct recipe){ .protect = true, .protect_digest = with_null });
	expect_good((struct recipe){ .protect = true, .pss_salt = 32 });
	X509_ALGOR_free(digest);
	X509_ALGOR_free(signature);
	X509_ALGOR_free(with_null);
}

static void the_signing_certificate_must_be_the_signers(void **state) {
	expect((struct recipe){ .names = bob.certificate }, SMIME_E_UNTRUSTED, "certificate", SMIME_BAD);
	expect((struct recipe){ .names = bob.certificate, .names_v1 = true }, SMIME_E_UNTRUSTED, "certificate", SMIME_BAD);
}

static void the_digest_is_one_for_content_and_attributes(void **state) {
	expect_bad((struct recipe){ .attribute_md = EVP_sha512() }, "signature");
	expect_bad((struct recipe){ .signature_nid = NID_sha512WithRSAEncryption }, "signature");
	expect_bad((struct recipe){ .md = EVP_sha256(), .attribute_md = EVP_sha512(), .signature_nid = NID_sha512WithRSAEncryption },
		"signature");
}

static void unsorted_attributes_are_flagged(void **state) {
	expect((struct recipe){ .unsorted = true }, 0, "attributes", SMIME_WARNING);
	expect((struct recipe){ .unsorted = true, .unsorted_signed_sorted = true }, 0, "attributes", SMIME_WARNING);
}

static void an_unknown_version_is_not_good(void **state) {
	expect((struct recipe){ .version = 9 }, SMIME_E_UNTRUSTED, "signature", SMIME_UNKNOWN);
}

static void an_empty_list_of_digests_does_no_harm(void **state) {
	expect_good((struct recipe){ .no_digest_algorithms = true });
}

static void a_changed_signature_is_bad(void **state) {
	expect_bad((struct recipe){ .flip_signature = true }, "signature");
	expect_bad((struct recipe){ .flip_signature = true, .signer = &ed }, "signature");
	expect_bad((struct recipe){ .flip_signature = true, .no_attributes = true }, "signature");
}

static void weak_digests_are_not_good(void **state) {
	expect((struct recipe){ .md = EVP_sha1() }, SMIME_E_UNTRUSTED, "algorithm", SMIME_BAD);
	expect((struct recipe){ .md = EVP_md5() }, SMIME_E_UNTRUSTED, "algorithm", SMIME_BAD);
}

/* Domain parameters, since finding some takes seconds. */
static EVP_PKEY *dsa_key(void) {
	static const char parameters[] =
		"30820127028181008fa13f514ecb6558c0f260e7e225e89c749c3f15024e82ad95f4df65ef73668a6fa1b91d3bab9c10d611448ee337f78296"
		"c7db8b7a49c81be5ca32530ca9f859cd40681a252c20cb21f49715bc98e5bffbdb804e7ddd2ba8dcaf1742c4e7d0fb44b83358fcfa9dca5dd1"
		"57e2d1ec22fd10a67c8e9cbe6a9d24a2861f9c55df41021d00d33f29e352cabcc7afe2b0d29a19fc950338b98d45d3f445ac92d7d702818100"
		"83f1d29572dc3be802582434f11f28d406aa99d38c149d298b1d5af2bc7720c8cafb219aacd732137a3b501c15a1976269437037464ba04d2a"
		"8e7c6493bac9f3f74551cd41b14c283130af64751d4a3a15e86107c8a59522f27265394f358017e7360dfefb3f99f187f3e4dae9a24d3fce05"
		"760bbce0b6eaa5a502b76bb587b3";
	long len = 0;
	uint8_t *der = OPENSSL_hexstr2buf(parameters, &len);
	const uint8_t *p = der;
	EVP_PKEY *domain = d2i_KeyParams(EVP_PKEY_DSA, NULL, &p, len), *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(domain, NULL);

	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(domain);
	OPENSSL_free(der);
	return key;
}

static void dsa_is_read_but_not_good(void **state) {
	static const struct {
		const EVP_MD *(*md)(void);
		int nid;
	} rows[] = {
		{ EVP_sha1, NID_dsaWithSHA1 },
		{ EVP_sha1, NID_dsa },
		{ EVP_sha224, NID_dsa_with_SHA224 },
		{ EVP_sha256, NID_dsa_with_SHA256 },
		{ EVP_sha256, NID_dsa },
	};
	struct identity old = identity_make(dsa_key(), &(struct certificate_plan){ "Old", &ca, alice_extensions, 10 });

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct recipe recipe = { .signer = &old, .md = rows[i].md(), .signature_nid = rows[i].nid };

		expect(recipe, SMIME_E_UNTRUSTED, "signature", SMIME_GOOD);
		expect(recipe, SMIME_E_UNTRUSTED, "algorithm", SMIME_BAD);
		recipe.flip_signature = true;
		expect_bad(recipe, "signature");
	}
	expect_bad((struct recipe){ .signer = &old, .signature_nid = NID_dsaWithSHA1 }, "signature"); /* over SHA-256 */
	expect_bad((struct recipe){ .signature_nid = NID_dsa }, "signature");                         /* with an RSA key */
	identity_clear(&old);
}

/* Such as a DSA key that leaves its parameters to the certificate of its issuer (RFC 3279 2.3.2). */
static void a_key_that_can_not_be_read_is_no_bad_signature(void **state) {
	struct identity odd = identity_make(rsa_key_make(2048), &(struct certificate_plan){ "Odd", &ca, alice_extensions, 11 });
	X509_PUBKEY *spki = X509_get_X509_PUBKEY(odd.certificate);

	assert_int_equal(X509_PUBKEY_set0_param(spki, OBJ_txt2obj("2.999.1", 1), V_ASN1_UNDEF, NULL, NULL, 0), 1);
	assert_true(X509_sign(odd.certificate, ca.key, EVP_sha256()) > 0);
	expect((struct recipe){ .signer = &odd }, SMIME_E_UNTRUSTED, "signature", SMIME_UNKNOWN);
	expect((struct recipe){ .signer = &odd, .md = EVP_sha1() }, SMIME_E_UNTRUSTED, "algorithm", SMIME_BAD);
	identity_clear(&odd);
}

static void short_rsa_keys_are_not_good(void **state) {
	struct identity small = identity_make(rsa_key_make(1024), &(struct certificate_plan){ "Small", &ca, alice_extensions, 9 });

	expect((struct recipe){ .signer = &small }, SMIME_E_UNTRUSTED, "algorithm", SMIME_BAD);
	identity_clear(&small);
}

static void a_signer_without_certificate_is_not_good(void **state) {
	expect((struct recipe){ .no_certificates = true }, SMIME_E_UNTRUSTED, "certificate", SMIME_UNKNOWN);
}

/* A long exponent makes each verification as slow as a signature; nobody has one for a good reason. */
static void a_key_that_costs_much_is_not_used(void **state) {
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *exponent = BN_new();
	EVP_PKEY *key = NULL;
	struct identity costly;

	BN_set_bit(exponent, 80);
	BN_add_word(exponent, 13);
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, exponent), 1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	costly = identity_make(key, &(struct certificate_plan){ "Costly", &ca, alice_extensions, 9 });
	expect((struct recipe){ .signer = &costly }, SMIME_E_UNTRUSTED, "signature", SMIME_UNKNOWN);
	identity_clear(&costly);
	EVP_PKEY_CTX_free(context);
	BN_free(exponent);
}

static void each_signer_has_its_own_result(void **state) {
	struct recipe second = { .signer = &bob, .content = CONTENT, .flip_signature = true };
	struct recipe first = { .signer = &alice, .content = CONTENT, .second = &second };
	struct buf message = signed_make(&first);
	struct smime_report *report = NULL;

	assert_int_equal(verify(&message, NULL, &report), -SMIME_E_SIGNATURE);
	assert_int_equal(report->layers[0].signer_count, 2);
	assert_true(report->layers[0].signers[0].good);
	assert_false(report->layers[0].signers[1].good);
	assert_false(report->layers[0].good);
	smime_report_free(report);
	buf_clear(&message);
	second.flip_signature = false;
	second.md = EVP_sha512();
	message = signed_make(&first);
	assert_int_equal(verify(&message, NULL, &report), 0);
	smime_report_free(report);
	buf_clear(&message);
	second.version = 9; /* a signer that can't be checked counts as not good, the other one stays good */
	message = signed_make(&first);
	assert_int_equal(verify(&message, NULL, &report), -SMIME_E_UNTRUSTED);
	assert_true(report->layers[0].signers[0].good);
	smime_report_free(report);
	buf_clear(&message);
}

static void changed_content_is_bad(void **state) {
	struct recipe recipe = { .signer = &alice, .content = CONTENT, .detached = true };
	struct buf message = signed_make(&recipe);
	struct smime_report *report = NULL;

	assert_int_equal(verify(&message, CONTENT "more", &report), -SMIME_E_SIGNATURE);
	assert_int_equal(outcome_of(&report->layers[0].signers[0], "digest"), SMIME_BAD);
	assert_int_equal(outcome_of(&report->layers[0].signers[0], "signature"), SMIME_GOOD);
	assert_string_equal(report->first_bad, "the content is not what was signed: it was changed");
	assert_string_equal(report->summary, "none");
	smime_report_free(report);
	buf_clear(&message);
}

static void a_changed_signature_says_nothing_against_the_content(void **state) {
	struct recipe recipe = { .signer = &alice, .content = CONTENT, .flip_signature = true };
	struct buf message = signed_make(&recipe);
	struct smime_report *report = NULL;

	assert_int_equal(verify(&message, NULL, &report), -SMIME_E_SIGNATURE);
	assert_int_equal(outcome_of(&report->layers[0].signers[0], "digest"), SMIME_GOOD);
	assert_int_equal(outcome_of(&report->layers[0].signers[0], "signature"), SMIME_BAD);
	smime_report_free(report);
	buf_clear(&message);
}

#define OID_LABEL "1.2.840.113549.1.9.16.2.2"
#define LABEL(classification)                                            \
	"\x31\x13\x02\x01" classification "\x06\x03\x2a\x03\x04\x0c\x09" \
	"Eyes only"

static const char *text_of(const struct smime_signer *signer, const char *name) {
	for (size_t i = 0; i < signer->check_count; i++)
		if (strcmp(signer->checks[i].name, name) == 0)
			return signer->checks[i].text;
	return "";
}

static void a_label_is_told(void **state) {
	static const struct {
		const char *value, *text;
		size_t len;
		enum smime_outcome outcome;
	} rows[] = {
		{ LABEL("\x03"), "confidential under the policy 1.2.3.4, marked \"Eyes only\"", 21, SMIME_NOTE },
		{ LABEL("\x09"), "classification 9 of that policy under the policy 1.2.3.4, marked \"Eyes only\"", 21, SMIME_NOTE },
		{ "\x31\x05\x06\x03\x2a\x03\x04", "no classification under the policy 1.2.3.4", 7, SMIME_NOTE },
		{ "\x31\x03\x02\x01\x03", "the security label can't be read", 5, SMIME_WARNING },
		{ "\x30\x03\x02\x01\x03", "the security label can't be read", 5, SMIME_WARNING },
		{ "\x31\x0a\x06\x03\x2a\x03\x04\x06\x03\x2a\x03\x05", "the security label can't be read", 12, SMIME_WARNING },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct recipe recipe = { .signer = &alice, .content = CONTENT, .extra_oid = OID_LABEL };
		struct smime_report *report = NULL;
		struct buf message;

		recipe.extra_value = rows[i].value;
		recipe.extra_len = rows[i].len;
		message = signed_make(&recipe);
		assert_int_equal(verify(&message, NULL, &report), 0);
		assert_string_equal(text_of(&report->layers[0].signers[0], "security-label"), rows[i].text);
		assert_int_equal(outcome_of(&report->layers[0].signers[0], "security-label"), rows[i].outcome);
		smime_report_free(report);
		buf_clear(&message);
	}
}

static void signers_give_one_label(void **state) {
	struct recipe second = {
		.signer = &bob, .content = CONTENT, .extra_oid = OID_LABEL, .extra_value = LABEL("\x03"), .extra_len = 21
	};
	struct recipe first = second;
	struct smime_report *report = NULL;
	struct buf message;

	first.signer = &alice;
	first.second = &second;
	message = signed_make(&first);
	assert_int_equal(verify(&message, NULL, &report), 0);
	assert_int_equal(outcome_of(&report->layers[0].signers[1], "security-label"), SMIME_NOTE);
	smime_report_free(report);
	buf_clear(&message);
	second.extra_value = LABEL("\x04");
	message = signed_make(&first);
	assert_int_equal(verify(&message, NULL, &report), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(outcome_of(&report->layers[0].signers[i], "security-label"), SMIME_WARNING);
	smime_report_free(report);
	buf_clear(&message);
}

/* An attribute of no meaning here, and an expansion history (RFC 2634 4.2) of one mailing list. */
static void other_attributes_are_named(void **state) {
	static const char history[] = "\x30\x17\x30\x15\x04\x02\xab\xcd\x18\x0f"
				      "20260101000000Z";
	struct recipe recipe = { .signer = &alice, .content = CONTENT, .extra_oid = "1.2.3.4.5", .extra_value = "\x05", .extra_len = 2 };
	struct smime_report *report = NULL;
	struct buf message = signed_make(&recipe);

	assert_int_equal(verify(&message, NULL, &report), 0);
	assert_string_equal(text_of(&report->layers[0].signers[0], "other-attributes"), "1.2.3.4.5");
	smime_report_free(report);
	buf_clear(&message);
	recipe.extra_oid = "1.2.840.113549.1.9.16.2.3";
	recipe.extra_value = history;
	recipe.extra_len = sizeof(history) - 1;
	message = signed_make(&recipe);
	assert_int_equal(verify(&message, NULL, &report), 0);
	assert_string_equal(
		text_of(&report->layers[0].signers[0], "mailing-list"), "passed on by 1 mailing list, the last time on 2026-01-01");
	smime_report_free(report);
	buf_clear(&message);
}

/* Content beside and inside: what was shown need not be what was signed (CVE-2018-18509). */
static void content_both_given_and_embedded_is_bad(void **state) {
	struct recipe recipe = { .signer = &alice, .content = CONTENT };
	struct buf message = signed_make(&recipe);
	struct smime_report *report = NULL;

	assert_int_equal(verify(&message, CONTENT, &report), -SMIME_E_SIGNATURE);
	smime_report_free(report);
	assert_int_equal(verify(&message, "something else", &report), -SMIME_E_SIGNATURE);
	smime_report_free(report);
	buf_clear(&message);
}

static void a_detached_signature_needs_its_content(void **state) {
	struct recipe recipe = { .signer = &alice, .content = CONTENT, .detached = true };
	struct buf message = signed_make(&recipe);
	struct smime_report *report = NULL;

	assert_int_equal(verify(&message, NULL, &report), -SMIME_E_USAGE);
	assert_null(report);
	buf_clear(&message);
}

/* The signature over attributes, taken as one without attributes over the attributes' own encoding. */
static void attributes_as_content_are_refused(void **state) {
	struct recipe victim = { .signer = &alice, .content = CONTENT };
	struct buf inner = attributes_make(&victim, true), set = { 0 }, signature;

	buf_tlv(&set, 0x31, &inner);
	signature = sign_make(&victim, EVP_sha256(), set.data, set.len);
	expect_bad(
		(struct recipe){
			.no_attributes = true, .content = (const char *)set.data, .content_len = set.len, .signature = &signature },
		"attributes");
	buf_clear(&set);
	buf_clear(&signature);
}

static void an_address_is_compared_when_one_is_expected(void **state) {
	struct recipe recipe = { .signer = &alice, .content = CONTENT };
	struct buf message = signed_make(&recipe);
	struct smime_verify_options options = { .cms = true, .trust = trust.list, .trust_count = 1 };
	static const struct {
		const char *from;
		int result;
		int outcome;
	} rows[] = {
		{ NULL, 0, SMIME_UNKNOWN },
		{ "alice@example.org", 0, SMIME_GOOD },
		{ "ALICE@Example.ORG", 0, SMIME_GOOD },
		{ "mallory@example.org", -SMIME_E_UNTRUSTED, SMIME_BAD },
	};
	struct smime *s = context_make();
	size_t i;

	for (i = 0; i < ELEMENTSOF(rows); i++) {
		struct smime_report *report = NULL;
		int in = fd_of(message.data, message.len);

		options.from = rows[i].from;
		assert_int_equal(smime_verify(s, in, -1, &options, &report), rows[i].result);
		assert_int_equal(outcome_of(&report->layers[0].signers[0], "address"), rows[i].outcome);
		smime_report_free(report);
		close(in);
	}
	smime_free(s);
	buf_clear(&message);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_signatures_are_good),
		cmocka_unit_test(ec_public_key_stands_for_ecdsa),
		cmocka_unit_test(signer_by_key_id_is_found),
		cmocka_unit_test(every_certificate_of_a_key_id_is_tried),
		{ "A3: Ed25519 is verified with SHA-512 only", ed25519_is_verified_with_sha512_only, NULL, NULL, NULL },
		cmocka_unit_test(ed25519_without_attributes_is_not_supported),
		{ "A5: RSASSA-PSS is verified by its parameters, with any salt, but with one digest for everything",
			pss_is_verified_by_its_parameters, NULL, NULL, NULL },
		{ "A5: a certificate for RSASSA-PSS restricts what verifies", a_certificate_for_pss_restricts_what_verifies, NULL, NULL,
			NULL },
		{ "A5: a certificate for RSASSA-PSS verifies no other signature", a_certificate_for_pss_verifies_no_other_signature, NULL,
			NULL, NULL },
		{ "A5: defaults of RSASSA-PSS may be left out or said, its parameters may not be missing",
			pss_defaults_may_be_left_out_or_said, NULL, NULL, NULL },
		cmocka_unit_test(a_signature_without_attributes_is_legacy),
		cmocka_unit_test(attributes_are_demanded_for_other_content_types),
		cmocka_unit_test(the_signed_content_type_is_that_of_the_content),
		cmocka_unit_test(there_is_one_message_digest_with_one_value),
		cmocka_unit_test(there_is_one_signing_time),
		cmocka_unit_test(a_generalized_time_before_2050_is_flagged),
		cmocka_unit_test(two_lists_of_capabilities_are_bad),
		cmocka_unit_test(algorithm_protection_must_match),
		cmocka_unit_test(the_signing_certificate_must_be_the_signers),
		cmocka_unit_test(the_digest_is_one_for_content_and_attributes),
		cmocka_unit_test(unsorted_attributes_are_flagged),
		cmocka_unit_test(an_unknown_version_is_not_good),
		cmocka_unit_test(an_empty_list_of_digests_does_no_harm),
		cmocka_unit_test(a_changed_signature_is_bad),
		cmocka_unit_test(weak_digests_are_not_good),
		cmocka_unit_test(dsa_is_read_but_not_good),
		cmocka_unit_test(a_key_that_can_not_be_read_is_no_bad_signature),
		cmocka_unit_test(short_rsa_keys_are_not_good),
		cmocka_unit_test(a_signer_without_certificate_is_not_good),
		cmocka_unit_test(a_key_that_costs_much_is_not_used),
		cmocka_unit_test(each_signer_has_its_own_result),
		cmocka_unit_test(changed_content_is_bad),
		cmocka_unit_test(a_changed_signature_says_nothing_against_the_content),
		{ "S2: a label is told", a_label_is_told, NULL, NULL, NULL },
		{ "S2: the signers of one layer give one label, else there is a warning", signers_give_one_label, NULL, NULL, NULL },
		cmocka_unit_test(other_attributes_are_named),
		cmocka_unit_test(content_both_given_and_embedded_is_bad),
		cmocka_unit_test(a_detached_signature_needs_its_content),
		cmocka_unit_test(attributes_as_content_are_refused),
		cmocka_unit_test(an_address_is_compared_when_one_is_expected),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
