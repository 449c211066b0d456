/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaf forms put together from line ends, quoted-printable and base64, and the decoder that makes untidy quoted-printable
 * fit to be encoded again. See encode.h.
 */
#include "encode.h"

#include <string.h>

#include "client/stream/lines.h"

enum { STAGE_BYTES = 4096 }; /* of content with its line ends changed, before it is encoded */

void encode_lines(struct out *out, const uint8_t *data, size_t len) {
	bool cr = false;

	if (out->cap - out->len < 2 * len + LINES_SLACK_BYTES)
		out->full = true;
	else
		out->len += lines_to_crlf(data, len, &cr, out->data + out->len);
}

/* Where decoded octets go: to the encoder of the leaf's new form. */
static void put_decoded(struct encoder *encoder, const void *data, size_t len, struct out *out) {
	if (encoder->form == LEAF_QP_AGAIN)
		qp_encode(&encoder->qp, data, len, out);
	else
		base64_encode(&encoder->base64, data, len, out);
}

/* An octet that was escaped: CR and LF among them are no line ends. */
static void put_octet(struct encoder *encoder, uint8_t octet, struct out *out) {
	if (encoder->form == LEAF_QP_AGAIN)
		qp_encode_octet(&encoder->qp, octet, out);
	else
		base64_encode(&encoder->base64, &octet, 1, out);
}

static void put_blanks(struct encoder *encoder, struct out *out) {
	put_decoded(encoder, encoder->decoder.blanks, encoder->decoder.blank_count, out);
	encoder->decoder.blank_count = 0;
}

static int hex_value(uint8_t c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A byte behind "=". Returns false when what was held turned out to be no encoding, and the byte is still to be handled. */
static bool decode_escape(struct encoder *encoder, uint8_t c, struct out *out) {
	struct qp_decoder *decoder = &encoder->decoder;

	if (!decoder->soft && hex_value(c) >= 0) {
		if (decoder->escape_len == 1) {
			decoder->escape[decoder->escape_len++] = c;
			return true;
		}
		put_octet(encoder, (uint8_t)(hex_value(decoder->escape[1]) << 4 | hex_value(c)), out);
		decoder->escape_len = 0;
		return true;
	}
	if (decoder->escape_len == 1 && c == '\n') {
		decoder->escape_len = 0;
		decoder->blank_count = 0;
		return true;
	}
	if (decoder->escape_len == 1 && (c == ' ' || c == '\t') && decoder->blank_count < ENCODE_BLANKS_MAX) {
		decoder->blanks[decoder->blank_count++] = c;
		decoder->soft = true;
		return true;
	}
	put_decoded(encoder, decoder->escape, decoder->escape_len, out);
	put_blanks(encoder, out);
	decoder->escape_len = 0;
	return false;
}

static void decode_byte(struct encoder *encoder, uint8_t c, struct out *out) {
	struct qp_decoder *decoder = &encoder->decoder;

	if (decoder->escape_len > 0 && decode_escape(encoder, c, out))
		return;
	if (c == '\n') {
		decoder->blank_count = 0;
		put_decoded(encoder, "\r\n", 2, out);
	} else if (c == ' ' || c == '\t') {
		if (decoder->blank_count == ENCODE_BLANKS_MAX)
			put_blanks(encoder, out);
		decoder->blanks[decoder->blank_count++] = c;
	} else {
		put_blanks(encoder, out);
		decoder->soft = false;
		if (c == '=')
			decoder->escape[decoder->escape_len++] = c;
		else
			put_decoded(encoder, &c, 1, out);
	}
}

static void decode_qp(struct encoder *encoder, const uint8_t *data, size_t len, struct out *out) {
	for (size_t i = 0; i < len; i++)
		if (data[i] != '\r' || i + 1 == len || data[i + 1] != '\n')
			decode_byte(encoder, data[i], out);
}

static void decode_qp_end(struct encoder *encoder, struct out *out) {
	struct qp_decoder *decoder = &encoder->decoder;

	/* "=" at the very end is a soft line break whose line end went to the delimiter. */
	if (decoder->escape_len == 2)
		put_decoded(encoder, decoder->escape, decoder->escape_len, out);
	decoder->blank_count = 0;
	decoder->escape_len = 0;
}

static void feed_base64_lines(struct encoder *encoder, const uint8_t *data, size_t len, struct out *out) {
	uint8_t buffer[STAGE_BYTES + LINES_SLACK_BYTES];

	while (len > 0) {
		struct out stage = { .data = buffer, .cap = sizeof(buffer) };
		size_t n = len < STAGE_BYTES / 2 ? len : STAGE_BYTES / 2;

		if (n < len && data[n - 1] == '\r')
			n--;
		encode_lines(&stage, data, n);
		base64_encode(&encoder->base64, buffer, stage.len, out);
		data += n;
		len -= n;
	}
}

void encoder_begin(struct encoder *encoder, enum leaf_form form) {
	*encoder = (struct encoder){ .form = form };
}

void encoder_feed(struct encoder *encoder, const uint8_t *data, size_t len, struct out *out) {
	switch (encoder->form) {
	case LEAF_LINES:
	case LEAF_SEVEN_BIT:
		encode_lines(out, data, len);
		break;
	case LEAF_QP:
		qp_encode(&encoder->qp, data, len, out);
		break;
	case LEAF_BASE64_LINES:
		feed_base64_lines(encoder, data, len, out);
		break;
	case LEAF_BASE64_EXACT:
		base64_encode(&encoder->base64, data, len, out);
		break;
	case LEAF_BASE64_REFOLD:
		base64_refold(&encoder->refold, data, len, out);
		break;
	case LEAF_QP_AGAIN:
	case LEAF_QP_TO_BASE64:
		decode_qp(encoder, data, len, out);
		break;
	case TEXT_DROPPED:
		break;
	}
}

void encoder_end(struct encoder *encoder, bool last, struct out *out) {
	const char *encoding = scan_encoding(encoder->form);
	bool base64 = encoding && strcmp(encoding, "base64") == 0;

	decode_qp_end(encoder, out);
	qp_encode_end(&encoder->qp, out);
	base64_encode_end(&encoder->base64, out);
	base64_refold_end(&encoder->refold, out);
	if (base64 && last)
		out_put(out, "\r\n", 2);
}
