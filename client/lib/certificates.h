/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates as a public structure; for the files that make one.
 */
#ifndef LIB_CERTIFICATES_H
#define LIB_CERTIFICATES_H

#include <openssl/x509.h>

#include <smime/smime.h>

/* Borrows the certificates. smime_certificates_free() ends what comes out. -SMIME_E_NO_MEMORY. */
int certificates_describe(STACK_OF(X509) *from, struct smime_certificates **ret_certificates);

/* One more in a list that frees what is in it. -SMIME_E_NO_MEMORY. */
int certificates_push(STACK_OF(X509) *certificates, X509 *certificate);

#endif
