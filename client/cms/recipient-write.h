/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making RecipientInfos: a content-encryption key for the holder of a certificate.
 *
 * Private to this folder.
 */
#ifndef CMS_RECIPIENT_WRITE_H
#define CMS_RECIPIENT_WRITE_H

#include <openssl/x509.h>

#include "agent/cms/leaf.h"
#include "agent/wire/secret.h"

/*
 * A KeyTransRecipientInfo for an RSA key, a KeyAgreeRecipientInfo for an EC, X25519 or X448 key. `oaep`: RSAES-OAEP with SHA-256 where the
 * certificate leaves the choice. -SMIME_E_UNSUPPORTED for any other key.
 */
int recipient_make(X509 *certificate, const struct secret *cek, bool oaep, struct cms_recipient_info **ret_info);

#endif
