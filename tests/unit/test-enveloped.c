/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading EnvelopedData and AuthEnvelopedData: what OpenSSL encrypted, every form of GCM, whom a message is for, and that
 * nothing that was changed or cut off passes.
 */
#include "cms-unwrap.h"

#include <stdio.h>
#include <time.h>

#include "client/cms/ber-write.h"
#include "client/cms/recipient-write.h"

static struct identity alice, bob, carol;
static const uint8_t key_bytes[32] = "0123456789abcdef0123456789abcde";

static int make_identities(void **state) {
	alice = identity_rsa("Alice", 0x1234567890);
	bob = identity_ec("Bob", "P-256", 0xff);
	carol = identity_rsa("Carol", 3);
	return 0;
}

static int free_identities(void **state) {
	identity_free(&alice);
	identity_free(&bob);
	identity_free(&carol);
	return 0;
}

static CMS_ContentInfo *encrypt_begin(const EVP_CIPHER *cipher, unsigned flags) {
	CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher, flags | CMS_BINARY | CMS_PARTIAL | CMS_STREAM);

	assert_non_null(cms);
	return cms;
}

static struct source *encrypt_end(CMS_ContentInfo *cms, const void *content, size_t len, bool streamed) {
	_cleanup_(bio_freep) BIO *in = BIO_new_mem_buf(content, (int)len);
	_cleanup_(freep) uint8_t *message = NULL;
	size_t message_len;

	if (streamed)
		message_len = cms_stream_bytes(cms, in, CMS_BINARY, &message);
	else {
		assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
		message_len = cms_bytes(cms, &message);
	}
	CMS_ContentInfo_free(cms);
	return source_of(message, message_len);
}

static struct source *encrypt(
	const struct identity *identity, const EVP_CIPHER *cipher, unsigned flags, const void *content, size_t len, bool streamed) {
	CMS_ContentInfo *cms = encrypt_begin(cipher, flags);

	assert_non_null(CMS_add1_recipient_cert(cms, identity->certificate, flags));
	return encrypt_end(cms, content, len, streamed);
}

static void what_openssl_encrypts_is_decrypted(void **state) {
	static const size_t sizes[] = { 1, 15, 16, 70000, 300000 };
	const EVP_CIPHER *ciphers[] = { EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc(), EVP_des_ede3_cbc(), EVP_aes_128_gcm(),
		EVP_aes_256_gcm() };
	const struct identity *identities[] = { &alice, &bob };

	for (size_t c = 0; c < ELEMENTSOF(ciphers); c++)
		for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
			for (size_t p = 0; p < ELEMENTSOF(identities); p++) {
				/* OpenSSL wraps such keys with Triple-DES, which is not read. */
				if (identities[p] == &bob && EVP_CIPHER_get_nid(ciphers[c]) == NID_des_ede3_cbc)
					continue;
				_cleanup_(freep) uint8_t *content = content_bytes(sizes[i]);
				_cleanup_(source_unrefp) struct source *der =
					encrypt(identities[p], ciphers[c], 0, content, sizes[i], false);
				_cleanup_(source_unrefp) struct source *ber =
					encrypt(identities[p], ciphers[c], 0, content, sizes[i], true);

				assert_decrypts(der, identities[p], content, sizes[i]);
				assert_decrypts(ber, identities[p], content, sizes[i]);
			}
}

static void recipients_named_by_key_id_are_found(void **state) {
	const struct identity *identities[] = { &alice, &bob };

	for (size_t p = 0; p < ELEMENTSOF(identities); p++) {
		_cleanup_(source_unrefp) struct source *cms = encrypt(identities[p], EVP_aes_128_cbc(), CMS_USE_KEYID, "text", 4, false);

		assert_decrypts(cms, identities[p], "text", 4);
	}
}

static void a_certificate_without_key_id_is_found_by_its_key_s_hash(void **state) {
	struct identity plain = identity_with(EVP_PKEY_dup(alice.key), "Alice", 99, false);
	/* The same key with the extension, whose value is that hash: RFC 5280 4.2.1.2 (1). */
	_cleanup_(source_unrefp) struct source *cms = encrypt(&alice, EVP_aes_128_cbc(), CMS_USE_KEYID, "text", 4, false);

	assert_decrypts(cms, &plain, "text", 4);
	identity_free(&plain);
}

static void others_are_not_recipients(void **state) {
	_cleanup_(source_unrefp) struct source *cms = encrypt(&alice, EVP_aes_128_cbc(), 0, "text", 4, false);
	struct identity same_serial = identity_with(EVP_PKEY_dup(carol.key), "Not Alice", 0x1234567890, true);
	X509 *certificates[] = { carol.certificate, bob.certificate, same_serial.certificate };
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL, *nobody = NULL;

	assert_int_equal(enveloped_scan(cms, certificates, 3, 3, &enveloped), 0);
	assert_int_equal(enveloped->match_count, 0);
	assert_int_equal(enveloped->recipients, 1);
	assert_int_equal(enveloped_scan(cms, NULL, 0, 0, &nobody), 0);
	assert_int_equal(nobody->match_count, 0);
	identity_free(&same_serial);
}

