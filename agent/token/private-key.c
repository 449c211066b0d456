/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing a mechanism and running it once. A refused Init costs nothing and lets the next mechanism be tried; after an Init that
 * was taken there is one operation, whatever comes of it.
 */
#include "private-key.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "padding.h"
#include "public-key.h"
#include "smime/error.h"

typedef CK_RV (*init_function)(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);

/* A mechanism that this key can't be used with on this token. */
static bool not_this_mechanism(CK_RV rv) {
	return rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD ||
		rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_KEY_FUNCTION_NOT_PERMITTED || rv == CKR_FUNCTION_NOT_SUPPORTED ||
		rv == CKR_DATA_LEN_RANGE;
}

/* Returns 1 when the mechanism is not to be had for this key. */
static int begin(struct operation *operation, const struct inventory_key *key, const char *name, init_function init,
	CK_MECHANISM *mechanism, struct fault *fault) {
	if (!token_has_mechanism(operation->token, mechanism->mechanism))
		return 1;
	CK_RV rv = init(operation->session, mechanism, key->handle);
	if (rv == CKR_USER_NOT_LOGGED_IN) {
		int r = login_again(operation, fault);
		if (r < 0)
			return r;
		rv = init(operation->session, mechanism, key->handle);
	}
	if (not_this_mechanism(rv))
		return 1;
	if (rv != CKR_OK)
		return cryptoki_fault(fault, name, rv);
	return key->always_authenticate ? login_for_key(operation, fault) : 0;
}

/* ---- Signing ---- */

static int begin_sign(struct operation *operation, const struct inventory_key *key, CK_MECHANISM *mechanism, struct fault *fault) {
	return begin(operation, key, "C_SignInit", operation->token->module->call->C_SignInit, mechanism, fault);
}

static int run_sign(struct operation *operation, struct bytes input, uint8_t *out, size_t *out_len, struct fault *fault) {
	CK_ULONG len = *out_len;
	CK_RV rv = operation->token->module->call->C_Sign(operation->session, (CK_BYTE *)(uintptr_t)input.data, input.len, out, &len);

	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_Sign", rv);
	if (len == 0 || len > *out_len)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the token returned a signature of an impossible length");
	*out_len = len;
	return 0;
}

static int lacks(const struct operation *operation, const char *what, struct fault *fault) {
	return fault_set(fault, SMIME_E_MECHANISM, "token \"%s\" can't do %s with this key", token_label(operation->token), what);
}

static int sign_raw(struct operation *operation, const struct inventory_key *key, struct bytes em, uint8_t *out, size_t *out_len,
	const char *what, struct fault *fault) {
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	int r = begin_sign(operation, key, &raw, fault);

	if (r > 0)
		return lacks(operation, what, fault);
	return r < 0 ? r : run_sign(operation, em, out, out_len, fault);
}

static int sign_pkcs1(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, struct bytes digest,
	uint8_t *out, size_t *out_len, struct fault *fault) {
	uint8_t info[DIGEST_INFO_MAX_BYTES], em[PRIVATE_KEY_OUTPUT_MAX_BYTES];
	size_t modulus_len = (size_t)EVP_PKEY_get_size(key->public);
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	struct bytes digest_info = { info, padding_digest_info(md, digest, info) };

	if (digest_info.len == 0 || modulus_len > sizeof(em))
		return -SMIME_E_KEY_UNUSABLE;
	int r = begin_sign(operation, key, &mechanism, fault);
	if (r <= 0)
		return r < 0 ? r : run_sign(operation, digest_info, out, out_len, fault);
	r = padding_emsa_pkcs1(digest_info, em, modulus_len);
	return r < 0 ? r : sign_raw(operation, key, (struct bytes){ em, modulus_len }, out, out_len, "CKM_RSA_PKCS or CKM_RSA_X_509", fault);
}

static void pss_parameters(const EVP_MD *md, CK_RSA_PKCS_PSS_PARAMS *parameters) {
	bool sha256 = EVP_MD_is_a(md, "SHA256"), sha384 = EVP_MD_is_a(md, "SHA384");

	parameters->hashAlg = sha256 ? CKM_SHA256 : sha384 ? CKM_SHA384 : CKM_SHA512;
	parameters->mgf = sha256 ? CKG_MGF1_SHA256 : sha384 ? CKG_MGF1_SHA384 : CKG_MGF1_SHA512;
	parameters->sLen = (CK_ULONG)EVP_MD_get_size(md);
}

