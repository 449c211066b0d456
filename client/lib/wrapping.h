/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The outer signature of a triple wrapped mail (RFC 2634 1.1).
 *
 * Private to encrypt.c.
 */
#ifndef LIB_WRAPPING_H
#define LIB_WRAPPING_H

#include "sign.h"

struct wrapping {
	int fd; /* a file without a name that takes the encrypted entity */
};

/* Makes the file. -SMIME_E_SPOOL. wrapping_clear() ends it, in any state. */
int wrapping_begin(struct wrapping *wrapping);
void wrapping_clear(struct wrapping *wrapping);

/*
 * Signs what was written to the file, an entity with CRLF line ends, and writes the mail with the header of `input` around it.
 * Errors with a message.
 */
int wrapping_sign(
	struct smime *s, const struct wrapping *wrapping, const struct input *input, const struct smime_sign_options *options, int out);

#endif
