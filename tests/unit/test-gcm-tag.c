/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tag of GCM without decryption beside the one that OpenSSL makes when it encrypts: every length around a block, of content and of attributes,
 * with each key and with nonces of all kinds.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "client/cms/gcm-tag.h"
#include "smime/error.h"

enum { ROOM_BYTES = 70000 };

struct example {
	struct cms_cipher cipher;
	struct secret key;
	size_t attributes_len, len;
	uint8_t attributes[64], content[ROOM_BYTES], mac[16];
};

static void example_clear(struct example *example) {
	secret_clear(&example->key);
}

/* Encrypts content of zeros in place. */
static void example_make(const EVP_CIPHER *cipher, size_t iv_len, size_t attributes_len, size_t len, struct example *example) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n;

	*example = (struct example){ .cipher = { .cipher = cipher, .iv_len = iv_len }, .attributes_len = attributes_len, .len = len };
	assert_int_equal(secret_alloc(&example->key, (size_t)EVP_CIPHER_get_key_length(cipher)), 0);
	assert_int_equal(RAND_bytes(example->key.data, (int)example->key.len), 1);
	assert_int_equal(RAND_bytes(example->cipher.iv, (int)iv_len), 1);
	assert_int_equal(RAND_bytes(example->attributes, sizeof(example->attributes)), 1);
	assert_int_equal(EVP_EncryptInit_ex2(context, cipher, NULL, NULL, NULL), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_len, NULL), 1);
	assert_int_equal(EVP_EncryptInit_ex2(context, NULL, example->key.data, example->cipher.iv, NULL), 1);
	if (attributes_len > 0)
		assert_int_equal(EVP_EncryptUpdate(context, NULL, &n, example->attributes, (int)attributes_len), 1);
	assert_int_equal(EVP_EncryptUpdate(context, example->content, &n, example->content, (int)len), 1);
	assert_int_equal(EVP_EncryptFinal_ex(context, example->content + n, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, sizeof(example->mac), example->mac), 1);
	EVP_CIPHER_CTX_free(context);
}

/* In pieces of `piece` octets. */
static int check(const struct example *example, size_t piece, size_t mac_len) {
	_cleanup_(gcm_tag_freep) struct gcm_tag *tag = NULL;
	int r;

	assert_int_equal(
		gcm_tag_new(&example->cipher, &example->key, (struct bytes){ example->attributes, example->attributes_len }, &tag), 0);
	for (size_t at = 0; at < example->len; at += piece)
		assert_int_equal(gcm_tag_add(tag, example->content + at, example->len - at < piece ? example->len - at : piece), 0);
	r = gcm_tag_check(tag, (struct bytes){ example->mac, mac_len });
	assert_int_equal(ERR_peek_error(), 0);
	return r;
}

static void it_is_the_tag_of_gcm(void **state) {
	const EVP_CIPHER *ciphers[] = { EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm() };
	static const size_t iv_lens[] = { 1, 8, 12, 16, 64 }, attribute_lens[] = { 0, 1, 15, 16, 17, 31, 32, 64 };
	static const size_t lens[] = { 0, 1, 15, 16, 17, 32, 100, 255, 4096, 65535, ROOM_BYTES };

	for (size_t c = 0; c < ELEMENTSOF(ciphers); c++)
		for (size_t i = 0; i < ELEMENTSOF(iv_lens); i++)
			for (size_t a = 0; a < ELEMENTSOF(attribute_lens); a++)
				for (size_t l = 0; l < ELEMENTSOF(lens); l++) {
					_cleanup_(example_clear) struct example example;

					example_make(ciphers[c], iv_lens[i], attribute_lens[a], lens[l], &example);
					assert_int_equal(check(&example, 4099, 16), 0);
					assert_int_equal(check(&example, ROOM_BYTES, 12 + l % 5), 0);
				}
}

static void whatever_is_changed_is_found(void **state) {
	_cleanup_(example_clear) struct example example;

	example_make(EVP_aes_256_gcm(), 12, 21, 83, &example);
	for (size_t bit = 0; bit < 8 * example.len; bit++) {
		example.content[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(check(&example, 100, 16), -SMIME_E_INTEGRITY);
		example.content[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * example.attributes_len; bit++) {
		example.attributes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(check(&example, 100, 12), -SMIME_E_INTEGRITY);
		example.attributes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(example.mac); bit++) {
		example.mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(check(&example, 100, 16), -SMIME_E_INTEGRITY);
		example.mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(check(&example, 100, 16), 0);
}

/* The same octets with the border between attributes and content elsewhere, and zeros that only fill a block up. */
static void lengths_count(void **state) {
	_cleanup_(example_clear) struct example example;

	example_make(EVP_aes_128_gcm(), 12, 16, 48, &example);
	memset(example.attributes + 16, 0, 16);
	memset(example.content + 48, 0, 16);
	for (example.len = 32; example.len <= 64; example.len++)
		assert_int_equal(check(&example, 100, 16), example.len == 48 ? 0 : -SMIME_E_INTEGRITY);
	example.len = 48;
	for (example.attributes_len = 0; example.attributes_len <= 32; example.attributes_len++)
		assert_int_equal(check(&example, 100, 16), example.attributes_len == 16 ? 0 : -SMIME_E_INTEGRITY);
	memcpy(example.attributes + 16, example.content, 16);
	memmove(example.content, example.content + 16, 32);
	example.attributes_len = example.len = 32;
	assert_int_equal(check(&example, 100, 16), -SMIME_E_INTEGRITY);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_tag_of_gcm),
		cmocka_unit_test(whatever_is_changed_is_found),
		cmocka_unit_test(lengths_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
