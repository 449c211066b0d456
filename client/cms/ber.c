/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pull reader for BER: headers, levels, whole elements.
 *
 * Where an element lies is checked against every definite length around it before anything of it is used, so that no inner
 * length can make an outer element look complete. State is a fixed array of levels.
 */
#include "ber.h"

#include "smime/error.h"

enum {
	BER_LOOKAHEAD_BYTES = 64,
	BER_TAG_BYTES_MAX = 5, /* 30 bits in groups of seven */
	BER_TAG_MAX = (1 << 30) - 1,
	BER_LENGTH_BYTES_MAX = 32, /* leading zeros included, which BER allows */
	BER_TAG_INTEGER = 2,
	BER_INTEGER_BYTES_MAX = 9, /* 64 bits and a sign */
	BER_COLLECT_FIRST_BYTES = 4096,
};

#define BER_LENGTH_MAX (UINT64_C(1) << 62)

void ber_init(struct ber *ber, struct reader *in) {
	ber->in = in;
	ber->depth = 0;
}

static uint64_t bound(const struct ber *ber) {
	return ber->depth > 0 ? ber->levels[ber->depth - 1].end : UINT64_MAX;
}

static bool indefinite_level(const struct ber *ber) {
	return ber->depth > 0 && ber->levels[ber->depth - 1].indefinite;
}

/* Bytes of one header, as far as there are any. Running out of them: `short_error`. */
struct cursor {
	const uint8_t *p, *end;
	int short_error;
};

static int next_byte(struct cursor *cursor, uint8_t *ret_byte) {
	if (cursor->p == cursor->end)
		return cursor->short_error;
	*ret_byte = *cursor->p++;
	return 0;
}

/* Where the header may be read from: not beyond the level's end. */
static int look(struct ber *ber, struct cursor *ret_cursor) {
	uint64_t room = bound(ber) - reader_offset(ber->in);
	const uint8_t *data;
	size_t len;
	int r;

	r = reader_peek(ber->in, BER_LOOKAHEAD_BYTES, &data, &len);
	if (r < 0)
		return r;
	*ret_cursor = (struct cursor){ .p = data, .end = data + len, .short_error = -SMIME_E_TRUNCATED };
	if (len > room) {
		ret_cursor->end = data + room;
		ret_cursor->short_error = -SMIME_E_MALFORMED;
	}
	return 0;
}

static int read_tag(struct cursor *cursor, struct ber_header *header) {
	uint8_t byte;
	int r;

	r = next_byte(cursor, &byte);
	if (r < 0)
		return r;
	header->class = byte & 0xc0;
	header->constructed = byte & 0x20;
	header->tag = byte & 0x1f;
	if (header->tag != 0x1f)
		return 0;
	header->tag = 0;
	for (unsigned i = 0; i < BER_TAG_BYTES_MAX; i++) {
		r = next_byte(cursor, &byte);
		if (r < 0)
			return r;
		if (i == 0 && byte == 0x80)
			return -SMIME_E_MALFORMED;
		header->tag = header->tag << 7 | (byte & 0x7f);
		if (header->tag > BER_TAG_MAX)
			return -SMIME_E_TOO_LARGE;
		if (!(byte & 0x80))
			return 0;
	}
	return -SMIME_E_TOO_LARGE;
}

static int read_length(struct cursor *cursor, struct ber_header *header) {
	uint8_t byte, count;
	int r;

	r = next_byte(cursor, &byte);
	if (r < 0)
		return r;
	header->indefinite = byte == 0x80;
	header->len = header->indefinite || byte > 0x80 ? 0 : byte;
	if (byte == 0xff || (header->indefinite && !header->constructed))
		return -SMIME_E_MALFORMED;
	if (byte <= 0x80)
		return 0;
	count = byte & 0x7f;
	if (count > BER_LENGTH_BYTES_MAX)
		return -SMIME_E_TOO_LARGE;
	for (; count > 0; count--) {
		r = next_byte(cursor, &byte);
		if (r < 0)
			return r;
		if (header->len > BER_LENGTH_MAX >> 8)
			return -SMIME_E_TOO_LARGE;
		header->len = header->len << 8 | byte;
	}
	return header->len > BER_LENGTH_MAX ? -SMIME_E_TOO_LARGE : 0;
}

