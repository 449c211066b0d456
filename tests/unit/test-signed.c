/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SignedData as a stream, against OpenSSL's CMS in both directions, and everything that may be wrong with it.
 */
#include "cms-fixture.h"
#include "stride.h"

#include "agent/wire/message.h"
#include "client/cms/ber-write.h"
#include "client/cms/enveloped.h"
#include "client/cms/signed.h"

static struct identity alice, bob;

static int make_identities(void **state) {
	alice = identity_rsa("Alice", 0x1234567890);
	bob = identity_ec("Bob", "P-256", 7);
	return 0;
}

static int free_identities(void **state) {
	identity_free(&alice);
	identity_free(&bob);
	return 0;
}

static void digest_of(const char *name, const void *data, size_t len, uint8_t *ret_value, size_t *ret_len) {
	assert_int_equal(EVP_Q_digest(NULL, name, NULL, data, len, ret_value, ret_len), 1);
}

/* A message that OpenSSL signed, for two signers, as DER or as a stream. */
static size_t sign(const void *content, size_t len, unsigned flags, bool streamed, uint8_t **ret_data) {
	_cleanup_(bio_freep) BIO *in = BIO_new_mem_buf(content, (int)len);
	_cleanup_(cms_content_info_freep) CMS_ContentInfo *cms = NULL;

	flags |= CMS_BINARY;
	cms = CMS_sign(NULL, NULL, NULL, in, flags | CMS_PARTIAL | CMS_STREAM);
	assert_non_null(cms);
	assert_non_null(CMS_add1_signer(cms, alice.certificate, alice.key, EVP_sha256(), flags));
	assert_non_null(CMS_add1_signer(cms, bob.certificate, bob.key, EVP_sha384(), flags));
	if (streamed)
		return cms_stream_bytes(cms, in, (int)flags, ret_data);
	assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	return cms_bytes(cms, ret_data);
}

static const struct signed_digest *digest_in(const struct signed_data *data, const EVP_MD *md) {
	for (size_t i = 0; i < data->digest_count; i++)
		if (EVP_MD_get_type(data->digests[i].md) == EVP_MD_get_type(md))
			return &data->digests[i];
	fail_msg("the digest is not there");
	return NULL;
}

static void assert_reads(const uint8_t *message, size_t message_len, const uint8_t *content, size_t len) {
	_cleanup_(source_unrefp) struct source *cms = source_of(message, message_len), *embedded = NULL;
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	uint8_t expected[EVP_MAX_MD_SIZE];
	size_t expected_len;

	assert_int_equal(signed_read(cms, &data), 0);
	assert_int_equal(data->version, 1);
	assert_true(cms_object_is(data->content_type, OID_DATA));
	assert_true(data->has_content);
	assert_int_equal(data->content_len, len);
	assert_int_equal(sk_X509_num(data->certificates), 2);
	assert_int_equal(data->signer_count, 2);
	assert_int_equal(data->digest_count, 2);
	digest_of("SHA384", content, len, expected, &expected_len);
	assert_int_equal(digest_in(data, EVP_sha384())->len, expected_len);
	assert_memory_equal(digest_in(data, EVP_sha384())->value, expected, expected_len);
	assert_int_equal(signed_content(cms, &embedded), 0);
	assert_source_is(embedded, content, len);
	/* One that was not listed costs another pass. */
	assert_int_equal(signed_add_digest(data, EVP_sha384()), 0);
	assert_int_equal(signed_add_digest(data, EVP_sha512()), 0);
	assert_int_equal(data->digest_count, 3);
	assert_int_equal(signed_hash(data, embedded, EOL_KEEP), 0);
	digest_of("SHA512", content, len, expected, &expected_len);
	assert_memory_equal(digest_in(data, EVP_sha512())->value, expected, expected_len);
	for (size_t i = 0; i < data->signer_count; i++) {
		_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;

		assert_int_equal(cms_parse((struct bytes){ data->signers[i].data, data->signers[i].len }, cms_signer_info_it(), &info), 0);
	}
}

