/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a rule applies; see rule.h. Each condition is yes, no or not known, and the weakest of them is that of the rule.
 */
#include "rule.h"

#include <fnmatch.h>
#include <stdio.h>

#include "agent/wire/base.h"
#include "agent/wire/limits.h"

static enum rule_match both(enum rule_match a, enum rule_match b) {
	return a < b ? a : b;
}

static enum rule_match when(bool holds) {
	return holds ? RULE_YES : RULE_NO;
}

/* NULL is not known, and "" is none: a pattern that would fit nothing names something. */
static enum rule_match fits(const char *pattern, const char *text, int flags) {
	if (!pattern)
		return RULE_YES;
	if (!text)
		return RULE_UNKNOWN;
	return when(*text && fnmatch(pattern, text, flags) == 0);
}

static enum rule_match is_number(const struct rule_number *wanted, unsigned value) {
	return when(!wanted->set || wanted->value == value);
}

static enum rule_match is_known(bool wanted, enum policy_known known) {
	if (known == POLICY_DONT_KNOW)
		return RULE_UNKNOWN;
	return when((known == POLICY_YES) == wanted);
}

/* Anybody can make any of his groups the first one (sg), so that all of them count alike. */
static enum rule_match is_member(const struct rule_number *wanted, const struct policy_client *of) {
	bool found = of->gid == wanted->value;

	if (!wanted->set)
		return RULE_YES;
	for (size_t i = 0; !found && i < of->group_count; i++)
		found = of->groups[i] == wanted->value;
	return !found && of->groups_unknown ? RULE_UNKNOWN : when(found);
}

static enum rule_match client_matches(const struct rule *rule, const struct policy_client *of) {
	const struct rule_client *client = &rule->client;
	enum rule_match match = both(is_number(&client->uid, of->uid), is_member(&client->gid, of));

	/* Only a rule that names them opens anything to other users. */
	if (of->uid != of->own_uid && rule->outcome != POLICY_DENY && !client->uid.set && !client->gid.set)
		return RULE_NO;
	match = both(match, fits(client->unit, of->unit, 0));
	match = both(match, fits(client->label, of->label, 0));
	match = both(match, fits(client->executable, of->executable, FNM_PATHNAME));
	return client->remote.set ? both(match, is_known(client->remote.value, of->remote)) : match;
}

static enum rule_match is_hour(const struct rule_when *of, time_t now) {
	struct tm tm;

	if (!of->begin.set)
		return RULE_YES;
	tzset(); /* the machine can have gone to another zone; localtime_r() looks once */
	if (!localtime_r(&now, &tm))
		return RULE_UNKNOWN;
	unsigned minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min), begin = of->begin.value, end = of->end.value;
	return when(begin < end ? minute >= begin && minute < end : minute >= begin || minute < end);
}

