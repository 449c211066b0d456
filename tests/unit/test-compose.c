/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Canonical form (RFC 8551 3.1): what comes out is 7-bit, passes transport unchanged, decodes to what went in, and is the
 * same in each pass. And the way back: headers around a body, and messages with the line ends of the person's files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/mime/compose.h"
#include "smime/error.h"

enum { RESULT_MAX_BYTES = 16 * 1024 * 1024 };

static struct source *source_of(const void *data, size_t len) {
	struct source *source = NULL;

	assert_int_equal(source_from_memory(data, len, &source), 0);
	return source;
}

static struct sink *memory(void) {
	struct sink *sink = NULL;

	assert_int_equal(sink_to_memory(RESULT_MAX_BYTES, &sink), 0);
	return sink;
}

static struct entity *entity_of(struct source *source) {
	struct entity *entity = NULL;

	assert_int_equal(entity_read(source, &entity), 0);
	return entity;
}

static void assert_bytes(struct bytes bytes, const void *expected, size_t len) {
	if (bytes.len != len || memcmp(bytes.data, expected, len) != 0)
		print_message("expected %zu: <%.*s>\ngot %zu: <%.*s>\n", len, (int)len, (const char *)expected, bytes.len, (int)bytes.len,
			(const char *)bytes.data);
	assert_int_equal(bytes.len, len);
	assert_memory_equal(bytes.data, expected, len);
}

static struct source *canonical_of(struct source *message) {
	_cleanup_(entity_freep) struct entity *entity = entity_of(message);
	struct source *canonical = NULL;

	assert_int_equal(compose_canonical(message, entity, &canonical), 0);
	return canonical;
}

/* Also that a second pass gives the same, and that what is canonical stays as it is. */
static void assert_canonical_bytes(const void *mail, size_t mail_len, const void *expected, size_t len) {
	_cleanup_(source_unrefp) struct source *message = source_of(mail, mail_len), *canonical = canonical_of(message), *again = NULL;
	_cleanup_(sink_freep) struct sink *first = memory(), *second = memory(), *third = memory();

	assert_true(sink_copy(first, canonical) >= 0);
	assert_bytes(sink_memory(first), expected, len);
	assert_true(sink_copy(second, canonical) >= 0);
	assert_bytes(sink_memory(second), expected, len);
	again = canonical_of(canonical);
	assert_true(sink_copy(third, again) >= 0);
	assert_bytes(sink_memory(third), expected, len);
}

#define assert_canonical(mail, expected) assert_canonical_bytes(mail, sizeof(mail) - 1, expected, sizeof(expected) - 1)

static int canonical_error(const char *mail, size_t len) {
	_cleanup_(source_unrefp) struct source *message = source_of(mail, len), *canonical = NULL;
	_cleanup_(entity_freep) struct entity *entity = entity_of(message);

	return compose_canonical(message, entity, &canonical);
}

static void content_fields_move_inward_and_others_stay_out(void **state) {
	assert_canonical("From: a@b\nContent-Type: text/plain;\n charset=us-ascii\nMIME-Version: 1.0\ncontent-language: en\n"
			 "Content-Length: 5\nSubject: x\n\nhello\n",
		"Content-Type: text/plain;\r\n charset=us-ascii\r\ncontent-language: en\r\n\r\nhello\r\n");
}

