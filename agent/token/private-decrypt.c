/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RSA decryption of a content-encryption key: one C_Decrypt for each request, success and failure alike (RFC 3218 2.3).
 *
 * What the padding was, or what the token said of it, reaches the caller as a mask for constant-time selection only.
 */
#include "private-key.h"

#include <openssl/crypto.h>

#include "mechanism.h"
#include "padding.h"
#include "smime/error.h"

enum { ZEROS_MAX = 32 };

/* 0xff when a is b, else 0; no branch. */
static uint8_t same(CK_ULONG a, CK_ULONG b) {
	CK_ULONG x = a ^ b;

	return (uint8_t)(((x | (~x + 1)) >> (8 * sizeof(x) - 1)) - 1);
}

/* Return values that the data can bring about. */
static uint8_t is_data_error(CK_RV rv) {
	return same(rv, CKR_ENCRYPTED_DATA_INVALID) | same(rv, CKR_ENCRYPTED_DATA_LEN_RANGE) | same(rv, CKR_DATA_INVALID) |
		same(rv, CKR_DATA_LEN_RANGE) | same(rv, CKR_BUFFER_TOO_SMALL);
}

/* Some modules have nothing better for bad padding; others say so when the card is gone. */
static uint8_t is_vague_error(CK_RV rv) {
	return same(rv, CKR_FUNCTION_FAILED) | same(rv, CKR_GENERAL_ERROR);
}

/* What came out of the one operation. */
struct plain {
	uint8_t data[MECHANISM_OUTPUT_MAX_BYTES];
	CK_ULONG len;
	uint8_t good; /* 0xff or 0: whether the token was content */
};

static void plain_clear(struct plain *plain) {
	OPENSSL_cleanse(plain, sizeof(*plain));
}

/*
 * `padding`: 0xff when the module looks at the padding, else 0; then a vague error says nothing of the data, and is one of the token.
 *
 * A card that another program reset is logged in to again, but the operation is not repeated: the next request will do. The
 * buffer is as long as the modulus, so a length beyond it is the module's own fault.
 */
static int decrypt_once(struct operation *operation, struct bytes encrypted, uint8_t padding, struct plain *plain, struct fault *fault) {
	CK_RV rv;
	int r;

	plain->len = encrypted.len;
	rv = operation->token->module->call->C_Decrypt(
		operation->session, (CK_BYTE *)(uintptr_t)encrypted.data, encrypted.len, plain->data, &plain->len);
	plain->good = same(rv, CKR_OK);
	if (plain->good | is_data_error(rv) | (is_vague_error(rv) & padding))
		return 0;
	if (rv != CKR_USER_NOT_LOGGED_IN)
		return cryptoki_fault(fault, "C_Decrypt", rv);
	mechanism_leave(operation);
	r = login_again(operation, fault);
	return r < 0 ? r :
		       fault_set(fault, SMIME_E_TOKEN_FAULT, "another program has reset the token; it is logged in again now, try again");
}

static int begin(struct operation *operation, const struct inventory_key *key, CK_MECHANISM *mechanism, struct fault *fault) {
	return mechanism_begin(operation, key, "C_DecryptInit", operation->token->module->call->C_DecryptInit, mechanism, fault);
}

/*
 * Some modules take the leading zeros of a raw result away. How many there are depends on what was decrypted, so they are put
 * back without a branch or a division on it: a shift by each power of two, taken or not by a mask. A length beyond the modulus
 * is no result.
 */
static void restore_zeros(struct plain *plain, size_t em_len) {
	CK_ULONG missing = em_len - plain->len;
	unsigned bit;
	size_t i;

	plain->good &= (uint8_t)(((missing | plain->len) >> (8 * sizeof(missing) - 1)) - 1);
	for (bit = 0; (size_t)1 << bit < em_len; bit++) {
		size_t step = (size_t)1 << bit;
		uint8_t mask = (uint8_t)(0 - ((missing >> bit) & 1));

		for (i = em_len; i-- > 0;) {
			uint8_t before = i >= step ? plain->data[i - step] : 0;

			plain->data[i] = (uint8_t)((before & mask) | (plain->data[i] & (uint8_t)~mask));
		}
	}
}

