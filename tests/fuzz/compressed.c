/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CompressedData: the same content in whatever pieces the octets come in, and in every pass, within the limits of inflate.h.
 * The first octet is the size of a piece; CMS follows where it is even, else what zlib is said to have made of a content.
 */
#include <openssl/err.h>

#include "client/cms/compressed.h"
#include "client/cms/enveloped.h"
#include "fuzz.h"
#include "sign-anew.h"
#include "smime/error.h"

/* Up to the octet string: ContentInfo, version 0, zlib, and id-data, of lengths that are not known. */
static const uint8_t front[] = { 0x30, 0x80, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09, 0xa0, 0x80, 0x30,
	0x80, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x08, 0x30, 0x80, 0x06,
	0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x80 };
static const uint8_t back[10];

static struct fuzz_pass read_content(struct bytes input, size_t piece) {
	_cleanup_(source_unrefp) struct source *source = fuzz_source(input, piece);
	_cleanup_(source_unrefp) struct source *cms = NULL;
	_cleanup_(source_unrefp) struct source *content = NULL;
	struct fuzz_pass first = { .result = cms_open(source, &cms) }, second;
	ASN1_OBJECT *type = NULL;

	if (first.result == 0)
		first.result = compressed_read(cms, &type, &content);
	if (first.result < 0) {
		REQUIRE(!content && !type);
		return first;
	}
	REQUIRE(type && content);
	first = fuzz_pass(content);
	second = fuzz_pass(content);
	REQUIRE(fuzz_pass_equal(&first, &second));
	ASN1_OBJECT_free(type);
	return first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	uint8_t piece = fuzz_take(&input);
	struct built message = { 0 };

	if (piece & 1) {
		build_raw(&message, front, sizeof(front));
		build(&message, 0x04, input);
		build_raw(&message, back, sizeof(back));
		input = (struct bytes){ message.data, message.len };
	}
	struct fuzz_pass whole = read_content(input, READER_BUFFER_BYTES), pieces = read_content(input, piece);
	REQUIRE(fuzz_pass_equal(&whole, &pieces));
	REQUIRE(ERR_peek_error() == 0);
	built_clear(&message);
	return 0;
}
