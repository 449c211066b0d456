/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypting: EnvelopedData (RFC 5652 6.1) with CBC, AuthEnvelopedData (RFC 5083 2.1) with GCM or ChaCha20-Poly1305, in one
 * pass, as BER of indefinite length.
 *
 * Key and initialisation vector are new for each message. The key leaves this file only encrypted.
 */
#include "enveloped.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include "ber-write.h"
#include "content-info.h"
#include "recipient-write.h"
#include "smime/error.h"

enum {
	IV_MAX_BYTES = 16,
	RECIPIENTS_MAX_BYTES = 256 * 1024 * 1024,
	SEGMENT_SLACK_BYTES = 32,
};

/* The counter of ChaCha20 has 32 bits, for blocks of 64 octets; the first one makes the key of the tag (RFC 8439 2.8). */
#define CHACHA_CONTENT_MAX_BYTES ((((uint64_t)1 << 32) - 1) * 64)

struct encryption {
	const struct cms_cipher_kind *kind;
	struct secret cek; /* as the recipients get it */
	X509_ALGOR *algorithm;
	EVP_CIPHER_CTX *cipher;
};

static void encryption_end(struct encryption *encryption) {
	EVP_CIPHER_CTX_free(encryption->cipher);
	X509_ALGOR_free(encryption->algorithm);
	secret_clear(&encryption->cek);
}

static bool is_authenticated(const struct encryption *encryption) {
	return encryption->kind->mode != CMS_MODE_CBC;
}

/* The key that the content is encrypted with: RFC 9709 derives it from the one that the recipients get. */
static int content_key(const struct encryption *encryption, bool derived, struct secret *ret_key) {
	const struct secret *cek = &encryption->cek;
	int r;

	if (!derived)
		return secret_set(ret_key, cek->data, cek->len);
	r = secret_alloc(ret_key, cek->len);
	return r < 0 ? r : cms_cek_derive(encryption->algorithm, cek->data, cek->len, ret_key->data);
}

static int begin(struct encryption *encryption, bool derived) {
	const struct cms_cipher_kind *kind = encryption->kind;
	_cleanup_(secret_clear) struct secret key = SECRET_EMPTY;
	uint8_t iv[IV_MAX_BYTES];
	int r;

	r = secret_alloc(&encryption->cek, kind->key_len);
	if (r < 0)
		return r;
	if (RAND_priv_bytes(encryption->cek.data, (int)encryption->cek.len) != 1 || RAND_bytes(iv, (int)kind->iv_len) != 1)
		return -SMIME_E_INTERNAL;
	encryption->algorithm = cms_cipher_algorithm(kind, iv, derived);
	encryption->cipher = EVP_CIPHER_CTX_new();
	if (!encryption->algorithm || !encryption->cipher)
		return -SMIME_E_NO_MEMORY;
	r = content_key(encryption, derived, &key);
	if (r < 0)
		return r;
	/* Of both AEAD ciphers OpenSSL's IV length is the 12 that is wanted. */
	return EVP_EncryptInit_ex2(encryption->cipher, kind->cipher(), key.data, iv, NULL) == 1 ? 0 : -SMIME_E_INTERNAL;
}

/* What RFC 5652 6.1 wants as the version follows from the recipients. */
enum { VERSION_PLAIN = 0, VERSION_MIXED = 2, VERSION_PASSWORD = 3 };

static int put_certified(struct sink *set, const struct secret *cek, const struct enveloped_writing *writing, int *version) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < writing->recipient_count; i++) {
		_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;

		r = recipient_make(writing->recipients[i].certificate, cek, writing->recipients[i].oaep, &info);
		if (r < 0)
			return r;
		if (info->type == CMS_RECIPIENT_KEY_AGREE)
			*version = VERSION_MIXED;
		r = ber_put_value(set, info, cms_recipient_info_it());
	}
	return r;
}

static int put_shared(struct sink *set, const struct secret *cek, const struct shared_secrets *secrets, enum shared_kind kind) {
	_cleanup_(shared_info_clear) struct shared_info info = { .ber = NULL };
	int r = shared_encrypt(secrets, kind, cek, &info);

	return r < 0 ? r : sink_write(set, info.ber, info.len);
}

static int put_recipients(struct sink *sink, const struct secret *cek, const struct enveloped_writing *writing, int *ret_version) {
	_cleanup_(sink_freep) struct sink *set = NULL;
	int version = VERSION_PLAIN, r;

	r = sink_to_memory(RECIPIENTS_MAX_BYTES, &set);
	if (r == 0)
		r = put_certified(set, cek, writing, &version);
	if (r == 0 && writing->shared && writing->shared->kek.data) {
		version = VERSION_MIXED;
		r = put_shared(set, cek, writing->shared, SHARED_KEK);
	}
	if (r == 0 && writing->shared && writing->shared->password.data) {
		version = VERSION_PASSWORD;
		r = put_shared(set, cek, writing->shared, SHARED_PASSWORD);
	}
	if (r == 0)
		r = ber_put(sink, BER_ID_SET, sink_memory(set));
	if (r == 0)
		*ret_version = version;
	return r;
}

