/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way into EnvelopedData and AuthEnvelopedData, which scanning and decrypting have in common.
 *
 * Private to this folder.
 */
#ifndef CMS_ENVELOPED_WALK_H
#define CMS_ENVELOPED_WALK_H

#include "ber.h"

/* Enters ContentInfo and the content, and reads the version. -SMIME_E_NOT_CMS when it is another type. */
int enveloped_enter(struct ber *ber, bool *ret_authenticated);

/* At encryptedContent [0]: begins the octet string. -SMIME_E_UNSUPPORTED when it is elsewhere (detached). */
int enveloped_octets_begin(struct ber *ber, struct ber_octets *ret_octets);

#endif
