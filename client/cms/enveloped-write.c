/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypting: EnvelopedData (RFC 5652 6.1) with CBC, AuthEnvelopedData (RFC 5083 2.1) with GCM, in one pass, as BER of
 * indefinite length.
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
	GCM_NONCE_BYTES = 12, /* RFC 5084 3.2 recommends it */
	GCM_TAG_BYTES = 16,
	CBC_IV_BYTES = 16,
	RECIPIENTS_MAX_BYTES = 256 * 1024 * 1024,
	SEGMENT_SLACK_BYTES = 32,
};

static const struct cipher_choice {
	const char *name;
	int nid;
	const EVP_CIPHER *(*cipher)(void);
	bool authenticated;
} choices[] = {
	{ "aes256-cbc", NID_aes_256_cbc, EVP_aes_256_cbc, false },
	{ "aes128-cbc", NID_aes_128_cbc, EVP_aes_128_cbc, false },
	{ "aes256-gcm", NID_aes_256_gcm, EVP_aes_256_gcm, true },
	{ "aes128-gcm", NID_aes_128_gcm, EVP_aes_128_gcm, true },
};

static const struct cipher_choice *find_choice(const char *name) {
	for (size_t i = 0; i < ELEMENTSOF(choices); i++)
		if (strcmp(choices[i].name, name) == 0)
			return &choices[i];
	return NULL;
}

struct encryption {
	const struct cipher_choice *choice;
	struct secret cek;
	uint8_t iv[CBC_IV_BYTES];
	size_t iv_len;
	EVP_CIPHER_CTX *cipher;
};

static void encryption_end(struct encryption *encryption) {
	EVP_CIPHER_CTX_free(encryption->cipher);
	secret_clear(&encryption->cek);
}

static int begin(struct encryption *encryption) {
	const EVP_CIPHER *cipher = encryption->choice->cipher();
	int r;

	r = secret_alloc(&encryption->cek, (size_t)EVP_CIPHER_get_key_length(cipher));
	if (r < 0)
		return r;
	encryption->iv_len = encryption->choice->authenticated ? GCM_NONCE_BYTES : CBC_IV_BYTES;
	encryption->cipher = EVP_CIPHER_CTX_new();
	if (!encryption->cipher)
		return -SMIME_E_NO_MEMORY;
	/* OpenSSL's IV length for GCM is the 12 that is wanted. */
	if (RAND_priv_bytes(encryption->cek.data, (int)encryption->cek.len) != 1 ||
		RAND_bytes(encryption->iv, (int)encryption->iv_len) != 1 ||
		EVP_EncryptInit_ex2(encryption->cipher, cipher, encryption->cek.data, encryption->iv, NULL) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	return 0;
}

static int put_recipients(
	struct sink *sink, const struct secret *cek, X509 *const *certificates, size_t count, bool oaep, bool *ret_agreement) {
	_cleanup_(sink_freep) struct sink *set = NULL;
	bool agreement = false;
	int r;

	r = sink_to_memory(RECIPIENTS_MAX_BYTES, &set);
	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;

		r = recipient_make(certificates[i], cek, oaep, &info);
		if (r < 0)
			return r;
		agreement = agreement || info->type == CMS_RECIPIENT_KEY_AGREE;
		r = ber_put_value(set, info, cms_recipient_info_it());
	}
	if (r < 0)
		return r;
	r = ber_put(sink, BER_ID_SET, sink_memory(set));
	if (r == 0)
		*ret_agreement = agreement;
	return r;
}

DEFINE_CLEANUP(ASN1_STRING *, asn1_string_freep, ASN1_STRING_free)

