/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signature value of a SignerInfo: what its algorithms ask for (RFC 5754, 4056, 5753, 8419), and whether it matches.
 *
 * Reading is an allow-list. Says whether a value verifies with a key, never whether that key is anybody's.
 */
#ifndef LIB_SIGNATURE_H
#define LIB_SIGNATURE_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/wire/base.h"

enum {
	SIGNATURE_KEY_MAX_BITS = 8192,    /* of RSA and DSA (RFC 8550 4.3): more is nobody's key, but costs much time */
	SIGNATURE_EXPONENT_MAX_BITS = 64, /* of RSA */
};

enum signature_scheme { SIGNATURE_RSA_V15, SIGNATURE_RSA_PSS, SIGNATURE_ECDSA, SIGNATURE_ED25519, SIGNATURE_DSA };

struct signature_algorithm {
	enum signature_scheme scheme;
	const EVP_MD *md; /* of the content, and of the signed attributes: RFC 8933 wants one for both */
	int salt_len;     /* of PSS */
};

/*
 * Reads digestAlgorithm and signatureAlgorithm. -SMIME_E_UNSUPPORTED: not known here; -SMIME_E_SIGNATURE: the two contradict each
 * other or their standard. Then *ret_why is a static text that says what is wrong.
 */
int signature_read(const X509_ALGOR *digest, const X509_ALGOR *signature, struct signature_algorithm *ret_algorithm, const char **ret_why);

/*
 * Whether `value` is the key's signature over `message`, or, when message.data is NULL, over something whose digest is `digest`.
 * Returns 0; -SMIME_E_SIGNATURE: it is not; -SMIME_E_UNSUPPORTED: the key is too large to be tried, or pure EdDSA has no message;
 * -SMIME_E_KEY_UNUSABLE: `key` is NULL, since nobody here can read it.
 */
int signature_verify(
	const struct signature_algorithm *algorithm, EVP_PKEY *key, struct bytes message, struct bytes digest, struct bytes value);

/* Whether two AlgorithmIdentifiers say the same, in whatever encoding: absent parameters, NULL and defaults are equal (RFC 6211 3). */
bool signature_algorithm_equal(const X509_ALGOR *a, const X509_ALGOR *b);

/* "PKCS#1 v1.5", "PSS", "ECDSA", "Ed25519", "DSA" */
const char *signature_scheme_name(enum signature_scheme scheme);

/* What is weak about an algorithm or a key (NULL: unknown) by today's measure, as a static text; NULL: nothing. */
const char *signature_weakness(const struct signature_algorithm *algorithm, const EVP_PKEY *key);

#endif
