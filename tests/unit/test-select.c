/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which key a name means, and what is said when that is not one key: keyrings made in the process.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "certificate.h"
#include "client/lib/select.h"

#define SIGNING "digitalSignature"
#define ENCRYPTION "keyAgreement"

/* A key on token "Work" (serial number 77) with up to two certificates. */
struct key_plan {
	const char *label;
	struct certificate_plan certificates[2];
	bool cannot_sign;
};

static struct smime *s;
static struct keyring *keyring;
static struct selection chosen;

static void add_certificate(struct wire_key *key, EVP_PKEY *pair, const struct certificate_plan *plan) {
	X509 *certificate = certificate_make(pair, plan);
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);

	assert_int_equal(wire_push_octets(&key->certificates, der, (size_t)len), 0);
	OPENSSL_free(der);
	X509_free(certificate);
}

static struct wire_key *key_make(const struct key_plan *plan) {
	struct wire_key *key = wire_key_new();
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	uint8_t *spki = NULL, digest[EVP_MAX_MD_SIZE];
	unsigned digest_len;
	int len = i2d_PUBKEY(pair, &spki);

	assert_int_equal(EVP_Digest(spki, (size_t)len, digest, &digest_len, EVP_sha256(), NULL), 1);
	OPENSSL_free(spki);
	wire_set_octets(&key->spki, digest, digest_len);
	wire_set_octets(&key->token, "token", 5);
	wire_set_text(&key->label, plan->label);
	key->type = WIRE_KEY_EC;
	key->can_sign = plan->cannot_sign ? 0 : 0xff;
	for (size_t i = 0; i < ELEMENTSOF(plan->certificates) && plan->certificates[i].name; i++)
		add_certificate(key, pair, &plan->certificates[i]);
	EVP_PKEY_free(pair);
	return key;
}

static struct wire_reply *status_make(void) {
	struct wire_reply *status = wire_reply_make(0, WIRE_REPLY_STATUS);
	struct wire_token_status *token = wire_token_status_new();

	wire_set_octets(&token->token->id, "token", 5);
	wire_set_text(&token->token->label, "Work");
	wire_set_text(&token->token->serial, "77");
	sk_wire_token_status_push(status->body->status->tokens, token);
	return status;
}

static void keyring_of(const struct key_plan *plans, size_t count) {
	STACK_OF(wire_key) *keys = sk_wire_key_new_null();

	for (size_t i = 0; i < count; i++)
		sk_wire_key_push(keys, key_make(&plans[i]));
	keyring_free(keyring);
	assert_int_equal(keyring_make(keys, status_make(), &keyring), 0);
}
#define KEYRING(...) \
	keyring_of((const struct key_plan[]){ __VA_ARGS__ }, sizeof((const struct key_plan[]){ __VA_ARGS__ }) / sizeof(struct key_plan))

#define ALICE                                                     \
	{                                                         \
		"alice", {                                        \
			{ "Alice", "alice@example.org", SIGNING } \
		}                                                 \
	}
#define BOB                                                   \
	{                                                     \
		"bob", {                                      \
			{ "Bob", "bob@example.org", SIGNING } \
		}                                             \
	}
#define LOGON                                      \
	{                                          \
		"logon", {                         \
			{ "Logon", NULL, SIGNING } \
		}                                  \
	}

static int by_name(const char *name) {
	return select_for_signing(s, keyring, name, NULL, time(NULL), &chosen);
}

static int by_mail(const char *from, const char *sender) {
	char *items[] = { (char *)(uintptr_t)from, (char *)(uintptr_t)sender };
	struct addresses authors = { items, sender ? 2 : from ? 1 : 0 };

	return select_for_signing(s, keyring, NULL, &authors, time(NULL), &chosen);
}

#define chose(text) assert_string_equal(wire_text(chosen.key->wire->label), text)
#define says(text) assert_non_null(strstr(smime_message(s), text))

static int setup(void **state) {
	return smime_new(&s);
}

static int teardown(void **state) {
	keyring = keyring_free(keyring);
	s = smime_free(s);
	return 0;
}

static void the_from_address_finds_its_key(void **state) {
	KEYRING(ALICE, BOB, LOGON);
	assert_int_equal(by_mail("bob@example.org", NULL), 0);
	chose("bob");
	assert_int_equal(by_mail("ALICE@Example.ORG", NULL), 0);
	chose("alice");
}

static void the_sender_counts_where_from_has_no_key(void **state) {
	KEYRING(ALICE, BOB);
	assert_int_equal(by_mail("chief@example.org", "bob@example.org"), 0);
	chose("bob");
	assert_int_equal(by_mail("alice@example.org", "bob@example.org"), 0);
	chose("alice");
}

