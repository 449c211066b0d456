/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is read from a mail's header, and what is taken for S/MIME: RFC 2045, 2231, 5322, and RFC 8551 3.2 and 3.5. Headers
 * that two readers could understand in two ways must not be S/MIME.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/mime/entity.h"
#include "client/stream/sink.h"
#include "smime/error.h"

static struct source *source_of(const void *data, size_t len) {
	struct source *source = NULL;

	assert_int_equal(source_from_memory(data, len, &source), 0);
	return source;
}

static struct entity *read_bytes(const char *text, size_t len) {
	_cleanup_(source_unrefp) struct source *source = source_of(text, len);
	struct entity *entity = NULL;

	assert_int_equal(entity_read(source, &entity), 0);
	assert_non_null(entity);
	return entity;
}

static struct entity *read_text(const char *text) {
	return read_bytes(text, strlen(text));
}

static int read_error(const char *text, size_t len) {
	_cleanup_(source_unrefp) struct source *source = source_of(text, len);
	_cleanup_(entity_freep) struct entity *entity = NULL;
	int r = entity_read(source, &entity);

	assert_null(entity);
	return r;
}

static enum entity_kind kind_of(const char *header) {
	_cleanup_(entity_freep) struct entity *entity = read_text(header);

	return entity_kind(entity);
}

static void assert_bytes(struct bytes bytes, const char *expected, size_t len) {
	assert_int_equal(bytes.len, len);
	assert_memory_equal(bytes.data, expected, len);
}

#define assert_text(bytes, text) assert_bytes(bytes, text, sizeof(text) - 1)

static void fields_stand_as_they_are_in_the_message(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("From: alice@example.org\r\nSubject : one\r\n  two\r\n\ttwo\r\n\r\nbody");

	assert_int_equal(entity->field_count, 2);
	assert_text(entity->fields[0].raw, "From: alice@example.org\r\n");
	assert_text(entity->fields[1].raw, "Subject : one\r\n  two\r\n\ttwo\r\n");
	assert_text(entity->fields[1].name, "Subject");
	assert_text(entity->fields[1].body, " one\r\n  two\r\n\ttwo");
	assert_int_equal(entity->body_offset, entity->header_len);
	assert_int_equal(entity->header_len, 55);
	assert_true(entity->crlf);
}

static void fields_are_found_without_regard_to_case_and_counted(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("RECEIVED: a\nReceived: b\nReceived-SPF: c\n\n");
	const struct field *field;
	size_t count;

	field = entity_field(entity, "received", &count);
	assert_int_equal(count, 2);
	assert_ptr_equal(field, &entity->fields[0]);
	assert_null(entity_field(entity, "Receive", &count));
	assert_int_equal(count, 0);
	assert_false(entity->crlf);
}

static void nul_and_eight_bit_and_bare_cr_stay_within_their_field(void **state) {
	static const char text[] = "Subject: a\0b\rc\xff\nTo: x\n\n";
	_cleanup_(entity_freep) struct entity *entity = read_bytes(text, sizeof(text) - 1);

	assert_int_equal(entity->field_count, 2);
	assert_text(entity->fields[0].body, " a\0b\rc\xff");
	assert_text(entity->fields[1].name, "To");
}

static void text_without_a_header_is_no_mail(void **state) {
	assert_int_equal(read_error("", 0), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error("Hello Bob,\n\nthis is text\n", 25), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error(" Subject: x\n\n", 13), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error("Subject\xfc: x\n\n", 13), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error("\0Subject: x\n\n", 13), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error(": x\n\n", 5), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error("\rSubject: x\n\n", 13), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error("-----BEGIN CMS-----\nMIIB\n", 25), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error("From alice Mon Jan  1 00:00:00 2024\n", 36), -SMIME_E_NOT_MAIL);
	assert_int_equal(read_error("From alice Mon Jan  1 00:00:00 2024\ntext\n", 41), -SMIME_E_NOT_MAIL);
}

static void a_mailbox_from_line_is_skipped(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("From alice Mon Jan  1 00:00:00 2024\nFrom : a@b\n\nbody");

	assert_int_equal(entity->field_count, 1);
	assert_text(entity->fields[0].name, "From");
	assert_int_equal(entity->body_offset, 48);
	assert_int_equal(entity->header_len, 12);
}

