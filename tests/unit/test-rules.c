/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules: each member with a question that it is about, one that it is not, and one of which that is not known; and each text that is refused.
 */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <smime/error.h>

#include "agent/policy/duration.h"
#include "agent/policy/rule-take.h"
#include "agent/wire/base.h"

#define TEXT(x) ((char *)(uintptr_t)(x))
#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { TEN = 10 * 3600 }; /* o'clock, on the first day of 1970 */

static struct wire_key *key;
static struct wire_token *token;
static char *addresses[] = { TEXT("other@example.org"), TEXT("alice@example.org"), NULL };
static char *ekus[] = { TEXT("1.3.6.1.5.5.7.3.2"), TEXT("1.3.6.1.5.5.7.3.4"), NULL };
static char *policies[] = { TEXT("1.2.3.4"), NULL };
static struct policy_certificate certificate = { .addresses = addresses,
	.issuer = TEXT("CN=Issuing,O=Example"),
	.ekus = ekus,
	.policies = policies,
	.template_ = TEXT("1.3.6.1.4.1.311.21.8") };
static const struct policy_certificate *const certificates[] = { &certificate };
static struct policy_key of = { .certificates = certificates, .certificate_count = 1, .evidence = POLICY_ENROLLED };
static const struct policy_client own = {
	.uid = 1000, .own_uid = 1000, .gid = 100, .unit = "mail.service", .label = "app", .executable = "/usr/bin/mail", .remote = POLICY_NO
};

static int set_up(void **state) {
	uint8_t spki[32];

	for (size_t i = 0; i < sizeof(spki); i++)
		spki[i] = (uint8_t)(0x11 * (i % 16));
	(void)setenv("TZ", "UTC", 1);
	key = wire_key_new();
	token = wire_token_new();
	assert_int_equal(wire_set_octets(&key->spki, spki, sizeof(spki)), 0);
	assert_int_equal(wire_set_octets(&key->id, spki + 1, 1), 0);
	assert_int_equal(wire_set_text(&key->label, "alice"), 0);
	assert_int_equal(wire_set_octets(&token->id, spki, sizeof(spki)), 0);
	assert_int_equal(wire_set_text(&token->label, "demo"), 0);
	assert_int_equal(wire_set_text(&token->serial, "4711"), 0);
	assert_int_equal(wire_set_text(&token->manufacturer, "Maker"), 0);
	assert_int_equal(wire_set_text(&token->model, "v2"), 0);
	key->seen = 0xff;
	of.key = key;
	of.token = token;
	return 0;
}

static int tear_down(void **state) {
	wire_key_free(key);
	wire_token_free(token);
	return 0;
}

/* What a rule makes of the usual question, of which one thing may be another. */
static struct policy_question usual(void) {
	return (struct policy_question){ .operation = POLICY_SIGN,
		.client = own,
		.key = &of,
		.token = token,
		.digest_bits = 384,
		.cipher_bits = 192,
		.from = "alice@example.org",
		.session_active = POLICY_YES,
		.session_unlocked = POLICY_YES,
		.now = TEN,
		.now_us = 1 };
}

static enum rule_match ask(const struct rule_text *text, const struct policy_question *question) {
	struct rule rule;
	struct rule_fault fault = { .member = NULL };

	if (rule_compile(text, 1, &rule, &fault) < 0)
		fail_msg("%s: %s", fault.member, fault.text);
	enum rule_match match = rule_matches(&rule, question);
	rule_clear(&rule);
	return match;
}

/* ---- Keys ---- */

static enum rule_match of_key(struct rule_text_key *text, const struct policy_key *which) {
	const struct rule_text rule = { .outcome = TEXT("deny"), .key = text };
	struct policy_question question = usual();

	question.key = which;
	return ask(&rule, &question);
}