static int decrypt_raw(struct operation *operation, const struct rsa_scheme *scheme, struct bytes encrypted, uint8_t *out, size_t out_len,
	uint8_t *ret_good, struct fault *fault) {
	_cleanup_(plain_clear) struct plain plain = { .len = 0 };
	uint8_t opened;
	int r = decrypt_once(operation, encrypted, 0, &plain, fault);

	if (r < 0)
		return r;
	/* No ciphertext that anybody encrypted brings about so many leading zeros: a sick card does. */
	if (plain.good && plain.len < encrypted.len && encrypted.len - plain.len > ZEROS_MAX)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the token returned only a part of what it decrypted");
	restore_zeros(&plain, encrypted.len);
	opened = scheme->oaep ? padding_open_oaep(scheme->md, scheme->mgf1_md, scheme->label, plain.data, encrypted.len, out, out_len) :
				padding_open_pkcs1(plain.data, encrypted.len, out, out_len);
	*ret_good = opened & plain.good;
	return 0;
}

static int decrypt_native(
	struct operation *operation, struct bytes encrypted, uint8_t *out, size_t out_len, uint8_t *ret_good, struct fault *fault) {
	_cleanup_(plain_clear) struct plain plain = { .len = 0 };
	int r = decrypt_once(operation, encrypted, 0xff, &plain, fault);

	if (r < 0)
		return r;
	memcpy(out, plain.data, out_len);
	*ret_good = plain.good & same(plain.len, out_len);
	return 0;
}

static bool oaep_parameters(const struct rsa_scheme *scheme, CK_RSA_PKCS_OAEP_PARAMS *parameters) {
	static const struct {
		const char *name;
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} known[] = {
		{ "SHA1", CKM_SHA_1, CKG_MGF1_SHA1 },
		{ "SHA224", CKM_SHA224, CKG_MGF1_SHA224 },
		{ "SHA256", CKM_SHA256, CKG_MGF1_SHA256 },
		{ "SHA384", CKM_SHA384, CKG_MGF1_SHA384 },
		{ "SHA512", CKM_SHA512, CKG_MGF1_SHA512 },
	};
	size_t i;

	*parameters = (CK_RSA_PKCS_OAEP_PARAMS){ .source = CKZ_DATA_SPECIFIED };
	for (i = 0; i < ELEMENTSOF(known); i++) {
		if (EVP_MD_is_a(scheme->md, known[i].name))
			parameters->hashAlg = known[i].hash;
		if (EVP_MD_is_a(scheme->mgf1_md, known[i].name))
			parameters->mgf = known[i].mgf;
	}
	parameters->pSourceData = scheme->label.len > 0 ? (void *)(uintptr_t)scheme->label.data : NULL;
	parameters->ulSourceDataLen = scheme->label.len;
	return parameters->hashAlg && parameters->mgf;
}

int private_key_decrypt(struct operation *operation, const struct inventory_key *key, const struct rsa_scheme *scheme,
	struct bytes encrypted, uint8_t *out, size_t out_len, uint8_t *ret_good, struct fault *fault) {
	CK_RSA_PKCS_OAEP_PARAMS parameters;
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	CK_MECHANISM native = { CKM_RSA_PKCS, NULL, 0 };
	int r;

	if (encrypted.len > MECHANISM_OUTPUT_MAX_BYTES || out_len > encrypted.len)
		return -SMIME_E_KEY_UNUSABLE;
	if (scheme->oaep) {
		if (!oaep_parameters(scheme, &parameters))
			return -SMIME_E_UNSUPPORTED;
		native = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &parameters, sizeof(parameters) };
	}
	/* Raw first: then what is wrong with the padding is seen here only, in constant time. */
	r = begin(operation, key, &raw, fault);
	if (r <= 0)
		return r < 0 ? r : decrypt_raw(operation, scheme, encrypted, out, out_len, ret_good, fault);
	r = begin(operation, key, &native, fault);
	if (r > 0)
		return mechanism_lacking(operation,
			scheme->oaep ? "CKM_RSA_X_509 or CKM_RSA_PKCS_OAEP with these parameters" : "CKM_RSA_X_509 or CKM_RSA_PKCS", fault);
	return r < 0 ? r : decrypt_native(operation, encrypted, out, out_len, ret_good, fault);
}