static void an_empty_line_alone_is_a_header_without_fields(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("\r\nbody");

	assert_int_equal(entity->field_count, 0);
	assert_int_equal(entity->body_offset, 2);
	assert_string_equal(entity->type, "text/plain");
	assert_string_equal(entity->encoding, "7bit");
	assert_true(entity->crlf);
}

static void a_header_may_end_with_the_data(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("Subject: x\nContent-Type: text/html");

	assert_int_equal(entity->field_count, 2);
	assert_int_equal(entity->body_offset, 34);
	assert_string_equal(entity->type, "text/html");
}

static void a_line_that_is_no_field_begins_the_body(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("Subject: x\nno field\nContent-Type: text/html\n\n");

	assert_int_equal(entity->field_count, 1);
	assert_int_equal(entity->body_offset, 11);
	assert_string_equal(entity->type, "text/plain");
}

static void a_line_of_blanks_is_a_fold_and_no_end(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("Subject: x\n \t\nTo: y\n\n");

	assert_int_equal(entity->field_count, 2);
	assert_text(entity->fields[0].body, " x\n \t");
}

static void headers_beyond_the_limit_are_refused(void **state) {
	size_t len = ENTITY_HEADER_MAX_BYTES + 100;
	_cleanup_(freep) char *text = malloc(len);

	memset(text, 'x', len);
	memcpy(text, "Subject: ", 9);
	assert_int_equal(read_error(text, len), -SMIME_E_TOO_LARGE);
	for (size_t i = 0; i + 4 <= len; i += 4)
		memcpy(text + i, "a:b\n", 4);
	assert_int_equal(read_error(text, len), -SMIME_E_TOO_LARGE);
	assert_int_equal(read_error(text, 4 * (ENTITY_FIELDS_MAX + 1)), -SMIME_E_TOO_LARGE);
	memset(text, 'x', len);
	memcpy(text, "From ", 5);
	assert_int_equal(read_error(text, len), -SMIME_E_TOO_LARGE);
}

static void a_line_longer_than_a_window_is_one_field(void **state) {
	size_t len = 200000;
	_cleanup_(freep) char *text = malloc(len + 1);
	_cleanup_(entity_freep) struct entity *entity = NULL;

	memset(text, 'x', len);
	memcpy(text, "Subject: ", 9);
	memcpy(text + len - 10, "\r\nTo: y\r\n\r", 10);
	text[len] = '\n';
	entity = read_bytes(text, len + 1);
	assert_int_equal(entity->field_count, 2);
	assert_int_equal(entity->fields[0].raw.len, len - 8);
	assert_text(entity->fields[1].name, "To");
	assert_int_equal(entity->body_offset, len + 1);
}

static void type_and_parameters_are_parsed_with_comments_quotes_and_folds(void **state) {
	_cleanup_(entity_freep) struct entity *entity =
		read_text("Content-Type: (a (nested) comment) Multipart/Signed (;boundary=no);\r\n"
			  "\tMICALG=SHA-256 ; protocol=\"Application/PKCS7-Signature\"; x=\"a;boundary=no\";\r\n"
			  " boundary=\"=_\\\"a\r\n b';?\"\r\nContent-Transfer-Encoding: 7BIT (really)\r\n\r\n");

	assert_string_equal(entity->type, "multipart/signed");
	assert_string_equal(entity->protocol, "application/pkcs7-signature");
	assert_string_equal(entity->boundary, "=_\"a b';?");
	assert_string_equal(entity->encoding, "7bit");
	assert_int_equal(entity_kind(entity), ENTITY_MULTIPART_SIGNED);
}

static void unquoted_boundaries_of_careless_programs_are_read(void **state) {
	_cleanup_(entity_freep) struct entity *entity = read_text("Content-Type: multipart/mixed; boundary=----=_Part/1?;x=y\n\n");

	assert_string_equal(entity->boundary, "----=_Part/1?");
}

