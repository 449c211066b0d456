/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the text of a rule to a rule; see rule.h. Whatever is not understood is named, with the member where it stands.
 */
#include "rule-take.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/base.h"

static int take_operations(struct rule *rule, const struct rule_text *text, struct rule_fault *ret_fault) {
	for (unsigned i = 0; i < text->operation_count; i++) {
		int operation = rule_find_operation(text->operation[i]);

		if (operation < 0)
			return rule_refuse(ret_fault, "operation", NULL,
				"'%.100s' is none of sign, decrypt, raw-sign, raw-decrypt, derive, unlock, list", text->operation[i]);
		rule->operations |= 1u << operation;
	}
	return 0;
}

static int take_ask(struct rule *rule, const struct rule_text *text, struct rule_fault *ret_fault) {
	bool once = text->ask && strcmp(text->ask, "once") == 0;

	rule->ask.count = once ? 0 : 1;
	if (rule->outcome != POLICY_ASK && (text->ask || text->count || text->within))
		return rule_refuse(ret_fault,
			text->ask           ? "ask" :
				text->count ? "count" :
					      "within",
			NULL, "stands only in a rule that asks");
	if (text->ask && !once && strcmp(text->ask, "each") != 0)
		return rule_refuse(ret_fault, "ask", NULL, "'%.100s' is neither once nor each", text->ask);
	if (text->ask && (text->count || text->within))
		return rule_refuse(ret_fault, "ask", NULL, "say either how (once, each), or for how many: count and within");
	if (!text->count && !text->within)
		return 0;
	if (!text->count || !text->within)
		return rule_refuse(ret_fault, text->count ? "count" : "within", NULL, "count and within stand together or not at all");
	if (*text->count < 1 || *text->count > POLICY_ASK_COUNT_MAX)
		return rule_refuse(ret_fault, "count", NULL, "%u is not between 1 and %d", *text->count, POLICY_ASK_COUNT_MAX);
	rule->ask.count = *text->count;
	return rule_take_within("within", NULL, text->within, &rule->ask.within_us, ret_fault);
}

static int take_outcome(struct rule *rule, const struct rule_text *text, struct rule_fault *ret_fault) {
	int outcome = rule_find_outcome(text->outcome);

	if (outcome < 0)
		return rule_refuse(ret_fault, "outcome", NULL, "'%.100s' is none of allow, deny, ask", text->outcome);
	rule->outcome = (enum policy_outcome)outcome;
	if (rule->outcome == POLICY_DENY && text->require_count > 0)
		return rule_refuse(ret_fault, "require", NULL, "stands only in a rule that allows or asks");
	for (unsigned i = 0; i < text->require_count; i++) {
		if (strcmp(text->require[i], "fresh-pin") != 0 && strcmp(text->require[i], "touch") != 0)
			return rule_refuse(ret_fault, "require", NULL, "'%.100s' is neither fresh-pin nor touch", text->require[i]);
		if (text->require[i][0] == 'f')
			rule->fresh_pin = true;
		else
			rule->touch = true;
	}
	return take_ask(rule, text, ret_fault);
}

/* Any program of the same user can look like any other, so its path alone lets nobody do anything. */
static int check_executable(const struct rule *rule, const struct rule_text *text, struct rule_fault *ret_fault) {
	const struct rule_client *client = &rule->client;
	bool trusted = false;

	if (text->trust_executable && rule_take_choice(text->trust_executable, &trusted) < 0)
		return rule_refuse(ret_fault, "trust-executable", NULL, "'%.100s' is neither yes nor no", text->trust_executable);
	if (rule->outcome != POLICY_ALLOW || !client->executable || trusted)
		return 0;
	if (client->uid.set || client->gid.set || client->unit || client->label)
		return 0;
	return rule_refuse(ret_fault, "client", "executable",
		"any program of the same user can run as this one: name a unit, label, uid or gid beside it, or say `trust-executable: "
		"yes`");
}

static int take_name(struct rule *rule, const struct rule_text *text, unsigned number_) {
	if (text->name)
		return rule_take(&rule->name, text->name);
	return asprintf(&rule->name, "rule %u", number_) < 0 ? -SMIME_E_NO_MEMORY : 0;
}

int rule_compile(const struct rule_text *text, unsigned number_, struct rule *ret_rule, struct rule_fault *ret_fault) {
	struct rule rule = { .line = 0 };
	int r = take_name(&rule, text, number_);

	if (r == 0)
		r = take_operations(&rule, text, ret_fault);
	if (r == 0)
		r = rule_take_key(&rule.key, text->key, ret_fault);
	if (r == 0)
		r = rule_take_client(&rule.client, text->client, ret_fault);
	if (r == 0)
		r = rule_take_when(&rule, text->when, ret_fault);
	if (r == 0)
		r = rule_take(&rule.text, text->text);
	if (r == 0)
		r = take_outcome(&rule, text, ret_fault);
	if (r == 0)
		r = check_executable(&rule, text, ret_fault);
	if (r < 0)
		rule_clear(&rule);
	else
		*ret_rule = rule;
	return r;
}

void rule_clear(struct rule *rule) {
	char *const texts[] = { rule->name, rule->text, rule->key.fingerprint, rule->key.address, rule->key.issuer, rule->key.token,
		rule->key.policy, rule->key.eku, rule->key.template_, rule->client.unit, rule->client.label, rule->client.executable };

	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		free(texts[i]);
	p11_kit_uri_free(rule->key.uri);
	free(rule->times_us);
	*rule = (struct rule){ .line = 0 };
}
