/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which authorities' certificates the agent would send with a signature, found without making one.
 *
 * Follows the rule of agent/token/chain.c; a certificate that is of no key of the agent is sent with nothing.
 */
#ifndef LIB_SENT_H
#define LIB_SENT_H

#include <openssl/x509.h>

#include "context.h"

enum { SENT_DEPTH_MAX = 8 }; /* CHAIN_DEPTH_MAX of the token process */

struct sent {
	STACK_OF(X509) *chain;      /* what goes with a signature, but for the signer's own */
	STACK_OF(X509) *configured; /* else everything that `certificates:` names; NULL when the certificate is of a key of the agent */
};

/*
 * Appends what the agent has of a token (NULL: of none) that belongs to no key, behind everything that `certificates:` names. Errors of
 * agent_call().
 */
int sent_take_all(struct smime *s, const ASN1_OCTET_STRING *token, STACK_OF(X509) *certificates);

/* ret_sent: sent_clear(). Errors of agent_call(). */
int sent_find(struct smime *s, X509 *certificate, struct sent *ret_sent);
void sent_clear(struct sent *sent); /* usable as a cleanup attribute */

#endif