static void rfc2231_parameters_are_joined_and_decoded(void **state) {
	_cleanup_(entity_freep) struct entity *entity =
		read_text("Content-Type: multipart/signed; boundary*1=\"b c\"; boundary*0=a;\n"
			  " boundary*2*=%20%64; protocol*=us-ascii'en'application%2Fpkcs7-signature;\n"
			  " name=fallback; name*=utf-8''%C3%A4.p7m\n\n");

	assert_string_equal(entity->boundary, "ab c d");
	assert_string_equal(entity->protocol, "application/pkcs7-signature");
	assert_string_equal(entity->name, "\xc3\xa4.p7m");
}

static void ambiguous_boundaries_are_none(void **state) {
	static const char *const parameters[] = {
		"boundary=a; boundary=b",
		"boundary=a; boundary*=us-ascii''b",
		"boundary*0=a; boundary*0=b",
		"boundary*=us-ascii''a; boundary*0=b",
		"boundary*1=a",
		"boundary*0=a; boundary*2=c",
		"boundary=\"\"",
		"boundary=\"a \"",
		"boundary=\"a",
		"boundary=a; boundary=\"b",
		"boundary=a; boundary=\"b\x01\"",
		"boundary=a; boundary*x=b",
		"boundary*=us-ascii''a%00b",
		"boundary*=us-ascii''a%0Ab",
		"x=y boundary",
	};
	char header[256];

	for (size_t i = 0; i < ELEMENTSOF(parameters); i++) {
		_cleanup_(entity_freep) struct entity *entity = NULL;

		(void)snprintf(header, sizeof(header), "Content-Type: multipart/signed; %s\n\n", parameters[i]);
		entity = read_text(header);
		assert_null(entity->boundary);
		assert_int_equal(entity_kind(entity), ENTITY_PLAIN);
	}
}

static void boundaries_beyond_the_limit_are_none(void **state) {
	char header[300] = "Content-Type: multipart/mixed; boundary=";
	size_t len = strlen(header);
	_cleanup_(entity_freep) struct entity *entity = NULL, *longer = NULL;

	memset(header + len, 'b', ENTITY_BOUNDARY_MAX_BYTES);
	entity = read_text(header);
	assert_int_equal(strlen(entity->boundary), ENTITY_BOUNDARY_MAX_BYTES);
	header[len + ENTITY_BOUNDARY_MAX_BYTES] = 'b';
	longer = read_text(header);
	assert_null(longer->boundary);
}

static void a_file_is_called_what_programs_agree_on(void **state) {
	static const struct {
		const char *header, *name;
	} files[] = {
		{ "Content-Type: a/b\n\n", NULL },
		{ "Content-Type: a/b; name=x.pdf\n\n", "x.pdf" },
		{ "Content-Disposition: attachment; filename=x.exe\nContent-Type: a/b; name=x.pdf\n\n", "x.exe" },
		{ "Content-Disposition: attachment\nContent-Type: a/b; name=x.pdf\n\n", "x.pdf" },
		{ "Content-Disposition: attachment; filename*=utf-8''%C3%BC.pdf; filename=x.pdf\n\n", "\xc3\xbc.pdf" },
		{ "Content-Disposition: attachment; filename=x.pdf; filename=x.exe\n\n", NULL },
		{ "Content-Disposition: attachment; filename*=utf-8''%1B.pdf\n\n", NULL },
	};

	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		_cleanup_(entity_freep) struct entity *entity = read_text(files[i].header);
		_cleanup_(freep) char *name = NULL;

		assert_int_equal(entity_file_name(entity, &name), 0);
		if (files[i].name)
			assert_string_equal(name, files[i].name);
		else
			assert_null(name);
	}
}

static void a_signature_is_told_by_type_or_by_octet_stream_and_name(void **state) {
	static const struct {
		const char *header;
		bool is;
	} parts[] = {
		{ "Content-Type: application/pkcs7-signature\n\n", true },
		{ "Content-Type: Application/X-PKCS7-Signature; name=x\n\n", true },
		{ "Content-Type: application/octet-stream; name=smime.P7S\n\n", true },
		{ "Content-Type: application/octet-stream; name=smime.p7m\n\n", false },
		{ "Content-Type: application/octet-stream; name=.p7s\n\n", false },
		{ "Content-Type: application/octet-stream\n\n", false },
		{ "Content-Type: application/pkcs7-mime; name=smime.p7s\n\n", false },
		{ "Content-Type: application/pkcs7-signature\nContent-Type: text/plain\n\n", false },
		{ "Content-Type: application/pkcs7-signature\n", false },
	};

	for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
		_cleanup_(entity_freep) struct entity *entity = read_text(parts[i].header);

		assert_int_equal(entity_is_signature(entity), parts[i].is);
	}
}

