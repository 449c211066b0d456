/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses in header fields and in certificates, and when two are the same: RFC 5322 3.4, RFC 8550 3, RFC 9598. What could
 * be read in two ways, or takes a parser down, must not give an address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "client/mime/address.h"
#include "smime/error.h"

static int parse(const char *text, size_t len, struct addresses *addresses) {
	return addresses_parse((struct bytes){ (const uint8_t *)text, len }, addresses);
}

static void join(const struct addresses *addresses, char out[1024]) {
	out[0] = 0;
	for (size_t i = 0; i < addresses->count; i++) {
		assert_true(strlen(out) + strlen(addresses->items[i]) + 2 < 1024);
		(void)strcat(strcat(out, i ? " " : ""), addresses->items[i]);
	}
}

/* `expected`: the addresses with a blank between them. */
static void assert_parsed(const char *text, const char *expected) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	char joined[1024];

	assert_int_equal(parse(text, strlen(text), &addresses), 0);
	join(&addresses, joined);
	assert_string_equal(joined, expected);
}

static void assert_refused(const char *text, size_t len, int error) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };

	assert_int_equal(parse(text, len, &addresses), error);
	assert_int_equal(addresses.count, 0);
}

static void a_single_address_is_read(void **state) {
	assert_parsed(" alice@example.org", "alice@example.org");
	assert_parsed(" <a.b+c=d@example.org>\t", "a.b+c=d@example.org");
	assert_parsed("\r\n alice@example.org", "alice@example.org");
}

static void the_one_address_that_somebody_names_is_read(void **state) {
	static const struct {
		const char *text, *address;
	} good[] = {
		{ "bob@example.org", "bob@example.org" },
		{ "Bob <bob@example.org>", "bob@example.org" },
		{ "\"<eve@example.org>\" <bob@example.org>", "bob@example.org" },
		{ "b\xc3\xb6"
		  "b@example.org",
			"b\xc3\xb6"
			"b@example.org" },
	};
	static const char *const bad[] = { "a@example.org,b@example.org", "a@example.org b@example.org", "\"b@example.org", "<>", " " };

	for (size_t i = 0; i < ELEMENTSOF(good); i++) {
		_cleanup_(freep) char *address = NULL;
		assert_int_equal(address_read(good[i].text, &address), 0);
		assert_string_equal(address, good[i].address);
	}
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		_cleanup_(freep) char *address = NULL;
		assert_int_equal(address_read(bad[i], &address), -SMIME_E_MALFORMED);
		assert_null(address);
	}
}

static void names_comments_and_encoded_words_are_left_out(void **state) {
	assert_parsed(" Alice <alice@example.org>", "alice@example.org");
	assert_parsed(" \"bob@example.org\" <alice@example.org>", "alice@example.org");
	assert_parsed(" bob@example.org <alice@example.org>", "alice@example.org");
	assert_parsed(" =?utf-8?q?bob=40example=2Eorg?= <alice@example.org>", "alice@example.org");
	assert_parsed(" alice@example.org (bob@example.org)", "alice@example.org");
	assert_parsed(" \"<bob@example.org>\" <alice@example.org>", "alice@example.org");
	assert_parsed(" \"Alice \\\" <bob@example.org>,\" \n <alice@example.org>", "alice@example.org");
}

static void lists_and_groups_are_read(void **state) {
	assert_parsed(" a@x.org, B <b@x.org>,\r\n\tc@x.org", "a@x.org b@x.org c@x.org");
	assert_parsed(" friends: a@x.org, B <b@x.org>; , c@x.org", "a@x.org b@x.org c@x.org");
	assert_parsed(" undisclosed-recipients:;", "");
	assert_parsed("", "");
}

static void addresses_in_utf8_are_read(void **state) {
	assert_parsed(" D\xc3\xb6rte <d\xc3\xb6rte@example.org>", "d\xc3\xb6rte@example.org");
	assert_parsed(" alice@b\xc3\xbc"
		      "cher.example",
		"alice@b\xc3\xbc"
		"cher.example");
}

static void careless_but_clear_fields_are_read(void **state) {
	assert_parsed(" A. B (d, e) <a@x.org> (f)", "a@x.org");
	assert_parsed(" \xfc M <a@x.org>,", "a@x.org");
	assert_parsed(" , ,a@x.org,, b@x.org", "a@x.org b@x.org");
	assert_parsed(" (c) a@[1.2.3.4] (c)", "a@[1.2.3.4]");
	assert_parsed(" \"a b@y,\"@x.org, a_b/c=d@x.org", "\"a b@y,\"@x.org a_b/c=d@x.org");
	assert_parsed(" f:;, g: (c) a@x.org (c),; (c), =?utf-8?q?a=40b=2Ex=2C?= <c@x.org>", "a@x.org c@x.org");
}

