/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-git without git and without an agent: what a key is called, and what verdict follows from which checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/git/identity.h"
#include "client/git/key.h"
#include "client/git/tell.h"
#include "client/git/verdict.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static void names_of_keys(void **state) {
	static const struct {
		const char *text, *name;
	} rows[] = {
		{ "", "" },
		{ " ", "" },
		{ "<>", "" },
		{ "< >", "" },
		{ "A <>", "" },
		{ "!", "" },
		{ "0x", "" },
		{ "0x!", "" },
		{ "<", "<" },
		{ ">", ">" },
		{ "a@b", "a@b" },
		{ " a@b\t", "a@b" },
		{ "<a@b>", "a@b" },
		{ "A. \"B\" (C <a@b>", "a@b" },
		{ "x@y <a@b>", "a@b" },
		{ "<x@y> <a@b>", "a@b" },
		{ "\"<x@y>\" <a@b> ", "a@b" },
		{ "0x@b", "0x@b" },
		{ "a@b!", "a@b!" },
		{ "0xAB!", "AB" },
		{ "0XAB", "AB" },
		{ "AB:CD EF", "AB:CD EF" },
		{ "pkcs11:object=a%20<b>", "pkcs11:object=a%20<b>" },
		{ "PKCS11:object=a!", "PKCS11:object=a!" },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char *name = key_plain(rows[i].text);

		assert_non_null(name);
		assert_string_equal(name, rows[i].name);
		free(name);
	}
}

/* A report with one signer, all of whose checks are good but those that a row gives. */
struct row {
	const char *name;
	enum smime_outcome outcome;
	bool certificate;
	enum verdict_kind kind;
	enum verdict_error error; /* of VERDICT_UNCHECKED */
};

static void verdict_of(const struct row *row, struct verdict *ret_verdict) {
	static const uint8_t der[] = { 0x30, 0x00 };
	static const char *const names[] = { "signature", "digest", "attributes", "certificate", "chain", "validity", "key-usage",
		"extended-key-usage", "algorithm" };
	struct smime_check checks[ELEMENTS(names) + 1];
	struct smime_signer signer = { .good = row->kind == VERDICT_GOOD, .checks = checks, .check_count = ELEMENTS(checks) };
	const struct smime_layer layer = { .kind = SMIME_LAYER_SIGNED, .signers = &signer, .signer_count = 1 };
	const struct smime_report report = { .layers = &layer, .layer_count = 1 };

	for (size_t i = 0; i < ELEMENTS(names); i++)
		checks[i] = (struct smime_check){ names[i], SMIME_GOOD, "" };
	checks[ELEMENTS(names)] = (struct smime_check){ row->name, row->outcome, "" };
	if (row->certificate)
		signer.certificate = (struct smime_der){ der, sizeof(der) };
	verdict_make(&report, 1000, ret_verdict);
}

static void verdicts(void **state) {
	static const struct row rows[] = {
		{ "other-attributes", SMIME_UNKNOWN, true, VERDICT_GOOD, 0 },
		{ "algorithm", SMIME_WARNING, true, VERDICT_GOOD, 0 },
		{ "revocation", SMIME_UNKNOWN, true, VERDICT_GOOD, 0 },
		{ "signature", SMIME_BAD, true, VERDICT_BAD, 0 },
		{ "signature", SMIME_UNKNOWN, true, VERDICT_UNCHECKED, VERDICT_ERROR_ALGORITHM },
		{ "digest", SMIME_BAD, true, VERDICT_BAD, 0 },
		{ "digest", SMIME_BAD, false, VERDICT_BAD, 0 },
		{ "digest", SMIME_UNKNOWN, true, VERDICT_UNCHECKED, VERDICT_ERROR_GENERAL },
		{ "attributes", SMIME_BAD, true, VERDICT_BAD, 0 },
		{ "attributes", SMIME_UNKNOWN, true, VERDICT_UNCHECKED, VERDICT_ERROR_GENERAL },
		{ "certificate", SMIME_BAD, true, VERDICT_BAD, 0 },
		{ "certificate", SMIME_UNKNOWN, false, VERDICT_UNCHECKED, VERDICT_ERROR_NO_CERTIFICATE },
		{ "algorithm", SMIME_BAD, true, VERDICT_UNCHECKED, VERDICT_ERROR_ALGORITHM },
		{ "chain", SMIME_BAD, true, VERDICT_UNTRUSTED, 0 },
		{ "chain", SMIME_UNKNOWN, true, VERDICT_UNTRUSTED, 0 },
		{ "validity", SMIME_BAD, true, VERDICT_UNTRUSTED, 0 }, /* this certificate has no end */
		{ "key-usage", SMIME_BAD, true, VERDICT_UNTRUSTED, 0 },
		{ "extended-key-usage", SMIME_BAD, true, VERDICT_UNTRUSTED, 0 },
		{ "revocation", SMIME_BAD, true, VERDICT_REVOKED, 0 },
		/* A check that this program does not know. */
		{ "something-new", SMIME_BAD, true, VERDICT_UNCHECKED, VERDICT_ERROR_GENERAL },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct verdict verdict;

		verdict_of(&rows[i], &verdict);
		assert_int_equal(verdict.kind, rows[i].kind);
		assert_int_equal(verdict.trusted, rows[i].kind == VERDICT_GOOD);
		if (verdict.kind == VERDICT_UNCHECKED)
			assert_int_equal(verdict.error, rows[i].error);
		if (verdict.kind != VERDICT_GOOD)
			assert_non_null(verdict.why);
	}
}

