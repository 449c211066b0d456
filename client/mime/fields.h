/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing header fields as they stand in an entity: with other line ends, and with another Content-Transfer-Encoding.
 */
#ifndef MIME_FIELDS_H
#define MIME_FIELDS_H

#include <stdbool.h>

#include "client/stream/sink.h"
#include "entity.h"

/* Lines with their ends as `eol`. */
int fields_write_lines(struct sink *sink, struct bytes data, enum eol eol);

/* One field; a line end is added when the data ended without one. */
int fields_write(struct sink *sink, const struct field *field, enum eol eol, const char *missing_end);

/* Whether the field describes the content: Content-*, except the mailbox programs' Content-Length. */
bool fields_is_content(const struct field *field);

/*
 * A header in canonical form: every field with CRLF, the first Content-Transfer-Encoding replaced by `encoding` and others
 * dropped, or one added; NULL changes nothing. `content_only`: only the fields that describe the content. `parameter`, where it is not
 * NULL, is added to Content-Type. Then the empty
 * line, if the header has one or `encoding` says that content was changed.
 */
int fields_write_canonical(struct sink *sink, const struct entity *entity, const char *encoding, bool content_only, const char *parameter);

#endif
