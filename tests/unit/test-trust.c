/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Path validation of signers' certificates, and what RFC 8550 asks of the certificate itself: chains made in the process.
 */
#include "opening.h"

#include "client/lib/anchors.h"
#include "client/lib/trust.h"
#include "rsa-key.h"

#define CONTENT "hello\r\n"

static struct identity root, middle;
static struct trust_file trust;

static EVP_PKEY *new_key(void) {
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

static int setup(void **state) {
	root = identity_make(new_key(), &(struct certificate_plan){ "Root", NULL, ca_extensions });
	middle = identity_make(new_key(), &(struct certificate_plan){ "Middle", &root, ca_extensions, 2 });
	trust_file_make(&trust, &root.certificate, 1);
	return 0;
}

static int teardown(void **state) {
	identity_clear(&root);
	identity_clear(&middle);
	close(trust.fd);
	return 0;
}

static int trust_of(struct smime *s, const char *const *file, struct trust **ret_trust) {
	return trust_new(s, &(struct smime_verify_options){ .trust = file, .trust_count = 1 }, ret_trust);
}

/* What is to be verified: a message of a signer with this certificate and these others beside it. */
struct scene {
	struct certificate_plan plan;
	X509 *beside[4];
	X509 *trusted; /* instead of the root */
	time_t at;
	const char *from;
};

static int verify(const struct scene *scene, struct smime_report **ret_report) {
	struct identity signer = identity_make(new_key(), &scene->plan);
	STACK_OF(X509) *extra = sk_X509_new_null();
	struct recipe recipe = { .signer = &signer, .content = CONTENT, .extra = extra };
	struct trust_file other = { .fd = -1 };
	struct smime_verify_options options = { .cms = true, .trust_count = 1, .at = scene->at, .from = scene->from };
	struct smime *s = context_make();
	struct buf message;
	int in, r;
	size_t i;

	for (i = 0; i < ELEMENTSOF(scene->beside) && scene->beside[i]; i++)
		sk_X509_push(extra, scene->beside[i]);
	message = signed_make(&recipe);
	if (scene->trusted)
		trust_file_make(&other, &scene->trusted, 1);
	options.trust = scene->trusted ? other.list : trust.list;
	in = fd_of(message.data, message.len);
	r = smime_verify(s, in, -1, &options, ret_report);
	close(in);
	if (other.fd >= 0)
		close(other.fd);
	buf_clear(&message);
	sk_X509_free(extra);
	identity_clear(&signer);
	smime_free(s);
	return r;
}

static void expect(struct scene scene, int result, const char *name, int outcome, const char *text) {
	struct smime_report *report = NULL;
	const struct smime_signer *signer;
	size_t i;

	scene.plan.name = scene.plan.name ? scene.plan.name : "Alice";
	scene.plan.extensions = scene.plan.extensions ? scene.plan.extensions : alice_extensions;
	scene.plan.serial = 77;
	assert_int_equal(-verify(&scene, &report), result);
	signer = &report->layers[0].signers[0];
	if (outcome_of(signer, name) != outcome)
		for (i = 0; i < signer->check_count; i++)
			print_error("%s %d %s\n", signer->checks[i].name, signer->checks[i].outcome, signer->checks[i].text);
	assert_int_equal(outcome_of(signer, name), outcome);
	for (i = 0; text && i < signer->check_count; i++)
		if (strcmp(signer->checks[i].name, name) == 0)
			assert_non_null(strstr(signer->checks[i].text, text));
	smime_report_free(report);
}

static void a_chain_to_a_trusted_root_is_good(void **state) {
	expect((struct scene){ .plan.issuer = &root }, 0, "chain", SMIME_GOOD, "CN=Root");
	expect((struct scene){ .plan.issuer = &middle, .beside = { middle.certificate } }, 0, "chain", SMIME_GOOD, "CN=Root");
}

static void a_root_in_the_message_trusts_nobody(void **state) {
	struct identity other = identity_make(new_key(), &(struct certificate_plan){ "Other root", NULL, ca_extensions });

	expect((struct scene){ .plan.issuer = &other, .beside = { other.certificate } }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD,
		"CN=Other root is not trusted");
	identity_clear(&other);
}

static void a_missing_intermediate_is_named(void **state) {
	expect((struct scene){ .plan.issuer = &middle }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, "CN=Middle");
}

static void an_intermediate_alone_is_no_anchor(void **state) {
	expect((struct scene){ .plan.issuer = &middle, .trusted = middle.certificate }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, NULL);
}

static void a_self_signed_certificate_can_be_trusted_itself(void **state) {
	struct identity signer = identity_make(new_key(), &(struct certificate_plan){ "Self", NULL, alice_extensions, 3 });
	struct recipe recipe = { .signer = &signer, .content = CONTENT };
	struct buf message = signed_make(&recipe);
	struct trust_file self;
	struct smime_verify_options options = { .cms = true, .trust_count = 1 };
	struct smime_report *report = NULL;
	struct smime *s = context_make();
	int in = fd_of(message.data, message.len);

	trust_file_make(&self, &signer.certificate, 1);
	options.trust = self.list;
	assert_int_equal(smime_verify(s, in, -1, &options, &report), 0);
	smime_report_free(report);
	close(in);
	close(self.fd);
	smime_free(s);
	buf_clear(&message);
	identity_clear(&signer);
}

static void an_expired_certificate_is_not_good(void **state) {
	struct scene scene = { .plan = { .issuer = &root, .from_days = -20, .to_days = -10 } };

	expect(scene, SMIME_E_UNTRUSTED, "validity", SMIME_BAD, "expired");
	expect(scene, SMIME_E_UNTRUSTED, "chain", SMIME_GOOD, NULL);
}

static void a_certificate_of_the_future_is_not_good(void **state) {
	expect((struct scene){ .plan = { .issuer = &root, .from_days = 10, .to_days = 20 } }, SMIME_E_UNTRUSTED, "validity", SMIME_BAD,
		"not valid before");
}

static void validity_is_judged_at_the_time_that_is_asked_for(void **state) {
	struct identity old = identity_make(
		new_key(), &(struct certificate_plan){ .name = "Old root", .extensions = ca_extensions, .from_days = -40, .to_days = -5 });

	expect((struct scene){ .plan = { .issuer = &old, .from_days = -20, .to_days = -10 },
		       .trusted = old.certificate,
		       .at = time(NULL) - 15 * DAY },
		0, "validity", SMIME_GOOD, NULL);
	identity_clear(&old);
}

static void an_expired_ca_breaks_the_chain(void **state) {
	struct identity ca = identity_make(new_key(),
		&(struct certificate_plan){ .name = "Expired CA",
			.issuer = &root,
			.extensions = ca_extensions,
			.serial = 5,
			.from_days = -20,
			.to_days = -10 });

	expect((struct scene){ .plan.issuer = &ca, .beside = { ca.certificate } }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, "CN=Expired CA");
	identity_clear(&ca);
}

static void a_certificate_that_is_no_ca_can_not_issue(void **state) {
	struct identity fake = identity_make(new_key(), &(struct certificate_plan){ "Not a CA", &root, alice_extensions, 6 });

	expect((struct scene){ .plan.issuer = &fake, .beside = { fake.certificate } }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, NULL);
	identity_clear(&fake);
}

static void a_path_length_is_kept(void **state) {
	static const struct extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		{ NID_key_usage, "critical,keyCertSign" },
		{ 0, NULL },
	};
	struct identity last = identity_make(new_key(), &(struct certificate_plan){ "Last CA", &root, extensions, 7 });
	struct identity beyond = identity_make(new_key(), &(struct certificate_plan){ "Beyond", &last, ca_extensions, 8 });

	expect((struct scene){ .plan.issuer = &last, .beside = { last.certificate } }, 0, "chain", SMIME_GOOD, NULL);
	expect((struct scene){ .plan.issuer = &beyond, .beside = { beyond.certificate, last.certificate } }, SMIME_E_UNTRUSTED, "chain",
		SMIME_BAD, NULL);
	identity_clear(&beyond);
	identity_clear(&last);
}

