/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See sha2.h. OpenSSL 3 calls these functions deprecated, in favour of those that look the algorithm up.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sha2.h"

#include "smime/error.h"

int sha2_begin(struct sha2 *sha2, const EVP_MD *md) {
	sha2->nid = EVP_MD_get_type(md);
	switch (sha2->nid) {
	case NID_sha256:
		(void)SHA256_Init(&sha2->sha256);
		return 0;
	case NID_sha384:
		(void)SHA384_Init(&sha2->sha512);
		return 0;
	case NID_sha512:
		(void)SHA512_Init(&sha2->sha512);
		return 0;
	default:
		return -SMIME_E_UNSUPPORTED;
	}
}

void sha2_update(struct sha2 *sha2, const uint8_t *data, size_t len) {
	if (sha2->nid == NID_sha256)
		(void)SHA256_Update(&sha2->sha256, data, len);
	else
		(void)SHA512_Update(&sha2->sha512, data, len);
}

/* SHA-384 and SHA-512 end in the same way: the context knows how long its digest is. */
unsigned sha2_end(struct sha2 *sha2, uint8_t ret_digest[SHA512_DIGEST_LENGTH]) {
	if (sha2->nid == NID_sha256)
		(void)SHA256_Final(ret_digest, &sha2->sha256);
	else
		(void)SHA512_Final(ret_digest, &sha2->sha512);
	return sha2->nid == NID_sha256 ? SHA256_DIGEST_LENGTH : sha2->nid == NID_sha384 ? SHA384_DIGEST_LENGTH : SHA512_DIGEST_LENGTH;
}

void sha2_256(struct bytes data, uint8_t ret_digest[SHA256_DIGEST_LENGTH]) {
	SHA256_CTX context;

	(void)SHA256_Init(&context);
	(void)SHA256_Update(&context, data.data, data.len);
	(void)SHA256_Final(ret_digest, &context);
}
