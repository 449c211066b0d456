/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between unwrap.c, which reads a request and finds its key, and the two ways to open a RecipientInfo: transport.c and agree.c.
 */
#ifndef TOKEN_UNWRAP_PARTS_H
#define TOKEN_UNWRAP_PARTS_H

#include "agent/cms/leaf.h"
#include "private-key.h"

struct unwrapping {
	struct operation *operation;
	const struct wire_decrypt *request;
	const struct inventory_key *key;
	struct cms_cipher cipher;
	struct bytes encrypted; /* the encrypted key that is this key's, inside the RecipientInfo */
	struct secret cek;
};

/* Whether the encrypted key can be one for this RSA key, before a PIN is asked for. -SMIME_E_MALFORMED. */
int transport_check(const struct unwrapping *unwrapping, struct fault *fault);

/*
 * KeyTransRecipientInfo: RSA v1.5 and OAEP. Succeeds whatever the padding was (implicit rejection); errors are those of the
 * request, the token and the login.
 */
int transport_open(struct unwrapping *unwrapping, const struct cms_key_trans *info, struct fault *fault);

/* KeyAgreeRecipientInfo: ECDH (RFC 5753 3.1.3). -SMIME_E_INTEGRITY when the key does not unwrap; errors as above. */
int agree_open(struct unwrapping *unwrapping, const struct cms_key_agree *info, struct fault *fault);

/* AES key unwrap (RFC 3394) of a key of exactly the length that the content needs. -SMIME_E_INTEGRITY, -SMIME_E_NO_MEMORY. */
int agree_unwrap(const EVP_CIPHER *wrap, const struct secret *kek, struct bytes wrapped, size_t key_len, struct secret *ret_key);

/* RSAES-OAEP-params (RFC 4055 4.1), every form of them. *ret_parameters owns the label of the scheme. -SMIME_E_MALFORMED, -SMIME_E_UNSUPPORTED. */
int transport_read_oaep(const X509_ALGOR *algorithm, RSA_OAEP_PARAMS **ret_parameters, struct rsa_scheme *ret_scheme);

/*
 * The key that stands in for one that does not open: PRF(secret; SPKI hash, encrypted key, length, scheme), that is: of all
 * that the real key depends on and of nothing else. Returns 0 or -SMIME_E_INTERNAL.
 */
int transport_rejection_key(struct bytes secret, const uint8_t spki[WIRE_FINGERPRINT_BYTES], struct bytes encrypted,
	const struct rsa_scheme *scheme, uint8_t *ret_key, size_t len);

#endif
