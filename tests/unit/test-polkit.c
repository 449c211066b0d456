/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor takes a refusal of pcscd for. The pcscd of Debian 12 never refuses anybody, so no test of the whole can show it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/doctor/polkit.h"

static void a_refusal_counts_whatever_else_is_true(void **state) {
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .refused = true }), POLKIT_REFUSES);
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .refused = true, .refused_agent = true, .policy = true }), POLKIT_REFUSES);
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .asked = true, .refused_card = true, .policy = true }), POLKIT_REFUSES_CARD);
	assert_int_equal(
		polkit_judge(&(struct polkit_facts){ .asked = true, .refused_card = true, .refused_agent = true }), POLKIT_REFUSES_CARD);
}

static void an_agent_may_be_refused_where_a_shell_is_not(void **state) {
	assert_int_equal(
		polkit_judge(&(struct polkit_facts){ .asked = true, .refused_agent = true, .policy = true }), POLKIT_REFUSES_AGENT);
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .refused_agent = true }), POLKIT_REFUSES_AGENT);
}

static void without_a_refusal_the_policy_decides(void **state) {
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .asked = true, .policy = true }), POLKIT_ALLOWS);
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .asked = true }), POLKIT_NOT_USED);
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .asked = true, .inactive = true, .remote = true }), POLKIT_NOT_USED);
}

static void a_pcscd_that_says_nothing_tells_nothing(void **state) {
	assert_int_equal(polkit_judge(&(struct polkit_facts){ 0 }), POLKIT_UNKNOWN);
	assert_int_equal(polkit_judge(&(struct polkit_facts){ .policy = true }), POLKIT_UNKNOWN);
}

static void the_session_is_the_reason(void **state) {
	assert_string_equal(
		polkit_because(&(struct polkit_facts){ .remote = true, .inactive = true }), ": this session came over the network");
	assert_string_equal(polkit_because(&(struct polkit_facts){ .inactive = true }), ": this session is not active at a seat");
	assert_string_equal(polkit_because(&(struct polkit_facts){ 0 }), "");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_counts_whatever_else_is_true),
		cmocka_unit_test(an_agent_may_be_refused_where_a_shell_is_not),
		cmocka_unit_test(without_a_refusal_the_policy_decides),
		cmocka_unit_test(a_pcscd_that_says_nothing_tells_nothing),
		cmocka_unit_test(the_session_is_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
