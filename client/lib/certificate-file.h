/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file of certificates or of CRLs: PEM with as many as there are, or one in DER, found out by looking.
 */
#ifndef LIB_CERTIFICATE_FILE_H
#define LIB_CERTIFICATE_FILE_H

#include <openssl/x509.h>

enum {
	CERTIFICATE_FILE_MAX_BYTES = 16 * 1024 * 1024,
	CRL_FILE_MAX_BYTES = 64 * 1024 * 1024, /* of large organisations */
};

/*
 * *ret_certificates has one certificate at least and is the caller's to free with its elements. Pipes are read too.
 * -SMIME_E_IO (errno tells why), -SMIME_E_TOO_LARGE, -SMIME_E_MALFORMED, -SMIME_E_NO_MEMORY.
 */
int certificate_file_read(const char *path, STACK_OF(X509) **ret_certificates);

/* The same for CRLs. */
int crl_file_read(const char *path, STACK_OF(X509_CRL) **ret_crls);

#endif
