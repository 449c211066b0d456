/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Delimiter lines of multiparts (RFC 2046 5.1.1): which line is one, of which level, and what line end belongs to it.
 *
 * A delimiter is "--boundary", or "--boundary--", at the beginning of a line and followed by nothing but blanks. A line
 * that only begins like one, and a match in the middle of a line, are content.
 */
#ifndef MIME_DELIMITER_H
#define MIME_DELIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DELIMITER_LINE_MAX_BYTES = 1024,                           /* of the whole line; a longer one is content */
	DELIMITER_WINDOW_MIN_BYTES = 4 * DELIMITER_LINE_MAX_BYTES, /* what must be visible for a scan, unless the data ends */
};

/* An open multipart, or (without a boundary) an open message/rfc822. */
struct level {
	char *boundary;
	size_t boundary_len;
	bool digest; /* multipart/digest: its parts are messages unless they say otherwise */
};

struct delimiter {
	size_t level;    /* index of the level that it belongs to */
	bool end;        /* "--boundary--" */
	size_t text_len; /* of the line without padding and line end */
	size_t line_len; /* of the whole line */
};

/*
 * Whether `line` begins with a delimiter line of one of `levels`; where several match, the outermost. `line` must show
 * more than DELIMITER_LINE_MAX_BYTES unless the data ends with it.
 */
bool delimiter_match(const struct level *levels, size_t level_count, const uint8_t *line, size_t len, struct delimiter *ret_delimiter);

struct delimiter_scan {
	size_t content; /* so many bytes are content; they never end between CR and LF */
	bool found;
	size_t line; /* where the delimiter line begins; between content and it lies the line end that belongs to it */
	struct delimiter delimiter;
};

/*
 * How far content goes in a window. `eof`: the data ends with the window, else it has DELIMITER_WINDOW_MIN_BYTES at least.
 * `line_start`: the window begins behind a header or a delimiter line, so that a delimiter can stand there without a line
 * end of its own. At most `max` bytes (1024 at least) of content are looked at.
 */
void delimiter_scan(const struct level *levels, size_t level_count, const uint8_t *data, size_t len, bool eof, bool line_start, size_t max,
	struct delimiter_scan *ret_scan);

#endif
