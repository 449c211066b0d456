/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening one encrypted layer with the agent's keys.
 */
#ifndef LIB_UNWRAP_H
#define LIB_UNWRAP_H

#include "keyring.h"
#include "opening.h"

/*
 * Decrypts a layer, adds it to the report, and has read its content to the end once, so that its integrity, as far as the
 * cipher shows it, is known. *keyring is fetched when it is NULL and stays the caller's. Each matching recipient is tried,
 * ENVELOPED_MATCHES_MAX at most. -SMIME_E_NOT_RECIPIENT; -SMIME_E_INTEGRITY, with one text for every cause; -SMIME_E_NO_KEY;
 * what the agent says of a PIN, a policy or a token ends the attempt.
 */
int unwrap_layer(struct opening *opening, const struct layer *layer, struct keyring **keyring, struct opened *ret_opened);

#endif
