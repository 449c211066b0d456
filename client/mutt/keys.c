/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-mutt keys: tells mutt of the agent's keys and of the certificates in the person's folder. To be run after getting a card or a
 * certificate; a second run changes nothing.
 *
 * mutt reads no key: it looks for an address in .index and names what it finds there to `sign` and `decrypt`.
 */
#include <stdio.h>
#include <string.h>

#include "index.h"

struct folders {
	struct index keys, certificates;
};

static void folders_close(struct folders *folders) {
	index_close(&folders->keys);
	index_close(&folders->certificates);
}

static int add_own(struct mutt *mutt, struct folders *folders, const struct smime_certificate *certificate) {
	int code = index_put_certificate(mutt, &folders->certificates, certificate);

	index_add(&folders->keys, certificate, NULL);
	index_add(&folders->certificates, certificate, NULL);
	return code;
}

static const char *address_of(const struct smime_certificate *certificate) {
	return certificate->addresses[0] ? certificate->addresses[0] : certificate->subject;
}

static int add_key(struct mutt *mutt, struct folders *folders, const struct smime_key *key) {
	int code = 0;

	for (size_t i = 0; code == 0 && i < key->certificate_count; i++) {
		const struct smime_certificate *certificate = &key->certificates[i];

		code = add_own(mutt, folders, certificate);
		mutt_print(mutt, "key          %.*s  %s%s%s", MUTT_ID_DIGITS, certificate->fingerprint, address_of(certificate),
			certificate->cannot_sign ? "" : ", signs", certificate->cannot_encrypt ? "" : ", decrypts");
	}
	return code;
}

static int add_keys(struct mutt *mutt, struct folders *folders) {
	struct smime_keys *keys = NULL;
	int r = smime_keys(mutt->smime, &keys), code = 0;

	if (r < 0)
		return mutt_failed(mutt, r);
	for (size_t i = 0; code == 0 && i < keys->count; i++)
		code = add_key(mutt, folders, &keys->keys[i]);
	if (code == 0 && keys->count == 0)
		code = mutt_fail(mutt, SMIME_E_NO_KEY, "the agent has no key: insert the card; smime status tells of readers and tokens");
	(void)smime_keys_free(keys);
	return code;
}

static int add_certificates(struct mutt *mutt, struct folders *folders) {
	struct smime_certificates *known = NULL;
	int r = smime_certificates(mutt->smime, NULL, &known), code = 0;

	if (r < 0)
		return mutt_failed(mutt, r);
	for (size_t i = 0; code == 0 && i < known->count; i++) {
		const struct smime_certificate *certificate = &known->certificates[i];

		if (!certificate->addresses[0])
			continue;
		code = index_put_certificate(mutt, &folders->certificates, certificate);
		index_add(&folders->certificates, certificate, NULL);
		mutt_print(mutt, "certificate  %.*s  %s%s%s", MUTT_ID_DIGITS, certificate->fingerprint, address_of(certificate),
			certificate->cannot_encrypt ? ", can't be encrypted to: " : "",
			certificate->cannot_encrypt ? certificate->cannot_encrypt : "");
	}
	(void)smime_certificates_free(known);
	return code;
}

int mutt_keys(struct mutt *mutt) {
	__attribute__((cleanup(folders_close))) struct folders folders = { .keys = { .lock = -1 }, .certificates = { .lock = -1 } };
	int code = index_open(mutt, mutt->args.keys_folder, "keys", &folders.keys), keys_code;

	if (code == 0)
		code = index_open(mutt, mutt->args.certificates_folder, "certificates", &folders.certificates);
	if (code != 0)
		return code;
	/* Without a card the certificates of others are good all the same. */
	keys_code = add_keys(mutt, &folders);
	code = add_certificates(mutt, &folders);
	if (code == 0)
		code = index_write(mutt, &folders.keys);
	if (code == 0)
		code = index_write(mutt, &folders.certificates);
	return code == 0 ? keys_code : code;
}
