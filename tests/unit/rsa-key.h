/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RSA keys for unit tests, made by another program, since making one takes valgrind half a minute.
 */
#ifndef TEST_RSA_KEY_H
#define TEST_RSA_KEY_H

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

static inline EVP_PKEY *rsa_key_make(unsigned bits) {
	char command[100];
	FILE *made;
	EVP_PKEY *key;

	(void)snprintf(command, sizeof(command), "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:%u", bits);
	made = popen(command, "r");
	assert_non_null(made);
	key = PEM_read_PrivateKey(made, NULL, NULL, NULL);
	assert_int_equal(pclose(made), 0);
	assert_non_null(key);
	return key;
}

#endif
