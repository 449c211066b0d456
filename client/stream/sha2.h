/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SHA-256, SHA-384 and SHA-512 without EVP, whose first digest costs a process a fifth of a millisecond: as much as hashing 300 KB.
 * The functions beneath are the same.
 */
#ifndef STREAM_SHA2_H
#define STREAM_SHA2_H

#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "agent/wire/base.h"

struct sha2 {
	int nid;
	union {
		SHA256_CTX sha256;
		SHA512_CTX sha512;
	};
};

/* 0, or -SMIME_E_UNSUPPORTED for another digest. */
int sha2_begin(struct sha2 *sha2, const EVP_MD *md);
void sha2_update(struct sha2 *sha2, const uint8_t *data, size_t len);

/* Returns the length of the digest. */
unsigned sha2_end(struct sha2 *sha2, uint8_t ret_digest[SHA512_DIGEST_LENGTH]);

/* SHA-256 of what is in memory. */
void sha2_256(struct bytes data, uint8_t ret_digest[SHA256_DIGEST_LENGTH]);

#endif
