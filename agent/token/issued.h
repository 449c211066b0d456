/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which certificate was signed with which: verified once, since neither changes, and a signature of a certificate costs as much to verify as
 * one that is being made. Safe to use from several threads.
 */
#ifndef TOKEN_ISSUED_H
#define TOKEN_ISSUED_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "agent/wire/base.h"

enum { ISSUED_MAX = 64 }; /* pairs that are kept; others are verified each time */

struct issued;

/* NULL: out of memory. Ended with issued_free(), which accepts NULL. */
struct issued *issued_new(void);
struct issued *issued_free(struct issued *issued);

/*
 * Whether `issuer` names itself as the issuer of `certificate` and its key verifies the signature (RFC 5280 6.1.3 a 1 and 4). Both must
 * live as long as `issued`, which knows them by their addresses.
 */
bool issued_by(struct issued *issued, X509 *certificate, X509 *issuer);

#endif
