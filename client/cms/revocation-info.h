/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The members of SignedData's set of revocation information (RFC 5652 10.2.1): CRLs, and OCSP responses (RFC 5940 2).
 *
 * Reads them only: what they are worth is client/lib/revocation's to say.
 */
#ifndef CMS_REVOCATION_INFO_H
#define CMS_REVOCATION_INFO_H

#include <openssl/x509.h>

#include "agent/wire/base.h"

/*
 * One member in DER. *ret_crl, or *ret_ocsp with the DER of an OCSPResponse, is the caller's; both are NULL when it is something
 * else, or can't be read. -SMIME_E_NO_MEMORY.
 */
int revocation_info_read(struct bytes der, X509_CRL **ret_crl, uint8_t **ret_ocsp, size_t *ret_ocsp_len);

#endif