static void a_key_is_named_in_many_ways(void **state) {
	struct policy_key bare = of;
	static const struct {
		struct rule_text_key fits, other;
		enum rule_match bare; /* without a certificate */
	} rows[] = {
		{ { .fingerprint = TEXT(DIGITS) }, { .fingerprint = TEXT("00112233445566778899aabbccddeefe") }, RULE_YES },
		{ { .fingerprint = TEXT("0011223344556677") }, { .fingerprint = TEXT("1122334455667788") }, RULE_YES },
		{ { .fingerprint = TEXT("00112233445566778899AABBCCDDEEFF") }, { .fingerprint = TEXT("ffffffffffffffff") }, RULE_YES },
		{ { .address = TEXT("Alice@Example.ORG") }, { .address = TEXT("bob@example.org") }, RULE_UNKNOWN },
		{ { .address = TEXT("a*@example.???") }, { .address = TEXT("alice") }, RULE_UNKNOWN },
		{ { .issuer = TEXT("CN=Issuing,*") }, { .issuer = TEXT("CN=Issuing") }, RULE_UNKNOWN },
		{ { .policy = TEXT("1.2.3.4") }, { .policy = TEXT("1.2.3") }, RULE_UNKNOWN },
		{ { .eku = TEXT("emailProtection") }, { .eku = TEXT("1.3.6.1.5.5.7.3.1") }, RULE_UNKNOWN },
		{ { .template_ = TEXT("1.3.6.1.4.1.311.21.8") }, { .template_ = TEXT("1.3.6.1.4.1.311.21.9") }, RULE_UNKNOWN },
		{ { .token = TEXT("demo") }, { .token = TEXT("dem") }, RULE_YES },
		{ { .token = TEXT("4711") }, { .token = TEXT("471") }, RULE_YES },
		{ { .token = TEXT(DIGITS) }, { .token = TEXT("00112233") }, RULE_YES },
		{ { .uri = TEXT("pkcs11:token=demo;object=alice;id=%11") }, { .uri = TEXT("pkcs11:token=demo;object=alic") }, RULE_YES },
		{ { .uri = TEXT("pkcs11:manufacturer=Maker;model=v2;serial=4711") }, { .uri = TEXT("pkcs11:manufacturer=Make") },
			RULE_YES },
		{ { .uri = TEXT("pkcs11:id=%11") }, { .uri = TEXT("pkcs11:id=%12") }, RULE_YES },
		{ { .uri = TEXT("pkcs11:model=v2") }, { .uri = TEXT("pkcs11:model=v3") }, RULE_YES },
		{ { .uri = TEXT("pkcs11:serial=4711") }, { .uri = TEXT("pkcs11:serial=47112") }, RULE_YES },
		{ { .uri = TEXT("pkcs11:token=demo") }, { .uri = TEXT("pkcs11:token=demo%20x") }, RULE_YES },
		{ { .uri = TEXT("pkcs11:object=alice") }, { .uri = TEXT("pkcs11:object=carol") }, RULE_YES },
		{ { .uri = TEXT("pkcs11:") }, { .uri = TEXT("pkcs11:id=%11%11") }, RULE_YES },
		{ { .evidence = TEXT("enrolled") }, { .evidence = TEXT("ca-policy") }, RULE_YES },
		{ { .evidence = TEXT("claimed") }, { .evidence = TEXT("attested") }, RULE_YES },
	};

	bare.certificate_count = 0;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_key fits = rows[i].fits, other = rows[i].other;

		if (of_key(&fits, &of) != RULE_YES || of_key(&other, &of) != RULE_NO || of_key(&fits, &bare) != rows[i].bare)
			fail_msg("row %zu: %d %d %d", i, of_key(&fits, &of), of_key(&other, &of), of_key(&fits, &bare));
	}
}

/* Each of several must fit. */
static void a_key_is_all_that_is_named(void **state) {
	static const struct rule_text_key rows[] = {
		{ .fingerprint = TEXT("0011223344556677"), .token = TEXT("other") },
		{ .fingerprint = TEXT("1111111111111111"), .token = TEXT("demo") },
		{ .address = TEXT("alice@example.org"), .issuer = TEXT("CN=Other") },
		{ .address = TEXT("bob@example.org"), .issuer = TEXT("CN=Issuing*") },
		{ .address = TEXT("alice@example.org"), .policy = TEXT("1.2.3") },
		{ .policy = TEXT("1.2.3.4"), .eku = TEXT("1.2.3") },
		{ .eku = TEXT("emailProtection"), .template_ = TEXT("1.2.3") },
		{ .template_ = TEXT("1.3.6.1.4.1.311.21.8"), .uri = TEXT("pkcs11:token=other") },
		{ .uri = TEXT("pkcs11:token=demo"), .evidence = TEXT("attested") },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_key text = rows[i];

		if (of_key(&text, &of) != RULE_NO)
			fail_msg("row %zu", i);
	}
}

static void a_certificate_may_lack_what_is_named(void **state) {
	const struct policy_certificate empty = { .issuer = TEXT("") }, *const of_empty[] = { &empty };
	struct policy_key with = of;
	static const struct rule_text_key rows[] = { { .address = TEXT("*") }, { .issuer = TEXT("*") }, { .policy = TEXT("1.2.3.4") },
		{ .eku = TEXT("emailProtection") }, { .template_ = TEXT("1.2.3") } };

	with.certificates = of_empty;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_key text = rows[i];

		if (of_key(&text, &with) != RULE_NO)
			fail_msg("row %zu", i);
	}
	with = of;
	with.token = NULL;
	struct rule_text_key named = { .token = TEXT("demo") }, uri = { .uri = TEXT("pkcs11:object=alice") };
	assert_int_equal(of_key(&named, &with), RULE_UNKNOWN);
	assert_int_equal(of_key(&uri, &with), RULE_NO);
}

/* Unlocking is of a token. */
static void what_is_of_no_key_is_in_no_rule_about_keys(void **state) {
	static const struct {
		struct rule_text_key key;
		enum rule_match match;
	} rows[] = {
		{ { .token = TEXT("demo") }, RULE_YES },
		{ { .token = TEXT("other") }, RULE_NO },
		{ { .token = NULL }, RULE_YES },
		{ { .fingerprint = TEXT("0011223344556677") }, RULE_NO },
		{ { .address = TEXT("*") }, RULE_NO },
		{ { .issuer = TEXT("*") }, RULE_NO },
		{ { .uri = TEXT("pkcs11:token=demo") }, RULE_NO },
		{ { .policy = TEXT("1.2.3.4") }, RULE_NO },
		{ { .eku = TEXT("emailProtection") }, RULE_NO },
		{ { .template_ = TEXT("1.2.3") }, RULE_NO },
		{ { .evidence = TEXT("software") }, RULE_NO },
		{ { .token = TEXT("demo"), .address = TEXT("*") }, RULE_NO },
	};
	struct policy_question question = usual();

	question.operation = POLICY_UNLOCK;
	question.key = NULL;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_key named = rows[i].key;
		const struct rule_text rule = { .outcome = TEXT("allow"), .key = &named };

		if (ask(&rule, &question) != rows[i].match)
			fail_msg("row %zu", i);
	}
	struct rule_text_key named = { .token = TEXT("demo") };
	const struct rule_text rule = { .outcome = TEXT("allow"), .key = &named };
	question.token = NULL;
	assert_int_equal(ask(&rule, &question), RULE_UNKNOWN);
}

