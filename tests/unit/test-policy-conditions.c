/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each condition of smime-policy(5): facts of which all of them hold, and for each the one fact that makes it fail and the one that makes
 * it unknown. A rule with it alone applies or not by that, and so does a rule that has every condition. What the page names and the table
 * does not have, or the other way round, is an error; the page is $SMIME_POLICY_PAGE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/policy/policy.h"

/* ---- What a question is made of ---- */

struct facts {
	unsigned spki, token, id; /* the first octet of each */
	unsigned seen;
	const char *object, *label, *serial, *manufacturer, *model;
	const char *address, *issuer, *eku, *policy, *template_;
	unsigned evidence, certificates; /* how many the key has: the newest is as these facts say, a second one is like nothing */
	unsigned uid, gid;
	const char *unit, *mac, *executable;
	unsigned remote, active, unlocked, hour;
	unsigned digest_bits, cipher_bits, authenticated;
	const char *from;
	unsigned done; /* operations that the rule has let pass in the last minute */
};

static const struct facts all_hold = {
	.spki = 0xab,
	.token = 0xbb,
	.id = 2,
	.seen = true,
	.object = "mail",
	.label = "card",
	.serial = "4711",
	.manufacturer = "maker",
	.model = "model",
	.address = "alice@example.org",
	.issuer = "CN=Issuing,O=Demonstration",
	.eku = "1.3.6.1.5.5.7.3.4",
	.policy = "1.2.3.5",
	.template_ = "1.3.6.1.4.1.311.21.8.1",
	.evidence = POLICY_ENROLLED,
	.certificates = 1,
	.uid = 1000,
	.gid = 100,
	.unit = "mail.service",
	.mac = "mail_t",
	.executable = "/usr/bin/mail",
	.remote = POLICY_NO,
	.active = POLICY_YES,
	.unlocked = POLICY_YES,
	.hour = 12,
	.digest_bits = 384,
	.cipher_bits = 192,
	.authenticated = true,
	.from = "Alice@example.org",
};

enum kind { NOTHING, A_TEXT, A_NUMBER };
struct change {
	enum kind kind;
	size_t at;
	const char *text;
	unsigned number;
};
#define SETS(fact, value) \
	{ A_TEXT, offsetof(struct facts, fact), value, 0 }
#define COUNTS(fact, value) \
	{ A_NUMBER, offsetof(struct facts, fact), NULL, value }
#define NEVER \
	{ NOTHING, 0, NULL, 0 }

static struct facts changed(const struct change *change) {
	struct facts facts = all_hold;

	if (change->kind == A_TEXT)
		memcpy((char *)&facts + change->at, &change->text, sizeof(change->text));
	if (change->kind == A_NUMBER)
		memcpy((char *)&facts + change->at, &change->number, sizeof(change->number));
	return facts;
}

/* ---- The table ---- */

enum member { KEY, CLIENT, WHEN, MEMBERS };
static const char *const member_names[MEMBERS] = { "key", "client", "when" };

struct row {
	enum member member;
	const char *part;
	size_t at; /* in the text of the member */
	const char *value;
	struct change fails, unknown;
};
#define OF_KEY(part) KEY, #part, offsetof(struct rule_text_key, part)
#define OF_CLIENT(part) CLIENT, #part, offsetof(struct rule_text_client, part)
#define OF_WHEN(part) WHEN, #part, offsetof(struct rule_text_when, part)
#define UNREAD COUNTS(certificates, 0)
#define ONE_OF_TWO COUNTS(certificates, 2)
#define TOKEN_ID "BB00000000000000000000000000000000000000000000000000000000000000"