static void the_best_matches_come_first(void **state) {
	CMS_ContentInfo *cms = encrypt_begin(EVP_aes_256_cbc(), 0);
	X509 *certificates[] = { carol.certificate, alice.certificate, bob.certificate };
	CMS_RecipientInfo *oaep;
	EVP_PKEY_CTX *context;
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;

	/* rank: by key id, v1.5; then v1.5 of two; then OAEP; then agreement. One too many. */
	assert_non_null(CMS_add1_recipient_cert(cms, alice.certificate, CMS_USE_KEYID));
	assert_non_null(CMS_add1_recipient_cert(cms, alice.certificate, 0));
	assert_non_null(CMS_add1_recipient_cert(cms, carol.certificate, 0));
	oaep = CMS_add1_recipient_cert(cms, alice.certificate, CMS_KEY_PARAM);
	context = CMS_RecipientInfo_get0_pkey_ctx(oaep);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
	assert_non_null(CMS_add1_recipient_cert(cms, bob.certificate, 0));
	_cleanup_(source_unrefp) struct source *source = encrypt_end(cms, "text", 4, false);

	assert_int_equal(enveloped_scan(source, certificates, 3, 3, &enveloped), 0);
	assert_int_equal(enveloped->recipients, 5);
	assert_int_equal(enveloped->match_count, ENVELOPED_MATCHES_MAX);
	assert_int_equal(enveloped->matches[0].certificate, 2); /* ECDH */
	assert_int_equal(enveloped->matches[1].certificate, 1); /* OAEP */
	assert_int_equal(enveloped->matches[2].certificate, 0); /* v1.5, in the order of the certificates */
	assert_int_equal(enveloped->matches[3].certificate, 1);
	for (size_t i = 1; i < enveloped->match_count; i++)
		assert_true(enveloped->matches[i - 1].rank <= enveloped->matches[i].rank);
	assert_true(enveloped->matches[1].rank < enveloped->matches[2].rank);
}

static void a_key_that_is_at_hand_comes_before_one_that_is_not(void **state) {
	CMS_ContentInfo *cms = encrypt_begin(EVP_aes_256_cbc(), 0);
	X509 *certificates[] = { alice.certificate, bob.certificate };
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;

	assert_non_null(CMS_add1_recipient_cert(cms, bob.certificate, 0));
	assert_non_null(CMS_add1_recipient_cert(cms, alice.certificate, 0));
	_cleanup_(source_unrefp) struct source *source = encrypt_end(cms, "text", 4, false);

	assert_int_equal(enveloped_scan(source, certificates, 2, 1, &enveloped), 0);
	assert_int_equal(enveloped->match_count, 2);
	assert_int_equal(enveloped->matches[0].certificate, 0); /* v1.5, but there */
	assert_int_equal(enveloped->matches[1].certificate, 1); /* ECDH */

	_cleanup_(enveloped_freep) struct enveloped *late = NULL;
	assert_int_equal(enveloped_scan(source, certificates, 2, 2, &late), 0);
	assert_int_equal(late->matches[0].certificate, 1);
	enveloped_defer(late, 1);
	assert_int_equal(late->match_count, 2);
	for (size_t i = 0; i < late->match_count; i++) {
		assert_int_equal(late->matches[i].certificate, enveloped->matches[i].certificate);
		assert_int_equal(late->matches[i].rank, enveloped->matches[i].rank);
	}
}

static void other_kinds_of_recipients_are_counted_and_passed_over(void **state) {
	CMS_ContentInfo *cms = encrypt_begin(EVP_aes_256_cbc(), 0);
	uint8_t *kek = OPENSSL_memdup(key_bytes, 16), *id = OPENSSL_memdup("id", 2);
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;

	assert_non_null(CMS_add0_recipient_key(cms, NID_id_aes128_wrap, kek, 16, id, 2, NULL, NULL, NULL));
	assert_non_null(CMS_add0_recipient_password(cms, -1, NID_undef, NID_undef, (uint8_t *)OPENSSL_strdup("secret"), 6, NULL));
	assert_non_null(CMS_add1_recipient_cert(cms, carol.certificate, 0));
	assert_non_null(CMS_add1_recipient_cert(cms, alice.certificate, 0));
	_cleanup_(source_unrefp) struct source *source = encrypt_end(cms, "text", 4, false);

	assert_int_equal(enveloped_scan(source, &alice.certificate, 1, 1, &enveloped), 0);
	assert_int_equal(enveloped->recipients, 4);
	assert_int_equal(enveloped->match_count, 1);
	assert_decrypts(source, &alice, "text", 4);
}

/* A message made by hand around a fixed key. */
struct message {
	const char *type, *content_type;
	const EVP_CIPHER *cipher;
	size_t iv_len, tag_len;               /* tag_len: how much of the tag is sent */
	int icv_len;                          /* -1: the parameters have none */
	struct bytes originators, recipients; /* recipients: members of the set */
	struct bytes attributes;              /* whole [1]: authAttrs or unprotectedAttrs */
	struct bytes aad, last;               /* last: whole [2] */
	struct bytes content;
	bool detached;
	const uint8_t *ciphertext; /* instead of the real one */
	size_t ciphertext_len;
};

#define BYTES(array) ((struct bytes){ (array), sizeof(array) })
#define TEXT(text) ((struct bytes){ (const uint8_t *)(text), sizeof(text) - 1 })

static const uint8_t iv[64] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };

static struct message gcm_message(void) {
	return (struct message){
		.type = OID_AUTH_ENVELOPED_DATA,
		.content_type = OID_DATA,
		.cipher = EVP_aes_256_gcm(),
		.iv_len = 12,
		.tag_len = 16,
		.icv_len = 16,
		.content = TEXT("the content"),
	};
}