/* ---- Operations and clients ---- */

static void a_rule_is_about_its_operations(void **state) {
	for (int named = 0; named < POLICY_OPERATIONS; named++)
		for (int asked = 0; asked < POLICY_OPERATIONS; asked++) {
			char *operation[] = { TEXT(policy_operation_name(named)), TEXT("derive") };
			const struct rule_text rule = { .outcome = TEXT("allow"), .operation = operation, .operation_count = 2 };
			struct policy_question question = usual();

			question.operation = asked;
			assert_int_equal(ask(&rule, &question), asked == named || asked == POLICY_DERIVE ? RULE_YES : RULE_NO);
		}
}

static void a_client_is_what_is_known_of_it(void **state) {
	static const struct {
		struct rule_text_client fits, other;
		bool doubtful; /* where nothing but its user is known */
	} rows[] = {
		{ { .uid = TEXT("1000") }, { .uid = TEXT("1001") }, false },
		{ { .gid = TEXT("100") }, { .gid = TEXT("0") }, false },
		{ { .unit = TEXT("mail*") }, { .unit = TEXT("mail") }, true },
		{ { .label = TEXT("app") }, { .label = TEXT("a") }, true },
		{ { .executable = TEXT("/usr/*/mail") }, { .executable = TEXT("/usr/*") }, true },
		{ { .remote = TEXT("no") }, { .remote = TEXT("yes") }, true },
		{ { .uid = TEXT("1000"), .gid = TEXT("100") }, { .uid = TEXT("1000"), .gid = TEXT("101") }, false },
		{ { .uid = TEXT("1000"), .unit = TEXT("*") }, { .uid = TEXT("1000"), .unit = TEXT("x") }, true },
		{ { .unit = TEXT("mail.service"), .label = TEXT("app") }, { .unit = TEXT("x"), .label = TEXT("app") }, true },
		{ { .label = TEXT("app"), .executable = TEXT("/usr/bin/mail") },
			{ .label = TEXT("x"), .executable = TEXT("/usr/bin/mail") }, true },
		{ { .executable = TEXT("/usr/bin/mail"), .remote = TEXT("no") }, { .executable = TEXT("/x"), .remote = TEXT("no") }, true },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_client fits = rows[i].fits, other = rows[i].other;
		const struct rule_text yes = { .outcome = TEXT("deny"), .client = &fits },
				       no = { .outcome = TEXT("deny"), .client = &other };
		struct policy_question question = usual(), unknown = usual();

		unknown.client = (struct policy_client){ .uid = 1000, .own_uid = 1000, .gid = 100, .remote = POLICY_DONT_KNOW };
		if (ask(&yes, &question) != RULE_YES || ask(&no, &question) != RULE_NO ||
			ask(&yes, &unknown) != (rows[i].doubtful ? RULE_UNKNOWN : RULE_YES))
			fail_msg("row %zu: %d %d %d", i, ask(&yes, &question), ask(&no, &question), ask(&yes, &unknown));
	}
	struct rule_text_client unit = { .unit = TEXT("*") }, remote = { .remote = TEXT("yes") };
	const struct rule_text in_unit = { .outcome = TEXT("deny"), .client = &unit },
			       from_afar = { .outcome = TEXT("deny"), .client = &remote };
	struct policy_question question = usual();
	question.client.unit = "";
	question.client.remote = POLICY_YES;
	assert_int_equal(ask(&in_unit, &question), RULE_NO);
	assert_int_equal(ask(&from_afar, &question), RULE_YES);
}

static void others_are_opened_nothing_by_rules_that_do_not_name_them(void **state) {
	struct rule_text_client uid = { .uid = TEXT("1001") }, gid = { .gid = TEXT("100") }, unit = { .unit = TEXT("mail.service") };
	static const char *const outcomes[] = { "allow", "ask", "deny" };

	for (size_t i = 0; i < ELEMENTSOF(outcomes); i++) {
		const struct rule_text named = { .outcome = TEXT(outcomes[i]), .client = &uid },
				       group = { .outcome = TEXT(outcomes[i]), .client = &gid },
				       unnamed = { .outcome = TEXT(outcomes[i]), .client = &unit }, all = { .outcome = TEXT(outcomes[i]) };
		struct policy_question question = usual();
		enum rule_match otherwise = i == 2 ? RULE_YES : RULE_NO;

		question.client.uid = 1001;
		assert_int_equal(ask(&named, &question), RULE_YES);
		assert_int_equal(ask(&group, &question), RULE_YES);
		assert_int_equal(ask(&unnamed, &question), otherwise);
		assert_int_equal(ask(&all, &question), otherwise);
	}
}

static void users_and_groups_have_names(void **state) {
	struct rule_text_client user = { .uid = TEXT("daemon") }, group = { .gid = TEXT("daemon") };
	const struct rule_text of_user = { .outcome = TEXT("deny"), .client = &user },
			       of_group = { .outcome = TEXT("deny"), .client = &group };
	struct policy_question question = usual();

	assert_int_equal(ask(&of_user, &question), RULE_NO);
	assert_int_equal(ask(&of_group, &question), RULE_NO);
	question.client.uid = getpwnam("daemon")->pw_uid;
	question.client.gid = getgrnam("daemon")->gr_gid;
	assert_int_equal(ask(&of_user, &question), RULE_YES);
	assert_int_equal(ask(&of_group, &question), RULE_YES);
}