static void a_ca_for_other_purposes_issues_no_mail_certificates(void **state) {
	static const struct {
		const char *usage;
		int result, outcome;
	} rows[] = {
		{ "emailProtection,serverAuth", 0, SMIME_GOOD },
		{ "anyExtendedKeyUsage", 0, SMIME_GOOD },
		{ "serverAuth", SMIME_E_UNTRUSTED, SMIME_BAD },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct extension extensions[] = {
			{ NID_basic_constraints, "critical,CA:TRUE" },
			{ NID_ext_key_usage, rows[i].usage },
			{ 0, NULL },
		};
		struct identity ca = identity_make(new_key(), &(struct certificate_plan){ "Web CA", &root, extensions, 10 });

		expect((struct scene){ .plan.issuer = &ca, .beside = { ca.certificate } }, rows[i].result, "chain", rows[i].outcome,
			rows[i].result ? "CN=Web CA" : NULL);
		identity_clear(&ca);
	}
}

static void a_ca_with_a_weak_key_is_refused(void **state) {
	struct identity ca = identity_make(rsa_key_make(1024), &(struct certificate_plan){ "Weak CA", &root, ca_extensions, 11 });

	expect((struct scene){ .plan.issuer = &ca, .beside = { ca.certificate } }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, "CN=Weak CA");
	identity_clear(&ca);
}

