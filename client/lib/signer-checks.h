/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The groups of checks that signer_check() is made of.
 *
 * Private to signer*.c.
 */
#ifndef LIB_SIGNER_CHECKS_H
#define LIB_SIGNER_CHECKS_H

#include "signer.h"

#define OID_RECEIPT "1.2.840.113549.1.9.16.1.1" /* RFC 2634 2.8 */

/* The message-digest attribute, {NULL, 0} unless there is exactly one with one value. */
struct bytes signer_message_digest(const struct signer *signer);

/* Adds the checks "attributes" (RFC 5652 11, RFC 6211, RFC 8551 2.5), and signing time. */
int signer_check_attributes(const struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *out);

/* Adds what the signer asks for or says about the message beside that (RFC 2634). Errors of reading the content, -SMIME_E_NO_MEMORY. */
int signer_check_ess(const struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *out);

/*
 * What the attributes signing-certificate and signing-certificate-v2 (RFC 5035) say of a certificate: 1 when they name it, 0 when
 * there are none, -SMIME_E_SIGNATURE when they name another, -SMIME_E_MALFORMED when they can't be read.
 */
int signer_names_certificate(const struct signer *signer, const X509 *certificate);

/* The index-th certificate that the signer's identifier fits, borrowed; NULL past the last one. */
X509 *signer_candidate(struct signer *signer, const struct signer_scene *scene, size_t index);

/* Adds every check of the signer's certificate itself. -SMIME_E_NO_MEMORY. */
int signer_check_certificate(X509 *certificate, const struct signer_scene *scene, struct report *report, struct smime_signer *out);

#endif
