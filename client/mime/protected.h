/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header protection (RFC 9788) as it is read: header fields of a mail that stand once more inside what is signed or encrypted,
 * and what the sender says of them; beside it the two older ways (a wrapped message as in RFC 8551 3.1, and
 * protected-headers="v1").
 *
 * Tells what the fields are, never whether anybody signed them.
 */
#ifndef MIME_PROTECTED_H
#define MIME_PROTECTED_H

#include "entity.h"

enum {
	PROTECTED_VALUE_MAX_BYTES = 64 * 1024, /* of a field that is compared; a longer one is as different as can be */
	PROTECTED_CUTS_MAX = 8,
};

enum protected_scheme {
	PROTECTED_NONE,
	PROTECTED_CLEAR,  /* hp="clear": nothing of the header is meant to be confidential */
	PROTECTED_CIPHER, /* hp="cipher": HP-Outer fields say what of it is not */
	PROTECTED_V1,     /* protected-headers="v1": the sender does not say what is confidential */
	PROTECTED_RFC822, /* the payload is the message itself; nor does he here */
};

/* Octets of a payload that are there for programs which know nothing of header protection (RFC 9788 2.1.2). */
struct protected_cut {
	uint64_t offset, len;
};

struct protected_header {
	enum protected_scheme scheme;
	struct entity *entity;  /* whose fields they are; NULL without a scheme */
	struct source *content; /* what that entity was read from */
	struct protected_cut cuts[PROTECTED_CUTS_MAX];
	size_t cut_count; /* in `content`, in their order */
};
void protected_clear(struct protected_header *header); /* usable as a cleanup attribute */

/*
 * Looks at a payload: the MIME entity behind all layers of protection. PROTECTED_NONE without header protection, and where two
 * programs could read two things: a header with controls, two Content-Type, two From or two of any other field of which a message
 * has one. A wrapped message counts only if it is from the same address as `outer`, since one that was forwarded looks alike.
 * Errors of reading, -SMIME_E_NO_MEMORY.
 */
int protected_read(struct source *payload, const struct entity *outer, struct protected_header *ret_header);

/* Whether a field says how the entity is built (MIME-Version, Content-*) or is HP-Outer: nothing that is protected as a field. */
bool protected_is_structural(const struct field *field);

/* Whether people are shown a field of this name as what the sender wrote (RFC 9787 1.1.2), beside From and Date, which each mail has. */
bool protected_is_shown(const struct field *field);

/* Whether a field tells of a message's way, or what a server thought of it: nothing that a sender can say of his own message. */
bool protected_is_trace(const struct field *field);

/* A value without its folds and the blanks around it; NULL: no memory. The caller frees it. */
char *protected_value(const struct field *field);

/* Whether a header has this field with this very value. -SMIME_E_NO_MEMORY. */
int protected_has(const struct entity *entity, const struct field *field);

/* Whether the sender says that the field stands outside too, so that it is nothing secret (RFC 9788 2.2). -SMIME_E_NO_MEMORY. */
int protected_is_exposed(const struct protected_header *header, const struct entity *outer, const struct field *field);

/* Whether From of two headers is one and the same single address. -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL. */
int protected_same_from(const struct entity *a, const struct entity *b);

/* The content without its cuts. */
int protected_content(const struct protected_header *header, struct source **ret_content);

#endif
