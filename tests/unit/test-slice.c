/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The slicer of multipart/signed: the signed octets to the byte (RFC 1847 2.1, RFC 2046 5.1.1), whatever stands around or
 * in them and wherever the edges of windows fall.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/mime/entity.h"
#include "smime/error.h"

#define HEADER "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=B1\r\n\r\n"
#define SIGNATURE "Content-Type: application/pkcs7-signature\r\n\r\nMIIB\r\n"

struct sliced {
	int r;
	struct signed_slices slices;
	char *mail;
};

static void sliced_clear(struct sliced *sliced) {
	if (sliced->r == 0)
		signed_slices_clear(&sliced->slices);
	free(sliced->mail);
}

/* What the sink and the source got is what the offsets say. */
static void assert_same_parts(const struct sliced *sliced, const struct sink *content) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	_cleanup_(freep) char *signature = malloc(sliced->slices.signature_len + 1);

	assert_int_equal(sink_memory(content).len, sliced->slices.content_len);
	if (sliced->slices.content_len > 0)
		assert_memory_equal(sink_memory(content).data, sliced->mail + sliced->slices.content_offset, sliced->slices.content_len);
	assert_int_equal(source_open(sliced->slices.signature, &reader), 0);
	assert_int_equal(reader_read_exact(reader, signature, sliced->slices.signature_len), 0);
	assert_memory_equal(signature, sliced->mail + sliced->slices.signature_offset, sliced->slices.signature_len);
	assert_int_equal(reader_skip(reader, 1), -SMIME_E_TRUNCATED);
}

static struct sliced slice_bytes(const char *header, const void *body, size_t len) {
	_cleanup_(source_unrefp) struct source *source = NULL;
	_cleanup_(entity_freep) struct entity *entity = NULL;
	_cleanup_(sink_freep) struct sink *content = NULL;
	struct sliced sliced = { .slices.content_len = 12345 };
	size_t header_len = strlen(header);

	sliced.mail = malloc(header_len + len + 1);
	memcpy(sliced.mail, header, header_len);
	memcpy(sliced.mail + header_len, body, len);
	sliced.mail[header_len + len] = 0;
	assert_int_equal(source_from_memory(sliced.mail, header_len + len, &source), 0);
	assert_int_equal(entity_read(source, &entity), 0);
	assert_int_equal(sink_to_memory(SIZE_MAX, &content), 0);
	sliced.r = entity_slice_signed(entity, source, content, &sliced.slices);
	if (sliced.r < 0)
		assert_int_equal(sliced.slices.content_len, 12345);
	else
		assert_same_parts(&sliced, content);
	return sliced;
}

static void assert_content_bytes(const char *header, const void *body, size_t body_len, const void *content, size_t len, bool outside) {
	_cleanup_(sliced_clear) struct sliced sliced = slice_bytes(header, body, body_len);

	assert_int_equal(sliced.r, 0);
	assert_int_equal(sliced.slices.content_len, len);
	assert_memory_equal(sliced.mail + sliced.slices.content_offset, content, len);
	assert_int_equal(sliced.slices.outside, outside);
}

#define assert_content_outside(body, content, outside) \
	assert_content_bytes(HEADER, body, sizeof(body) - 1, content, sizeof(content) - 1, outside)
#define assert_content(body, content) assert_content_outside(body, content, false)

static int slice_error(const char *body) {
	_cleanup_(sliced_clear) struct sliced sliced = slice_bytes(HEADER, body, strlen(body));

	return sliced.r;
}

static void the_line_end_before_a_delimiter_belongs_to_it(void **state) {
	assert_content("--B1\r\nA: b\r\n\r\ntext\r\n--B1\r\n" SIGNATURE "--B1--\r\n", "A: b\r\n\r\ntext");
	assert_content("--B1\nA: b\n\ntext\n--B1\n" SIGNATURE "--B1--\n", "A: b\n\ntext");
	assert_content("--B1\r\ntext\n--B1\r\n" SIGNATURE "--B1--", "text");
	assert_content("--B1\r\ntext\r\r\n--B1\r\n" SIGNATURE "--B1--", "text\r");
}

static void the_signature_part_is_sliced_with_its_header(void **state) {
	_cleanup_(sliced_clear) struct sliced sliced = slice_bytes(
		HEADER, "--B1\r\nx\r\n--B1\r\n" SIGNATURE "\r\n--B1--\r\n", strlen("--B1\r\nx\r\n--B1\r\n" SIGNATURE "\r\n--B1--\r\n"));

	assert_int_equal(sliced.r, 0);
	assert_int_equal(sliced.slices.signature_len, strlen(SIGNATURE));
	assert_memory_equal(sliced.mail + sliced.slices.signature_offset, SIGNATURE, strlen(SIGNATURE));
}

