/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The codec and the frames: what one end writes the other reads, and nothing but the one DER form of a message passes.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <smime/error.h>

#include "agent/wire/frame.h"
#include "agent/wire/limits.h"
#include "agent/wire/message.h"
#include "agent/wire/reader-name.h"
#include "agent/wire/text.h"

static struct wire_request *sign_request(void) {
	static const uint8_t digest[32] = { 1, 2, 3 };
	struct wire_request *request = wire_request_make(7, WIRE_SIGN);

	assert_non_null(request);
	assert_int_equal(wire_set_octets(&request->body->sign->key, digest, sizeof(digest)), 0);
	assert_int_equal(wire_set_octets(&request->body->sign->digest, digest, sizeof(digest)), 0);
	ASN1_OBJECT_free(request->body->sign->digest_algorithm);
	request->body->sign->digest_algorithm = OBJ_nid2obj(NID_sha256);
	assert_int_equal(wire_set_text(&request->body->sign->from, "alice@example.org"), 0);
	return request;
}

static void encoded(uint8_t **der, size_t *len) {
	struct wire_request *request = sign_request();

	assert_int_equal(wire_encode(request, wire_request_it(), der, len), 0);
	wire_request_free(request);
}

static void a_request_survives_encoding_and_decoding(void **state) {
	struct wire_request *request = NULL;
	uint8_t *der = NULL;
	size_t len = 0;

	encoded(&der, &len);
	assert_int_equal(wire_decode((struct bytes){ der, len }, wire_request_it(), &request), 0);
	assert_int_equal(request->id, 7);
	assert_int_equal(request->body->type, WIRE_SIGN);
	assert_string_equal(wire_text(request->body->sign->from), "alice@example.org");
	assert_int_equal(wire_octets(request->body->sign->digest).len, 32);
	assert_null(request->body->sign->certificate);
	wire_request_free(request);
	wire_free_encoded(der, len);
}

static void every_alternative_can_be_made_and_encoded(void **state) {
	for (int type = 0; type < WIRE_REQUEST_TYPES; type++) {
		struct wire_request *request = wire_request_make(1, (enum wire_request_type)type);
		assert_non_null(request);
		assert_int_equal(request->body->type, type);
		wire_request_free(request);
	}
	for (int type = WIRE_REPORT_ERROR; type <= WIRE_REPORT_REFUSED; type++) {
		struct wire_report *report = wire_report_make(1, (enum wire_report_type)type), *again = NULL;
		uint8_t *der = NULL;
		size_t len = 0;
		assert_non_null(report);
		assert_int_equal(wire_encode(report, wire_report_it(), &der, &len), 0);
		assert_int_equal(wire_decode((struct bytes){ der, len }, wire_report_it(), &again), 0);
		assert_int_equal(again->body->type, type);
		wire_report_free(report);
		wire_report_free(again);
		wire_free_encoded(der, len);
	}
}

static void no_truncation_of_a_message_is_a_message(void **state) {
	uint8_t *der = NULL;
	size_t len = 0;

	encoded(&der, &len);
	for (size_t cut = 0; cut < len; cut++) {
		struct wire_request *request = NULL;
		assert_int_equal(wire_decode((struct bytes){ der, cut }, wire_request_it(), &request), -SMIME_E_PROTOCOL);
		assert_null(request);
	}
	wire_free_encoded(der, len);
}

static void assert_refused(const uint8_t *der, size_t len) {
	struct wire_request *request = NULL;

	assert_int_equal(wire_decode((struct bytes){ der, len }, wire_request_it(), &request), -SMIME_E_PROTOCOL);
	assert_null(request);
}

