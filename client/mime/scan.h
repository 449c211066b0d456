/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a leaf's octets look like, and from that the transfer encoding under which they pass every mail transport
 * unchanged (RFC 2045 6, RFC 8551 3.1, RFC 2049 3).
 */
#ifndef MIME_SCAN_H
#define MIME_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "entity.h"

enum {
	SCAN_LINE_MAX_BYTES = 998, /* without line end, RFC 5322 2.1.1 */
	SCAN_COLUMNS = 76,         /* of base64 and quoted-printable, RFC 2045 6: relays fold other widths anew */
};

struct scan {
	uint64_t bytes, high; /* all, and those with the eighth bit */
	bool nul, bare_cr, long_line;
	bool from; /* a line begins with "From " */
	bool trailing_blank;
	bool wide;     /* a line has more than SCAN_COLUMNS */
	bool uneven;   /* a line that has not SCAN_COLUMNS is followed by another */
	bool ragged;   /* the line before had not */
	bool idle;     /* a line ends with "=", as quoted-printable's soft line breaks, and the next one would have fitted behind it */
	uint64_t soft; /* the columns of the line before when it ended so, else 0 */
	/* Of the line that has not ended yet. */
	uint64_t column;
	uint8_t last;
	uint8_t from_seen; /* so many of its first characters are those of "From " */
};

/* Chunks must not end between CR and LF. */
void scan_feed(struct scan *scan, const uint8_t *data, size_t len);
void scan_end(struct scan *scan);

/* How a leaf is written. LINES and SEVEN_BIT only make line ends CRLF; the others change the encoding. */
enum leaf_form {
	LEAF_LINES,         /* header and content stay */
	LEAF_SEVEN_BIT,     /* content stays, the header says 7bit */
	LEAF_QP,            /* text with its line ends as CRLF to quoted-printable */
	LEAF_BASE64_LINES,  /* text with its line ends as CRLF to base64 */
	LEAF_BASE64_EXACT,  /* octets to base64 */
	LEAF_BASE64_REFOLD, /* base64 to tidy base64 */
	LEAF_QP_AGAIN,      /* quoted-printable to tidy quoted-printable */
	LEAF_QP_TO_BASE64,
	TEXT_DROPPED, /* no leaf, but text between a multipart's header and its first delimiter: it is not written */
};
enum leaf_form scan_decide(const struct scan *scan, const struct entity *entity);

/* The Content-Transfer-Encoding of a form, or NULL when the field stays as it is. */
const char *scan_encoding(enum leaf_form form);

#endif