static const struct row rows[] = {
	{ OF_KEY(fingerprint), "AB00000000000000", COUNTS(spki, 0xac), NEVER },
	{ OF_KEY(address), "ALICE@example.org", SETS(address, "alice@example.orga"), UNREAD },
	{ OF_KEY(address), "al?c*@example.org", SETS(address, "alce@example.org"), ONE_OF_TWO },
	{ OF_KEY(issuer), "CN=Issuing,O=Demonstration", SETS(issuer, "CN=Issuing,O=Demonstrations"), UNREAD },
	{ OF_KEY(issuer), "CN=Issuing*", SETS(issuer, "CN=Other,O=Demonstration"), ONE_OF_TWO },
	{ OF_KEY(token), "card", SETS(label, "cards"), NEVER },
	{ OF_KEY(token), "4711", SETS(serial, "471"), NEVER },
	{ OF_KEY(token), TOKEN_ID, COUNTS(token, 0xbc), NEVER },
	{ OF_KEY(uri), "pkcs11:token=card", SETS(label, "cards"), NEVER },
	{ OF_KEY(uri), "pkcs11:serial=4711", SETS(serial, "471"), NEVER },
	{ OF_KEY(uri), "pkcs11:manufacturer=maker", SETS(manufacturer, "Maker"), NEVER },
	{ OF_KEY(uri), "pkcs11:model=model", SETS(model, ""), NEVER },
	{ OF_KEY(uri), "pkcs11:object=mail", SETS(object, "mails"), COUNTS(seen, false) },
	{ OF_KEY(uri), "pkcs11:id=%02", COUNTS(id, 3), NEVER },
	{ OF_KEY(policy), "1.2.3.5", SETS(policy, "1.2.3.51"), UNREAD },
	{ OF_KEY(policy), "1.2.3.5", SETS(policy, NULL), ONE_OF_TWO },
	{ OF_KEY(eku), "emailProtection", SETS(eku, "1.3.6.1.5.5.7.3.40"), UNREAD },
	{ OF_KEY(eku), "1.3.6.1.5.5.7.3.4", SETS(eku, NULL), ONE_OF_TWO },
	{ OF_KEY(template_), "1.3.6.1.4.1.311.21.8.1", SETS(template_, "1.3.6.1.4.1.311.21.8.10"), UNREAD },
	{ OF_KEY(template_), "1.3.6.1.4.1.311.21.8.1", SETS(template_, NULL), ONE_OF_TWO },
	{ OF_KEY(evidence), "claimed", COUNTS(evidence, POLICY_SOFTWARE), NEVER },
	{ OF_KEY(evidence), "enrolled", COUNTS(evidence, POLICY_CLAIMED), NEVER },
	{ OF_CLIENT(uid), "1000", COUNTS(uid, 1001), NEVER },
	{ OF_CLIENT(gid), "100", COUNTS(gid, 101), NEVER },
	{ OF_CLIENT(unit), "mail.service", SETS(unit, "mail.scope"), SETS(unit, NULL) },
	{ OF_CLIENT(unit), "mail.serv*", SETS(unit, "mails.service"), SETS(unit, NULL) },
	{ OF_CLIENT(unit), "*", SETS(unit, ""), SETS(unit, NULL) },
	{ OF_CLIENT(label), "mail_t", SETS(mac, "mutt_t"), SETS(mac, NULL) },
	{ OF_CLIENT(label), "m??l_t", SETS(mac, ""), SETS(mac, NULL) },
	{ OF_CLIENT(executable), "/usr/bin/mail", SETS(executable, "/bin/mail"), SETS(executable, NULL) },
	{ OF_CLIENT(executable), "/usr/bin/*", SETS(executable, "/usr/bin/x/mail"), SETS(executable, NULL) },
	{ OF_CLIENT(remote), "no", COUNTS(remote, POLICY_YES), COUNTS(remote, POLICY_DONT_KNOW) },
	{ OF_WHEN(session), "active", COUNTS(active, POLICY_NO), COUNTS(active, POLICY_DONT_KNOW) },
	{ OF_WHEN(session), "unlocked", COUNTS(active, POLICY_NO), COUNTS(active, POLICY_DONT_KNOW) },
	{ OF_WHEN(session), "unlocked", COUNTS(unlocked, POLICY_NO), COUNTS(unlocked, POLICY_DONT_KNOW) },
	{ OF_WHEN(between), "11:00-13:00", COUNTS(hour, 13), NEVER },
	{ OF_WHEN(between), "12:00-13:00", COUNTS(hour, 11), NEVER },
	{ OF_WHEN(between), "22:00-12:01", COUNTS(hour, 21), NEVER },
	{ OF_WHEN(digest), "sha384", COUNTS(digest_bits, 256), NEVER },
	{ OF_WHEN(cipher), "aes192", COUNTS(cipher_bits, 128), NEVER },
	{ OF_WHEN(cipher), "authenticated", COUNTS(authenticated, false), NEVER },
	{ OF_WHEN(from), "certificate", SETS(from, "mallory@example.org"), UNREAD },
	{ OF_WHEN(from), "certificate", SETS(address, "mallory@example.org"), ONE_OF_TWO },
	{ OF_WHEN(from), "certificate", SETS(from, NULL), UNREAD },
	{ OF_WHEN(at_most), "2", COUNTS(done, 2), NEVER },
	{ OF_WHEN(within), "1min", COUNTS(done, 2), NEVER },
};