static int sign_pss(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, struct bytes digest,
	uint8_t *out, size_t *out_len, struct fault *fault) {
	uint8_t em[PRIVATE_KEY_OUTPUT_MAX_BYTES];
	size_t modulus_len = (size_t)EVP_PKEY_get_size(key->public);
	CK_RSA_PKCS_PSS_PARAMS parameters;
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_PSS, &parameters, sizeof(parameters) };

	pss_parameters(md, &parameters);
	int r = begin_sign(operation, key, &mechanism, fault);
	if (r <= 0)
		return r < 0 ? r : run_sign(operation, digest, out, out_len, fault);
	if (modulus_len > sizeof(em))
		return -SMIME_E_KEY_UNUSABLE;
	r = padding_emsa_pss(md, digest, (unsigned)EVP_PKEY_get_bits(key->public), em, modulus_len);
	return r < 0 ? r : sign_raw(operation, key, (struct bytes){ em, modulus_len }, out, out_len, "CKM_RSA_PKCS_PSS or CKM_RSA_X_509", fault);
}

/* PKCS#11 has r and s side by side (2.3.1), CMS has them in a SEQUENCE (RFC 5753 7.2). */
static int ecdsa_der(struct bytes raw, uint8_t **ret_der, size_t *ret_len) {
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.data, (int)raw.len / 2, NULL);
	BIGNUM *s = BN_bin2bn(raw.data + raw.len / 2, (int)raw.len / 2, NULL);
	int len = -1;

	if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
		r = s = NULL;
		len = i2d_ECDSA_SIG(signature, ret_der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(signature);
	if (len <= 0)
		return -SMIME_E_NO_MEMORY;
	*ret_len = (size_t)len;
	return 0;
}

static int sign_ecdsa(struct operation *operation, const struct inventory_key *key, struct bytes digest, uint8_t **ret_signature,
	size_t *ret_len, struct fault *fault) {
	size_t field_len = ((size_t)EVP_PKEY_get_bits(key->public) + 7) / 8;
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	uint8_t raw[PRIVATE_KEY_OUTPUT_MAX_BYTES];
	size_t raw_len = sizeof(raw);

	/* FIPS 186-4 6.4: of a digest longer than the order the leftmost bits count. */
	if (digest.len > field_len)
		digest.len = field_len;
	int r = begin_sign(operation, key, &mechanism, fault);
	if (r > 0)
		return lacks(operation, "CKM_ECDSA", fault);
	if (r == 0)
		r = run_sign(operation, digest, raw, &raw_len, fault);
	if (r < 0)
		return r;
	if (raw_len % 2 != 0)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the token returned an ECDSA signature of odd length");
	return ecdsa_der((struct bytes){ raw, raw_len }, ret_signature, ret_len);
}

int private_key_sign(struct operation *operation, const struct inventory_key *key, const EVP_MD *md, bool pss, struct bytes digest,
	uint8_t **ret_signature, size_t *ret_len, struct fault *fault) {
	uint8_t out[PRIVATE_KEY_OUTPUT_MAX_BYTES];
	size_t len = sizeof(out);

	if (key->type == WIRE_KEY_EC)
		return sign_ecdsa(operation, key, digest, ret_signature, ret_len, fault);
	int r = pss ? sign_pss(operation, key, md, digest, out, &len, fault) : sign_pkcs1(operation, key, md, digest, out, &len, fault);
	if (r < 0)
		return r;
	uint8_t *copy = OPENSSL_memdup(out, len);
	if (!copy)
		return -SMIME_E_NO_MEMORY;
	*ret_signature = copy;
	*ret_len = len;
	return 0;
}

/* ---- Decrypting ---- */

static int begin_decrypt(struct operation *operation, const struct inventory_key *key, CK_MECHANISM *mechanism, struct fault *fault) {
	return begin(operation, key, "C_DecryptInit", operation->token->module->call->C_DecryptInit, mechanism, fault);
}

/* What the data, and not the token or the login, is to blame for; none of it may show. */
static bool data_error(CK_RV rv) {
	return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_DATA_INVALID ||
		rv == CKR_DATA_LEN_RANGE || rv == CKR_FUNCTION_FAILED || rv == CKR_GENERAL_ERROR || rv == CKR_BUFFER_TOO_SMALL;
}

