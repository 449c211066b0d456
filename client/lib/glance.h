/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key to sign with, found at a glance: the one key whose plain certificate is for an address, which is what nearly every signature is
 * made with. What select_for_signing() would choose, without what that needs and a process that starts has not yet: parsed public keys.
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

/* Whether there is that one key, of those that the keyring lists, for this address. */
bool glance_for_signing(const struct keyring *keyring, const char *address, time_t now, struct glance *ret_glance);

#endif