static struct message cbc_message(void) {
	return (struct message){
		.type = OID_ENVELOPED_DATA,
		.content_type = OID_DATA,
		.cipher = EVP_aes_256_cbc(),
		.iv_len = 16,
		.icv_len = -1,
		.content = TEXT("the content"),
	};
}

static void put_algorithm(struct sink *sink, const struct message *message) {
	_cleanup_(sink_freep) struct sink *algorithm = memory_sink(), *parameters = memory_sink();
	char oid[64];

	OBJ_obj2txt(oid, sizeof(oid), OBJ_nid2obj(EVP_CIPHER_get_nid(message->cipher)), 1);
	assert_int_equal(ber_put_object(algorithm, oid), 0);
	if (EVP_CIPHER_get_mode(message->cipher) == EVP_CIPH_GCM_MODE) {
		assert_int_equal(ber_put(parameters, 0x04, (struct bytes){ iv, message->iv_len }), 0);
		if (message->icv_len >= 0)
			assert_int_equal(ber_put_integer(parameters, (uint8_t)message->icv_len), 0);
		assert_int_equal(ber_put(algorithm, 0x30, sink_memory(parameters)), 0);
	} else
		assert_int_equal(ber_put(algorithm, 0x04, (struct bytes){ iv, message->iv_len }), 0);
	assert_int_equal(ber_put(sink, 0x30, sink_memory(algorithm)), 0);
}

static size_t encrypt_content(const struct message *message, uint8_t *out, uint8_t tag[16]) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	bool gcm = EVP_CIPHER_get_mode(message->cipher) == EVP_CIPH_GCM_MODE;
	int n, last;

	assert_int_equal(EVP_EncryptInit_ex2(context, message->cipher, NULL, NULL, NULL), 1);
	if (gcm)
		assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)message->iv_len, NULL), 1);
	assert_int_equal(EVP_EncryptInit_ex2(context, NULL, key_bytes, iv, NULL), 1);
	if (message->aad.len > 0)
		assert_int_equal(EVP_EncryptUpdate(context, NULL, &n, message->aad.data, (int)message->aad.len), 1);
	assert_int_equal(EVP_EncryptUpdate(context, out, &n, message->content.data, (int)message->content.len), 1);
	assert_int_equal(EVP_EncryptFinal_ex(context, out + n, &last), 1);
	if (gcm)
		assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
	EVP_CIPHER_CTX_free(context);
	return (size_t)(n + last);
}

/* A RecipientInfo for this certificate, with the fixed key. */
static void put_recipient(struct sink *sink, X509 *certificate, size_t key_len) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

	assert_int_equal(secret_set(&cek, key_bytes, key_len), 0);
	assert_int_equal(recipient_make(certificate, &cek, false, &info), 0);
	assert_int_equal(ber_put_value(sink, info, cms_recipient_info_it()), 0);
}

static struct sink *build(const struct message *message) {
	_cleanup_(freep) uint8_t *ciphertext = malloc(message->content.len + 32);
	_cleanup_(sink_freep) struct sink *recipients = memory_sink();
	struct sink *sink = memory_sink();
	uint8_t tag[17] = { 0 };
	size_t len = encrypt_content(message, ciphertext, tag);

	assert_int_equal(ber_put_begin(sink, 0x30), 0);
	assert_int_equal(ber_put_object(sink, message->type), 0);
	assert_int_equal(ber_put_begin(sink, 0xa0), 0);
	assert_int_equal(ber_put_begin(sink, 0x30), 0);
	assert_int_equal(ber_put_integer(sink, 0), 0);
	assert_int_equal(sink_write(sink, message->originators.data, message->originators.len), 0);
	if (message->recipients.data)
		assert_int_equal(ber_put(sink, 0x31, message->recipients), 0);
	else {
		put_recipient(recipients, alice.certificate, (size_t)EVP_CIPHER_get_key_length(message->cipher));
		assert_int_equal(ber_put(sink, 0x31, sink_memory(recipients)), 0);
	}
	assert_int_equal(ber_put_begin(sink, 0x30), 0);
	assert_int_equal(ber_put_object(sink, message->content_type), 0);
	put_algorithm(sink, message);
	if (message->ciphertext)
		assert_int_equal(ber_put(sink, 0x80, (struct bytes){ message->ciphertext, message->ciphertext_len }), 0);
	else if (!message->detached)
		assert_int_equal(ber_put(sink, 0x80, (struct bytes){ ciphertext, len }), 0);
	assert_int_equal(ber_put_end(sink, 1), 0);
	assert_int_equal(sink_write(sink, message->attributes.data, message->attributes.len), 0);
	if (strcmp(message->type, OID_AUTH_ENVELOPED_DATA) == 0)
		assert_int_equal(ber_put(sink, 0x04, (struct bytes){ tag, message->tag_len }), 0);
	assert_int_equal(sink_write(sink, message->last.data, message->last.len), 0);
	assert_int_equal(ber_put_end(sink, 3), 0);
	return sink;
}

static struct source *build_source(const struct message *message) {
	_cleanup_(sink_freep) struct sink *sink = build(message);

	return source_of(sink_memory(sink).data, sink_memory(sink).len);
}

static int scan_result(struct message message) {
	_cleanup_(source_unrefp) struct source *cms = build_source(&message);
	struct enveloped *enveloped = NULL;
	int r = enveloped_scan(cms, &alice.certificate, 1, 1, &enveloped);

	assert_true((r == 0) == (enveloped != NULL));
	enveloped_free(enveloped);
	return r;
}

