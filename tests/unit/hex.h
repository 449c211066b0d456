/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DER as tests write it: in hexadecimal digits. To be included behind cmocka.h.
 */
#ifndef TEST_HEX_H
#define TEST_HEX_H

#include <openssl/crypto.h>
#include <openssl/x509.h>

static inline void assert_hex(const uint8_t *data, int len, const char *hex) {
	long expected_len = 0;
	uint8_t *expected = OPENSSL_hexstr2buf(hex, &expected_len);

	assert_int_equal(len, expected_len);
	assert_memory_equal(data, expected, (size_t)len);
	OPENSSL_free(expected);
}

static inline X509_ALGOR *algorithm_from(const char *hex) {
	long len = 0;
	uint8_t *der = OPENSSL_hexstr2buf(hex, &len);
	const uint8_t *p = der;
	X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &p, len);

	assert_non_null(algorithm);
	OPENSSL_free(der);
	return algorithm;
}

#endif
