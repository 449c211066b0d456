/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of the agent's keys a name in a configuration means, as far as the listing of keys tells it. libsmime decides when something is
 * signed; this is for choosing a name that it will take, and for judging one.
 */
#ifndef SETUP_KEYS_H
#define SETUP_KEYS_H

#include <smime/smime.h>

struct keys_found {
	size_t suitable;                             /* keys that can sign now under this name */
	const struct smime_key *key;                 /* the first of them, .. */
	const struct smime_certificate *certificate; /* .. with its newest certificate that does; NULL: none */
	size_t others;                               /* keys of this name that can't */
	const struct smime_key *other;               /* the first of those, .. */
	const struct smime_certificate *unsuitable;  /* .. with a certificate of the name, NULL: it has none */
};

/*
 * name: an address, also as "Name <address>", a PKCS#11 URI without a query, or four or more digits of the fingerprint of the key or of a certificate
 * (SHA-256, or SHA-1 of a certificate); NULL: any key.
 */
struct keys_found keys_find(const struct smime_keys *keys, const char *name);

/* The same of a name as smime-git reads it, which knows GnuPG's key IDs and what GnuPG lets stand around a name, too. */
struct keys_found keys_find_for_git(const struct smime_keys *keys, const char *name);

/* The number of keys that mail is encrypted to under this name. */
size_t keys_encrypted_to(const struct smime_keys *keys, const char *name);

/* Whether a certificate names the address. */
bool keys_has_address(const struct smime_certificate *certificate, const char *address);

/* Why a key can't sign: its certificate's words, or the token's; one clause. */
const char *keys_why_not(const struct keys_found *found);

#endif