static void embedded_content_of_every_size_is_read_and_hashed(void **state) {
	static const size_t sizes[] = { 0, 1, 1000, 65536, 400000 };

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
		/* OpenSSL can't stream empty content. */
		for (int streamed = 0; streamed <= (sizes[i] > 0); streamed++) {
			_cleanup_(freep) uint8_t *content = content_bytes(sizes[i]), *message = NULL;
			size_t len = sign(content, sizes[i], 0, streamed, &message);

			assert_reads(message, len, content, sizes[i]);
		}
}

static void the_digests_of_detached_content_take_one_pass(void **state) {
	_cleanup_(freep) uint8_t *content = content_bytes(100000), *message = NULL;
	size_t len = sign(content, 100000, CMS_DETACHED, false, &message), expected_len;
	_cleanup_(source_unrefp) struct source *cms = source_of(message, len), *detached = source_of(content, 100000);
	_cleanup_(source_unrefp) struct source *embedded = NULL;
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	uint8_t expected[EVP_MAX_MD_SIZE];
	struct reader *reader = NULL;

	assert_int_equal(signed_read(cms, &data), 0);
	assert_false(data->has_content);
	assert_int_equal(data->signer_count, 2);
	assert_int_equal(signed_hash(data, detached, EOL_KEEP), 0);
	digest_of("SHA256", content, 100000, expected, &expected_len);
	assert_int_equal(digest_in(data, EVP_sha256())->len, expected_len);
	assert_memory_equal(digest_in(data, EVP_sha256())->value, expected, expected_len);
	/* The other signer's came with it. */
	digest_of("SHA384", content, 100000, expected, &expected_len);
	assert_memory_equal(digest_in(data, EVP_sha384())->value, expected, expected_len);
	assert_int_equal(signed_content(cms, &embedded), 0);
	assert_int_equal(source_open(embedded, &reader), -SMIME_E_MALFORMED);
}

static void a_bag_of_certificates_has_no_signers(void **state) {
	_cleanup_(cms_content_info_freep) CMS_ContentInfo *made = CMS_sign(NULL, NULL, NULL, NULL, CMS_DETACHED | CMS_PARTIAL);
	_cleanup_(source_unrefp) struct source *cms = NULL;
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	_cleanup_(freep) uint8_t *message = NULL;

	assert_int_equal(CMS_add1_cert(made, alice.certificate), 1);
	size_t len = cms_bytes(made, &message);
	cms = source_of(message, len);
	assert_int_equal(signed_read(cms, &data), 0);
	assert_int_equal(data->signer_count, 0);
	assert_int_equal(sk_X509_num(data->certificates), 1);
	assert_false(data->has_content);
}

/* Parts of a SignedData made by hand. */
struct parts {
	const char *type;
	struct bytes digests, content, certificates, crls, signers, trailing; /* whole elements; data NULL: left out */
};