static void name_constraints_hold_for_addresses(void **state) {
	static const struct extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:TRUE" },
		{ NID_key_usage, "critical,keyCertSign" },
		{ NID_name_constraints, "critical,permitted;email:example.net" },
		{ 0, NULL },
	};
	static const struct extension inside[] = {
		{ NID_subject_alt_name, "email:alice@example.net" },
		{ 0, NULL },
	};
	struct identity ca = identity_make(new_key(), &(struct certificate_plan){ "Example Net CA", &root, extensions, 9 });

	expect((struct scene){ .plan = { .issuer = &ca, .extensions = inside }, .beside = { ca.certificate } }, 0, "chain", SMIME_GOOD,
		NULL);
	expect((struct scene){ .plan.issuer = &ca, .beside = { ca.certificate } }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, NULL);
	identity_clear(&ca);
}

static void an_unknown_critical_extension_is_refused(void **state) {
	ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4.5.6.7", 1);
	struct extension extensions[] = {
		{ OBJ_create("1.2.3.4.5.6.7", "strange", "strange"), "critical,DER:0500" },
		{ 0, NULL },
	};
	X509V3_EXT_add_alias(extensions[0].nid, NID_netscape_comment);
	extensions[0].value = "critical,text";
	expect((struct scene){ .plan = { .issuer = &root, .extensions = extensions } }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, NULL);
	X509V3_EXT_cleanup();
	ASN1_OBJECT_free(object);
}

static void sha1_in_a_chain_is_refused(void **state) {
	expect((struct scene){ .plan = { .issuer = &root, .md = EVP_sha1() } }, SMIME_E_UNTRUSTED, "chain", SMIME_BAD, NULL);
}

static void key_usage_must_allow_signing(void **state) {
	static const struct {
		const char *usage;
		int result, outcome;
	} rows[] = {
		{ "critical,digitalSignature", 0, SMIME_GOOD },
		{ "critical,nonRepudiation", 0, SMIME_GOOD },
		{ "critical,keyEncipherment", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "keyAgreement,dataEncipherment", SMIME_E_UNTRUSTED, SMIME_BAD },
	};
	size_t i;

	for (i = 0; i < ELEMENTSOF(rows); i++) {
		struct extension extensions[] = { { NID_key_usage, rows[i].usage }, { 0, NULL } };

		expect((struct scene){ .plan = { .issuer = &root, .extensions = extensions } }, rows[i].result, "key-usage",
			rows[i].outcome, NULL);
	}
}

static void extended_key_usage_must_allow_mail(void **state) {
	static const struct {
		const char *usage;
		int result, outcome;
	} rows[] = {
		{ "emailProtection", 0, SMIME_GOOD },
		{ "anyExtendedKeyUsage", 0, SMIME_GOOD },
		{ "clientAuth,emailProtection", 0, SMIME_GOOD },
		{ "clientAuth", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "critical,codeSigning", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "1.3.6.1.4.1.311.20.2.2", SMIME_E_UNTRUSTED, SMIME_BAD },
	};
	static const struct extension none[] = { { NID_basic_constraints, "CA:FALSE" }, { 0, NULL } };
	size_t i;

	for (i = 0; i < ELEMENTSOF(rows); i++) {
		struct extension extensions[] = { { NID_ext_key_usage, rows[i].usage }, { 0, NULL } };

		expect((struct scene){ .plan = { .issuer = &root, .extensions = extensions } }, rows[i].result, "extended-key-usage",
			rows[i].outcome, NULL);
	}
	expect((struct scene){ .plan = { .issuer = &root, .extensions = none } }, 0, "extended-key-usage", SMIME_GOOD, NULL);
}

