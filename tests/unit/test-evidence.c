/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vouches for a key, as a function of certificates and a moment: paths that are valid or not, policies, and attestations that say
 * what they should, too little, or nonsense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <smime/error.h>

#include "agent/policy/evidence.h"

enum { DAY = 24 * 3600, EXTENSIONS_MAX = 6 };
#define HARDWARE "2.16.840.1.101.3.2.1.3.7"
#define NOW ((time_t)1800000000)

struct party {
	EVP_PKEY *key;
	X509 *certificate;
};

/* Extensions as OpenSSL's configuration has them: name, value, name, value. */
struct plan {
	const char *name;
	const struct party *issuer; /* NULL: itself */
	EVP_PKEY *key;              /* NULL: a fresh one */
	const char *extensions[2 * EXTENSIONS_MAX];
	time_t begin, end;    /* 0: ten days before and after NOW */
	const EVP_MD *digest; /* NULL: SHA-256 */
};

static void add_extensions(X509 *certificate, const struct plan *plan) {
	CONF *none = NCONF_new(NULL); /* policies are made with one alone */
	X509V3_CTX context;

	X509V3_set_ctx(&context, plan->issuer ? plan->issuer->certificate : certificate, certificate, NULL, NULL, 0);
	X509V3_set_nconf(&context, none);
	for (size_t i = 0; i < 2 * EXTENSIONS_MAX && plan->extensions[i]; i += 2) {
		X509_EXTENSION *extension = X509V3_EXT_nconf(none, &context, plan->extensions[i], plan->extensions[i + 1]);

		assert_non_null(extension);
		assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
	NCONF_free(none);
}

static struct party make(const struct plan *plan) {
	struct party party = { plan->key, X509_new() };
	X509_NAME *subject = X509_get_subject_name(party.certificate);
	static long serial = 1;

	if (party.key)
		assert_int_equal(EVP_PKEY_up_ref(party.key), 1);
	else
		party.key = EVP_EC_gen("P-256");
	assert_int_equal(X509_set_version(party.certificate, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(party.certificate), serial++), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)plan->name, -1, -1, 0), 1);
	assert_int_equal(
		X509_set_issuer_name(party.certificate, plan->issuer ? X509_get_subject_name(plan->issuer->certificate) : subject), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(party.certificate), plan->begin ? plan->begin : NOW - 10 * DAY));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(party.certificate), plan->end ? plan->end : NOW + 10 * DAY));
	assert_int_equal(X509_set_pubkey(party.certificate, party.key), 1);
	add_extensions(party.certificate, plan);
	assert_true(
		X509_sign(party.certificate, plan->issuer ? plan->issuer->key : party.key, plan->digest ? plan->digest : EVP_sha256()) > 0);
	return party;
}

static void clear(struct party *party) {
	EVP_PKEY_free(party->key);
	X509_free(party->certificate);
}

static void push(STACK_OF(ASN1_OCTET_STRING) **list, X509 *certificate) {
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);

	assert_true(len > 0);
	assert_int_equal(wire_push_octets(list, der, (size_t)len), 0);
	OPENSSL_free(der);
}

static void list_free(STACK_OF(ASN1_OCTET_STRING) *list) {
	sk_ASN1_OCTET_STRING_pop_free(list, ASN1_OCTET_STRING_free);
}

/* ---- A key and what lies beside it ---- */

#define CA "basicConstraints", "critical,CA:true", "keyUsage", "critical,keyCertSign"
static struct party root, issuing, alice;

/* Everything that speaks for hardware and nothing against it, but for what is the other way round. */
static struct wire_key *key_make(const struct party *party, bool seen, uint32_t other) {
	struct wire_key *key = wire_key_new();
	uint8_t *der = NULL, sha256[SHA256_DIGEST_LENGTH];
	int len = i2d_PUBKEY(party->key, &der);

	assert_true(len > 0);
	(void)SHA256(der, (size_t)len, sha256);
	OPENSSL_free(der);
	assert_int_equal(wire_set_octets(&key->spki, sha256, sizeof(sha256)), 0);
	key->type = EVP_PKEY_get_base_id(party->key) == EVP_PKEY_RSA ? WIRE_KEY_RSA : WIRE_KEY_EC;
	key->seen = seen ? 0xff : 0;
	key->claims = 255u ^ other;
	return key;
}