/* Scans, and checks with the fixed key. */
static int check_result(struct message message) {
	_cleanup_(source_unrefp) struct source *cms = build_source(&message), *content = NULL;
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	int r;

	assert_int_equal(enveloped_scan(cms, &alice.certificate, 1, 1, &enveloped), 0);
	assert_int_equal(secret_set(&cek, key_bytes, enveloped->cipher.key_len), 0);
	assert_int_equal(enveloped_content(cms, enveloped, &cek, &content), 0);
	r = source_check(content);
	if (r == 0)
		assert_source_is(content, message.content.data, message.content.len);
	assert_int_equal(ERR_peek_error(), 0);
	return r;
}

static void every_legal_form_of_gcm_is_read(void **state) {
	struct message message = gcm_message();

	assert_int_equal(check_result(message), 0);
	message.icv_len = -1; /* DEFAULT 12 */
	message.tag_len = 12;
	assert_int_equal(check_result(message), 0);
	for (int len = 12; len <= 16; len++) {
		message.icv_len = len;
		message.tag_len = (size_t)len;
		assert_int_equal(check_result(message), 0);
	}
	for (message.iv_len = 1; message.iv_len <= 64; message.iv_len++)
		assert_int_equal(check_result(message), 0);
	message = gcm_message();
	message.cipher = EVP_aes_192_gcm();
	assert_int_equal(check_result(message), 0);
	message.content.len = 0;
	assert_int_equal(check_result(message), 0);
}

static void forgeable_and_misplaced_algorithms_are_refused(void **state) {
	struct message message = gcm_message();

	message.icv_len = message.tag_len = 4;
	assert_int_equal(scan_result(message), -SMIME_E_UNSUPPORTED);
	message.icv_len = 16; /* and the tag has 4 */
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message.icv_len = 16;
	message.tag_len = 15;
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message.icv_len = 12;
	message.tag_len = 16;
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message.icv_len = 16;
	message.tag_len = 17;
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message.tag_len = 0;
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message = gcm_message();
	message.icv_len = 17;
	assert_int_equal(scan_result(message), -SMIME_E_UNSUPPORTED);
	message = gcm_message();
	message.type = OID_ENVELOPED_DATA;
	assert_int_equal(scan_result(message), -SMIME_E_UNSUPPORTED);
	message = cbc_message();
	message.type = OID_AUTH_ENVELOPED_DATA;
	message.tag_len = 16;
	assert_int_equal(scan_result(message), -SMIME_E_UNSUPPORTED);
}

/* contentType: id-data, then messageDigest-like second attribute, in DER's order. */
#define ATTRIBUTE_CONTENT_TYPE(last)                                                                                                  \
	0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03, 0x31, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, \
		0xf7, 0x0d, 0x01, 0x07, last
#define ATTRIBUTE_OTHER 0x30, 0x08, 0x06, 0x02, 0x2a, 0x03, 0x31, 0x02, 0x05, 0x00

static const uint8_t attributes_sorted[] = { 0xa1, 0x24, ATTRIBUTE_OTHER, ATTRIBUTE_CONTENT_TYPE(1) };
static const uint8_t attributes_unsorted[] = { 0xa1, 0x80, ATTRIBUTE_CONTENT_TYPE(1), ATTRIBUTE_OTHER, 0, 0 };
static const uint8_t attributes_aad[] = { 0x31, 0x24, ATTRIBUTE_OTHER, ATTRIBUTE_CONTENT_TYPE(1) };
static const uint8_t attributes_signed_type[] = { 0xa1, 0x1a, ATTRIBUTE_CONTENT_TYPE(2) };
static const uint8_t attributes_signed_type_aad[] = { 0x31, 0x1a, ATTRIBUTE_CONTENT_TYPE(2) };
static const uint8_t attributes_without_type[] = { 0xa1, 0x0a, ATTRIBUTE_OTHER };

static void authenticated_attributes_are_authenticated(void **state) {
	struct message message = gcm_message();

	message.attributes = BYTES(attributes_sorted);
	message.aad = BYTES(attributes_aad);
	assert_int_equal(check_result(message), 0);
	/* What counts is their DER, however they were sent (RFC 5083 2.2). */
	message.attributes = BYTES(attributes_unsorted);
	assert_int_equal(check_result(message), 0);
	message.attributes = BYTES(attributes_sorted);
	message.aad = (struct bytes){ NULL, 0 };
	assert_int_equal(check_result(message), -SMIME_E_INTEGRITY);
	message.attributes = (struct bytes){ NULL, 0 };
	message.aad = BYTES(attributes_aad);
	assert_int_equal(check_result(message), -SMIME_E_INTEGRITY);
}

static void a_content_type_must_be_what_the_attributes_say(void **state) {
	static const uint8_t garbage[] = { 0xa1, 0x02, 0x05, 0x00 };
	struct message message = gcm_message();

	message.content_type = OID_SIGNED_DATA;
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED); /* RFC 5083 2.1: there must be authAttrs */
	message.attributes = BYTES(attributes_without_type);
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message.attributes = BYTES(attributes_sorted);
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message.attributes = BYTES(attributes_signed_type);
	message.aad = BYTES(attributes_signed_type_aad);
	assert_int_equal(check_result(message), 0);
	message.content_type = OID_DATA;
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message.attributes = BYTES(garbage);
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
}