/* But for paths, where it would name what lies deeper. */
static void a_star_is_for_any_character(void **state) {
	struct policy_certificate slashes = { .addresses = (char *[]){ TEXT("a/b@example.org"), NULL }, .issuer = TEXT("CN=A/B,O=C") };
	const struct policy_certificate *const of_slashes[] = { &slashes };
	struct policy_key with = of;
	struct rule_text_key address = { .address = TEXT("*@example.org") }, issuer = { .issuer = TEXT("CN=*,O=C") };
	struct rule_text_client unit = { .unit = TEXT("a*") }, label = { .label = TEXT("?*/?") }, path = { .executable = TEXT("/usr/*") };
	const struct rule_text in_unit = { .outcome = TEXT("deny"), .client = &unit },
			       labelled = { .outcome = TEXT("deny"), .client = &label },
			       below = { .outcome = TEXT("deny"), .client = &path };
	struct policy_question question = usual();

	with.certificates = of_slashes;
	assert_int_equal(of_key(&address, &with), RULE_YES);
	assert_int_equal(of_key(&issuer, &with), RULE_YES);
	question.client.unit = "a/b.service";
	question.client.label = "a/b/c";
	assert_int_equal(ask(&in_unit, &question), RULE_YES);
	assert_int_equal(ask(&labelled, &question), RULE_YES);
	assert_int_equal(ask(&below, &question), RULE_NO);
}

/* Names are written into rules as programs show them; elsewhere a backslash takes the meaning of what is behind it, as ever. */
static void a_backslash_of_a_name_is_itself(void **state) {
	static const struct {
		const char *pattern, *name;
		enum rule_match expected;
	} issuers[] = {
		{ "CN=A\\, B,O=C", "CN=A\\, B,O=C", RULE_YES },
		{ "CN=A\\, *", "CN=A\\, B,O=C", RULE_YES },
		{ "CN=\\#1\\0D", "CN=\\#1\\0D", RULE_YES },
		{ "CN=A\\\\, B,O=C", "CN=A\\, B,O=C", RULE_YES },
		{ "CN=A\\*", "CN=A*", RULE_YES },
		{ "CN=A\\*", "CN=AB", RULE_NO },
	}, units[] = {
		{ "app-a\\x2db@1.service", "app-a\\x2db@1.service", RULE_YES },
		{ "app-a\\x2db@*", "app-a\\x2db@1.service", RULE_YES },
		{ "app-a\\x2db@*", "app-ax2db@1.service", RULE_NO },
		{ "app-a\\\\x2db@*", "app-a\\x2db@1.service", RULE_YES },
		{ "app\\.service", "app.service", RULE_YES },
	};
	struct policy_question question = usual();

	for (size_t i = 0; i < ELEMENTSOF(issuers); i++) {
		struct policy_certificate issued = { .issuer = TEXT(issuers[i].name) };
		const struct policy_certificate *const only[] = { &issued };
		struct policy_key with = of;
		struct rule_text_key issuer = { .issuer = TEXT(issuers[i].pattern) };

		with.certificates = only;
		assert_int_equal(of_key(&issuer, &with), issuers[i].expected);
	}
	for (size_t i = 0; i < ELEMENTSOF(units); i++) {
		struct rule_text_client unit = { .unit = TEXT(units[i].pattern) };
		const struct rule_text in_unit = { .outcome = TEXT("deny"), .client = &unit };

		question.client.unit = TEXT(units[i].name);
		assert_int_equal(ask(&in_unit, &question), units[i].expected);
	}
}

/* Whatever else is not known. */
static void what_does_not_apply_is_certain(void **state) {
	struct rule_text_key address = { .address = TEXT("alice@example.org") };
	struct rule_text_client other = { .uid = TEXT("1001") };
	struct rule_text_when strong = { .digest = TEXT("sha512") };
	const struct rule_text of_other = { .outcome = TEXT("deny"), .key = &address, .client = &other },
			       with_strong = { .outcome = TEXT("deny"), .key = &address, .when = &strong };
	struct policy_question question = usual();
	struct policy_key bare = of;

	bare.certificate_count = 0;
	question.key = &bare;
	assert_int_equal(ask(&of_other, &question), RULE_NO);
	assert_int_equal(ask(&with_strong, &question), RULE_NO);
	question.client.uid = 1001;
	assert_int_equal(ask(&of_other, &question), RULE_UNKNOWN);
	question.digest_bits = 512;
	question.client.uid = 1000;
	assert_int_equal(ask(&with_strong, &question), RULE_UNKNOWN);
}

/* ---- Conditions ---- */

