/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The private-key operations of a token, each exactly once for a request: sign, decrypt, derive. What a token lacks is
 * completed in software from its raw RSA.
 */
#ifndef TOKEN_PRIVATE_KEY_H
#define TOKEN_PRIVATE_KEY_H

#include <openssl/evp.h>

#include "login.h"

/*
 * Signs a message: its digest with RSASSA-PKCS1-v1_5, RSASSA-PSS (MGF1 with the same digest, salt of its length) or ECDSA (DER), or
 * the message itself with Ed25519 (RFC 8032 PureEdDSA; `md` does not matter then). The caller frees *ret_signature. -SMIME_E_MECHANISM names what the token lacks; errors of login and cryptoki_fault().
 */
int private_key_sign(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, bool pss, struct bytes message,
	uint8_t **ret_signature, size_t *ret_len, struct fault *fault);

/* How a key was encrypted. */
struct rsa_scheme {
	bool oaep;
	const EVP_MD *md, *mgf1_md; /* OAEP */
	struct bytes label;         /* OAEP */
};

/*
 * Decrypts an encrypted content-encryption key of exactly `out_len` bytes with one C_Decrypt. What is wrong with the data never
 * shows: `ret_good` is 0xff or 0 for constant-time selection, and `out` is undefined when it is 0. Errors are those of the
 * token and the login alone.
 */
int private_key_decrypt(struct operation *operation, const struct inventory_key *key, const struct rsa_scheme *scheme,
	struct bytes encrypted, uint8_t *out, size_t out_len, uint8_t *ret_good, struct fault *fault);

/*
 * ECDH with a peer's uncompressed point, which is on the key's curve: the x coordinate (SEC 1 3.3.1); X25519 and X448 with its octets: the
 * result as RFC 7748 has it, which is never zero.
 */
int private_key_derive(
	struct operation *operation, const struct inventory_key *key, struct bytes point, struct secret *ret_z, struct fault *fault);

#endif
