/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Base64 both ways, against RFC 4648's vectors, OpenSSL's encoder, and everything that mail does to it in transit.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "client/stream/sink.h"
#include "client/stream/source.h"
#include "smime/error.h"

static struct sink *decode(const void *text, size_t len) {
	_cleanup_(source_unrefp) struct source *source = NULL, *decoded = NULL;
	struct sink *sink;

	assert_int_equal(source_from_memory(text, len, &source), 0);
	assert_int_equal(source_base64(source, &decoded), 0);
	assert_int_equal(sink_to_memory(SIZE_MAX, &sink), 0);
	assert_int_equal(sink_copy(sink, decoded), 0);
	return sink;
}

static void assert_decodes_bytes(const void *text, size_t text_len, const void *expected, size_t len) {
	_cleanup_(sink_freep) struct sink *sink = decode(text, text_len);

	assert_int_equal(sink_memory(sink).len, len);
	if (len > 0)
		assert_memory_equal(sink_memory(sink).data, expected, len);
}

static void assert_decodes(const char *text, const char *expected) {
	assert_decodes_bytes(text, strlen(text), expected, strlen(expected));
}

static struct sink *encode(const uint8_t *data, size_t len, const char *eol, size_t piece) {
	_cleanup_(sink_freep) struct sink *encoder = NULL;
	struct sink *memory;

	assert_int_equal(sink_to_memory(SIZE_MAX, &memory), 0);
	assert_int_equal(sink_base64(memory, eol, &encoder), 0);
	for (size_t at = 0; at < len; at += piece)
		assert_int_equal(sink_write(encoder, data + at, piece < len - at ? piece : len - at), 0);
	assert_int_equal(sink_finish(encoder), 0);
	return memory;
}

/* RFC 4648 10 */
static const struct {
	const char *plain, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void the_vectors_of_rfc_4648_hold_both_ways(void **state) {
	for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
		_cleanup_(sink_freep) struct sink *text = encode((const uint8_t *)vectors[i].plain, strlen(vectors[i].plain), "", 1);

		assert_decodes(vectors[i].text, vectors[i].plain);
		assert_int_equal(sink_memory(text).len, strlen(vectors[i].text));
		if (i > 0)
			assert_memory_equal(sink_memory(text).data, vectors[i].text, strlen(vectors[i].text));
	}
}

static void white_space_and_junk_are_skipped_anywhere(void **state) {
	assert_decodes("Z m\t9\r\nv\nY\rm!F-y", "foobar");
	assert_decodes("\r\n\r\n Zm9vYmFy \r\n", "foobar");
	assert_decodes("Zm9v\xff\x80\x01YmFy", "foobar");
	assert_decodes("Zm9vYg = =", "foob");
	assert_decodes("!!!!", "");
	assert_decodes_bytes("Zm9v\0\0YmFy", 10, "foobar", 6);
}

static void padding_ends_the_data(void **state) {
	assert_decodes("Zg==Zm9v", "f");
	assert_decodes("Zm8=\r\nZm9v", "fo");
	assert_decodes("Zm9v=Zm9v", "foo");
	assert_decodes("=Zm9v", "");
	assert_decodes("Z===Zm9v", "");
}

static void a_cut_off_group_gives_its_complete_bytes(void **state) {
	assert_decodes("Zm9vYmF", "fooba");
	assert_decodes("Zm9vYm", "foob");
	assert_decodes("Zm9vY", "foo");
	assert_decodes("Zm9vYm\r\n", "foob");
}

static void every_length_survives_both_ways_with_every_line_length(void **state) {
	static const unsigned columns[] = { 1, 3, 4, 5, 60, 64, 75, 76, 77, 100000 };
	enum { MAX = 400 };
	uint8_t data[MAX], text[MAX * 4];

	for (size_t i = 0; i < MAX; i++)
		data[i] = (uint8_t)(i * 37 ^ i >> 3);
	for (size_t len = 0; len < MAX; len++) {
		uint8_t plain[MAX * 2];
		size_t n = (size_t)EVP_EncodeBlock(plain, data, (int)len);

		for (size_t c = 0; c < ELEMENTSOF(columns); c++) {
			size_t at = 0;

			for (size_t i = 0; i < n; i++) {
				text[at++] = plain[i];
				if ((i + 1) % columns[c] == 0)
					text[at++] = '\n';
			}
			assert_decodes_bytes(text, at, data, len);
		}
	}
}

static void encoding_makes_lines_of_76_columns(void **state) {
	enum { LEN = 57 * 3 + 1 };
	uint8_t data[LEN] = { 0 };
	_cleanup_(sink_freep) struct sink *text = encode(data, LEN, "\r\n", LEN);
	struct bytes got = sink_memory(text);

	assert_int_equal(got.len, 3 * 78 + 6);
	for (size_t i = 0; i < 3; i++)
		assert_memory_equal(got.data + i * 78 + 76, "\r\n", 2);
	assert_memory_equal(got.data + 3 * 78, "AA==\r\n", 6);
}

static void encoding_does_not_depend_on_the_pieces(void **state) {
	static const size_t pieces[] = { 1, 2, 56, 57, 58, 1000, 57 * 512, 57 * 513, 100000 };
	enum { LEN = 90001 };
	_cleanup_(freep) uint8_t *data = malloc(LEN), *reference = malloc(LEN * 2);

	for (size_t i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 11);
	EVP_EncodeBlock(reference, data, LEN);
	for (size_t p = 0; p < ELEMENTSOF(pieces); p++) {
		_cleanup_(sink_freep) struct sink *text = encode(data, LEN, "\n", pieces[p]);
		struct bytes got = sink_memory(text);
		size_t at = 0;

		for (size_t i = 0; i < got.len; i++)
			if (i % 77 != 76 && i + 1 != got.len)
				assert_int_equal(got.data[i], reference[at++]);
			else
				assert_int_equal(got.data[i], '\n');
		assert_decodes_bytes(got.data, got.len, data, LEN);
	}
}

static void large_inputs_with_junk_at_every_buffer_edge_are_whole(void **state) {
	enum { LEN = 600000 };
	_cleanup_(freep) uint8_t *data = malloc(LEN), *plain = malloc(LEN * 2), *text = malloc(LEN * 2);

	for (size_t i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 9);
	size_t n = (size_t)EVP_EncodeBlock(plain, data, LEN);
	for (size_t step = 1; step < 4000; step = step * 3 + 1) {
		size_t at = 0;

		for (size_t i = 0; i < n; i++) {
			text[at++] = plain[i];
			if (i % (76 + step) == 3 && at < LEN * 2 - n + i)
				text[at++] = '*';
		}
		assert_decodes_bytes(text, at, data, LEN);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_rfc_4648_hold_both_ways),
		cmocka_unit_test(white_space_and_junk_are_skipped_anywhere),
		cmocka_unit_test(padding_ends_the_data),
		cmocka_unit_test(a_cut_off_group_gives_its_complete_bytes),
		cmocka_unit_test(every_length_survives_both_ways_with_every_line_length),
		cmocka_unit_test(encoding_makes_lines_of_76_columns),
		cmocka_unit_test(encoding_does_not_depend_on_the_pieces),
		cmocka_unit_test(large_inputs_with_junk_at_every_buffer_edge_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