static void forms_of_ber_that_are_not_der_are_refused(void **state) {
	/* status with id 5, and the same in other encodings that BER allows */
	static const uint8_t good[] = { 0x30, 0x07, 0x02, 0x01, 0x05, 0xa7, 0x02, 0x05, 0x00 };
	static const uint8_t long_length[] = { 0x30, 0x81, 0x07, 0x02, 0x01, 0x05, 0xa7, 0x02, 0x05, 0x00 };
	static const uint8_t indefinite[] = { 0x30, 0x80, 0x02, 0x01, 0x05, 0xa7, 0x02, 0x05, 0x00, 0x00, 0x00 };
	static const uint8_t padded_integer[] = { 0x30, 0x08, 0x02, 0x02, 0x00, 0x05, 0xa7, 0x02, 0x05, 0x00 };
	static const uint8_t trailing[] = { 0x30, 0x07, 0x02, 0x01, 0x05, 0xa7, 0x02, 0x05, 0x00, 0x00 };
	static const uint8_t unknown[] = { 0x30, 0x07, 0x02, 0x01, 0x05, 0xbe, 0x02, 0x05, 0x00 };
	static const uint8_t negative_id[] = { 0x30, 0x07, 0x02, 0x01, 0x85, 0xa7, 0x02, 0x05, 0x00 };
	struct wire_request *request = NULL;

	assert_int_equal(wire_decode((struct bytes){ good, sizeof(good) }, wire_request_it(), &request), 0);
	assert_int_equal(request->body->type, WIRE_STATUS);
	wire_request_free(request);
	assert_refused(long_length, sizeof(long_length));
	assert_refused(indefinite, sizeof(indefinite));
	assert_refused(padded_integer, sizeof(padded_integer));
	assert_refused(trailing, sizeof(trailing));
	assert_refused(unknown, sizeof(unknown));
	assert_refused(negative_id, sizeof(negative_id));
}

/* decrypt with a parameter of its content encryption: OpenSSL keeps an ANY as it came and writes it again. */
static void assert_parameter(const char *hex, int expected) {
	struct wire_request *request = wire_request_make(1, WIRE_DECRYPT), *again = NULL;
	struct wire_decrypt *decrypt = request->body->decrypt;
	uint8_t *der = NULL;
	size_t len = 0;
	long parameter_len = 0;
	uint8_t *parameter = OPENSSL_hexstr2buf(hex, &parameter_len);
	ASN1_STRING *any = ASN1_STRING_type_new(V_ASN1_SEQUENCE);

	assert_true(ASN1_STRING_set(any, parameter, (int)parameter_len));
	ASN1_OBJECT_free(decrypt->content_type);
	decrypt->content_type = OBJ_nid2obj(NID_pkcs7_enveloped);
	ASN1_OBJECT_free(decrypt->content_encryption->algorithm);
	decrypt->content_encryption->algorithm = OBJ_nid2obj(NID_aes_256_cbc);
	decrypt->content_encryption->parameter = ASN1_TYPE_new();
	ASN1_TYPE_set(decrypt->content_encryption->parameter, V_ASN1_SEQUENCE, any);
	assert_int_equal(wire_encode(request, wire_request_it(), &der, &len), 0);
	assert_non_null(memmem(der, len, parameter, (size_t)parameter_len));
	assert_int_equal(wire_decode((struct bytes){ der, len }, wire_request_it(), &again), expected);
	wire_free_encoded(der, len);
	OPENSSL_free(parameter);
	wire_request_free(again);
	wire_request_free(request);
}

static void what_is_inside_a_parameter_is_der_too(void **state) {
	assert_parameter("300404026162", 0);
	assert_parameter("3009300530030201010500", 0);
	assert_parameter("30039f1f00", 0);                     /* tag 31 */
	assert_parameter("30050481026162", -SMIME_E_PROTOCOL); /* 81 02 for 02 */
	assert_parameter("3006048200026162", -SMIME_E_PROTOCOL);
	assert_parameter("30039f0500", -SMIME_E_PROTOCOL);       /* tag 5 in the form for more than 30 */
	assert_parameter("3006300404036162", -SMIME_E_PROTOCOL); /* longer than what it stands in */
	assert_parameter("30020401", -SMIME_E_PROTOCOL);         /* likewise, into the next field */
	assert_parameter("300430800000", -SMIME_E_PROTOCOL);
	assert_parameter("3003010101", -SMIME_E_PROTOCOL); /* a BOOLEAN of 01 */
}

static void nesting_has_a_limit(void **state) {
	char hex[4 * 60 + 1] = "";

	for (unsigned i = 0; i < 60; i++)
		(void)snprintf(hex + 4 * i, 5, "30%02x", 2 * (59 - i));
	assert_parameter(hex, -SMIME_E_PROTOCOL);
	assert_parameter(hex + 4 * 50, 0);
}

static void assert_text_refused(const char *text, size_t len) {
	struct wire_request *request = sign_request(), *again = NULL;
	uint8_t *der = NULL;
	size_t der_len = 0;

	assert_true(ASN1_STRING_set(request->body->sign->from, text, (int)len));
	assert_int_equal(wire_encode(request, wire_request_it(), &der, &der_len), 0);
	assert_int_equal(wire_decode((struct bytes){ der, der_len }, wire_request_it(), &again), -SMIME_E_PROTOCOL);
	wire_free_encoded(der, der_len);
	wire_request_free(request);
}