static void a_message_without_content_fields_gets_a_type(void **state) {
	assert_canonical("Subject: x\n\nhello\n", "Content-Type: text/plain; charset=us-ascii\r\n\r\nhello\r\n");
	assert_canonical("Subject: x\nContent-Length: 6\n\nhello", "Content-Type: text/plain; charset=us-ascii\r\n\r\nhello");
	assert_canonical("Subject: x\n\nh\xc3\xa4llo\n",
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
		"quoted-printable\r\n\r\nh=C3=A4llo\r\n");
	assert_canonical("Subject: x", "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	assert_canonical("\nhello", "Content-Type: text/plain; charset=us-ascii\r\n\r\nhello");
}

static void clean_seven_bit_content_only_gets_crlf(void **state) {
	assert_canonical("Content-Type: text/plain\r\n\r\na\nb\r\nc", "Content-Type: text/plain\r\n\r\na\r\nb\r\nc");
	assert_canonical("Content-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\na\n",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\na\r\n");
}

/* RFC 8551 3.1.4 and RFC 2045 6.7: what transports do to such lines would break signatures. */
static void from_and_trailing_blanks_and_bare_cr_become_quoted_printable(void **state) {
	assert_canonical("Content-Type: text/plain\n\nFrom me\n From me\nFro\nFrom\nFromme\nFF\nFrom \n",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		"=46rom me\r\n From me\r\nFro\r\nFrom\r\nFromme\r\nFF\r\nFrom=20\r\n");
	assert_canonical("Content-Type: text/plain\n\n-- \na\t\r\nb=c \t \nend ",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		"--=20\r\na=09\r\nb=3Dc \t=20\r\nend=20");
	assert_canonical("Content-Type: text/plain\n\na\t\n",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=09\r\n");
	assert_canonical("Content-Type: text/plain\n\nFrom a\nFrom",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=46rom a\r\nFrom");
	assert_canonical("Content-Type: text/plain\n\na\rb\r\r\nc\r",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=0Db=0D\r\nc=0D");
	assert_canonical("Content-Type: text/plain\n\na\0b\x7f\n",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=00b=7F\r\n");
}

static void quoted_printable_lines_have_76_columns_and_no_needless_breaks(void **state) {
#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN
#define HEAD "Content-Type: text/plain\n\n"
#define QP_HEAD "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	assert_canonical(
		HEAD "\xe4\n" SEVENTY "123456\n" SEVENTY "1234567\n", QP_HEAD "=E4\r\n" SEVENTY "123456\r\n" SEVENTY "12345=\r\n67\r\n");
	assert_canonical(HEAD SEVENTY "123\xe4\n" SEVENTY "1234\xe4\n" SEVENTY "12345 \n",
		QP_HEAD SEVENTY "123=E4\r\n" SEVENTY "1234=\r\n=E4\r\n" SEVENTY "12345=\r\n=20\r\n");
	assert_canonical(HEAD SEVENTY "12\xe4z\n" SEVENTY "123\xe4z", QP_HEAD SEVENTY "12=E4z\r\n" SEVENTY "123=\r\n=E4z");
	/* A soft break must not make a line that begins with "From ". */
	assert_canonical(HEAD SEVENTY "\xe4"
				      "12From me",
		QP_HEAD SEVENTY "=E412=\r\n=46rom me");
}

static void lines_beyond_998_octets_are_encoded(void **state) {
	char mail[1200] = "Content-Type: text/plain\r\n\r\n";
	size_t head = strlen(mail);
	static const char encoded[] = "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nxx";
	_cleanup_(sink_freep) struct sink *sink = memory();

	memset(mail + head, 'x', 999);
	memcpy(mail + head + 998, "\r\n", 3);
	assert_canonical_bytes(mail, head + 1000, mail, head + 1000);
	memcpy(mail + head + 998, "x\r\n", 4);
	_cleanup_(source_unrefp) struct source *message = source_of(mail, head + 1001), *canonical = canonical_of(message);
	assert_true(sink_copy(sink, canonical) >= 0);
	assert_memory_equal(sink_memory(sink).data, encoded, strlen(encoded));
}

static void text_that_is_mostly_not_ascii_becomes_base64_with_crlf(void **state) {
	assert_canonical("Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: 8bit\n\n\xd0\xd2\xc9\n\xd7\n",
		"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n0NLJDQrXDQo=\r\n");
}

static void other_types_become_base64(void **state) {
	assert_canonical("Content-Type: application/x\n\na \n",
		"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\nYSANCg==\r\n");
	assert_canonical("Content-Type: application/x\n\na\n", "Content-Type: application/x\r\n\r\na\r\n");
}

static void binary_octets_are_kept_exactly(void **state) {
	assert_canonical("Content-Transfer-Encoding: binary\nContent-Type: application/x\n\na\nb\r\n",
		"Content-Transfer-Encoding: base64\r\nContent-Type: application/x\r\n\r\nYQpiDQo=\r\n");
	assert_canonical("Content-Transfer-Encoding: binary\nContent-Type: text/plain\n\na\nb\r\n",
		"Content-Transfer-Encoding: 7bit\r\nContent-Type: text/plain\r\n\r\na\r\nb\r\n");
	assert_canonical("Content-Transfer-Encoding: binary\nContent-Type: text/plain; charset=utf-16be\n\n\0a\0\n",
		"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-16be\r\n\r\nAGEACg==\r\n");
}

static void clean_encoded_content_passes(void **state) {
	assert_canonical("Content-Transfer-Encoding: base64\n\n" SEVENTY "123456\n" SEVENTY "123456\nYWJj",
		"Content-Transfer-Encoding: base64\r\n\r\n" SEVENTY "123456\r\n" SEVENTY "123456\r\nYWJj");
	assert_canonical("Content-Transfer-Encoding: base64\n\n" SEVENTY "123456\n",
		"Content-Transfer-Encoding: base64\r\n\r\n" SEVENTY "123456\r\n");
	assert_canonical("Content-Transfer-Encoding: base64\n\nYWJj\n", "Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n");
	assert_canonical("Content-Transfer-Encoding: Quoted-Printable\n\na=20" SEVENTY "1=\n23",
		"Content-Transfer-Encoding: Quoted-Printable\r\n\r\na=20" SEVENTY "1=\r\n23");
}

static void untidy_base64_is_refolded(void **state) {
	assert_canonical(
		"Content-Transfer-Encoding: base64\n\nYW\xff\nJj Y\rQ==\nignored", "Content-Transfer-Encoding: base64\r\n\r\nYWJjYQ==\r\n");
	assert_canonical("Content-Transfer-Encoding: base64\n\nYWJj\0YQ==YWJj", "Content-Transfer-Encoding: base64\r\n\r\nYWJjYQ==\r\n");
	assert_canonical("Content-Transfer-Encoding: base64\n\nYWJj\0Y=", "Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n");
}

/* A relay that folds them anew would break signatures. */
static void lines_of_other_widths_get_76_columns(void **state) {
	assert_canonical("Content-Transfer-Encoding: base64\n\n" SEVENTY "12\n" SEVENTY "12\nYQ==\n",
		"Content-Transfer-Encoding: base64\r\n\r\n" SEVENTY "120123\r\n456789" TEN TEN TEN TEN TEN TEN "12YQ==\r\n");
	assert_canonical("Content-Transfer-Encoding: base64\n\n" SEVENTY "12345678",
		"Content-Transfer-Encoding: base64\r\n\r\n" SEVENTY "123456\r\n78==\r\n");
	assert_canonical("Content-Transfer-Encoding: base64\n\nYWJj \nYWJj\n", "Content-Transfer-Encoding: base64\r\n\r\nYWJjYWJj\r\n");
	assert_canonical("Content-Transfer-Encoding: quoted-printable\n\n" SEVENTY "123456\n" SEVENTY "12=3D\n",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n" SEVENTY "123456\r\n" SEVENTY "12=3D\r\n");
	assert_canonical("Content-Transfer-Encoding: quoted-printable\n\n" SEVENTY "1234567\n" SEVENTY "=\nx=20\n",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n" SEVENTY "12345=\r\n67\r\n" SEVENTY "x=20\r\n");
}

static void long_lines_of_base64_are_refolded_to_76(void **state) {
	char mail[1300] = "Content-Transfer-Encoding: base64\n\n", expected[1400] = "Content-Transfer-Encoding: base64\r\n\r\n";
	size_t head = strlen(mail), len = strlen(expected);

	memset(mail + head, 'A', 1000);
	for (size_t left = 1000; left > 0; left -= left < 76 ? left : 76) {
		memset(expected + len, 'A', left < 76 ? left : 76);
		len += left < 76 ? left : 76;
		memcpy(expected + len, "\r\n", 2);
		len += 2;
	}
	assert_canonical_bytes(mail, head + 1000, expected, len);
}

static void untidy_quoted_printable_is_encoded_again(void **state) {
	assert_canonical("Content-Transfer-Encoding: quoted-printable\n\na \t\nb=\n c=3D=0D=0A=0a=e4 =  \nd=zz\xff=A",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\na\r\nb c=3D=0D=0A=0A=E4 d=3Dzz=FF=3DA");
	assert_canonical("Content-Transfer-Encoding: quoted-printable\n\nFrom =41\n=",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n=46rom A\r\n");
	assert_canonical("Content-Type: application/x\nContent-Transfer-Encoding: quoted-printable\n\nFrom =0A\n",
		"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\nRnJvbSAKDQo=\r\n");
}

/* A relay that fills lines would break signatures. */
static void soft_line_breaks_that_are_no_use_go(void **state) {
	assert_canonical(
		"Content-Transfer-Encoding: quoted-printable\n\na=20=\nb", "Content-Transfer-Encoding: quoted-printable\r\n\r\na b");
	assert_canonical("Content-Transfer-Encoding: quoted-printable\n\n" SEVENTY "12345=\n6\n",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n" SEVENTY "123456\r\n");
	assert_canonical("Content-Transfer-Encoding: quoted-printable\n\na=\n", "Content-Transfer-Encoding: quoted-printable\r\n\r\na");
}

static void several_transfer_encodings_become_one(void **state) {
	assert_canonical("Content-Transfer-Encoding: 8bit\nX: y\nContent-Transfer-Encoding: 7bit\n\na\n",
		"Content-Transfer-Encoding: 7bit\r\n\r\na\r\n");
}

static void parts_are_encoded_one_by_one(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\npreamble\n--b\n\nplain\n--b  "
			 "\n"
			 "Content-Type: text/plain;\n charset=utf-8\nX-Other:  as it is\n\n\xc3\xa4 and more\n\n--b\n"
			 "Content-Type: application/x\nContent-Transfer-Encoding: binary\nContent-ID: <x>\n\n\r\n\n--b--\nepilogue",
		"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: "
		"7bit\r\n\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
		"Content-Type: text/plain;\r\n charset=utf-8\r\nX-Other:  as it is\r\nContent-Transfer-Encoding: "
		"quoted-printable\r\n\r\n"
		"=C3=A4 and more\r\n\r\n--b\r\n"
		"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\nContent-ID: "
		"<x>\r\n\r\nDQo=\r\n--b--\r\n");
}

static void content_without_a_final_line_end_keeps_none(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\xe4 long enough\n--b\n\n\xe4 long enough\n\n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: "
		"quoted-printable\r\n\r\n=E4 long enough\r\n"
		"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4 long enough\r\n\r\n--b--\r\n");
}

static void parts_without_header_or_content_stay(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\nContent-Type: text/html\n--b\n\n--b\nno "
			 "field\n--b\n folded\nA: b\n\n--b--",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\nContent-Type: "
		"text/html\r\n--b\r\n\r\n--b\r\nno field\r\n--b\r\n"
		" folded\r\nA: b\r\n\r\n--b--");
}

static void a_part_without_header_end_gets_one_with_its_encoding(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\nno f\xefld at all\n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: b\r\nContent-Transfer-Encoding: "
		"quoted-printable\r\n\r\n"
		"no f=EFld at all\r\n--b--\r\n");
}

static void attached_messages_are_entered(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
			 "message/rfc822\nContent-Transfer-Encoding: 8bit\n\n"
			 "Subject: \xe4\n\n\xe4 in the text\n--b\nContent-Type: message/rfc822\n\nMIME-Version: "
			 "1.0\nContent-Type: text/html\n\n\xe4 in the text\n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
		"message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
		"MIME-Version: 1.0\r\nSubject: \xe4\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4 in the "
		"text\r\n--b\r\n"
		"Content-Type: message/rfc822\r\n\r\nMIME-Version: 1.0\r\nContent-Type: "
		"text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		"=E4 in the text\r\n--b--\r\n");
}

static void parts_of_a_digest_are_messages(void **state) {
	assert_canonical("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\n\xe4 in the "
			 "text\n--b\nContent-Type: text/plain\n\nSubject: x\n\na \n--b--\n",
		"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nMIME-Version: 1.0\r\nSubject: "
		"x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		"=E4 in the text\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		"Subject: x\r\n\r\na=20\r\n--b--\r\n");
}

/* RFC 2045 6.4 forbids to encode them. */
static void other_message_types_bear_blanks(void **state) {
	assert_canonical("Content-Type: message/delivery-status\n\nStatus: 5.0.0 \n",
		"Content-Type: message/delivery-status\r\n\r\nStatus: 5.0.0 \r\n");
}

static void what_is_signed_inside_is_left_as_it_is(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/signed; boundary=s;\n "
			 "protocol=\"application/pgp-signature\"\n\n"
			 "--s\n\n\xe4 From \n--s--\n\n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/signed; boundary=s;\r\n "
		"protocol=\"application/pgp-signature\"\r\n\r\n"
		"--s\r\n\r\n\xe4 From \r\n--s--\r\n\r\n--b--\r\n");
	assert_canonical("Content-Type: multipart/encrypted; boundary=s\n\n--s\n\na \n--s--\n",
		"Content-Type: multipart/encrypted; boundary=s\r\n\r\n--s\r\n\r\na \r\n--s--\r\n");
}

static void structure_that_is_not_clear_passes_as_lines(void **state) {
	assert_canonical(
		"Content-Type: multipart/mixed\n\n--b\n\na \n--b--\n", "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\na \r\n--b--\r\n");
	assert_canonical("Content-Type: multipart/mixed; boundary=b\nContent-Type: text/plain\n\n--b\n\na \n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain\r\n\r\n--b\r\n\r\na \r\n--b--\r\n");
}

static void an_outer_delimiter_ends_inner_multiparts(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
			 "boundary=bx\n\n--bx\n\na \n--b\n\na \n--bx--\n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; "
		"boundary=bx\r\n\r\n--bx\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\na=20\r\n--b\r\nContent-Transfer-Encoding: "
		"quoted-printable\r\n\r\na=20\r\n--bx--\r\n--b--\r\n");
	/* Equal boundaries: all delimiters are the outer one's. */
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
			 "boundary=b\n\npre \n--b\n\na \n--b--\nepi \n--b\n\na \n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; "
		"boundary=b\r\n\r\npre \r\n--b\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\na=20\r\n--b--\r\n");
}

static void text_behind_an_inner_end_is_the_outer_parts_epilogue(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
			 "boundary=c\n\n--c\n\na\n--c--\nepi \n--c\nepi \n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; "
		"boundary=c\r\n\r\n--c\r\n\r\na\r\n--c--\r\n\r\n--b--\r\n");
}

static void text_around_the_parts_of_a_multipart_is_left_out(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\n\xe4\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n\xe4\r\n"
			 "--c\n\na\n\n--c--\n\xe4\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=d\n\n"
			 "\xe4\n--d--\n\xe4\n--b\nContent-Type: multipart/signed; boundary=e\n\nx \n--e\n--e--\ny \n--b--\n\xe4",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\r\n"
		"--c\r\n\r\na\r\n\r\n--c--\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; "
		"boundary=d\r\n\r\n\r\n--d--\r\n\r\n--b\r\nContent-Type: multipart/signed; boundary=e\r\n\r\nx \r\n--e\r\n"
		"--e--\r\ny \r\n--b--\r\n");
}

/* It is no preamble: programs show it. */
static void text_of_a_multipart_without_parts_is_kept(void **state) {
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\na\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\na\r\n");
	assert_canonical("Content-Type: multipart/mixed; boundary=b\n\na\n--b\nContent-Type: multipart/mixed; boundary=c\n\nd\n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n\r\n--b\r\nContent-Type: multipart/mixed; "
		"boundary=c\r\n\r\nd\r\n--b--\r\n");
}

static void depth_and_parts_are_limited(void **state) {
	_cleanup_(sink_freep) struct sink *sink = memory();
	struct bytes mail;

	for (int i = 0; i < 5000; i++)
		assert_true(sink_printf(sink, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i) >= 0);
	mail = sink_memory(sink);
	assert_int_equal(canonical_error((const char *)mail.data, mail.len), -SMIME_E_TOO_LARGE);

	sink = sink_free(sink);
	sink = memory();
	for (int i = 0; i < 5000; i++)
		assert_true(sink_puts(sink, "Content-Type: message/rfc822\n\n") >= 0);
	mail = sink_memory(sink);
	assert_int_equal(canonical_error((const char *)mail.data, mail.len), -SMIME_E_TOO_LARGE);

	sink = sink_free(sink);
	sink = memory();
	assert_true(sink_puts(sink, "Content-Type: multipart/mixed; boundary=b\n\n") >= 0);
	for (int i = 0; i < 100000; i++)
		assert_true(sink_puts(sink, "--b\n\na\n") >= 0);
	mail = sink_memory(sink);
	assert_int_equal(canonical_error((const char *)mail.data, mail.len), -SMIME_E_TOO_LARGE);
	assert_int_equal(canonical_error((const char *)mail.data, 43 + 7 * (size_t)ENTITY_PARTS_MAX), 0);
}

/* Decodes again what was encoded, with other code, for content longer than all windows. */
static void assert_round_trip(const char *header, const uint8_t *content, size_t len) {
	_cleanup_(sink_freep) struct sink *mail = memory(), *result = memory();
	_cleanup_(source_unrefp) struct source *message = NULL, *canonical = NULL, *body = NULL;
	_cleanup_(entity_freep) struct entity *entity = NULL;
	size_t line = 0;

	assert_true(sink_puts(mail, header) >= 0 && sink_write(mail, content, len) >= 0);
	message = source_of(sink_memory(mail).data, sink_memory(mail).len);
	canonical = canonical_of(message);
	entity = entity_of(canonical);
	assert_int_equal(entity_body(entity, canonical, &body), 0);
	assert_true(sink_copy(result, body) >= 0);
	assert_int_equal(sink_memory(result).len, len);
	assert_memory_equal(sink_memory(result).data, content, len);

	result = sink_free(result);
	result = memory();
	assert_true(sink_copy(result, canonical) >= 0);
	for (size_t i = 0; i < sink_memory(result).len; i++) {
		assert_in_range(sink_memory(result).data[i], 9, 126);
		line = sink_memory(result).data[i] == '\n' ? 0 : line + 1;
		assert_in_range(line, 0, 77);
	}
}

static void long_content_survives_the_way_through_windows(void **state) {
	size_t len = 1000003;
	_cleanup_(freep) uint8_t *content = malloc(len);
	uint32_t random = 1;

	for (size_t i = 0; i < len; i++) {
		random = random * 1664525 + 1013904223;
		content[i] = (uint8_t)(random >> 24);
	}
	assert_round_trip("Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n", content, len);
	for (size_t i = 0; i < len; i++)
		content[i] = content[i] < 24 ? " \tFrom =."[content[i] % 9] :
			content[i] < 64      ? content[i] | 0x80 :
			content[i] & 0x5f    ? 32 + content[i] % 95 :
					       ' ';
	for (size_t i = 0; i + 100 < len; i += 1 + content[i])
		memcpy(content + i, "\r\nFrom ", content[i] % 5 ? 2 : 7);
	content[len - 1] = ' ';
	for (size_t i = 0; i < len; i++)
		if ((content[i] == '\r') != (i + 1 < len && content[i + 1] == '\n'))
			content[i] = 'x';
	assert_round_trip("Content-Type: text/plain\r\n\r\n", content, len);
	for (size_t i = 0; i < len; i++)
		if (content[i] == '\n' && (i == 0 || content[i - 1] != '\r'))
			content[i] = 'y';
	assert_round_trip("Content-Type: application/x\r\n\r\n", content, len);
}

/* A header larger than a reader's window must come out whole. */
static void long_headers_come_out_whole(void **state) {
	size_t len = 250000;
	_cleanup_(freep) char *mail = malloc(len), *expected = malloc(len);

	memset(mail, 'x', len);
	memcpy(mail, "Content-X: ", 11);
	memcpy(mail + len - 5, "\r\n\r\na", 5);
	memcpy(expected, mail, len);
	assert_canonical_bytes(mail, len, expected, len);
}

static void assert_outer(const char *mail, const char *const *drop, enum eol eol, const char *expected) {
	_cleanup_(source_unrefp) struct source *message = source_of(mail, strlen(mail));
	_cleanup_(entity_freep) struct entity *entity = entity_of(message);
	_cleanup_(sink_freep) struct sink *sink = memory();

	assert_int_equal(compose_outer_header(sink, entity, drop, eol), 0);
	assert_bytes(sink_memory(sink), expected, strlen(expected));
}

static void outer_headers_lose_content_fields_and_what_is_to_be_dropped(void **state) {
	static const char *const drop[] = { "Bcc", "X-Draft", NULL };
	static const char mail[] = "From: a\nBCC: secret\n folded\nContent-Type: text/plain\nmime-version: 1.0\nTo: b\n "
				   "c\nContent-Length: 3\nx-draft: y\n\nabc";

	assert_outer(mail, drop, EOL_KEEP, "From: a\nTo: b\n c\nMIME-Version: 1.0\n");
	assert_outer(mail, drop, EOL_CRLF, "From: a\r\nTo: b\r\n c\r\nMIME-Version: 1.0\r\n");
	assert_outer("From: a\r\nBcc: b", NULL, EOL_KEEP, "From: a\r\nBcc: b\r\nMIME-Version: 1.0\r\n");
	assert_outer("From x\nFrom: a\r\n\r\n", NULL, EOL_LF, "From: a\nMIME-Version: 1.0\n");
}

static void assert_message_bytes(const char *outer, const void *inner, size_t inner_len, enum eol eol, const void *expected, size_t len) {
	_cleanup_(source_unrefp) struct source *outer_source = source_of(outer, strlen(outer)), *inner_source = source_of(inner, inner_len);
	_cleanup_(entity_freep) struct entity *entity = entity_of(outer_source);
	_cleanup_(sink_freep) struct sink *sink = memory();

	assert_int_equal(compose_message(sink, entity, inner_source, eol), 0);
	assert_bytes(sink_memory(sink), expected, len);
}

#define OUTER "Subject: x\nContent-Type: application/pkcs7-mime\n\nMIIB"
#define assert_message(inner, eol, expected) assert_message_bytes(OUTER, inner, sizeof(inner) - 1, eol, expected, sizeof(expected) - 1)

static void messages_have_the_outer_header_and_the_inner_entity(void **state) {
	assert_message("Content-Type: text/plain\r\n\r\na\r\nb", EOL_LF, "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain\n\na\nb");
	assert_message("Content-Type: text/plain\r\n\r\na\r\nb", EOL_KEEP,
		"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain\r\n\r\na\r\nb");
	assert_message("\r\na\r\n", EOL_LF, "Subject: x\nMIME-Version: 1.0\n\na\n");
}

static void inner_fields_that_describe_no_content_are_left_out(void **state) {
	static const char inner[] = "Subject: y\r\nfrom: c\r\n folded\r\nMIME-Version: 1.0\r\nContent-Type: text/plain;\r\n x=y\r\n"
				    "Content-Length: 3\r\nX: y\r\nContent-Language: en\r\n\r\nFrom: d\r\n";

	assert_message(inner, EOL_LF, "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain;\n x=y\nContent-Language: en\n\nFrom: d\n");
	assert_message(inner, EOL_KEEP,
		"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain;\r\n x=y\r\nContent-Language: en\r\n\r\nFrom: d\r\n");
}

static void binary_leafs_keep_their_octets_where_lines_become_lf(void **state) {
	assert_message("Content-Type: multipart/signed; boundary=b\r\n\r\npre\r\n--b\r\nContent-Transfer-Encoding: "
		       "binary\r\n\r\na\r\nb\r\n\r\n--b \r\n\r\na\r\nb\r\r\n--b--\r\nepi\r\n",
		EOL_LF,
		"Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/signed; "
		"boundary=b\n\npre\n--b\nContent-Transfer-Encoding: binary\n\na\r\nb\r\n\n--b\n\na\nb\r\n--b--\nepi\n");
	assert_message("Content-Transfer-Encoding: binary\r\n\r\na\r\n", EOL_LF,
		"Subject: x\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\n\na\r\n");
}

static void inner_text_that_is_no_entity_does_not_become_header(void **state) {
	assert_message("just text\r\nX-Header: no\r\n", EOL_LF, "Subject: x\nMIME-Version: 1.0\n\njust text\nX-Header: no\n");
	assert_message("just text\r", EOL_LF, "Subject: x\nMIME-Version: 1.0\n\njust text\r");
	assert_message("", EOL_KEEP, "Subject: x\nMIME-Version: 1.0\n\n");
	assert_message("From me\nContent-A: b\n\nt", EOL_KEEP, "Subject: x\nMIME-Version: 1.0\nContent-A: b\n\nt");
	assert_message("Content-A: b\nno field\nX: y\n\nt", EOL_KEEP, "Subject: x\nMIME-Version: 1.0\nContent-A: b\n\nno field\nX: y\n\nt");
	assert_message("Content-A: b\rFrom: c\nContent-B: d\n\nt", EOL_KEEP, "Subject: x\nMIME-Version: 1.0\nContent-B: d\n\nt");
	assert_message("Content-A: b", EOL_KEEP, "Subject: x\nMIME-Version: 1.0\nContent-A: b\n\n");
}

static void line_ends_of_long_text_are_changed_across_windows(void **state) {
	size_t lines = 100000, head = strlen("Subject: x\nMIME-Version: 1.0\n\n");
	_cleanup_(freep) char *inner = malloc(3 * lines), *expected = malloc(head + 2 * lines);

	memcpy(expected, "Subject: x\nMIME-Version: 1.0\n\n", head);
	for (size_t i = 0; i < lines; i++) {
		memcpy(inner + 3 * i, "a\r\n", 3);
		memcpy(expected + head + 2 * i, "a\n", 2);
	}
	assert_message_bytes(OUTER, inner, 3 * lines, EOL_LF, expected, head + 2 * lines);
}

static void boundaries_are_random_and_fit(void **state) {
	char first[64], second[64];

	assert_int_equal(compose_boundary(first), 0);
	assert_int_equal(compose_boundary(second), 0);
	assert_string_not_equal(first, second);
	assert_in_range(strlen(first), 30, 63);
	assert_memory_equal(first, "=_", 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_fields_move_inward_and_others_stay_out),
		cmocka_unit_test(a_message_without_content_fields_gets_a_type),
		cmocka_unit_test(clean_seven_bit_content_only_gets_crlf),
		cmocka_unit_test(from_and_trailing_blanks_and_bare_cr_become_quoted_printable),
		cmocka_unit_test(quoted_printable_lines_have_76_columns_and_no_needless_breaks),
		cmocka_unit_test(lines_beyond_998_octets_are_encoded),
		cmocka_unit_test(text_that_is_mostly_not_ascii_becomes_base64_with_crlf),
		cmocka_unit_test(other_types_become_base64),
		cmocka_unit_test(binary_octets_are_kept_exactly),
		cmocka_unit_test(clean_encoded_content_passes),
		cmocka_unit_test(untidy_base64_is_refolded),
		cmocka_unit_test(lines_of_other_widths_get_76_columns),
		cmocka_unit_test(long_lines_of_base64_are_refolded_to_76),
		cmocka_unit_test(untidy_quoted_printable_is_encoded_again),
		cmocka_unit_test(soft_line_breaks_that_are_no_use_go),
		cmocka_unit_test(several_transfer_encodings_become_one),
		cmocka_unit_test(parts_are_encoded_one_by_one),
		cmocka_unit_test(content_without_a_final_line_end_keeps_none),
		cmocka_unit_test(parts_without_header_or_content_stay),
		cmocka_unit_test(a_part_without_header_end_gets_one_with_its_encoding),
		cmocka_unit_test(attached_messages_are_entered),
		cmocka_unit_test(parts_of_a_digest_are_messages),
		cmocka_unit_test(other_message_types_bear_blanks),
		cmocka_unit_test(what_is_signed_inside_is_left_as_it_is),
		cmocka_unit_test(structure_that_is_not_clear_passes_as_lines),
		cmocka_unit_test(an_outer_delimiter_ends_inner_multiparts),
		cmocka_unit_test(text_behind_an_inner_end_is_the_outer_parts_epilogue),
		cmocka_unit_test(text_around_the_parts_of_a_multipart_is_left_out),
		cmocka_unit_test(text_of_a_multipart_without_parts_is_kept),
		cmocka_unit_test(depth_and_parts_are_limited),
		cmocka_unit_test(long_content_survives_the_way_through_windows),
		cmocka_unit_test(long_headers_come_out_whole),
		cmocka_unit_test(outer_headers_lose_content_fields_and_what_is_to_be_dropped),
		cmocka_unit_test(messages_have_the_outer_header_and_the_inner_entity),
		cmocka_unit_test(inner_fields_that_describe_no_content_are_left_out),
		cmocka_unit_test(binary_leafs_keep_their_octets_where_lines_become_lf),
		cmocka_unit_test(inner_text_that_is_no_entity_does_not_become_header),
		cmocka_unit_test(line_ends_of_long_text_are_changed_across_windows),
		cmocka_unit_test(boundaries_are_random_and_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
