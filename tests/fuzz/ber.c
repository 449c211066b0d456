/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pull reader for BER: a walk that the input directs sees the same whatever pieces the octets come in, never reads
 * back, and never goes deeper than its limit. Octets up to 0xff 0xff are the steps of the walk; BER follows.
 */
#include "client/cms/ber.h"
#include "fuzz.h"
#include "smime/error.h"

enum { STEPS_MAX = 4096, COLLECT_MAX_BYTES = 512 };

/* What a walk has seen. */
struct seen {
	int result;
	uint64_t offset, octets;
	uint32_t sum;
};

static void add(struct seen *seen, const void *data, size_t len) {
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		seen->sum = seen->sum * 16777619u + p[i];
}

static int read_octets(struct ber *ber, const struct ber_header *header, bool copy, struct seen *seen) {
	struct ber_octets octets;
	uint8_t buffer[READER_PEEK_MAX_BYTES];
	const uint8_t *data = buffer;
	size_t len = 1;
	int r = ber_octets_begin(ber, header->class, header->tag, &octets);

	while (r == 0 && len > 0) {
		if (copy) {
			ssize_t n = ber_octets_read(ber, &octets, buffer, 1 + seen->octets % 7);
			r = n < 0 ? (int)n : 0;
			len = n < 0 ? 0 : (size_t)n;
		} else
			r = ber_octets_peek(ber, &octets, &data, &len);
		if (r < 0)
			break;
		add(seen, data, len);
		seen->octets += len;
		if (!copy)
			ber_octets_consume(ber, &octets, len);
	}
	return r;
}

static int collect(struct ber *ber, struct seen *seen) {
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len = 0;
	int r = ber_collect(ber, COLLECT_MAX_BYTES, &data, &len);

	if (r == 0) {
		REQUIRE(len > 0 && len <= COLLECT_MAX_BYTES);
		add(seen, data, len);
	}
	return r;
}

static int step(struct ber *ber, uint8_t what, struct seen *seen) {
	struct ber_header header;
	uint64_t number = 0;
	int r = ber_peek(ber, &header);

	if (r != 0)
		return r == 1 && ber->depth > 0 ? ber_leave(ber) : r;
	add(seen, &header.class, 1);
	add(seen, &header.tag, sizeof(header.tag));
	switch (what % 8) {
	case 0:
	case 1:
		return header.constructed ? ber_enter(ber, header.class, header.tag) : ber_skip(ber);
	case 2:
		return ber_skip(ber);
	case 3:
		return collect(ber, seen) < 0 ? -SMIME_E_MALFORMED : 0;
	case 4:
		r = ber_integer(ber, &number);
		add(seen, &number, sizeof(number));
		return r;
	case 5:
		return read_octets(ber, &header, what & 8, seen);
	case 6:
		return ber->depth > 0 ? ber_leave(ber) : ber_skip(ber);
	default:
		return ber->depth > 0 ? ber_close(ber) : ber_skip(ber);
	}
}

static struct seen walk(struct bytes steps, struct bytes input, size_t piece) {
	_cleanup_(source_unrefp) struct source *source = fuzz_source(input, piece);
	_cleanup_(reader_closep) struct reader *reader = NULL;
	struct seen seen = { .result = source_open(source, &reader) };
	struct ber ber;

	if (seen.result < 0)
		return seen;
	ber_init(&ber, reader);
	for (size_t i = 0; i < STEPS_MAX && seen.result == 0; i++) {
		uint64_t before = reader_offset(reader);
		seen.result = step(&ber, steps.len > 0 ? steps.data[i % steps.len] : 0, &seen);
		REQUIRE(ber.depth <= BER_DEPTH_MAX);
		REQUIRE(reader_offset(reader) >= before && reader_offset(reader) <= input.len);
	}
	seen.offset = reader_offset(reader);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	struct bytes steps = fuzz_take_part(&input);
	struct seen whole = walk(steps, input, input.len), pieces = walk(steps, input, 1 + steps.len % 5);

	REQUIRE(whole.result == pieces.result && whole.octets == pieces.octets && whole.sum == pieces.sum);
	REQUIRE(whole.result < 0 || whole.offset == pieces.offset);
	return 0;
}