static void texts_with_zero_control_or_broken_utf8_are_refused(void **state) {
	char large[WIRE_TEXT_MAX_BYTES + 1];

	assert_text_refused("a\0b", 3);
	assert_text_refused("a\nb", 3);
	assert_text_refused("\x1b[2J", 4);
	assert_text_refused("\xc3", 1);
	assert_text_refused("a\xc2\x9b"
			    "31m",
		6); /* C1: CSI */
	assert_text_refused("a\xe2\x80\xa8"
			    "b",
		5); /* LINE SEPARATOR */
	assert_text_refused("a\xe2\x80\xae"
			    "b",
		5); /* RIGHT-TO-LEFT OVERRIDE */
	assert_text_refused("a\xe2\x81\xa6"
			    "b",
		5);                                 /* LEFT-TO-RIGHT ISOLATE */
	assert_text_refused("\xed\xa0\x80", 3);     /* a surrogate */
	assert_text_refused("\xf4\x90\x80\x80", 4); /* beyond U+10FFFF */
	(void)memset(large, 'a', sizeof(large));
	assert_text_refused(large, sizeof(large));
}

static void texts_from_a_token_are_made_clean_before_they_are_sent(void **state) {
	ASN1_UTF8STRING *text = NULL;

	assert_int_equal(wire_set_text(&text, "K\xe4rtchen\n"), 0);
	assert_string_equal(wire_text(text), "K?rtchen?");
	assert_int_equal(wire_set_text(&text, "K\xc3\xa4rtchen"), 0);
	assert_string_equal(wire_text(text), "K\xc3\xa4rtchen");
	assert_int_equal(wire_set_text(&text,
				 "a\xc2\x9b"
				 "b\xe2\x80\xae"
				 "c\xe2\x81\xa9"
				 "d\xc2\xa0"),
		0);
	assert_string_equal(wire_text(text), "a?b?c?d\xc2\xa0");
	ASN1_UTF8STRING_free(text);
}

static void a_text_is_cut_between_characters(void **state) {
	char clean[4];

	assert_int_equal(text_clean("ab\xc3\xa4"
				    "c",
				 clean, 3),
		2);
	assert_int_equal(text_clean("ab\xc3\xa4"
				    "c",
				 clean, 4),
		4);
	assert_memory_equal(clean, "ab\xc3\xa4", 4);
	assert_int_equal(text_clean("\xc2\x9b\xc2\x9b\xe2\x80\xae\xf0\x9f", clean, 4), 4);
	assert_memory_equal(clean, "????", 4);
	assert_int_equal(text_clean("", clean, 4), 0);
}

static void a_text_can_be_made_clean_where_it_stands(void **state) {
	char text[] = "a\xc2\x9b"
		      "b\xff\xe2\x80\xae\xc3\xa4\x1b\xc3";
	size_t len = text_clean(text, text, sizeof(text));

	assert_int_equal(len, 9);
	assert_memory_equal(text, "a?b??\xc3\xa4??", 9);
}

static void a_slot_is_known_by_what_it_keeps_of_its_readers_name(void **state) {
#define SIXTY_TWO "The reader of a name that is much longer than a slot can hold."

	assert_true(reader_name_is_slot("Reader 00 00", "Reader 00 00"));
	assert_true(reader_name_is_slot("Reader 00 00", "Reader 00 00    "));
	assert_false(reader_name_is_slot("Reader 00 00", "Reader 00 01"));
	assert_false(reader_name_is_slot("Reader 00 00", "Reader"));
	assert_false(reader_name_is_slot("Reader 00 00", ""));
	assert_true(reader_name_is_slot(SIXTY_TWO "12 00 00", SIXTY_TWO "12"));
	assert_false(reader_name_is_slot(SIXTY_TWO "12 00 00", SIXTY_TWO "1"));
	/* The last of what is kept is a blank, or half of a character. */
	assert_true(reader_name_is_slot(SIXTY_TWO "1 00 00", SIXTY_TWO "1"));
	assert_true(reader_name_is_slot(SIXTY_TWO "1\xc3\xa4 00 00", SIXTY_TWO "1\xc3"));
	assert_true(reader_name_is_slot(SIXTY_TWO "1\xc3\xa4 00 00", SIXTY_TWO "1?"));
	assert_true(reader_name_is_slot(SIXTY_TWO "12 00 00", "The reader of a name that is much longer than a slot can hold..."));
	assert_false(reader_name_is_slot(SIXTY_TWO "12", "The reader of a name that is much longer than a slot can hold..."));
	assert_true(reader_name_is_slot("Leser f?r Karten", "Leser f\xfcr Karten"));
}