/* One C_Decrypt. *ret_len 0 when the token found fault with the data. */
static int run_decrypt(struct operation *operation, struct bytes encrypted, uint8_t *out, size_t cap, size_t *ret_len, struct fault *fault) {
	CK_ULONG len = cap;
	CK_RV rv = operation->token->module->call->C_Decrypt(operation->session, (CK_BYTE *)(uintptr_t)encrypted.data, encrypted.len, out, &len);

	if (rv != CKR_OK && !data_error(rv))
		return cryptoki_fault(fault, "C_Decrypt", rv);
	*ret_len = rv == CKR_OK && len <= cap ? len : 0;
	return 0;
}

static uint8_t open_raw(const struct rsa_scheme *scheme, uint8_t *em, size_t em_len, uint8_t *out, size_t out_len) {
	return scheme->oaep ? padding_open_oaep(scheme->md, scheme->mgf1_md, scheme->label, em, em_len, out, out_len)
			    : padding_open_pkcs1(em, em_len, out, out_len);
}

static int decrypt_raw(struct operation *operation, const struct rsa_scheme *scheme, struct bytes encrypted, uint8_t *out, size_t out_len,
	uint8_t *ret_good, struct fault *fault) {
	uint8_t em[PRIVATE_KEY_OUTPUT_MAX_BYTES] = { 0 };
	size_t len = 0;
	int r = run_decrypt(operation, encrypted, em, encrypted.len, &len, fault);

	if (r == 0) {
		/* Some modules take leading zeros away. */
		if (len < encrypted.len) {
			memmove(em + encrypted.len - len, em, len);
			memset(em, 0, encrypted.len - len);
		}
		*ret_good = open_raw(scheme, em, encrypted.len, out, out_len);
	}
	OPENSSL_cleanse(em, sizeof(em));
	return r;
}

static int decrypt_native(struct operation *operation, struct bytes encrypted, uint8_t *out, size_t out_len, uint8_t *ret_good,
	struct fault *fault) {
	uint8_t plain[PRIVATE_KEY_OUTPUT_MAX_BYTES] = { 0 };
	size_t len = 0;
	int r = run_decrypt(operation, encrypted, plain, encrypted.len, &len, fault);

	if (r == 0) {
		memcpy(out, plain, out_len);
		*ret_good = len == out_len ? 0xff : 0;
	}
	OPENSSL_cleanse(plain, sizeof(plain));
	return r;
}

static bool oaep_parameters(const struct rsa_scheme *scheme, CK_RSA_PKCS_OAEP_PARAMS *parameters) {
	static const struct {
		const char *name;
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} known[] = {
		{ "SHA1", CKM_SHA_1, CKG_MGF1_SHA1 }, { "SHA224", CKM_SHA224, CKG_MGF1_SHA224 },
		{ "SHA256", CKM_SHA256, CKG_MGF1_SHA256 }, { "SHA384", CKM_SHA384, CKG_MGF1_SHA384 },
		{ "SHA512", CKM_SHA512, CKG_MGF1_SHA512 },
	};

	*parameters = (CK_RSA_PKCS_OAEP_PARAMS){ .source = CKZ_DATA_SPECIFIED };
	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		if (EVP_MD_is_a(scheme->md, known[i].name))
			parameters->hashAlg = known[i].hash;
		if (EVP_MD_is_a(scheme->mgf1_md, known[i].name))
			parameters->mgf = known[i].mgf;
	}
	parameters->pSourceData = (void *)(uintptr_t)scheme->label.data;
	parameters->ulSourceDataLen = scheme->label.len;
	return parameters->hashAlg && parameters->mgf;
}