/* The algorithm's parameter: the IV, or GCMParameters with the length of the tag spelled out. */
static ASN1_STRING *parameter_of(const struct encryption *encryption) {
	_cleanup_(cms_gcm_parameters_freep) struct cms_gcm_parameters *gcm = NULL;
	_cleanup_(asn1_string_freep) ASN1_STRING *iv = NULL;

	if (!encryption->choice->authenticated) {
		iv = ASN1_OCTET_STRING_new();
		return iv && ASN1_OCTET_STRING_set(iv, encryption->iv, (int)encryption->iv_len) == 1 ? TAKE(iv) : NULL;
	}
	gcm = cms_gcm_parameters_new();
	if (!gcm || !(gcm->icv_len = ASN1_INTEGER_new()) || ASN1_INTEGER_set(gcm->icv_len, GCM_TAG_BYTES) != 1 ||
		ASN1_OCTET_STRING_set(gcm->nonce, encryption->iv, (int)encryption->iv_len) != 1)
		return NULL;
	return ASN1_item_pack(gcm, cms_gcm_parameters_it(), NULL);
}

static int put_algorithm(struct sink *sink, const struct encryption *encryption) {
	_cleanup_(asn1_string_freep) ASN1_STRING *parameter = parameter_of(encryption);
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	int type = encryption->choice->authenticated ? V_ASN1_SEQUENCE : V_ASN1_OCTET_STRING;

	if (!parameter || !algorithm || X509_ALGOR_set0(algorithm, OBJ_nid2obj(encryption->choice->nid), type, parameter) != 1)
		return -SMIME_E_NO_MEMORY;
	parameter = NULL; /* handed over */
	return ber_put_value(sink, algorithm, ASN1_ITEM_rptr(X509_ALGOR));
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
		(r = put_algorithm(sink, encryption)) < 0 || (r = ber_put_begin(sink, BER_ID_CONTEXT_CONSTRUCTED)) < 0 ||
		(r = put_segments(sink, encryption, content)) < 0)
		return r;
	return ber_put_end(sink, 2);
}

static int put_tag(struct sink *sink, const struct encryption *encryption) {
	uint8_t tag[GCM_TAG_BYTES];

	if (!encryption->choice->authenticated)
		return 0;
	if (EVP_CIPHER_CTX_ctrl(encryption->cipher, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	return ber_put(sink, BER_ID_OCTET_STRING, (struct bytes){ tag, sizeof(tag) });
}

/* Version 0 as long as there are only RecipientInfos of version 0, else 2 (RFC 5652 6.1); AuthEnvelopedData has always 0. */
static int put_front(struct sink *sink, const struct encryption *encryption, struct bytes recipients, bool agreement) {
	int r;

	if ((r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0 ||
		(r = ber_put_object(sink, encryption->choice->authenticated ? OID_AUTH_ENVELOPED_DATA : OID_ENVELOPED_DATA)) < 0 ||
		(r = ber_put_begin(sink, BER_ID_CONTEXT_CONSTRUCTED)) < 0 || (r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0 ||
		(r = ber_put_integer(sink, agreement && !encryption->choice->authenticated ? 2 : 0)) < 0)
		return r;
	return sink_write(sink, recipients.data, recipients.len);
}

int enveloped_write(
	struct sink *sink, struct source *content, X509 *const *certificates, size_t certificate_count, const char *cipher, bool oaep) {
	_cleanup_(encryption_end) struct encryption encryption = { .choice = find_choice(cipher) };
	_cleanup_(sink_freep) struct sink *recipients = NULL;
	bool agreement = false;
	int r;

	if (!encryption.choice || certificate_count == 0)
		return -SMIME_E_USAGE;
	r = begin(&encryption);
	if (r < 0)
		return r;
	r = sink_to_memory(RECIPIENTS_MAX_BYTES, &recipients);
	if (r < 0)
		return r;
	r = put_recipients(recipients, &encryption.cek, certificates, certificate_count, oaep, &agreement);
	if (r < 0)
		return r;
	if ((r = put_front(sink, &encryption, sink_memory(recipients), agreement)) < 0 ||
		(r = put_content(sink, &encryption, content)) < 0 || (r = put_tag(sink, &encryption)) < 0)
		return r;
	return ber_put_end(sink, 3);
}
