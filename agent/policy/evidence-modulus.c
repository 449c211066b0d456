/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CVE-2017-15361 (ROCA): primes of the form k * M + (65537^a mod M), M being the product of the first primes. So is their product a power of
 * 65537 modulo each of those primes; of other moduli one in 238 million is, for those that are asked here. See evidence-parts.h.
 */
#include "evidence-parts.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "agent/wire/base.h"

enum { GENERATOR = 65537, BITS_MIN = 256 }; /* what is shorter is no key */

/* The first 39 but 2: M has them for keys of every size. */
static const uint8_t primes[] = { 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
	107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167 };

/* What could not be computed counts as one. */
static bool is_power(BN_ULONG remainder, unsigned prime) {
	unsigned power = 1;

	do {
		if (power == remainder || remainder >= prime)
			return true;
		power = power * (GENERATOR % prime) % prime;
	} while (power != 1);
	return false;
}

bool evidence_modulus_is_weak(const BIGNUM *modulus) {
	bool weak = BN_num_bits(modulus) >= BITS_MIN;

	for (size_t i = 0; weak && i < sizeof(primes); i++)
		weak = is_power(BN_mod_word(modulus, primes[i]), primes[i]);
	return weak;
}

bool evidence_key_is_weak(const X509 *certificate) {
	const EVP_PKEY *public = X509_get0_pubkey(certificate);
	BIGNUM *modulus = NULL;
	bool rsa = public && (EVP_PKEY_is_a(public, "RSA") || EVP_PKEY_is_a(public, "RSA-PSS"));
	bool weak = rsa && (EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1 || evidence_modulus_is_weak(modulus));

	BN_free(modulus);
	ERR_clear_error();
	return weak;
}
