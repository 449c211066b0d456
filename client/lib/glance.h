/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys found at a glance. The key to sign with: the one key whose plain certificate is for an address, which is what nearly every signature
 * is made with; what select_for_signing() would choose, without what that needs and a process that starts has not yet: parsed public keys.
 * The key to decrypt with: what a message calls its certificate.
 *
 * Gives up wherever there is a doubt, and the reader of messages never meets it: errors and warnings are those of select.c.
 */
#ifndef LIB_GLANCE_H
#define LIB_GLANCE_H

#include <time.h>

#include "agent/cms/outline.h"
#include "client/mime/address.h"
#include "keyring.h"

struct glance {
	const struct wire_key *key;  /* of the keyring */
	struct bytes certificate;    /* DER, in the keyring */
	struct cms_outline *outline; /* of it, to be freed */
};

/*
 * What messages may call a certificate by, as a certificate that has nothing else: no public key, and no DER. NULL when it can't be read, or
 * does not name its key. The caller's to free.
 */
X509 *glance_name(struct bytes der);

/* Whether there is that one key, of those that the keyring lists, for this address. */
bool glance_for_signing(const struct keyring *keyring, const char *address, time_t now, struct glance *ret_glance);

#endif