static void unusable_types_are_plain_text(void **state) {
	static const char *const types[] = { "", "multipart", "/signed", "multipart/", "a b/c", "\x80/x", "text;plain" };
	char header[64];

	for (size_t i = 0; i < ELEMENTSOF(types); i++) {
		_cleanup_(entity_freep) struct entity *entity = NULL;

		(void)snprintf(header, sizeof(header), "Content-Type: %s\n\n", types[i]);
		entity = read_text(header);
		assert_string_equal(entity->type, "text/plain");
	}
}

static void cms_is_told_by_type_or_by_octet_stream_and_name(void **state) {
	assert_int_equal(kind_of("Content-Type: application/pkcs7-mime\n\n"), ENTITY_CMS);
	assert_int_equal(kind_of("Content-Type: application/X-PKCS7-MIME; name=x\n\n"), ENTITY_CMS);
	assert_int_equal(kind_of("Content-Type: application/octet-stream; name=\"smime.P7M\"\n\n"), ENTITY_CMS);
	assert_int_equal(
		kind_of("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=a.p7z\n\n"), ENTITY_CMS);
	assert_int_equal(kind_of("Content-Type: application/octet-stream; name=p7m\n\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: application/octet-stream; name=a.p7m.exe\n\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: text/plain; name=smime.p7m\n\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: application/pkcs7-signature; name=smime.p7s\n\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: application/pkcs7-mime-x\n\n"), ENTITY_PLAIN);
}

static void multipart_signed_needs_a_boundary_and_no_foreign_protocol(void **state) {
	assert_int_equal(
		kind_of("Content-Type: multipart/signed; boundary=b; protocol=application/x-pkcs7-signature\n\n"), ENTITY_MULTIPART_SIGNED);
	assert_int_equal(kind_of("Content-Type: multipart/signed; boundary=b\n\n"), ENTITY_MULTIPART_SIGNED);
	assert_int_equal(kind_of("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"\n\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\n\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: multipart/mixed; boundary=b; protocol=\"application/pkcs7-signature\"\n\n"), ENTITY_PLAIN);
}

static void two_content_types_are_never_smime(void **state) {
	static const char text[] = "Content-Type: application/pkcs7-mime\ncontent-TYPE: application/pkcs7-mime\n\n";
	_cleanup_(entity_freep) struct entity *entity = read_text(text);

	assert_true(entity->duplicate_type);
	assert_int_equal(entity_kind(entity), ENTITY_PLAIN);
}

/* Others skip a line that is no field and go on with the header. */
static void a_header_without_its_empty_line_is_never_smime(void **state) {
	assert_int_equal(kind_of("Content-Type: application/pkcs7-mime\nno field\nContent-Type: text/plain\n\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: multipart/signed; boundary=b\r\n\rFrom: x\r\n\r\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: application/pkcs7-mime\n"), ENTITY_PLAIN);
	assert_int_equal(kind_of("Content-Type: application/pkcs7-mime\n\nno field"), ENTITY_CMS);
}

static void nul_and_bare_cr_in_a_header_are_told(void **state) {
	static const struct {
		const char *text;
		size_t len;
		bool controls;
	} headers[] = { { "A: b\r\n c\n\nd\re\0", 14, false }, { "A: b\rc\n\n", 9, true }, { "A: b\r\r\n\r\n", 10, true },
		{ "A: b\0\n\n", 7, true }, { "A: b\r", 6, true }, { "A: b", 4, false } };

	for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
		_cleanup_(entity_freep) struct entity *entity = read_bytes(headers[i].text, headers[i].len);

		assert_int_equal(entity->controls, headers[i].controls);
	}
}

