/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening one encrypted layer with a password or a key-encryption key. Asks no agent. Private to unwrap.c.
 */
#ifndef LIB_UNWRAP_SHARED_H
#define LIB_UNWRAP_SHARED_H

#include "opening.h"

/*
 * Tries the secrets on each recipient of their kind, and adds the layer that was opened to the report. Returns 0; 1 when the
 * message has no such recipient; -SMIME_E_INTEGRITY, with one text for every cause, and other errors with a message.
 */
int unwrap_shared(struct opening *opening, const struct layer *layer, struct enveloped *enveloped, const struct shared_secrets *secrets,
	struct opened *ret_opened);

/* What a person needs who has no key for this message: -SMIME_E_NOT_RECIPIENT with a message. 1 when it is for keys alone. */
int unwrap_shared_lacking(struct smime *s, const struct enveloped *enveloped);

#endif