static int put_segment(struct sink *sink, const uint8_t *data, int len) {
	return len > 0 ? ber_put(sink, BER_ID_OCTET_STRING, (struct bytes){ data, (size_t)len }) : 0;
}

static int put_segments(struct sink *sink, struct encryption *encryption, struct source *content) {
	_cleanup_(freep) uint8_t *segment = malloc(READER_BUFFER_BYTES + SEGMENT_SLACK_BYTES);
	_cleanup_(reader_closep) struct reader *in = NULL;
	const uint8_t *data;
	size_t len;
	int n, r;

	if (!segment)
		return -SMIME_E_NO_MEMORY;
	r = source_open(content, &in);
	if (r < 0)
		return r;
	for (;;) {
		r = reader_peek(in, READER_PEEK_MAX_BYTES, &data, &len);
		if (r < 0)
			return r;
		if (len == 0)
			break;
		if (encryption->kind->mode == CMS_MODE_CHACHA && reader_offset(in) + len > CHACHA_CONTENT_MAX_BYTES)
			return -SMIME_E_TOO_LARGE;
		/* GCM ends at 64 GiB (NIST SP 800-38D 5.2.1.1): OpenSSL refuses more. */
		if (EVP_EncryptUpdate(encryption->cipher, segment, &n, data, (int)len) != 1) {
			ERR_clear_error();
			return -SMIME_E_TOO_LARGE;
		}
		reader_consume(in, len);
		r = put_segment(sink, segment, n);
		if (r < 0)
			return r;
	}
	if (EVP_EncryptFinal_ex(encryption->cipher, segment, &n) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	return put_segment(sink, segment, n);
}

/* (Auth)EncryptedContentInfo */
static int put_content(struct sink *sink, struct encryption *encryption, struct source *content) {
	int r;

	if ((r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0 || (r = ber_put_object(sink, OID_DATA)) < 0 ||
		(r = ber_put_value(sink, encryption->algorithm, ASN1_ITEM_rptr(X509_ALGOR))) < 0 ||
		(r = ber_put_begin(sink, BER_ID_CONTEXT_CONSTRUCTED)) < 0 || (r = put_segments(sink, encryption, content)) < 0)
		return r;
	return ber_put_end(sink, 2);
}

static int put_tag(struct sink *sink, const struct encryption *encryption) {
	uint8_t tag[CMS_TAG_BYTES];

	if (!is_authenticated(encryption))
		return 0;
	if (EVP_CIPHER_CTX_ctrl(encryption->cipher, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	return ber_put(sink, BER_ID_OCTET_STRING, (struct bytes){ tag, sizeof(tag) });
}

/* AuthEnvelopedData has always version 0 (RFC 5083 2.1). */
static int put_front(struct sink *sink, const struct encryption *encryption, struct bytes recipients, int version) {
	int r;

	if ((r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0 ||
		(r = ber_put_object(sink, is_authenticated(encryption) ? OID_AUTH_ENVELOPED_DATA : OID_ENVELOPED_DATA)) < 0 ||
		(r = ber_put_begin(sink, BER_ID_CONTEXT_CONSTRUCTED)) < 0 || (r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0 ||
		(r = ber_put_integer(sink, is_authenticated(encryption) ? 0 : (uint8_t)version)) < 0)
		return r;
	return sink_write(sink, recipients.data, recipients.len);
}

int enveloped_write(struct sink *sink, struct source *content, const struct enveloped_writing *writing) {
	_cleanup_(encryption_end) struct encryption encryption = { .kind = cms_cipher_named(writing->cipher) };
	_cleanup_(sink_freep) struct sink *recipients = NULL;
	int version = VERSION_PLAIN, r;

	if (!encryption.kind || encryption.kind->weak || (writing->recipient_count == 0 && !shared_secrets_given(writing->shared)))
		return -SMIME_E_USAGE;
	r = begin(&encryption, writing->derived);
	ERR_clear_error();
	if (r < 0)
		return r;
	r = sink_to_memory(RECIPIENTS_MAX_BYTES, &recipients);
	if (r < 0)
		return r;
	r = put_recipients(recipients, &encryption.cek, writing, &version);
	if (r < 0)
		return r;
	if ((r = put_front(sink, &encryption, sink_memory(recipients), version)) < 0 || (r = put_content(sink, &encryption, content)) < 0 ||
		(r = put_tag(sink, &encryption)) < 0)
		return r;
	return ber_put_end(sink, 3);
}
