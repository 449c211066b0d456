/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing base64 (RFC 2045 6.8) in lines of 76 columns: from octets, and from base64 whose lines are not fit for mail.
 *
 * Line ends stand between lines only: the one behind the last belongs to the delimiter that follows.
 */
#include <string.h>

#include <openssl/evp.h>

#include "encode.h"

enum { BASE64_COLUMNS = 76 };

static void put_line(struct base64_encoder *encoder, const uint8_t *raw, size_t len, struct out *out) {
	uint8_t line[BASE64_COLUMNS + 1];

	if (encoder->written)
		out_put(out, "\r\n", 2);
	out_put(out, line, (size_t)EVP_EncodeBlock(line, raw, (int)len));
	encoder->written = true;
}

void base64_encode(struct base64_encoder *encoder, const uint8_t *data, size_t len, struct out *out) {
	size_t n;

	if (encoder->raw_len > 0) {
		n = sizeof(encoder->raw) - encoder->raw_len;
		n = n < len ? n : len;
		memcpy(encoder->raw + encoder->raw_len, data, n);
		encoder->raw_len += n;
		data += n;
		len -= n;
		if (encoder->raw_len < sizeof(encoder->raw))
			return;
		put_line(encoder, encoder->raw, sizeof(encoder->raw), out);
	}
	for (; len >= sizeof(encoder->raw); data += sizeof(encoder->raw), len -= sizeof(encoder->raw))
		put_line(encoder, data, sizeof(encoder->raw), out);
	memcpy(encoder->raw, data, len);
	encoder->raw_len = len;
}

void base64_encode_end(struct base64_encoder *encoder, struct out *out) {
	if (encoder->raw_len > 0)
		put_line(encoder, encoder->raw, encoder->raw_len, out);
	encoder->raw_len = 0;
}

static bool is_base64_char(uint8_t c) {
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static void put_quantum(struct base64_refold *refold, struct out *out) {
	if (refold->column == BASE64_COLUMNS) {
		out_put(out, "\r\n", 2);
		refold->column = 0;
	}
	out_put(out, refold->quantum, 4);
	refold->column += 4;
	refold->quantum_len = 0;
}

/* Completes what is left at the padding or the end; a single character holds no octet. */
static void put_padded(struct base64_refold *refold, struct out *out) {
	if (refold->quantum_len < 2)
		return;
	memset(refold->quantum + refold->quantum_len, '=', 4 - refold->quantum_len);
	put_quantum(refold, out);
}

void base64_refold(struct base64_refold *refold, const uint8_t *data, size_t len, struct out *out) {
	for (size_t i = 0; i < len && !refold->ended; i++)
		if (data[i] == '=') {
			put_padded(refold, out);
			refold->ended = true;
		} else if (is_base64_char(data[i])) {
			refold->quantum[refold->quantum_len++] = (char)data[i];
			if (refold->quantum_len == 4)
				put_quantum(refold, out);
		}
}

void base64_refold_end(struct base64_refold *refold, struct out *out) {
	if (!refold->ended)
		put_padded(refold, out);
}
