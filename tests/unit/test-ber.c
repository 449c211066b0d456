/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The BER reader: every form of header that X.690 allows, every lie about lengths, and every place where input may end.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "client/cms/ber.h"
#include "smime/error.h"

/* Gives one byte with each read, so that nothing may rely on a full buffer. */
struct trickle {
	const uint8_t *data;
	size_t len, at;
};

static int trickle_open(void *self, void **ret_state) {
	struct trickle *pass = malloc(sizeof(*pass));

	assert_non_null(pass);
	*pass = *(struct trickle *)self;
	*ret_state = pass;
	return 0;
}

static ssize_t trickle_read(void *state, uint8_t *dst, size_t cap) {
	struct trickle *pass = state;

	if (pass->at == pass->len)
		return 0;
	*dst = pass->data[pass->at++];
	return 1;
}

static const struct source_ops trickle_ops = { .open = trickle_open, .read = trickle_read, .close = free, .free = free };

struct input {
	struct source *source;
	struct reader *reader;
	struct ber ber;
};

static void input_end(struct input *input) {
	reader_close(input->reader);
	source_unref(input->source);
}

static void input_begin(struct input *input, const void *data, size_t len) {
	struct trickle *trickle = malloc(sizeof(*trickle));

	assert_non_null(trickle);
	*trickle = (struct trickle){ .data = data, .len = len };
	input->source = source_new(&trickle_ops, trickle);
	assert_non_null(input->source);
	assert_int_equal(source_open(input->source, &input->reader), 0);
	ber_init(&input->ber, input->reader);
}