struct scene {
	struct evidence *evidence;
	const struct party *of;        /* whose key; NULL: alice */
	X509 *certificates[3];         /* of the key */
	X509 *beside[4];               /* on the token */
	const struct party *other_key; /* on the token, with its certificate */
	bool unseen;
	uint32_t other; /* claims that are not as they should be */
	time_t now;     /* 0: NOW */
};

static struct evidence_found judge(const struct scene *scene) {
	struct wire_key *key = key_make(scene->of ? scene->of : &alice, !scene->unseen, scene->other);
	struct wire_token *token = wire_token_new();
	struct wire_inventory *inventory = wire_inventory_new();
	STACK_OF(X509) *pool = NULL;
	struct evidence_found found;

	for (size_t i = 0; i < 3 && scene->certificates[i]; i++)
		push(&key->certificates, scene->certificates[i]);
	for (size_t i = 0; i < 4 && scene->beside[i]; i++)
		push(&inventory->certificates, scene->beside[i]);
	assert_int_equal(wire_set_text(&token->serial, "123"), 0);
	if (scene->other_key) {
		struct wire_key *other = key_make(scene->other_key, true, 0);

		push(&other->certificates, scene->other_key->certificate);
		assert_true(sk_wire_key_push(inventory->keys, other) > 0);
	}
	assert_int_equal(evidence_pool(scene->evidence, inventory, NULL, &pool), 0);
	evidence_of(scene->evidence, token, key, pool, scene->now ? scene->now : NOW, &found);
	sk_X509_pop_free(pool, X509_free);
	wire_inventory_free(inventory);
	wire_token_free(token);
	wire_key_free(key);
	return found;
}

static void expect(const struct scene *scene, enum policy_evidence level, const char *why) {
	struct evidence_found found = judge(scene);

	if (found.level != level || !strstr(found.why, why))
		print_error("%s: %s\n", policy_evidence_name(found.level), found.why);
	assert_int_equal(found.level, level);
	assert_non_null(strstr(found.why, why));
}

static struct evidence *pinned(const char *policy, const struct party *party) {
	struct evidence *evidence = evidence_new();
	STACK_OF(ASN1_OCTET_STRING) *list = NULL;

	push(&list, party->certificate);
	assert_int_equal(policy ? evidence_add_policy(evidence, policy, list) : evidence_add_roots(evidence, list), 0);
	list_free(list);
	return evidence;
}

static int setup(void **state) {
	root = make(&(struct plan){ "Root", .extensions = { CA } });
	issuing = make(&(struct plan){ "Issuing", &root, .extensions = { CA, "certificatePolicies", HARDWARE } });
	alice = make(&(struct plan){ "Alice", &issuing, .extensions = { "certificatePolicies", HARDWARE } });
	return 0;
}

static int teardown(void **state) {
	clear(&root);
	clear(&issuing);
	clear(&alice);
	return 0;
}

/* ---- What a module and an administrator say ---- */

static void a_claim_is_all_of_them(void **state) {
	struct scene scene = { .evidence = evidence_new() };

	expect(&scene, POLICY_CLAIMED, "only the module says so");
	for (uint32_t claim = 1; claim <= WIRE_CLAIM_HARDWARE_SLOT; claim *= 2) {
		scene.other = claim;
		expect(&scene, POLICY_SOFTWARE, "module");
	}
	scene = (struct scene){ .evidence = scene.evidence, .unseen = true };
	expect(&scene, POLICY_SOFTWARE, "first login");
	evidence_free(scene.evidence);
}