static void unprotected_attributes_are_passed_over(void **state) {
	struct message message = gcm_message();
	static const uint8_t last[] = { 0xa2, 0x80, ATTRIBUTE_OTHER, 0, 0 }, unexpected[] = { 0xa3, 0x00 };

	message.last = BYTES(last);
	assert_int_equal(check_result(message), 0);
	message.last = BYTES(unexpected);
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message = cbc_message();
	message.attributes = BYTES(attributes_without_type);
	assert_int_equal(check_result(message), 0);
	message.last = BYTES(last);
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
}

static void every_damage_to_cbc_content_is_one_error(void **state) {
	struct message message = cbc_message();
	uint8_t blocks[48];

	assert_int_equal(check_result(message), 0);
	memset(blocks, 0xaa, sizeof(blocks));
	message.ciphertext = blocks;
	message.ciphertext_len = sizeof(blocks);
	assert_int_equal(check_result(message), -SMIME_E_INTEGRITY); /* padding */
	message.ciphertext_len = sizeof(blocks) - 1;
	assert_int_equal(check_result(message), -SMIME_E_INTEGRITY); /* no whole blocks */
	message.ciphertext_len = 0;
	assert_int_equal(check_result(message), -SMIME_E_INTEGRITY); /* no padding at all */
}

static void detached_and_incomplete_messages_are_refused(void **state) {
	struct message message = gcm_message();

	message.detached = true;
	assert_int_equal(scan_result(message), -SMIME_E_UNSUPPORTED);
	message = cbc_message();
	message.detached = true;
	assert_int_equal(scan_result(message), -SMIME_E_UNSUPPORTED);
	message = gcm_message();
	message.recipients = TEXT("");
	assert_int_equal(scan_result(message), -SMIME_E_MALFORMED);
	message = gcm_message();
	message.type = OID_SIGNED_DATA;
	assert_int_equal(scan_result(message), -SMIME_E_NOT_CMS);
}

static void a_wrong_key_is_an_integrity_error(void **state) {
	struct message messages[] = { gcm_message(), cbc_message() };

	for (size_t i = 0; i < ELEMENTSOF(messages); i++) {
		_cleanup_(source_unrefp) struct source *cms = build_source(&messages[i]), *content = NULL;
		_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
		_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

		assert_int_equal(enveloped_scan(cms, &alice.certificate, 1, 1, &enveloped), 0);
		assert_int_equal(secret_set(&cek, key_bytes, 16), 0);
		assert_int_equal(enveloped_content(cms, enveloped, &cek, &content), -SMIME_E_INTEGRITY);
		assert_int_equal(enveloped_content(cms, enveloped, &SECRET_EMPTY, &content), -SMIME_E_INTEGRITY);
		assert_null(content);
		assert_int_equal(secret_set(&cek, key_bytes, 32), 0);
		cek.data[0] ^= 1;
		assert_int_equal(enveloped_content(cms, enveloped, &cek, &content), 0);
		/* CBC has a chance of 1 in 256 to look padded; this key does not. */
		assert_int_equal(source_check(content), -SMIME_E_INTEGRITY);
	}
}

static void a_content_outlives_what_it_was_made_from(void **state) {
	struct message message = gcm_message();
	struct source *cms = build_source(&message);
	_cleanup_(source_unrefp) struct source *content = NULL;
	struct enveloped *enveloped = NULL;
	struct secret cek = SECRET_EMPTY;

	assert_int_equal(enveloped_scan(cms, &alice.certificate, 1, 1, &enveloped), 0);
	assert_int_equal(secret_set(&cek, key_bytes, 32), 0);
	assert_int_equal(enveloped_content(cms, enveloped, &cek, &content), 0);
	secret_clear(&cek);
	enveloped_free(enveloped);
	source_unref(cms);
	assert_source_is(content, message.content.data, message.content.len);
}

