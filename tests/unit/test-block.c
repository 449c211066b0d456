/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marked lines in a file of another program: they are put in, found again, known when they were changed, and taken out without a trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/setup/work.h"

#define NAME "mutt"
static const char body[] = "source \"/rc\"\nset a=b\n", other_body[] = "set c=d\n";

static const char *const texts[] = { "", "\n", "\n\n", "a", "a\n", "a\n\n", "a \\", "a \\\n", "a\n# >>> something else\n",
	"# <<< smime setup neomutt <<<\n" };
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

/* Inlined, GCC 12 with -O3 takes what this returns for the address of its local. */
__attribute__((noinline)) static char *put(const char *text, const char *new_body) {
	struct block block = block_find(text, NAME);
	char *made = NULL;

	assert_int_equal(block_put(text, &block, NAME, new_body, &made), 0);
	return made;
}

static enum block_state state_of(const char *text) {
	return block_find(text, NAME).state;
}

static void taken_out_without_a_trace(void **state) {
	for (size_t i = 0; i < TEXTS; i++) {
		assert_int_equal(state_of(texts[i]), BLOCK_NONE);
		char *made = put(texts[i], body);
		struct block block = block_find(made, NAME);
		assert_int_equal(block.state, BLOCK_INTACT);
		assert_int_equal(block.body_end - block.body_begin, strlen(body));
		assert_memory_equal(made + block.body_begin, body, strlen(body));
		char *back = put(made, NULL);
		assert_string_equal(back, texts[i]);
		free(back);
		free(made);
	}
}

static void replaced_in_its_place(void **state) {
	for (size_t i = 0; i < TEXTS; i++) {
		char *first = put(texts[i], other_body), *second = put(first, body), *at_once = put(texts[i], body),
		     *back = put(second, NULL);
		assert_string_equal(second, at_once);
		assert_string_equal(back, texts[i]);
		free(first);
		free(second);
		free(at_once);
		free(back);
	}
}

static void lines_behind_it_stay_lines(void **state) {
	for (size_t i = 0; i < TEXTS; i++) {
		char *made = put(texts[i], body), longer[512], expected[512];
		size_t len = strlen(texts[i]);
		(void)snprintf(longer, sizeof(longer), "%sz\n", made);
		(void)snprintf(expected, sizeof(expected), "%s%sz\n", texts[i], len > 0 && texts[i][len - 1] != '\n' ? "\n" : "");
		char *back = put(longer, NULL);
		assert_string_equal(back, expected);
		free(back);
		free(made);
	}
}

static void every_change_of_its_lines_is_seen(void **state) {
	char *made = put("a\n", body);
	struct block block = block_find(made, NAME);

	for (size_t i = block.body_begin; i < block.body_end; i++) {
		made[i] ^= 1;
		assert_int_equal(state_of(made), BLOCK_CHANGED);
		made[i] ^= 1;
	}
	assert_int_equal(state_of(made), BLOCK_INTACT);
	free(made);
}

static void half_a_block_is_a_changed_one(void **state) {
	char *made = put("a\n", body);
	size_t end = (size_t)(strstr(made, "# <<<") - made);

	assert_int_equal(state_of(made + end), BLOCK_CHANGED);
	made[end - 1] = ' ';
	assert_int_equal(state_of(made), BLOCK_CHANGED);
	made[end] = '\0';
	assert_int_equal(state_of(made), BLOCK_CHANGED);
	assert_int_equal(state_of("# >>> smime setup mutt "), BLOCK_CHANGED);
	free(made);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_out_without_a_trace),
		cmocka_unit_test(replaced_in_its_place),
		cmocka_unit_test(lines_behind_it_stay_lines),
		cmocka_unit_test(every_change_of_its_lines_is_seen),
		cmocka_unit_test(half_a_block_is_a_changed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
