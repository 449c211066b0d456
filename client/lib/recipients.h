/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom a message is encrypted to: certificates from files, from the agent's own keys, and from the person's folder.
 */
#ifndef LIB_RECIPIENTS_H
#define LIB_RECIPIENTS_H

#include <time.h>

#include "folder-index.h"
#include "keyring.h"

/* A set of certificates without duplicates, in the order in which they were added; zeroed: empty. */
struct recipients {
	X509 **items;
	size_t count;
	size_t *slots; /* a hash table of items: index + 1, or 0 */
	size_t slot_count;
	bool visited;                /* the folder was searched */
	struct folder_index *folder; /* for all searches but the first */
};
void recipients_clear(struct recipients *recipients); /* usable as a cleanup attribute */

/* Whether `who` names a file; else it is looked up as an address. */
bool recipients_is_file(const char *who);

/* Whether `who` can name anybody: costs nothing, so it comes before the agent is asked. -SMIME_E_NO_CERTIFICATE with a message. */
int recipients_check(struct smime *s, const char *who);

/*
 * Adds the one that `who` means: a certificate file, or an address as address_read() takes it (own keys, then the folder).
 * keyring: NULL when the agent can't be asked. With a message: -SMIME_E_NO_CERTIFICATE, -SMIME_E_CERT_AMBIGUOUS,
 * -SMIME_E_CERT_EXPIRED, -SMIME_E_CERT_UNUSABLE, -SMIME_E_MALFORMED, -SMIME_E_IO.
 */
int recipients_add(struct smime *s, struct recipients *recipients, const struct keyring *keyring, const char *who, time_t now);

/* Adds the newest of the agent's own certificates for this address that can be encrypted to. Returns 1 when there is none. */
int recipients_add_own(struct recipients *recipients, const struct keyring *keyring, const char *who, time_t now);

#endif