static void a_field_with_too_many_parameters_is_unusable(void **state) {
	char header[1024] = "Content-Type: multipart/signed; boundary=b";
	_cleanup_(entity_freep) struct entity *entity = NULL, *larger = NULL;

	for (int i = 1; i < 64; i++)
		(void)strcat(header, "; a=b");
	entity = read_text(strcat(header, "\n\n"));
	assert_string_equal(entity->boundary, "b");
	(void)strcpy(header + strlen(header) - 2, "; boundary=c\n\n");
	larger = read_text(header);
	assert_string_equal(larger->type, "text/plain");
	assert_null(larger->boundary);
}

static void smime_parameters_are_in_lower_case(void **state) {
	_cleanup_(entity_freep) struct entity *entity =
		read_text("Content-Type: application/pkcs7-mime; SMIME-Type=Enveloped-Data; name=Smime.p7m\n"
			  "Content-Transfer-Encoding: BASE64\n\n");

	assert_string_equal(entity->name, "Smime.p7m");
	assert_string_equal(entity->encoding, "base64");
}

static void assert_body(const char *mail, const char *expected) {
	_cleanup_(source_unrefp) struct source *source = source_of(mail, strlen(mail)), *body = NULL;
	_cleanup_(entity_freep) struct entity *entity = NULL;
	_cleanup_(sink_freep) struct sink *sink = NULL;

	assert_int_equal(entity_read(source, &entity), 0);
	assert_int_equal(entity_body(entity, source, &body), 0);
	assert_int_equal(sink_to_memory(1000, &sink), 0);
	assert_true(sink_copy(sink, body) >= 0);
	assert_bytes(sink_memory(sink), expected, strlen(expected));
}

static void the_transfer_encoding_of_a_body_is_undone(void **state) {
	assert_body("Content-Transfer-Encoding: base64\n\naGVs\nbG8=\n", "hello");
	assert_body("Content-Transfer-Encoding: Quoted-Printable\n\nh=65l=\nlo", "hello");
	assert_body("Content-Transfer-Encoding: binary\n\nhello\r\n", "hello\r\n");
	assert_body("Subject: x\n\n", "");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_stand_as_they_are_in_the_message),
		cmocka_unit_test(fields_are_found_without_regard_to_case_and_counted),
		cmocka_unit_test(nul_and_eight_bit_and_bare_cr_stay_within_their_field),
		cmocka_unit_test(text_without_a_header_is_no_mail),
		cmocka_unit_test(a_mailbox_from_line_is_skipped),
		cmocka_unit_test(an_empty_line_alone_is_a_header_without_fields),
		cmocka_unit_test(a_header_may_end_with_the_data),
		cmocka_unit_test(a_line_that_is_no_field_begins_the_body),
		cmocka_unit_test(a_line_of_blanks_is_a_fold_and_no_end),
		cmocka_unit_test(headers_beyond_the_limit_are_refused),
		cmocka_unit_test(a_line_longer_than_a_window_is_one_field),
		cmocka_unit_test(type_and_parameters_are_parsed_with_comments_quotes_and_folds),
		cmocka_unit_test(unquoted_boundaries_of_careless_programs_are_read),
		cmocka_unit_test(rfc2231_parameters_are_joined_and_decoded),
		cmocka_unit_test(ambiguous_boundaries_are_none),
		cmocka_unit_test(boundaries_beyond_the_limit_are_none),
		cmocka_unit_test(unusable_types_are_plain_text),
		cmocka_unit_test(cms_is_told_by_type_or_by_octet_stream_and_name),
		cmocka_unit_test(multipart_signed_needs_a_boundary_and_no_foreign_protocol),
		cmocka_unit_test(a_file_is_called_what_programs_agree_on),
		cmocka_unit_test(a_signature_is_told_by_type_or_by_octet_stream_and_name),
		cmocka_unit_test(two_content_types_are_never_smime),
		cmocka_unit_test(a_header_without_its_empty_line_is_never_smime),
		cmocka_unit_test(nul_and_bare_cr_in_a_header_are_told),
		cmocka_unit_test(a_field_with_too_many_parameters_is_unusable),
		cmocka_unit_test(smime_parameters_are_in_lower_case),
		cmocka_unit_test(the_transfer_encoding_of_a_body_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
