/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run of `smime` is mostly its start, so OpenSSL does no more of it than is used; see start.h.
 *
 * Reading openssl.cnf takes a third of a millisecond, and nothing here asks for what it could set. The names of all its digests and ciphers,
 * which it would copy into the first look-up of any algorithm, take another third. The texts of its errors are never shown, and memory need
 * not be given back by a process that ends.
 */
#include "start.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* The digests that signatures of certificates and CRLs use, which OpenSSL looks for by name. */
static void add_digests(void) {
	const EVP_MD *const digests[] = {
		EVP_md5(),
		EVP_sha1(),
		EVP_sha224(),
		EVP_sha256(),
		EVP_sha384(),
		EVP_sha512(),
		EVP_sha512_224(),
		EVP_sha512_256(),
		EVP_sha3_224(),
		EVP_sha3_256(),
		EVP_sha3_384(),
		EVP_sha3_512(),
	};

	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		(void)EVP_add_digest(digests[i]);
}

void start_openssl(void) {
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
			OPENSSL_INIT_NO_ADD_ALL_DIGESTS | START_AT_END,
		NULL);
	add_digests();
}
