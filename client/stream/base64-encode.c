/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sink that encodes base64 (RFC 2045 6.8) into lines of 76 columns.
 */
#include "base64.h"
#include "sink.h"
#include "smime/error.h"

enum {
	BASE64_EOL_MAX_BYTES = 2,
	BASE64_LINES = 512, /* encoded at a time */
};

struct base64_sink {
	struct sink *next;
	char eol[BASE64_EOL_MAX_BYTES];
	size_t eol_len;
	bool vectors;
	uint16_t pair[4096]; /* two characters for 12 bits, in memory order */
	uint8_t line[BASE64_LINE_BYTES];
	size_t line_len; /* less than a whole line */
	uint8_t out[BASE64_LINES * (BASE64_LINE_COLUMNS + BASE64_EOL_MAX_BYTES) + BASE64_VECTOR_BYTES];
};

static inline uint8_t *put_pair(const struct base64_sink *sink, uint8_t *out, unsigned bits) {
	memcpy(out, &sink->pair[bits], 2);
	return out + 2;
}

/* `len` is a multiple of three. */
static uint8_t *encode_groups(const struct base64_sink *sink, const uint8_t *data, size_t len, uint8_t *out) {
	for (const uint8_t *end = data + len; data < end; data += 3) {
		out = put_pair(sink, out, (unsigned)data[0] << 4 | data[1] >> 4);
		out = put_pair(sink, out, (data[1] & 15u) << 8 | data[2]);
	}
	return out;
}

static uint8_t *put_eol(const struct base64_sink *sink, uint8_t *out) {
	memcpy(out, sink->eol, sink->eol_len);
	return out + sink->eol_len;
}

/* Whole lines, at most BASE64_LINES. */
static int encode_lines(struct base64_sink *sink, const uint8_t *data, size_t lines) {
	size_t len = lines * BASE64_LINE_BYTES;
	uint8_t *out = sink->out;

	for (; sink->vectors && len >= BASE64_READ_BYTES; len -= BASE64_LINE_BYTES, data += BASE64_LINE_BYTES) {
		base64_encode_line_vectors(data, out);
		out = put_eol(sink, out + BASE64_LINE_COLUMNS);
	}
	for (; len > 0; len -= BASE64_LINE_BYTES, data += BASE64_LINE_BYTES)
		out = put_eol(sink, encode_groups(sink, data, BASE64_LINE_BYTES, out));
	return sink_write(sink->next, sink->out, (size_t)(out - sink->out));
}

/* Completes the line that an earlier write began. Returns how much it took. */
static int continue_line(struct base64_sink *sink, const uint8_t *data, size_t len, size_t *ret_taken) {
	size_t n = BASE64_LINE_BYTES - sink->line_len;
	int r;

	n = len < n ? len : n;
	memcpy(sink->line + sink->line_len, data, n);
	sink->line_len += n;
	if (sink->line_len == BASE64_LINE_BYTES) {
		r = encode_lines(sink, sink->line, 1);
		if (r < 0)
			return r;
		sink->line_len = 0;
	}
	*ret_taken = n;
	return 0;
}

static int base64_write(void *self, const uint8_t *data, size_t len) {
	struct base64_sink *sink = self;
	size_t n = 0;
	int r;

	if (sink->line_len > 0) {
		r = continue_line(sink, data, len, &n);
		if (r < 0)
			return r;
		data += n;
		len -= n;
	}
	while (len >= BASE64_LINE_BYTES) {
		n = len / BASE64_LINE_BYTES;
		n = n < BASE64_LINES ? n : BASE64_LINES;
		r = encode_lines(sink, data, n);
		if (r < 0)
			return r;
		data += n * BASE64_LINE_BYTES;
		len -= n * BASE64_LINE_BYTES;
	}
	return continue_line(sink, data, len, &n);
}

/* The last line, which may end with a padded group. */
static int base64_finish(void *self) {
	struct base64_sink *sink = self;
	size_t whole = sink->line_len / 3 * 3, rest = sink->line_len - whole;
	uint8_t last[3] = { 0 };
	uint8_t *out;
	int r;

	if (sink->line_len > 0) {
		out = encode_groups(sink, sink->line, whole, sink->out);
		if (rest > 0) {
			memcpy(last, sink->line + whole, rest);
			out = encode_groups(sink, last, sizeof(last), out);
			memset(out - (3 - rest), '=', 3 - rest);
		}
		out = put_eol(sink, out);
		r = sink_write(sink->next, sink->out, (size_t)(out - sink->out));
		if (r < 0)
			return r;
	}
	return sink_finish(sink->next);
}

static const struct sink_ops base64_sink_ops = { .write = base64_write, .finish = base64_finish, .free = free };

int sink_base64(struct sink *next, const char *eol, struct sink **ret_sink) {
	struct base64_sink *self;
	struct sink *sink;

	if (strlen(eol) > BASE64_EOL_MAX_BYTES)
		return -SMIME_E_INTERNAL;
	self = malloc(sizeof(*self));
	if (!self)
		return -SMIME_E_NO_MEMORY;
	self->next = next;
	self->line_len = 0;
	self->vectors = base64_vectors();
	self->eol_len = strlen(eol);
	memcpy(self->eol, eol, self->eol_len);
	for (unsigned bits = 0; bits < 4096; bits++) {
		const char pair[2] = { base64_alphabet[bits >> 6], base64_alphabet[bits & 63] };

		memcpy(&self->pair[bits], pair, sizeof(pair));
	}
	sink = sink_new(&base64_sink_ops, self);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}