static void a_condition_holds_or_not(void **state) {
	struct policy_question sign = usual(), decrypt = usual(), strong = usual(), elsewhere = usual(), locked = usual(),
			       unknown = usual();
	const struct policy_question *const questions[] = { &sign, &decrypt, &strong, &elsewhere, &locked, &unknown };
	struct policy_key bare = of;
	static const struct {
		struct rule_text_when when;
		const char *matches; /* y, n or ? for each question */
	} rows[] = {
		{ { .digest = TEXT("sha256") }, "yyyyyn" },
		{ { .digest = TEXT("sha384") }, "yyyyyn" },
		{ { .digest = TEXT("sha512") }, "nyynnn" },
		{ { .cipher = TEXT("aes128") }, "yyyyyy" },
		{ { .cipher = TEXT("aes192") }, "yyyyyy" },
		{ { .cipher = TEXT("aes256") }, "ynyyyy" },
		{ { .cipher = TEXT("authenticated") }, "ynyyyy" },
		{ { .from = TEXT("certificate") }, "yynnn?" },
		{ { .session = TEXT("active") }, "yyynn?" },
		{ { .session = TEXT("unlocked") }, "yyynn?" },
		{ { .session = TEXT("unlocked"), .digest = TEXT("sha512") }, "nyynnn" },
		{ { .digest = TEXT("sha384"), .from = TEXT("certificate") }, "yynnnn" },
	};

	decrypt.operation = POLICY_DECRYPT;
	strong.digest_bits = 512;
	strong.operation = POLICY_SIGN;
	strong.from = NULL;
	elsewhere.session_active = POLICY_NO;
	elsewhere.from = "bob@example.org";
	locked.session_active = POLICY_NO;
	locked.session_unlocked = POLICY_NO;
	locked.from = "alice@example.or";
	bare.certificate_count = 0;
	unknown.key = &bare;
	unknown.digest_bits = 0;
	unknown.session_active = unknown.session_unlocked = POLICY_DONT_KNOW;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (size_t k = 0; k < ELEMENTSOF(questions); k++) {
			struct rule_text_when when = rows[i].when;
			const struct rule_text rule = { .outcome = TEXT("allow"), .when = &when };

			if (ask(&rule, questions[k]) !=
				(rows[i].matches[k] == 'y'                ? RULE_YES :
						rows[i].matches[k] == 'n' ? RULE_NO :
									    RULE_UNKNOWN))
				fail_msg("row %zu, question %zu: %d", i, k, ask(&rule, questions[k]));
		}
}

static void a_locked_session_may_be_active(void **state) {
	struct rule_text_when active = { .session = TEXT("active") }, unlocked = { .session = TEXT("unlocked") };
	const struct rule_text is_active = { .outcome = TEXT("allow"), .when = &active },
			       is_unlocked = { .outcome = TEXT("allow"), .when = &unlocked };
	struct policy_question question = usual();

	question.session_unlocked = POLICY_NO;
	assert_int_equal(ask(&is_active, &question), RULE_YES);
	assert_int_equal(ask(&is_unlocked, &question), RULE_NO);
}

static void decryption_may_want_a_cipher(void **state) {
	struct rule_text_when when = { .cipher = TEXT("authenticated") }, strength = { .cipher = TEXT("aes192") };
	const struct rule_text rule = { .outcome = TEXT("allow"), .when = &when }, strong = { .outcome = TEXT("allow"), .when = &strength };
	struct policy_question question = usual();

	question.operation = POLICY_DECRYPT;
	question.authenticated = true;
	assert_int_equal(ask(&rule, &question), RULE_YES);
	question.cipher_bits = 191;
	assert_int_equal(ask(&strong, &question), RULE_NO);
	question.cipher_bits = 0;
	assert_int_equal(ask(&rule, &question), RULE_YES);
	question.operation = POLICY_SIGN;
	assert_int_equal(ask(&strong, &question), RULE_YES);
}

static void hours_have_a_beginning_and_an_end(void **state) {
	static const struct {
		const char *hours;
		int minute; /* of the day */
		bool within;
	} rows[] = { { "10:00-11:00", 600, true }, { "10:00-11:00", 599, false }, { "10:00-11:00", 659, true },
		{ "10:00-11:00", 660, false }, { "22:30-06:15", 22 * 60 + 29, false }, { "22:30-06:15", 22 * 60 + 30, true },
		{ "22:30-06:15", 0, true }, { "22:30-06:15", 6 * 60 + 14, true }, { "22:30-06:15", 6 * 60 + 15, false },
		{ "00:00-24:00", 0, true }, { "00:00-24:00", 1439, true }, { "23:59-24:00", 1439, true }, { "23:59-24:00", 1438, false } };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_when when = { .between = TEXT(rows[i].hours) };
		const struct rule_text rule = { .outcome = TEXT("allow"), .when = &when };
		struct policy_question question = usual();

		question.now = rows[i].minute * 60;
		if (ask(&rule, &question) != (rows[i].within ? RULE_YES : RULE_NO))
			fail_msg("row %zu", i);
	}
}

static void hours_are_those_of_the_place_where_the_machine_is_now(void **state) {
	struct rule_text_when when = { .between = TEXT("10:00-11:00") };
	const struct rule_text rule = { .outcome = TEXT("allow"), .when = &when };
	struct policy_question question = usual();

	question.now = 10 * 3600;
	assert_int_equal(ask(&rule, &question), RULE_YES);
	(void)setenv("TZ", "AAA-3", 1);
	assert_int_equal(ask(&rule, &question), RULE_NO);
	question.now = 7 * 3600;
	assert_int_equal(ask(&rule, &question), RULE_YES);
	(void)setenv("TZ", "UTC", 1);
}