static void a_certificate_without_address_signs_for_everybody(void **state) {
	KEYRING(ALICE, LOGON);
	assert_int_equal(by_mail("carol@example.org", NULL), 0);
	chose("logon");
	assert_int_equal(by_mail(NULL, NULL), 0);
	chose("logon");
	KEYRING(LOGON, LOGON);
	assert_int_equal(by_mail("carol@example.org", NULL), -SMIME_E_KEY_AMBIGUOUS);
	KEYRING(ALICE);
	assert_int_equal(by_mail("carol@example.org", NULL), -SMIME_E_NO_KEY);
	says("carol@example.org");
}

static void two_keys_for_one_address_are_an_error_that_lists_them(void **state) {
	KEYRING(ALICE, ALICE, BOB);
	assert_int_equal(by_mail("alice@example.org", NULL), -SMIME_E_KEY_AMBIGUOUS);
	says("2 keys");
	says("CN=Alice");
	says("; ");
	assert_null(strstr(smime_message(s), "Bob"));
	assert_null(strchr(smime_message(s), '\n'));
	assert_int_equal(by_name("alice@example.org"), -SMIME_E_KEY_AMBIGUOUS);
}

static void a_key_that_cannot_sign_makes_no_address_ambiguous(void **state) {
	KEYRING(ALICE, { "decrypts", { { "Alice", "alice@example.org", ENCRYPTION } } },
		{ "token-says-no", { { "Alice", "alice@example.org", SIGNING } }, true });
	assert_int_equal(by_name("alice@example.org"), 0);
	chose("alice");
}

static void bytes_without_a_mail_are_signed_by_the_only_key(void **state) {
	KEYRING(ALICE, { "decrypts", { { "Alice", "alice@example.org", ENCRYPTION } } });
	assert_int_equal(by_name(NULL), 0);
	chose("alice");
	KEYRING(ALICE, BOB);
	assert_int_equal(by_name(NULL), -SMIME_E_KEY_AMBIGUOUS);
}

static void fingerprint(const X509 *certificate, const EVP_MD *md, const char *separator, char *out) {
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len;

	assert_int_equal(X509_digest(certificate, md, digest, &len), 1);
	for (unsigned i = 0; i < len; i++)
		out += sprintf(out, "%s%02X", i > 0 ? separator : "", digest[i]);
}

static void spki(const struct wire_key *key, char *out) {
	struct bytes octets = wire_octets(key->spki);

	for (size_t i = 0; i < octets.len; i++)
		out += sprintf(out, "%02x", octets.data[i]);
}

static void a_fingerprint_in_any_form_names_its_key(void **state) {
	char text[3 * EVP_MAX_MD_SIZE];

	KEYRING(ALICE, BOB);
	const X509 *certificate = keyring->keys[1].certificates[0];
	fingerprint(certificate, EVP_sha256(), ":", text);
	assert_int_equal(by_name(text), 0);
	chose("bob");
	fingerprint(certificate, EVP_sha256(), "", text);
	text[20] = '\0';
	assert_int_equal(by_name(text), 0);
	chose("bob");
	fingerprint(certificate, EVP_sha1(), " ", text);
	assert_int_equal(by_name(text), 0);
	chose("bob");
	spki(keyring->keys[0].wire, text);
	assert_int_equal(by_name(text), 0);
	chose("alice");
	text[0] = text[0] == 'f' ? '0' : 'f';
	assert_int_equal(by_name(text), -SMIME_E_NO_KEY);
}

static void a_short_prefix_or_junk_names_nothing(void **state) {
	char text[3 * EVP_MAX_MD_SIZE];

	KEYRING(ALICE);
	spki(keyring->keys[0].wire, text);
	text[SELECT_PREFIX_MIN_DIGITS] = '\0';
	assert_int_equal(by_name(text), 0);
	text[SELECT_PREFIX_MIN_DIGITS - 1] = '\0';
	assert_int_equal(by_name(text), -SMIME_E_NO_KEY);
	assert_int_equal(by_name("alice"), -SMIME_E_NO_KEY);
	assert_int_equal(by_name(""), -SMIME_E_NO_KEY);
	memset(text, 'a', 65);
	text[65] = '\0';
	assert_int_equal(by_name(text), -SMIME_E_NO_KEY);
}

static void a_uri_names_by_token_and_object(void **state) {
	KEYRING(ALICE, BOB);
	assert_int_equal(by_name("pkcs11:token=Work;object=bob"), 0);
	chose("bob");
	assert_int_equal(by_name("pkcs11:serial=77"), -SMIME_E_KEY_AMBIGUOUS);
	assert_int_equal(by_name("pkcs11:token=Home;object=bob"), -SMIME_E_NO_KEY);
	assert_int_equal(by_name("pkcs11:object=bob?pin-value=1"), -SMIME_E_USAGE);
}

