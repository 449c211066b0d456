/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way to the content of a SignedData, which reading it and showing its content have in common.
 *
 * Private to this folder.
 */
#ifndef CMS_SIGNED_CONTENT_H
#define CMS_SIGNED_CONTENT_H

#include "ber.h"

/* Enters ContentInfo and SignedData and reads the version. -SMIME_E_NOT_CMS when it is another type. */
int signed_enter(struct ber *ber, int64_t *ret_version);

/*
 * Behind eContentType: enters [0] EXPLICIT and begins the octet string. Returns 0, 1 when there is no content, or an error
 * (-SMIME_E_UNSUPPORTED for content that is no octet string, as PKCS #7 allowed).
 */
int signed_content_begin(struct ber *ber, struct ber_octets *ret_octets);

#endif
