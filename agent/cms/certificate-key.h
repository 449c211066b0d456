/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a certificate says of its key: which algorithms it is for, and the key itself (RFC 4055, RFC 5480, RFC 8410).
 *
 * One RSA key can be certified for every use, for RSASSA-PSS alone, with or without parameters, or for RSAES-OAEP alone; OpenSSL
 * takes the first two for keys of different types and does not read the third. Judges nothing: suitable.h does.
 */
#ifndef CMS_CERTIFICATE_KEY_H
#define CMS_CERTIFICATE_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/wire/base.h"

/* The algorithm of the SubjectPublicKeyInfo: NID_rsaEncryption, NID_rsassaPss, NID_rsaesOaep, NID_X9_62_id_ecPublicKey, .. */
int cms_certificate_key_algorithm(const X509 *certificate);

/* The key, which of every RSA algorithm is an EVP_PKEY_RSA; the caller frees it. NULL when it can't be read. */
EVP_PKEY *cms_certificate_key(const X509 *certificate);
DEFINE_CLEANUP(EVP_PKEY *, certificate_key_freep, EVP_PKEY_free)

/* RFC 4055 3.1: the parameters of RSASSA-PSS, with what is left out filled in. */
struct cms_pss {
	const EVP_MD *md, *mgf1_md;
	int salt_len, trailer;
};

/* Parameters that are there. -SMIME_E_MALFORMED, -SMIME_E_UNSUPPORTED for a digest or a mask that is unknown. */
int cms_pss_read(const X509_ALGOR *algorithm, struct cms_pss *ret_pss);

/*
 * What a certificate for RSASSA-PSS allows (RFC 4055 1.2: digests are fixed, the salt may be longer). Returns 0; 1 when there is no
 * restriction; errors of cms_pss_read().
 */
int cms_pss_restriction(const X509 *certificate, struct cms_pss *ret_pss);

#endif