static void trailing_empty_lines_are_signed(void **state) {
	assert_content("--B1\r\ntext\r\n\r\n\r\n--B1\r\n" SIGNATURE "--B1--\r\n", "text\r\n\r\n");
}

static void a_part_may_be_empty_or_without_header(void **state) {
	assert_content("--B1\r\n--B1\r\n" SIGNATURE "--B1--\r\n", "");
	assert_content("--B1\r\n\r\n--B1\r\n" SIGNATURE "--B1--\r\n", "");
	assert_content("--B1\r\n\r\ntext\r\n--B1\r\n" SIGNATURE "--B1--\r\n", "\r\ntext");
	assert_content("--B1\r\n folded: x\r\n\r\nt\r\n--B1\r\n" SIGNATURE "--B1--\r\n", " folded: x\r\n\r\nt");
}

static void lines_that_only_begin_like_a_delimiter_are_content(void **state) {
	assert_content("--B1\r\n--B1x\r\n--B1 x\r\n--B1x-\r\n--B1--x\r\n--B1-\r\n --B1\r\n--b1\r\n--B1\r\n" SIGNATURE "--B1--\r\n",
		"--B1x\r\n--B1 x\r\n--B1x-\r\n--B1--x\r\n--B1-\r\n --B1\r\n--b1");
}

static void delimiters_in_the_middle_of_a_line_are_content(void **state) {
	assert_content("--B1\r\ntext --B1\r\nx\r--B1\r\n--B1\r\n" SIGNATURE "--B1--\r\n", "text --B1\r\nx\r--B1");
}

static void nul_does_not_end_a_delimiter_or_the_search(void **state) {
	static const char body[] = "--B1\r\na\0b\n--B1\0\n\0\n--B1\r\n" SIGNATURE "--B1--\r\n";

	assert_content_bytes(HEADER, body, sizeof(body) - 1, "a\0b\n--B1\0\n\0", 11, false);
}

static void blanks_behind_a_delimiter_are_padding(void **state) {
	assert_content("--B1 \t\r\nx\r\n--B1   \r\n" SIGNATURE "--B1--\t\r\n", "x");
}

static void inner_multiparts_do_not_matter(void **state) {
	assert_content("--B1\r\nContent-Type: multipart/mixed; "
		       "boundary=B1x\r\n\r\n--B1x\r\n\r\na\r\n--B1x--\r\n\r\n--B1\r\n" SIGNATURE "--B1--\r\n",
		"Content-Type: multipart/mixed; boundary=B1x\r\n\r\n--B1x\r\n\r\na\r\n--B1x--\r\n");
	/* The inner multipart has no end of its own, and the outer delimiter ends it. */
	assert_content("--B1\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\na\r\n--B1\r\n" SIGNATURE "--B1--\r\n",
		"Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\na");
}

static void an_inner_boundary_equal_to_the_outer_makes_too_many_parts(void **state) {
	assert_int_equal(slice_error("--B1\r\nContent-Type: multipart/mixed; "
				     "boundary=B1\r\n\r\n--B1\r\n\r\na\r\n--B1--\r\n\r\n--B1\r\n" SIGNATURE "--B1--\r\n"),
		-SMIME_E_MALFORMED);
}

static void text_outside_is_told(void **state) {
	assert_content_outside("preamble\r\n--B1\r\nx\r\n--B1\r\n" SIGNATURE "--B1--\r\n", "x", true);
	assert_content_outside("--B1\r\nx\r\n--B1\r\n" SIGNATURE "--B1--\r\nepilogue", "x", true);
	assert_content_outside("--B1\r\nx\r\n--B1\r\n" SIGNATURE "--B1--\r\n--B1\r\n\r\nmore\r\n--B1--\r\n", "x", true);
	assert_content_outside("\r\n \t\r\n--B1\r\nx\r\n--B1\r\n" SIGNATURE "--B1--\r\n\r\n\r\n", "x", false);
}

static void other_numbers_of_parts_are_malformed(void **state) {
	assert_int_equal(slice_error(""), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("text\r\n"), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1--\r\n"), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1--\r\n"), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\n" SIGNATURE "--B1\r\n" SIGNATURE "--B1--\r\n"), -SMIME_E_MALFORMED);
}

