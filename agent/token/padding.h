/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RSA encodings in software, for tokens that only do raw RSA (RFC 8017). Encoding for signatures; decoding, for a key of known
 * length, without branches or memory accesses that depend on what was decrypted.
 */
#ifndef TOKEN_PADDING_H
#define TOKEN_PADDING_H

#include <openssl/evp.h>

#include "agent/wire/base.h"

enum { DIGEST_INFO_MAX_BYTES = 19 + 64 };

/* DigestInfo of a SHA-2 digest (RFC 8017 9.2 note 1). Returns its length, 0 for another digest. */
size_t padding_digest_info(const EVP_MD *md, struct bytes digest, uint8_t out[DIGEST_INFO_MAX_BYTES]);

/* EMSA-PKCS1-v1_5 around a DigestInfo. 0, -SMIME_E_KEY_UNUSABLE when the key is too short. */
int padding_emsa_pkcs1(struct bytes digest_info, uint8_t *em, size_t em_len);

/* EMSA-PSS with MGF1 and a salt of the digest's length (RFC 8017 9.1.1). 0, -SMIME_E_KEY_UNUSABLE, -SMIME_E_INTERNAL. */
int padding_emsa_pss(const EVP_MD *md, struct bytes digest, unsigned modulus_bits, uint8_t *em, size_t em_len);

/* EME-PKCS1-v1_5 of a message of exactly `len` bytes. Writes the last `len` bytes to `out`; returns 0xff when all is as it must be, else 0. */
uint8_t padding_open_pkcs1(const uint8_t *em, size_t em_len, uint8_t *out, size_t len);

/* EME-OAEP likewise (RFC 8017 7.1.2). `em` is overwritten. */
uint8_t padding_open_oaep(
	const EVP_MD *md, const EVP_MD *mgf1_md, struct bytes label, uint8_t *em, size_t em_len, uint8_t *out, size_t len);

/* out = mask ? a : b, byte by byte; mask 0xff or 0. */
void padding_select(uint8_t mask, const uint8_t *a, const uint8_t *b, uint8_t *out, size_t len);

#endif