static void an_enrolment_is_a_key_on_a_token(void **state) {
	struct scene scene = { .evidence = evidence_new(), .other = WIRE_CLAIM_LOCAL };
	struct wire_key *key = key_make(&alice, true, 0);
	char *digits = OPENSSL_buf2hexstr(wire_octets(key->spki).data, 32), plain[65] = "", *end = plain;

	for (const char *p = digits; *p; p++)
		if (*p != ':')
			*end++ = *p;
	assert_int_equal(evidence_enrol(scene.evidence, plain, "124"), 0);
	expect(&scene, POLICY_SOFTWARE, "CKA_LOCAL");
	assert_int_equal(evidence_enrol(scene.evidence, plain, "123"), 0);
	expect(&scene, POLICY_ENROLLED, "123");
	scene.other = WIRE_CLAIM_WITHHELD;
	expect(&scene, POLICY_ENROLLED, "123");
	scene.other = WIRE_CLAIM_READABLE;
	expect(&scene, POLICY_SOFTWARE, "hand out");
	scene = (struct scene){ .evidence = scene.evidence, .of = &issuing, .other = WIRE_CLAIM_LOCAL };
	expect(&scene, POLICY_SOFTWARE, "CKA_LOCAL");
	plain[63] = '\0';
	assert_int_equal(evidence_enrol(scene.evidence, plain, "123"), -SMIME_E_USAGE);
	assert_int_equal(evidence_enrol(scene.evidence, "", "123"), -SMIME_E_USAGE);
	OPENSSL_free(digits);
	wire_key_free(key);
	evidence_free(scene.evidence);
}

/* ---- Paths and policies ---- */

static void a_policy_needs_a_path(void **state) {
	struct scene scene = { .evidence = pinned(HARDWARE, &root), .certificates = { alice.certificate } };

	expect(&scene, POLICY_CLAIMED, "");
	scene.beside[0] = issuing.certificate;
	expect(&scene, POLICY_CA_POLICY, "CN=Root");
	assert_int_equal(judge(&scene).until, NOW + 10 * DAY);
	scene.now = NOW + 11 * DAY;
	expect(&scene, POLICY_CLAIMED, "");
	scene.now = NOW - 11 * DAY;
	expect(&scene, POLICY_CLAIMED, "");
	evidence_free(scene.evidence);
	/* Another policy; and a key that is pinned itself. */
	scene = (struct scene){
		.evidence = pinned("1.2.3", &root), .certificates = { alice.certificate }, .beside = { issuing.certificate }
	};
	expect(&scene, POLICY_CLAIMED, "");
	evidence_free(scene.evidence);
	scene.evidence = pinned(HARDWARE, &alice);
	expect(&scene, POLICY_CLAIMED, "");
	evidence_free(scene.evidence);
}

/* A certificate of Alice's from this issuer, whose own are beside it. */
static enum policy_evidence level_of(const char *policy, const struct plan *issuer, const struct plan *leaf) {
	struct party middle = make(issuer),
		     person = make(&(struct plan){ "Person", &middle, alice.key, { leaf->extensions[0], leaf->extensions[1] }, leaf->begin,
			     leaf->end, leaf->digest });
	struct scene scene = { pinned(policy, &root), .certificates = { person.certificate }, .beside = { middle.certificate } };
	enum policy_evidence level = judge(&scene).level;

	evidence_free(scene.evidence);
	clear(&middle);
	clear(&person);
	return level;
}

static void every_ca_must_allow_the_policy(void **state) {
	static const char any[] = "2.5.29.32.0";
	const struct plan leaf = { .extensions = { "certificatePolicies", HARDWARE } },
			  any_leaf = { .extensions = { "certificatePolicies", any } };
	const struct plan good = { "CA", &root, .extensions = { CA, "certificatePolicies", any } };
	const struct plan none = { "CA", &root, .extensions = { CA } };
	const struct plan inhibits = { "CA", &root, .extensions = { CA, "certificatePolicies", any, "inhibitAnyPolicy", "critical,0" } };
	const struct plan no_ca = { "CA", &root, .extensions = { "certificatePolicies", HARDWARE } };
	const struct plan short_one = { "CA", &root, .extensions = { CA, "certificatePolicies", any }, .end = NOW + DAY };
	const struct plan weak = { .extensions = { "certificatePolicies", HARDWARE }, .digest = EVP_sha1() };

	assert_int_equal(level_of(HARDWARE, &good, &leaf), POLICY_CA_POLICY);
	assert_int_equal(level_of(HARDWARE, &short_one, &leaf), POLICY_CA_POLICY);
	assert_int_equal(level_of(HARDWARE, &good, &any_leaf), POLICY_CLAIMED);
	assert_int_equal(level_of(HARDWARE, &none, &leaf), POLICY_CLAIMED);
	assert_int_equal(level_of(HARDWARE, &no_ca, &leaf), POLICY_CLAIMED);
	assert_int_equal(level_of(HARDWARE, &good, &weak), POLICY_CLAIMED);
	/* What the last CA before a person inhibits is for those below. */
	assert_int_equal(level_of(HARDWARE, &inhibits, &leaf), POLICY_CA_POLICY);
}