static void a_missing_end_is_truncation(void **state) {
	assert_int_equal(slice_error("--B1\r\nx"), -SMIME_E_TRUNCATED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\n" SIGNATURE), -SMIME_E_TRUNCATED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\n" SIGNATURE "--B1-"), -SMIME_E_TRUNCATED);
}

static void the_second_part_must_be_a_signature(void **state) {
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\nContent-Type: text/plain\r\n\r\n--B1--\r\n"), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\nContent-Type: application/pgp-signature\r\n\r\n--B1--\r\n"), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\nno header\r\n--B1--\r\n"), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\n--B1--\r\n"), -SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\nContent-Type: application/pkcs7-signature\r\nContent-Type: "
				     "text/plain\r\n\r\n--B1--\r\n"),
		-SMIME_E_MALFORMED);
	assert_int_equal(slice_error("--B1\r\nx\r\n--B1\r\nContent-Type: application/x-pkcs7-signature\r\n\r\nMIIB\r\n--B1--\r\n"), 0);
	assert_int_equal(
		slice_error("--B1\r\nx\r\n--B1\r\nContent-Type: application/x-pkcs7-signature\r\nMIIB\r\n--B1--\r\n"), -SMIME_E_MALFORMED);
}

static void boundaries_of_special_characters_are_matched_as_they_are(void **state) {
	static const char body[] = "--'()+_,-./:=? 0\r\nx\r\n--'()+_,-./:=? 0\r\n" SIGNATURE "--'()+_,-./:=? 0--\r\n";

	assert_content_bytes("Content-Type: multipart/signed; boundary=\"'()+_,-./:=? 0\"\r\n\r\n", body, sizeof(body) - 1, "x", 1, false);
}

static void boundaries_that_end_like_an_end_are_told_from_it(void **state) {
	static const char body[] = "--b--\r\nx\r\n--b\r\n--b--\r\n" SIGNATURE "--b----\r\n";

	assert_content_bytes("Content-Type: multipart/signed; boundary=\"b--\"\r\n\r\n", body, sizeof(body) - 1, "x\r\n--b", 6, false);
}

/* A source that gives one byte at a time, so that a reader never has more than it is asked for. */
struct drip {
	const char *data;
	size_t len, at;
};

static int drip_open(void *self, void **ret_state) {
	((struct drip *)self)->at = 0;
	*ret_state = self;
	return 0;
}

static ssize_t drip_read(void *state, uint8_t *dst, size_t cap) {
	struct drip *drip = state;

	if (drip->at == drip->len)
		return 0;
	*dst = (uint8_t)drip->data[drip->at++];
	return 1;
}

static void drip_close(void *state) {
}

static void assert_dripped(const char *mail, size_t len, size_t content_len) {
	static const struct source_ops ops = { .open = drip_open, .read = drip_read, .close = drip_close, .free = free };
	_cleanup_(entity_freep) struct entity *entity = NULL;
	_cleanup_(source_unrefp) struct source *source = NULL;
	struct drip *drip = calloc(1, sizeof(*drip));
	_cleanup_(signed_slices_clear) struct signed_slices slices = { 0 };

	*drip = (struct drip){ mail, len, 0 };
	source = source_new(&ops, drip);
	assert_int_equal(entity_read(source, &entity), 0);
	assert_int_equal(entity_slice_signed(entity, source, NULL, &slices), 0);
	assert_int_equal(slices.content_len, content_len);
}

/* The signed part ends at `at`; shortly before its end stands what only looks like delimiters. */
static void slice_with_end_at(size_t at, bool drip) {
	static const char fake[] = "\r\n--B1x\r\nx--B1\r\n", end[] = "\r\n--B1\r\n" SIGNATURE "--B1--\r\n";
	size_t len = at - strlen(HEADER);
	_cleanup_(freep) char *body = malloc(len + sizeof(end));
	_cleanup_(sliced_clear) struct sliced sliced = { 0 };

	memset(body, 'x', len);
	memcpy(body, "--B1\r\n", 6);
	memcpy(body + len - 40, fake, sizeof(fake) - 1);
	memcpy(body + len - 1100, fake, sizeof(fake) - 1);
	memcpy(body + len, end, sizeof(end));
	sliced = slice_bytes(HEADER, body, len + sizeof(end) - 1);
	assert_int_equal(sliced.r, 0);
	assert_int_equal(sliced.slices.content_offset, strlen(HEADER) + 6);
	assert_int_equal(sliced.slices.content_len, len - 6);
	if (drip)
		assert_dripped(sliced.mail, at + sizeof(end) - 1, len - 6);
}

