/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a mail's content, by their places; and which of them are signed or encrypted by themselves (RFC 9787: errant
 * layers): these are no protection of the mail, and are named so that nobody takes them for it.
 */
#ifndef LIB_PARTS_H
#define LIB_PARTS_H

#include "client/mime/entity.h"
#include "context.h"

enum { PARTS_LOOK_MAX_BYTES = 32 * 1024 * 1024 }; /* of the content, more than mail servers take: what is further behind is not named */

/* A part that is no multipart to be entered, or a message that is. Its texts are valid during the call that shows it. */
struct part {
	const char *place; /* "2.1" */
	const char *type;
	const char *name; /* of its file, as it is; NULL: none that programs agree on */
	bool errant;
};
typedef void (*part_handler)(void *userdata, const struct part *part);

/* Calls the handler for each part at the front of a MIME entity. 1: there is no end to its structure; errors of reading it. */
int parts_find(struct source *content, part_handler handler, void *userdata);

#endif
