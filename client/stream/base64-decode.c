/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decoding of base64 (RFC 2045 6.8) as a source.
 *
 * Lenient: any line length, any junk between. It ends at padding; where the data ends inside a group, the bytes that are
 * complete are still given, and what reads them finds its structure cut off. Nothing is looked up byte by byte while the
 * input is regular: vectors where the processor has them, and four tables that give three bytes for four characters.
 */
#include <endian.h>

#include "base64.h"
#include "source.h"
#include "smime/error.h"

enum {
	BASE64_JUNK = 64, /* no character of the alphabet */
	BASE64_PAD = 65,
};

/* No character of the alphabet: outside the 24 bits of a group. */
#define GROUP_JUNK 0x80000000u

struct base64_pass {
	struct reader *in;
	uint32_t group[4][256]; /* what a character adds at each place of a group, first byte lowest */
	uint8_t value[256];
	uint32_t bits; /* of an incomplete group */
	unsigned have; /* characters in it */
	bool vectors;
	bool ended;
};

static void make_tables(struct base64_pass *pass) {
	uint32_t v;

	memset(pass->value, BASE64_JUNK, sizeof(pass->value));
	pass->value['='] = BASE64_PAD;
	for (unsigned c = 0; c < 256; c++)
		for (unsigned place = 0; place < 4; place++)
			pass->group[place][c] = GROUP_JUNK;
	for (v = 0; v < 64; v++) {
		uint8_t c = (uint8_t)base64_alphabet[v];

		pass->value[c] = (uint8_t)v;
		pass->group[0][c] = v << 2;
		pass->group[1][c] = v >> 4 | (v & 15) << 12;
		pass->group[2][c] = (v >> 2) << 8 | (v & 3) << 22;
		pass->group[3][c] = v << 16;
	}
}

static int base64_open(void *self, void **ret_state) {
	struct base64_pass *pass = malloc(sizeof(*pass));
	int r;

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	memset(pass, 0, sizeof(*pass));
	r = source_open(self, &pass->in);
	if (r < 0) {
		free(pass);
		return r;
	}
	make_tables(pass);
	pass->vectors = base64_vectors();
	*ret_state = pass;
	return 0;
}

static void base64_close(void *state) {
	struct base64_pass *pass = state;

	reader_close(pass->in);
	free(pass);
}

static inline uint32_t group_at(const struct base64_pass *pass, const uint8_t *p) {
	return pass->group[0][p[0]] | pass->group[1][p[1]] | pass->group[2][p[2]] | pass->group[3][p[3]];
}

/* Writes four bytes, of which three count. */
static inline void put_group(uint8_t *dst, uint32_t group) {
	group = htole32(group);
	memcpy(dst, &group, sizeof(group));
}

/*
 * Whole groups without anything between them, and the line ends between lines. Stops at whatever else there is. `dst` has
 * room for three bytes for each four of input and BASE64_VECTOR_BYTES more.
 */
static size_t decode_regular(const struct base64_pass *pass, const uint8_t **from, const uint8_t *end, uint8_t *dst) {
	const uint8_t *p = *from;
	uint8_t *out = dst;
	uint32_t a, b, c, d;

	if (pass->vectors)
		out += base64_decode_vectors(&p, end, out);
	for (;;) {
		while (end - p >= 16) {
			a = group_at(pass, p);
			b = group_at(pass, p + 4);
			c = group_at(pass, p + 8);
			d = group_at(pass, p + 12);
			if ((a | b | c | d) & GROUP_JUNK)
				break;
			put_group(out, a);
			put_group(out + 3, b);
			put_group(out + 6, c);
			put_group(out + 9, d);
			p += 16;
			out += 12;
		}
		while (end - p >= 4 && !((a = group_at(pass, p)) & GROUP_JUNK)) {
			put_group(out, a);
			p += 4;
			out += 3;
		}
		if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
			p += 2;
		else if (end - p >= 1 && p[0] == '\n')
			p++;
		else
			break;
	}
	*from = p;
	return (size_t)(out - dst);
}

/* The bytes of a group that ended early (1 or 2), with its padding or with the data. */
static size_t flush_group(struct base64_pass *pass, uint8_t *dst) {
	unsigned n = pass->have > 1 ? pass->have - 1 : 0;

	pass->bits <<= 6 * (4 - pass->have);
	for (unsigned i = 0; i < n; i++)
		dst[i] = (uint8_t)(pass->bits >> (16 - 8 * i));
	pass->have = 0;
	pass->bits = 0;
	return n;
}

/* One character after the other, until a group is complete again, the data is padded, or the input ends. */
static size_t decode_irregular(struct base64_pass *pass, const uint8_t **from, const uint8_t *end, uint8_t *dst) {
	const uint8_t *p = *from;
	size_t n = 0;

	while (p < end && n == 0 && !pass->ended) {
		uint8_t v = pass->value[*p++];

		if (v == BASE64_PAD) {
			pass->ended = true;
			n = flush_group(pass, dst);
		} else if (v != BASE64_JUNK) {
			pass->bits = pass->bits << 6 | v;
			if (++pass->have == 4)
				n = flush_group(pass, dst);
		} else if (pass->have == 0)
			break;
	}
	*from = p;
	return n;
}

static size_t decode(struct base64_pass *pass, const uint8_t *data, size_t len, uint8_t *dst) {
	const uint8_t *p = data, *end = data + len;
	size_t n = 0;

	while (p < end && !pass->ended) {
		if (pass->have == 0)
			n += decode_regular(pass, &p, end, dst + n);
		n += decode_irregular(pass, &p, end, dst + n);
	}
	return n;
}

static ssize_t base64_read(void *state, uint8_t *dst, size_t cap) {
	struct base64_pass *pass = state;
	const uint8_t *data;
	size_t len, n = 0;
	int r;

	while (n == 0 && !pass->ended) {
		r = reader_peek(pass->in, 1, &data, &len);
		if (r < 0)
			return r;
		if (len == 0) {
			pass->ended = true;
			return (ssize_t)flush_group(pass, dst);
		}
		/* What a group yields is less than its characters: no more input than there is room, less what is written in vain. */
		if (len > cap - BASE64_VECTOR_BYTES)
			len = cap - BASE64_VECTOR_BYTES;
		n = decode(pass, data, len, dst);
		reader_consume(pass->in, len);
	}
	return (ssize_t)n;
}

static void base64_free(void *self) {
	source_unref(self);
}

static const struct source_ops base64_ops = {
	.open = base64_open,
	.read = base64_read,
	.close = base64_close,
	.free = base64_free,
};

int source_base64(struct source *parent, struct source **ret_source) {
	struct source *source = source_new(&base64_ops, source_ref(parent));

	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}