static void window_edges_do_not_matter(void **state) {
	for (size_t at = 3000; at < 5300; at++)
		slice_with_end_at(at, true);
	for (size_t at = 131072 - 1000; at < 131072 + 200; at++)
		slice_with_end_at(at, false);
}

/* GMime 3.2 took such a boundary for a delimiter where its buffer ended before it. */
static void boundaries_within_long_lines_are_content_at_every_offset(void **state) {
	static const char end[] = "\r\n--B1\r\n" SIGNATURE "--B1--\r\n";
	size_t len = 6 + 100000;
	_cleanup_(freep) char *body = malloc(len + sizeof(end));

	for (size_t shift = 0; shift < 6; shift++) {
		memcpy(body, "--B1\r\n", 6);
		for (size_t i = 6; i < len; i++)
			body[i] = " --B1 "[(i + shift) % 6];
		memcpy(body + len, end, sizeof(end) - 1);
		body[6] = 'x';
		_cleanup_(sliced_clear) struct sliced sliced = slice_bytes(HEADER, body, len + sizeof(end) - 1);
		assert_int_equal(sliced.r, 0);
		assert_int_equal(sliced.slices.content_len, len - 6);
	}
}

static void padding_beyond_the_limit_makes_a_line_content(void **state) {
	static const char end[] = "\r\n--B1\r\n" SIGNATURE "--B1--\r\n";
	char body[8192];

	for (size_t padding = 500; padding < 6000; padding += 500) {
		size_t len = (size_t)snprintf(body, sizeof(body), "--B1\r\nx\r\n--B1%*s\r\n%s--B1--\r\n", (int)padding, "", SIGNATURE);

		if (padding > 1000)
			len = (size_t)snprintf(body, sizeof(body), "--B1\r\nx\r\n--B1%*s%s", (int)padding, "", end);
		_cleanup_(sliced_clear) struct sliced sliced = slice_bytes(HEADER, body, len);
		assert_int_equal(sliced.r, 0);
		assert_int_equal(sliced.slices.content_len, padding > 1000 ? 1 + 2 + 4 + padding : 1);
	}
}

static void a_line_of_padding_is_no_delimiter_where_a_window_ends_in_it(void **state) {
	char body[8192];

	for (size_t filler = 2950; filler < 3250; filler++) {
		size_t len = (size_t)snprintf(
			body, sizeof(body), "--B1\r\n%0*d\r\n--B1%1100s\r\n--B1\r\n%s--B1--\r\n", (int)filler, 0, "", SIGNATURE);
		_cleanup_(sliced_clear) struct sliced sliced = slice_bytes(HEADER, body, len);

		assert_int_equal(sliced.slices.content_len, filler + 2 + 4 + 1100);
		assert_dripped(sliced.mail, strlen(HEADER) + len, filler + 2 + 4 + 1100);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_end_before_a_delimiter_belongs_to_it),
		cmocka_unit_test(the_signature_part_is_sliced_with_its_header),
		cmocka_unit_test(trailing_empty_lines_are_signed),
		cmocka_unit_test(a_part_may_be_empty_or_without_header),
		cmocka_unit_test(lines_that_only_begin_like_a_delimiter_are_content),
		cmocka_unit_test(delimiters_in_the_middle_of_a_line_are_content),
		cmocka_unit_test(nul_does_not_end_a_delimiter_or_the_search),
		cmocka_unit_test(blanks_behind_a_delimiter_are_padding),
		cmocka_unit_test(inner_multiparts_do_not_matter),
		cmocka_unit_test(an_inner_boundary_equal_to_the_outer_makes_too_many_parts),
		cmocka_unit_test(text_outside_is_told),
		cmocka_unit_test(other_numbers_of_parts_are_malformed),
		cmocka_unit_test(a_missing_end_is_truncation),
		cmocka_unit_test(the_second_part_must_be_a_signature),
		cmocka_unit_test(boundaries_of_special_characters_are_matched_as_they_are),
		cmocka_unit_test(boundaries_that_end_like_an_end_are_told_from_it),
		cmocka_unit_test(window_edges_do_not_matter),
		cmocka_unit_test(boundaries_within_long_lines_are_content_at_every_offset),
		cmocka_unit_test(padding_beyond_the_limit_makes_a_line_content),
		cmocka_unit_test(a_line_of_padding_is_no_delimiter_where_a_window_ends_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