static void a_certificate_without_address_is_nobody_who_is_expected(void **state) {
	static const struct extension none[] = { { NID_key_usage, "digitalSignature" }, { 0, NULL } };

	expect((struct scene){ .plan = { .issuer = &root, .extensions = none } }, 0, "address", SMIME_NOTE, "no address");
	expect((struct scene){ .plan = { .issuer = &root, .extensions = none }, .from = "alice@example.org" }, SMIME_E_UNTRUSTED, "address",
		SMIME_BAD, "alice@example.org is expected");
}

static void a_file_without_certificates_is_an_error(void **state) {
	static const char text[] = "no certificate at all";
	struct smime *s = context_make();
	struct trust *made = NULL;
	char path[64];
	const char *list[] = { path, "/proc/nowhere/ca.pem" };
	int fd = fd_of(text, sizeof(text));

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(trust_of(s, list, &made), -SMIME_E_MALFORMED);
	assert_non_null(strstr(smime_message(s), path));
	assert_int_equal(trust_of(s, list + 1, &made), -SMIME_E_IO);
	assert_null(made);
	close(fd);
	smime_free(s);
}

static void files_may_be_der_or_hold_several(void **state) {
	X509 *both[] = { root.certificate, middle.certificate };
	struct smime *s = context_make();
	struct trust *made = NULL;
	struct trust_file several;
	struct buf der = { 0 };
	char path[64];
	const char *list[] = { path };
	int fd;

	trust_file_make(&several, both, 2);
	assert_int_equal(trust_of(s, several.list, &made), 0);
	assert_non_null(trust_file_certificate(made, 1));
	assert_null(trust_file_certificate(made, 2));
	trust_free(made);
	buf_item(&der, root.certificate, ASN1_ITEM_rptr(X509));
	fd = fd_of(der.data, der.len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(trust_of(s, list, &made), 0);
	assert_int_equal(X509_cmp(trust_file_certificate(made, 0), root.certificate), 0);
	trust_free(made);
	buf_clear(&der);
	close(fd);
	close(several.fd);
	smime_free(s);
}

static void the_systems_anchors_are_for_mail(void **state) {
	struct anchors anchors = { 0 };
	size_t i;
	int r = anchors_from_system(&anchors);

	if (r == 1) {
		anchors_clear(&anchors);
		skip();
	}
	assert_int_equal(r, 0);
	assert_true(anchors.count > 20);
	for (i = 0; i < anchors.count; i++) {
		assert_int_equal(anchors.items[i].origin, ANCHOR_SYSTEM);
		assert_int_equal(X509_check_issued(anchors.items[i].certificate, anchors.items[i].certificate), X509_V_OK);
	}
	anchors_clear(&anchors);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_to_a_trusted_root_is_good),
		cmocka_unit_test(a_root_in_the_message_trusts_nobody),
		cmocka_unit_test(a_missing_intermediate_is_named),
		cmocka_unit_test(an_intermediate_alone_is_no_anchor),
		cmocka_unit_test(a_self_signed_certificate_can_be_trusted_itself),
		cmocka_unit_test(an_expired_certificate_is_not_good),
		cmocka_unit_test(a_certificate_of_the_future_is_not_good),
		cmocka_unit_test(validity_is_judged_at_the_time_that_is_asked_for),
		cmocka_unit_test(an_expired_ca_breaks_the_chain),
		cmocka_unit_test(a_certificate_that_is_no_ca_can_not_issue),
		cmocka_unit_test(a_path_length_is_kept),
		cmocka_unit_test(a_ca_for_other_purposes_issues_no_mail_certificates),
		cmocka_unit_test(a_ca_with_a_weak_key_is_refused),
		cmocka_unit_test(name_constraints_hold_for_addresses),
		cmocka_unit_test(an_unknown_critical_extension_is_refused),
		cmocka_unit_test(sha1_in_a_chain_is_refused),
		cmocka_unit_test(key_usage_must_allow_signing),
		cmocka_unit_test(extended_key_usage_must_allow_mail),
		cmocka_unit_test(a_certificate_without_address_is_nobody_who_is_expected),
		cmocka_unit_test(a_file_without_certificates_is_an_error),
		cmocka_unit_test(files_may_be_der_or_hold_several),
		cmocka_unit_test(the_systems_anchors_are_for_mail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
