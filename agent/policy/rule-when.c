/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Under which conditions a rule applies, from its text.
 */
#include "rule-take.h"

#include <smime/error.h>

#include "agent/wire/base.h"
#include "duration.h"

static int take_session(struct rule_when *when, const char *text, struct rule_fault *ret_fault) {
	if (text && strcmp(text, "active") != 0 && strcmp(text, "unlocked") != 0)
		return rule_refuse(ret_fault, "when", "session", "'%.100s' is neither active nor unlocked", text);
	when->active = text != NULL;
	when->unlocked = text && *text == 'u';
	return 0;
}

static int take_hours(struct rule_when *when, const char *text, struct rule_fault *ret_fault) {
	unsigned begin, end;

	if (!text)
		return 0;
	if (duration_parse_hours(text, &begin, &end) < 0)
		return rule_refuse(ret_fault, "when", "between", "'%.100s' are no hours; write for example \"08:00-18:00\"", text);
	when->begin = rule_number(begin);
	when->end = rule_number(end);
	return 0;
}

static int take_strength(struct rule_when *when, const struct rule_text_when *text, struct rule_fault *ret_fault) {
	static const char *const digests[] = { "sha256", "sha384", "sha512" }, *const ciphers[] = { "aes128", "aes192", "aes256" };
	enum { DIGEST_STEP_BITS = 128, DIGEST_FIRST_BITS = 256, CIPHER_STEP_BITS = 64, CIPHER_FIRST_BITS = 128 };
	int digest = text->digest ? rule_find(digests, ELEMENTSOF(digests), text->digest) : 0;
	int cipher = text->cipher ? rule_find(ciphers, ELEMENTSOF(ciphers), text->cipher) : 0;

	when->authenticated = text->cipher && strcmp(text->cipher, "authenticated") == 0;
	if (digest < 0)
		return rule_refuse(ret_fault, "when", "digest", "'%.100s' is none of sha256, sha384, sha512", text->digest);
	if (cipher < 0 && !when->authenticated)
		return rule_refuse(ret_fault, "when", "cipher", "'%.100s' is none of aes128, aes192, aes256, authenticated", text->cipher);
	if (text->digest)
		when->digest = rule_number((unsigned)(DIGEST_FIRST_BITS + DIGEST_STEP_BITS * digest));
	if (text->cipher && !when->authenticated)
		when->cipher = rule_number((unsigned)(CIPHER_FIRST_BITS + CIPHER_STEP_BITS * cipher));
	return 0;
}

int rule_take_within(const char *member, const char *part, const char *text, uint64_t *ret_us, struct rule_fault *ret_fault) {
	if (duration_parse(text, ret_us) < 0 || *ret_us == 0 || *ret_us / 1000000 > POLICY_WITHIN_MAX_S)
		return rule_refuse(ret_fault, member, part, "'%.100s' is no length of time up to a week; write for example 10min", text);
	return 0;
}

static int take_at_most(struct rule *rule, const struct rule_text_when *text, struct rule_fault *ret_fault) {
	int r;

	if (!text->at_most && !text->within)
		return 0;
	if (!text->at_most || !text->within)
		return rule_refuse(
			ret_fault, "when", text->at_most ? "at-most" : "within", "at-most and within stand together or not at all");
	if (*text->at_most < 1 || *text->at_most > POLICY_AT_MOST_MAX)
		return rule_refuse(ret_fault, "when", "at-most", "%u is not between 1 and %d", *text->at_most, POLICY_AT_MOST_MAX);
	r = rule_take_within("when", "within", text->within, &rule->when.within_us, ret_fault);
	if (r < 0)
		return r;
	rule->when.at_most = *text->at_most;
	rule->times_us = calloc(rule->when.at_most, sizeof(*rule->times_us));
	return rule->times_us ? 0 : -SMIME_E_NO_MEMORY;
}

int rule_take_when(struct rule *rule, const struct rule_text_when *text, struct rule_fault *ret_fault) {
	int r;

	if (!text)
		return 0;
	if (text->from && strcmp(text->from, "certificate") != 0)
		return rule_refuse(ret_fault, "when", "from", "'%.100s' is not: certificate", text->from);
	rule->when.from = text->from != NULL;
	r = take_session(&rule->when, text->session, ret_fault);
	if (r == 0)
		r = take_hours(&rule->when, text->between, ret_fault);
	if (r == 0)
		r = take_strength(&rule->when, text, ret_fault);
	return r < 0 ? r : take_at_most(rule, text, ret_fault);
}
