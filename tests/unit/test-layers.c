/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What smime_verify() makes of whole mails: which part was signed, line ends, senders, layers inside layers, and mail that is
 * something else than signed.
 */
#include "opening.h"

#define ENTITY "Content-Type: text/plain\r\n\r\nThis is what Alice has to say.\r\n"
#define HEADER "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: test\r\nMIME-Version: 1.0\r\n"

static struct identity ca, alice;
static struct trust_file trust;

static int setup(void **state) {
	ca = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Demonstration CA", NULL, ca_extensions });
	alice = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Alice", &ca, alice_extensions, 2 });
	trust_file_make(&trust, &ca.certificate, 1);
	return 0;
}

static int teardown(void **state) {
	identity_clear(&ca);
	identity_clear(&alice);
	close(trust.fd);
	return 0;
}

/* ---- Building mail ---- */

static void add_base64(struct buf *mail, const struct buf *cms) {
	size_t at;

	for (at = 0; at < cms->len; at += 57) {
		uint8_t line[80];
		size_t n = cms->len - at < 57 ? cms->len - at : 57;

		EVP_EncodeBlock(line, cms->data + at, (int)n);
		buf_text(mail, (const char *)line);
		buf_text(mail, "\r\n");
	}
}

struct mail_plan {
	const char *header; /* NULL: HEADER */
	const char *entity; /* NULL: ENTITY */
	const char *shown;  /* what stands in the mail instead of what was signed */
	const char *preamble, *epilogue;
	bool embedded; /* the signature carries the content as well */
	bool third_part;
	const char *type; /* of the second part */
};

static struct buf multipart_make(const struct mail_plan *plan) {
	const char *entity = plan->entity ? plan->entity : ENTITY, *header = plan->header ? plan->header : HEADER;
	struct recipe recipe = { .signer = &alice, .content = entity, .detached = !plan->embedded };
	struct buf cms = signed_make(&recipe), mail = { 0 };

	buf_text(&mail, header);
	buf_text(&mail,
		"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256;\r\n"
		" boundary=\"b1\"\r\n\r\n");
	buf_text(&mail, plan->preamble ? plan->preamble : "");
	buf_text(&mail, "--b1\r\n");
	buf_text(&mail, plan->shown ? plan->shown : entity);
	buf_text(&mail, "\r\n--b1\r\nContent-Type: ");
	buf_text(&mail, plan->type ? plan->type : "application/pkcs7-signature; name=smime.p7s");
	buf_text(&mail, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	add_base64(&mail, &cms);
	if (plan->third_part)
		buf_text(&mail, "\r\n--b1\r\nContent-Type: text/plain\r\n\r\nPS: I agree to everything.\r\n");
	buf_text(&mail, "\r\n--b1--\r\n");
	buf_text(&mail, plan->epilogue ? plan->epilogue : "");
	buf_clear(&cms);
	return mail;
}

static struct buf cms_mail(const char *header, const char *type, const struct buf *cms) {
	struct buf mail = { 0 };

	buf_text(&mail, header);
	buf_text(&mail, "Content-Type: ");
	buf_text(&mail, type);
	buf_text(&mail, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	add_base64(&mail, cms);
	return mail;
}

static struct buf opaque_make(const char *header, const char *entity, size_t len) {
	struct recipe recipe = { .signer = &alice, .content = entity, .content_len = len };
	struct buf cms = signed_make(&recipe);
	struct buf mail = cms_mail(header, "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", &cms);

	buf_clear(&cms);
	return mail;
}

static void to_lf(struct buf *mail) {
	size_t i, n = 0;

	for (i = 0; i < mail->len; i++)
		if (mail->data[i] != '\r')
			mail->data[n++] = mail->data[i];
	mail->len = n;
}

/* ---- Verifying it ---- */

struct result {
	int r;
	struct smime_report *report;
	struct buf out;
	char message[512];
};

static void result_clear(struct result *result) {
	smime_report_free(result->report);
	buf_clear(&result->out);
}

/* Ends the mail. */
static struct result verify_from(struct buf *mail, const char *from) {
	struct smime_verify_options options = { .trust = trust.list, .trust_count = 1, .from = from };
	struct smime *s = context_make();
	int in = fd_of(mail->data, mail->len), out = fd_of("", 0);
	struct result result = { 0 };
	uint8_t piece[4096];
	ssize_t n;

