/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PKCS#11 URIs as names of keys: RFC 7512's own examples, percents, and what a client must not say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <smime/error.h>

#include "client/lib/uri.h"

static struct wire_key *key;
static struct wire_token *token;

static int setup(void **state) {
	static const uint8_t id[] = { 0x69, 0x95, 0x3e, 0x00 };

	key = wire_key_new();
	token = wire_token_new();
	assert_non_null(key);
	assert_non_null(token);
	assert_int_equal(wire_set_octets(&key->id, id, sizeof(id)), 0);
	assert_int_equal(wire_set_text(&key->label, "my-signing-key"), 0);
	assert_int_equal(wire_set_text(&token->label, "The Software PKCS#11 Softtoken"), 0);
	assert_int_equal(wire_set_text(&token->manufacturer, "Snake Oil, Inc."), 0);
	assert_int_equal(wire_set_text(&token->model, "1.0"), 0);
	assert_int_equal(wire_set_text(&token->serial, "4a2b"), 0);
	return 0;
}

static int teardown(void **state) {
	wire_key_free(key);
	wire_token_free(token);
	return 0;
}

static bool names(const char *text) {
	struct uri uri;
	const char *why = NULL;

	assert_int_equal(uri_parse(text, &uri, &why), 0);
	return uri_matches(&uri, key, token);
}

static void refused(const char *text, const char *because) {
	struct uri uri;
	const char *why = "";

	assert_int_equal(uri_parse(text, &uri, &why), -SMIME_E_USAGE);
	assert_non_null(strstr(why, because));
}

static void every_attribute_must_fit(void **state) {
	assert_true(names("pkcs11:"));
	assert_true(names("pkcs11:object=my-signing-key;type=cert"));
	assert_true(names(
		"pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-signing-key;"
		"type=private;id=%69%95%3E%00"));
	assert_true(names("PKCS11:serial=4a2b"));
	assert_false(names("pkcs11:object=my-signing-ke"));
	assert_false(names("pkcs11:object=my-signing-key2"));
	assert_false(names("pkcs11:object=my-signing-key;serial=4A2B"));
	assert_false(names("pkcs11:id=%69%95%3E"));
	assert_false(names("pkcs11:type=secret-key"));
	assert_false(names("pkcs11:model="));
}

static void a_key_of_an_unknown_token_is_not_named_by_its_token(void **state) {
	struct uri uri;
	const char *why;

	assert_int_equal(uri_parse("pkcs11:serial=4a2b;object=my-signing-key", &uri, &why), 0);
	assert_false(uri_matches(&uri, key, NULL));
	assert_int_equal(uri_parse("pkcs11:object=my-signing-key", &uri, &why), 0);
	assert_true(uri_matches(&uri, key, NULL));
}

static void percents_are_decoded_in_any_case(void **state) {
	assert_true(names("pkcs11:object=%6d%79-signing%2dkey"));
	assert_true(names("pkcs11:object=%6D%79-signing%2Dkey"));
	refused("pkcs11:object=%", "hexadecimal");
	refused("pkcs11:object=%6", "hexadecimal");
	refused("pkcs11:object=%6;id=%01", "hexadecimal");
	refused("pkcs11:object=%6x", "hexadecimal");
	refused("pkcs11:object=a%%41", "hexadecimal");
}

static void what_is_no_uri_for_a_key_is_refused(void **state) {
	refused("pkcs12:object=x", "pkcs11:");
	refused("pkcs11:object", "unknown");
	refused("pkcs11:=x", "unknown");
	refused("pkcs11:objects=x", "unknown");
	refused("pkcs11:x-vendor=1", "unknown");
	refused("pkcs11:object=a;object=a", "twice");
}

static void a_client_names_no_module_no_slot_and_no_pin(void **state) {
	refused("pkcs11:object=x?pin-value=1234", "query");
	refused("pkcs11:?module-path=/tmp/evil.so", "query");
	refused("pkcs11:library-manufacturer=x", "module");
	refused("pkcs11:slot-id=1", "slot");
}

static void a_value_has_a_limit(void **state) {
	char text[sizeof("pkcs11:object=") + URI_VALUE_MAX_BYTES + 1];
	int n = snprintf(text, sizeof(text), "pkcs11:object=");

	memset(text + n, 'a', URI_VALUE_MAX_BYTES);
	text[n + URI_VALUE_MAX_BYTES] = '\0';
	assert_false(names(text));
	text[n + URI_VALUE_MAX_BYTES] = 'a';
	text[n + URI_VALUE_MAX_BYTES + 1] = '\0';
	refused(text, "too long");
}

static void what_is_written_names_the_key(void **state) {
	char *text = NULL;

	assert_int_equal(uri_format(key, token, &text), 0);
	assert_string_equal(text,
		"pkcs11:model=1.0;manufacturer=Snake%20Oil%2C%20Inc.;serial=4a2b;token=The%20Software%20PKCS%2311%20Softtoken;"
		"id=%69%95%3E%00;object=my-signing-key;type=private");
	assert_true(names(text));
	free(text);
	assert_int_equal(uri_format(key, NULL, &text), 0);
	assert_string_equal(text, "pkcs11:id=%69%95%3E%00;object=my-signing-key;type=private");
	free(text);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_must_fit),
		cmocka_unit_test(a_key_of_an_unknown_token_is_not_named_by_its_token),
		cmocka_unit_test(percents_are_decoded_in_any_case),
		cmocka_unit_test(what_is_no_uri_for_a_key_is_refused),
		cmocka_unit_test(a_client_names_no_module_no_slot_and_no_pin),
		cmocka_unit_test(a_value_has_a_limit),
		cmocka_unit_test(what_is_written_names_the_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
