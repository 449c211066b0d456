/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a certificate, or a CA between it and its anchor, was revoked (RFC 5280 6.3), by the CRLs that were given and those
 * that came with the message, or by OCSP responses that did.
 *
 * OpenSSL decides which CRL counts. Fetches nothing. That nothing is known is an answer of its own, never "not revoked".
 */
#ifndef LIB_REVOCATION_H
#define LIB_REVOCATION_H

#include <openssl/x509.h>

#include "arena.h"
#include "context.h"

struct revocation;

struct revocation_verdict {
	enum smime_outcome outcome; /* GOOD; BAD: revoked, or unknown with SMIME_REVOCATION_HARD; UNKNOWN; NOTE: nobody asked */
	const char *text;           /* in the arena given to revocation_check(), or static */
};

/* What a message brings (RFC 5652 10.2.1, RFC 5940); borrowed. */
struct revocation_sources {
	STACK_OF(X509_CRL) *crls;
	const struct bytes *ocsp; /* OCSPResponses in DER */
	size_t ocsp_count;
};

/* Reads the files of CRLs, PEM or DER. -SMIME_E_IO, -SMIME_E_MALFORMED, both with a message. */
int revocation_new(struct smime *s, enum smime_revocation mode, const char *const *files, size_t count, struct revocation **ret_revocation);
struct revocation *revocation_free(struct revocation *revocation); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct revocation *, revocation_freep, revocation_free)

/* Whether this text of a verdict says that there is no CRL. */
bool revocation_is_missing(const char *text);

/*
 * For a certificate whose chain to an anchor of the store was found good; NULL for `store`: there is no such chain. at: when.
 * -SMIME_E_NO_MEMORY.
 */
int revocation_check(const struct revocation *revocation, X509_STORE *store, X509 *certificate, STACK_OF(X509) *untrusted,
	const struct revocation_sources *sources, time_t at, struct arena *arena, struct revocation_verdict *ret_verdict);

#endif