/* ---- From facts to a question ---- */

static struct wire_token *token_of(const struct facts *facts) {
	struct wire_token *token = wire_token_new();
	uint8_t id[32] = { (uint8_t)facts->token };

	assert_int_equal(wire_set_octets(&token->id, id, sizeof(id)), 0);
	assert_int_equal(wire_set_text(&token->label, facts->label), 0);
	assert_int_equal(wire_set_text(&token->serial, facts->serial), 0);
	assert_int_equal(wire_set_text(&token->manufacturer, facts->manufacturer), 0);
	assert_int_equal(wire_set_text(&token->model, facts->model), 0);
	return token;
}

static struct wire_key *key_of(const struct facts *facts) {
	struct wire_key *key = wire_key_new();
	uint8_t spki[32] = { (uint8_t)facts->spki }, id[1] = { (uint8_t)facts->id };

	assert_int_equal(wire_set_octets(&key->spki, spki, sizeof(spki)), 0);
	assert_int_equal(wire_set_octets(&key->id, id, sizeof(id)), 0);
	assert_int_equal(wire_set_text(&key->label, facts->object), 0);
	key->seen = facts->seen ? 0xff : 0;
	return key;
}

#define PLAIN(text) ((char *)(uintptr_t)(text)) /* members that are never written to, and not const */
#define MIDNIGHT ((time_t)1799971200)           /* in UTC */

static struct policy_question question_of(const struct facts *facts, enum policy_operation operation) {
	return (struct policy_question){
		.operation = operation,
		.client = { .uid = facts->uid,
			.own_uid = facts->uid,
			.gid = facts->gid,
			.unit = facts->unit,
			.label = facts->mac,
			.executable = facts->executable,
			.remote = (enum policy_known)facts->remote },
		.digest_bits = facts->digest_bits,
		.cipher_bits = facts->cipher_bits,
		.authenticated = facts->authenticated,
		.from = facts->from,
		.session_active = (enum policy_known)facts->active,
		.session_unlocked = (enum policy_known)facts->unlocked,
		.now = MIDNIGHT + (time_t)facts->hour * 3600,
		.now_us = 1000000000,
	};
}