#define INPUT(name, ...)                                       \
	static const uint8_t name##_bytes[] = { __VA_ARGS__ }; \
	_cleanup_(input_end) struct input name;                \
	input_begin(&name, name##_bytes, sizeof(name##_bytes))

static int peek_result(const uint8_t *data, size_t len, struct ber_header *ret_header) {
	_cleanup_(input_end) struct input input;

	input_begin(&input, data, len);
	return ber_peek(&input.ber, ret_header);
}

#define PEEK(header, ...) peek_result((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), header)

static void headers_of_every_form_are_read(void **state) {
	struct ber_header h;

	assert_int_equal(PEEK(&h, 0x30, 0x03), 0);
	assert_int_equal(h.class, BER_UNIVERSAL);
	assert_int_equal(h.tag, 16);
	assert_true(h.constructed && !h.indefinite && h.len == 3 && h.header_len == 2);
	assert_int_equal(PEEK(&h, 0xa3, 0x80), 0);
	assert_true(h.class == BER_CONTEXT && h.tag == 3 && h.constructed && h.indefinite && h.len == 0);
	assert_int_equal(PEEK(&h, 0x04, 0x81, 0x05), 0);
	assert_true(!h.constructed && h.len == 5 && h.header_len == 3);
	assert_int_equal(PEEK(&h, 0x04, 0x84, 0, 0, 0, 5), 0);
	assert_true(h.len == 5 && h.header_len == 6);
	assert_int_equal(PEEK(&h, 0x04, 0x88, 0x40, 0, 0, 0, 0, 0, 0, 0), 0);
	assert_true(h.len == UINT64_C(1) << 62);
	assert_int_equal(PEEK(&h, 0x04, 0x8a, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0), 0);
	assert_true(h.len == UINT64_C(1) << 62);
	assert_int_equal(PEEK(&h, 0x5f, 0x1f, 0x00), 0);
	assert_true(h.class == BER_APPLICATION && h.tag == 31 && h.header_len == 3);
	assert_int_equal(PEEK(&h, 0xdf, 0x83, 0xff, 0xff, 0xff, 0x7f, 0x00), 0);
	assert_true(h.class == BER_PRIVATE && h.tag == (1 << 30) - 1);
}

static void impossible_headers_are_refused(void **state) {
	struct ber_header h;

	assert_int_equal(PEEK(&h, 0x04, 0x80), -SMIME_E_MALFORMED); /* indefinite, but primitive */
	assert_int_equal(PEEK(&h, 0x30, 0xff), -SMIME_E_MALFORMED); /* reserved */
	assert_int_equal(PEEK(&h, 0x00, 0x00), -SMIME_E_MALFORMED); /* end-of-contents of nothing */
	assert_int_equal(PEEK(&h, 0x00, 0x01), -SMIME_E_MALFORMED);
	assert_int_equal(PEEK(&h, 0x1f, 0x80, 0x01, 0x00), -SMIME_E_MALFORMED); /* tag with a leading zero */
	assert_int_equal(PEEK(&h, 0x04, 0x88, 0x40, 0, 0, 0, 0, 0, 0, 1), -SMIME_E_TOO_LARGE);
	assert_int_equal(PEEK(&h, 0x04, 0x89, 0x01, 0, 0, 0, 0, 0, 0, 0, 0), -SMIME_E_TOO_LARGE);
	assert_int_equal(PEEK(&h, 0x04, 0xa1), -SMIME_E_TOO_LARGE);
	assert_int_equal(PEEK(&h, 0x1f, 0x84, 0x80, 0x80, 0x80, 0x00, 0x00), -SMIME_E_TOO_LARGE);
	assert_int_equal(PEEK(&h, 0x1f, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81), -SMIME_E_TOO_LARGE);
}

static void a_header_that_is_cut_off_is_truncated(void **state) {
	struct ber_header h;

	assert_int_equal(PEEK(&h, 0x30), -SMIME_E_TRUNCATED);
	assert_int_equal(PEEK(&h, 0x1f), -SMIME_E_TRUNCATED);
	assert_int_equal(PEEK(&h, 0x04, 0x82), -SMIME_E_TRUNCATED);
	assert_int_equal(PEEK(&h, 0x04, 0x82, 0x01), -SMIME_E_TRUNCATED);
	assert_int_equal(peek_result((const uint8_t *)"", 0, &h), 1);
}

static void an_element_must_lie_within_all_definite_ones_around_it(void **state) {
	struct ber_header h;

	{
		INPUT(in, 0x30, 0x02, 0x04, 0x01, 0xff);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_peek(&in.ber, &h), -SMIME_E_MALFORMED);
	}
	{
		/* Its header already does not fit. */
		INPUT(in, 0x30, 0x01, 0x04, 0x00);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_peek(&in.ber, &h), -SMIME_E_MALFORMED);
	}
	{
		/* An indefinite level between does not hide the bound. */
		INPUT(in, 0x30, 0x06, 0x30, 0x80, 0x04, 0x03, 1, 2, 3, 0, 0);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_peek(&in.ber, &h), -SMIME_E_MALFORMED);
	}
	{
		/* Nor may the end-of-contents octets lie outside. */
		INPUT(in, 0x30, 0x05, 0x30, 0x80, 0x04, 0x01, 1, 0, 0);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_skip(&in.ber), 0);
		assert_int_equal(ber_peek(&in.ber, &h), -SMIME_E_MALFORMED);
		assert_int_equal(ber_leave(&in.ber), -SMIME_E_MALFORMED);
	}
	{
		INPUT(in, 0x30, 0x02, 0x30, 0x80, 0x00, 0x00);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_skip(&in.ber), -SMIME_E_MALFORMED);
	}
}

static void end_of_contents_counts_only_where_a_level_is_open(void **state) {
	struct ber_header h;

	{
		INPUT(in, 0x30, 0x02, 0x00, 0x00);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_peek(&in.ber, &h), -SMIME_E_MALFORMED);
	}
	{
		INPUT(in, 0x30, 0x80, 0x00, 0x01, 0x00);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_peek(&in.ber, &h), -SMIME_E_MALFORMED);
	}
	{
		INPUT(in, 0x30, 0x80, 0x00);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_peek(&in.ber, &h), -SMIME_E_TRUNCATED);
	}
	{
		INPUT(in, 0x30, 0x80, 0x00, 0x00, 0x05, 0x00);
		assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
		assert_int_equal(ber_peek(&in.ber, &h), 1);
		assert_int_equal(ber_peek(&in.ber, &h), 1);
		assert_int_equal(ber_close(&in.ber), 0);
		assert_int_equal(ber_peek(&in.ber, &h), 0);
		assert_int_equal(h.tag, 5);
		assert_int_equal(ber_skip(&in.ber), 0);
		assert_int_equal(ber_peek(&in.ber, &h), 1);
	}
}

