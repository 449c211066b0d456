/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding recipients' certificates: files of every form, the person's folder, own keys, and what is ambiguous.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "certificate.h"
#include "client/lib/recipients.h"

#define USAGE "keyAgreement"

static struct smime *s;
static struct recipients found;
static char place[] = "/tmp/test-recipients-XXXXXX", path[128];

static X509 *make(const char *name, const char *address, const char *usage, long from, long to) {
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_make(key, &(struct certificate_plan){ name, address, usage, .from = from, .to = to });

	EVP_PKEY_free(key);
	return certificate;
}

static const char *at(const char *name) {
	(void)snprintf(path, sizeof(path), "%s/%s", place, name);
	return path;
}

static void write_pem(const char *name, X509 *first, X509 *second) {
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	fputs("a line of text\n", file);
	PEM_write_X509(file, first);
	if (second)
		PEM_write_X509(file, second);
	fclose(file);
}

static int add(const char *who) {
	return recipients_add(s, &found, NULL, who, time(NULL));
}

#define says(text) assert_non_null(strstr(smime_message(s), text))

static int setup(void **state) {
	assert_non_null(mkdtemp(place));
	assert_int_equal(setenv("XDG_CONFIG_HOME", place, 1), 0);
	assert_int_equal(mkdir(at("smime-agent"), 0700), 0);
	assert_int_equal(mkdir(at("smime-agent/certificates"), 0700), 0);
	return smime_new(&s);
}

static int teardown(void **state) {
	char command[128];

	s = smime_free(s);
	(void)snprintf(command, sizeof(command), "rm -rf %s", place);
	return system(command);
}

static int clear(void **state) {
	recipients_clear(&found);
	return 0;
}

static void a_file_in_pem_or_der_is_taken(void **state) {
	X509 *bob = make("Bob", "bob@example.org", USAGE, 0, 0);
	FILE *file;

	write_pem("bob.any", bob, NULL);
	assert_int_equal(add(at("bob.any")), 0);
	assert_int_equal(found.count, 1);
	file = fopen(at("bob.bin"), "w");
	i2d_X509_fp(file, bob);
	fclose(file);
	assert_int_equal(add(at("bob.bin")), 0);
	assert_int_equal(found.count, 1); /* the same one, once */
	X509_free(bob);
}

static void of_many_each_is_there_once_in_the_order_of_their_names(void **state) {
	enum { MANY = 300 };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificates[MANY];

	for (long i = 0; i < MANY; i++) {
		certificates[i] = certificate_make(key, &(struct certificate_plan){ "Bob", "bob@example.org", USAGE, .serial = i + 1 });
		write_pem("one", certificates[i], NULL);
		assert_int_equal(add(at("one")), 0);
		write_pem("one", certificates[i / 2], NULL);
		assert_int_equal(add(at("one")), 0);
	}
	assert_int_equal(found.count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(X509_cmp(found.items[i], certificates[i]), 0);
		X509_free(certificates[i]);
	}
	EVP_PKEY_free(key);
}

static void of_a_bundle_the_first_for_encryption_is_taken(void **state) {
	X509 *signing = make("Bob", "bob@example.org", "digitalSignature", 0, 0), *encryption = make("Bob", "bob@example.org", USAGE, 0, 0);

	write_pem("bundle", signing, encryption);
	assert_int_equal(add(at("bundle")), 0);
	assert_int_equal(X509_cmp(found.items[0], encryption), 0);
	X509_free(signing);
	X509_free(encryption);
}

