/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See gcm-tag.h. OpenSSL gives GHASH to nobody, but computes GMAC: the tag of a message that is additional data alone. So the ciphertext goes in as
 * additional data, behind the attributes filled up to a block, as GCM itself would hash them. What differs then is the last block, the lengths:
 *
 *   the tag = GMAC ^ (right lengths ^ hashed lengths) * H     with H = AES(key, 0), in GF(2^128)
 *
 * Must never say more of a tag that is wrong than that it is.
 */
#include "gcm-tag.h"

#include <endian.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "smime/error.h"

enum { BLOCK_BYTES = 16 };

/* More than that one key stream doesn't reach: 2^32 - 2 blocks (SP 800-38D 5.2.1.1). */
static const uint64_t ciphertext_max_bytes = ((UINT64_C(1) << 32) - 2) * BLOCK_BYTES;

/* Bits as GCM counts them: the first is the highest one of `high`. */
struct element {
	uint64_t high, low;
};

struct gcm_tag {
	EVP_CIPHER_CTX *gmac;
	struct element h;
	uint64_t attributes_len, padded_len, len;
};

struct gcm_tag *gcm_tag_free(struct gcm_tag *tag) {
	if (!tag)
		return NULL;
	EVP_CIPHER_CTX_free(tag->gmac);
	OPENSSL_cleanse(&tag->h, sizeof(tag->h));
	free(tag);
	return NULL;
}

static struct element element_load(const uint8_t block[BLOCK_BYTES]) {
	struct element element;

	memcpy(&element, block, BLOCK_BYTES);
	return (struct element){ be64toh(element.high), be64toh(element.low) };
}

static void element_store(struct element element, uint8_t ret_block[BLOCK_BYTES]) {
	element = (struct element){ htobe64(element.high), htobe64(element.low) };
	memcpy(ret_block, &element, BLOCK_BYTES);
}

/* SP 800-38D 6.3, without a branch that depends on `y`, which is secret. */
static struct element multiply(struct element x, struct element y) {
	struct element product = { 0, 0 };

	for (unsigned i = 0; i < 128; i++) {
		uint64_t bit = (i < 64 ? x.high >> (63 - i) : x.low >> (127 - i)) & 1;
		uint64_t carry = y.low & 1;

		product.high ^= y.high & -bit;
		product.low ^= y.low & -bit;
		y.low = y.low >> 1 | y.high << 63;
		y.high = y.high >> 1 ^ (UINT64_C(0xe1) << 56 & -carry);
	}
	return product;
}

static const EVP_CIPHER *block_cipher(size_t key_len) {
	return key_len == 32 ? EVP_aes_256_ecb() : key_len == 24 ? EVP_aes_192_ecb() : EVP_aes_128_ecb();
}

static bool derive_h(const struct secret *key, struct element *ret_h) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t block[BLOCK_BYTES] = { 0 };
	int n;
	bool ok = context && EVP_EncryptInit_ex2(context, block_cipher(key->len), key->data, NULL, NULL) == 1 &&
		EVP_EncryptUpdate(context, block, &n, block, BLOCK_BYTES) == 1 && n == BLOCK_BYTES;

	EVP_CIPHER_CTX_free(context);
	if (ok)
		*ret_h = element_load(block);
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

static bool hash(struct gcm_tag *tag, const uint8_t *data, size_t len) {
	int n;

	return len == 0 || EVP_EncryptUpdate(tag->gmac, NULL, &n, data, (int)len) == 1;
}

static bool hash_attributes(struct gcm_tag *tag, struct bytes attributes) {
	static const uint8_t zeros[BLOCK_BYTES];
	size_t padding = -attributes.len % BLOCK_BYTES;

	tag->attributes_len = attributes.len;
	tag->padded_len = attributes.len + padding;
	return hash(tag, attributes.data, attributes.len) && hash(tag, zeros, padding);
}

static bool begin(struct gcm_tag *tag, const struct cms_cipher *cipher, const struct secret *key, struct bytes attributes) {
	return EVP_EncryptInit_ex2(tag->gmac, cipher->cipher, NULL, NULL, NULL) == 1 &&
		EVP_CIPHER_CTX_ctrl(tag->gmac, EVP_CTRL_AEAD_SET_IVLEN, (int)cipher->iv_len, NULL) == 1 &&
		EVP_EncryptInit_ex2(tag->gmac, NULL, key->data, cipher->iv, NULL) == 1 && derive_h(key, &tag->h) &&
		hash_attributes(tag, attributes);
}

int gcm_tag_new(const struct cms_cipher *cipher, const struct secret *key, struct bytes attributes, struct gcm_tag **ret_tag) {
	_cleanup_(gcm_tag_freep) struct gcm_tag *tag = calloc(1, sizeof(*tag));

	if (!tag || !(tag->gmac = EVP_CIPHER_CTX_new()))
		return -SMIME_E_NO_MEMORY;
	if (!begin(tag, cipher, key, attributes)) {
		ERR_clear_error();
		return -SMIME_E_UNSUPPORTED;
	}
	*ret_tag = TAKE(tag);
	return 0;
}

int gcm_tag_add(struct gcm_tag *tag, const uint8_t *data, size_t len) {
	tag->len += len;
	if (tag->len <= ciphertext_max_bytes && hash(tag, data, len))
		return 0;
	ERR_clear_error();
	return -SMIME_E_INTEGRITY;
}

/* What the lengths that GMAC has hashed make of the tag is taken out, and what the right ones make is put in. */
static void correct_lengths(const struct gcm_tag *tag, uint8_t block[BLOCK_BYTES]) {
	struct element lengths = { (tag->attributes_len ^ (tag->padded_len + tag->len)) * 8, tag->len * 8 };
	struct element term = multiply(lengths, tag->h), sum = element_load(block);

	element_store((struct element){ sum.high ^ term.high, sum.low ^ term.low }, block);
}

int gcm_tag_check(struct gcm_tag *tag, struct bytes mac) {
	uint8_t block[BLOCK_BYTES];
	int n;
	bool ok = mac.len <= BLOCK_BYTES && EVP_EncryptFinal_ex(tag->gmac, block, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(tag->gmac, EVP_CTRL_AEAD_GET_TAG, BLOCK_BYTES, block) == 1;

	if (ok) {
		correct_lengths(tag, block);
		ok = CRYPTO_memcmp(block, mac.data, mac.len) == 0;
	}
	OPENSSL_cleanse(block, sizeof(block));
	ERR_clear_error();
	return ok ? 0 : -SMIME_E_INTEGRITY;
}
