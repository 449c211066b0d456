/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A quick look at whom a RecipientInfo is for, without parsing it.
 *
 * Private to this folder. Looks at bytes in memory, knows only the usual encoding, and says so when it meets another.
 */
#ifndef CMS_RECIPIENT_NAME_H
#define CMS_RECIPIENT_NAME_H

#include "own.h"

/* The rid of a whole KeyTransRecipientInfo, or of a whole RecipientEncryptedKey. Returns 0, or 1: only a parser can tell. */
int recipient_name_key_trans(struct bytes key_trans, struct own_name *ret_name);
int recipient_name_encrypted_key(struct bytes encrypted_key, struct own_name *ret_name);

#endif
