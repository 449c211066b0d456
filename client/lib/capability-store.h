/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people's programs can read, as their own good signatures have said it (RFC 8551 2.7.1): one small file for each public key.
 *
 * Never holds anything of a message but the list and the time. A convenience: what can't be read or written is as if it were
 * not there, and nothing fails for it.
 */
#ifndef LIB_CAPABILITY_STORE_H
#define LIB_CAPABILITY_STORE_H

#include <time.h>

#include <openssl/x509.h>

#include "agent/wire/base.h"

#define CAPABILITY_STORE_NAME "smime-agent/capabilities" /* below $XDG_STATE_HOME, else ~/.local/state */

enum { CAPABILITY_STORE_FILES_MAX = 10000 };

/* What is stored for the key of a certificate. Returns 0, 1 when nothing is. */
int capability_store_read(const X509 *certificate, unsigned *ret_capabilities);

/*
 * Stores a list, in DER, that a signature of `signed_at` has, unless a newer one is stored. The caller has found the signature and
 * its signer good.
 */
void capability_store_write(const X509 *certificate, time_t signed_at, struct bytes der);

#endif
