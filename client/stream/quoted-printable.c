/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The quoted-printable decoding of a source (RFC 2045 6.7), lenient: lower-case digits, bare LF line ends and lines of any
 * length are accepted; an "=" that begins nothing stays as it is.
 *
 * White space at the end of a line was added in transit and is dropped, behind the "=" of a soft line break too.
 */
#include "source.h"
#include "smime/error.h"

enum {
	QP_BLANKS_MAX_BYTES = 16 * 1024, /* a longer run of blanks is taken for content */
};

/* A pass needs no state but the place in its parent. */
static int qp_open(void *self, void **ret_state) {
	struct reader *in;
	int r;

	r = source_open(self, &in);
	if (r < 0)
		return r;
	*ret_state = in;
	return 0;
}

static void qp_close(void *state) {
	reader_close(state);
}

static bool is_blank(uint8_t c) {
	return c == ' ' || c == '\t';
}

static int digit(uint8_t c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static size_t blanks_at(const uint8_t *p, size_t len) {
	size_t n = 0;

	while (n < len && n < QP_BLANKS_MAX_BYTES && is_blank(p[n]))
		n++;
	return n;
}

/* Length of the line end at p, 0 when there is none. */
static size_t eol_at(const uint8_t *p, size_t len) {
	if (len >= 1 && p[0] == '\n')
		return 1;
	return len >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

/* An "=" and what belongs to it. Returns how much input that is; *n grows by what it yields. */
static size_t decode_escape(const uint8_t *p, size_t len, uint8_t *dst, size_t *n) {
	size_t blanks = blanks_at(p + 1, len - 1), eol = eol_at(p + 1 + blanks, len - 1 - blanks);

	if (eol > 0 || 1 + blanks == len)
		return 1 + blanks + eol;
	if (len >= 3 && digit(p[1]) >= 0 && digit(p[2]) >= 0) {
		dst[(*n)++] = (uint8_t)(digit(p[1]) << 4 | digit(p[2]));
		return 3;
	}
	dst[(*n)++] = '=';
	return 1;
}

/* Blanks: content, unless they end a line or the data. */
static size_t decode_blanks(const uint8_t *p, size_t len, uint8_t *dst, size_t *n) {
	size_t blanks = blanks_at(p, len);

	if (blanks < len && eol_at(p + blanks, len - blanks) == 0) {
		memcpy(dst + *n, p, blanks);
		*n += blanks;
	}
	return blanks;
}

/*
 * Decodes as far as it can see what belongs together: all of it when `last`, else up to QP_BLANKS_MAX_BYTES + 4 before the
 * end, which is more than any "=" or run of blanks with its line end needs.
 */
static size_t decode(const uint8_t *data, size_t len, bool last, uint8_t *dst, size_t *ret_consumed) {
	size_t safe = last ? len : len - (QP_BLANKS_MAX_BYTES + 4), at = 0, n = 0;

	while (at < safe) {
		if (data[at] == '=')
			at += decode_escape(data + at, len - at, dst, &n);
		else if (is_blank(data[at]))
			at += decode_blanks(data + at, len - at, dst, &n);
		else
			dst[n++] = data[at++];
	}
	*ret_consumed = at;
	return n;
}

static ssize_t qp_read(void *state, uint8_t *dst, size_t cap) {
	struct reader *in = state;
	size_t len, consumed, n = 0;
	const uint8_t *data;
	bool last;
	int r;

	do {
		r = reader_peek(in, READER_PEEK_MAX_BYTES, &data, &len);
		if (r < 0)
			return r;
		last = len < READER_PEEK_MAX_BYTES;
		if (len > cap) {
			len = cap;
			last = false;
		}
		n = decode(data, len, last, dst, &consumed);
		reader_consume(in, consumed);
	} while (n == 0 && !last);
	return (ssize_t)n;
}

static void qp_free(void *self) {
	source_unref(self);
}

static const struct source_ops qp_ops = {
	.open = qp_open,
	.read = qp_read,
	.close = qp_close,
	.free = qp_free,
};

int source_quoted_printable(struct source *parent, struct source **ret_source) {
	struct source *source = source_new(&qp_ops, source_ref(parent));

	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}