static void leaving_skips_what_is_left(void **state) {
	struct ber_header h;
	INPUT(in, 0x30, 0x80, 0x30, 0x07, 0x02, 0x01, 0x05, 0x04, 0x02, 0x00, 0x00, 0x24, 0x80, 0x24, 0x80, 0x04, 0x01, 0x07, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x05, 0x00);

	assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
	assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 16), 0);
	assert_int_equal(ber_skip(&in.ber), 0);
	assert_int_equal(ber_close(&in.ber), -SMIME_E_MALFORMED);
	assert_int_equal(ber_leave(&in.ber), 0);
	assert_int_equal(ber_peek(&in.ber, &h), 0);
	assert_int_equal(h.tag, 4);
	assert_int_equal(ber_leave(&in.ber), 0);
	assert_int_equal(ber_peek(&in.ber, &h), 0);
	assert_int_equal(h.tag, 5);
	assert_int_equal(reader_offset(in.reader), 24);
}

static void only_the_expected_constructed_element_is_entered(void **state) {
	INPUT(in, 0x30, 0x00);
	INPUT(primitive, 0x10, 0x00);
	INPUT(empty, 0x30, 0x00);

	assert_int_equal(ber_enter(&in.ber, BER_UNIVERSAL, 17), -SMIME_E_MALFORMED);
	assert_int_equal(ber_enter(&in.ber, BER_CONTEXT, 16), -SMIME_E_MALFORMED);
	assert_int_equal(ber_enter(&primitive.ber, BER_UNIVERSAL, 16), -SMIME_E_MALFORMED);
	assert_int_equal(ber_enter(&empty.ber, BER_UNIVERSAL, 16), 0);
	assert_int_equal(ber_enter(&empty.ber, BER_UNIVERSAL, 16), -SMIME_E_MALFORMED);
	assert_int_equal(ber_skip(&empty.ber), -SMIME_E_MALFORMED);
}

static void nesting_is_limited_however_it_is_passed(void **state) {
	enum { DEEP = 1000000 };
	_cleanup_(freep) uint8_t *bytes = malloc(DEEP * 2);
	_cleanup_(input_end) struct input enter = { 0 }, skip = { 0 }, octets = { 0 };
	struct ber_octets string;
	uint8_t byte;
	int r = 0;

	for (size_t i = 0; i < DEEP; i++)
		memcpy(bytes + 2 * i, (const uint8_t[]){ 0x24, 0x80 }, 2);
	input_begin(&enter, bytes, DEEP * 2);
	for (unsigned i = 0; i < BER_DEPTH_MAX; i++)
		assert_int_equal(ber_enter(&enter.ber, BER_UNIVERSAL, 4), 0);
	assert_int_equal(ber_enter(&enter.ber, BER_UNIVERSAL, 4), -SMIME_E_TOO_LARGE);
	assert_int_equal(ber_leave(&enter.ber), -SMIME_E_TOO_LARGE);
	input_begin(&skip, bytes, DEEP * 2);
	assert_int_equal(ber_skip(&skip.ber), -SMIME_E_TOO_LARGE);
	input_begin(&octets, bytes, DEEP * 2);
	r = ber_octets_begin(&octets.ber, BER_UNIVERSAL, 4, &string);
	assert_int_equal(r, 0);
	assert_int_equal(ber_octets_read(&octets.ber, &string, &byte, 1), -SMIME_E_TOO_LARGE);
}

static void an_element_is_collected_as_it_stands(void **state) {
	INPUT(in, 0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 0x41, 0x00, 0x00, 0x30, 0x02, 0x05, 0x00, 0x00, 0x00, 0x04, 0x00, 0x05, 0x00);
	_cleanup_(freep) uint8_t *data = NULL, *more = NULL, *untouched = NULL;
	size_t len;

	assert_int_equal(ber_collect(&in.ber, 15, &data, &len), 0);
	assert_int_equal(len, 15);
	assert_memory_equal(data, in_bytes, 15);
	/* What is too large is passed over. */
	assert_int_equal(ber_collect(&in.ber, 1, &untouched, &len), 1);
	assert_null(untouched);
	assert_int_equal(ber_collect(&in.ber, 2, &more, &len), 0);
	assert_memory_equal(more, "\x05", 2);
	{
		INPUT(again, 0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 0x41, 0x00, 0x00, 0x30, 0x02, 0x05, 0x00, 0x00, 0x00, 0x05, 0x00);
		_cleanup_(freep) uint8_t *behind = NULL;
		assert_int_equal(ber_collect(&again.ber, 14, &untouched, &len), 1);
		assert_null(untouched);
		assert_int_equal(ber_collect(&again.ber, 2, &behind, &len), 0);
		assert_memory_equal(behind, "\x05", 2);
	}
}

