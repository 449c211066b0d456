/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy as a function: which of several files decides, what is not known, and what other users may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <smime/error.h>

#include "agent/policy/policy.h"

#define TEXT(x) ((char *)(uintptr_t)(x))

/* A policy of up to two files with a rule each. */
static struct policy *policy_of(const struct rule_text *system, const struct rule_text *user) {
	struct policy_fault fault;
	struct policy *policy;

	assert_int_equal(policy_new(&policy), 0);
	if (system)
		assert_int_equal(policy_add(policy, "/etc/agent.yaml", system, 1, NULL, &fault), 0);
	if (user)
		assert_int_equal(policy_add(policy, "agent.yaml", user, 1, NULL, &fault), 0);
	return policy;
}

static enum policy_outcome outcome_of(struct policy *policy, const struct policy_client *client, enum policy_operation operation) {
	struct policy_question question = { .operation = operation, .client = *client, .now_us = 1 };
	struct policy_decision decision;

	policy_decide(policy, &question, &decision);
	return decision.outcome;
}

static const struct policy_client own = { .uid = 1000, .own_uid = 1000, .unit = "a.service", .label = "", .executable = "/bin/a" };
static const struct policy_client stranger = { .uid = 1001, .own_uid = 1000, .unit = "a.service", .label = "", .executable = "/bin/a" };

static void stricter_file_holds(void **state) {
	static const char *const words[] = { "allow", "ask", "deny" };

	for (int a = 0; a < 3; a++)
		for (int b = 0; b < 3; b++) {
			const struct rule_text system = { .outcome = TEXT(words[a]) }, user = { .outcome = TEXT(words[b]) };
			struct policy *policy = policy_of(&system, &user);

			assert_int_equal(outcome_of(policy, &own, POLICY_SIGN), a > b ? a : b);
			policy_free(policy);
		}
}

static void default_is_for_the_own_user_and_cms(void **state) {
	struct policy *policy = policy_of(NULL, NULL);

	assert_int_equal(outcome_of(policy, &own, POLICY_SIGN), POLICY_ALLOW);
	assert_int_equal(outcome_of(policy, &own, POLICY_DECRYPT), POLICY_ALLOW);
	assert_int_equal(outcome_of(policy, &own, POLICY_RAW_SIGN), POLICY_DENY);
	assert_int_equal(outcome_of(policy, &own, POLICY_RAW_DECRYPT), POLICY_DENY);
	assert_int_equal(outcome_of(policy, &own, POLICY_DERIVE), POLICY_DENY);
	for (int operation = 0; operation < POLICY_OPERATIONS; operation++)
		assert_int_equal(outcome_of(policy, &stranger, operation), POLICY_DENY);
	assert_false(policy_may_connect(policy, 1001, 1001, 1000));
	assert_true(policy_may_connect(policy, 1000, 1000, 1000));
	policy_free(policy);
}

static void what_is_not_known_opens_nothing(void **state) {
	struct rule_text_client unit = { .unit = TEXT("a.service") };
	const struct policy_client unknown = { .uid = 1000, .own_uid = 1000, .remote = POLICY_DONT_KNOW };
	const struct rule_text allow = { .outcome = TEXT("allow"), .client = &unit }, deny = { .outcome = TEXT("deny"), .client = &unit };
	struct policy *policy = policy_of(&allow, NULL);

	assert_int_equal(outcome_of(policy, &own, POLICY_RAW_SIGN), POLICY_ALLOW);
	assert_int_equal(outcome_of(policy, &unknown, POLICY_RAW_SIGN), POLICY_DENY);
	policy_free(policy);
	policy = policy_of(&deny, NULL);
	assert_int_equal(outcome_of(policy, &own, POLICY_SIGN), POLICY_DENY);
	assert_int_equal(outcome_of(policy, &unknown, POLICY_SIGN), POLICY_DENY);
	policy_free(policy);
}

static void other_users_need_a_rule_that_names_them(void **state) {
	struct rule_text_client uid = { .uid = TEXT("1001") }, gid = { .gid = TEXT("7") };
	const struct rule_text anybody = { .outcome = TEXT("allow") }, named = { .outcome = TEXT("allow"), .client = &uid },
			       group = { .outcome = TEXT("ask"), .client = &gid };
	struct policy *policy = policy_of(&anybody, NULL);

	assert_int_equal(outcome_of(policy, &stranger, POLICY_SIGN), POLICY_DENY);
	assert_false(policy_may_connect(policy, 1001, 1001, 1000));
	policy_free(policy);
	policy = policy_of(&named, NULL);
	assert_int_equal(outcome_of(policy, &stranger, POLICY_SIGN), POLICY_ALLOW);
	assert_true(policy_may_connect(policy, 1001, 1001, 1000));
	assert_false(policy_may_connect(policy, 1002, 1001, 1000));
	policy_free(policy);
	policy = policy_of(&group, NULL);
	assert_true(policy_may_connect(policy, 1002, 7, 1000));
	policy_free(policy);
}