static void lengths_of_time_have_units(void **state) {
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} rows[] = { { "1s", 1 }, { "0s", 0 }, { "5min", 300 }, { "2h", 7200 }, { "7d", 7 * 86400 }, { "1000000s", 1000000 },
		{ "1000001s", -1 }, { "", -1 }, { "s", -1 }, { "5", -1 }, { "-5s", -1 }, { "5 s", -1 }, { "5m", -1 },
		{ "99999999999999999999s", -1 }, { "5sec", -1 } };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		uint64_t us = 7;

		if (duration_parse(rows[i].text, &us) != (rows[i].seconds < 0 ? -SMIME_E_USAGE : 0) ||
			us != (rows[i].seconds < 0 ? 7 : (uint64_t)rows[i].seconds * 1000000))
			fail_msg("%s", rows[i].text);
	}
}

/* ---- What a rule is made of ---- */

static void a_rule_is_what_its_text_says(void **state) {
	char *require[] = { TEXT("touch"), TEXT("fresh-pin") };
	unsigned count = 5, at_most = POLICY_AT_MOST_MAX;
	struct rule_text_when when = { .at_most = &at_most, .within = TEXT("7d") };
	const struct rule_text full = { .name = TEXT("mine"),
		.outcome = TEXT("ask"),
		.text = TEXT("why"),
		.count = &count,
		.within = TEXT("2min"),
		.require = require,
		.require_count = 2,
		.when = &when };
	const struct rule_text plain = { .outcome = TEXT("ask") }, once = { .outcome = TEXT("ask"), .ask = TEXT("once") },
			       each = { .outcome = TEXT("ask"), .ask = TEXT("each"), .require = require, .require_count = 1 };
	struct rule_fault fault;
	struct rule rule;

	assert_int_equal(rule_compile(&full, 3, &rule, &fault), 0);
	assert_string_equal(rule.name, "mine");
	assert_string_equal(rule.text, "why");
	assert_int_equal(rule.outcome, POLICY_ASK);
	assert_true(rule.fresh_pin && rule.touch);
	assert_int_equal(rule.ask.count, 5);
	assert_int_equal(rule.ask.within_us, 120000000);
	assert_int_equal(rule.when.at_most, POLICY_AT_MOST_MAX);
	assert_int_equal(rule.when.within_us, (uint64_t)POLICY_WITHIN_MAX_S * 1000000);
	rule_clear(&rule);
	assert_null(rule.name);
	assert_int_equal(rule_compile(&plain, 3, &rule, &fault), 0);
	assert_string_equal(rule.name, "rule 3");
	assert_null(rule.text);
	assert_int_equal(rule.ask.count, 1);
	assert_false(rule.fresh_pin || rule.touch);
	rule_clear(&rule);
	assert_int_equal(rule_compile(&once, 1, &rule, &fault), 0);
	assert_int_equal(rule.ask.count, 0);
	assert_int_equal(rule.ask.within_us, 0);
	rule_clear(&rule);
	assert_int_equal(rule_compile(&each, 1, &rule, &fault), 0);
	assert_int_equal(rule.ask.count, 1);
	assert_true(rule.touch && !rule.fresh_pin);
	rule_clear(&rule);
}

static void names_are_of_a_list(void **state) {
	for (int i = 0; i < POLICY_OPERATIONS; i++)
		assert_int_equal(rule_find_operation(policy_operation_name(i)), i);
	for (int i = 0; i < POLICY_EVIDENCES; i++)
		assert_int_equal(rule_find_evidence(policy_evidence_name(i)), i);
	for (int i = 0; i <= POLICY_DENY; i++)
		assert_int_equal(rule_find_outcome(policy_outcome_name(i)), i);
	assert_int_equal(rule_find_outcome("no"), -1);
	assert_string_equal(policy_operation_name(POLICY_RAW_DECRYPT), "raw-decrypt");
	assert_string_equal(policy_outcome_name(POLICY_DENY), "deny");
	assert_string_equal(policy_evidence_name(POLICY_SOFTWARE), "software");
}

static unsigned none = 0, one = 1, many = POLICY_ASK_COUNT_MAX, too_many = POLICY_ASK_COUNT_MAX + 1, far_too_many = POLICY_AT_MOST_MAX + 1;