static void thousands_of_strangers_cost_little(void **state) {
	enum { STRANGERS = 20000, TIME_MAX_MS = 2000 };
	_cleanup_(sink_freep) struct sink *stranger = memory_sink(), *recipients = memory_sink();
	struct message message = gcm_message();
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	struct timespec begin, end;

	put_recipient(stranger, carol.certificate, 32);
	for (size_t i = 0; i < STRANGERS / 2; i++)
		assert_int_equal(sink_write(recipients, sink_memory(stranger).data, sink_memory(stranger).len), 0);
	put_recipient(recipients, alice.certificate, 32);
	for (size_t i = 0; i < STRANGERS / 2; i++)
		assert_int_equal(sink_write(recipients, sink_memory(stranger).data, sink_memory(stranger).len), 0);
	message.recipients = sink_memory(recipients);
	_cleanup_(source_unrefp) struct source *cms = build_source(&message);
	/* Of the processor: what else runs on the machine is not what this costs. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	assert_int_equal(enveloped_scan(cms, &alice.certificate, 1, 1, &enveloped), 0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	assert_true((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 < TIME_MAX_MS);
	assert_int_equal(enveloped->recipients, STRANGERS + 1);
	assert_int_equal(enveloped->match_count, 1);
	assert_decrypts(cms, &alice, message.content.data, message.content.len);
}

static void more_recipients_than_the_limit_are_too_many(void **state) {
	static const uint8_t tiny[] = { 0x30, 0x00 };
	_cleanup_(sink_freep) struct sink *recipients = memory_sink();
	struct message message = gcm_message();

	for (size_t i = 0; i <= ENVELOPED_RECIPIENTS_MAX; i++)
		assert_int_equal(sink_write(recipients, tiny, sizeof(tiny)), 0);
	message.recipients = sink_memory(recipients);
	assert_int_equal(scan_result(message), -SMIME_E_TOO_LARGE);
	message.recipients.len -= sizeof(tiny);
	assert_int_equal(scan_result(message), 0);
}

/* A KeyAgreeRecipientInfo for bob whose own key is in the middle of many. `indefinite`: in BER that the quick look can't read. */
static struct sink *crowded_agreement(size_t strangers, bool indefinite) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL, *other = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	_cleanup_(sink_freep) struct sink *front = memory_sink(), *keys = memory_sink(), *explicit = memory_sink(), *key = memory_sink();
	struct identity stranger = identity_ec("Stranger", "P-256", 12);
	struct sink *sink = memory_sink();
	struct cms_key_agree *agree, *other_agree;

	assert_int_equal(secret_set(&cek, key_bytes, 32), 0);
	assert_int_equal(recipient_make(bob.certificate, &cek, false, &info), 0);
	assert_int_equal(recipient_make(stranger.certificate, &cek, false, &other), 0);
	agree = info->key_agree;
	other_agree = other->key_agree;
	assert_int_equal(ber_put_integer(front, 3), 0);
	assert_int_equal(ber_put_value(key, agree->originator->key->algorithm, ASN1_ITEM_rptr(X509_ALGOR)), 0);
	assert_int_equal(ber_put_value(key, agree->originator->key->public_key, ASN1_ITEM_rptr(ASN1_BIT_STRING)), 0);
	assert_int_equal(ber_put(explicit, 0xa1, sink_memory(key)), 0);
	assert_int_equal(ber_put(front, 0xa0, sink_memory(explicit)), 0);
	assert_int_equal(ber_put_value(front, agree->key_encryption, ASN1_ITEM_rptr(X509_ALGOR)), 0);
	for (size_t i = 0; i <= strangers; i++) {
		struct cms_key_agree *from = i == strangers / 2 ? agree : other_agree;
		struct cms_encrypted_key *encrypted = sk_cms_encrypted_key_value(from->recipients, 0);

		if (!indefinite) {
			assert_int_equal(ber_put_value(keys, encrypted, cms_encrypted_key_it()), 0);
			continue;
		}
		assert_int_equal(ber_put_begin(keys, 0x30), 0);
		assert_int_equal(ber_put_value(keys, encrypted->rid->issuer_serial, cms_issuer_serial_it()), 0);
		assert_int_equal(ber_put_value(keys, encrypted->encrypted_key, ASN1_ITEM_rptr(ASN1_OCTET_STRING)), 0);
		assert_int_equal(ber_put_end(keys, 1), 0);
	}
	assert_int_equal(ber_put_begin(sink, 0xa1), 0);
	assert_int_equal(sink_write(sink, sink_memory(front).data, sink_memory(front).len), 0);
	assert_int_equal(ber_put(sink, 0x30, sink_memory(keys)), 0);
	assert_int_equal(ber_put_end(sink, 1), 0);
	identity_free(&stranger);
	return sink;
}

static void an_agreement_is_cut_down_to_the_own_key(void **state) {
	for (int indefinite = 0; indefinite <= 1; indefinite++) {
		_cleanup_(sink_freep) struct sink *recipient = crowded_agreement(5000, indefinite);
		_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
		struct message message = gcm_message();

		message.recipients = sink_memory(recipient);
		_cleanup_(source_unrefp) struct source *cms = build_source(&message);
		assert_int_equal(enveloped_scan(cms, &bob.certificate, 1, 1, &enveloped), 0);
		assert_int_equal(enveloped->recipients, 5001);
		assert_int_equal(enveloped->match_count, 1);
		assert_true(enveloped->matches[0].recipient_info_len < 400);
		assert_null(enveloped->matches[0].originator);
		assert_decrypts(cms, &bob, message.content.data, message.content.len);
	}
}

static void an_agreement_beyond_the_limit_is_too_large(void **state) {
	_cleanup_(sink_freep) struct sink *recipient = crowded_agreement(60000, false);
	struct message message = gcm_message();

	assert_true(sink_memory(recipient).len > ENVELOPED_RECIPIENT_MAX_BYTES);
	message.recipients = sink_memory(recipient);
	assert_int_equal(scan_result(message), -SMIME_E_TOO_LARGE);
}

static void recipients_that_can_not_be_read_do_not_hide_the_others(void **state) {
	static const uint8_t broken[][10] = {
		{ 0x30, 0x03, 0x02, 0x01, 0x00 },             /* KeyTrans without anything */
		{ 0xa1, 0x03, 0x02, 0x01, 0x03 },             /* KeyAgree without anything */
		{ 0xa1, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00 }, /* without keys */
		{ 0xa1, 0x80, 0x02, 0x01, 0x03, 0x04, 0x00, 0x00, 0x00 },
		{ 0xa4, 0x03, 0x06, 0x01, 0x2a },
		{ 0x04, 0x01, 0x00 },
		{ 0xa9, 0x80, 0x00, 0x00 },
	};
	static const size_t lens[] = { 5, 5, 7, 9, 5, 3, 4 };
	_cleanup_(sink_freep) struct sink *recipients = memory_sink();
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	struct message message = gcm_message();

	for (size_t i = 0; i < ELEMENTSOF(broken); i++)
		assert_int_equal(sink_write(recipients, broken[i], lens[i]), 0);
	put_recipient(recipients, alice.certificate, 32);
	message.recipients = sink_memory(recipients);
	_cleanup_(source_unrefp) struct source *cms = build_source(&message);
	assert_int_equal(enveloped_scan(cms, &alice.certificate, 1, 1, &enveloped), 0);
	assert_int_equal(enveloped->recipients, ELEMENTSOF(broken) + 1);
	assert_decrypts(cms, &alice, message.content.data, message.content.len);
}

