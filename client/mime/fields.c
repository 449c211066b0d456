/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header fields on their way out, see fields.h. What is not replaced keeps its octets, folds and order.
 */
#include "fields.h"

#include "client/stream/lines.h"
#include "header.h"
#include "smime/error.h"

enum { LINES_STEP_BYTES = 4 * 1024 };

static const char encoding_name[] = "Content-Transfer-Encoding";

int fields_write_lines(struct sink *sink, struct bytes data, enum eol eol) {
	uint8_t lines[2 * LINES_STEP_BYTES + LINES_SLACK_BYTES];
	bool cr = false;
	int r = 0;

	if (eol == EOL_KEEP)
		return sink_write(sink, data.data, data.len);
	for (size_t at = 0; r == 0 && at < data.len; at += LINES_STEP_BYTES) {
		size_t step = data.len - at < LINES_STEP_BYTES ? data.len - at : LINES_STEP_BYTES;
		size_t n = eol == EOL_LF ? lines_to_lf(data.data + at, step, &cr, lines) : lines_to_crlf(data.data + at, step, &cr, lines);

		r = sink_write(sink, lines, n);
	}
	return r == 0 && eol == EOL_LF && cr ? sink_puts(sink, "\r") : r;
}

int fields_write(struct sink *sink, const struct field *field, enum eol eol, const char *missing_end) {
	int r = fields_write_lines(sink, field->raw, eol);

	if (r < 0 || field->raw.data[field->raw.len - 1] == '\n')
		return r;
	return sink_puts(sink, missing_end);
}

bool fields_is_content(const struct field *field) {
	return header_name_begins(field->name, "Content-") && !header_name_is(field->name, "Content-Length");
}

/* A field of parameters with one more, behind what may already be a semicolon. */
static int write_with_parameter(struct sink *sink, const struct field *field, const char *parameter) {
	struct bytes lines = field->raw;
	int r;

	while (lines.len > 0 && strchr(" \t\r\n;", lines.data[lines.len - 1]))
		lines.len--;
	r = fields_write_lines(sink, lines, EOL_CRLF);
	return r < 0 ? r : sink_printf(sink, ";\r\n\t%s\r\n", parameter);
}

int fields_write_canonical(struct sink *sink, const struct entity *entity, const char *encoding, bool content_only, const char *parameter) {
	const struct field *replaced = entity_field(entity, encoding_name, NULL);
	bool ended = header_is_ended(entity->header, entity->header_len);
	int r = 0;

	for (size_t i = 0; i < entity->field_count && r >= 0; i++) {
		const struct field *field = &entity->fields[i];

		if (content_only && !fields_is_content(field))
			continue;
		if (parameter && header_name_is(field->name, "Content-Type"))
			r = write_with_parameter(sink, field, parameter);
		else if (!encoding || !header_name_is(field->name, encoding_name))
			r = fields_write(sink, field, EOL_CRLF, content_only || encoding ? "\r\n" : "");
		else if (field == replaced)
			r = sink_printf(sink, "%s: %s\r\n", encoding_name, encoding);
	}
	if (r >= 0 && encoding && !replaced)
		r = sink_printf(sink, "%s: %s\r\n", encoding_name, encoding);
	if (r >= 0 && (ended || encoding || content_only))
		r = sink_puts(sink, "\r\n");
	return r;
}
