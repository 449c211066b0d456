/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header protection (RFC 9788) as it is written: the mail's fields inside what is signed or encrypted, and what of them stands
 * outside then, by the policy hcp_baseline (RFC 9788 3.2.1): the subject is hidden, comments and keywords are left out.
 */
#ifndef MIME_PROTECT_H
#define MIME_PROTECT_H

#include "client/stream/sink.h"
#include "entity.h"

enum protect {
	PROTECT_NOTHING,
	PROTECT_CLEAR,  /* the payload is signed only */
	PROTECT_CIPHER, /* it is encrypted */
};

/*
 * The fields that go inside, with CRLF, and with PROTECT_CIPHER an HP-Outer for each that stands outside, as it does there. Bcc is
 * none of them, since every recipient sees them; nor is what the way here has added.
 */
int protect_write_inner(struct sink *sink, const struct entity *entity, enum protect protect);

/* A field as it stands outside, if it does. `missing_end` is the line end of one that has none. */
int protect_write_outer(struct sink *sink, const struct field *field, enum protect protect, enum eol eol, const char *missing_end);

/* The parameter of Content-Type that says so, "hp=\"cipher\""; NULL for PROTECT_NOTHING. */
const char *protect_parameter(enum protect protect);

#endif
