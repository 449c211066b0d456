/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys, certificates and byte sources for tests of CMS; OpenSSL's own CMS code is the independent peer.
 */
#ifndef TEST_CMS_FIXTURE_H
#define TEST_CMS_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "client/stream/sink.h"
#include "client/stream/source.h"
#include "smime/error.h"
#include "rsa-key.h"

DEFINE_CLEANUP(CMS_ContentInfo *, cms_content_info_freep, CMS_ContentInfo_free)
DEFINE_CLEANUP(BIO *, bio_freep, BIO_free)

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static inline struct identity identity_with(EVP_PKEY *key, const char *name, long serial, bool with_key_id) {
	struct identity identity = { .key = key, .certificate = X509_new() };
	X509_NAME *subject = X509_get_subject_name(identity.certificate);
	X509_EXTENSION *extension = NULL;
	X509V3_CTX context;

	assert_non_null(key);
	assert_int_equal(X509_set_version(identity.certificate, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(identity.certificate), serial), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0), 1);
	assert_int_equal(X509_set_issuer_name(identity.certificate, subject), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(identity.certificate), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(identity.certificate), 86400));
	assert_int_equal(X509_set_pubkey(identity.certificate, key), 1);
	if (with_key_id) {
		X509V3_set_ctx(&context, identity.certificate, identity.certificate, NULL, NULL, 0);
		extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_key_identifier, "hash");
		assert_int_equal(X509_add_ext(identity.certificate, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(identity.certificate, key, EVP_sha256()) > 0);
	return identity;
}

static inline struct identity identity_rsa(const char *name, long serial) {
	return identity_with(rsa_key_make(2048), name, serial, true);
}

static inline struct identity identity_ec(const char *name, const char *curve, long serial) {
	return identity_with(EVP_EC_gen(curve), name, serial, true);
}

static inline void identity_free(struct identity *identity) {
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	*identity = (struct identity){ 0 };
}

static inline struct source *source_of(const void *data, size_t len) {
	struct source *source;

	assert_int_equal(source_from_memory(data, len, &source), 0);
	return source;
}

static inline struct sink *memory_sink(void) {
	struct sink *sink;

	assert_int_equal(sink_to_memory(SIZE_MAX, &sink), 0);
	return sink;
}

/* The DER of what OpenSSL's CMS made. *ret_data is free()d by the caller. */
static inline size_t cms_bytes(CMS_ContentInfo *cms, uint8_t **ret_data) {
	uint8_t *der = NULL, *copy;
	int len = i2d_CMS_ContentInfo(cms, &der);

	assert_true(len > 0);
	copy = malloc((size_t)len);
	assert_non_null(copy);
	memcpy(copy, der, (size_t)len);
	OPENSSL_free(der);
	*ret_data = copy;
	return (size_t)len;
}

/* The same as BER with indefinite lengths, as OpenSSL streams it. */
static inline size_t cms_stream_bytes(CMS_ContentInfo *cms, BIO *content, int flags, uint8_t **ret_data) {
	_cleanup_(bio_freep) BIO *out = BIO_new(BIO_s_mem());
	char *data;
	long len;

	assert_int_equal(i2d_CMS_bio_stream(out, cms, content, flags | CMS_STREAM), 1);
	len = BIO_get_mem_data(out, &data);
	*ret_data = malloc((size_t)len);
	assert_non_null(*ret_data);
	memcpy(*ret_data, data, (size_t)len);
	return (size_t)len;
}

static inline CMS_ContentInfo *cms_of(struct bytes data) {
	const uint8_t *p = data.data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)data.len);

	assert_non_null(cms);
	assert_ptr_equal(p, data.data + data.len);
	return cms;
}

/* Bytes with no pattern that a cipher or a hash could share by accident. */
static inline uint8_t *content_bytes(size_t len) {
	uint8_t *data = malloc(len + 1);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 15 ^ i);
	return data;
}

static inline void assert_source_is(struct source *source, const void *data, size_t len) {
	_cleanup_(sink_freep) struct sink *sink = memory_sink();

	assert_int_equal(sink_copy(sink, source), 0);
	assert_int_equal(sink_memory(sink).len, len);
	if (len > 0)
		assert_memory_equal(sink_memory(sink).data, data, len);
}

#endif
