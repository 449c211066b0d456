/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signed attributes of a SignerInfo (RFC 5652 11, RFC 8551 2.5, RFC 5035, RFC 6211).
 */
#ifndef TOKEN_ATTRIBUTES_H
#define TOKEN_ATTRIBUTES_H

#include <time.h>

#include "agent/cms/leaf.h"

struct attributes_input {
	struct bytes digest; /* of the content */
	X509 *signer;
	X509 *encryption; /* certificate to answer to, when it is another one; or NULL */
	const X509_ALGOR *digest_algorithm, *signature_algorithm;
	const STACK_OF(X509_ALGOR) *capabilities;
	time_t now;
};

/*
 * content-type, message-digest, signing-time, signingCertificateV2, cmsAlgorithmProtection, SMIMECapabilities and, where it is
 * needed, the encryption key preference. The caller frees. 0, -SMIME_E_NO_MEMORY.
 */
int attributes_make(const struct attributes_input *input, STACK_OF(X509_ATTRIBUTE) **ret_attributes);

#endif