/* A parser that leaves out what it can't read would let an author vanish whom other programs show. */
static void a_field_with_something_that_is_no_address_is_refused(void **state) {
	static const char *const fields[] = { " alice", " Alice <alice>", " alice, m@x.org", " alice@, m@x.org", " @y.org, m@x.org",
		" al\xffice@y.org, m@x.org", " alice@y.org\xff, m@x.org", " <al\xffice@y.org>, m@x.org", " <>, m@x.org",
		" Doe, John <m@x.org>", " m@x.org; alice@y.org", " m@x.org;", " f: m@x.org", " f: m@x.org; alice@y.org", " f: m@x.org;;",
		" f: <m@x.org>;, alice", " alice@y.org m@x.org", " <alice@y.org> <m@x.org>", " <m@x.org> alice", " <alice@y.org,m@x.org>",
		" m@x.org@y.org", " m@x.org/a@y.org", " m@x.org\\,alice@y.org", " a . m@x.org", " a(c)@x.org", " <@y.org:m@x.org>",
		" mailto:m@x.org", " [m@x.org]", " a@\"b@c\"", " m @x.org@y <a@y.org>", " \"m\" @x.org /\"q@z\"@y.org.<a@y.org>",
		" [a@b]@x.org" };

	for (size_t i = 0; i < ELEMENTSOF(fields); i++)
		assert_refused(fields[i], strlen(fields[i]), -SMIME_E_MALFORMED);
}

static void nested_groups_and_unbalanced_fields_are_refused(void **state) {
	static const char *const fields[] = { " a:b:c@x.org;;", " a: b, c: d@x.org", " \"alice <a@x.org>", " (alice <a@x.org>",
		" alice) <a@x.org>", " alice <a@x.org", " alice a@x.org>", " <<a@x.org>>", " a@[[1.2.3.4]]", " a <a@x.org> \"\\",
		" ((((((((((x)))))))))) <a@x.org>" };
	char nested[ADDRESS_FIELD_MAX_BYTES];

	for (size_t i = 0; i < ELEMENTSOF(fields); i++)
		assert_refused(fields[i], strlen(fields[i]), -SMIME_E_MALFORMED);
	for (size_t i = 0; i < sizeof(nested); i++)
		nested[i] = "a:"[i % 2];
	assert_refused(nested, sizeof(nested), -SMIME_E_MALFORMED);
}

static void control_characters_are_refused(void **state) {
	assert_refused(" a\0@x.org", 9, -SMIME_E_MALFORMED);
	assert_refused(" a@x.org\0", 9, -SMIME_E_MALFORMED);
	assert_refused(" a@x.org\rb", 10, -SMIME_E_MALFORMED);
	assert_refused(" a@x.org\nb", 10, -SMIME_E_MALFORMED);
	assert_refused(" a <a@x.org\x7f>", 13, -SMIME_E_MALFORMED);
}

static void fields_and_lists_are_limited(void **state) {
	char field[ADDRESS_FIELD_MAX_BYTES + 1];

	memset(field, ' ', sizeof(field));
	memcpy(field, "a@x.org", 7);
	assert_refused(field, sizeof(field), -SMIME_E_TOO_LARGE);
	for (size_t i = 0; i < ADDRESS_LIST_MAX + 1; i++)
		memcpy(field + 8 * i, "a@x.org,", 8);
	assert_refused(field, 8 * (ADDRESS_LIST_MAX + 1), -SMIME_E_TOO_LARGE);
}

static void assert_canonical(const char *address, const char *expected) {
	_cleanup_(freep) char *canonical = address_canonical(address);

	assert_string_equal(canonical, expected);
}

static void domain_and_ascii_local_part_are_compared_in_lower_case(void **state) {
	assert_canonical("Alice@Example.ORG", "alice@example.org");
	assert_canonical("D\xc3\x96rte@example.org", "d\xc3\x96rte@example.org");
	assert_canonical("\"A@b\"@Example.org", "\"a@b\"@example.org");
	assert_canonical("alice", "alice");
}

static void u_labels_equal_their_a_labels(void **state) {
	assert_canonical("alice@b\xc3\xbc"
			 "cher.example",
		"alice@xn--bcher-kva.example");
	assert_canonical("alice@B\xc3\x9c"
			 "CHER.example",
		"alice@xn--bcher-kva.example");
	assert_canonical("alice@XN--BCHER-KVA.example", "alice@xn--bcher-kva.example");
}

