/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What OCSP responses that came with a message say of a certificate (RFC 6960, RFC 5940).
 *
 * Asks nobody: there is no request, and no nonce that an answer could repeat.
 */
#ifndef LIB_OCSP_H
#define LIB_OCSP_H

#include <time.h>

#include <openssl/x509.h>

#include "arena.h"
#include "revocation.h"

enum ocsp_status { OCSP_SAYS_NOTHING = 0, OCSP_SAYS_GOOD = 1, OCSP_SAYS_REVOKED = 2 };

struct ocsp_answer {
	enum ocsp_status status;
	/* In the arena. Revoked: who and when. Nothing: why a response that is about the certificate is no use; NULL: there is none. */
	const char *text;
};

/*
 * The responses of `sources` about a certificate and its issuer. A response counts when the issuer signed it, or somebody whom the
 * issuer gave that right (RFC 6960 4.2.2.2), and it is current at `at`; that the certificate was revoked also when it is old. `store`
 * leads the responder's chain to an anchor at its own time. -SMIME_E_NO_MEMORY.
 */
int ocsp_ask(const struct revocation_sources *sources, X509_STORE *store, STACK_OF(X509) *untrusted, X509 *certificate, X509 *issuer,
	time_t at, struct arena *arena, struct ocsp_answer *ret_answer);

#endif
