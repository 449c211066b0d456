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

static void any_group_is_one(void **state) {
	static const gid_t groups[] = { 5, 7, 9 };
	struct rule_text_client gid = { .gid = TEXT("7") };
	const struct rule_text allow = { .outcome = TEXT("allow"), .client = &gid }, deny = { .outcome = TEXT("deny"), .client = &gid };
	const struct {
		struct policy_client client;
		enum policy_outcome allowed, denied; /* by either rule */
	} rows[] = {
		{ { .uid = 1000, .own_uid = 1000, .gid = 7 }, POLICY_ALLOW, POLICY_DENY },
		{ { .uid = 1000, .own_uid = 1000, .gid = 1, .groups = groups, .group_count = 3 }, POLICY_ALLOW, POLICY_DENY },
		{ { .uid = 1000, .own_uid = 1000, .gid = 1, .groups = groups, .group_count = 1 }, POLICY_DENY, POLICY_ALLOW },
		{ { .uid = 1000, .own_uid = 1000, .gid = 1, .groups_unknown = true }, POLICY_DENY, POLICY_DENY },
		{ { .uid = 1000, .own_uid = 1000, .gid = 7, .groups_unknown = true }, POLICY_ALLOW, POLICY_DENY },
		{ { .uid = 1001, .own_uid = 1000, .gid = 1, .groups = groups, .group_count = 2 }, POLICY_ALLOW, POLICY_DENY },
		{ { .uid = 1001, .own_uid = 1000, .gid = 1, .groups_unknown = true }, POLICY_DENY, POLICY_DENY },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct policy *allows = policy_of(&allow, NULL), *denies = policy_of(&deny, NULL);

		/* Each where the default is the other outcome. */
		assert_int_equal(outcome_of(allows, &rows[i].client, POLICY_RAW_SIGN), rows[i].allowed);
		assert_int_equal(outcome_of(denies, &rows[i].client, POLICY_SIGN), rows[i].denied);
		policy_free(allows);
		policy_free(denies);
	}
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
	of.certificate_count = 1;
	policy_decide(policy, &question, &decision);
	assert_int_equal(decision.outcome, POLICY_ALLOW);
	of.certificate_count = 0;
	of.unread = true;
	policy_decide(policy, &question, &decision);
	assert_int_equal(decision.outcome, POLICY_ASK);
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

/* ---- Several rules, several files ---- */

static struct policy_decision decided(const struct policy *policy, const struct policy_question *question) {
	struct policy_decision decision;

	policy_decide(policy, question, &decision);
	return decision;
}

static void the_first_rule_that_applies_decides(void **state) {
	char *sign[] = { TEXT("sign") }, *decrypt[] = { TEXT("decrypt") };
	struct rule_text_client unknown = { .unit = TEXT("x") };
	const struct rule_text rules[] = {
		{ .name = TEXT("first"), .operation = decrypt, .operation_count = 1, .outcome = TEXT("deny"), .text = TEXT("no") },
		{ .operation = sign, .operation_count = 1, .outcome = TEXT("ask"), .ask = TEXT("once") },
		{ .outcome = TEXT("deny") },
	};
	/* What may apply counts where it is stricter than what decides without it, and of several the strictest. */
	const struct rule_text doubts[] = {
		{ .name = TEXT("a"), .client = &unknown, .outcome = TEXT("ask") },
		{ .name = TEXT("b"), .client = &unknown, .outcome = TEXT("deny") },
		{ .name = TEXT("c"), .client = &unknown, .outcome = TEXT("ask") },
		{ .name = TEXT("d"), .outcome = TEXT("allow") },
	};
	const struct rule_text later[] = { { .name = TEXT("a"), .outcome = TEXT("ask") },
		{ .name = TEXT("b"), .client = &unknown, .outcome = TEXT("deny") } };
	const struct rule_text closed[] = { { .client = &unknown, .outcome = TEXT("ask") }, { .outcome = TEXT("deny") } };
	static const unsigned lines[] = { 3, 7, 9, 11 };
	struct policy_question question = { .operation = POLICY_DECRYPT, .client = own };
	struct policy_decision decision;
	struct policy_fault fault;
	struct policy *policy;

	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", rules, 3, lines, &fault), 0);
	assert_int_equal(policy_size(policy), 3);
	decision = decided(policy, &question);
	assert_int_equal(decision.outcome, POLICY_DENY);
	assert_string_equal(decision.name, "first");
	assert_string_equal(decision.text, "no");
	assert_string_equal(decision.file, "agent.yaml");
	assert_int_equal(decision.line, 3);
	assert_null(decision.ask);
	question.operation = POLICY_SIGN;
	decision = decided(policy, &question);
	assert_int_equal(decision.outcome, POLICY_ASK);
	assert_int_equal(decision.line, 7);
	assert_int_equal(decision.ask->count, 0);
	policy_free(policy);

	question.client.unit = NULL;
	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", doubts, 4, lines, &fault), 0);
	decision = decided(policy, &question);
	assert_int_equal(decision.outcome, POLICY_DENY);
	assert_string_equal(decision.name, "b");
	question.client.unit = "y";
	assert_string_equal(decided(policy, &question).name, "d");
	policy_free(policy);

	question.client.unit = NULL;
	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", closed, 2, lines, &fault), 0);
	assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
	assert_string_equal(decided(policy, &question).name, "rule 2");
	policy_free(policy);
	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", later, 2, NULL, &fault), 0);
	decision = decided(policy, &question);
	assert_string_equal(decision.name, "a");
	assert_int_equal(decision.line, 0);
	policy_free(policy);
}

static void no_rule_means_the_default(void **state) {
	char *derive[] = { TEXT("derive") };
	const struct rule_text rule = { .operation = derive, .operation_count = 1, .outcome = TEXT("allow") };
	struct policy *policy = policy_of(&rule, NULL);
	struct policy_question question = { .operation = POLICY_SIGN, .client = own };
	struct policy_decision decision = decided(policy, &question);

	assert_int_equal(decision.outcome, POLICY_ALLOW);
	assert_string_equal(decision.name, "default");
	assert_null(decision.file);
	assert_int_equal(outcome_of(policy, &own, POLICY_DERIVE), POLICY_ALLOW);
	assert_int_equal(outcome_of(policy, &own, POLICY_RAW_SIGN), POLICY_DENY);
	policy_free(policy);
}

/* Of two files that both ask the one that asks more often. */
static void asking_has_its_own_order(void **state) {
	static unsigned two = 2, three = 3;
	static const struct rule_text texts[] = {
		/* from the strictest on */
		{ .name = TEXT("0"), .outcome = TEXT("ask"), .ask = TEXT("each") },
		{ .name = TEXT("1"), .outcome = TEXT("ask"), .count = &two, .within = TEXT("1min") },
		{ .name = TEXT("2"), .outcome = TEXT("ask"), .count = &two, .within = TEXT("2min") },
		{ .name = TEXT("3"), .outcome = TEXT("ask"), .count = &three, .within = TEXT("1min") },
		{ .name = TEXT("4"), .outcome = TEXT("ask"), .ask = TEXT("once") },
		{ .name = TEXT("5"), .outcome = TEXT("allow") },
	};
	struct policy_question question = { .operation = POLICY_SIGN, .client = own };

	for (int a = 0; a < 6; a++)
		for (int b = 0; b < 6; b++) {
			struct policy *policy = policy_of(&texts[a], &texts[b]);
			struct policy_decision decision = decided(policy, &question);

			assert_string_equal(decision.name, texts[a < b ? a : b].name);
			assert_string_equal(decision.file, a <= b ? "/etc/agent.yaml" : "agent.yaml");
			policy_free(policy);
		}
}

static void what_either_file_wants_is_wanted(void **state) {
	char *require[] = { TEXT("fresh-pin") };
	static unsigned one = 1, two = 2;
	struct rule_text_when once = { .at_most = &one, .within = TEXT("10s") }, twice = { .at_most = &two, .within = TEXT("10s") };
	const struct rule_text plain = { .outcome = TEXT("allow") },
			       pin = { .outcome = TEXT("allow"), .require = require, .require_count = 1 },
			       counts = { .outcome = TEXT("allow"), .when = &once }, others = { .outcome = TEXT("ask"), .when = &twice };
	struct policy_question question = { .operation = POLICY_RAW_SIGN, .client = own, .now_us = 1 };
	struct policy_decision decision;
	struct policy *policy;

	for (int i = 0; i < 3; i++) {
		policy = policy_of(i == 1 ? &plain : &pin, i == 0 ? &plain : &pin);
		assert_true(decided(policy, &question).fresh_pin);
		assert_null(decided(policy, &question).counts[0]);
		policy_free(policy);
	}
	policy = policy_of(&plain, &plain);
	assert_false(decided(policy, &question).fresh_pin);
	policy_free(policy);

	/* Both count, in either order; the shorter of them is used up first. */
	for (int i = 0; i < 2; i++) {
		policy = policy_of(i ? &counts : &others, i ? &others : &counts);
		decision = decided(policy, &question);
		assert_int_equal(decision.outcome, POLICY_ASK);
		assert_non_null(decision.counts[0]);
		assert_non_null(decision.counts[1]);
		assert_ptr_not_equal(decision.counts[0], decision.counts[1]);
		policy_count(&decision, 1);
		assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
		policy_free(policy);
	}
	for (int i = 0; i < 2; i++) {
		policy = policy_of(i ? &counts : &plain, i ? &plain : &counts);
		decision = decided(policy, &question);
		assert_non_null(decision.counts[0]);
		assert_null(decision.counts[1]);
		policy_count(&decision, 1);
		assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
		policy_free(policy);
	}
}

static void a_fault_is_that_of_its_rule(void **state) {
	struct rule_text_client bad = { .uid = TEXT("no-such-user-here") };
	const struct rule_text rules[] = { { .outcome = TEXT("allow") }, { .outcome = TEXT("allow"), .client = &bad } };
	struct policy_fault fault;
	struct policy *policy;

	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", rules, 2, NULL, &fault), -SMIME_E_USAGE);
	assert_int_equal(fault.rule, 1);
	assert_string_equal(fault.member, "client");
	assert_string_equal(fault.part, "uid");
	assert_non_null(strstr(fault.text, "no-such-user-here"));
	assert_int_equal(policy_size(policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", rules, 1, NULL, &fault), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", rules, 1, NULL, &fault), 0);
	assert_int_equal(policy_size(policy), 2);
	assert_true(policy_add(policy, "agent.yaml", rules, 1, NULL, &fault) < 0);
	policy_free(policy);
	assert_null(policy_free(NULL));
}

static void processes_are_looked_at_where_a_rule_asks(void **state) {
	static const struct {
		struct rule_text_client client;
		bool asks;
	} rows[] = { { { .uid = TEXT("0") }, false }, { { .label = TEXT("a") }, true }, { { .gid = TEXT("0") }, false },
		{ { .unit = TEXT("a") }, true }, { { .executable = TEXT("/a") }, true }, { { .remote = TEXT("no") }, true } };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (int first = 0; first < 2; first++) {
			struct rule_text_client client = rows[i].client;
			const struct rule_text named = { .outcome = TEXT("deny"), .client = &client }, plain = { .outcome = TEXT("deny") };
			struct policy *policy = policy_of(first ? &named : &plain, first ? &plain : &named);

			assert_int_equal(policy_names_processes(policy), rows[i].asks);
			policy_free(policy);
		}
}

static void who_may_connect_is_in_some_rule(void **state) {
	struct rule_text_client uid = { .uid = TEXT("1001") }, gid = { .gid = TEXT("7") };
	const struct rule_text denied = { .outcome = TEXT("deny"), .client = &uid }, group = { .outcome = TEXT("allow"), .client = &gid };
	struct policy *policy = policy_of(&denied, &group);

	assert_false(policy_may_connect(policy, 1001, 1001, 1000));
	assert_true(policy_may_connect(policy, 1001, 7, 1000));
	assert_false(policy_may_connect(policy, 7, 1001, 1000));
	assert_false(policy_may_connect(policy, 0, 0, 1000));
	policy_free(policy);
}

static void a_touch_that_nothing_proves_is_said(void **state) {
	char *require[] = { TEXT("touch") };
	const struct rule_text allow = { .outcome = TEXT("allow"), .text = TEXT("yes"), .require = require, .require_count = 1 };
	struct policy_question question = { .operation = POLICY_UNLOCK, .client = own };
	struct policy *policy = policy_of(&allow, NULL);

	assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
	assert_non_null(strstr(decided(policy, &question).text, "touched"));
	policy_free(policy);
}

static void a_key_that_signs_too_is_not_asked_for(void **state) {
	struct policy_certificate certificate = { .non_repudiation_only = false };
	const struct policy_certificate *certificates[] = { &certificate };
	struct wire_key key = { .bits = 256 };
	struct policy_key of = { .key = &key, .certificates = certificates, .certificate_count = 1 };
	struct policy_question question = { .operation = POLICY_SIGN, .client = own, .key = &of };
	struct policy *policy = policy_of(NULL, NULL);

	assert_int_equal(decided(policy, &question).outcome, POLICY_ALLOW);
	of.certificate_count = 0;
	assert_int_equal(decided(policy, &question).outcome, POLICY_ALLOW);
	certificate.non_repudiation_only = true;
	of.certificate_count = 1;
	question.operation = POLICY_DECRYPT;
	assert_int_equal(decided(policy, &question).outcome, POLICY_ALLOW);
	question.operation = POLICY_SIGN;
	question.client = stranger;
	assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
	policy_free(policy);
}

/* ---- Reading rules again ---- */

static unsigned left(const struct policy *policy, struct policy_question *question) {
	unsigned left = 0;

	for (struct policy_decision decision; (decision = decided(policy, question)).outcome == POLICY_ALLOW; left++)
		policy_count(&decision, question->now_us);
	return left;
}

static void what_was_counted_stays_counted(void **state) {
	static unsigned one = 1, two = 2, three = 3, five = 5;
	static const struct {
		unsigned *old;
		const char *before, *name; /* names of both rules */
		unsigned *limit;
		const char *file;
		unsigned left;  /* after one at 1 s and one at 4 s, at 5 s, within 10 s */
		unsigned later; /* at 12 s */
	} rows[] = {
		{ &three, "mine", "mine", &three, "agent.yaml", 1, 1 },
		{ &three, "mine", "mine", &five, "agent.yaml", 3, 1 },
		{ &three, "mine", "mine", &two, "agent.yaml", 0, 1 },
		{ &three, "mine", "mine", &one, "agent.yaml", 0, 0 },
		{ &two, "mine", "mine", &three, "agent.yaml", 1, 1 },
		{ &one, "mine", "mine", &one, "agent.yaml", 0, 1 },
		{ &three, "mine", "other", &three, "agent.yaml", 3, 0 },
		{ &three, "mine", "mine", &three, "/etc/agent.yaml", 3, 0 },
		{ &three, NULL, NULL, &three, "agent.yaml", 1, 1 },
	};
	const struct rule_text plain = { .name = TEXT("plain"), .outcome = TEXT("deny") };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_when old = { .at_most = rows[i].old, .within = TEXT("10s") },
				      new = { .at_most = rows[i].limit, .within = TEXT("10s") };
		const struct rule_text before[] = { { .name = TEXT(rows[i].before), .outcome = TEXT("allow"), .when = &old }, plain },
				       after[] = { { .name = TEXT(rows[i].name), .outcome = TEXT("allow"), .when = &new }, plain };
		struct policy_question question = { .operation = POLICY_RAW_SIGN, .client = own, .now_us = 1000000 };
		struct policy_decision decision;
		struct policy *policy, *fresh;
		struct policy_fault fault;

		assert_int_equal(policy_new(&policy), 0);
		assert_int_equal(policy_new(&fresh), 0);
		assert_int_equal(policy_add(policy, "agent.yaml", before, 2, NULL, &fault), 0);
		assert_int_equal(policy_add(fresh, rows[i].file, after, 2, NULL, &fault), 0);
		for (int k = 0; k < 2; k++) {
			decision = decided(policy, &question);
			policy_count(&decision, question.now_us);
			question.now_us = 4000000;
		}
		assert_int_equal(policy_keep_counts(fresh, policy), 0);
		policy_free(policy);
		question.now_us = 5000000;
		unsigned now = left(fresh, &question);
		question.now_us = 12000000;
		unsigned later = left(fresh, &question);
		if (now != rows[i].left || later != rows[i].later)
			fail_msg("row %zu: %u, later %u", i, now, later);
		policy_free(fresh);
	}
}

