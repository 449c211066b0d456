/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a message is encrypted: what every recipient can read decides, as far as the person does not.
 */
#ifndef LIB_CHOICE_H
#define LIB_CHOICE_H

#include "client/cms/enveloped.h"
#include "recipients.h"

enum { CHOICE_WHY_MAX_BYTES = 512 };

struct choice {
	const char *cipher;               /* static */
	bool derived;                     /* CEK-HKDF-SHA256 (RFC 9709) */
	struct enveloped_recipient *each; /* of the recipients, in their order; their certificates are borrowed */
	size_t count;
	char why[CHOICE_WHY_MAX_BYTES]; /* for people */
};
void choice_clear(struct choice *choice); /* usable as a cleanup attribute */

/*
 * Each recipient's capabilities are the agent's for an own key, else those of his last good signature, else those of his
 * certificate. A cipher that authenticates (AES-256-GCM, ChaCha20-Poly1305, AES-128-GCM, in this order) is taken when all
 * recipients name it; else AES-256-CBC, unless one names AES-128-CBC only (RFC 8551 2.7.1). `cipher`, NULL or what the person
 * wants, goes before. `oaep`: for every RSA recipient, whatever is known of him. `secrets`: there are recipients who name
 * nothing. -SMIME_E_NO_MEMORY.
 */
int choice_make(const struct recipients *recipients, const struct keyring *keyring, const char *cipher, bool oaep, bool secrets,
	struct choice *ret_choice);

#endif
