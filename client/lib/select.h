/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which key a person means: an address, a PKCS#11 URI, a fingerprint or its beginning, or nobody's word but the mail's.
 *
 * Chooses only where there is one answer. Works on a keyring, so it can be tested without an agent.
 */
#ifndef LIB_SELECT_H
#define LIB_SELECT_H

#include <time.h>

#include "client/mime/address.h"
#include "keyring.h"

enum { SELECT_PREFIX_MIN_DIGITS = 4, SELECT_CANDIDATES_SHOWN_MAX = 8 };

struct selection {
	const struct keyring_key *key; /* in the keyring */
	X509 *certificate;             /* borrowed from the keyring */
	bool fallback;                 /* it names no address, and none does that of the mail; the context's message says why */
};

/*
 * The key to sign with, and its newest suitable certificate. `name` as in struct smime_sign_options, or NULL: then the one
 * suitable key for the addresses of `from` (may be NULL: no mail), taken in turn, else the one suitable key whose certificate
 * has no address; without `from`, the one suitable key. -SMIME_E_NO_KEY, -SMIME_E_KEY_AMBIGUOUS (with the candidates),
 * -SMIME_E_NO_CERTIFICATE, -SMIME_E_CERT_EXPIRED (with the dates), -SMIME_E_KEY_UNUSABLE; each with a message.
 */
int select_for_signing(struct smime *s, const struct keyring *keyring, const char *name, const struct addresses *from, time_t now,
	struct selection *ret_selection);

#endif