	result.r = smime_verify(s, in, out, &options, &result.report);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	while ((n = read(out, piece, sizeof(piece))) > 0)
		buf_add(&result.out, piece, (size_t)n);
	snprintf(result.message, sizeof(result.message), "%s", smime_message(s));
	if (result.r != 0)
		assert_int_equal(result.out.len, 0); /* content only when everything is good */
	close(in);
	close(out);
	smime_free(s);
	buf_clear(mail);
	return result;
}

static struct result verify(struct buf mail) {
	return verify_from(&mail, NULL);
}

static void expect(struct buf mail, int result, const char *content) {
	struct result got = verify(mail);

	if (-got.r != result)
		print_error("%s\n", got.message);
	assert_int_equal(-got.r, result);
	if (content) {
		assert_int_equal(got.out.len, strlen(content));
		assert_memory_equal(got.out.data, content, got.out.len);
	}
	result_clear(&got);
}

static void a_signed_mail_is_good_and_yields_the_signed_part(void **state) {
	struct result got = verify(multipart_make(&(struct mail_plan){ 0 }));

	assert_int_equal(got.r, 0);
	assert_true(got.report->good && got.report->signed_ && !got.report->encrypted);
	assert_int_equal(got.out.len, sizeof(ENTITY) - 1);
	assert_memory_equal(got.out.data, ENTITY, sizeof(ENTITY) - 1);
	assert_string_equal(got.report->layers[0].form, "multipart/signed");
	assert_false(got.report->layers[0].outside);
	assert_false(got.report->layers[0].canonicalized);
	assert_string_equal(got.report->from[0], "alice@example.org");
	assert_null(got.report->from[1]);
	assert_string_equal(got.report->layers[0].signers[0].addresses[0], "alice@example.org");
	assert_true(got.report->layers[0].signers[0].has_signing_time);
	assert_string_equal(got.report->first_bad, "");
	result_clear(&got);
}

static void checks_come_in_a_fixed_order(void **state) {
	static const char *const names[] = { "signature", "digest", "attributes", "certificate", "chain", "validity", "key-usage",
		"extended-key-usage", "address", "algorithm", "revocation" };
	struct result got = verify(multipart_make(&(struct mail_plan){ 0 }));
	const struct smime_signer *signer = &got.report->layers[0].signers[0];
	size_t i;

	assert_int_equal(signer->check_count, ELEMENTSOF(names));
	for (i = 0; i < ELEMENTSOF(names); i++)
		assert_string_equal(signer->checks[i].name, names[i]);
	result_clear(&got);
}

static void an_opaque_mail_is_good(void **state) {
	expect(opaque_make(HEADER, ENTITY, 0), 0, ENTITY);
}

static void a_mail_stored_with_lf_is_good(void **state) {
	struct buf mail = multipart_make(&(struct mail_plan){ 0 });
	struct result got;

	to_lf(&mail);
	got = verify(mail);
	assert_int_equal(got.r, 0);
	assert_true(got.report->layers[0].canonicalized);
	assert_string_equal((const char *)got.out.data, "Content-Type: text/plain\n\nThis is what Alice has to say.\n");
	result_clear(&got);
}

static void a_mail_signed_with_lf_is_good(void **state) {
	struct buf mail = multipart_make(&(struct mail_plan){ .entity = "Content-Type: text/plain\n\nbare line feeds\n" });

	expect(mail, 0, "Content-Type: text/plain\n\nbare line feeds\n");
	mail = multipart_make(&(struct mail_plan){ .entity = "Content-Type: text/plain\n\nbare line feeds\n" });
	to_lf(&mail);
	expect(mail, 0, "Content-Type: text/plain\n\nbare line feeds\n");
}

static void changed_content_is_bad(void **state) {
	expect(multipart_make(&(struct mail_plan){ .shown = "Content-Type: text/plain\r\n\r\nThis is what Mallory says.\r\n" }),
		SMIME_E_SIGNATURE, NULL);
	expect(multipart_make(&(struct mail_plan){ .shown = ENTITY "\r\n" }), SMIME_E_SIGNATURE, NULL);
	expect(multipart_make(&(struct mail_plan){ .shown = "\r\n" ENTITY }), SMIME_E_SIGNATURE, NULL);
}

static void text_outside_the_signed_part_is_reported_and_left_out(void **state) {
	struct result got = verify(multipart_make(&(struct mail_plan){ .preamble = "Pay to account 42.\r\n" }));

	assert_int_equal(got.r, 0);
	assert_true(got.report->layers[0].outside);
	assert_memory_equal(got.out.data, ENTITY, sizeof(ENTITY) - 1);
	result_clear(&got);
	got = verify(multipart_make(&(struct mail_plan){ .epilogue = "Pay to account 42.\r\n" }));
	assert_int_equal(got.r, 0);
	assert_true(got.report->layers[0].outside);
	result_clear(&got);
}

static void a_third_part_is_refused(void **state) {
	expect(multipart_make(&(struct mail_plan){ .third_part = true }), SMIME_E_MALFORMED, NULL);
}

static void a_signature_with_content_of_its_own_is_bad(void **state) {
	expect(multipart_make(&(struct mail_plan){ .embedded = true }), SMIME_E_SIGNATURE, NULL);
	expect(multipart_make(&(struct mail_plan){ .embedded = true, .shown = "\r\nsomething else\r\n" }), SMIME_E_SIGNATURE, NULL);
}

static void the_address_of_from_decides(void **state) {
	static const struct {
		const char *header;
		int result, outcome;
	} rows[] = {
		{ "From: alice@example.org\r\n", 0, SMIME_GOOD },
		{ "From: \"Bob\" <ALICE@EXAMPLE.ORG>\r\n", 0, SMIME_GOOD },
		{ "From: mallory@example.org\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From: \"alice@example.org\" <mallory@example.org>\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From: alice@example.org\r\nFrom: mallory@example.org\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From: mallory@example.org\r\nfrom: alice@example.org\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From: alice@example.org, mallory@example.org\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From: alice@example.org, bob@example.org\r\nSender: alice@example.org\r\n", 0, SMIME_GOOD },
		{ "From: alice@example.org, bob@example.org\r\nSender: bob@example.org\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From: boss@example.org\r\nSender: alice@example.org\r\n", 0, SMIME_WARNING },
		{ "From: boss@example.org\r\nSender: alice@example.org, boss@example.org\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From: alice@example.org\r\nSender: list@example.org\r\n", 0, SMIME_GOOD },
		{ "From: alice@example.org\r\nSender: @@ <<\r\n", 0, SMIME_GOOD },
		{ "From: boss@example.org\r\nSender: alice@example.org\r\nSender: alice@example.org\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "From:\r\n", SMIME_E_UNTRUSTED, SMIME_BAD },
		{ "Subject: without From\r\n", 0, SMIME_UNKNOWN },
	};
	size_t i;

	for (i = 0; i < ELEMENTSOF(rows); i++) {
		struct result got = verify(multipart_make(&(struct mail_plan){ .header = rows[i].header }));

		if (-got.r != rows[i].result)
			print_error("%s: %s\n", rows[i].header, got.message);
		assert_int_equal(-got.r, rows[i].result);
		assert_int_equal(outcome_of(&got.report->layers[0].signers[0], "address"), rows[i].outcome);
		result_clear(&got);
	}
}

static void an_expected_address_replaces_from(void **state) {
	struct buf mail = multipart_make(&(struct mail_plan){ .header = "From: list@example.org\r\n" });
	struct result got = verify_from(&mail, "alice@example.org");

	assert_int_equal(got.r, 0);
	result_clear(&got);
	mail = multipart_make(&(struct mail_plan){ 0 });
	got = verify_from(&mail, "mallory@example.org");
	assert_int_equal(got.r, -SMIME_E_UNTRUSTED);
	result_clear(&got);
}

/* A header inside the signed part (RFC 9788) must not say that the mail is from somebody else. */
static void a_signed_from_is_compared_as_well(void **state) {
	expect(multipart_make(&(struct mail_plan){ .entity = "From: alice@example.org\r\n" ENTITY }), 0, NULL);
	expect(multipart_make(&(struct mail_plan){ .entity = "From: mallory@example.org\r\n" ENTITY }), SMIME_E_UNTRUSTED, NULL);
}

static void mail_without_signature_is_not_signed(void **state) {
	struct buf mail = { 0 };

	buf_text(&mail, HEADER "\r\nHello\r\n");
	expect(mail, SMIME_E_NOT_SIGNED, NULL);
}

static void text_without_header_is_no_mail(void **state) {
	struct buf mail = { 0 };

	buf_text(&mail, "just some text, no header at all\r\nand more\r\n");
	expect(mail, SMIME_E_NOT_MAIL, NULL);
}

static struct buf wrap_content_info(const char *type) {
	struct buf inner = { 0 }, body = { 0 }, out = { 0 };

	buf_text(&inner, "\x02\x01");
	buf_add(&inner, "\0", 1);
	buf_tlv(&body, 0x30, &inner);
	inner = body;
	body = (struct buf){ 0 };
	buf_oid(&body, type);
	buf_tlv(&body, 0xa0, &inner);
	buf_tlv(&out, 0x30, &body);
	return out;
}

static void encrypted_mail_is_not_signed(void **state) {
	struct buf cms = wrap_content_info(OID_ENVELOPED_DATA);
	struct result got = verify(cms_mail(HEADER, "application/pkcs7-mime; smime-type=signed-data", &cms));

	assert_int_equal(got.r, -SMIME_E_NOT_SIGNED);
	assert_non_null(strstr(got.message, "smime decrypt"));
	assert_null(got.report);
	result_clear(&got);
	buf_clear(&cms);
}

static void a_wrong_smime_type_does_no_harm(void **state) {
	struct recipe recipe = { .signer = &alice, .content = ENTITY };
	struct buf cms = signed_make(&recipe);

	expect(cms_mail(HEADER, "application/x-pkcs7-mime; smime-type=enveloped-data", &cms), 0, ENTITY);
	expect(cms_mail(HEADER, "application/pkcs7-mime", &cms), 0, ENTITY);
	expect(cms_mail(HEADER, "application/octet-stream; name=smime.p7m", &cms), 0, ENTITY);
	expect(cms_mail(HEADER, "application/octet-stream; name=picture.png", &cms), SMIME_E_NOT_SIGNED, NULL);
	buf_clear(&cms);
}

static void pkcs7_mime_that_is_no_cms_is_told(void **state) {
	struct buf text = { 0 };

	buf_text(&text, "this is not ASN.1");
	expect(cms_mail(HEADER, "application/pkcs7-mime; smime-type=signed-data", &text), SMIME_E_NOT_CMS, NULL);
	buf_clear(&text);
}

static void truncated_mail_is_told(void **state) {
	struct buf mail = multipart_make(&(struct mail_plan){ 0 });

	mail.len -= 40;
	expect(mail, SMIME_E_TRUNCATED, NULL);
	mail = opaque_make(HEADER, ENTITY, 0);
	mail.len -= 200;
	expect(mail, SMIME_E_TRUNCATED, NULL);
}

static void certificates_alone_are_not_a_signature(void **state) {
	STACK_OF(X509) *certificates = sk_X509_new_null();
	struct buf cms = { 0 };
	CMS_ContentInfo *info;
	struct result got;
	BIO *memory = BIO_new(BIO_s_mem());
	uint8_t *der = NULL;
	int len;

	sk_X509_push(certificates, alice.certificate);
	info = CMS_sign(NULL, NULL, certificates, memory, CMS_DETACHED | CMS_BINARY | CMS_PARTIAL);
	assert_non_null(info);
	len = i2d_CMS_ContentInfo(info, &der);
	assert_true(len > 0);
	buf_add(&cms, der, (size_t)len);
	got = verify(cms_mail(HEADER, "application/pkcs7-mime; smime-type=certs-only; name=smime.p7c", &cms));
	assert_int_equal(got.r, -SMIME_E_NOT_SIGNED);
	assert_non_null(got.report);
	assert_int_equal(got.report->layers[0].kind, SMIME_LAYER_CERTIFICATES);
	assert_false(got.report->signed_ || got.report->good);
	result_clear(&got);
	OPENSSL_free(der);
	CMS_ContentInfo_free(info);
	sk_X509_free(certificates);
	BIO_free(memory);
	buf_clear(&cms);
}

/* Signed inside signed: the outermost signature's content is written, the inner signature is reported. */
static void signatures_inside_are_checked_too(void **state) {
	struct buf inner = multipart_make(&(struct mail_plan){ .header = "" });
	struct result got = verify(opaque_make(HEADER, (const char *)inner.data, inner.len));

	assert_int_equal(got.r, 0);
	assert_int_equal(got.report->layer_count, 2);
	assert_true(got.report->layers[1].good);
	assert_int_equal(got.out.len, inner.len);
	assert_memory_equal(got.out.data, inner.data, inner.len);
	result_clear(&got);
	buf_clear(&inner);
	inner = multipart_make(&(struct mail_plan){ .header = "", .shown = ENTITY "changed" });
	got = verify(opaque_make(HEADER, (const char *)inner.data, inner.len));
	assert_int_equal(got.r, -SMIME_E_SIGNATURE);
	assert_true(got.report->layers[0].good);
	assert_false(got.report->layers[1].good);
	assert_false(got.report->good);
	result_clear(&got);
	buf_clear(&inner);
}

static void too_many_layers_are_refused(void **state) {
	struct buf mail = { 0 };
	int i;

	buf_text(&mail, ENTITY);
	for (i = 0; i < 17; i++) {
		struct buf outer = opaque_make(HEADER, (const char *)mail.data, mail.len);

		buf_clear(&mail);
		mail = outer;
		if (i == 15) {
			struct buf copy = { 0 };

			buf_add(&copy, mail.data, mail.len);
			expect(copy, 0, NULL);
		}
	}
	expect(mail, SMIME_E_TOO_LARGE, NULL);
}

/* RFC 5652 5.2: content of type id-signedData is a bare SignedData; many programs write a ContentInfo. */
static void cms_in_cms_is_opened_by_its_type(void **state) {
	struct recipe inner = { .signer = &alice, .content = ENTITY };
	struct buf cms = signed_make(&inner), outer_cms;
	struct recipe outer = { .signer = &alice, .content_type = OID_SIGNED_DATA };
	size_t skip[] = { 0, 0 }, i;

	/* ContentInfo: 30 82 xx xx, OID of 11, a0 82 xx xx */
	assert_int_equal(cms.data[1], 0x82);
	skip[1] = 4 + 11 + 4;
	for (i = 0; i < 2; i++) {
		struct result got;

		outer.content = (const char *)cms.data + skip[i];
		outer.content_len = cms.len - skip[i];
		outer_cms = signed_make(&outer);
		got = verify(cms_mail(HEADER, "application/pkcs7-mime", &outer_cms));
		assert_int_equal(got.r, 0);
		assert_int_equal(got.report->layer_count, 2);
		result_clear(&got);
		buf_clear(&outer_cms);
	}
	buf_clear(&cms);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_mail_is_good_and_yields_the_signed_part),
		cmocka_unit_test(checks_come_in_a_fixed_order),
		cmocka_unit_test(an_opaque_mail_is_good),
		cmocka_unit_test(a_mail_stored_with_lf_is_good),
		cmocka_unit_test(a_mail_signed_with_lf_is_good),
		cmocka_unit_test(changed_content_is_bad),
		cmocka_unit_test(text_outside_the_signed_part_is_reported_and_left_out),
		cmocka_unit_test(a_third_part_is_refused),
		cmocka_unit_test(a_signature_with_content_of_its_own_is_bad),
		cmocka_unit_test(the_address_of_from_decides),
		cmocka_unit_test(an_expected_address_replaces_from),
		cmocka_unit_test(a_signed_from_is_compared_as_well),
		cmocka_unit_test(mail_without_signature_is_not_signed),
		cmocka_unit_test(text_without_header_is_no_mail),
		cmocka_unit_test(encrypted_mail_is_not_signed),
		cmocka_unit_test(a_wrong_smime_type_does_no_harm),
		cmocka_unit_test(pkcs7_mime_that_is_no_cms_is_told),
		cmocka_unit_test(truncated_mail_is_told),
		cmocka_unit_test(certificates_alone_are_not_a_signature),
		cmocka_unit_test(signatures_inside_are_checked_too),
		cmocka_unit_test(too_many_layers_are_refused),
		cmocka_unit_test(cms_in_cms_is_opened_by_its_type),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