static void what_is_no_domain_equals_only_itself(void **state) {
	char address[3000] = "a@";

	/* U+FF20 is mapped to "@". */
	assert_canonical("a@b\xef\xbc\xa0"
			 "c.org",
		"a@b\xef\xbc\xa0"
		"c.org");
	for (size_t i = 0; i < 1400; i++)
		(void)strcpy(address + 2 + 2 * i, "\xc3\xbc");
	assert_canonical(address, address);
}

static void lists_are_joined_in_their_order(void **state) {
	_cleanup_(addresses_clear) struct addresses to = { 0 }, from = { 0 };
	char joined[1024];

	assert_int_equal(parse("a@x.org", 7, &to), 0);
	assert_int_equal(addresses_append(&to, &from), 0);
	assert_int_equal(parse("B@x.org, c@x.org", 16, &from), 0);
	assert_int_equal(addresses_append(&to, &from), 0);
	assert_int_equal(from.count, 0);
	join(&to, joined);
	assert_string_equal(joined, "a@x.org B@x.org c@x.org");
	assert_true(addresses_hold(&to, "b@x.org"));
	assert_false(addresses_hold(&to, "d@x.org"));
}

static void add_general_name(GENERAL_NAMES *names, int type, const char *oid, int string_type, const char *value, int len) {
	ASN1_STRING *string = ASN1_STRING_type_new(string_type);
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_TYPE *other = ASN1_TYPE_new();

	assert_int_equal(ASN1_STRING_set(string, value, len), 1);
	if (type == GEN_OTHERNAME) {
		ASN1_TYPE_set(other, string_type, string);
		assert_int_equal(GENERAL_NAME_set0_othername(name, OBJ_txt2obj(oid, 1), other), 1);
	} else {
		ASN1_TYPE_free(other);
		GENERAL_NAME_set0_value(name, type, string);
	}
	assert_true(sk_GENERAL_NAME_push(names, name) > 0);
}

enum { IN_SUBJECT = -1 };

struct name {
	int type; /* GEN_*, or IN_SUBJECT: emailAddress in the subject */
	const char *oid;
	int string_type;
	const char *value;
	int len;
};

#define UTF8_MAILBOX "1.3.6.1.5.5.7.8.9"
#define UPN "1.3.6.1.4.1.311.20.2.3"
#define EMAIL(text) \
	{ GEN_EMAIL, NULL, V_ASN1_IA5STRING, text, sizeof(text) - 1 }
#define SUBJECT(text) \
	{ IN_SUBJECT, NULL, V_ASN1_IA5STRING, text, sizeof(text) - 1 }
#define OTHER(oid, text) \
	{ GEN_OTHERNAME, oid, V_ASN1_UTF8STRING, text, sizeof(text) - 1 }

static X509 *certificate_of(const struct name *names, size_t count) {
	GENERAL_NAMES *alternative = sk_GENERAL_NAME_new_null();
	X509 *certificate = X509_new();

	for (size_t i = 0; i < count; i++)
		if (names[i].type != IN_SUBJECT)
			add_general_name(alternative, names[i].type, names[i].oid, names[i].string_type, names[i].value, names[i].len);
		else
			assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_pkcs9_emailAddress,
						 names[i].string_type, (const unsigned char *)names[i].value, names[i].len, -1, 0),
				1);
	if (sk_GENERAL_NAME_num(alternative) > 0)
		assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, alternative, 0, 0), 1);
	GENERAL_NAMES_free(alternative);
	return certificate;
}

static void assert_addresses(const struct name *names, size_t count, const char *expected) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	X509 *certificate = certificate_of(names, count);
	char joined[1024];

	assert_int_equal(addresses_of_certificate(certificate, &addresses), 0);
	X509_free(certificate);
	join(&addresses, joined);
	assert_string_equal(joined, expected);
}

static void assert_bad_name(struct name name) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	const struct name names[] = { EMAIL("alice@example.org"), name };
	X509 *certificate = certificate_of(names, 2);

	assert_int_equal(addresses_of_certificate(certificate, &addresses), -SMIME_E_MALFORMED);
	assert_false(address_in_certificate("alice@example.org", certificate));
	X509_free(certificate);
}

static void addresses_come_from_alternative_names_and_the_subject(void **state) {
	const struct name names[] = { SUBJECT("old@example.org"), EMAIL("alice@example.org"),
		OTHER(UTF8_MAILBOX, "d\xc3\xb6rte@example.org"), EMAIL("Second@example.org"), SUBJECT("ALICE@example.org") };

	assert_addresses(names, ELEMENTSOF(names), "alice@example.org d\xc3\xb6rte@example.org Second@example.org old@example.org");
}

static void principal_names_and_host_names_are_no_addresses(void **state) {
	const struct name names[] = { OTHER(UPN, "alice@example.org"), EMAIL("example.org"), EMAIL("") };

	assert_addresses(names, ELEMENTSOF(names), "");
	assert_addresses(NULL, 0, "");
}