static const uint8_t sha256_set[] = { 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
static const uint8_t data_content[] = { 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01 };
static const uint8_t empty_set[] = { 0x31, 0x00 };

#define BYTES(array) ((struct bytes){ (array), sizeof(array) })

static const struct parts usual = {
	.type = OID_SIGNED_DATA,
	.digests = BYTES(sha256_set),
	.content = BYTES(data_content),
	.signers = BYTES(empty_set),
};

static struct sink *assemble(const struct parts *parts) {
	struct sink *sink = memory_sink();

	assert_int_equal(ber_put_begin(sink, BER_ID_SEQUENCE), 0);
	assert_int_equal(ber_put_object(sink, parts->type), 0);
	assert_int_equal(ber_put_begin(sink, BER_ID_CONTEXT_CONSTRUCTED), 0);
	assert_int_equal(ber_put_begin(sink, BER_ID_SEQUENCE), 0);
	assert_int_equal(ber_put_integer(sink, 1), 0);
	const struct bytes fields[] = { parts->digests, parts->content, parts->certificates, parts->crls, parts->signers };
	for (size_t i = 0; i < ELEMENTSOF(fields); i++)
		assert_int_equal(sink_write(sink, fields[i].data, fields[i].len), 0);
	assert_int_equal(ber_put_end(sink, 3), 0);
	assert_int_equal(sink_write(sink, parts->trailing.data, parts->trailing.len), 0);
	return sink;
}

static int read_parts(const struct parts *parts, struct signed_data **ret_data) {
	_cleanup_(sink_freep) struct sink *message = assemble(parts);
	_cleanup_(source_unrefp) struct source *cms = source_of(sink_memory(message).data, sink_memory(message).len);

	return signed_read(cms, ret_data);
}

static int parts_result(struct parts parts) {
	struct signed_data *data = NULL;
	int r = read_parts(&parts, &data);

	assert_true((r == 0) == (data != NULL));
	signed_free(data);
	return r;
}

static void other_types_are_no_signed_data(void **state) {
	struct parts parts = usual;

	assert_int_equal(parts_result(parts), 0);
	parts.type = OID_ENVELOPED_DATA;
	assert_int_equal(parts_result(parts), -SMIME_E_NOT_CMS);
}

static void nothing_but_padding_may_follow(void **state) {
	static const uint8_t padding[] = { '\r', '\n', 0, 0, '\n' }, text[] = { '\n', 'x' }, element[] = { 0x05, 0x00 };
	struct parts parts = usual;

	parts.trailing = BYTES(padding);
	assert_int_equal(parts_result(parts), 0);
	parts.trailing = BYTES(text);
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
	parts.trailing = BYTES(element);
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
}

static void fields_out_of_order_or_unknown_are_malformed(void **state) {
	static const uint8_t empty_certificates[] = { 0xa0, 0x00 }, empty_crls[] = { 0xa1, 0x00 }, unknown[] = { 0xa2, 0x00 };
	struct parts parts = usual;

	parts.certificates = BYTES(empty_certificates);
	parts.crls = BYTES(empty_crls);
	assert_int_equal(parts_result(parts), 0);
	parts.certificates = BYTES(empty_crls);
	parts.crls = BYTES(empty_certificates);
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
	parts = usual;
	parts.crls = BYTES(unknown);
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
	parts = usual;
	parts.signers = (struct bytes){ NULL, 0 };
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
	parts = usual;
	parts.digests = (struct bytes){ NULL, 0 };
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
	/* A second eContent, or anything else behind the first. */
	static const uint8_t twice[] = { 0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x03, 0x04,
		0x01, 'a', 0xa0, 0x03, 0x04, 0x01, 'b', 0x00, 0x00 };
	parts = usual;
	parts.content = BYTES(twice);
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
	static const uint8_t two_strings[] = { 0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x06,
		0x04, 0x01, 'a', 0x04, 0x01, 'b', 0x00, 0x00 };
	parts.content = BYTES(two_strings);
	assert_int_equal(parts_result(parts), -SMIME_E_MALFORMED);
}

static void content_that_is_no_octet_string_is_unsupported(void **state) {
	static const uint8_t sequence[] = { 0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x02, 0x30,
		0x00, 0x00, 0x00 };
	struct parts parts = usual;

	parts.content = BYTES(sequence);
	assert_int_equal(parts_result(parts), -SMIME_E_UNSUPPORTED);
}

static void unknown_digests_are_passed_over_and_doubles_counted_once(void **state) {
	static const uint8_t set[] = { 0x31, 0x80, 0x30, 0x04, 0x06, 0x02, 0x2a, 0x03, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
		0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x00,
		0x00 };
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	struct parts parts = usual;

	parts.digests = BYTES(set);
	assert_int_equal(read_parts(&parts, &data), 0);
	assert_int_equal(data->digest_count, 1);
	assert_int_equal(EVP_MD_get_type(data->digests[0].md), NID_sha256);
}

/* `count` copies of an element, in a constructed element with this identifier. */
static struct sink *repeat(uint8_t id, struct bytes element, size_t count) {
	_cleanup_(sink_freep) struct sink *inner = memory_sink();
	struct sink *outer = memory_sink();

	for (size_t i = 0; i < count; i++)
		assert_int_equal(sink_write(inner, element.data, element.len), 0);
	assert_int_equal(ber_put(outer, id, sink_memory(inner)), 0);
	return outer;
}

static void foreign_certificates_and_crls_are_no_errors(void **state) {
	static const uint8_t attribute_certificate[] = { 0xa2, 0x02, 0x05, 0x00 }, broken[] = { 0x30, 0x02, 0x05, 0x00 };
	_cleanup_(sink_freep) struct sink *members = memory_sink(), *crls = repeat(0xa1, BYTES(broken), 3);
	_cleanup_(sink_freep) struct sink *certificates = memory_sink();
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	struct parts parts = usual;

	assert_int_equal(sink_write(members, attribute_certificate, sizeof(attribute_certificate)), 0);
	assert_int_equal(ber_put_value(members, alice.certificate, ASN1_ITEM_rptr(X509)), 0);
	assert_int_equal(sink_write(members, broken, sizeof(broken)), 0);
	assert_int_equal(ber_put(certificates, 0xa0, sink_memory(members)), 0);
	parts.certificates = sink_memory(certificates);
	parts.crls = sink_memory(crls);
	assert_int_equal(read_parts(&parts, &data), 0);
	assert_int_equal(sk_X509_num(data->certificates), 1);
	assert_int_equal(X509_cmp(sk_X509_value(data->certificates, 0), alice.certificate), 0);
	assert_int_equal(sk_X509_CRL_num(data->crls), 0);
	assert_int_equal(ERR_peek_error(), 0);
}

static void crls_are_kept(void **state) {
	_cleanup_(sink_freep) struct sink *member = memory_sink(), *crls = NULL;
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	struct parts parts = usual;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

	assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(alice.certificate)), 1);
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, now), 1);
	assert_true(X509_CRL_sign(crl, alice.key, EVP_sha256()) > 0);
	assert_int_equal(ber_put_value(member, crl, ASN1_ITEM_rptr(X509_CRL)), 0);
	crls = repeat(0xa1, sink_memory(member), 1);
	parts.crls = sink_memory(crls);
	assert_int_equal(read_parts(&parts, &data), 0);
	assert_int_equal(sk_X509_CRL_num(data->crls), 1);
	ASN1_TIME_free(now);
	X509_CRL_free(crl);
}

