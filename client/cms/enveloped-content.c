/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decrypted content of a message as a source.
 *
 * Every failure that depends on the key is -SMIME_E_INTEGRITY and nothing else: a wrong key, a changed message and bad padding
 * must look the same. With GCM or ChaCha20-Poly1305, what a pass yields is not authenticated before its end: the caller checks one pass first.
 */
#include "enveloped.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "content-info.h"
#include "enveloped-walk.h"
#include "gcm-tag.h"
#include "smime/error.h"

enum {
	DECRYPT_SLACK_BYTES = 32,    /* what EVP may give beyond its input: the block that it held back */
	DECRYPT_ENOUGH_BYTES = 4096, /* room that is not worth another segment */
};

struct content {
	struct source *cms;
	struct cms_cipher cipher;
	struct secret cek;
	uint8_t *auth_attributes;
	size_t auth_attributes_len;
	uint8_t mac[16];
	size_t mac_len;
};

struct content_pass {
	struct reader *in;
	struct ber ber;
	struct ber_octets octets;
	EVP_CIPHER_CTX *cipher;
	bool ended;
};

static void content_free(void *self) {
	struct content *content = self;

	source_unref(content->cms);
	secret_clear(&content->cek);
	free(content->auth_attributes);
	free(content);
}

static void content_freep(struct content **content) {
	if (*content)
		content_free(*content);
}

static void content_close(void *state) {
	struct content_pass *pass = state;

	EVP_CIPHER_CTX_free(pass->cipher);
	reader_close(pass->in);
	free(pass);
}

/* The scan has seen all of this already, so only its form is of interest. */
static int find_content(struct content_pass *pass) {
	struct ber *ber = &pass->ber;
	bool authenticated;
	int r;

	r = enveloped_enter(ber, &authenticated);
	if (r < 0)
		return r;
	r = content_next_is(ber, BER_CONTEXT, 0);
	if (r == 1)
		r = ber_skip(ber); /* originatorInfo */
	if (r < 0)
		return r;
	r = ber_skip(ber); /* recipientInfos */
	if (r < 0)
		return r;
	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	r = ber_skip(ber); /* contentType */
	if (r < 0)
		return r;
	r = ber_skip(ber); /* contentEncryptionAlgorithm */
	return r < 0 ? r : enveloped_octets_begin(ber, &pass->octets);
}

void enveloped_prepare(const struct enveloped *enveloped) {
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

	if (cipher && EVP_DecryptInit_ex2(cipher, enveloped->cipher.cipher, NULL, NULL, NULL) != 1)
		ERR_clear_error();
	EVP_CIPHER_CTX_free(cipher);
}

static bool begin_cipher(EVP_CIPHER_CTX *cipher, const struct content *content) {
	const struct cms_cipher *with = &content->cipher;
	int n;

	if (EVP_DecryptInit_ex2(cipher, with->cipher, NULL, NULL, NULL) != 1)
		return false;
	if (with->mode != CMS_MODE_CBC && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)with->iv_len, NULL) != 1)
		return false;
	if (EVP_DecryptInit_ex2(cipher, NULL, content->cek.data, with->iv, NULL) != 1)
		return false;
	if (with->mode == CMS_MODE_CBC)
		return true;
	if (EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, (int)content->mac_len, (uint8_t *)(uintptr_t)content->mac) != 1)
		return false;
	return content->auth_attributes_len == 0 ||
		EVP_DecryptUpdate(cipher, NULL, &n, content->auth_attributes, (int)content->auth_attributes_len) == 1;
}

/* At the ciphertext. */
static int open_ciphertext(struct content_pass *pass, const struct content *content) {
	int r;

	r = source_open(content->cms, &pass->in);
	if (r < 0)
		return r;
	reader_read_ahead(pass->in);
	ber_init(&pass->ber, pass->in);
	return find_content(pass);
}

static int open_pass(struct content_pass *pass, const struct content *content) {
	int r;

	r = open_ciphertext(pass, content);
	if (r < 0)
		return r;
	pass->cipher = EVP_CIPHER_CTX_new();
	if (!pass->cipher)
		return -SMIME_E_NO_MEMORY;
	if (!begin_cipher(pass->cipher, content)) {
		ERR_clear_error();
		return -SMIME_E_UNSUPPORTED;
	}
	return 0;
}

static int content_open(void *self, void **ret_state) {
	struct content_pass *pass = calloc(1, sizeof(*pass));
	int r;

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	r = open_pass(pass, self);
	if (r < 0) {
		content_close(pass);
		return r;
	}
	*ret_state = pass;
	return 0;
}