static void a_recipient_that_the_agent_would_not_take_is_no_match(void **state) {
	size_t len = 20000;
	_cleanup_(freep) uint8_t *large = calloc(1, len);
	_cleanup_(sink_freep) struct sink *recipients = memory_sink();
	struct message message = gcm_message();

	assert_int_equal(ber_put(recipients, 0x30, (struct bytes){ large, len }), 0);
	put_recipient(recipients, alice.certificate, 32);
	message.recipients = sink_memory(recipients);
	_cleanup_(source_unrefp) struct source *cms = build_source(&message);
	assert_decrypts(cms, &alice, message.content.data, message.content.len);
}

/* A message from carol to bob by static keys, which names her by issuer and serial (or key id), her certificate beside it. */
static struct sink *named_originator(bool by_key_id) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	struct cms_originator *originator;
	struct sink *sink = memory_sink();

	assert_int_equal(secret_set(&cek, key_bytes, 32), 0);
	assert_int_equal(recipient_make(bob.certificate, &cek, false, &info), 0);
	originator = info->key_agree->originator;
	cms_originator_key_free(originator->key);
	if (by_key_id) {
		originator->type = CMS_ORIGINATOR_KEY_ID;
		originator->key_id = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(carol.certificate));
	} else {
		originator->type = CMS_ORIGINATOR_ISSUER_SERIAL;
		originator->issuer_serial = cms_issuer_serial_new();
		assert_int_equal(X509_NAME_set(&originator->issuer_serial->issuer, X509_get_issuer_name(carol.certificate)), 1);
		assert_int_equal(ASN1_INTEGER_set(originator->issuer_serial->serial, 3), 1);
	}
	assert_int_equal(ber_put_value(sink, info, cms_recipient_info_it()), 0);
	return sink;
}

static void the_certificate_of_a_named_originator_comes_with_the_match(void **state) {
	static const uint8_t strange[] = { 0xa2, 0x02, 0x05, 0x00 };
	_cleanup_(sink_freep) struct sink *certificates = memory_sink(), *set = memory_sink(), *originators = memory_sink();
	uint8_t *expected = NULL;
	int expected_len = i2d_X509(carol.certificate, &expected);

	assert_int_equal(sink_write(certificates, strange, sizeof(strange)), 0);
	assert_int_equal(ber_put_value(certificates, alice.certificate, ASN1_ITEM_rptr(X509)), 0);
	assert_int_equal(ber_put_value(certificates, carol.certificate, ASN1_ITEM_rptr(X509)), 0);
	assert_int_equal(ber_put(set, 0xa0, sink_memory(certificates)), 0);
	assert_int_equal(ber_put(originators, 0xa0, sink_memory(set)), 0);
	for (int by_key_id = 0; by_key_id <= 1; by_key_id++) {
		_cleanup_(sink_freep) struct sink *recipient = named_originator(by_key_id);
		_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL, *unknown = NULL;
		struct message message = gcm_message();

		message.recipients = sink_memory(recipient);
		message.originators = sink_memory(originators);
		_cleanup_(source_unrefp) struct source *cms = build_source(&message);
		assert_int_equal(enveloped_scan(cms, &bob.certificate, 1, 1, &enveloped), 0);
		assert_int_equal(enveloped->match_count, 1);
		assert_int_equal(enveloped->matches[0].originator_len, expected_len);
		assert_memory_equal(enveloped->matches[0].originator, expected, (size_t)expected_len);
		message.originators = TEXT("\xa0\x00");
		_cleanup_(source_unrefp) struct source *without = build_source(&message);
		assert_int_equal(enveloped_scan(without, &bob.certificate, 1, 1, &unknown), 0);
		assert_int_equal(unknown->match_count, 1);
		assert_null(unknown->matches[0].originator);
	}
	OPENSSL_free(expected);
}

/* The messages whose every cut and every changed byte is tried. */
static struct sink *sample(size_t which) {
	struct message message = which == 0 ? gcm_message() : cbc_message();
	static struct sink *agreement;

	if (which == 0) {
		message.attributes = BYTES(attributes_sorted);
		message.aad = BYTES(attributes_aad);
	} else if (which == 1) {
		agreement = crowded_agreement(2, true);
		message.recipients = sink_memory(agreement);
	}
	struct sink *built = build(&message);

	if (which == 1)
		agreement = sink_free(agreement);
	return built;
}

static void every_truncation_is_an_error(void **state) {
	X509 *certificates[] = { alice.certificate, bob.certificate };

	for (size_t which = 0; which < 3; which++) {
		_cleanup_(sink_freep) struct sink *whole = sample(which);

		for (size_t cut = 0; cut < sink_memory(whole).len; cut++) {
			_cleanup_(source_unrefp) struct source *cms = source_of(sink_memory(whole).data, cut);
			struct enveloped *enveloped = NULL;

			assert_int_equal(
				enveloped_scan(cms, certificates, 2, 2, &enveloped), cut == 0 ? -SMIME_E_NOT_CMS : -SMIME_E_TRUNCATED);
			assert_null(enveloped);
		}
	}
}