static void the_newest_suitable_certificate_is_taken(void **state) {
	KEYRING({ "renewed",
		{ { "New", "alice@example.org", SIGNING, .serial = 2, .from = 1, .to = 9 }, { "Old", "alice@example.org", SIGNING } } });
	assert_int_equal(by_name("alice@example.org"), 0);
	assert_ptr_equal(chosen.certificate, keyring->keys[0].certificates[1]);
	KEYRING({ "renewed",
		{ { "New", "alice@example.org", SIGNING, .serial = 2 }, { "Old", "alice@example.org", SIGNING, .from = -9, .to = 9 } } });
	assert_int_equal(by_name("alice@example.org"), 0);
	assert_ptr_equal(chosen.certificate, keyring->keys[0].certificates[0]);
}

static void a_certificate_that_is_named_is_the_one_taken(void **state) {
	char text[3 * EVP_MAX_MD_SIZE];

	KEYRING({ "two", { { "New", "alice@example.org", SIGNING, .serial = 2 }, { "Old", "alice@example.org", SIGNING } } });
	fingerprint(keyring->keys[0].certificates[1], EVP_sha256(), "", text);
	assert_int_equal(by_name(text), 0);
	assert_ptr_equal(chosen.certificate, keyring->keys[0].certificates[1]);
}

static void an_expired_certificate_is_told_with_its_dates(void **state) {
	KEYRING({ "old", { { "Old", "old@example.org", SIGNING, .from = -20, .to = -10 } } },
		{ "decrypts", { { "Old", "old@example.org", ENCRYPTION } } });
	assert_int_equal(by_name("old@example.org"), -SMIME_E_CERT_EXPIRED);
	says("has expired (valid from 20");
	assert_int_equal(by_mail("old@example.org", NULL), -SMIME_E_CERT_EXPIRED);
	KEYRING({ "early", { { "Early", "early@example.org", SIGNING, .from = 10, .to = 20 } } });
	assert_int_equal(by_name("early@example.org"), -SMIME_E_CERT_EXPIRED);
	says("is not valid yet");
}

static void an_unusable_key_is_told_with_its_reason(void **state) {
	KEYRING({ "web", { { "Web", "web@example.org", SIGNING, "clientAuth" } } },
		{ "says-no", { { "No", "no@example.org", SIGNING } }, true }, { "bare", { { 0 } } });
	assert_int_equal(by_name("web@example.org"), -SMIME_E_KEY_UNUSABLE);
	says("extended key usage");
	assert_int_equal(by_name("no@example.org"), -SMIME_E_KEY_UNUSABLE);
	says("the token does not let it sign");
	assert_int_equal(by_name("pkcs11:object=bare"), -SMIME_E_NO_CERTIFICATE);
	says("certificates:");
}

static void an_agent_without_keys_is_told_apart(void **state) {
	keyring_of(NULL, 0);
	assert_int_equal(by_name("alice@example.org"), -SMIME_E_NO_KEY);
	says("no token");
}

static void many_candidates_are_cut_off(void **state) {
	KEYRING(ALICE, ALICE, ALICE, ALICE, ALICE, ALICE, ALICE, ALICE, ALICE, ALICE);
	assert_int_equal(by_name("alice@example.org"), -SMIME_E_KEY_AMBIGUOUS);
	says("10 keys");
	says("; ..");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_from_address_finds_its_key),
		cmocka_unit_test(the_sender_counts_where_from_has_no_key),
		cmocka_unit_test(a_certificate_without_address_signs_for_everybody),
		cmocka_unit_test(two_keys_for_one_address_are_an_error_that_lists_them),
		cmocka_unit_test(a_key_that_cannot_sign_makes_no_address_ambiguous),
		cmocka_unit_test(bytes_without_a_mail_are_signed_by_the_only_key),
		cmocka_unit_test(a_fingerprint_in_any_form_names_its_key),
		cmocka_unit_test(a_short_prefix_or_junk_names_nothing),
		cmocka_unit_test(a_uri_names_by_token_and_object),
		cmocka_unit_test(the_newest_suitable_certificate_is_taken),
		cmocka_unit_test(a_certificate_that_is_named_is_the_one_taken),
		cmocka_unit_test(an_expired_certificate_is_told_with_its_dates),
		cmocka_unit_test(an_unusable_key_is_told_with_its_reason),
		cmocka_unit_test(an_agent_without_keys_is_told_apart),
		cmocka_unit_test(many_candidates_are_cut_off),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
