/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Base64 both ways, against RFC 4648's vectors, OpenSSL's encoder, and everything that mail does to it in transit.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "client/stream/base64.h"
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

/* What the tables would give: group by group and line end by line end, as far as it is regular. */
static size_t decode_plainly(const uint8_t *text, size_t len, uint8_t *dst, size_t *ret_taken) {
	size_t at = 0, n = 0;

	for (;;) {
		uint8_t group[4], bytes[3];
		size_t i = 0;

		for (; i < 4 && at + i < len && text[at + i] && strchr(base64_alphabet, text[at + i]); i++)
			group[i] = text[at + i];
		if (i == 4) {
			assert_int_equal(EVP_DecodeBlock(bytes, group, 4), 3);
			memcpy(dst + n, bytes, 3);
			n += 3;
			at += 4;
		} else if (i == 0 && at < len && text[at] == '\n')
			at++;
		else if (i == 0 && at + 1 < len && text[at] == '\r' && text[at + 1] == '\n')
			at += 2;
		else
			break;
	}
	*ret_taken = at;
	return n;
}

enum { VECTOR_TEXT = 200 };

/* What vectors decode is the beginning of what can be decoded, and all of it but for less than they read at once. */
static void assert_vectors_decode(const uint8_t *text) {
	uint8_t expected[VECTOR_TEXT], got[VECTOR_TEXT + BASE64_VECTOR_BYTES];
	const uint8_t *from = text;
	size_t taken, n = decode_plainly(text, VECTOR_TEXT, expected, &taken);
	size_t got_len = base64_decode_vectors(&from, text + VECTOR_TEXT, got);

	assert_true(got_len <= n && (size_t)(from - text) <= taken);
	assert_memory_equal(got, expected, got_len);
	if (text + VECTOR_TEXT - from >= BASE64_VECTOR_BYTES)
		assert_true((size_t)(from - text) == taken && got_len == n);
}

static void vectors_decode_what_the_tables_decode(void **state) {
	static const size_t columns[] = { 4, 60, 64, 76, 124, VECTOR_TEXT };
	uint8_t text[VECTOR_TEXT];

	if (!base64_vectors())
		skip();
	for (size_t c = 0; c < ELEMENTSOF(columns); c++)
		for (unsigned crlf = 0; crlf < 2; crlf++) {
			size_t column = 0;

			for (size_t i = 0; i < VECTOR_TEXT; i++) {
				bool eol = column >= columns[c];
				bool cr = eol && crlf && column == columns[c];

				text[i] = cr ? '\r' : eol ? '\n' : (uint8_t)base64_alphabet[(i * 29 + c) % 64];
				column = eol && !cr ? 0 : column + 1;
			}
			assert_vectors_decode(text);
			/* Each octet at each place: that is all that there is to tell apart. */
			for (size_t i = 0; i < VECTOR_TEXT; i++) {
				uint8_t before = text[i];

				for (unsigned octet = 0; octet < 256; octet++) {
					text[i] = (uint8_t)octet;
					assert_vectors_decode(text);
				}
				text[i] = before;
			}
		}
}

static void vectors_encode_what_openssl_encodes(void **state) {
	uint8_t data[BASE64_READ_BYTES], got[BASE64_LINE_COLUMNS + BASE64_VECTOR_BYTES], expected[BASE64_LINE_COLUMNS + 1];

	if (!base64_vectors())
		skip();
	for (unsigned turn = 0; turn < 4096; turn++) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)((i + 1) * (turn + 1) * 2654435761u >> 13);
		base64_encode_line_vectors(data, got);
		EVP_EncodeBlock(expected, data, BASE64_LINE_BYTES);
		assert_memory_equal(got, expected, BASE64_LINE_COLUMNS);
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
		cmocka_unit_test(vectors_decode_what_the_tables_decode),
		cmocka_unit_test(vectors_encode_what_openssl_encodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
