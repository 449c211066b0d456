/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two ways to make a RecipientInfo, one for each kind of key. Private to this folder.
 */
#ifndef CMS_RECIPIENT_KEYS_H
#define CMS_RECIPIENT_KEYS_H

#include <openssl/evp.h>

#include "agent/cms/leaf.h"
#include "agent/wire/secret.h"

DEFINE_CLEANUP(EVP_PKEY *, evp_pkey_freep, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, evp_pkey_ctx_freep, EVP_PKEY_CTX_free)

/* RSA: fills key_encryption and encrypted_key. `oaep`: that algorithm, its parameters included; NULL: v1.5. */
int key_trans_encrypt(struct cms_key_trans *info, EVP_PKEY *key, const X509_ALGOR *oaep, const struct secret *cek);

/* id-RSAES-OAEP with SHA-256 and MGF1-SHA-256 (RFC 4055 4.1). NULL: no memory. */
X509_ALGOR *key_trans_oaep(void);

/* EC: fills originator, key_encryption and the encrypted key of `recipient`, whose rid is the caller's. */
int key_agree_encrypt(struct cms_key_agree *info, EVP_PKEY *key, const struct secret *cek, struct cms_encrypted_key *recipient);

#endif