static void a_qualified_device_is_a_statement(void **state) {
	static const char *const statements[][2] = {
		{ "DER:300a3008060604008e460104", "qc" },
		{ "DER:30143008060604008e4601013008060604008e460104", "qc" }, /* behind another one */
		{ "DER:300a3008060604008e460101", NULL },
		{ "DER:3000", NULL },
		{ "DER:300a3009060604008e460104", NULL }, /* longer than it is */
		{ "DER:0500", NULL },
		{ "DER:30080606", NULL },
	};
	const struct plan middle = { "CA", &root, .extensions = { CA } };

	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		const struct plan leaf = { .extensions = { "1.3.6.1.5.5.7.1.3", statements[i][0] } };

		assert_int_equal(level_of("qc-sscd", &middle, &leaf), statements[i][1] ? POLICY_CA_POLICY : POLICY_CLAIMED);
	}
	assert_int_equal(level_of("qc-sscd", &middle, &(struct plan){ .extensions = { NULL } }), POLICY_CLAIMED);
}

static void what_is_no_policy_is_refused(void **state) {
	struct evidence *evidence = evidence_new();

	assert_int_equal(evidence_add_policy(evidence, "hardware", NULL), -SMIME_E_USAGE);
	assert_int_equal(evidence_add_policy(evidence, "", NULL), -SMIME_E_USAGE);
	assert_int_equal(evidence_add_policy(evidence, "9.9.9", NULL), -SMIME_E_USAGE);
	assert_int_equal(evidence_add_policy(evidence, "2.5.29.32.0", NULL), -SMIME_E_USAGE);
	assert_int_equal(evidence_set_firmware(evidence, "5.7"), -SMIME_E_USAGE);
	assert_int_equal(evidence_set_firmware(evidence, "5.7.0.1"), -SMIME_E_USAGE);
	assert_int_equal(evidence_set_firmware(evidence, "5.7.256"), -SMIME_E_USAGE);
	assert_int_equal(evidence_set_firmware(evidence, "5.-7.1"), -SMIME_E_USAGE);
	evidence_free(evidence);
}

/* ---- Attestations ---- */

#define ARC "1.3.6.1.4.1.41482.3."

/* Of Alice's key, or another one, with these extensions; judged with the middle certificate beside it. */
static struct evidence_found attested(
	const struct party *by, EVP_PKEY *key, const struct party *of, const char *firmware, const char *policies) {
	struct party attestation = make(&(struct plan){
		"Attestation", by, key, { ARC "3", firmware, ARC "7", "ASN1:INTEGER:987654", ARC "8", policies, ARC "9", "DER:83" } });
	struct scene scene = { pinned(NULL, &root), .of = of, .beside = { attestation.certificate, issuing.certificate } };
	struct evidence_found found = judge(&scene);

	evidence_free(scene.evidence);
	clear(&attestation);
	return found;
}

static void an_attestation_is_about_one_key(void **state) {
	struct evidence_found found = attested(&issuing, alice.key, &alice, "DER:050700", "DER:0302");
	struct party stranger = make(&(struct plan){ "Stranger", .extensions = { CA } });

	assert_int_equal(found.level, POLICY_ATTESTED);
	assert_true(found.touch);
	assert_int_equal(found.until, NOW + 10 * DAY);
	assert_non_null(strstr(found.why, "YubiKey 987654, firmware 5.7.0, USB-C, PIN always, touch always"));
	assert_int_equal(attested(&issuing, root.key, &alice, "DER:050700", "DER:0302").level, POLICY_CLAIMED);
	assert_int_equal(attested(&stranger, alice.key, &alice, "DER:050700", "DER:0302").level, POLICY_CLAIMED);
	clear(&stranger);
}

