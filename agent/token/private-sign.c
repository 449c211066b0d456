/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing with the mechanism that the token has. What it lacks is completed in software from its raw RSA.
 *
 * The message is always signed attributes made here: callers never hand a client's bytes in.
 */
#include "private-key.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "mechanism.h"
#include "padding.h"
#include "smime/error.h"

struct signature {
	uint8_t data[MECHANISM_OUTPUT_MAX_BYTES];
	size_t len;
};

static CK_RV call_sign(const struct operation *operation, struct bytes input, struct signature *signature) {
	CK_ULONG len = sizeof(signature->data);
	CK_RV rv = operation->token->module->call->C_Sign(
		operation->session, (CK_BYTE *)(uintptr_t)input.data, input.len, signature->data, &len);

	signature->len = len;
	return rv;
}

static int begin(struct operation *operation, const struct inventory_key *key, CK_MECHANISM *mechanism, struct fault *fault) {
	return mechanism_begin(operation, key, "C_SignInit", operation->token->module->call->C_SignInit, mechanism, fault);
}

/*
 * Returns 1 when the token does not have the mechanism for this key. A card that another program reset says so only now, and
 * has signed nothing then.
 */
static int sign_with(struct operation *operation, const struct inventory_key *key, CK_MECHANISM *mechanism, struct bytes input,
	struct signature *signature, struct fault *fault) {
	CK_RV rv;
	int r = begin(operation, key, mechanism, fault);

	if (r != 0)
		return r;
	rv = call_sign(operation, input, signature);
	if (rv == CKR_USER_NOT_LOGGED_IN) {
		mechanism_leave(operation);
		r = login_again(operation, fault);
		if (r == 0)
			r = begin(operation, key, mechanism, fault);
		if (r != 0)
			return r;
		rv = call_sign(operation, input, signature);
	}
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_Sign", rv);
	if (signature->len == 0 || signature->len > sizeof(signature->data))
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the token returned a signature of an impossible length");
	return 0;
}

static int sign_raw(struct operation *operation, const struct inventory_key *key, struct bytes em, struct signature *signature,
	const char *lacking, struct fault *fault) {
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	int r = sign_with(operation, key, &raw, em, signature, fault);

	return r > 0 ? mechanism_lacking(operation, lacking, fault) : r;
}

static int sign_pkcs1(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, struct bytes digest,
	struct signature *signature, struct fault *fault) {
	uint8_t info[DIGEST_INFO_MAX_BYTES], em[MECHANISM_OUTPUT_MAX_BYTES];
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	struct bytes digest_info = { info, padding_digest_info(md, digest, info) };
	size_t em_len = (size_t)EVP_PKEY_get_size(key->public);
	int r;

	if (digest_info.len == 0 || em_len > sizeof(em))
		return -SMIME_E_KEY_UNUSABLE;
	r = sign_with(operation, key, &mechanism, digest_info, signature, fault);
	if (r <= 0)
		return r;
	r = padding_emsa_pkcs1(digest_info, em, em_len);
	return r < 0 ? r : sign_raw(operation, key, (struct bytes){ em, em_len }, signature, "CKM_RSA_PKCS or CKM_RSA_X_509", fault);
}

static CK_RSA_PKCS_PSS_PARAMS pss_parameters(const EVP_MD *md) {
	CK_ULONG salt_len = (CK_ULONG)EVP_MD_get_size(md);

	if (EVP_MD_is_a(md, "SHA256"))
		return (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, salt_len };
	if (EVP_MD_is_a(md, "SHA384"))
		return (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA384, CKG_MGF1_SHA384, salt_len };
	return (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA512, CKG_MGF1_SHA512, salt_len };
}