static void a_length_alone_makes_nobody_allocate(void **state) {
	INPUT(in, 0x04, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x00);
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	assert_int_equal(ber_collect(&in.ber, SIZE_MAX, &data, &len), -SMIME_E_TRUNCATED);
	assert_null(data);
}

static int integer_result(const uint8_t *data, size_t len, uint64_t *ret_value) {
	_cleanup_(input_end) struct input input;

	input_begin(&input, data, len);
	return ber_integer(&input.ber, ret_value);
}

#define INTEGER(value, ...) integer_result((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), value)

static void small_integers_are_read(void **state) {
	uint64_t v;

	assert_int_equal(INTEGER(&v, 2, 1, 0), 0);
	assert_true(v == 0);
	assert_int_equal(INTEGER(&v, 2, 2, 0, 0x80), 0);
	assert_true(v == 128);
	assert_int_equal(INTEGER(&v, 2, 8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(INTEGER(&v, 2, 9, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(INTEGER(&v, 2, 1, 0xff), -SMIME_E_MALFORMED);
	assert_int_equal(INTEGER(&v, 2, 0), -SMIME_E_MALFORMED);
	assert_int_equal(INTEGER(&v, 4, 1, 0), -SMIME_E_MALFORMED);
	assert_int_equal(INTEGER(&v, 0x22, 0x80, 2, 1, 0, 0, 0), -SMIME_E_MALFORMED);
	assert_int_equal(INTEGER(&v, 2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0), -SMIME_E_TOO_LARGE);
	assert_int_equal(INTEGER(&v, 2, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), -SMIME_E_TOO_LARGE);
	assert_int_equal(INTEGER(&v, 2, 2, 1), -SMIME_E_TRUNCATED);
}

/* Reads "ABCDEF" out of an octet string, in pieces of `step`, and expects a NULL behind it. */
static void assert_octets(const uint8_t *data, size_t len, uint8_t class, uint32_t tag, size_t step) {
	_cleanup_(input_end) struct input input;
	struct ber_octets octets;
	struct ber_header h;
	uint8_t out[16];
	size_t n = 0;
	ssize_t got;

	input_begin(&input, data, len);
	assert_int_equal(ber_octets_begin(&input.ber, class, tag, &octets), 0);
	while ((got = ber_octets_read(&input.ber, &octets, out + n, step)) > 0)
		n += (size_t)got;
	assert_int_equal(got, 0);
	assert_int_equal(n, 6);
	assert_memory_equal(out, "ABCDEF", 6);
	assert_int_equal(ber_octets_read(&input.ber, &octets, out, 1), 0);
	assert_int_equal(ber_peek(&input.ber, &h), 0);
	assert_int_equal(h.tag, 5);
	assert_int_equal(input.ber.depth, 0);
}

#define OCTETS(class, tag, ...)                  \
	for (size_t step = 1; step <= 7; step++) \
	assert_octets((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), class, tag, step)

static void octet_strings_of_every_shape_give_their_octets(void **state) {
	OCTETS(BER_UNIVERSAL, 4, 0x04, 6, 'A', 'B', 'C', 'D', 'E', 'F', 5, 0);
	OCTETS(BER_CONTEXT, 0, 0x80, 6, 'A', 'B', 'C', 'D', 'E', 'F', 5, 0);
	OCTETS(BER_UNIVERSAL, 4, 0x24, 0x80, 4, 3, 'A', 'B', 'C', 4, 0, 4, 3, 'D', 'E', 'F', 0, 0, 5, 0);
	OCTETS(BER_CONTEXT, 0, 0xa0, 10, 4, 1, 'A', 4, 5, 'B', 'C', 'D', 'E', 'F', 5, 0);
	OCTETS(BER_UNIVERSAL, 4, 0x24, 0x80, 0x24, 6, 4, 1, 'A', 4, 1, 'B', 0x24, 0x80, 0x24, 0x80, 4, 2, 'C', 'D', 0, 0, 4, 1, 'E', 0, 0,
		0x24, 0, 4, 1, 'F', 0, 0, 5, 0);
}

static int octets_result(const uint8_t *data, size_t len) {
	_cleanup_(input_end) struct input input;
	struct ber_octets octets;
	uint8_t out[4];
	ssize_t n;
	int r;

	input_begin(&input, data, len);
	r = ber_octets_begin(&input.ber, BER_UNIVERSAL, 4, &octets);
	if (r < 0)
		return r;
	while ((n = ber_octets_read(&input.ber, &octets, out, sizeof(out))) > 0)
		;
	return (int)n;
}

#define OCTETS_RESULT(...) octets_result((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void octet_strings_hold_nothing_but_octet_strings(void **state) {
	assert_int_equal(OCTETS_RESULT(0x24, 0x80, 0x02, 0x01, 0x00, 0, 0), -SMIME_E_MALFORMED);
	assert_int_equal(OCTETS_RESULT(0x24, 0x03, 0x80, 0x01, 0x00), -SMIME_E_MALFORMED);
	assert_int_equal(OCTETS_RESULT(0x24, 0x03, 0x04, 0x02, 0x00), -SMIME_E_MALFORMED);
	assert_int_equal(OCTETS_RESULT(0x30, 0x00), -SMIME_E_MALFORMED);
	assert_int_equal(OCTETS_RESULT(0x04, 0x02, 0x00), -SMIME_E_TRUNCATED);
	assert_int_equal(OCTETS_RESULT(0x24, 0x80, 0x04, 0x01, 0x00), -SMIME_E_TRUNCATED);
	assert_int_equal(OCTETS_RESULT(0x24, 0x00), 0);
}

static void skipping_octets_tells_their_number(void **state) {
	struct ber_octets octets;
	uint64_t len;
	uint8_t one;
	INPUT(in, 0x24, 0x80, 4, 3, 'A', 'B', 'C', 0x24, 5, 4, 3, 'D', 'E', 'F', 0, 0, 5, 0);

	assert_int_equal(ber_octets_begin(&in.ber, BER_UNIVERSAL, 4, &octets), 0);
	assert_int_equal(ber_octets_read(&in.ber, &octets, &one, 1), 1);
	assert_int_equal(ber_octets_skip(&in.ber, &octets, &len), 0);
	assert_int_equal(len, 5);
	assert_int_equal(reader_offset(in.reader), 16);
}

/* A structure with a bit of everything: cut anywhere, no way through it succeeds. */
static void every_truncation_is_noticed_by_every_way_through(void **state) {
	static const uint8_t whole[] = { 0x30, 0x80, 0x02, 0x01, 0x05, 0x31, 0x04, 0x04, 0x02, 0x07, 0x08, 0xbf, 0x81, 0x00, 0x80, 0x24,
		0x80, 0x04, 0x81, 0x01, 0x41, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 };

	for (size_t len = 0; len <= sizeof(whole); len++) {
		_cleanup_(input_end) struct input skip = { 0 }, leave = { 0 }, collect = { 0 };
		_cleanup_(freep) uint8_t *data = NULL;
		size_t data_len;
		int expected = len == sizeof(whole) ? 0 : -SMIME_E_TRUNCATED;

		input_begin(&skip, whole, len);
		assert_int_equal(ber_skip(&skip.ber), expected);
		input_begin(&collect, whole, len);
		assert_int_equal(ber_collect(&collect.ber, sizeof(whole), &data, &data_len), expected);
		input_begin(&leave, whole, len);
		if (len >= 2) {
			assert_int_equal(ber_enter(&leave.ber, BER_UNIVERSAL, 16), 0);
			assert_int_equal(ber_leave(&leave.ber), expected);
		} else
			assert_int_equal(ber_enter(&leave.ber, BER_UNIVERSAL, 16), -SMIME_E_TRUNCATED);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_of_every_form_are_read),
		cmocka_unit_test(impossible_headers_are_refused),
		cmocka_unit_test(a_header_that_is_cut_off_is_truncated),
		cmocka_unit_test(an_element_must_lie_within_all_definite_ones_around_it),
		cmocka_unit_test(end_of_contents_counts_only_where_a_level_is_open),
		cmocka_unit_test(leaving_skips_what_is_left),
		cmocka_unit_test(only_the_expected_constructed_element_is_entered),
		cmocka_unit_test(nesting_is_limited_however_it_is_passed),
		cmocka_unit_test(an_element_is_collected_as_it_stands),
		cmocka_unit_test(a_length_alone_makes_nobody_allocate),
		cmocka_unit_test(small_integers_are_read),
		cmocka_unit_test(octet_strings_of_every_shape_give_their_octets),
		cmocka_unit_test(octet_strings_hold_nothing_but_octet_strings),
		cmocka_unit_test(skipping_octets_tells_their_number),
		cmocka_unit_test(every_truncation_is_noticed_by_every_way_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
