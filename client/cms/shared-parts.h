/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What shared.c is made of: the structures, and the two ways to wrap a key. Private to this folder.
 */
#ifndef CMS_SHARED_PARTS_H
#define CMS_SHARED_PARTS_H

#include "agent/cms/leaf.h"
#include "shared.h"

/* RFC 5652 6.2.3 */
struct cms_kek_info {
	int32_t version;
	struct cms_recipient_key_id *id;
	X509_ALGOR *key_encryption;
	ASN1_OCTET_STRING *encrypted_key;
};

/* RFC 5652 6.2.4 */
struct cms_password_info {
	int32_t version;
	X509_ALGOR *key_derivation; /* [0] OPTIONAL */
	X509_ALGOR *key_encryption;
	ASN1_OCTET_STRING *encrypted_key;
};
CMS_DECLARE(cms_kek_info)
CMS_DECLARE(cms_password_info)

/* Fills everything of `info` but the identifier; fresh salt and vector each time. */
int password_wrap(const struct secret *password, const struct secret *cek, struct cms_password_info *info);

/* Errors of shared_decrypt(). */
int password_unwrap(const struct secret *password, const struct cms_password_info *info, size_t len, struct secret *ret_cek);

/*
 * AES key wrap (RFC 3394) with its default initial value; `wrap` fits the key-encryption key. Unwrapping: a key of `len` octets.
 * -SMIME_E_INTEGRITY, -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL.
 */
int key_wrap(const EVP_CIPHER *wrap, const struct secret *kek, const struct secret *cek, ASN1_OCTET_STRING *encrypted);
int key_unwrap(const EVP_CIPHER *wrap, const struct secret *kek, struct bytes encrypted, size_t len, struct secret *ret_cek);

#endif