static void a_frame_crosses_a_socket_with_its_descriptor(void **state) {
	struct wire_request *request = wire_request_make(9, WIRE_STATUS), *got = NULL;
	int pair[2], passed = -1, pipes[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(wire_send(pair[0], request, wire_request_it(), pipes[1]), 0);
	assert_int_equal(wire_receive(pair[1], wire_request_it(), &got, &passed), 0);
	assert_int_equal(got->id, 9);
	assert_true(passed >= 0);
	assert_int_equal(write(passed, "x", 1), 1);
	(void)close(pair[0]);
	assert_int_equal(wire_receive(pair[1], wire_request_it(), &got, NULL), 1);
	(void)close(pair[1]);
	(void)close(passed);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	wire_request_free(request);
	wire_request_free(got);
}

static void lengths_of_zero_and_over_the_limit_are_refused(void **state) {
	static const uint8_t zero[4] = { 0 }, huge[4] = { 0, 1, 0, 1 }, largest[4] = { 0, 1, 0, 0 };
	size_t total = 0;

	assert_int_equal(frame_check(zero, 4, &total), -SMIME_E_PROTOCOL);
	assert_int_equal(frame_check(huge, 4, &total), -SMIME_E_PROTOCOL);
	assert_int_equal(frame_check(largest, 3, &total), 1);
	assert_int_equal(frame_check(largest, 4, &total), 0);
	assert_int_equal(total, 65540);
}

static void a_frame_that_breaks_off_is_an_error(void **state) {
	static const uint8_t begun[] = { 0, 0, 0, 9, 0x30, 0x07 };
	uint8_t *der = NULL;
	size_t len = 0;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[0], begun, sizeof(begun)), sizeof(begun));
	(void)close(pair[0]);
	assert_int_equal(frame_read(pair[1], &der, &len, NULL), -SMIME_E_AGENT_GONE);
	(void)close(pair[1]);
}

static void a_frame_is_read_into_what_holds_it(void **state) {
	static const uint8_t two[] = { 0, 0, 0, 2, 1, 2, 0, 0, 0, 3, 4, 5, 6 };
	uint8_t der[2];
	size_t len = 0;
	int pair[2], passed = -1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(frame_write(pair[0], two + 4, 2, pair[1]), 0);
	assert_int_equal(frame_read_into(pair[1], der, sizeof(der), &len, &passed), 0);
	assert_int_equal(len, 2);
	assert_memory_equal(der, two + 4, 2);
	assert_true(passed >= 0);
	(void)close(passed);
	assert_int_equal(write(pair[0], two, sizeof(two)), sizeof(two));
	assert_int_equal(frame_read_into(pair[1], der, sizeof(der), &len, &passed), 0);
	assert_int_equal(passed, -1);
	assert_int_equal(frame_read_into(pair[1], der, sizeof(der), &len, &passed), -SMIME_E_PROTOCOL);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void every_error_has_a_text_and_an_exit_code(void **state) {
	static const struct {
		int error, code;
	} expected[] = {
		{ 0, 0 },
		{ -SMIME_E_SIGNATURE, 1 },
		{ -SMIME_E_USAGE, 2 },
		{ -SMIME_E_NO_AGENT, 3 },
		{ -SMIME_E_PIN_WRONG, 4 },
		{ -SMIME_E_DENIED, 5 },
		{ -SMIME_E_NOT_MAIL, 6 },
		{ -SMIME_E_IO, 7 },
		{ -SMIME_E_NO_MEMORY, 8 },
		{ -12345, 8 },
	};

	for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
		assert_int_equal(smime_exit_code(expected[i].error), expected[i].code);
		assert_true(*smime_strerror(expected[i].error) != '\0');
	}
	assert_string_not_equal(smime_strerror(-SMIME_E_PIN_WRONG), smime_strerror(-SMIME_E_PIN_LOCKED));
}

/* ---- Secrets ---- */

/* OpenSSL's allocator for this program: looks for the secret in what is given back. */
static const uint8_t needle[32] = "a secret that must be wiped  ...";
static unsigned freed_with_needle;

static void *zeroed_malloc(size_t size, const char *file, int line) {
	return calloc(1, size);
}

static void watching_free(void *p, const char *file, int line) {
	if (p && memmem(p, malloc_usable_size(p), needle, sizeof(needle)))
		freed_with_needle++;
	free(p);
}

