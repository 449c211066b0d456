/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the binary form of a CMS message: it may come as DER or BER, as PEM (RFC 7468), or as bare base64.
 *
 * Looks at the beginning only; of PEM it takes the first block.
 */
#include <stdio.h>

#include <openssl/objects.h>

#include "content-info.h"
#include "enveloped.h"
#include "smime/error.h"

static bool is_space(uint8_t c) {
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether the line that begins at `at` is a begin line of a block that holds CMS. The last two labels are those of gpgsm --armor. */
static bool begins_block(struct bytes text, size_t at) {
	static const char *const labels[] = { "CMS", "PKCS7", "PKCS #7 SIGNED DATA", "SIGNED MESSAGE", "ENCRYPTED MESSAGE" };
	char line[64];

	for (size_t i = 0; i < ELEMENTSOF(labels); i++) {
		size_t len = (size_t)snprintf(line, sizeof(line), "-----BEGIN %s-----", labels[i]);

		if (text.len - at >= len && memcmp(text.data + at, line, len) == 0)
			return true;
	}
	return false;
}

/* The offset behind the begin line, 0 when there is none in `text`. Text before it is allowed (RFC 7468 2). */
static size_t find_block(struct bytes text) {
	const uint8_t *lf;
	size_t at = 0;

	while (at < text.len) {
		lf = memchr(text.data + at, '\n', text.len - at);
		if (begins_block(text, at))
			return lf ? (size_t)(lf - text.data) + 1 : 0;
		if (!lf)
			return 0;
		at = (size_t)(lf - text.data) + 1;
	}
	return 0;
}

/* Where the block ends: no character of its base64 is a hyphen. */
static int find_end(struct reader *in, uint64_t *ret_end) {
	const uint8_t *data, *hyphen;
	size_t len;
	int r;

	for (;;) {
		r = reader_peek(in, 1, &data, &len);
		if (r < 0)
			return r;
		if (len == 0)
			return -SMIME_E_TRUNCATED;
		hyphen = memchr(data, '-', len);
		if (hyphen)
			break;
		reader_consume(in, len);
	}
	*ret_end = reader_offset(in) + (uint64_t)(hyphen - data);
	return 0;
}

static int decode_slice(struct source *input, uint64_t begin, uint64_t len, struct source **ret_cms) {
	_cleanup_(source_unrefp) struct source *slice = NULL;
	int r;

	r = source_slice(input, begin, len, &slice);
	return r < 0 ? r : source_base64(slice, ret_cms);
}

/* Begins a pass, and shows what the input begins with. */
static int look_at(struct source *input, struct reader **ret_in, struct bytes *ret_begin) {
	int r = source_open(input, ret_in);

	return r < 0 ? r : reader_peek(*ret_in, READER_PEEK_MAX_BYTES, &ret_begin->data, &ret_begin->len);
}

/* Returns 0; 1 when this is no PEM. */
static int open_pem(struct source *input, struct source **ret_cms) {
	_cleanup_(reader_closep) struct reader *in = NULL;
	struct bytes shown;
	size_t begin;
	uint64_t end;
	int r = look_at(input, &in, &shown);

	if (r < 0)
		return r;
	begin = find_block(shown);
	if (begin == 0)
		return 1;
	reader_consume(in, begin);
	r = find_end(in, &end);
	return r < 0 ? r : decode_slice(input, begin, end - begin, ret_cms);
}

/* Whether the first character that is no space is what the base64 of a SEQUENCE (0x30) begins with. */
static int may_be_base64(struct source *input) {
	_cleanup_(reader_closep) struct reader *in = NULL;
	struct bytes shown;
	size_t at = 0;
	int r = look_at(input, &in, &shown);

	if (r < 0)
		return r;
	while (at < shown.len && is_space(shown.data[at]))
		at++;
	return at < shown.len && shown.data[at] == 'M';
}

static int sniff(struct source *source) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;

	return cms_sniff(source, &type);
}

static int open_base64(struct source *input, struct source **ret_cms) {
	_cleanup_(source_unrefp) struct source *decoded = NULL;
	int r;

	r = may_be_base64(input);
	if (r <= 0)
		return r < 0 ? r : -SMIME_E_NOT_CMS;
	r = source_base64(input, &decoded);
	if (r < 0)
		return r;
	r = sniff(decoded);
	/* Text that merely begins with an M is no cut-off message. */
	if (r < 0)
		return r == -SMIME_E_TRUNCATED ? -SMIME_E_NOT_CMS : r;
	*ret_cms = TAKE(decoded);
	return 0;
}

int cms_open(struct source *input, struct source **ret_cms) {
	int r;

	r = sniff(input);
	if (r == 0) {
		*ret_cms = source_ref(input);
		return 0;
	}
	if (r != -SMIME_E_NOT_CMS)
		return r;
	r = open_pem(input, ret_cms);
	return r <= 0 ? r : open_base64(input, ret_cms);
}
