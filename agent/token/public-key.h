/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public keys from what PKCS#11 objects say of them, and their name: the SHA-256 of the SubjectPublicKeyInfo.
 *
 * Sees public values only.
 */
#ifndef TOKEN_PUBLIC_KEY_H
#define TOKEN_PUBLIC_KEY_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/wire/base.h"
#include "agent/wire/limits.h"

enum { EC_POINT_MAX_BYTES = 1 + 2 * 66 }; /* uncompressed, P-521 */

DEFINE_CLEANUP(EVP_PKEY *, public_freep, EVP_PKEY_free)

/* CKA_MODULUS and CKA_PUBLIC_EXPONENT. NULL when they are no key. */
EVP_PKEY *public_rsa(struct bytes modulus, struct bytes exponent);

/*
 * CKA_EC_PARAMS, an OID or a PrintableString that names the curve, and CKA_EC_POINT, a DER OCTET STRING, or raw as some modules have
 * it: EC, Ed25519, X25519 or X448. `edwards`: the key is of type CKK_EC_EDWARDS. NULL when they are no key, or one on a curve that is not known.
 */
EVP_PKEY *public_ec(struct bytes parameters, bool edwards, struct bytes point);

/* EVP_PKEY_ED25519, EVP_PKEY_X25519 or EVP_PKEY_X448 (RFC 8410) from their octets. NULL when these are too many or too few. */
EVP_PKEY *public_raw(int type, struct bytes point);

/* CKA_PUBLIC_KEY_INFO: a SubjectPublicKeyInfo. NULL when it is none. */
EVP_PKEY *public_from_spki(struct bytes der);

/* A key on a named curve from an encoded point, uncompressed or compressed; every other form and any point off the curve give NULL. */
EVP_PKEY *public_on_curve(const char *curve, struct bytes point);

/* The uncompressed point of an EC key, the octets of an X25519 or X448 key. Returns 0 or -SMIME_E_INTERNAL. */
int public_point(const EVP_PKEY *key, uint8_t ret_point[EC_POINT_MAX_BYTES], size_t *ret_len);

/*
 * Whether an X25519 or X448 key makes the shared secret zero, whoever uses it (RFC 7748 6, RFC 8418 2). Found out with a private key of
 * its own, so that the token's is not needed: their scalars are all multiples of the cofactor.
 */
bool public_has_small_order(EVP_PKEY *key);

/* The name of a key. Returns 0 or -SMIME_E_INTERNAL. */
int public_name(const EVP_PKEY *key, uint8_t ret_spki[WIRE_FINGERPRINT_BYTES]);
int public_name_of_certificate(const X509 *certificate, uint8_t ret_spki[WIRE_FINGERPRINT_BYTES]);

#endif