static void a_signer_that_nobody_understands_is_kept_as_it_came(void **state) {
	static const uint8_t signers[] = { 0x31, 0x80, 0x30, 0x80, 0x02, 0x01, 0x63, 0x00, 0x00, 0xa5, 0x00, 0x00, 0x00 };
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	struct parts parts = usual;

	parts.signers = BYTES(signers);
	assert_int_equal(read_parts(&parts, &data), 0);
	assert_int_equal(data->signer_count, 2);
	assert_int_equal(data->signers[0].len, 7);
	assert_memory_equal(data->signers[0].data, signers + 2, 7);
	assert_int_equal(data->signers[1].len, 2);
}

static int repeated_result(uint8_t id, struct bytes element, size_t count) {
	_cleanup_(sink_freep) struct sink *set = repeat(id, element, count);
	struct parts parts = usual;

	if (id == 0xa0)
		parts.certificates = sink_memory(set);
	else if (id == 0xa1)
		parts.crls = sink_memory(set);
	else
		parts.signers = sink_memory(set);
	return parts_result(parts);
}

static void more_than_the_limits_is_too_large(void **state) {
	static const uint8_t small[] = { 0x30, 0x02, 0x05, 0x00 };
	size_t len = SIGNED_SIGNER_MAX_BYTES;
	_cleanup_(freep) uint8_t *large = calloc(1, len);
	struct bytes element = { large, len };

	/* A primitive element of exactly that many bytes. */
	memcpy(large, (const uint8_t[]){ 0x04, 0x83, (uint8_t)((len - 5) >> 16), (uint8_t)((len - 5) >> 8), (uint8_t)(len - 5) }, 5);
	assert_int_equal(repeated_result(0x31, BYTES(small), SIGNED_SIGNERS_MAX), 0);
	assert_int_equal(repeated_result(0x31, BYTES(small), SIGNED_SIGNERS_MAX + 1), -SMIME_E_TOO_LARGE);
	assert_int_equal(repeated_result(0xa0, BYTES(small), SIGNED_CERTIFICATES_MAX), 0);
	/* Certificates and CRLs beyond the limits are passed over. */
	assert_int_equal(repeated_result(0xa0, BYTES(small), SIGNED_CERTIFICATES_MAX + 1), 0);
	assert_int_equal(repeated_result(0x31, element, 1), 0);
	assert_int_equal(repeated_result(0x31, element, SIGNED_SET_MAX_BYTES / len + 1), -SMIME_E_TOO_LARGE);
	assert_int_equal(repeated_result(0xa0, element, SIGNED_SET_MAX_BYTES / len + 1), 0);
	assert_int_equal(repeated_result(0xa1, element, SIGNED_SET_MAX_BYTES / len + 1), 0);
	large[4]++;
	element.len++;
	_cleanup_(freep) uint8_t *larger = calloc(1, element.len);
	memcpy(larger, large, 5);
	element.data = larger;
	assert_int_equal(repeated_result(0x31, element, 1), -SMIME_E_TOO_LARGE);
}

