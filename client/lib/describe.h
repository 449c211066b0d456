/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates and keys in words: the texts of the public structures and of messages.
 *
 * Texts are UTF-8 with control characters escaped, and belong to the arena. NULL: memory ran out, which the arena remembers.
 */
#ifndef LIB_DESCRIBE_H
#define LIB_DESCRIBE_H

#include <time.h>

#include <openssl/x509.h>

#include <smime/smime.h>

#include "arena.h"
#include "keyring.h"

const char *describe_name(struct arena *arena, const X509_NAME *name);               /* RFC 2253 */
const char *describe_serial(struct arena *arena, const ASN1_INTEGER *serial);        /* hex */
const char *describe_fingerprint(struct arena *arena, const X509 *certificate);      /* SHA-256, lower-case hex */
const char *const *describe_addresses(struct arena *arena, const X509 *certificate); /* NULL-terminated */
const char *describe_public_key(struct arena *arena, const X509 *certificate);       /* "RSA-2048", "EC-256", "Ed25519", "X25519" */
const char *describe_digest(const EVP_MD *md);                                       /* "sha256"; static */
time_t describe_time(const ASN1_TIME *time);                                         /* 0: it can't be read */
const char *describe_date(struct arena *arena, const ASN1_TIME *time);               /* "2026-11-24" */

struct smime_der describe_der(struct arena *arena, X509 *certificate); /* empty: memory ran out */

/* All of a certificate. `key` may be NULL; where it can't do what the certificate allows, that is the reason given. */
void describe_certificate(
	struct arena *arena, X509 *certificate, const struct keyring_key *key, time_t now, struct smime_certificate *ret_certificate);

/* What the agent calls a key of type WIRE_KEY_XDH: "X25519" or "X448". */
const char *describe_xdh(const struct keyring_key *key);

/* Why a key can't sign, where the agent says that it can't. */
#define DESCRIBE_CANNOT_SIGN "the token does not let it sign"

/* A key in a list of candidates: the first digits of its fingerprint, its kind, and whose it is. */
const char *describe_key(struct arena *arena, const struct keyring_key *key);

#endif
