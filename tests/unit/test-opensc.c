/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration that a token process gives OpenSC: what it ignores, and what it must not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/token/opensc.h"

static struct wire_setup *setup_for(const char *reader, const char *const *others, bool exclusive) {
	struct wire_setup *setup = wire_setup_new();

	assert_non_null(setup);
	assert_int_equal(wire_set_text(&setup->reader, reader), 0);
	for (size_t i = 0; others && others[i]; i++) {
		ASN1_UTF8STRING *name = NULL;

		assert_int_equal(wire_set_text(&name, others[i]), 0);
		assert_true(sk_ASN1_UTF8STRING_push(setup->other_readers, name) > 0);
	}
	setup->exclusive = exclusive ? 0xff : 0;
	return setup;
}

/* What OpenSC will read. */
static void configuration(const char *reader, const char *const *others, bool exclusive, char *text, size_t size) {
	struct wire_setup *setup = setup_for(reader, others, exclusive);
	struct fault fault = { "" };
	FILE *file;

	assert_int_equal(opensc_configure(setup, &fault), 0);
	wire_setup_free(setup);
	file = fopen(getenv("OPENSC_CONF"), "r");
	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	(void)fclose(file);
}

static void the_card_is_reset_at_the_end(void **state) {
	char text[1000];

	configuration(NULL, NULL, false, text, sizeof(text));
	assert_non_null(strstr(text, "disconnect_action = reset;"));
	assert_null(strstr(text, "ignored_readers"));
	assert_null(strstr(text, "lock_login"));
}

static void every_other_reader_is_ignored(void **state) {
	static const char *const others[] = { "One 00 00", "Two 00 00", NULL };
	char text[1000];

	configuration("Own 00 00", others, false, text, sizeof(text));
	assert_non_null(strstr(text, "ignored_readers = \"One 00 00\", \"Two 00 00\";"));
}

/* OpenSC ignores a reader in whose name an ignored one occurs. */
static void the_own_reader_is_never_ignored(void **state) {
	static const char *const others[] = { "Reader 00", "Other 00", NULL };
	char text[1000];

	configuration("Big Reader 00 00", others, false, text, sizeof(text));
	assert_non_null(strstr(text, "ignored_readers = \"Other 00\";"));
}

/* A configuration that does not parse is one that OpenSC does without. */
static void a_name_can_not_end_the_quotes(void **state) {
	static const char *const others[] = { "Evil\"; } app x {", "Back\\slash", "", NULL };
	char text[1000];

	configuration("Own 00 00", others, false, text, sizeof(text));
	assert_null(strstr(text, "ignored_readers"));
}

static void exclusive_holds_the_card_from_the_login_on(void **state) {
	char text[1000];

	configuration("Own 00 00", NULL, true, text, sizeof(text));
	assert_non_null(strstr(strstr(text, "app opensc-pkcs11 { pkcs11 {"), "lock_login = true;"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_card_is_reset_at_the_end),
		cmocka_unit_test(every_other_reader_is_ignored),
		cmocka_unit_test(the_own_reader_is_never_ignored),
		cmocka_unit_test(a_name_can_not_end_the_quotes),
		cmocka_unit_test(exclusive_holds_the_card_from_the_login_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
