/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SMIMECapabilities (RFC 8551 2.5.2): what somebody's programs can read, as far as it matters to who encrypts.
 *
 * The list comes from a signed attribute, from a certificate's extension (RFC 4262) or from the agent: whether it is to be believed
 * is the caller's to know.
 */
#ifndef CMS_CAPABILITIES_H
#define CMS_CAPABILITIES_H

#include <openssl/x509.h>

#include "agent/wire/base.h"

enum { CAPABILITIES_MAX_BYTES = 4096 };

enum capability {
	CAPABILITY_AES256_GCM = 1 << 0,
	CAPABILITY_CHACHA20_POLY1305 = 1 << 1,
	CAPABILITY_AES128_GCM = 1 << 2,
	CAPABILITY_AES256_CBC = 1 << 3,
	CAPABILITY_AES128_CBC = 1 << 4,
	CAPABILITY_CEK_HKDF_SHA256 = 1 << 5, /* RFC 9709 */
	CAPABILITY_OAEP_SHA256 = 1 << 6,     /* RSAES-OAEP with SHA-256 and MGF1-SHA-256 */
};

/* The capabilities of a list that are known here, in any order. */
unsigned capabilities_of(const STACK_OF(X509_ALGOR) *list);

/* The same from the DER of the list. -SMIME_E_MALFORMED, -SMIME_E_TOO_LARGE. */
int capabilities_parse(struct bytes der, unsigned *ret_capabilities);

/* The certificate's own (RFC 4262). Returns 0, 1 when it has none that can be read. */
int capabilities_of_certificate(const X509 *certificate, unsigned *ret_capabilities);

#endif
