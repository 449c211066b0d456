/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of rules, one for each file, and how they decide together; see policy.h.
 */
#include "policy.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/base.h"
#include "rule.h"

enum { FILES_MAX = 2 };

struct rules {
	char *file;
	struct rule *items;
	size_t count;
};

struct policy {
	struct rules files[FILES_MAX];
	size_t file_count;
	bool names_processes;
};

int policy_new(struct policy **ret_policy) {
	*ret_policy = calloc(1, sizeof(**ret_policy));
	return *ret_policy ? 0 : -SMIME_E_NO_MEMORY;
}

static void rules_clear(struct rules *rules) {
	for (size_t i = 0; i < rules->count; i++)
		rule_clear(&rules->items[i]);
	free(rules->items);
	free(rules->file);
}

struct policy *policy_free(struct policy *policy) {
	if (!policy)
		return NULL;
	for (size_t i = 0; i < policy->file_count; i++)
		rules_clear(&policy->files[i]);
	free(policy);
	return NULL;
}

static int compile(struct rules *rules, const struct rule_text *text, const unsigned *lines, size_t count, struct policy_fault *ret_fault) {
	struct rule_fault fault = { .member = NULL };

	for (size_t i = 0; i < count; i++) {
		int r = rule_compile(&text[i], (unsigned)i + 1, &rules->items[i], &fault);

		if (r < 0) {
			*ret_fault = (struct policy_fault){ .rule = (unsigned)i, .member = fault.member, .part = fault.part };
			memcpy(ret_fault->text, fault.text, sizeof(ret_fault->text));
			return r;
		}
		rules->items[i].line = lines ? lines[i] : 0;
		rules->count = i + 1;
	}
	return 0;
}

static bool names_process(const struct rule_client *client) {
	return client->unit || client->label || client->executable || client->remote.set;
}

int policy_add(struct policy *policy, const char *file, const struct rule_text *text, size_t count, const unsigned *lines,
	struct policy_fault *ret_fault) {
	struct rules rules = { .file = strdup(file), .items = calloc(count + 1, sizeof(struct rule)) };
	int r = rules.file && rules.items && policy->file_count < FILES_MAX ? 0 : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = compile(&rules, text, lines, count, ret_fault);
	if (r < 0)
		rules_clear(&rules);
	else
		policy->files[policy->file_count++] = rules;
	for (size_t i = 0; r == 0 && i < rules.count; i++)
		policy->names_processes = policy->names_processes || names_process(&rules.items[i].client);
	return r;
}

bool policy_names_processes(const struct policy *policy) {
	return policy->names_processes;
}

size_t policy_size(const struct policy *policy) {
	size_t size = 0;

	for (size_t i = 0; i < policy->file_count; i++)
		size += policy->files[i].count;
	return size;
}

/* ---- Deciding ---- */

static const struct policy_ask ask_each = { .count = 1 };

static bool may_bind(const struct policy_key *key) {
	for (size_t i = 0; key && i < key->certificate_count; i++)
		if (key->certificates[i]->non_repudiation_only)
			return true;
	return key && key->unread;
}

/* What holds where no rule says otherwise: a person may use his own keys for CMS, and a key that binds him, or may, is never used unseen. */
static struct policy_decision without_rules(const struct policy_question *question) {
	struct policy_decision decision = { .outcome = POLICY_ALLOW, .name = "default" };

	if (question->client.uid != question->client.own_uid)
		decision.outcome = POLICY_DENY;
	switch (question->operation) {
	case POLICY_SIGN:
		if (decision.outcome == POLICY_ALLOW && may_bind(question->key)) {
			decision.outcome = POLICY_ASK;
			decision.ask = &ask_each;
		}
		return decision;
	case POLICY_RAW_SIGN:
	case POLICY_RAW_DECRYPT:
	case POLICY_DERIVE:
		decision.outcome = POLICY_DENY;
		return decision;
	default:
		return decision;
	}
}

static struct policy_decision by_rule(const struct rules *rules, struct rule *rule, const struct policy_question *question) {
	struct policy_decision decision = { .outcome = rule->outcome,
		.text = rule->text,
		.file = rules->file,
		.name = rule->name,
		.line = rule->line,
		.fresh_pin = rule->fresh_pin };

	if (rule->when.at_most > 0)
		decision.counts[0] = rule;
	if (rule->touch && !(question->key && question->key->touch)) {
		decision.outcome = POLICY_DENY;
		decision.text = "the rule wants a key that has to be touched each time, and nothing proves this of the key";
	}
	if (decision.outcome == POLICY_ASK)
		decision.ask = &rule->ask;
	return decision;
}

static bool asks_more(const struct policy_ask *a, const struct policy_ask *b) {
	if (!a || !b)
		return a != NULL;
	return a->count != b->count ? a->count != 0 && (b->count == 0 || a->count < b->count) : a->within_us < b->within_us;
}

static bool is_stricter(const struct policy_decision *a, const struct policy_decision *b) {
	return a->outcome != b->outcome ? a->outcome > b->outcome : a->outcome == POLICY_ASK && asks_more(a->ask, b->ask);
}

