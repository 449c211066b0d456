/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See padding.h. The decoders fold every condition into one mask; nothing returns early.
 */
#include "padding.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "smime/error.h"

enum { PKCS1_PADDING_MIN_BYTES = 8 };

size_t padding_digest_info(const EVP_MD *md, struct bytes digest, uint8_t out[DIGEST_INFO_MAX_BYTES]) {
	static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x00, 0x05, 0x00 };
	uint8_t last;

	if (EVP_MD_is_a(md, "SHA256"))
		last = 1;
	else if (EVP_MD_is_a(md, "SHA384"))
		last = 2;
	else if (EVP_MD_is_a(md, "SHA512"))
		last = 3;
	else
		return 0;
	if (digest.len != (size_t)EVP_MD_get_size(md))
		return 0;
	out[0] = 0x30;
	out[1] = (uint8_t)(sizeof(algorithm) + 2 + digest.len);
	memcpy(out + 2, algorithm, sizeof(algorithm));
	out[14] = last;
	out[17] = 0x04;
	out[18] = (uint8_t)digest.len;
	memcpy(out + 19, digest.data, digest.len);
	return 19 + digest.len;
}

int padding_emsa_pkcs1(struct bytes digest_info, uint8_t *em, size_t em_len) {
	if (em_len < digest_info.len + 3 + PKCS1_PADDING_MIN_BYTES)
		return -SMIME_E_KEY_UNUSABLE;
	em[0] = 0;
	em[1] = 1;
	memset(em + 2, 0xff, em_len - digest_info.len - 3);
	em[em_len - digest_info.len - 1] = 0;
	memcpy(em + em_len - digest_info.len, digest_info.data, digest_info.len);
	return 0;
}

/* XORs MGF1(seed) into `mask` (RFC 8017 B.2.1). */
static int mgf1_xor(const EVP_MD *md, const uint8_t *seed, size_t seed_len, uint8_t *mask, size_t mask_len) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t block[EVP_MAX_MD_SIZE], counter[4];
	size_t size = (size_t)EVP_MD_get_size(md), done = 0;
	int ok = context != NULL;

	for (uint32_t i = 0; ok && done < mask_len; i++) {
		write_be32(counter, i);
		ok = EVP_DigestInit_ex(context, md, NULL) == 1 && EVP_DigestUpdate(context, seed, seed_len) == 1 &&
			EVP_DigestUpdate(context, counter, sizeof(counter)) == 1 && EVP_DigestFinal_ex(context, block, NULL) == 1;
		for (size_t k = 0; ok && k < size && done < mask_len; k++)
			mask[done++] ^= block[k];
	}
	OPENSSL_cleanse(block, sizeof(block));
	EVP_MD_CTX_free(context);
	return ok ? 0 : -SMIME_E_INTERNAL;
}

/* H = Hash(eight zero bytes, digest, salt) */
static int pss_hash(const EVP_MD *md, struct bytes digest, const uint8_t *salt, size_t salt_len, uint8_t *h) {
	static const uint8_t zeros[8];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context && EVP_DigestInit_ex(context, md, NULL) == 1 && EVP_DigestUpdate(context, zeros, sizeof(zeros)) == 1 &&
		EVP_DigestUpdate(context, digest.data, digest.len) == 1 && EVP_DigestUpdate(context, salt, salt_len) == 1 &&
		EVP_DigestFinal_ex(context, h, NULL) == 1;

	EVP_MD_CTX_free(context);
	return ok ? 0 : -SMIME_E_INTERNAL;
}

int padding_emsa_pss(const EVP_MD *md, struct bytes digest, unsigned modulus_bits, uint8_t *em, size_t em_len) {
	uint8_t salt[EVP_MAX_MD_SIZE];
	size_t h_len = (size_t)EVP_MD_get_size(md);
	unsigned em_bits = modulus_bits - 1;
	size_t used = (em_bits + 7) / 8;

	if (used > em_len || used < 2 * h_len + 2 || digest.len != h_len)
		return -SMIME_E_KEY_UNUSABLE;
	memset(em, 0, em_len);
	em += em_len - used;
	size_t db_len = used - h_len - 1;
	if (RAND_bytes(salt, (int)h_len) != 1 || pss_hash(md, digest, salt, h_len, em + db_len) < 0)
		return -SMIME_E_INTERNAL;
	em[db_len - h_len - 1] = 1;
	memcpy(em + db_len - h_len, salt, h_len);
	if (mgf1_xor(md, em + db_len, h_len, em, db_len) < 0)
		return -SMIME_E_INTERNAL;
	em[0] &= (uint8_t)(0xff >> (8 * used - em_bits));
	em[used - 1] = 0xbc;
	return 0;
}

/* 0xff when x is 0, else 0 */
static uint8_t is_zero(uint8_t x) {
	return (uint8_t)(((uint32_t)x - 1) >> 8);
}

uint8_t padding_open_pkcs1(const uint8_t *em, size_t em_len, uint8_t *out, size_t len) {
	if (em_len < len + 3 + PKCS1_PADDING_MIN_BYTES)
		return 0;
	size_t separator = em_len - len - 1;
	uint8_t good = is_zero(em[0]) & is_zero(em[1] ^ 2) & is_zero(em[separator]);
	for (size_t i = 2; i < separator; i++)
		good &= (uint8_t)~is_zero(em[i]);
	memcpy(out, em + separator + 1, len);
	return good;
}

uint8_t padding_open_oaep(
	const EVP_MD *md, const EVP_MD *mgf1_md, struct bytes label, uint8_t *em, size_t em_len, uint8_t *out, size_t len) {
	uint8_t label_hash[EVP_MAX_MD_SIZE];
	size_t h_len = (size_t)EVP_MD_get_size(md);

	if (em_len < 2 * h_len + 2 + len ||
		EVP_Digest(label.data ? label.data : (const uint8_t *)"", label.len, label_hash, NULL, md, NULL) != 1)
		return 0;
	uint8_t *seed = em + 1, *db = em + 1 + h_len;
	size_t db_len = em_len - 1 - h_len;
	if (mgf1_xor(mgf1_md, db, db_len, seed, h_len) < 0 || mgf1_xor(mgf1_md, seed, h_len, db, db_len) < 0)
		return 0;
	uint8_t good = is_zero(em[0]) & is_zero(db[db_len - len - 1] ^ 1);
	for (size_t i = 0; i < h_len; i++)
		good &= is_zero(db[i] ^ label_hash[i]);
	for (size_t i = h_len; i < db_len - len - 1; i++)
		good &= is_zero(db[i]);
	memcpy(out, db + db_len - len, len);
	return good;
}

void padding_select(uint8_t mask, const uint8_t *a, const uint8_t *b, uint8_t *out, size_t len) {
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((a[i] & mask) | (b[i] & (uint8_t)~mask));
}
