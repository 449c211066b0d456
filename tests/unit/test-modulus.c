/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CVE-2017-15361: moduli whose primes are made as published (Nemec et al., "The Return of Coppersmith's Attack", 2017) are told from others,
 * in keys of each size, and no other is taken for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/policy/evidence-parts.h"

#include <openssl/bn.h>
#include <openssl/evp.h>

enum { PRIMES = 26, PRIME_BITS = 512 };

static BN_CTX *context;

static int setup(void **state) {
	context = BN_CTX_new();
	return context ? 0 : -1;
}

static int teardown(void **state) {
	BN_CTX_free(context);
	return 0;
}

/* The product of so many primes, from 2 on. */
static BIGNUM *primorial(unsigned count) {
	BIGNUM *product = BN_new();

	assert_int_equal(BN_one(product), 1);
	for (BN_ULONG n = 2; count > 0; n++) {
		bool prime = true;

		for (BN_ULONG d = 2; d * d <= n && prime; d++)
			prime = n % d != 0;
		if (prime) {
			assert_int_equal(BN_mul_word(product, n), 1);
			count--;
		}
	}
	return product;
}

/* k * M + (65537^a mod M) of so many bits. `step` is added: with 2 it is of another form. */
static BIGNUM *make_prime(const BIGNUM *m, int bits, BN_ULONG step) {
	BIGNUM *p = BN_new(), *k = BN_new(), *a = BN_new(), *g = BN_new();
	int k_bits = bits - BN_num_bits(m);

	assert_int_equal(BN_set_word(g, 65537), 1);
	do {
		assert_int_equal(BN_rand(k, k_bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY), 1);
		assert_int_equal(BN_rand(a, 256, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), 1);
		assert_int_equal(BN_mod_exp(p, g, a, m, context), 1);
		assert_int_equal(BN_mul(k, k, m, context), 1);
		assert_int_equal(BN_add(p, p, k), 1);
		assert_int_equal(BN_add_word(p, step), 1);
	} while (BN_check_prime(p, context, NULL) != 1);
	BN_free(k);
	BN_free(a);
	BN_free(g);
	return p;
}

static bool is_weak(const BIGNUM *p, const BIGNUM *q) {
	BIGNUM *n = BN_new();
	bool weak;

	assert_int_equal(BN_mul(n, p, q, context), 1);
	weak = evidence_modulus_is_weak(n);
	BN_free(n);
	return weak;
}

/* How many primes M has depends on the size of the key. */
static void such_a_modulus_is_told(void **state) {
	static const struct {
		int bits;
		unsigned primes;
	} sizes[] = { { 512, 39 }, { 1024, 71 }, { 2048, 126 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		BIGNUM *m = primorial(sizes[i].primes);

		for (int round = 0; round < 3; round++) {
			BIGNUM *p = make_prime(m, sizes[i].bits / 2, 0), *q = make_prime(m, sizes[i].bits / 2, 0);

			assert_true(is_weak(p, q));
			BN_free(p);
			BN_free(q);
		}
		BN_free(m);
	}
}

static void two_such_primes_are_needed(void **state) {
	BIGNUM *m = primorial(71), *p = make_prime(m, 512, 0), *q = make_prime(m, 512, 2), *r = make_prime(m, 512, 2);

	assert_false(is_weak(p, q));
	assert_false(is_weak(q, r));
	BN_free(p);
	BN_free(q);
	BN_free(r);
	BN_free(m);
}

/* The first prime behind a hash: the same ones each time, since one in 238 million of others would make a modulus that is taken for one. */
static BIGNUM *plain_prime(uint8_t number) {
	uint8_t hash[PRIME_BITS / 8];
	BIGNUM *p;

	assert_int_equal(EVP_Digest(&number, 1, hash, NULL, EVP_sha512(), NULL), 1);
	hash[0] |= 0xc0;
	hash[sizeof(hash) - 1] |= 1;
	p = BN_bin2bn(hash, sizeof(hash), NULL);
	while (BN_check_prime(p, context, NULL) != 1)
		assert_int_equal(BN_add_word(p, 2), 1);
	return p;
}

/* Each with each other: 325 moduli. */
static void no_other_modulus_is_taken_for_one(void **state) {
	BIGNUM *primes[PRIMES];

	for (size_t i = 0; i < PRIMES; i++) {
		primes[i] = plain_prime((uint8_t)i);
		for (size_t k = 0; k < i; k++)
			assert_false(is_weak(primes[i], primes[k]));
	}
	for (size_t i = 0; i < PRIMES; i++)
		BN_free(primes[i]);
}

static void what_is_no_modulus_is_not_weak(void **state) {
	BIGNUM *n = BN_new();

	assert_false(evidence_modulus_is_weak(n));
	for (int bit = 0; bit < 4096; bit += 101) {
		BN_zero(n);
		assert_int_equal(BN_set_bit(n, bit), 1);
		assert_false(evidence_modulus_is_weak(n));
	}
	/* A power of the generator it is, and too short for a key. */
	assert_int_equal(BN_set_word(n, 65537), 1);
	assert_false(evidence_modulus_is_weak(n));
	BN_free(n);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(such_a_modulus_is_told),
		cmocka_unit_test(two_such_primes_are_needed),
		cmocka_unit_test(no_other_modulus_is_taken_for_one),
		cmocka_unit_test(what_is_no_modulus_is_not_weak),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
