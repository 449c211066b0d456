/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which certificates go with a signature: the signer's, the one to encrypt answers to, the intermediates; never a root.
 */
#ifndef TOKEN_CHAIN_H
#define TOKEN_CHAIN_H

#include <time.h>

#include "inventory.h"

enum { CHAIN_DEPTH_MAX = 8 };

/*
 * The certificate with which others encrypt to the signer, when the signer's own does not serve for it; NULL when there is none.
 * Borrowed from the inventory.
 */
X509 *chain_encryption_certificate(const struct inventory *inventory, X509 *signer, time_t now);

/* Adds the DER of signer, encryption certificate (may be NULL) and the intermediates of both. 0, -SMIME_E_NO_MEMORY. */
int chain_collect(const struct inventory *inventory, X509 *signer, X509 *encryption, STACK_OF(ASN1_OCTET_STRING) **certificates);

#endif
