/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The octets of an octet string, whatever its segments are nested like (X.690 8.7).
 *
 * Content of gigabytes goes through here: nothing is copied, and a segment costs one look at its header.
 */
#include "ber.h"

#include "smime/error.h"

enum { BER_TAG_OCTET_STRING = 4 };

int ber_octets_begin(struct ber *ber, uint8_t class, uint32_t tag, struct ber_octets *ret_octets) {
	struct ber_octets octets = { .depth = ber->depth };
	struct ber_header header;
	int r;

	r = ber_peek(ber, &header);
	if (r < 0)
		return r;
	if (r == 1 || header.class != class || header.tag != tag)
		return -SMIME_E_MALFORMED;
	if (header.constructed) {
		r = ber_enter(ber, class, tag);
		if (r < 0)
			return r;
	} else {
		reader_consume(ber->in, header.header_len);
		octets.left = header.len;
	}
	*ret_octets = octets;
	return 0;
}

/* One step towards the next octet: into a segment, or out of one that has ended. */
static int step(struct ber *ber, struct ber_octets *octets) {
	struct ber_header header;
	int r;

	r = ber_peek(ber, &header);
	if (r < 0)
		return r;
	if (r == 1)
		return ber_leave(ber);
	if (header.class != BER_UNIVERSAL || header.tag != BER_TAG_OCTET_STRING)
		return -SMIME_E_MALFORMED;
	if (header.constructed)
		return ber_enter(ber, BER_UNIVERSAL, BER_TAG_OCTET_STRING);
	reader_consume(ber->in, header.header_len);
	octets->left = header.len;
	return 0;
}

/* Until there is an octet to read, or none left at all. */
static int advance(struct ber *ber, struct ber_octets *octets) {
	int r;

	while (octets->left == 0 && !octets->done) {
		if (ber->depth == octets->depth) {
			octets->done = true;
			break;
		}
		r = step(ber, octets);
		if (r < 0)
			return r;
	}
	return 0;
}

int ber_octets_peek(struct ber *ber, struct ber_octets *octets, const uint8_t **ret_data, size_t *ret_len) {
	const uint8_t *data;
	size_t len;
	int r;

	r = advance(ber, octets);
	if (r < 0)
		return r;
	if (octets->done) {
		*ret_len = 0;
		return 0;
	}
	r = reader_peek(ber->in, 1, &data, &len);
	if (r < 0)
		return r;
	if (len == 0)
		return -SMIME_E_TRUNCATED;
	*ret_data = data;
	*ret_len = len < octets->left ? len : (size_t)octets->left;
	return 0;
}

void ber_octets_consume(struct ber *ber, struct ber_octets *octets, size_t len) {
	reader_consume(ber->in, len);
	octets->left -= len;
}

ssize_t ber_octets_read(struct ber *ber, struct ber_octets *octets, uint8_t *dst, size_t cap) {
	const uint8_t *data;
	size_t len, n = 0;
	int r;

	while (n < cap) {
		r = ber_octets_peek(ber, octets, &data, &len);
		if (r < 0)
			return r;
		if (len == 0)
			break;
		len = len < cap - n ? len : cap - n;
		memcpy(dst + n, data, len);
		ber_octets_consume(ber, octets, len);
		n += len;
	}
	return (ssize_t)n;
}

int ber_octets_skip(struct ber *ber, struct ber_octets *octets, uint64_t *ret_len) {
	uint64_t len = 0;
	int r;

	for (;;) {
		r = advance(ber, octets);
		if (r < 0)
			return r;
		if (octets->done)
			break;
		r = reader_skip(ber->in, octets->left);
		if (r < 0)
			return r;
		len += octets->left;
		octets->left = 0;
	}
	*ret_len = len;
	return 0;
}
