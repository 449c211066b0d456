/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Path validation (RFC 5280, RFC 8550 4) of signers' certificates with OpenSSL.
 *
 * The files that the person named are tried alone first; only when no chain leads to them, the agent's `trust:` and the
 * system's e-mail anchors are fetched. Time is the caller's, never the signer's. Fetches nothing from the net.
 */
#ifndef LIB_TRUST_H
#define LIB_TRUST_H

#include <stdbool.h>
#include <time.h>

#include <openssl/x509.h>

#include "agent/wire/base.h"
#include "arena.h"
#include "context.h"
#include "revocation.h"

enum { TRUST_DEPTH_MAX = 16 }; /* certificates between signer and anchor */

struct trust;

struct trust_verdict {
	bool trusted;
	const char *text; /* by whom, or why not; in the arena given to trust_check() */
	struct revocation_verdict revocation;
};

/*
 * Reads the files of anchors and CRLs that the options name; `s` must outlive the result. Certificates have to be valid at the
 * options' time, or now. Errors of anchors_from_file() and revocation_new().
 */
int trust_new(struct smime *s, const struct smime_verify_options *options, struct trust **ret_trust);
struct trust *trust_free(struct trust *trust); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct trust *, trust_freep, trust_free)

time_t trust_time(const struct trust *trust);

/*
 * Whether a chain leads from the certificate to an anchor, with what the message brings as possible intermediates and for revocation. The
 * certificate's own validity, key usage and purpose are not looked at: those are checks of their own. -SMIME_E_NO_MEMORY,
 * -SMIME_E_PROTOCOL.
 */
int trust_check(struct trust *trust, X509 *certificate, STACK_OF(X509) *untrusted, const struct revocation_sources *sources,
	struct arena *arena, struct trust_verdict *ret_verdict);

/*
 * What trust_check() has last found: the chain, as far as it got (NULL: none), and OpenSSL's error (X509_V_OK: none). The trust's, until the
 * next check.
 */
STACK_OF(X509) *trust_chain(const struct trust *trust);
int trust_error(const struct trust *trust);

/*
 * Whether what a validation has come across is the signer's own validity or the length of his key. Those are judged elsewhere, so that
 * they do not hide what is to be said about the chain.
 */
bool trust_is_own_fault(const X509_STORE_CTX *context);

/* Whether anchors were looked for with an agent and none answered, so that a missing anchor means little. */
bool trust_lacked_agent(const struct trust *trust);

/* Whether this text of a verdict says that nobody has named an anchor for the chain. */
bool trust_is_missing(const char *text);

/* The certificates of the files, which may be those of signers whose messages leave them out. NULL past the last one. */
X509 *trust_file_certificate(const struct trust *trust, size_t index);

#endif
