/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking through a message: its headers, leaf contents, delimiter lines and the text around them, in their order, one
 * piece after the other and in constant memory. Put together again, the pieces are the message.
 *
 * There is no recursion: levels are an array of ENTITY_DEPTH_MAX, parts are counted up to ENTITY_PARTS_MAX.
 */
#ifndef MIME_WALK_H
#define MIME_WALK_H

#include "delimiter.h"
#include "entity.h"

enum walk_piece {
	WALK_END,
	WALK_HEADER,   /* of a part or of a message/rfc822's message; the root's is not among them */
	WALK_LEAF,     /* some of a leaf's content */
	WALK_LEAF_END, /* after each leaf, also an empty one */
	WALK_TEXT,     /* lines that are no leaf's: preamble, epilogue, what is left as it is */
	WALK_DELIMITER,
};

enum walk_role {
	ROLE_LEAF,
	ROLE_MULTIPART,
	ROLE_MESSAGE, /* message/rfc822: a header follows */
	ROLE_OPAQUE,  /* structure that is not entered: its body comes as WALK_TEXT */
};

struct walk_item {
	enum walk_piece piece;
	struct bytes bytes;          /* LEAF, TEXT: never ends between CR and LF. DELIMITER: the line without padding and end */
	uint64_t offset;             /* LEAF: of the bytes in the message */
	const struct entity *entity; /* HEADER: valid until the next call */
	enum walk_role role;         /* HEADER */
	size_t depth;                /* HEADER: how many multiparts and messages it is in */
	bool message;                /* HEADER: of a message, not of a part */
	bool line_end_before;        /* DELIMITER: a line end in front belongs to it */
	bool line_end_behind;        /* DELIMITER: false at the end of the data */
	bool last;                   /* LEAF_END: the data ends here too */
	bool innermost;              /* DELIMITER: of the multipart that was entered last, not of one around it */
};

/* What of an entity is entered: a multipart/signed or multipart/encrypted only when asked for. */
enum walk_depth { WALK_UNPROTECTED, WALK_EVERYTHING };

struct walk;

/* Starts behind the header `root` of a message. */
int walk_open(struct source *message, const struct entity *root, enum walk_depth depth, struct walk **ret_walk);
struct walk *walk_close(struct walk *walk);
DEFINE_CLEANUP(struct walk *, walk_closep, walk_close)

enum walk_role walk_root_role(const struct walk *walk);

/* The next piece, with at most `max` bytes of content. What it shows stays valid until the next call. */
int walk_next(struct walk *walk, size_t max, struct walk_item *ret_item);

#endif