static int sign_pss(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, struct bytes digest,
	struct signature *signature, struct fault *fault) {
	uint8_t em[MECHANISM_OUTPUT_MAX_BYTES];
	CK_RSA_PKCS_PSS_PARAMS parameters = pss_parameters(md);
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_PSS, &parameters, sizeof(parameters) };
	size_t em_len = (size_t)EVP_PKEY_get_size(key->public);
	int r;

	if (em_len > sizeof(em))
		return -SMIME_E_KEY_UNUSABLE;
	r = sign_with(operation, key, &mechanism, digest, signature, fault);
	if (r <= 0)
		return r;
	r = padding_emsa_pss(md, digest, (unsigned)EVP_PKEY_get_bits(key->public), em, em_len);
	return r < 0 ? r : sign_raw(operation, key, (struct bytes){ em, em_len }, signature, "CKM_RSA_PKCS_PSS or CKM_RSA_X_509", fault);
}

/* PKCS#11 has r and s side by side (2.40 mechanisms, 2.3.1), CMS has them in a SEQUENCE (RFC 5753 7.2). */
static int to_der(struct signature *signature) {
	int half = (int)(signature->len / 2), len = -1;
	BIGNUM *r = BN_bin2bn(signature->data, half, NULL);
	BIGNUM *s = BN_bin2bn(signature->data + half, half, NULL);
	ECDSA_SIG *both = ECDSA_SIG_new();
	uint8_t *p = signature->data;

	if (both && r && s && ECDSA_SIG_set0(both, r, s) == 1) {
		r = s = NULL; /* handed over */
		len = i2d_ECDSA_SIG(both, NULL) <= (int)sizeof(signature->data) ? i2d_ECDSA_SIG(both, &p) : -1;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(both);
	if (len <= 0)
		return -SMIME_E_NO_MEMORY;
	signature->len = (size_t)len;
	return 0;
}

static int sign_ecdsa(struct operation *operation, const struct inventory_key *key, struct bytes digest, struct signature *signature,
	struct fault *fault) {
	size_t field_len = ((size_t)EVP_PKEY_get_bits(key->public) + 7) / 8;
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	int r;

	/* FIPS 186-4 6.4: of a digest longer than the order the leftmost bits count. */
	if (digest.len > field_len)
		digest.len = field_len;
	r = sign_with(operation, key, &mechanism, digest, signature, fault);
	if (r > 0)
		return mechanism_lacking(operation, "CKM_ECDSA", fault);
	if (r == 0 && signature->len != 2 * field_len)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the token returned an ECDSA signature of an impossible length");
	return r < 0 ? r : to_der(signature);
}

/* PKCS #11 3.0 2.3.14: without a parameter CKM_EDDSA is Ed25519 without a context, of the message and not of a digest (RFC 8419 2.2). */
static int sign_ed25519(struct operation *operation, const struct inventory_key *key, struct bytes message, struct signature *signature,
	struct fault *fault) {
	CK_MECHANISM mechanism = { CKM_EDDSA, NULL, 0 };
	int r = sign_with(operation, key, &mechanism, message, signature, fault);

	return r > 0 ? mechanism_lacking(operation, "CKM_EDDSA", fault) : r;
}

static int sign_digest(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, bool pss, struct bytes message,
	struct signature *signature, struct fault *fault) {
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(message.data, message.len, hash, &len, md, NULL) != 1)
		return -SMIME_E_INTERNAL;
	struct bytes digest = { hash, len };
	if (key->type == WIRE_KEY_EC)
		return sign_ecdsa(operation, key, digest, signature, fault);
	if (pss)
		return sign_pss(operation, key, md, digest, signature, fault);
	return sign_pkcs1(operation, key, md, digest, signature, fault);
}

int private_key_sign(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, bool pss, struct bytes message,
	uint8_t **ret_signature, size_t *ret_len, struct fault *fault) {
	struct signature signature;
	uint8_t *copy;
	int r;

	if (key->type == WIRE_KEY_ED25519)
		r = sign_ed25519(operation, key, message, &signature, fault);
	else
		r = sign_digest(operation, key, md, pss, message, &signature, fault);
	if (r < 0)
		return r;
	copy = malloc(signature.len);
	if (!copy)
		return -SMIME_E_NO_MEMORY;
	memcpy(copy, signature.data, signature.len);
	*ret_signature = copy;
	*ret_len = signature.len;
	return 0;
}