static void every_truncation_is_an_error(void **state) {
	_cleanup_(freep) uint8_t *content = content_bytes(50);

	for (int streamed = 0; streamed <= 1; streamed++) {
		_cleanup_(freep) uint8_t *message = NULL;
		size_t len = sign(content, 50, 0, streamed, &message);

		for (size_t cut = 0; cut < len; cut += stride()) {
			_cleanup_(source_unrefp) struct source *cms = source_of(message, cut);
			struct signed_data *data = NULL;
			int r = signed_read(cms, &data);

			assert_int_equal(r, cut == 0 ? -SMIME_E_NOT_CMS : -SMIME_E_TRUNCATED);
			assert_null(data);
		}
	}
}

static void no_changed_byte_does_harm(void **state) {
	_cleanup_(freep) uint8_t *content = content_bytes(50);

	for (int streamed = 0; streamed <= 1; streamed++) {
		_cleanup_(freep) uint8_t *message = NULL;
		size_t len = sign(content, 50, 0, streamed, &message);

		for (size_t at = 0; at < len * 3; at += stride()) {
			static const uint8_t flips[] = { 0x01, 0x80, 0xff };
			struct signed_data *data = NULL;

			message[at / 3] ^= flips[at % 3];
			_cleanup_(source_unrefp) struct source *cms = source_of(message, len);
			if (signed_read(cms, &data) < 0)
				assert_null(data);
			signed_free(data);
			message[at / 3] ^= flips[at % 3];
		}
	}
}

/* The SignerInfo of a message that OpenSSL made for this content. */
static struct signed_data *signer_for(const void *content, size_t len) {
	_cleanup_(bio_freep) BIO *in = BIO_new_mem_buf(content, (int)len);
	_cleanup_(cms_content_info_freep) CMS_ContentInfo *made =
		CMS_sign(alice.certificate, alice.key, NULL, in, CMS_BINARY | CMS_DETACHED);
	_cleanup_(freep) uint8_t *message = NULL;
	size_t message_len = cms_bytes(made, &message);
	_cleanup_(source_unrefp) struct source *cms = source_of(message, message_len);
	struct signed_data *data = NULL;

	assert_int_equal(signed_read(cms, &data), 0);
	assert_int_equal(data->signer_count, 1);
	return data;
}

static STACK_OF(ASN1_OCTET_STRING) *certificate_stack(bool reversed) {
	STACK_OF(ASN1_OCTET_STRING) *stack = sk_ASN1_OCTET_STRING_new_null();
	X509 *certificates[] = { alice.certificate, bob.certificate, alice.certificate };

	for (size_t i = 0; i < ELEMENTSOF(certificates); i++) {
		ASN1_OCTET_STRING *member = ASN1_OCTET_STRING_new();
		uint8_t *der = NULL;
		int len = i2d_X509(certificates[reversed ? ELEMENTSOF(certificates) - 2 - i % 2 : i], &der);

		ASN1_STRING_set0(member, der, len);
		sk_ASN1_OCTET_STRING_push(stack, member);
	}
	return stack;
}

static struct sink *write_signed(const struct signed_data *made, const void *content, size_t len, bool detached, bool reversed) {
	_cleanup_(source_unrefp) struct source *source = source_of(content, len);
	X509_ALGOR *algorithm = cms_algorithm(NID_sha256);
	STACK_OF(ASN1_OCTET_STRING) *certificates = certificate_stack(reversed);
	struct sink *sink = memory_sink();

