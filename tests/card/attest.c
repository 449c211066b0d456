/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attestation as YubiKeys do it (INS F9, P1 the slot): a certificate for the key of a slot, signed with the key F9.
 *
 * In the card's directory: f9.key (PEM) and f9.der, and the file attestation: firmware, serial number, PIN and touch policy, as in
 * `050701 12345678 0302`. A card without them does not know the instruction. Whether a key was made on the card nobody keeps here.
 */
#include "card.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

DEFINE_CLEANUP(X509 *, x509_freep, X509_free)

static void close_filep(FILE **file) {
	if (*file)
		(void)fclose(*file);
}

struct device {
	EVP_PKEY *key;
	X509 *certificate;
	char firmware[16], serial[32], policies[16];
};

static void device_clear(struct device *device) {
	EVP_PKEY_free(device->key);
	X509_free(device->certificate);
}

static FILE *open_in(const struct card *card, const char *name) {
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", card->directory, name);
	return fopen(path, "re");
}

static bool load(const struct card *card, struct device *device) {
	_cleanup_(close_filep) FILE *key = open_in(card, "f9.key");
	_cleanup_(close_filep) FILE *certificate = open_in(card, "f9.der");
	_cleanup_(close_filep) FILE *words = open_in(card, "attestation");

	if (!key || !certificate || !words)
		return false;
	device->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
	device->certificate = d2i_X509_fp(certificate, NULL);
	return device->key && device->certificate &&
		fscanf(words, "%15s %31s %15s", device->firmware, device->serial, device->policies) == 3;
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

static X509 *make(const struct device *device, const struct card_key *key) {
	_cleanup_(x509_freep) X509 *made = X509_new();
	X509_NAME *subject = made ? X509_get_subject_name(made) : NULL;
	char name[64];
	bool done;

	(void)snprintf(name, sizeof(name), "YubiKey PIV Attestation %x", key->slot);
	done = subject && X509_set_version(made, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(made), key->slot) == 1 &&
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) == 1 &&
		X509_set_issuer_name(made, X509_get_subject_name(device->certificate)) == 1 &&
		X509_set1_notBefore(made, X509_get0_notBefore(device->certificate)) == 1 &&
		X509_set1_notAfter(made, X509_get0_notAfter(device->certificate)) == 1 && X509_set_pubkey(made, key->private) == 1 &&
		add(made, "1.3.6.1.4.1.41482.3.3", "DER", device->firmware) &&
		add(made, "1.3.6.1.4.1.41482.3.7", "ASN1:INTEGER", device->serial) &&
		add(made, "1.3.6.1.4.1.41482.3.8", "DER", device->policies) && add(made, "1.3.6.1.4.1.41482.3.9", "DER", "01") &&
		X509_sign(made, device->key, EVP_sha256()) > 0;
	return done ? TAKE(made) : NULL;
}

unsigned attest(struct card *card, const struct command *command) {
	_cleanup_(device_clear) struct device device = { .key = NULL };
	const struct card_key *key = NULL;
	uint8_t *der = NULL;

	if (!load(card, &device))
		return SW_NO_INSTRUCTION;
	for (size_t i = 0; i < KEYS_COUNT; i++)
		if (card->keys[i].slot == command->p1 && card->keys[i].private)
			key = &card->keys[i];
	if (!key || command->p2 != 0)
		return SW_WRONG_P1_P2;
	_cleanup_(x509_freep) X509 *made = make(&device, key);
	int len = made ? i2d_X509(made, &der) : -1;
	if (len > 0)
		tlv_append(&card->reply, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0 ? SW_DONE : SW_NOT_ALLOWED;
}
