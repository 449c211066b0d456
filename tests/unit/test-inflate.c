/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompression: what zlib compressed comes out as it was, whatever is damaged or cut off does not, and nobody makes much of little.
 */
#include "cms-fixture.h"

#include <stdio.h>

#include <openssl/rand.h>
#include <zlib.h>

#include "client/stream/inflate.h"

struct compressed {
	uint8_t *data;
	size_t len;
};

static void compressed_clear(struct compressed *compressed) {
	free(compressed->data);
}

static struct compressed compress_bytes(const uint8_t *content, size_t len, int level) {
	uLongf cap = compressBound(len);
	struct compressed compressed = { .data = malloc(cap) };

	assert_non_null(compressed.data);
	assert_int_equal(compress2(compressed.data, &cap, content, len, level), Z_OK);
	compressed.len = cap;
	return compressed;
}

static struct source *inflate_of(const void *data, size_t len) {
	_cleanup_(source_unrefp) struct source *in = source_of(data, len);
	struct source *source;

	assert_int_equal(source_inflate(in, &source), 0);
	return source;
}

static int result_of(const void *data, size_t len) {
	_cleanup_(source_unrefp) struct source *source = inflate_of(data, len);

	return source_check(source);
}

static void what_was_compressed_comes_out(void **state) {
	static const size_t sizes[] = { 0, 1, 1000, READER_PEEK_MAX_BYTES - 1, READER_PEEK_MAX_BYTES, READER_BUFFER_BYTES,
		READER_BUFFER_BYTES + 1, INFLATE_FREE_BYTES, 1000000 };

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
		for (int level = 0; level <= 9; level += 3) {
			_cleanup_(freep) uint8_t *content = content_bytes(sizes[i]);
			_cleanup_(compressed_clear) struct compressed compressed = compress_bytes(content, sizes[i], level);
			_cleanup_(source_unrefp) struct source *source = inflate_of(compressed.data, compressed.len);

			assert_source_is(source, content, sizes[i]);
			assert_source_is(source, content, sizes[i]);
		}
}

static void a_repetitive_text_is_no_bomb(void **state) {
	_cleanup_(freep) uint8_t *content = calloc(1, INFLATE_FREE_BYTES);
	_cleanup_(compressed_clear) struct compressed compressed = compress_bytes(content, INFLATE_FREE_BYTES, 9);
	_cleanup_(source_unrefp) struct source *source = inflate_of(compressed.data, compressed.len);

	assert_true(compressed.len * 500 < INFLATE_FREE_BYTES);
	assert_source_is(source, content, INFLATE_FREE_BYTES);
}

static void a_bomb_is_too_large(void **state) {
	static const size_t sizes[] = { INFLATE_FREE_BYTES + READER_BUFFER_BYTES, 100 * 1024 * 1024 };

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		_cleanup_(freep) uint8_t *content = calloc(1, sizes[i]);
		_cleanup_(compressed_clear) struct compressed compressed = compress_bytes(content, sizes[i], 9);

		assert_int_equal(result_of(compressed.data, compressed.len), -SMIME_E_TOO_LARGE);
	}
}

/* Random octets, then a repetition of `times` their number: the ratio of the whole is what counts. */
static int result_of_ratio(size_t times) {
	enum { RANDOM_BYTES = 300000 };
	size_t len = RANDOM_BYTES * times;
	_cleanup_(freep) uint8_t *content = calloc(1, len);

	assert_int_equal(RAND_bytes(content, RANDOM_BYTES), 1);
	_cleanup_(compressed_clear) struct compressed compressed = compress_bytes(content, len, 9);
	return result_of(compressed.data, compressed.len);
}

static void the_ratio_has_a_limit(void **state) {
	assert_int_equal(result_of_ratio(60), 0);
	assert_int_equal(result_of_ratio(80), -SMIME_E_TOO_LARGE);
}

static void what_is_cut_off_or_damaged_is_told(void **state) {
	enum { CONTENT_BYTES = 3000 };
	_cleanup_(freep) uint8_t *content = content_bytes(CONTENT_BYTES);
	_cleanup_(compressed_clear) struct compressed compressed = compress_bytes(content, CONTENT_BYTES, 9);
	_cleanup_(freep) uint8_t *longer = malloc(compressed.len + 1);

	for (size_t len = 0; len < compressed.len; len++)
		assert_int_equal(result_of(compressed.data, len), -SMIME_E_TRUNCATED);
	assert_int_equal(result_of(compressed.data, compressed.len), 0);
	memcpy(longer, compressed.data, compressed.len);
	longer[compressed.len] = 0;
	assert_int_equal(result_of(longer, compressed.len + 1), -SMIME_E_MALFORMED);
	/* The last octets are a check sum of the content (RFC 1950 2.2). */
	compressed.data[compressed.len - 1] ^= 1;
	assert_int_equal(result_of(compressed.data, compressed.len), -SMIME_E_MALFORMED);
	assert_int_equal(result_of("no zlib", 7), -SMIME_E_MALFORMED);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_compressed_comes_out),
		cmocka_unit_test(a_repetitive_text_is_no_bomb),
		cmocka_unit_test(a_bomb_is_too_large),
		cmocka_unit_test(the_ratio_has_a_limit),
		cmocka_unit_test(what_is_cut_off_or_damaged_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