static void unreadable_names_make_the_certificate_malformed(void **state) {
	assert_bad_name((struct name)EMAIL("bob@example.org\0.evil.org"));
	assert_bad_name((struct name)SUBJECT("bob\0@example.org"));
	assert_bad_name((struct name)EMAIL("b\xc3\xb6"
					   "b@example.org"));
	assert_bad_name((struct name)EMAIL("example.org\0"));
	assert_bad_name((struct name)EMAIL("bob@"));
	assert_bad_name((struct name)EMAIL("bob\n@example.org"));
	assert_bad_name((struct name)OTHER(UTF8_MAILBOX, "bob@example.org"));
	assert_bad_name((struct name)OTHER(UTF8_MAILBOX, "b\xc3\xb6\0b@example.org"));
	assert_bad_name((struct name)OTHER(UTF8_MAILBOX,
		"\xef\xbb\xbf"
		"b\xc3\xb6"
		"b@example.org"));
	assert_bad_name((struct name)OTHER(UTF8_MAILBOX, "b\xc3@example.org"));
	assert_bad_name((struct name){ GEN_OTHERNAME, UTF8_MAILBOX, V_ASN1_IA5STRING,
		"b\xc3\xb6"
		"b@example.org",
		16 });
}

static void addresses_of_a_certificate_are_limited(void **state) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	struct name names[ADDRESS_LIST_MAX + 1];
	char text[ADDRESS_LIST_MAX + 1][32];
	X509 *certificate, *larger;

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		names[i] = (struct name){ GEN_EMAIL, NULL, V_ASN1_IA5STRING, text[i],
			snprintf(text[i], sizeof(text[i]), "a%zu@example.org", i) };
	certificate = certificate_of(names, ADDRESS_LIST_MAX);
	larger = certificate_of(names, ADDRESS_LIST_MAX + 1);
	assert_int_equal(addresses_of_certificate(larger, &addresses), -SMIME_E_TOO_LARGE);
	assert_false(address_in_certificate("a0@example.org", larger));
	assert_int_equal(addresses_of_certificate(certificate, &addresses), 0);
	assert_int_equal(addresses.count, ADDRESS_LIST_MAX);
	X509_free(certificate);
	X509_free(larger);
}

static void two_alternative_name_extensions_are_malformed(void **state) {
	const struct name names[] = { EMAIL("alice@example.org") };
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	X509 *certificate = certificate_of(names, 1);

	assert_int_equal(X509_add_ext(certificate, X509_get_ext(certificate, 0), -1), 1);
	assert_int_equal(addresses_of_certificate(certificate, &addresses), -SMIME_E_MALFORMED);
	X509_free(certificate);
}

static void an_address_is_found_in_a_certificate(void **state) {
	const struct name names[] = { EMAIL("alice@xn--bcher-kva.example"), SUBJECT("bob@example.org"), OTHER(UPN, "carol@example.org") };
	X509 *certificate = certificate_of(names, ELEMENTSOF(names));

	assert_true(address_in_certificate("Alice@b\xc3\xbc"
					   "cher.example",
		certificate));
	assert_true(address_in_certificate("BOB@EXAMPLE.ORG", certificate));
	assert_false(address_in_certificate("carol@example.org", certificate));
	X509_free(certificate);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_single_address_is_read),
		cmocka_unit_test(the_one_address_that_somebody_names_is_read),
		cmocka_unit_test(names_comments_and_encoded_words_are_left_out),
		cmocka_unit_test(lists_and_groups_are_read),
		cmocka_unit_test(addresses_in_utf8_are_read),
		cmocka_unit_test(careless_but_clear_fields_are_read),
		cmocka_unit_test(a_field_with_something_that_is_no_address_is_refused),
		cmocka_unit_test(nested_groups_and_unbalanced_fields_are_refused),
		cmocka_unit_test(control_characters_are_refused),
		cmocka_unit_test(fields_and_lists_are_limited),
		cmocka_unit_test(domain_and_ascii_local_part_are_compared_in_lower_case),
		cmocka_unit_test(u_labels_equal_their_a_labels),
		cmocka_unit_test(what_is_no_domain_equals_only_itself),
		cmocka_unit_test(lists_are_joined_in_their_order),
		cmocka_unit_test(addresses_come_from_alternative_names_and_the_subject),
		cmocka_unit_test(principal_names_and_host_names_are_no_addresses),
		cmocka_unit_test(unreadable_names_make_the_certificate_malformed),
		cmocka_unit_test(addresses_of_a_certificate_are_limited),
		cmocka_unit_test(two_alternative_name_extensions_are_malformed),
		cmocka_unit_test(an_address_is_found_in_a_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
