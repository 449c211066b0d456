/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A failure with words for the person: what failed, on what, what to do. The number travels as the return value, the words
 * beside it.
 *
 * Never holds a PIN, a key or anything decrypted.
 */
#ifndef TOKEN_FAULT_H
#define TOKEN_FAULT_H

#include "agent/wire/limits.h"

struct fault {
	char text[WIRE_TEXT_MAX_BYTES];
};

/* Sets the words and returns -code: `return fault_set(fault, SMIME_E_NO_KEY, "token %s has no such key", name);` */
int fault_set(struct fault *fault, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The words for error r: those that were set, else what smime_strerror() says. */
const char *fault_text(const struct fault *fault, int r);

#endif