static void touch_is_each_time_or_not_at_all(void **state) {
	static const char *const others[] = { "DER:0301", "DER:0303", "DER:0300", "DER:03ff", "DER:02", "DER:030202" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct evidence_found found = attested(&issuing, alice.key, &alice, "DER:050700", others[i]);

		assert_int_equal(found.level, POLICY_ATTESTED);
		assert_false(found.touch);
	}
}

static void flawed_firmware_attests_nothing(void **state) {
	static const struct {
		const char *firmware;
		bool ec, rsa;
	} known[] = {
		{ "DER:040205", false, true },
		{ "DER:040206", false, false },
		{ "DER:040300", false, false },
		{ "DER:040304", false, false },
		{ "DER:040305", false, true },
		{ "DER:050403", false, true },
		{ "DER:0506ff", false, true },
		{ "DER:050700", true, true },
		{ "DER:060000", true, true },
		{ "DER:0507", false, false },
		{ "DER:05070000", false, false },
	};
	struct party rsa = make(&(struct plan){ "RSA", .key = EVP_RSA_gen(2048) });

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(attested(&issuing, alice.key, &alice, known[i].firmware, "DER:0302").level,
			known[i].ec ? POLICY_ATTESTED : POLICY_CLAIMED);
		assert_int_equal(attested(&issuing, rsa.key, &rsa, known[i].firmware, "DER:0302").level,
			known[i].rsa ? POLICY_ATTESTED : POLICY_CLAIMED);
	}
	EVP_PKEY_free(rsa.key); /* make() has taken a reference of its own */
	clear(&rsa);
}

/* As a module shows it that lets the device's own key be seen, with its certificate. */
static void the_device_key_may_be_one_of_the_keys(void **state) {
	struct party f9 = make(&(struct plan){ "F9", &root, .extensions = { CA } }),
		     attestation = make(&(struct plan){ "Attestation", &f9, alice.key, { ARC "3", "DER:050700" } });
	struct scene scene = { pinned(NULL, &root), .beside = { attestation.certificate } };

	expect(&scene, POLICY_CLAIMED, "its attestation does not count");
	scene.other_key = &f9;
	expect(&scene, POLICY_ATTESTED, "");
	scene.other_key = &issuing;
	expect(&scene, POLICY_CLAIMED, "its attestation does not count");
	evidence_free(scene.evidence);
	clear(&attestation);
	clear(&f9);
}

static void what_is_wrong_with_all_is_said_once(void **state) {
	struct party stranger = make(&(struct plan){ "Stranger", .extensions = { CA } }),
		     one = make(&(struct plan){ "One", &stranger, alice.key, { ARC "3", "DER:050700" } }),
		     other = make(&(struct plan){ "Other", &stranger, alice.key, { ARC "3", "DER:050701" } });
	struct scene scene = { pinned(NULL, &root), .beside = { one.certificate, other.certificate } };
	struct evidence_found found = judge(&scene);
	const char *first = strstr(found.why, "does not count");

	assert_non_null(first);
	assert_null(strstr(first + 1, "does not count"));
	evidence_free(scene.evidence);
	clear(&one);
	clear(&other);
	clear(&stranger);
}

/* ---- What begins later ---- */

/* Of Alice's key: what it has before a moment, when it is to be judged again, and what it has then. */
static void expect_later(struct scene *scene, time_t moment, enum policy_evidence level) {
	struct evidence_found found = judge(scene);

	assert_int_equal(found.level, POLICY_CLAIMED);
	assert_int_equal(found.until, moment - 1);
	scene->now = moment - 1;
	assert_int_equal(judge(scene).level, POLICY_CLAIMED);
	scene->now = moment;
	assert_int_equal(judge(scene).level, level);
	evidence_free(scene->evidence);
}