/* Whatever was changed: with the right key it is refused, or the content is the original. CBC can't promise the latter. */
static void try_changed(struct bytes changed, bool authenticated) {
	X509 *certificates[] = { alice.certificate, bob.certificate };
	_cleanup_(source_unrefp) struct source *cms = source_of(changed.data, changed.len), *content = NULL;
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	struct bytes expected = TEXT("the content");

	if (enveloped_scan(cms, certificates, 2, 2, &enveloped) < 0)
		return;
	assert_int_equal(secret_set(&cek, key_bytes, enveloped->cipher.key_len), 0);
	assert_int_equal(enveloped_content(cms, enveloped, &cek, &content), 0);
	if (source_check(content) == 0 && authenticated)
		assert_source_is(content, expected.data, expected.len);
}

static void no_changed_byte_passes_as_authentic(void **state) {
	static const uint8_t flips[] = { 0x01, 0x20, 0x80, 0xff };

	for (size_t which = 0; which < 3; which++) {
		_cleanup_(sink_freep) struct sink *whole = sample(which);
		size_t len = sink_memory(whole).len;
		_cleanup_(freep) uint8_t *copy = malloc(len);

		memcpy(copy, sink_memory(whole).data, len);
		for (size_t at = 0; at < len; at++)
			for (size_t f = 0; f < ELEMENTSOF(flips); f++) {
				copy[at] ^= flips[f];
				try_changed((struct bytes){ copy, len }, which == 0);
				copy[at] ^= flips[f];
			}
	}
}

/* RFC 4134 5.1 and 5.2: for Bob, with 3DES, and with RC2, which is not read. */
static FILE *vector_file(const char *name) {
	const char *directory = getenv("SMIME_TEST_VECTORS");
	char path[4096];

	if (directory)
		snprintf(path, sizeof(path), "%s/rfc4134/%s", directory, name);
	else
		snprintf(path, sizeof(path), "%.*s../../../shared/vectors/rfc4134/%s",
			(int)(strrchr(__FILE__, '/') ? strrchr(__FILE__, '/') + 1 - __FILE__ : 0), __FILE__, name);
	return fopen(path, "rbe");
}

static void the_examples_of_rfc_4134_are_read(void **state) {
	FILE *message = vector_file("5.1.bin"), *rc2 = vector_file("5.2.bin"), *key = vector_file("BobPrivRSAEncrypt.pri"),
	     *certificate = vector_file("BobRSASignByCarl.cer");
	_cleanup_(source_unrefp) struct source *cms = NULL, *other = NULL;
	struct identity rfc_bob;
	struct enveloped *unsupported = NULL;

	if (!message || !rc2 || !key || !certificate)
		skip();
	rfc_bob.key = d2i_PrivateKey_fp(key, NULL);
	rfc_bob.certificate = d2i_X509_fp(certificate, NULL);
	assert_non_null(rfc_bob.key);
	assert_non_null(rfc_bob.certificate);
	assert_int_equal(source_from_fd(fileno(message), &cms), 0);
	assert_decrypts(cms, &rfc_bob, "This is some sample content.", 28);
	assert_int_equal(source_from_fd(fileno(rc2), &other), 0);
	assert_int_equal(enveloped_scan(other, &rfc_bob.certificate, 1, 1, &unsupported), -SMIME_E_UNSUPPORTED);
	identity_free(&rfc_bob);
	fclose(message);
	fclose(rc2);
	fclose(key);
	fclose(certificate);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_openssl_encrypts_is_decrypted),
		cmocka_unit_test(recipients_named_by_key_id_are_found),
		cmocka_unit_test(a_certificate_without_key_id_is_found_by_its_key_s_hash),
		cmocka_unit_test(others_are_not_recipients),
		cmocka_unit_test(the_best_matches_come_first),
		cmocka_unit_test(a_key_that_is_at_hand_comes_before_one_that_is_not),
		cmocka_unit_test(other_kinds_of_recipients_are_counted_and_passed_over),
		cmocka_unit_test(every_legal_form_of_gcm_is_read),
		cmocka_unit_test(forgeable_and_misplaced_algorithms_are_refused),
		cmocka_unit_test(authenticated_attributes_are_authenticated),
		cmocka_unit_test(a_content_type_must_be_what_the_attributes_say),
		cmocka_unit_test(unprotected_attributes_are_passed_over),
		cmocka_unit_test(every_damage_to_cbc_content_is_one_error),
		cmocka_unit_test(detached_and_incomplete_messages_are_refused),
		cmocka_unit_test(a_wrong_key_is_an_integrity_error),
		cmocka_unit_test(a_content_outlives_what_it_was_made_from),
		cmocka_unit_test(thousands_of_strangers_cost_little),
		cmocka_unit_test(more_recipients_than_the_limit_are_too_many),
		cmocka_unit_test(an_agreement_is_cut_down_to_the_own_key),
		cmocka_unit_test(an_agreement_beyond_the_limit_is_too_large),
		cmocka_unit_test(recipients_that_can_not_be_read_do_not_hide_the_others),
		cmocka_unit_test(a_recipient_that_the_agent_would_not_take_is_no_match),
		cmocka_unit_test(the_certificate_of_a_named_originator_comes_with_the_match),
		cmocka_unit_test(every_truncation_is_an_error),
		cmocka_unit_test(no_changed_byte_passes_as_authentic),
		cmocka_unit_test(the_examples_of_rfc_4134_are_read),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