	const struct signed_parts parts = { algorithm, certificates, { made->signers[0].data, made->signers[0].len } };

	assert_int_equal(signed_write(sink, detached ? NULL : source, &parts), 0);
	assert_int_equal(sink_finish(sink), 0);
	sk_ASN1_OCTET_STRING_pop_free(certificates, ASN1_OCTET_STRING_free);
	X509_ALGOR_free(algorithm);
	return sink;
}

static void what_is_written_verifies(void **state) {
	static const size_t sizes[] = { 0, 1, 1000, 65536, 300000 };

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
		for (int detached = 0; detached <= 1; detached++) {
			_cleanup_(freep) uint8_t *content = content_bytes(sizes[i]);
			_cleanup_(signed_freep) struct signed_data *made = signer_for(content, sizes[i]);
			_cleanup_(sink_freep) struct sink *message = write_signed(made, content, sizes[i], detached, false);
			_cleanup_(cms_content_info_freep) CMS_ContentInfo *cms = cms_of(sink_memory(message));
			_cleanup_(bio_freep) BIO *in = BIO_new_mem_buf(content, (int)sizes[i]), *out = BIO_new(BIO_s_mem());
			STACK_OF(X509) *certificates = CMS_get1_certs(cms);
			char *verified;

			assert_int_equal(CMS_verify(cms, NULL, NULL, detached ? in : NULL, out, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY), 1);
			if (!detached) {
				assert_int_equal(BIO_get_mem_data(out, &verified), sizes[i]);
				assert_memory_equal(verified, content, sizes[i]);
			}
			assert_int_equal(sk_X509_num(certificates), 2);
			sk_X509_pop_free(certificates, X509_free);
		}
}

static void a_detached_signature_is_der_in_any_order_of_certificates(void **state) {
	_cleanup_(signed_freep) struct signed_data *made = signer_for("abc", 3);
	_cleanup_(sink_freep) struct sink *one = write_signed(made, "abc", 3, true, false), *two = write_signed(made, "abc", 3, true, true);
	_cleanup_(cms_content_info_freep) CMS_ContentInfo *cms = cms_of(sink_memory(one));
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = cms_bytes(cms, &der);

	/* What OpenSSL writes has DER's lengths; it leaves a set in the order in which it was read. */
	assert_int_equal(sink_memory(one).len, len);
	assert_memory_equal(sink_memory(one).data, der, len);
	assert_int_equal(sink_memory(two).len, len);
	assert_memory_equal(sink_memory(two).data, der, len);
}

static void messages_are_known_by_their_first_bytes(void **state) {
	_cleanup_(freep) uint8_t *content = content_bytes(50), *message = NULL;
	size_t len = sign(content, 50, 0, true, &message);
	_cleanup_(source_unrefp) struct source *cms = source_of(message, 40), *text = source_of("0 hello, world", 14);
	_cleanup_(source_unrefp) struct source *nothing = source_of("", 0);
	ASN1_OBJECT *type = NULL;

	assert_true(len > 40);
	assert_int_equal(cms_sniff(text, &type), -SMIME_E_NOT_CMS);
	assert_int_equal(cms_sniff(nothing, &type), -SMIME_E_NOT_CMS);
	assert_null(type);
	assert_int_equal(cms_sniff(cms, &type), 0);
	assert_true(cms_object_is(type, OID_SIGNED_DATA));
	ASN1_OBJECT_free(type);
}

static int open_result(const char *front, struct bytes body, const char *eol, const char *back, struct source **ret_cms) {
	_cleanup_(sink_freep) struct sink *text = memory_sink(), *encoder = NULL;
	_cleanup_(source_unrefp) struct source *input = NULL;

	assert_int_equal(sink_puts(text, front), 0);
	if (eol) {
		assert_int_equal(sink_base64(text, eol, &encoder), 0);
		assert_int_equal(sink_write(encoder, body.data, body.len), 0);
		assert_int_equal(sink_finish(encoder), 0);
	} else
		assert_int_equal(sink_write(text, body.data, body.len), 0);
	/* A memory sink goes on after the finish of what is before it only through another sink. */
	input = source_of(sink_memory(text).data, sink_memory(text).len);
	if (*back) {
		_cleanup_(source_unrefp) struct source *tail = source_of(back, strlen(back)), *head = TAKE(input);

		assert_int_equal(source_concat(head, tail, &input), 0);
	}
	return cms_open(input, ret_cms);
}

