/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening one encrypted layer with the agent's keys, or with a secret that was shared.
 */
#ifndef LIB_UNWRAP_H
#define LIB_UNWRAP_H

#include "keyring.h"
#include "opening.h"

/*
 * Decrypts a layer, adds it to the report, and has read its content to the end once, so that its integrity, as far as the
 * cipher shows it, is known. `secrets` are tried first, where the message has recipients of their kind; then the agent's keys:
 * *keyring is fetched when it is NULL and stays the caller's. Each matching recipient is tried,
 * ENVELOPED_MATCHES_MAX at most. -SMIME_E_NOT_RECIPIENT; -SMIME_E_INTEGRITY, with one text for every cause; -SMIME_E_NO_KEY;
 * what the agent says of a PIN, a policy or a token ends the attempt.
 */
int unwrap_layer(struct opening *opening, const struct layer *layer, const struct shared_secrets *secrets, struct keyring **keyring,
	struct opened *ret_opened);

/*
 * Adds the layer to the report, as far as it is known without the key that opened it. `wrap_len`: octets of the AES key that the content's key was
 * wrapped with, or 0. -SMIME_E_TOO_LARGE with a message.
 */
int unwrap_report(struct opening *opening, const struct enveloped *enveloped, size_t wrap_len, struct smime_layer **ret_layer);

#endif