/* Whether the rule decides. `done` operations before it were decided by it while it applied. */
static bool decides(const struct rule_text *text, const struct facts *facts, enum policy_operation operation) {
	char *addresses[] = { PLAIN("first@example.org"), PLAIN(facts->address), NULL };
	char *ekus[] = { PLAIN("1.3.6.1.5.5.7.3.2"), PLAIN(facts->eku), NULL },
	     *policies[] = { PLAIN("1.2.3.4"), PLAIN(facts->policy), NULL };
	const struct policy_certificate certificate = { .addresses = addresses,
		.issuer = PLAIN(facts->issuer),
		.ekus = ekus,
		.policies = policies,
		.template_ = PLAIN(facts->template_) };
	const struct policy_certificate older = { .issuer = PLAIN("CN=Older") }, *const certificates[] = { &certificate, &older };
	const struct policy_key key = { .key = key_of(facts),
		.token = token_of(facts),
		.certificates = certificates,
		.certificate_count = facts->certificates,
		.evidence = (enum policy_evidence)facts->evidence };
	struct policy_question question = question_of(facts, operation);
	struct policy_decision decision;
	struct policy_fault fault;
	struct policy *policy;

	question.key = &key;
	question.token = key.token;
	assert_int_equal(policy_new(&policy), 0);
	if (policy_add(policy, "agent.yaml", text, 1, NULL, &fault) < 0)
		fail_msg("%s.%s: %s", fault.member, fault.part ? fault.part : "", fault.text);
	for (unsigned i = 0; i <= facts->done; i++) {
		policy_decide(policy, &question, &decision);
		policy_count(&decision, question.now_us);
	}
	policy_free(policy);
	wire_key_free((struct wire_key *)(uintptr_t)key.key);
	wire_token_free((struct wire_token *)(uintptr_t)key.token);
	return decision.file != NULL;
}

enum answer { DOES_NOT_APPLY, MAY_APPLY, APPLIES };

/* A rule that allows decides when it applies, one that denies also when it may apply. */
static enum answer answer_of(struct rule_text *text, const struct facts *facts, enum policy_operation operation) {
	text->trust_executable = PLAIN("yes");
	text->outcome = PLAIN("allow");
	bool allows = decides(text, facts, operation);
	text->outcome = PLAIN("deny");
	bool denies = decides(text, facts, operation);
	assert_true(denies || !allows);
	return allows ? APPLIES : denies ? MAY_APPLY : DOES_NOT_APPLY;
}

/* ---- From rows to a rule ---- */

struct rule {
	struct rule_text text;
	struct rule_text_key key;
	struct rule_text_client client;
	struct rule_text_when when;
	unsigned at_most;
};

static void set(struct rule *rule, const struct row *row) {
	char *const members[MEMBERS] = { (char *)&rule->key, (char *)&rule->client, (char *)&rule->when };

	rule->text.key = &rule->key;
	rule->text.client = &rule->client;
	rule->text.when = &rule->when;
	if (row->at == offsetof(struct rule_text_when, at_most) && row->member == WHEN) {
		rule->at_most = (unsigned)strtoul(row->value, NULL, 10);
		rule->when.at_most = &rule->at_most;
	} else {
		memcpy(members[row->member] + row->at, &row->value, sizeof(row->value));
	}
}

/* They stand together. */
static void complete(struct rule *rule) {
	if (rule->when.at_most && !rule->when.within)
		rule->when.within = PLAIN("1min");
	if (rule->when.within && !rule->when.at_most) {
		rule->at_most = 2;
		rule->when.at_most = &rule->at_most;
	}
}

static enum policy_operation operation_of(const struct row *row) {
	return strcmp(row->part, "cipher") == 0 ? POLICY_DECRYPT : POLICY_SIGN;
}

static void judge(struct rule *rule, const struct row *row, const char *which) {
	enum policy_operation operation = operation_of(row);
	const struct facts fails = changed(&row->fails), unknown = changed(&row->unknown);
	enum answer answers[] = { answer_of(&rule->text, &all_hold, operation), answer_of(&rule->text, &fails, operation),
		row->unknown.kind == NOTHING ? MAY_APPLY : answer_of(&rule->text, &unknown, operation) };

	if (answers[0] != APPLIES || answers[1] != DOES_NOT_APPLY || answers[2] != MAY_APPLY)
		fail_msg("%s %s.%s: %s: answers %d %d %d", which, member_names[row->member], row->part, row->value, answers[0], answers[1],
			answers[2]);
}