static void a_file_that_cannot_be_used_is_told(void **state) {
	X509 *old = make("Old", "old@example.org", USAGE, -20, -10), *signing = make("Bob", "bob@example.org", "digitalSignature", 0, 0);
	FILE *file = fopen(at("junk"), "w");

	fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", file);
	fclose(file);
	write_pem("old", old, NULL);
	write_pem("signing", signing, NULL);
	assert_int_equal(add(at("junk")), -SMIME_E_MALFORMED);
	assert_int_equal(add(at("old")), -SMIME_E_CERT_EXPIRED);
	says("has expired (valid from 20");
	assert_int_equal(add(at("signing")), -SMIME_E_CERT_UNUSABLE);
	says("keyAgreement");
	assert_int_equal(found.count, 0);
	assert_int_equal(recipients_check(s, at("none")), -SMIME_E_NO_CERTIFICATE);
	assert_int_equal(recipients_check(s, place), -SMIME_E_NO_CERTIFICATE);
	assert_int_equal(recipients_check(s, "bob@example.org"), 0);
	X509_free(old);
	X509_free(signing);
}

static void the_folder_is_searched_by_address(void **state) {
	X509 *carol = make("Carol", "carol@example.org", USAGE, 0, 0), *dave = make("Dave", "dave@example.org", USAGE, 0, 0);

	write_pem("smime-agent/certificates/c.PEM", dave, carol);
	write_pem("smime-agent/certificates/.hidden.pem", carol, NULL);
	write_pem("smime-agent/certificates/not-a-certificate.txt", carol, NULL);
	assert_int_equal(mkfifo(at("smime-agent/certificates/fifo.pem"), 0600), 0);
	assert_int_equal(mkdir(at("smime-agent/certificates/folder.pem"), 0700), 0);
	assert_int_equal(symlink("/nowhere", at("smime-agent/certificates/dangling.pem")), 0);
	assert_int_equal(add("Carol@EXAMPLE.org"), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(X509_cmp(found.items[0], carol), 0);
	assert_int_equal(add("erin@example.org"), -SMIME_E_NO_CERTIFICATE);
	says("smime-agent/certificates");
	X509_free(carol);
	X509_free(dave);
}

static void a_renewal_replaces_an_older_certificate(void **state) {
	X509 *newer = make("Frank", "frank@example.org", USAGE, -2, 9), *expired = make("Frank", "frank@example.org", USAGE, -20, -1);
	EVP_PKEY *key = X509_get_pubkey(newer);
	/* The same key under another name: issuer and subject differ, and it is the same person. */
	X509 *older = EVP_PKEY_eq(key, key) == 1 ? make("Frank", "frank@example.org", USAGE, -9, 9) : NULL;

	X509_set_pubkey(older, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(older), "O", MBSTRING_UTF8, (const unsigned char *)"Other", -1, -1, 0);
	EVP_PKEY *signer = EVP_EC_gen("P-256");
	X509_sign(older, signer, EVP_sha256());
	write_pem("smime-agent/certificates/frank.pem", older, newer);
	write_pem("smime-agent/certificates/frank-expired.pem", expired, NULL);
	assert_int_equal(add("frank@example.org"), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(X509_cmp(found.items[0], newer), 0);
	EVP_PKEY_free(signer);
	EVP_PKEY_free(key);
	X509_free(older);
	X509_free(newer);
	X509_free(expired);
}

static void certificates_of_two_people_for_one_address_are_ambiguous(void **state) {
	X509 *one = make("Grace", "grace@example.org", USAGE, 0, 0), *two = make("Impostor", "grace@example.org", USAGE, 0, 0);

	write_pem("smime-agent/certificates/grace.crt", one, NULL);
	write_pem("smime-agent/certificates/impostor.cer", two, NULL);
	assert_int_equal(add("grace@example.org"), -SMIME_E_CERT_AMBIGUOUS);
	says("CN=Grace");
	says("CN=Impostor");
	assert_int_equal(found.count, 0);
	X509_free(one);
	X509_free(two);
}

/* Behind a search for somebody else, if `later`. */
static int add_from_folder(bool later, const char *address) {
	recipients_clear(&found);
	if (later)
		assert_int_equal(add("nobody@example.org"), -SMIME_E_NO_CERTIFICATE);
	return add(address);
}

static void later_searches_of_the_folder_find_what_the_first_one_does(void **state) {
	X509 *older = make("Judy", "judy@example.org,email:jude@example.org", USAGE, -5, 5),
	     *newer = make("Judy", "judy@example.org", USAGE, -2, 5);
	X509 *one = make("Kim", "kim@example.org", USAGE, 0, 0), *two = make("Impostor", "kim@example.org", USAGE, 0, 0);
	X509 *old = make("Leo", "leo@example.org", USAGE, -20, -10);

	write_pem("smime-agent/certificates/judy.pem", newer, older);
	write_pem("smime-agent/certificates/kim.pem", one, two);
	write_pem("smime-agent/certificates/leo.pem", old, NULL);
	for (unsigned later = 0; later < 2; later++) {
		assert_int_equal(add_from_folder(later, "judy@EXAMPLE.org"), 0);
		assert_int_equal(X509_cmp(found.items[0], newer), 0);
		assert_int_equal(add_from_folder(later, "Jude@example.org"), 0);
		assert_int_equal(X509_cmp(found.items[0], older), 0);
		assert_int_equal(add_from_folder(later, "kim@example.org"), -SMIME_E_CERT_AMBIGUOUS);
		assert_int_equal(add_from_folder(later, "leo@example.org"), -SMIME_E_CERT_EXPIRED);
		assert_int_equal(add_from_folder(later, "jud@example.org"), -SMIME_E_NO_CERTIFICATE);
		assert_int_equal(found.count, 0);
	}
	X509_free(older);
	X509_free(newer);
	X509_free(one);
	X509_free(two);
	X509_free(old);
}

static struct keyring *own_key(X509 *certificate, bool can_decrypt) {
	STACK_OF(wire_key) *keys = sk_wire_key_new_null();
	struct wire_key *key = wire_key_new();
	struct keyring *keyring = NULL;
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);

	wire_push_octets(&key->certificates, der, (size_t)len);
	OPENSSL_free(der);
	key->can_decrypt = can_decrypt ? 0xff : 0;
	sk_wire_key_push(keys, key);
	assert_int_equal(keyring_make(keys, NULL, &keyring), 0);
	return keyring;
}

static void own_keys_come_first_if_they_decrypt(void **state) {
	X509 *own = make("Heidi", "heidi@example.org", USAGE, 0, 0), *other = make("Other", "heidi@example.org", USAGE, 0, 0);
	struct keyring *keyring = own_key(own, true), *mute = own_key(own, false);

	write_pem("smime-agent/certificates/heidi.pem", other, NULL);
	assert_int_equal(recipients_add(s, &found, keyring, "heidi@example.org", time(NULL)), 0);
	assert_int_equal(X509_cmp(found.items[0], own), 0);
	assert_int_equal(recipients_add_own(&found, keyring, "heidi@example.org", time(NULL)), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(recipients_add_own(&found, keyring, "ivan@example.org", time(NULL)), 1);
	assert_int_equal(recipients_add_own(&found, mute, "heidi@example.org", time(NULL)), 1);
	keyring_free(keyring);
	keyring_free(mute);
	X509_free(own);
	X509_free(other);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_file_in_pem_or_der_is_taken, clear),
		cmocka_unit_test_teardown(of_many_each_is_there_once_in_the_order_of_their_names, clear),
		cmocka_unit_test_teardown(of_a_bundle_the_first_for_encryption_is_taken, clear),
		cmocka_unit_test_teardown(a_file_that_cannot_be_used_is_told, clear),
		cmocka_unit_test_teardown(the_folder_is_searched_by_address, clear),
		cmocka_unit_test_teardown(a_renewal_replaces_an_older_certificate, clear),
		cmocka_unit_test_teardown(certificates_of_two_people_for_one_address_are_ambiguous, clear),
		cmocka_unit_test_teardown(later_searches_of_the_folder_find_what_the_first_one_does, clear),
		cmocka_unit_test_teardown(own_keys_come_first_if_they_decrypt, clear),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