static void *watching_realloc(void *p, size_t size, const char *file, int line) {
	void *q = calloc(1, size);
	size_t old = p ? malloc_usable_size(p) : 0;

	if (q && p)
		memcpy(q, p, old < size ? old : size);
	if (q)
		watching_free(p, file, line);
	return q;
}

static void assert_wiped(void *message, const ASN1_ITEM *item) {
	uint8_t *der = NULL;
	size_t len = 0;
	void *again = NULL;

	freed_with_needle = 0;
	assert_int_equal(wire_encode(message, item, &der, &len), 0);
	assert_non_null(memmem(der, len, needle, sizeof(needle)));
	assert_int_equal(wire_decode((struct bytes){ der, len }, item, &again), 0);
	wire_free_encoded(der, len);
	ASN1_item_free(again, item);
	ASN1_item_free(message, item);
	assert_int_equal(freed_with_needle, 0);
}

static void messages_with_a_secret_are_wiped_when_freed(void **state) {
	struct wire_report *report = wire_report_make(1, WIRE_REPORT_UNWRAPPED);
	struct wire_reply *reply = wire_reply_make(1, WIRE_REPLY_DECRYPT);
	struct wire_order *order = wire_order_make(1, WIRE_ORDER_SETUP);
	ASN1_OCTET_STRING *control = NULL;

	assert_int_equal(wire_set_octets(&control, needle, sizeof(needle)), 0);
	ASN1_OCTET_STRING_free(control);
	assert_int_equal(freed_with_needle, 1); /* it would be seen */
	assert_int_equal(wire_set_octets(&report->body->unwrapped->cek, needle, sizeof(needle)), 0);
	assert_wiped(report, wire_report_it());
	assert_int_equal(wire_set_octets(&reply->body->decrypt->cek, needle, sizeof(needle)), 0);
	assert_wiped(reply, wire_reply_it());
	assert_int_equal(wire_set_octets(&order->body->setup->rejection_secret, needle, sizeof(needle)), 0);
	assert_wiped(order, wire_order_it());
}

/* What comes from outside may end anywhere, also behind the secret. */
static void a_message_that_does_not_decode_is_wiped_too(void **state) {
	struct wire_report *report = wire_report_make(1, WIRE_REPORT_UNWRAPPED), *again = NULL;
	uint8_t *der = NULL;
	size_t len = 0;

	assert_int_equal(wire_set_octets(&report->body->unwrapped->cek, needle, sizeof(needle)), 0);
	assert_int_equal(wire_set_octets(&report->body->unwrapped->encrypted_key, "x", 1), 0);
	assert_int_equal(wire_encode(report, wire_report_it(), &der, &len), 0);
	der[len - 3] = 0x05;
	freed_with_needle = 0;
	assert_int_equal(wire_decode((struct bytes){ der, len }, wire_report_it(), &again), -SMIME_E_PROTOCOL);
	wire_free_encoded(der, len);
	wire_report_free(report);
	assert_int_equal(freed_with_needle, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_survives_encoding_and_decoding),
		cmocka_unit_test(every_alternative_can_be_made_and_encoded),
		cmocka_unit_test(no_truncation_of_a_message_is_a_message),
		cmocka_unit_test(forms_of_ber_that_are_not_der_are_refused),
		cmocka_unit_test(what_is_inside_a_parameter_is_der_too),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(texts_with_zero_control_or_broken_utf8_are_refused),
		cmocka_unit_test(texts_from_a_token_are_made_clean_before_they_are_sent),
		cmocka_unit_test(a_text_is_cut_between_characters),
		cmocka_unit_test(a_text_can_be_made_clean_where_it_stands),
		cmocka_unit_test(a_frame_crosses_a_socket_with_its_descriptor),
		cmocka_unit_test(a_slot_is_known_by_what_it_keeps_of_its_readers_name),
		cmocka_unit_test(lengths_of_zero_and_over_the_limit_are_refused),
		cmocka_unit_test(a_frame_that_breaks_off_is_an_error),
		cmocka_unit_test(a_frame_is_read_into_what_holds_it),
		cmocka_unit_test(every_error_has_a_text_and_an_exit_code),
		cmocka_unit_test(messages_with_a_secret_are_wiped_when_freed),
		cmocka_unit_test(a_message_that_does_not_decode_is_wiped_too),
	};

	if (CRYPTO_set_mem_functions(zeroed_malloc, watching_realloc, watching_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