static void reports_of_another_form(void **state) {
	const struct smime_signer two[] = { { .good = true }, { .good = true } };
	const struct smime_layer layers[] = {
		{ .kind = SMIME_LAYER_SIGNED, .signers = two, .signer_count = 1 },
		{ .kind = SMIME_LAYER_SIGNED, .signers = two, .signer_count = 1 },
		{ .kind = SMIME_LAYER_SIGNED, .signers = two, .signer_count = 2 },
		{ .kind = SMIME_LAYER_SIGNED },
		{ .kind = SMIME_LAYER_CERTIFICATES },
		{ .kind = SMIME_LAYER_COMPRESSED },
	};
	const struct smime_report reports[] = {
		{ .good = true },
		{ .good = true, .layers = layers, .layer_count = 2 },
		{ .good = true, .layers = &layers[2], .layer_count = 1 },
		{ .good = true, .layers = &layers[3], .layer_count = 1 },
		{ .good = true, .layers = &layers[4], .layer_count = 1 },
		{ .good = true, .layers = &layers[5], .layer_count = 1 },
	};

	for (size_t i = 0; i < ELEMENTS(reports); i++) {
		struct verdict verdict;

		verdict_make(&reports[i], 1000, &verdict);
		assert_int_equal(verdict.kind, VERDICT_UNCHECKED);
		assert_null(verdict.signer);
		assert_false(verdict.trusted);
		assert_string_equal(verdict.certificate.fingerprint, "0000000000000000000000000000000000000000");
	}
}

static void identities(void **state) {
	static const struct {
		const char *content, *address;
	} rows[] = {
		{ "", NULL },
		{ "committer", NULL },
		{ "tree 1\ncommitter ", NULL },
		{ "tree 1\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\ntext", "c@x" },
		{ "object 1\ntagger \"T <b@x>\" <t@x> 1 +0000\n\ntext", "t@x" },
		{ "certificate version 0.1\npusher P <p@x> 1 +0000\n", "p@x" },
		{ "tree 1\n\ncommitter C <c@x> 1 +0000\n", NULL },
		{ "tree 1\n committer C <c@x> 1 +0000\n", NULL },
		{ "tree 1\ncommitter C <> 1 +0000\ncommitter C <c@x> 1 +0000\n", NULL },
		{ "committer C <c@x", NULL },
		{ "committer C c@x> 1", NULL },
		{ "\ncommitter C <c@x>", NULL },
	};
	char address[IDENTITY_ADDRESS_BYTES], longest[2 * IDENTITY_ADDRESS_BYTES] = "committer <";

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const char *found = identity_address(rows[i].content, strlen(rows[i].content), address);

		if (rows[i].address)
			assert_string_equal(found, rows[i].address);
		else
			assert_null(found);
	}
	memset(longest + strlen(longest), 'a', IDENTITY_ADDRESS_BYTES);
	strcat(longest, ">");
	assert_null(identity_address(longest, strlen(longest), address));
}

static void escapes(void **state) {
	char *text = tell_escape("100% of %20");

	assert_string_equal(text, "100%25 of %2520");
	free(text);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_keys),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(reports_of_another_form),
		cmocka_unit_test(identities),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
