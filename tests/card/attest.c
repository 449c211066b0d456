/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attestation as YubiKeys do it (INS F9, P1 the slot): a certificate for the key of a slot, signed with the key F9.
 *
 * In the card's directory: f9.key (PEM) and f9.der, beside what device.c wants. A card without them does not know the instruction.
 */
#include "card.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

DEFINE_CLEANUP(X509 *, x509_freep, X509_free)

struct attester {
	struct device device;
	EVP_PKEY *key;
	X509 *certificate;
};

static void attester_clear(struct attester *attester) {
	EVP_PKEY_free(attester->key);
	X509_free(attester->certificate);
}

static bool load(const struct card *card, struct attester *attester) {
	_cleanup_(close_filep) FILE *key = card_open(card, "f9.key");
	_cleanup_(close_filep) FILE *certificate = card_open(card, "f9.der");

	if (!key || !certificate || !device_read(card, &attester->device))
		return false;
	attester->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
	attester->certificate = d2i_X509_fp(certificate, NULL);
	return attester->key && attester->certificate;
}

static bool add(X509 *certificate, const char *oid, const char *kind, const char *value) {
	char text[64];
	X509_EXTENSION *extension;
	bool done;

	(void)snprintf(text, sizeof(text), "%s:%s", kind, value);
	extension = X509V3_EXT_nconf(NULL, NULL, oid, text);
	done = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return done;
}

static X509 *make(const struct attester *attester, const struct card_key *key) {
	_cleanup_(x509_freep) X509 *made = X509_new();
	X509_NAME *subject = made ? X509_get_subject_name(made) : NULL;
	char name[64], policies[8];
	bool done;

	(void)snprintf(name, sizeof(name), "YubiKey PIV Attestation %x", key->slot);
	(void)snprintf(policies, sizeof(policies), "%02x%s", card_pin_policy(key->slot), attester->device.touch);
	done = subject && X509_set_version(made, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(made), key->slot) == 1 &&
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) == 1 &&
		X509_set_issuer_name(made, X509_get_subject_name(attester->certificate)) == 1 &&
		X509_set1_notBefore(made, X509_get0_notBefore(attester->certificate)) == 1 &&
		X509_set1_notAfter(made, X509_get0_notAfter(attester->certificate)) == 1 && X509_set_pubkey(made, key->private) == 1 &&
		add(made, "1.3.6.1.4.1.41482.3.3", "DER", attester->device.firmware) &&
		add(made, "1.3.6.1.4.1.41482.3.7", "ASN1:INTEGER", attester->device.serial) &&
		add(made, "1.3.6.1.4.1.41482.3.8", "DER", policies) && add(made, "1.3.6.1.4.1.41482.3.9", "DER", "01") &&
		X509_sign(made, attester->key, EVP_sha256()) > 0;
	return done ? TAKE(made) : NULL;
}

unsigned attest(struct card *card, const struct command *command) {
	_cleanup_(attester_clear) struct attester attester = { .key = NULL };
	const struct card_key *key = card_find_key(card, command->p1);
	uint8_t *der = NULL;

	if (!load(card, &attester))
		return SW_NO_INSTRUCTION;
	if (!key || command->p2 != 0)
		return SW_WRONG_P1_P2;
	if (device_has_imported(card, key->slot))
		return SW_WRONG_DATA;
	_cleanup_(x509_freep) X509 *made = make(&attester, key);
	int len = made ? i2d_X509(made, &der) : -1;
	if (len > 0)
		tlv_append(&card->reply, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0 ? SW_DONE : SW_NOT_ALLOWED;
}