/* Each with the member and the part that is named. */
static void what_is_not_understood_is_refused(void **state) {
	static char *operation[] = { TEXT("sign"), TEXT("signs") }, *require[] = { TEXT("fresh-pin"), TEXT("tap") },
		    *require_f[] = { TEXT("fresh") };
	static const struct {
		const char *member, *part; /* NULL: it is understood */
		struct rule_text text;
		struct rule_text_key key;
		struct rule_text_client client;
		struct rule_text_when when;
	} rows[] = {
		{ "outcome", NULL, { .outcome = TEXT("perhaps") } },
		{ "operation", NULL, { .operation = operation, .operation_count = 2 } },
		{ NULL, NULL, { .operation = operation, .operation_count = 1 } },
		{ "require", NULL, { .require = require, .require_count = 2 } },
		{ "require", NULL, { .require = require_f, .require_count = 1 } },
		{ "require", NULL, { .outcome = TEXT("deny"), .require = require, .require_count = 1 } },
		{ NULL, NULL, { .outcome = TEXT("ask"), .require = require, .require_count = 1 } },
		{ "ask", NULL, { .outcome = TEXT("ask"), .ask = TEXT("never") } },
		{ "ask", NULL, { .outcome = TEXT("allow"), .ask = TEXT("once") } },
		{ "count", NULL, { .outcome = TEXT("deny"), .count = &one, .within = TEXT("1h") } },
		{ "within", NULL, { .outcome = TEXT("allow"), .within = TEXT("1h") } },
		{ "ask", NULL, { .outcome = TEXT("ask"), .ask = TEXT("once"), .count = &one } },
		{ "ask", NULL, { .outcome = TEXT("ask"), .ask = TEXT("each"), .within = TEXT("1h") } },
		{ "count", NULL, { .outcome = TEXT("ask"), .count = &one } },
		{ "within", NULL, { .outcome = TEXT("ask"), .within = TEXT("1h") } },
		{ "count", NULL, { .outcome = TEXT("ask"), .count = &none, .within = TEXT("1h") } },
		{ "count", NULL, { .outcome = TEXT("ask"), .count = &too_many, .within = TEXT("1h") } },
		{ NULL, NULL, { .outcome = TEXT("ask"), .count = &many, .within = TEXT("7d") } },
		{ NULL, NULL, { .outcome = TEXT("ask"), .count = &one, .within = TEXT("1s") } },
		{ "within", NULL, { .outcome = TEXT("ask"), .count = &one, .within = TEXT("0s") } },
		{ "within", NULL, { .outcome = TEXT("ask"), .count = &one, .within = TEXT("8d") } },
		{ "within", NULL, { .outcome = TEXT("ask"), .count = &one, .within = TEXT("604801s") } },
		{ "within", NULL, { .outcome = TEXT("ask"), .count = &one, .within = TEXT("soon") } },
		{ "key", "fingerprint", { .name = NULL }, { .fingerprint = TEXT("001122334455667") } },
		{ NULL, NULL, { .name = NULL }, { .fingerprint = TEXT("0011223344556677") } },
		{ NULL, NULL, { .name = NULL }, { .fingerprint = TEXT(DIGITS) } },
		{ "key", "fingerprint", { .name = NULL }, { .fingerprint = TEXT(DIGITS "0") } },
		{ "key", "fingerprint", { .name = NULL }, { .fingerprint = TEXT("001122334455667g") } },
		{ "key", "uri", { .name = NULL }, { .uri = TEXT("token=demo") } },
		{ "key", "uri", { .name = NULL }, { .uri = TEXT("pkcs11:no-such=thing") } },
		{ "key", "uri", { .name = NULL }, { .uri = TEXT("pkcs11:type=public") } },
		{ "key", "policy", { .name = NULL }, { .policy = TEXT("no such policy") } },
		{ "key", "eku", { .name = NULL }, { .eku = TEXT("1.") } },
		{ "key", "eku", { .name = NULL }, { .eku = TEXT("") } },
		{ "key", "template", { .name = NULL }, { .template_ = TEXT("x.y") } },
		{ "key", "policy", { .name = NULL },
			{ .policy = TEXT(
				  "1.2.1111111111.1111111111.1111111111.1111111111.1111111111.1111111111.1111111111.1111111111.1111111111."
				  "1111111111.1111111111.1111111111") } },
		{ "key", "evidence", { .name = NULL }, { .evidence = TEXT("hardware") } },
		{ "key", "fingerprint", { .name = NULL },
			{ .fingerprint = TEXT("x"), .uri = TEXT("x"), .policy = TEXT("x"), .evidence = TEXT("x") } },
		{ "key", "uri", { .name = NULL }, { .uri = TEXT("x"), .policy = TEXT("x") } },
		{ "key", "policy", { .name = NULL }, { .policy = TEXT("x"), .eku = TEXT("x") } },
		{ "key", "eku", { .name = NULL }, { .eku = TEXT("x"), .template_ = TEXT("x") } },
		{ "key", "template", { .name = NULL }, { .template_ = TEXT("x"), .evidence = TEXT("x") } },
		{ "client", "uid", { .name = NULL }, { .token = NULL }, { .uid = TEXT("nobody-of-this-name") } },
		{ "client", "uid", { .name = NULL }, { .token = NULL }, { .uid = TEXT("4294967295") } },
		{ NULL, NULL, { .name = NULL }, { .token = NULL }, { .uid = TEXT("4294967294") } },
		{ "client", "uid", { .name = NULL }, { .token = NULL }, { .uid = TEXT("12x") } },
		{ "client", "uid", { .name = NULL }, { .token = NULL }, { .uid = TEXT("-1"), .gid = TEXT("-1") } },
		{ "client", "gid", { .name = NULL }, { .token = NULL }, { .gid = TEXT(" 1"), .remote = TEXT("x") } },
		{ "client", "gid", { .name = NULL }, { .token = NULL }, { .gid = TEXT("no-such-group") } },
		{ "client", "remote", { .name = NULL }, { .token = NULL }, { .remote = TEXT("true") } },
		{ "client", "executable", { .name = NULL }, { .token = NULL }, { .executable = TEXT("mail"), .remote = TEXT("x") } },
		{ "when", "session", { .name = NULL }, { .token = NULL }, { .uid = NULL },
			{ .session = TEXT("open"), .between = TEXT("x") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL },
			{ .between = TEXT("8-18"), .digest = TEXT("x") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .between = TEXT("10:00-10:00") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .between = TEXT("24:00-10:00") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .between = TEXT("10:60-11:00") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .between = TEXT("10:00-11:60") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .between = TEXT("10:00-24:01") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .between = TEXT("10:00-25:00") } },
		{ "when", "between", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .between = TEXT("10:00-11:00h") } },
		{ "when", "digest", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .digest = TEXT("sha1"), .cipher = TEXT("x") } },
		{ "when", "cipher", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .cipher = TEXT("des"), .at_most = &one } },
		{ "when", "from", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .from = TEXT("anybody"), .session = TEXT("x") } },
		{ "when", "at-most", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .at_most = &one } },
		{ "when", "within", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .within = TEXT("1h") } },
		{ "when", "at-most", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .at_most = &none, .within = TEXT("1h") } },
		{ "when", "at-most", { .name = NULL }, { .token = NULL }, { .uid = NULL },
			{ .at_most = &far_too_many, .within = TEXT("1h") } },
		{ NULL, NULL, { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .at_most = &one, .within = TEXT("1h") } },
		{ "when", "within", { .name = NULL }, { .token = NULL }, { .uid = NULL }, { .at_most = &one, .within = TEXT("0s") } },
		/* The first member that is wrong is named. */
		{ "operation", NULL, { .operation = operation, .operation_count = 2, .outcome = TEXT("x") }, { .uri = TEXT("x") } },
		{ "key", "uri", { .outcome = TEXT("x") }, { .uri = TEXT("x") }, { .uid = TEXT("x") } },
		{ "client", "remote", { .outcome = TEXT("x") }, { .token = NULL }, { .remote = TEXT("x") }, { .from = TEXT("x") } },
		{ "when", "from", { .outcome = TEXT("x") }, { .token = NULL }, { .uid = NULL }, { .from = TEXT("x") } },
		/* A path alone allows nothing. */
		{ "client", "executable", { .outcome = TEXT("allow") }, { .token = NULL }, { .executable = TEXT("/a") } },
		{ "client", "executable", { .outcome = TEXT("allow"), .trust_executable = TEXT("no") }, { .token = NULL },
			{ .executable = TEXT("/a") } },
		{ "client", "executable", { .outcome = TEXT("allow") }, { .token = NULL },
			{ .executable = TEXT("/a"), .remote = TEXT("no") } },
		{ "trust-executable", NULL, { .outcome = TEXT("deny"), .trust_executable = TEXT("si") } },
		{ NULL, NULL, { .outcome = TEXT("allow"), .trust_executable = TEXT("yes") }, { .token = NULL },
			{ .executable = TEXT("/a") } },
		{ NULL, NULL, { .outcome = TEXT("ask") }, { .token = NULL }, { .executable = TEXT("/a") } },
		{ NULL, NULL, { .outcome = TEXT("deny") }, { .token = NULL }, { .executable = TEXT("/a") } },
		{ NULL, NULL, { .outcome = TEXT("allow") }, { .token = NULL }, { .executable = TEXT("/a"), .uid = TEXT("0") } },
		{ NULL, NULL, { .outcome = TEXT("allow") }, { .token = NULL }, { .executable = TEXT("/a"), .gid = TEXT("0") } },
		{ NULL, NULL, { .outcome = TEXT("allow") }, { .token = NULL }, { .executable = TEXT("/a"), .unit = TEXT("a") } },
		{ NULL, NULL, { .outcome = TEXT("allow") }, { .token = NULL }, { .executable = TEXT("/a"), .label = TEXT("a") } },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rule_text_key named = rows[i].key;
		struct rule_text_client client = rows[i].client;
		struct rule_text_when when = rows[i].when;
		struct rule_text text = rows[i].text;
		struct rule_fault fault = { .member = NULL };
		struct rule rule;

		text.outcome = text.outcome ? text.outcome : TEXT("allow");
		text.key = &named;
		text.client = &client;
		text.when = &when;
		int r = rule_compile(&text, 1, &rule, &fault);
		if (r == 0)
			rule_clear(&rule);
		if (r != (rows[i].member ? -SMIME_E_USAGE : 0) || (fault.member == NULL) != (rows[i].member == NULL) ||
			(fault.member && strcmp(fault.member, rows[i].member) != 0) || (fault.part == NULL) != (rows[i].part == NULL) ||
			(fault.part && strcmp(fault.part, rows[i].part) != 0) || (fault.member && !*fault.text))
			fail_msg("row %zu: %d, %s %s %s", i, r, fault.member, fault.part, fault.text);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_named_in_many_ways),
		cmocka_unit_test(a_key_is_all_that_is_named),
		cmocka_unit_test(a_certificate_may_lack_what_is_named),
		cmocka_unit_test(what_is_of_no_key_is_in_no_rule_about_keys),
		cmocka_unit_test(a_rule_is_about_its_operations),
		cmocka_unit_test(a_client_is_what_is_known_of_it),
		cmocka_unit_test(others_are_opened_nothing_by_rules_that_do_not_name_them),
		cmocka_unit_test(users_and_groups_have_names),
		cmocka_unit_test(a_star_is_for_any_character),
		cmocka_unit_test(a_backslash_of_a_name_is_itself),
		cmocka_unit_test(what_does_not_apply_is_certain),
		cmocka_unit_test(a_condition_holds_or_not),
		cmocka_unit_test(a_locked_session_may_be_active),
		cmocka_unit_test(decryption_may_want_a_cipher),
		cmocka_unit_test(hours_have_a_beginning_and_an_end),
		cmocka_unit_test(hours_are_those_of_the_place_where_the_machine_is_now),
		cmocka_unit_test(lengths_of_time_have_units),
		cmocka_unit_test(a_rule_is_what_its_text_says),
		cmocka_unit_test(names_are_of_a_list),
		cmocka_unit_test(what_is_not_understood_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