static int finish(struct content_pass *pass, uint8_t *dst, int *ret_len) {
	pass->ended = true;
	if (EVP_DecryptFinal_ex(pass->cipher, dst, ret_len) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTEGRITY;
	}
	return 0;
}

/* What is in memory of the current segment, or the end, goes from the reader's buffer to `dst`. */
static int decrypt_some(struct content_pass *pass, uint8_t *dst, size_t cap, int *ret_len) {
	const uint8_t *data;
	size_t len;
	int r;

	r = ber_octets_peek(&pass->ber, &pass->octets, &data, &len);
	if (r < 0)
		return r;
	if (len == 0)
		return finish(pass, dst, ret_len);
	if (len > cap - DECRYPT_SLACK_BYTES)
		len = cap - DECRYPT_SLACK_BYTES;
	if (EVP_DecryptUpdate(pass->cipher, dst, ret_len, data, (int)len) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTEGRITY;
	}
	ber_octets_consume(&pass->ber, &pass->octets, len);
	return 0;
}

static ssize_t content_read(void *state, uint8_t *dst, size_t cap) {
	struct content_pass *pass = state;
	size_t n = 0;
	int len, r;

	while (!pass->ended && (n == 0 || cap - n >= DECRYPT_ENOUGH_BYTES)) {
		r = decrypt_some(pass, dst + n, cap - n, &len);
		if (r < 0)
			return r;
		n += (size_t)len;
	}
	return (ssize_t)n;
}

static int hash_ciphertext(struct content_pass *pass, struct gcm_tag *tag, uint64_t *ret_len) {
	uint64_t total = 0;
	const uint8_t *data;
	size_t len;
	int r;

	while ((r = ber_octets_peek(&pass->ber, &pass->octets, &data, &len)) == 0 && len > 0) {
		r = gcm_tag_add(tag, data, len);
		if (r < 0)
			return r;
		ber_octets_consume(&pass->ber, &pass->octets, len);
		total += len;
	}
	*ret_len = total;
	return r;
}

/* Whether ciphertext of GCM is whole shows without decrypting it. */
static int content_measure(void *self, uint64_t *ret_len) {
	_cleanup_(gcm_tag_freep) struct gcm_tag *tag = NULL;
	struct content_pass pass = { .ended = false };
	const struct content *content = self;
	struct bytes attributes = { content->auth_attributes, content->auth_attributes_len };
	int r = content->cipher.mode == CMS_MODE_GCM ? open_ciphertext(&pass, content) : 1;

	if (r == 0)
		r = gcm_tag_new(&content->cipher, &content->cek, attributes, &tag);
	if (r == 0)
		r = hash_ciphertext(&pass, tag, ret_len);
	if (r == 0)
		r = gcm_tag_check(tag, (struct bytes){ content->mac, content->mac_len });
	reader_close(pass.in);
	return r;
}

static const struct source_ops content_ops = {
	.open = content_open,
	.read = content_read,
	.close = content_close,
	.free = content_free,
	.measure = content_measure,
};

static int copy_attributes(struct content *content, const struct enveloped *enveloped) {
	if (enveloped->auth_attributes_len == 0)
		return 0;
	content->auth_attributes = malloc(enveloped->auth_attributes_len);
	if (!content->auth_attributes)
		return -SMIME_E_NO_MEMORY;
	memcpy(content->auth_attributes, enveloped->auth_attributes, enveloped->auth_attributes_len);
	content->auth_attributes_len = enveloped->auth_attributes_len;
	return 0;
}

int enveloped_content(struct source *cms, const struct enveloped *enveloped, const struct secret *cek, struct source **ret_content) {
	_cleanup_(content_freep) struct content *content = NULL;
	struct source *source;
	int r;

	if (cek->len != enveloped->cipher.key_len)
		return -SMIME_E_INTEGRITY;
	content = calloc(1, sizeof(*content));
	if (!content)
		return -SMIME_E_NO_MEMORY;
	content->cms = source_ref(cms);
	content->cipher = enveloped->cipher;
	memcpy(content->mac, enveloped->mac, enveloped->mac_len);
	content->mac_len = enveloped->mac_len;
	r = secret_set(&content->cek, cek->data, cek->len);
	if (r < 0)
		return r;
	r = copy_attributes(content, enveloped);
	if (r < 0)
		return r;
	source = source_new(&content_ops, TAKE(content));
	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_content = source;
	return 0;
}
