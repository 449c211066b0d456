/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a leaf in one of the forms of scan.h, chunk by chunk. What comes out does not depend on the chunks, and
 * decodes to what went in.
 *
 * Output goes to a range that the caller sized; it is never written beyond.
 */
#ifndef MIME_ENCODE_H
#define MIME_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "scan.h"

enum {
	ENCODE_EXPANSION = 4, /* n bytes in become at most ENCODE_EXPANSION * n + ENCODE_SLACK_BYTES out */
	ENCODE_SLACK_BYTES = 2048,
	ENCODE_BASE64_RAW_BYTES = 57, /* in a line of 76 columns */
	ENCODE_BLANKS_MAX = 256,      /* at the end of a quoted-printable line, dropped as transport padding */
};

struct out {
	uint8_t *data;
	size_t len, cap;
	bool full; /* something did not fit */
};
static inline void out_put(struct out *out, const void *data, size_t len) {
	if (len > out->cap - out->len) {
		out->full = true;
		return;
	}
	memcpy(out->data + out->len, data, len);
	out->len += len;
}

/* Copies with every line end as CRLF, if there is room for twice as much. `data` must not end between CR and LF. */
void encode_lines(struct out *out, const uint8_t *data, size_t len);

/* To quoted-printable (RFC 2045 6.7); line ends in the input are LF or CRLF, and hard line breaks. */
struct qp_encoder {
	size_t column; /* of the output line */
	char held[3];  /* the token before: whether it needs a soft line break is known with the next one */
	size_t held_len;
	size_t from_seen; /* so many characters of "From " stand at the line's beginning and are not written yet */
};
void qp_encode(struct qp_encoder *encoder, const uint8_t *data, size_t len, struct out *out);
/* An octet that is no line end, even if it is LF. */
void qp_encode_octet(struct qp_encoder *encoder, uint8_t octet, struct out *out);
void qp_encode_end(struct qp_encoder *encoder, struct out *out);

/* From quoted-printable. Line ends come out as CRLF, what is no valid encoding comes out as it is. */
struct qp_decoder {
	uint8_t blanks[ENCODE_BLANKS_MAX];
	size_t blank_count;
	uint8_t escape[2]; /* "=" and a hexadecimal digit */
	size_t escape_len;
	bool soft; /* only blanks came behind "=" */
};

/* To base64: lines of 76 columns, with CRLF between them and none behind the last. */
struct base64_encoder {
	uint8_t raw[ENCODE_BASE64_RAW_BYTES];
	size_t raw_len;
	bool written; /* a line precedes */
};

/* Tidies base64: characters of the alphabet in lines of 76, up to the padding. */
struct base64_refold {
	char quantum[4];
	size_t quantum_len, column;
	bool ended;
};

struct encoder {
	enum leaf_form form;
	struct qp_encoder qp;
	struct qp_decoder decoder;
	struct base64_encoder base64;
	struct base64_refold refold;
};

void base64_encode(struct base64_encoder *encoder, const uint8_t *data, size_t len, struct out *out);
void base64_encode_end(struct base64_encoder *encoder, struct out *out);
void base64_refold(struct base64_refold *refold, const uint8_t *data, size_t len, struct out *out);
void base64_refold_end(struct base64_refold *refold, struct out *out);

void encoder_begin(struct encoder *encoder, enum leaf_form form);
void encoder_feed(struct encoder *encoder, const uint8_t *data, size_t len, struct out *out);
/* `last`: nothing follows, so that base64 ends its last line. */
void encoder_end(struct encoder *encoder, bool last, struct out *out);

#endif