static void a_message_is_found_in_every_form(void **state) {
	_cleanup_(freep) uint8_t *content = content_bytes(100000), *message = NULL;
	size_t len = sign(content, 100000, 0, true, &message);
	struct bytes whole = { message, len };
	static const struct {
		const char *front, *eol, *back;
	} forms[] = {
		{ "", NULL, "" },
		{ "", "\n", "" },
		{ "\r\n ", "\r\n", "\r\n" },
		{ "-----BEGIN CMS-----\n", "\n", "-----END CMS-----\n" },
		{ "-----BEGIN PKCS7-----\r\n", "\r\n", "-----END PKCS7-----\r\n" },
		{ "-----BEGIN PKCS #7 SIGNED DATA-----\n", "\n", "-----END PKCS #7 SIGNED DATA-----" },
		{ "-----BEGIN SIGNED MESSAGE-----\n", "\n", "-----END SIGNED MESSAGE-----\n" },
		{ "-----BEGIN ENCRYPTED MESSAGE-----\n", "\n", "-----END ENCRYPTED MESSAGE-----\n" },
		{ "Some text - with hyphens\n\n-----BEGIN CMS-----\n", "\n", "-----END CMS-----\nMore text MIAG\n" },
	};

	for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
		_cleanup_(source_unrefp) struct source *cms = NULL;
		_cleanup_(signed_freep) struct signed_data *data = NULL;

		assert_int_equal(open_result(forms[i].front, whole, forms[i].eol, forms[i].back, &cms), 0);
		assert_source_is(cms, message, len);
		assert_int_equal(signed_read(cms, &data), 0);
	}
}

static void what_is_no_message_is_not_found(void **state) {
	struct source *cms = NULL;
	struct bytes nothing = { (const uint8_t *)"", 0 };
	static const char *const texts[] = { "", "Hello", "Many words begin with an M", "MIAG", "-----BEGIN CERTIFICATE-----\nMIIB\n",
		"From: a@example.org\n\nText\n", "-----BEGIN CMS-----" };

	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		assert_int_equal(open_result(texts[i], nothing, NULL, "", &cms), -SMIME_E_NOT_CMS);
	assert_int_equal(open_result("-----BEGIN CMS-----\nMIAGCSqGSIb3DQEHAqCAMIACAQEx", nothing, NULL, "", &cms), -SMIME_E_TRUNCATED);
	assert_null(cms);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(embedded_content_of_every_size_is_read_and_hashed),
		cmocka_unit_test(the_digests_of_detached_content_take_one_pass),
		cmocka_unit_test(a_bag_of_certificates_has_no_signers),
		cmocka_unit_test(other_types_are_no_signed_data),
		cmocka_unit_test(nothing_but_padding_may_follow),
		cmocka_unit_test(fields_out_of_order_or_unknown_are_malformed),
		cmocka_unit_test(content_that_is_no_octet_string_is_unsupported),
		cmocka_unit_test(unknown_digests_are_passed_over_and_doubles_counted_once),
		cmocka_unit_test(foreign_certificates_and_crls_are_no_errors),
		cmocka_unit_test(crls_are_kept),
		cmocka_unit_test(a_signer_that_nobody_understands_is_kept_as_it_came),
		cmocka_unit_test(more_than_the_limits_is_too_large),
		cmocka_unit_test(every_truncation_is_an_error),
		cmocka_unit_test(no_changed_byte_does_harm),
		cmocka_unit_test(what_is_written_verifies),
		cmocka_unit_test(a_detached_signature_is_der_in_any_order_of_certificates),
		cmocka_unit_test(messages_are_known_by_their_first_bytes),
		cmocka_unit_test(a_message_is_found_in_every_form),
		cmocka_unit_test(what_is_no_message_is_not_found),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