int private_key_decrypt(struct operation *operation, const struct inventory_key *key, const struct rsa_scheme *scheme,
	struct bytes encrypted, uint8_t *out, size_t out_len, uint8_t *ret_good, struct fault *fault) {
	CK_RSA_PKCS_OAEP_PARAMS parameters;
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	CK_MECHANISM native = { CKM_RSA_PKCS, NULL, 0 };

	if (encrypted.len > PRIVATE_KEY_OUTPUT_MAX_BYTES)
		return -SMIME_E_KEY_UNUSABLE;
	if (scheme->oaep) {
		if (!oaep_parameters(scheme, &parameters))
			return -SMIME_E_UNSUPPORTED;
		native = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &parameters, sizeof(parameters) };
	}
	/* Raw first: then what is wrong with the padding is seen here only, in constant time. */
	int r = begin_decrypt(operation, key, &raw, fault);
	if (r <= 0)
		return r < 0 ? r : decrypt_raw(operation, scheme, encrypted, out, out_len, ret_good, fault);
	r = begin_decrypt(operation, key, &native, fault);
	if (r > 0)
		return lacks(operation, scheme->oaep ? "CKM_RSA_X_509 or CKM_RSA_PKCS_OAEP with these parameters" : "CKM_RSA_X_509 or CKM_RSA_PKCS", fault);
	return r < 0 ? r : decrypt_native(operation, encrypted, out, out_len, ret_good, fault);
}

/* ---- Deriving ---- */

static CK_RV derive(struct operation *operation, const struct inventory_key *key, struct bytes point, CK_ULONG z_len, CK_OBJECT_HANDLE *ret_secret) {
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) }, { CKA_EXTRACTABLE, &yes, sizeof(yes) }, { CKA_VALUE_LEN, &z_len, sizeof(z_len) },
	};
	CK_ECDH1_DERIVE_PARAMS parameters = { CKD_NULL, 0, NULL, point.len, (CK_BYTE *)(uintptr_t)point.data };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &parameters, sizeof(parameters) };

	return operation->token->module->call->C_DeriveKey(operation->session, &mechanism, key->handle, template, ELEMENTSOF(template), ret_secret);
}

static int read_secret_value(struct operation *operation, CK_OBJECT_HANDLE object, size_t z_len, struct secret *ret_z, struct fault *fault) {
	_cleanup_(secret_clear) struct secret z = SECRET_EMPTY;
	CK_ATTRIBUTE value = { CKA_VALUE, NULL, 0 };

	if (secret_alloc(&z, z_len) < 0)
		return -SMIME_E_NO_MEMORY;
	value.pValue = z.data;
	value.ulValueLen = z_len;
	CK_RV rv = operation->token->module->call->C_GetAttributeValue(operation->session, object, &value, 1);
	(void)operation->token->module->call->C_DestroyObject(operation->session, object);
	if (rv != CKR_OK || value.ulValueLen != z_len)
		return cryptoki_fault(fault, "C_GetAttributeValue", rv == CKR_OK ? CKR_ATTRIBUTE_VALUE_INVALID : rv);
	secret_clear(ret_z);
	*ret_z = z;
	z = SECRET_EMPTY;
	return 0;
}

int private_key_derive(struct operation *operation, const struct inventory_key *key, struct bytes point, struct secret *ret_z,
	struct fault *fault) {
	size_t z_len = ((size_t)EVP_PKEY_get_bits(key->public) + 7) / 8;
	uint8_t wrapped[EC_POINT_MAX_BYTES + 3];
	CK_OBJECT_HANDLE object = 0;

	if (!token_has_mechanism(operation->token, CKM_ECDH1_DERIVE))
		return lacks(operation, "CKM_ECDH1_DERIVE", fault);
	CK_RV rv = derive(operation, key, point, z_len, &object);
	if (rv == CKR_USER_NOT_LOGGED_IN) {
		int r = login_again(operation, fault);
		if (r < 0)
			return r;
		rv = derive(operation, key, point, z_len, &object);
	}
	/* PKCS#11 2.40 allows the point raw or as a DER OCTET STRING; a module that knows only one refuses the other before it does anything. */
	if ((rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD) && point.len + 3 <= sizeof(wrapped)) {
		size_t header = point.len < 128 ? 2 : 3;
		wrapped[0] = V_ASN1_OCTET_STRING;
		wrapped[1] = point.len < 128 ? (uint8_t)point.len : 0x81;
		wrapped[header - 1] = (uint8_t)point.len;
		memcpy(wrapped + header, point.data, point.len);
		rv = derive(operation, key, (struct bytes){ wrapped, header + point.len }, z_len, &object);
	}
	if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
		return lacks(operation, "key agreement: CKA_DERIVE is not set", fault);
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_DeriveKey", rv);
	return read_secret_value(operation, object, z_len, ret_z, fault);
}
