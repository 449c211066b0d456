/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding delimiter lines in windows of a body. The search goes from hyphen to hyphen with memchr(), so that content
 * costs next to nothing, and the matching looks at lengths first, so that many levels and many "--" lines don't multiply.
 *
 * Must never take a line for a delimiter that it can't see to its end.
 */
#include "delimiter.h"

#include <string.h>

/* The length of the text of a line, without padding; `line_len` gets the length with the line end. 0: no end in sight. */
static size_t line_text(const uint8_t *line, size_t len, size_t *line_len) {
	size_t visible = len < DELIMITER_LINE_MAX_BYTES ? len : DELIMITER_LINE_MAX_BYTES;
	const uint8_t *newline = memchr(line, '\n', visible);
	size_t end = newline ? (size_t)(newline - line) : visible;

	if (!newline && visible < len)
		return 0;
	*line_len = newline ? end + 1 : end;
	if (end > 0 && line[end - 1] == '\r')
		end--;
	while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		end--;
	return end;
}

static bool level_matches(const struct level *level, const uint8_t *text, size_t len, bool *end) {
	*end = len == level->boundary_len + 2;
	if (!level->boundary || (len != level->boundary_len && !*end))
		return false;
	if (*end && (text[len - 1] != '-' || text[len - 2] != '-'))
		return false;
	return memcmp(text, level->boundary, level->boundary_len) == 0;
}

bool delimiter_match(const struct level *levels, size_t level_count, const uint8_t *line, size_t len, struct delimiter *ret_delimiter) {
	struct delimiter delimiter = { 0 };

	if (len < 2 || line[0] != '-' || line[1] != '-')
		return false;
	delimiter.text_len = line_text(line, len, &delimiter.line_len);
	if (delimiter.text_len <= 2)
		return false;

	for (size_t i = 0; i < level_count; i++)
		if (level_matches(&levels[i], line + 2, delimiter.text_len - 2, &delimiter.end)) {
			delimiter.level = i;
			*ret_delimiter = delimiter;
			return true;
		}
	return false;
}

void delimiter_scan(const struct level *levels, size_t level_count, const uint8_t *data, size_t len, bool eof, bool line_start, size_t max,
	struct delimiter_scan *ret_scan) {
	struct delimiter_scan scan = { 0 };
	size_t limit = eof ? len : len - DELIMITER_LINE_MAX_BYTES - 1;

	if (limit > max)
		limit = max;
	if (line_start && delimiter_match(levels, level_count, data, len, &scan.delimiter)) {
		scan.found = true;
		*ret_scan = scan;
		return;
	}

	/* Hyphens are rarer than line ends, above all in base64. */
	for (const uint8_t *p = data + 1, *end = data + (limit < len ? limit + 1 : len);
		level_count > 0 && p < end && (p = memchr(p, '-', (size_t)(end - p))); p++) {
		size_t line = (size_t)(p - data);

		if (p[-1] != '\n' || !delimiter_match(levels, level_count, p, len - line, &scan.delimiter))
			continue;
		scan.found = true;
		scan.line = line;
		scan.content = line > 1 && p[-2] == '\r' ? line - 2 : line - 1;
		*ret_scan = scan;
		return;
	}

	scan.content = limit;
	if (limit > 0 && data[limit - 1] == '\r' && !(eof && limit == len))
		scan.content--;
	*ret_scan = scan;
}