static void add_counts(struct policy_decision *decision, const struct policy_decision *of) {
	size_t n = 0;

	while (n < ELEMENTSOF(decision->counts) && decision->counts[n])
		n++;
	for (size_t i = 0; i < ELEMENTSOF(of->counts) && of->counts[i] && n < ELEMENTSOF(decision->counts); i++)
		decision->counts[n++] = of->counts[i];
}

/* The strictest holds; what each of them wants besides is wanted. */
static struct policy_decision strictest(const struct policy_decision *a, const struct policy_decision *b) {
	const struct policy_decision *other = is_stricter(b, a) ? a : b;
	struct policy_decision decision = other == a ? *b : *a;

	decision.fresh_pin = a->fresh_pin || b->fresh_pin;
	decision.login = a->login || b->login;
	add_counts(&decision, other);
	return decision;
}

/*
 * The first rule that applies. One that may apply, as far as is known, counts as well where it is stricter than what is decided without
 * it, and the PIN that it wants is wanted, so that what could not be found out opens nothing. The first that applies counts all the same.
 */
static struct policy_decision decide(const struct rules *rules, const struct policy_question *question) {
	struct policy_decision doubt = { .outcome = POLICY_ALLOW }, decision = without_rules(question);
	bool doubted = false, fresh_pin = false, login = false;

	for (size_t i = 0; i < rules->count; i++) {
		enum rule_match match = rule_matches(&rules->items[i], question);

		if (match == RULE_NO)
			continue;
		struct policy_decision next = by_rule(rules, &rules->items[i], question);
		if (match == RULE_YES) {
			decision = next;
			break;
		}
		fresh_pin = fresh_pin || next.fresh_pin;
		login = login || rule_wants_login(&rules->items[i], question->key);
		if (is_stricter(&next, &doubt)) {
			doubt = next;
			doubted = true;
		}
	}
	if (doubted && is_stricter(&doubt, &decision)) {
		add_counts(&doubt, &decision);
		decision = doubt;
	}
	decision.fresh_pin = decision.fresh_pin || fresh_pin;
	decision.login = login;
	return decision;
}

void policy_decide(const struct policy *policy, const struct policy_question *question, struct policy_decision *ret_decision) {
	if (policy->file_count == 0) {
		*ret_decision = without_rules(question);
		return;
	}
	*ret_decision = decide(&policy->files[0], question);
	for (size_t i = 1; i < policy->file_count; i++) {
		struct policy_decision next = decide(&policy->files[i], question);

		*ret_decision = strictest(ret_decision, &next);
	}
}

static void count(struct rule *rule, uint64_t now_us) {
	rule->times_us[rule->times_next] = now_us;
	rule->times_next = (rule->times_next + 1) % rule->when.at_most;
}

void policy_count(const struct policy_decision *decision, uint64_t now_us) {
	for (size_t i = 0; i < ELEMENTSOF(decision->counts) && decision->counts[i]; i++)
		count(decision->counts[i], now_us);
}

/* ---- Reading rules again ---- */

/* How many times a rule keeps. */
static size_t kept(const struct rule *rule) {
	if (rule->when.at_most == 0)
		return 0;
	return rule->times_us[rule->times_next] ? rule->when.at_most : rule->times_next;
}

static int compare_times(const void *a, const void *b) {
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

/*
 * Several rules can have one name, and which of them was which before nobody knows: each counts what any of them has. What two of them have of
 * one moment is the same operation, from an earlier reading.
 */
static int keep_counts(struct rule *rule, const struct rules *before) {
	_cleanup_(freep) uint64_t *times = NULL;
	size_t sum = 0, n = 0, rules = 0;

	for (size_t i = 0; i < before->count; i++)
		if (strcmp(rule->name, before->items[i].name) == 0) {
			sum += kept(&before->items[i]);
			rules++;
		}
	if (rule->when.at_most == 0 || sum == 0)
		return 0;
	times = malloc(sum * sizeof(*times));
	if (!times)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < before->count; i++)
		if (strcmp(rule->name, before->items[i].name) == 0) {
			memcpy(times + n, before->items[i].times_us, kept(&before->items[i]) * sizeof(*times));
			n += kept(&before->items[i]);
		}
	qsort(times, n, sizeof(*times), compare_times);
	for (size_t i = 0; i < n; i++)
		if (rules == 1 || i == 0 || times[i] != times[i - 1])
			count(rule, times[i]);
	return 0;
}

int policy_keep_counts(struct policy *policy, const struct policy *before) {
	int r = 0;

	for (size_t i = 0; i < policy->file_count; i++)
		for (size_t j = 0; j < before->file_count; j++)
			for (size_t k = 0;
				r == 0 && strcmp(policy->files[i].file, before->files[j].file) == 0 && k < policy->files[i].count; k++)
				r = keep_counts(&policy->files[i].items[k], &before->files[j]);
	return r;
}

bool policy_may_connect(const struct policy *policy, uid_t uid, gid_t gid, uid_t own_uid) {
	if (uid == own_uid)
		return true;
	for (size_t i = 0; i < policy->file_count; i++)
		for (size_t k = 0; k < policy->files[i].count; k++) {
			const struct rule *rule = &policy->files[i].items[k];

			if (rule->outcome != POLICY_DENY &&
				((rule->client.uid.set && rule->client.uid.value == uid) ||
					(rule->client.gid.set && rule->client.gid.value == gid)))
				return true;
		}
	return false;
}