static void a_touch_has_to_be_proved(void **state) {
	char *require[] = { TEXT("touch") };
	const struct rule_text rule = { .outcome = TEXT("allow"), .require = require, .require_count = 1 };
	struct policy *policy = policy_of(&rule, NULL);
	struct wire_key key = { .bits = 256 };
	struct policy_key of = { .key = &key };
	struct policy_question question = { .operation = POLICY_SIGN, .client = own, .key = &of };
	struct policy_decision decision;

	policy_decide(policy, &question, &decision);
	assert_int_equal(decision.outcome, POLICY_DENY);
	of.touch = true;
	policy_decide(policy, &question, &decision);
	assert_int_equal(decision.outcome, POLICY_ALLOW);
	policy_free(policy);
}

/* A rule that may apply lets nothing pass without what it wants. */
static void a_fresh_pin_is_wanted_in_doubt(void **state) {
	char *require[] = { TEXT("fresh-pin") };
	struct rule_text_client unit = { .unit = TEXT("a.service") };
	const struct rule_text rules[] = { { .outcome = TEXT("allow"), .client = &unit, .require = require, .require_count = 1 },
		{ .outcome = TEXT("allow") } };
	const struct policy_client unknown = { .uid = 1000, .own_uid = 1000, .remote = POLICY_DONT_KNOW },
				   other = { .uid = 1000, .own_uid = 1000, .unit = "b.service" };
	const struct {
		const struct policy_client *client;
		bool fresh_pin;
	} cases[] = { { &own, true }, { &unknown, true }, { &other, false } };

	for (size_t count = 1; count <= ELEMENTSOF(rules); count++)
		for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
			struct policy_question question = { .operation = POLICY_SIGN, .client = *cases[i].client };
			struct policy_decision decision;
			struct policy_fault fault;
			struct policy *policy;

			assert_int_equal(policy_new(&policy), 0);
			assert_int_equal(policy_add(policy, "agent.yaml", rules, count, NULL, &fault), 0);
			policy_decide(policy, &question, &decision);
			assert_int_equal(decision.outcome, POLICY_ALLOW);
			assert_int_equal(decision.fresh_pin, cases[i].fresh_pin);
			policy_free(policy);
		}
}

static void a_key_that_binds_its_owner_is_asked_for(void **state) {
	const struct policy_certificate newer = { .issuer = TEXT("") },
					older = { .non_repudiation_only = true }, *const certificates[] = { &newer, &older };
	struct wire_key key = { .bits = 256 };
	struct policy_key of = { .key = &key, .certificates = certificates, .certificate_count = ELEMENTSOF(certificates) };
	struct policy_question question = { .operation = POLICY_SIGN, .client = own, .key = &of };
	struct policy *policy = policy_of(NULL, NULL);
	struct policy_decision decision;

	policy_decide(policy, &question, &decision);
	assert_int_equal(decision.outcome, POLICY_ASK);
	assert_int_equal(decision.ask->count, 1);
	policy_free(policy);
}

static void operations_are_counted_within_their_time(void **state) {
	unsigned two = 2;
	struct rule_text_when when = { .at_most = &two, .within = TEXT("10s") };
	const struct rule_text rule = { .outcome = TEXT("allow"), .when = &when };
	struct policy *policy = policy_of(&rule, NULL);
	struct policy_question question = { .operation = POLICY_RAW_SIGN, .client = own };
	static const struct {
		uint64_t at_s;
		enum policy_outcome outcome;
	} steps[] = { { 1, POLICY_ALLOW }, { 5, POLICY_ALLOW }, { 6, POLICY_DENY }, { 11, POLICY_ALLOW }, { 12, POLICY_DENY },
		{ 15, POLICY_ALLOW } };

	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		struct policy_decision decision;

		question.now_us = steps[i].at_s * 1000000;
		policy_decide(policy, &question, &decision);
		assert_int_equal(decision.outcome, steps[i].outcome);
		if (decision.outcome == POLICY_ALLOW)
			policy_count(&decision, question.now_us);
	}
	policy_free(policy);
}

