/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's certificates as a message is compared with them, in one list, and whose each is.
 */
#ifndef LIB_CANDIDATES_H
#define LIB_CANDIDATES_H

#include "keyring.h"

struct candidates {
	X509 **certificates; /* the keyring's, or .. */
	bool own;            /* .. of glance_name() */
	const struct keyring_key **keys;
	size_t count, present; /* the tokens of the first `present` are there */
};

/* Of a complete keyring, which is borrowed. Ended with candidates_clear(), also when this fails. -SMIME_E_NO_MEMORY. */
int candidates_make(const struct keyring *keyring, struct candidates *ret_candidates);

/* Of any keyring: names alone, and all taken for present. Returns as above, and 1 when a certificate can't be named so. */
int candidates_glance(const struct keyring *keyring, struct candidates *ret_candidates);
void candidates_clear(struct candidates *candidates); /* accepts a zeroed one */

/* Whether the token of a key of a complete keyring is there. */
bool candidates_is_present(const struct keyring_key *key);

#endif
