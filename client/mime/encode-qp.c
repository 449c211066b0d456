/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The quoted-printable encoder (RFC 2045 6.7): lines of 76 columns at most, no soft line break where none is needed (a
 * relay that refolds would break signatures), no blank at a line's end, no line that begins with "From ".
 *
 * Each token, a character or "=XX", is held back until the next one or the line's end shows whether it may take the last
 * column; "From " at the beginning of an output line is held back too until it is complete.
 */
#include <string.h>

#include "encode.h"

enum { QP_LINE_MAX = 76, FROM_LEN = 5 };

static const char from_line[] = "From ";

static void flush_from(struct qp_encoder *encoder, struct out *out) {
	out_put(out, from_line, encoder->from_seen);
	encoder->from_seen = 0;
}

/* Whether the token continues a "From " that begins the line. It is then remembered instead of written. */
static bool hold_from(struct qp_encoder *encoder, const char *token, size_t len, struct out *out) {
	if (len != 1 || encoder->column != encoder->from_seen || token[0] != from_line[encoder->from_seen])
		return false;
	encoder->from_seen++;
	encoder->column++;
	if (encoder->from_seen == FROM_LEN) {
		out_put(out, "=46rom ", 7);
		encoder->from_seen = 0;
		encoder->column = 7;
	}
	return true;
}

static void put_token(struct qp_encoder *encoder, const char *token, size_t len, struct out *out) {
	if (hold_from(encoder, token, len, out))
		return;
	flush_from(encoder, out);
	out_put(out, token, len);
	encoder->column += len;
}

static void put_break(struct qp_encoder *encoder, const char *text, struct out *out) {
	flush_from(encoder, out);
	out_put(out, text, strlen(text));
	encoder->column = 0;
}

/* Writes the held token. `more`: a token follows on the same line, so the last column must stay free for a soft break. */
static void put_held(struct qp_encoder *encoder, bool more, struct out *out) {
	if (encoder->held_len == 0)
		return;
	if (!more && encoder->held[0] == ' ' && encoder->held_len == 1) {
		memcpy(encoder->held, "=20", 3);
		encoder->held_len = 3;
	} else if (!more && encoder->held[0] == '\t') {
		memcpy(encoder->held, "=09", 3);
		encoder->held_len = 3;
	}
	if (encoder->column + encoder->held_len > (size_t)(more ? QP_LINE_MAX - 1 : QP_LINE_MAX))
		put_break(encoder, "=\r\n", out);
	put_token(encoder, encoder->held, encoder->held_len, out);
	encoder->held_len = 0;
}

static bool is_plain(uint8_t c) {
	return c >= ' ' && c < 127 && c != '=';
}

static void hold(struct qp_encoder *encoder, uint8_t c) {
	static const char digits[] = "0123456789ABCDEF";

	if (is_plain(c) || c == '\t') {
		encoder->held[0] = (char)c;
		encoder->held_len = 1;
		return;
	}
	encoder->held[0] = '=';
	encoder->held[1] = digits[c >> 4];
	encoder->held[2] = digits[c & 15];
	encoder->held_len = 3;
}

void qp_encode_octet(struct qp_encoder *encoder, uint8_t octet, struct out *out) {
	put_held(encoder, true, out);
	hold(encoder, octet);
}

/*
 * The same for a run of characters that stand for themselves and fit the line, at once; returns how many were taken. Not at
 * a line's beginning, where "From " is looked for.
 */
static size_t take_run(struct qp_encoder *encoder, const uint8_t *data, size_t len, struct out *out) {
	size_t used = encoder->column + encoder->held_len, room = used < QP_LINE_MAX ? QP_LINE_MAX - used : 0, run = 0;

	if (encoder->column == 0 || encoder->from_seen > 0)
		return 0;
	len = len < room ? len : room;
	while (run < len && is_plain(data[run]))
		run++;
	if (run < 2)
		return 0;
	put_held(encoder, true, out);
	out_put(out, data, run - 1);
	encoder->column += run - 1;
	hold(encoder, data[run - 1]);
	return run;
}

void qp_encode(struct qp_encoder *encoder, const uint8_t *data, size_t len, struct out *out) {
	for (size_t i = 0; i < len; i++) {
		i += take_run(encoder, data + i, len - i, out);
		if (i == len || (data[i] == '\r' && i + 1 < len && data[i + 1] == '\n'))
			continue;
		if (data[i] != '\n') {
			qp_encode_octet(encoder, data[i], out);
			continue;
		}
		put_held(encoder, false, out);
		put_break(encoder, "\r\n", out);
	}
}

void qp_encode_end(struct qp_encoder *encoder, struct out *out) {
	put_held(encoder, false, out);
	flush_from(encoder, out);
}