/* Which of several rules of one name was which before nobody can say: none of them forgets. */
static void rules_of_one_name_keep_what_any_has_counted(void **state) {
	static unsigned once = 1, thrice = 3;
	char *operations[][1] = { { TEXT("raw-sign") }, { TEXT("raw-decrypt") } };
	struct rule_text_when when[] = { { .at_most = &once, .within = TEXT("10s") }, { .at_most = &thrice, .within = TEXT("10s") } };
	const struct rule_text rules[] = {
		{ .name = TEXT("mine"), .operation = operations[0], .operation_count = 1, .outcome = TEXT("allow"), .when = &when[0] },
		{ .name = TEXT("mine"), .operation = operations[1], .operation_count = 1, .outcome = TEXT("allow"), .when = &when[1] },
	};
	struct policy_question question = { .operation = POLICY_RAW_DECRYPT, .client = own };
	struct policy_decision decision;
	struct policy *policy, *fresh;
	struct policy_fault fault;

	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", rules, 2, NULL, &fault), 0);
	for (unsigned second = 1; second <= 4; second++) {
		question.now_us = second * 1000000;
		question.operation = second == 4 ? POLICY_RAW_SIGN : POLICY_RAW_DECRYPT;
		decision = decided(policy, &question);
		policy_count(&decision, question.now_us);
	}
	for (int again = 0; again < 3; again++) {
		assert_int_equal(policy_new(&fresh), 0);
		assert_int_equal(policy_add(fresh, "agent.yaml", rules, 2, NULL, &fault), 0);
		assert_int_equal(policy_keep_counts(fresh, policy), 0);
		policy_free(policy);
		policy = fresh;
		question.now_us = 5000000;
		for (int i = 0; i < 2; i++) {
			question.operation = i ? POLICY_RAW_SIGN : POLICY_RAW_DECRYPT;
			assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
		}
	}
	/* The last three were at 2, 3 and 4 s, the last one at 4 s. */
	question.now_us = 12000000;
	assert_int_equal(left(policy, &question), 0);
	question.operation = POLICY_RAW_DECRYPT;
	assert_int_equal(left(policy, &question), 1);
	policy_free(policy);
}

