/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See algorithms.h. What is lacking for one request alone (ciphers, key derivation) fails it in sight, and is not looked up here.
 */
#include "algorithms.h"

#include <stdbool.h>

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "agent/wire/base.h"
#include "smime/error.h"

/*
 * Whether an algorithm that is not there may be missing: a build of OpenSSL can be without it, or be told to do without it, but for what
 * all of them have. Not every lack of memory leaves an error, so that of those nothing else is believed.
 */
static bool may_be_missing(bool required) {
	bool lacked_memory = false;
	unsigned long error;

	while ((error = ERR_get_error()))
		lacked_memory = lacked_memory || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return !required && !lacked_memory;
}

static bool have_key_types(void) {
	static const char *const names[] = { "RSA", "EC", "RSA-PSS", "ED25519", "ED448", "X25519", "X448" };
	enum { REQUIRED = 2 };
	bool whole = true;

	for (size_t i = 0; whole && i < ELEMENTSOF(names); i++) {
		EVP_KEYMGMT *type = EVP_KEYMGMT_fetch(NULL, names[i], NULL);
		OSSL_DECODER *decoder = OSSL_DECODER_fetch(NULL, names[i], "input=der,structure=SubjectPublicKeyInfo");

		whole = (type && decoder) || may_be_missing(i < REQUIRED);
		EVP_KEYMGMT_free(type);
		OSSL_DECODER_free(decoder);
	}
	return whole;
}

static bool have_signatures(void) {
	static const char *const names[] = { "RSA", "ECDSA", "ED25519", "ED448" };
	enum { REQUIRED = 2 };
	bool whole = true;

	for (size_t i = 0; whole && i < ELEMENTSOF(names); i++) {
		EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL, names[i], NULL);

		whole = signature || may_be_missing(i < REQUIRED);
		EVP_SIGNATURE_free(signature);
	}
	return whole;
}

/* In the table of OpenSSL 3 and in that of its older interfaces, by which signatures of certificates name them. */
static bool have_digests(void) {
	static const int names[] = { NID_sha1, NID_sha224, NID_sha256, NID_sha384, NID_sha512, NID_sha3_256, NID_sha3_384, NID_sha3_512,
		NID_shake256 };
	enum { REQUIRED = 5 }; /* OpenSSL itself remembers certificates by SHA-1 */
	bool whole = true;

	for (size_t i = 0; whole && i < ELEMENTSOF(names); i++) {
		EVP_MD *digest = EVP_MD_fetch(NULL, OBJ_nid2sn(names[i]), NULL);

		whole = (digest && EVP_get_digestbynid(names[i])) || may_be_missing(i < REQUIRED);
		EVP_MD_free(digest);
	}
	return whole;
}

/* OpenSSL sets this up once, too; without it, it reads nothing. */
static bool have_errors(void) {
	ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	return ERR_get_error() != 0;
}

int algorithms_load(void) {
	bool whole = have_errors() && have_key_types() && have_signatures() && have_digests();

	ERR_clear_error();
	return whole ? 0 : -SMIME_E_NO_MEMORY;
}
