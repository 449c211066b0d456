/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing protected header fields, see protect.h.
 *
 * Must never leave a field outside as it is that the payload calls hidden.
 */
#include "protect.h"

#include "fields.h"
#include "header.h"
#include "protected.h"
#include "smime/error.h"

enum { LINE_MAX_BYTES = 998 }; /* RFC 5322 2.1.1, without its end */

static const char outer_prefix[] = "HP-Outer:";

static bool is_one_of(const struct field *field, const char *const *names) {
	for (; *names; names++)
		if (header_name_is(field->name, *names))
			return true;
	return false;
}

static bool is_inner(const struct field *field) {
	static const char *const hidden[] = { "Bcc", "Resent-Bcc", NULL };

	return field->name.len > 0 && !protected_is_structural(field) && !protected_is_trace(field) && !is_one_of(field, hidden);
}

static bool is_left_out(const struct field *field, enum protect protect) {
	static const char *const names[] = { "Comments", "Keywords", NULL };

	return protect == PROTECT_CIPHER && is_one_of(field, names);
}

static bool is_hidden(const struct field *field, enum protect protect) {
	return protect == PROTECT_CIPHER && header_name_is(field->name, "Subject");
}

int protect_write_outer(struct sink *sink, const struct field *field, enum protect protect, enum eol eol, const char *missing_end) {
	const char *line_end = eol == EOL_LF ? "\n" : eol == EOL_CRLF ? "\r\n" : missing_end;

	if (protect != PROTECT_NOTHING && header_name_is(field->name, "HP-Outer"))
		return 0;
	if (is_left_out(field, protect))
		return 0;
	if (is_hidden(field, protect))
		return sink_printf(sink, "%.*s: [...]%s", (int)field->name.len, (const char *)field->name.data, line_end);
	return fields_write(sink, field, eol, missing_end);
}

static size_t first_line_len(const struct field *field) {
	const uint8_t *newline = memchr(field->raw.data, '\n', field->raw.len);

	return newline ? (size_t)(newline - field->raw.data) : field->raw.len;
}

/* What stands outside, behind the name of the record; in a line of its own where one would be too long. */
static int write_record(struct sink *sink, const struct field *field, enum protect protect) {
	bool fits = sizeof(outer_prefix) + first_line_len(field) <= LINE_MAX_BYTES;
	int r;

	if (is_left_out(field, protect))
		return 0;
	r = sink_printf(sink, "%s%s ", outer_prefix, fits ? "" : "\r\n");
	return r < 0 ? r : protect_write_outer(sink, field, protect, EOL_CRLF, "\r\n");
}

int protect_write_inner(struct sink *sink, const struct entity *entity, enum protect protect) {
	int r = 0;

	for (size_t i = 0; i < entity->field_count && r >= 0; i++)
		if (is_inner(&entity->fields[i]))
			r = fields_write(sink, &entity->fields[i], EOL_CRLF, "\r\n");
	for (size_t i = 0; i < entity->field_count && r >= 0 && protect == PROTECT_CIPHER; i++)
		if (is_inner(&entity->fields[i]))
			r = write_record(sink, &entity->fields[i], protect);
	return r;
}

const char *protect_parameter(enum protect protect) {
	return protect == PROTECT_CLEAR ? "hp=\"clear\"" : protect == PROTECT_CIPHER ? "hp=\"cipher\"" : NULL;
}
