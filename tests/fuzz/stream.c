/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Base64, quoted-printable and line ends: what comes out does not depend on the pieces that the octets come in (of which those
 * of one octet are too short for the vectors of a processor), and what was encoded is decoded to itself. The first octet is
 * the size of a piece.
 */
#include "client/stream/sink.h"
#include "fuzz.h"
#include "smime/error.h"

enum { OUTPUT_MAX_BYTES = 1024 * 1024 };

typedef int (*decoder)(struct source *parent, struct source **ret_source);

static void try_decoder(struct bytes input, size_t piece, decoder decode) {
	_cleanup_(source_unrefp) struct source *whole = fuzz_source(input, READER_BUFFER_BYTES);
	_cleanup_(source_unrefp) struct source *pieces = fuzz_source(input, piece);
	_cleanup_(source_unrefp) struct source *a = NULL;
	_cleanup_(source_unrefp) struct source *b = NULL;

	REQUIRE(decode(whole, &a) == 0 && decode(pieces, &b) == 0);
	struct fuzz_pass first = fuzz_pass(a), second = fuzz_pass(b);
	REQUIRE(fuzz_pass_equal(&first, &second));
	REQUIRE(first.len <= input.len);
}

/* Writes in pieces, and gives what has come out. */
static struct sink *encode(struct bytes input, size_t piece, const char *eol) {
	_cleanup_(sink_freep) struct sink *base64 = NULL;
	struct sink *memory = NULL;

	REQUIRE(sink_to_memory(OUTPUT_MAX_BYTES, &memory) == 0 && sink_base64(memory, eol, &base64) == 0);
	for (size_t at = 0, len; at < input.len; at += len) {
		len = input.len - at < piece ? input.len - at : piece;
		REQUIRE(sink_write(base64, input.data + at, len) == 0);
	}
	REQUIRE(sink_finish(base64) == 0);
	return memory;
}

static void try_base64(struct bytes input, size_t piece) {
	_cleanup_(sink_freep) struct sink *whole = encode(input, input.len + 1, "\r\n");
	_cleanup_(sink_freep) struct sink *pieces = encode(input, piece, "\r\n");
	struct bytes a = sink_memory(whole), b = sink_memory(pieces);
	_cleanup_(source_unrefp) struct source *plain = fuzz_source(input, READER_BUFFER_BYTES);
	_cleanup_(source_unrefp) struct source *text = fuzz_source(a, piece);
	_cleanup_(source_unrefp) struct source *decoded = NULL;

	REQUIRE(a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0));
	REQUIRE(source_base64(text, &decoded) == 0);
	struct fuzz_pass first = fuzz_pass(plain), second = fuzz_pass(decoded);
	REQUIRE(fuzz_pass_equal(&first, &second));
}

/* Every LF has its CR, and once that is so nothing changes any more. */
static struct sink *with_crlf(struct bytes input, size_t piece) {
	_cleanup_(sink_freep) struct sink *eol = NULL;
	struct sink *memory = NULL;

	REQUIRE(sink_to_memory(OUTPUT_MAX_BYTES, &memory) == 0 && sink_eol(memory, EOL_CRLF, &eol) == 0);
	for (size_t at = 0, len; at < input.len; at += len) {
		len = input.len - at < piece ? input.len - at : piece;
		REQUIRE(sink_write(eol, input.data + at, len) == 0);
	}
	REQUIRE(sink_finish(eol) == 0);
	return memory;
}

static void try_eol(struct bytes input, size_t piece) {
	_cleanup_(sink_freep) struct sink *first = with_crlf(input, piece);
	struct bytes a = sink_memory(first);
	_cleanup_(sink_freep) struct sink *second = with_crlf(a, input.len + 1);
	struct bytes b = sink_memory(second);

	for (size_t i = 0; i < a.len; i++)
		REQUIRE(a.data[i] != '\n' || (i > 0 && a.data[i - 1] == '\r'));
	REQUIRE(a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	size_t piece = (size_t)fuzz_take(&input) + 1;

	try_decoder(input, piece, source_base64);
	try_decoder(input, piece, source_quoted_printable);
	try_base64(input, piece);
	try_eol(input, piece);
	return 0;
}
