/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person is told who is to agree to an operation. Texts for people only: nothing is decided by them.
 */
#ifndef CORE_CONSENT_TEXT_H
#define CORE_CONSENT_TEXT_H

#include "judge.h"
#include "peer.h"

enum {
	CONSENT_NAME_MAX_BYTES = 48, /* of a key, a program's name for itself, a unit: what is longer is cut in the middle */
	CONSENT_TEXT_MAX_BYTES = 80, /* of an address, a path, a claim */
};

/* One paragraph for each kind of thing, the surest first and claims last. -SMIME_E_NO_MEMORY. */
int consent_text(const struct peer *peer, const struct wire_request *wire, const struct verdict *verdict, const char *what,
	STACK_OF(ASN1_UTF8STRING) **ret_paragraphs);

#endif