/* A key of each kind, and what is said of it by a rule; the last says nothing. */
static struct rule_text_key conditions[] = {
	{ .fingerprint = TEXT("0707070707070707") },
	{ .address = TEXT("a@example.org") },
	{ .token = TEXT("demo") },
	{ .evidence = TEXT("claimed") },
	{ .uri = TEXT("pkcs11:token=demo") },
	{ .eku = TEXT("emailProtection") },
	{ .issuer = TEXT("*") },
	{ .fingerprint = NULL },
};
enum { RULES = 3, KINDS = 2 * ELEMENTSOF(conditions) };

/* Three rules about another user, of each kind in each place: they allow or deny. */
static struct policy *policy_of_kinds(unsigned number) {
	struct rule_text_client client = { .uid = TEXT("1001") };
	struct rule_text rules[RULES];
	struct policy_fault fault;
	struct policy *policy;

	for (size_t i = 0; i < RULES; i++, number /= KINDS)
		rules[i] = (struct rule_text){
			.client = &client, .key = &conditions[number % KINDS / 2], .outcome = number % 2 ? TEXT("allow") : TEXT("deny")
		};
	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", rules, RULES, NULL, &fault), 0);
	return policy;
}

static enum policy_outcome outcome_for(struct policy *policy, const ASN1_OCTET_STRING *spki, const struct policy_key *key) {
	struct policy_question question = { .operation = POLICY_SIGN, .client = stranger, .key = key, .spki = spki, .now_us = 1 };
	struct policy_decision decision;

	if (key)
		question.token = key->token;
	policy_decide(policy, &question, &decision);
	return decision.outcome;
}

/* Else the answer about a key that is not there would tell which are. */
static void what_is_denied_of_a_key_is_denied_of_one_that_is_not_there(void **state) {
	char *addresses[] = { TEXT("a@example.org"), NULL }, *ekus[] = { TEXT("1.3.6.1.5.5.7.3.4"), NULL }, *none[] = { NULL };
	const struct policy_certificate good = { .addresses = addresses, .issuer = TEXT("CN=A"), .ekus = ekus, .policies = none };
	const struct policy_certificate bare = { .addresses = none, .issuer = TEXT("CN=B"), .ekus = none, .policies = none };
	struct wire_key *wire = wire_key_new();
	struct wire_token *demo = wire_token_new(), *other = wire_token_new();
	unsigned allowed = 0, all = 1;

	assert_int_equal(wire_set_octets(&wire->spki, (const uint8_t[32]){ 7, 7, 7, 7, 7, 7, 7, 7 }, 32), 0);
	assert_int_equal(wire_set_text(&demo->label, "demo") + wire_set_text(&other->label, "other"), 0);
	const struct policy_key keys[] = {
		{ .key = wire,
			.token = demo,
			.certificates = (const struct policy_certificate *const[]){ &good },
			.certificate_count = 1,
			.evidence = POLICY_ATTESTED },
		{ .key = wire,
			.token = other,
			.certificates = (const struct policy_certificate *const[]){ &bare },
			.certificate_count = 1,
			.evidence = POLICY_SOFTWARE },
		{ .key = wire, .token = demo, .evidence = POLICY_CLAIMED },
	};
	for (size_t i = 0; i < RULES; i++)
		all *= KINDS;
	for (unsigned number = 0; number < all; number++) {
		struct policy *policy = policy_of_kinds(number);
		enum policy_outcome absent = outcome_for(policy, wire->spki, NULL);

		allowed += absent == POLICY_ALLOW;
		for (size_t k = 0; k < ELEMENTSOF(keys); k++)
			if (outcome_for(policy, wire->spki, &keys[k]) == POLICY_DENY)
				assert_int_equal(absent, POLICY_DENY);
		policy_free(policy);
	}
	assert_true(allowed > 0 && allowed < all);
	wire_key_free(wire);
	wire_token_free(demo);
	wire_token_free(other);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stricter_file_holds),
		cmocka_unit_test(default_is_for_the_own_user_and_cms),
		cmocka_unit_test(what_is_not_known_opens_nothing),
		cmocka_unit_test(other_users_need_a_rule_that_names_them),
		cmocka_unit_test(a_touch_has_to_be_proved),
		cmocka_unit_test(a_fresh_pin_is_wanted_in_doubt),
		cmocka_unit_test(a_key_that_binds_its_owner_is_asked_for),
		cmocka_unit_test(operations_are_counted_within_their_time),
		cmocka_unit_test(what_is_denied_of_a_key_is_denied_of_one_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
