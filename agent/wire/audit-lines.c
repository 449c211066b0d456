/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines from a descriptor; see audit-lines.h.
 */
#include "audit-lines.h"

#include <errno.h>

#include <smime/error.h>

#include "audit-chain.h"

int audit_lines_open(int fd, struct audit_lines *ret_lines) {
	*ret_lines = (struct audit_lines){ .fd = fd, .buffer = malloc(AUDIT_LINE_MAX_BYTES), .whole = true };
	return ret_lines->buffer ? 0 : -SMIME_E_NO_MEMORY;
}

void audit_lines_close(struct audit_lines *lines) {
	free(lines->buffer);
	lines->buffer = NULL;
}

/* Fills the buffer. 1, or 0 when there is no more. */
static int fill(struct audit_lines *lines) {
	ssize_t n;

	memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
	lines->end -= lines->begin;
	lines->begin = 0;
	do
		n = read(lines->fd, lines->buffer + lines->end, AUDIT_LINE_MAX_BYTES - lines->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -SMIME_E_IO;
	lines->end += (size_t)n;
	return n > 0;
}

static void give(struct audit_lines *lines, size_t len, bool whole) {
	lines->begins = lines->whole;
	lines->whole = whole;
	lines->number += lines->begins;
	lines->line = (struct bytes){ lines->buffer + lines->begin, len };
	lines->begin += len + whole;
	lines->offset += len + whole;
}

int audit_lines_next(struct audit_lines *lines) {
	for (;;) {
		size_t len = lines->end - lines->begin;
		const uint8_t *end = memchr(lines->buffer + lines->begin, '\n', len);
		int r = end || len == AUDIT_LINE_MAX_BYTES ? 0 : fill(lines);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (!end && len == 0)
			return 0;
		give(lines, end ? (size_t)(end - (lines->buffer + lines->begin)) : len, end != NULL);
		return 1;
	}
}
