/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a RecipientInfo that names an own certificate to a match that can be sent to the agent.
 *
 * Private to this folder.
 */
#ifndef CMS_MATCH_H
#define CMS_MATCH_H

#include "enveloped.h"
#include "own.h"

void match_clear(struct enveloped_match *match);

/* A whole KeyTransRecipientInfo: adds a match for each own certificate that it names. Returns 0, 1 if it can't be read. */
int match_key_trans(struct enveloped *enveloped, const struct own *own, struct bytes key_trans);

/*
 * A KeyAgreeRecipientInfo that consists of `front` (its fields before the keys) and this one RecipientEncryptedKey.
 * `originators`: certificates that may be the originator's. Returns as above.
 */
int match_key_agree(
	struct enveloped *enveloped, const struct own *own, struct bytes front, struct bytes encrypted_key, STACK_OF(X509) *originators);

#endif
