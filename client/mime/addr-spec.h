/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of addr-specs (RFC 5322 3.4.1, RFC 6532), and what all address code shares: which octets can be one at all.
 */
#ifndef MIME_ADDR_SPEC_H
#define MIME_ADDR_SPEC_H

#include <stdbool.h>

#include "address.h"

/* Whether it is UTF-8 without control characters and has something on both sides of its last "@". */
bool addr_spec_is_valid(struct bytes text);

bool addr_spec_is_ascii(struct bytes text);

/* Appends a copy, with its canonical form. -SMIME_E_TOO_LARGE beyond `max` addresses. */
int addr_spec_add(struct addresses *addresses, struct bytes text, size_t max);

#endif