/* Whether the current level ends here: 1, or 0, or an error. */
static int at_end(const struct ber *ber, struct cursor cursor) {
	uint8_t first, second;
	int r;

	if (ber->depth == 0)
		return cursor.p == cursor.end;
	if (!indefinite_level(ber))
		return reader_offset(ber->in) == bound(ber);
	r = next_byte(&cursor, &first);
	if (r < 0)
		return r;
	if (first != 0)
		return 0;
	r = next_byte(&cursor, &second);
	if (r < 0)
		return r;
	return second == 0 ? 1 : -SMIME_E_MALFORMED;
}

int ber_peek(struct ber *ber, struct ber_header *ret_header) {
	struct ber_header header = { 0 };
	struct cursor cursor;
	const uint8_t *start;
	int r;

	r = look(ber, &cursor);
	if (r < 0)
		return r;
	r = at_end(ber, cursor);
	if (r != 0)
		return r;
	start = cursor.p;
	r = read_tag(&cursor, &header);
	if (r < 0)
		return r;
	r = read_length(&cursor, &header);
	if (r < 0)
		return r;
	header.header_len = (size_t)(cursor.p - start);
	/* End-of-contents octets where no indefinite length is open. */
	if (header.class == BER_UNIVERSAL && header.tag == 0)
		return -SMIME_E_MALFORMED;
	if (header.len > bound(ber) - reader_offset(ber->in) - header.header_len)
		return -SMIME_E_MALFORMED;
	*ret_header = header;
	return 0;
}

/* As ber_peek(), where there has to be an element. */
static int peek_element(struct ber *ber, struct ber_header *ret_header) {
	int r = ber_peek(ber, ret_header);

	if (r == 1)
		return ber->depth == 0 ? -SMIME_E_TRUNCATED : -SMIME_E_MALFORMED;
	return r;
}

static int push(struct ber *ber, const struct ber_header *header) {
	struct ber_level *level;

	if (ber->depth == BER_DEPTH_MAX)
		return -SMIME_E_TOO_LARGE;
	level = &ber->levels[ber->depth];
	level->indefinite = header->indefinite;
	level->end = header->indefinite ? bound(ber) : reader_offset(ber->in) + header->header_len + header->len;
	reader_consume(ber->in, header->header_len);
	ber->depth++;
	return 0;
}

static int expect(struct ber *ber, uint8_t class, uint32_t tag, struct ber_header *ret_header) {
	int r = peek_element(ber, ret_header);

	if (r < 0)
		return r;
	return ret_header->class == class && ret_header->tag == tag ? 0 : -SMIME_E_MALFORMED;
}

int ber_enter(struct ber *ber, uint8_t class, uint32_t tag) {
	struct ber_header header;
	int r;

	r = expect(ber, class, tag, &header);
	if (r < 0)
		return r;
	return header.constructed ? push(ber, &header) : -SMIME_E_MALFORMED;
}

/* Where the bytes of an element go that is taken whole: nowhere, or into a buffer that grows with what really comes. */
struct collector {
	uint8_t *data;
	size_t len, room, max;
	bool full; /* it was more than `max`: nothing is kept any more */
};

static int collector_reserve(struct collector *collector, uint64_t len) {
	size_t room = collector->room > 0 ? collector->room : BER_COLLECT_FIRST_BYTES;
	uint8_t *data;

	if (len <= collector->room - collector->len)
		return 0;
	while (room - collector->len < len)
		room *= 2;
	data = realloc(collector->data, room);
	if (!data)
		return -SMIME_E_NO_MEMORY;
	collector->data = data;
	collector->room = room;
	return 0;
}