static bool has(char *const *list, const char *text) {
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* What holds of each of a key's certificates: yes or no where all of them agree, since nobody has said with which one it is used. */
typedef bool (*certificate_test)(const struct policy_certificate *certificate, const void *of);
static enum rule_match of_all(const struct policy_key *key, certificate_test test, const void *of) {
	size_t good = 0;

	for (size_t i = 0; key && i < key->certificate_count; i++)
		good += test(key->certificates[i], of);
	if (!key || key->certificate_count == 0 || (good > 0 && good < key->certificate_count))
		return RULE_UNKNOWN;
	return when(good > 0);
}

/* Addresses are in lower case here, and the client writes them as the mail has them. */
static bool has_address(const struct policy_certificate *certificate, const void *of) {
	for (char *const *address = certificate->addresses; address && *address; address++)
		if (strcasecmp(*address, of) == 0)
			return true;
	return false;
}

static enum rule_match is_own_from(const struct policy_question *question) {
	if (question->operation != POLICY_SIGN)
		return RULE_YES;
	return question->from ? of_all(question->key, has_address, question->from) : RULE_NO;
}

/* The oldest of those that are kept is over, or there are less of them than the rule lets pass. */
static enum rule_match has_room(const struct rule *rule, uint64_t now_us) {
	uint64_t oldest;

	if (rule->when.at_most == 0)
		return RULE_YES;
	oldest = rule->times_us[rule->times_next];
	return when(oldest == 0 || now_us - oldest >= rule->when.within_us);
}

static enum rule_match when_matches(const struct rule *rule, const struct policy_question *question) {
	const struct rule_when *of = &rule->when;
	enum rule_match match = both(is_hour(of, question->now), has_room(rule, question->now_us));

	if (of->active)
		match = both(match, is_known(true, question->session_active));
	if (of->unlocked)
		match = both(match, is_known(true, question->session_unlocked));
	if (of->digest.set && question->operation == POLICY_SIGN)
		match = both(match, when(question->digest_bits >= of->digest.value));
	if (of->cipher.set && question->operation == POLICY_DECRYPT)
		match = both(match, when(question->cipher_bits >= of->cipher.value));
	if (of->authenticated && question->operation == POLICY_DECRYPT)
		match = both(match, when(question->authenticated));
	return of->from ? both(match, is_own_from(question)) : match;
}

/* ---- key ---- */

static enum rule_match fingerprint_fits(const char *digits, const ASN1_OCTET_STRING *spki) {
	char hex[2 * WIRE_FINGERPRINT_BYTES + 1] = "";
	struct bytes octets = wire_octets(spki);

	for (size_t i = 0; i < octets.len && i < WIRE_FINGERPRINT_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", octets.data[i]);
	return when(strncmp(hex, digits, strlen(digits)) == 0);
}

static enum rule_match token_fits(const char *name, const struct wire_token *token) {
	char hex[2 * WIRE_FINGERPRINT_BYTES + 1] = "";
	struct bytes id;

	if (!token)
		return RULE_UNKNOWN;
	id = wire_octets(token->id);
	for (size_t i = 0; i < id.len && i < WIRE_FINGERPRINT_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id.data[i]);
	return when(
		strcmp(name, wire_text(token->label)) == 0 || strcmp(name, wire_text(token->serial)) == 0 || strcasecmp(name, hex) == 0);
}

static bool address_fits(const char *pattern, char *const *addresses) {
	for (; addresses && *addresses; addresses++)
		if (fnmatch(pattern, *addresses, 0) == 0)
			return true;
	return false;
}

static bool certificate_fits(const struct policy_certificate *certificate, const void *of) {
	const struct rule_key *key = of;

	return (!key->address || address_fits(key->address, certificate->addresses)) &&
		(!key->issuer || fits(key->issuer, certificate->issuer, 0) == RULE_YES) &&
		(!key->policy || has(certificate->policies, key->policy)) && (!key->eku || has(certificate->ekus, key->eku)) &&
		(!key->template_ || (certificate->template_ && strcmp(certificate->template_, key->template_) == 0));
}

static enum rule_match certificate_matches(const struct rule_key *key, const struct policy_key *of) {
	if (!key->address && !key->issuer && !key->policy && !key->eku && !key->template_)
		return RULE_YES;
	return of_all(of, certificate_fits, key);
}

static bool names_no_key(const struct rule_key *key) {
	return !key->fingerprint && !key->address && !key->issuer && !key->uri && !key->policy && !key->eku && !key->template_ &&
		!key->evidence.set;
}

/* Unlocking is of a token, and of no key: a rule about keys says nothing of it. */
static enum rule_match of_no_key(const struct rule_key *key, const struct wire_token *token) {
	if (!names_no_key(key))
		return RULE_NO;
	return key->token ? token_fits(key->token, token) : RULE_YES;
}

/* A key that is nowhere to be seen could be any of those that have its fingerprint; without one, any. */
static enum rule_match of_unknown_key(const struct rule_key *key, const ASN1_OCTET_STRING *spki) {
	bool any = !key->address && !key->issuer && !key->token && !key->uri && !key->policy && !key->eku && !key->template_ &&
		(!key->evidence.set || key->evidence.value == POLICY_SOFTWARE);
	enum rule_match match = any ? RULE_YES : RULE_UNKNOWN;

	if (!key->fingerprint)
		return match;
	return both(match, wire_octets(spki).len > 0 ? fingerprint_fits(key->fingerprint, spki) : RULE_UNKNOWN);
}

enum rule_match rule_key_matches(const struct rule_key *key, const struct policy_key *of) {
	enum rule_match match = certificate_matches(key, of);

	if (key->fingerprint)
		match = both(match, fingerprint_fits(key->fingerprint, of->key->spki));
	if (key->token)
		match = both(match, token_fits(key->token, of->token));
	if (key->uri)
		match = both(match, rule_uri_matches(key->uri, of));
	return key->evidence.set ? both(match, when(of->evidence >= key->evidence.value)) : match;
}

enum rule_match rule_matches(const struct rule *rule, const struct policy_question *question) {
	enum rule_match match = when(!rule->operations || (rule->operations & 1u << question->operation));

	if (match == RULE_YES)
		match = question->key  ? rule_key_matches(&rule->key, question->key) :
			question->spki ? of_unknown_key(&rule->key, question->spki) :
					 of_no_key(&rule->key, question->token);
	if (match != RULE_NO)
		match = both(match, client_matches(rule, &question->client));
	return match == RULE_NO ? match : both(match, when_matches(rule, question));
}
