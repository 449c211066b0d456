/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header blocks: taking one from a reader, and splitting it into fields (RFC 5322 2.2, with the obsolete blanks before the
 * colon). A block ends with its empty line, or before whatever is neither field nor fold, or where the data ends.
 *
 * Bytes are taken as they are: NUL, 8-bit and bare CR neither end a line nor a field.
 */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include <stdbool.h>

#include "client/stream/source.h"
#include "delimiter.h"
#include "entity.h"

enum { HEADER_NAME_MAX_BYTES = 200, HEADER_LINE_PEEK_BYTES = DELIMITER_LINE_MAX_BYTES };

enum header_line { HEADER_EOF, HEADER_EMPTY, HEADER_FIELD, HEADER_FOLD, HEADER_OTHER };

/* What the line is that begins here; HEADER_LINE_PEEK_BYTES must be visible unless the data ends. */
enum header_line header_classify(const uint8_t *line, size_t len);

/*
 * Reads the block in front of the reader; a delimiter line of `levels` ends it too. A fold in front of the first field is
 * taken along. -SMIME_E_TOO_LARGE beyond ENTITY_HEADER_MAX_BYTES.
 */
int header_read(struct reader *reader, const struct level *levels, size_t level_count, uint8_t **ret_header, size_t *ret_header_len);

/* The fields of a block, pointing into it; a fold that follows no field is a field without a name. -SMIME_E_TOO_LARGE. */
int header_split(const uint8_t *header, size_t len, struct field **ret_fields, size_t *ret_count);

/* Whether the block has the empty line that ends it. */
bool header_is_ended(const uint8_t *header, size_t len);

/* Whether the block holds NUL, or a CR that no LF follows. */
bool header_has_controls(const uint8_t *header, size_t len);

/* An entity from its header block, which is the entity's from here on, also when this fails. */
int header_to_entity(uint8_t *header, size_t len, struct entity **ret_entity);

/* Whether a name is `name`, or begins with it; ASCII case ignored. */
bool header_name_is(struct bytes field_name, const char *name);
bool header_name_equal(struct bytes a, struct bytes b);
bool header_name_begins(struct bytes field_name, const char *name);

#endif