static void what_begins_later_counts_from_then_on(void **state) {
	const time_t soon = NOW + 3, later = NOW + DAY;
	struct party attestation = make(&(struct plan){ "Attestation", &issuing, alice.key, { ARC "3", "DER:050700" }, .begin = soon }),
		     person = make(&(struct plan){ "Person", &issuing, alice.key, { "certificatePolicies", HARDWARE }, .begin = soon }),
		     middle = make(&(struct plan){ "Middle", &root, .extensions = { CA, "certificatePolicies", HARDWARE }, .begin = soon }),
		     below = make(&(struct plan){ "Below", &middle, alice.key, { "certificatePolicies", HARDWARE } }),
		     top = make(&(struct plan){ "Top", .extensions = { CA }, .begin = later }),
		     low = make(&(struct plan){ "Low", &top, alice.key, { "certificatePolicies", HARDWARE } });

	expect_later(
		&(struct scene){ pinned(NULL, &root), .beside = { attestation.certificate, issuing.certificate } }, soon, POLICY_ATTESTED);
	expect_later(&(struct scene){ pinned(HARDWARE, &root), .certificates = { person.certificate }, .beside = { issuing.certificate } },
		soon, POLICY_CA_POLICY);
	expect_later(&(struct scene){ pinned(HARDWARE, &root), .certificates = { below.certificate }, .beside = { middle.certificate } },
		soon, POLICY_CA_POLICY);
	expect_later(&(struct scene){ pinned(HARDWARE, &top), .certificates = { low.certificate } }, later, POLICY_CA_POLICY);
	clear(&attestation);
	clear(&person);
	clear(&middle);
	clear(&below);
	clear(&top);
	clear(&low);
}

static void the_first_that_begins_or_ends_is_waited_for(void **state) {
	struct party brief = make(&(struct plan){ "Brief", &issuing, alice.key, { ARC "3", "DER:050700" }, .end = NOW + 5 }),
		     next = make(&(struct plan){ "Next", &issuing, alice.key, { ARC "3", "DER:050700" }, .begin = NOW + 9 });
	struct scene scene = { pinned(NULL, &root), .beside = { brief.certificate, next.certificate, issuing.certificate } };

	assert_int_equal(judge(&scene).until, NOW + 5);
	scene.now = NOW + 6;
	assert_int_equal(judge(&scene).level, POLICY_CLAIMED);
	assert_int_equal(judge(&scene).until, NOW + 8);
	scene.now = NOW + 9;
	assert_int_equal(judge(&scene).level, POLICY_ATTESTED);
	assert_int_equal(judge(&scene).until, NOW + 10 * DAY);
	evidence_free(scene.evidence);
	clear(&brief);
	clear(&next);
}

/* ---- A certificate of another key ---- */

static void another_key_has_another_certificate(void **state) {
	struct scene scene = { pinned(HARDWARE, &root), .of = &issuing, .certificates = { alice.certificate },
		.beside = { issuing.certificate } };

	expect(&scene, POLICY_CLAIMED, "");
	evidence_free(scene.evidence);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_is_all_of_them),
		cmocka_unit_test(an_enrolment_is_a_key_on_a_token),
		cmocka_unit_test(a_policy_needs_a_path),
		cmocka_unit_test(every_ca_must_allow_the_policy),
		cmocka_unit_test(a_qualified_device_is_a_statement),
		cmocka_unit_test(what_is_no_policy_is_refused),
		cmocka_unit_test(an_attestation_is_about_one_key),
		cmocka_unit_test(touch_is_each_time_or_not_at_all),
		cmocka_unit_test(flawed_firmware_attests_nothing),
		cmocka_unit_test(the_device_key_may_be_one_of_the_keys),
		cmocka_unit_test(what_is_wrong_with_all_is_said_once),
		cmocka_unit_test(what_begins_later_counts_from_then_on),
		cmocka_unit_test(the_first_that_begins_or_ends_is_waited_for),
		cmocka_unit_test(another_key_has_another_certificate),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
