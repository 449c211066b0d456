/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parts of a mail's content that are signed or encrypted by themselves (RFC 9787: errant layers). They are no protection of the
 * mail, and are named so that nobody takes them for it.
 */
#ifndef LIB_ERRANT_H
#define LIB_ERRANT_H

#include "client/mime/entity.h"
#include "context.h"

enum { ERRANT_LOOK_MAX_BYTES = 1024 * 1024 }; /* of the content: what is protected further behind is not named */

/* `part`: its place as "2.1"; `form`: its media type. Both are valid during the call. */
typedef void (*errant_handler)(void *userdata, const char *part, const char *form);

/* Calls the handler for each such part at the front of a MIME entity. Errors of reading it. */
int errant_find(struct source *content, errant_handler handler, void *userdata);

#endif