static int collect(struct ber *ber, uint64_t len, struct collector *collector) {
	const uint8_t *data;
	size_t n;
	int r;

	collector->full |= len > collector->max - collector->len;
	if (collector->full)
		return reader_skip(ber->in, len);
	while (len > 0) {
		r = reader_peek(ber->in, 1, &data, &n);
		if (r < 0)
			return r;
		if (n == 0)
			return -SMIME_E_TRUNCATED;
		n = n < len ? n : (size_t)len;
		r = collector_reserve(collector, n);
		if (r < 0)
			return r;
		memcpy(collector->data + collector->len, data, n);
		collector->len += n;
		reader_consume(ber->in, n);
		len -= n;
	}
	return 0;
}

static int pass(struct ber *ber, uint64_t len, struct collector *collector) {
	return collector ? collect(ber, len, collector) : reader_skip(ber->in, len);
}

/* One step into an element of indefinite length: its header only. */
static int descend(struct ber *ber, const struct ber_header *header, struct collector *collector) {
	struct ber_header rest = *header;
	int r;

	if (ber->depth == BER_DEPTH_MAX)
		return -SMIME_E_TOO_LARGE;
	r = pass(ber, header->header_len, collector);
	if (r < 0)
		return r;
	rest.header_len = 0;
	return push(ber, &rest);
}

/* Passes what is left of the levels deeper than `depth`, which are all indefinite, with their ends. */
static int pass_levels(struct ber *ber, unsigned depth, struct collector *collector) {
	struct ber_header header;
	int r;

	while (ber->depth > depth) {
		r = ber_peek(ber, &header);
		if (r < 0)
			return r;
		if (r == 1) {
			r = pass(ber, 2, collector);
			ber->depth--;
		} else if (header.indefinite)
			r = descend(ber, &header, collector);
		else
			r = pass(ber, header.header_len + header.len, collector);
		if (r < 0)
			return r;
	}
	return 0;
}

static int pass_element(struct ber *ber, struct collector *collector) {
	unsigned depth = ber->depth;
	struct ber_header header;
	int r;

	r = peek_element(ber, &header);
	if (r < 0)
		return r;
	if (!header.indefinite)
		return pass(ber, header.header_len + header.len, collector);
	r = descend(ber, &header, collector);
	return r < 0 ? r : pass_levels(ber, depth, collector);
}

int ber_leave(struct ber *ber) {
	const struct ber_level *level = &ber->levels[ber->depth - 1];
	int r;

	if (level->indefinite)
		return pass_levels(ber, ber->depth - 1, NULL);
	r = reader_skip(ber->in, level->end - reader_offset(ber->in));
	if (r == 0)
		ber->depth--;
	return r;
}

int ber_close(struct ber *ber) {
	struct ber_header header;
	int r;

	r = ber_peek(ber, &header);
	if (r < 0)
		return r;
	return r == 1 ? ber_leave(ber) : -SMIME_E_MALFORMED;
}

int ber_skip(struct ber *ber) {
	return pass_element(ber, NULL);
}

int ber_collect(struct ber *ber, size_t max, uint8_t **ret_data, size_t *ret_len) {
	struct collector collector = { .max = max };
	int r;

	r = pass_element(ber, &collector);
	if (r < 0 || collector.full) {
		free(collector.data);
		return r < 0 ? r : 1;
	}
	*ret_data = collector.data;
	*ret_len = collector.len;
	return 0;
}

int ber_integer(struct ber *ber, uint64_t *ret_value) {
	uint8_t octets[BER_INTEGER_BYTES_MAX];
	struct ber_header header;
	uint64_t value = 0;
	int r;

	r = expect(ber, BER_UNIVERSAL, BER_TAG_INTEGER, &header);
	if (r < 0)
		return r;
	if (header.constructed || header.len == 0)
		return -SMIME_E_MALFORMED;
	if (header.len > sizeof(octets))
		return -SMIME_E_TOO_LARGE;
	reader_consume(ber->in, header.header_len);
	r = reader_read_exact(ber->in, octets, (size_t)header.len);
	if (r < 0)
		return r;
	if (octets[0] & 0x80)
		return -SMIME_E_MALFORMED;
	if (header.len == sizeof(octets) && octets[0] != 0)
		return -SMIME_E_TOO_LARGE;
	for (size_t i = 0; i < header.len; i++)
		value = value << 8 | octets[i];
	*ret_value = value;
	return 0;
}