/* One that may apply is asked about, and what applies if it does not has counted this nevertheless. */
static void what_is_asked_in_doubt_is_counted(void **state) {
	static unsigned once = 1;
	struct rule_text_client unit = { .unit = TEXT("a.service") };
	struct rule_text_when when = { .at_most = &once, .within = TEXT("10s") };
	const struct rule_text rules[] = { { .outcome = TEXT("ask"), .client = &unit, .when = &when },
		{ .outcome = TEXT("allow"), .when = &when } };
	const struct policy_client unknown = { .uid = 1000, .own_uid = 1000 },
				   elsewhere = { .uid = 1000, .own_uid = 1000, .unit = "b.service" };
	struct policy_question question = { .operation = POLICY_RAW_SIGN, .client = unknown, .now_us = 1 };
	struct policy_decision decision;
	struct policy *policy;
	struct policy_fault fault;

	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_add(policy, "agent.yaml", rules, 2, NULL, &fault), 0);
	decision = decided(policy, &question);
	assert_int_equal(decision.outcome, POLICY_ASK);
	policy_count(&decision, 1);
	question.client = elsewhere;
	assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
	question.client = own;
	assert_int_equal(decided(policy, &question).outcome, POLICY_DENY);
	policy_free(policy);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stricter_file_holds),
		cmocka_unit_test(default_is_for_the_own_user_and_cms),
		cmocka_unit_test(what_is_not_known_opens_nothing),
		cmocka_unit_test(other_users_need_a_rule_that_names_them),
		cmocka_unit_test(any_group_is_one),
		cmocka_unit_test(a_touch_has_to_be_proved),
		cmocka_unit_test(a_fresh_pin_is_wanted_in_doubt),
		cmocka_unit_test(a_key_that_binds_its_owner_is_asked_for),
		cmocka_unit_test(operations_are_counted_within_their_time),
		cmocka_unit_test(what_is_denied_of_a_key_is_denied_of_one_that_is_not_there),
		cmocka_unit_test(the_first_rule_that_applies_decides),
		cmocka_unit_test(no_rule_means_the_default),
		cmocka_unit_test(asking_has_its_own_order),
		cmocka_unit_test(what_either_file_wants_is_wanted),
		cmocka_unit_test(a_fault_is_that_of_its_rule),
		cmocka_unit_test(processes_are_looked_at_where_a_rule_asks),
		cmocka_unit_test(who_may_connect_is_in_some_rule),
		cmocka_unit_test(a_touch_that_nothing_proves_is_said),
		cmocka_unit_test(a_key_that_signs_too_is_not_asked_for),
		cmocka_unit_test(what_was_counted_stays_counted),
		cmocka_unit_test(rules_of_one_name_keep_what_any_has_counted),
		cmocka_unit_test(what_is_asked_in_doubt_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