static void each_condition_alone_decides(void **state) {
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule rule = { .at_most = 0 };

		set(&rule, &rows[i]);
		complete(&rule);
		judge(&rule, &rows[i], "alone,");
	}
}

static void each_condition_decides_among_all_others(void **state) {
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule rule = { .at_most = 0 };

		for (size_t k = 0; k < ELEMENTSOF(rows); k++)
			set(&rule, &rows[k]);
		set(&rule, &rows[i]);
		judge(&rule, &rows[i], "among all,");
	}
}

static void each_operation_is_told_from_the_others(void **state) {
	for (int named = 0; named < POLICY_OPERATIONS; named++)
		for (int asked = 0; asked < POLICY_OPERATIONS; asked++) {
			char *list[] = { PLAIN(policy_operation_name(named)) };
			struct rule_text text = { .operation = list, .operation_count = 1 };

			assert_int_equal(answer_of(&text, &all_hold, asked), named == asked ? APPLIES : DOES_NOT_APPLY);
		}
}

/* ---- The page ---- */

/* at_most is at-most, and template_ template. */
static bool is_part(const char *part, const char *name, size_t len) {
	for (size_t i = 0; i < len; i++)
		if ((part[i] == '_' ? '-' : part[i]) != name[i])
			return false;
	return part[len] == '\0' || strcmp(part + len, "_") == 0;
}

static bool table_has(const char *member, const char *name, size_t len) {
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		if (strcmp(member_names[rows[i].member], member) == 0 && is_part(rows[i].part, name, len))
			return true;
	for (int i = 0; i < POLICY_OPERATIONS && strcmp(member, "operation") == 0; i++)
		if (is_part(policy_operation_name(i), name, len))
			return true;
	return false;
}

/* The *names* that a line about parts of a member begins with; names in its text are of this font too, but behind other words. */
static unsigned check_line(const char *member, const char *line) {
	unsigned count = 0;

	for (const char *p = line; (p = strchr(p, '*')); count++) {
		size_t len = strcspn(++p, "*");

		if (!table_has(member, p, len))
			fail_msg("smime-policy(5) has %s.%.*s, and the table here does not", member, (int)len, p);
		p += len;
		if (!*p)
			break;
		p++;
	}
	return count;
}

static bool is_member(const char *line, char name[32]) {
	return sscanf(line, "*%31[a-z-]*", name) == 1;
}

static void the_table_has_what_the_page_has(void **state) {
	const char *path = getenv("SMIME_POLICY_PAGE");
	char line[2048], member[32] = "";
	unsigned on_page = 0, in_table = POLICY_OPERATIONS;
	FILE *page;

	if (!path)
		skip();
	page = fopen(path, "r");
	assert_non_null(page);
	while (fgets(line, sizeof(line), page) && strcmp(line, "# A RULE\n") != 0)
		;
	while (fgets(line, sizeof(line), page) && *line != '#') {
		if (is_member(line, member))
			continue;
		bool names = strcmp(member, "operation") == 0 || strcmp(member, "key") == 0 || strcmp(member, "client") == 0 ||
			strcmp(member, "when") == 0;
		if (names && line[0] == '\t' && line[1] == '*')
			on_page += check_line(member, line);
	}
	assert_int_equal(fclose(page), 0);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		in_table += i == 0 || rows[i].member != rows[i - 1].member || rows[i].at != rows[i - 1].at;
	assert_int_equal(on_page, in_table);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_alone_decides),
		cmocka_unit_test(each_condition_decides_among_all_others),
		cmocka_unit_test(each_operation_is_told_from_the_others),
		cmocka_unit_test(the_table_has_what_the_page_has),
	};

	(void)setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
