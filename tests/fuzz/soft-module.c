/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "soft-module.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "fuzz.h"
#include "open-recipient.h"

enum { OBJECT_SECRET = 100 };

static CK_OBJECT_HANDLE current;
static unsigned operations;
static uint8_t secret[66];
static size_t secret_len;

static EVP_PKEY *key_of(CK_OBJECT_HANDLE handle) {
	REQUIRE(handle >= 1 && handle <= FUZZ_CA);
	return fuzz_people()->keys[handle - 1];
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	if (mechanism->mechanism != CKM_RSA_X_509)
		return CKR_MECHANISM_INVALID;
	if (EVP_PKEY_get_base_id(key_of(key)) != EVP_PKEY_RSA)
		return CKR_KEY_TYPE_INCONSISTENT;
	current = key;
	return CKR_OK;
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *out, CK_ULONG *len) {
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key_of(current), NULL);
	size_t written = *len;
	bool done = EVP_PKEY_decrypt_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1 &&
		EVP_PKEY_decrypt(context, out, &written, encrypted, encrypted_len) == 1;

	operations++;
	*len = written;
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return done ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
}

/* The point must be one of the curve: what comes here was checked before. */
static CK_RV derive(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *attributes, CK_ULONG count,
	CK_OBJECT_HANDLE *ret_object) {
	const CK_ECDH1_DERIVE_PARAMS *parameters = mechanism->pParameter;

	REQUIRE(mechanism->mechanism == CKM_ECDH1_DERIVE && EVP_PKEY_get_base_id(key_of(key)) != EVP_PKEY_RSA);
	operations++;
	REQUIRE(open_agree(key_of(key), parameters->pPublicData, parameters->ulPublicDataLen, secret, &secret_len) == 0);
	*ret_object = OBJECT_SECRET;
	return CKR_OK;
}

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count) {
	REQUIRE(object == OBJECT_SECRET && count == 1 && attributes->type == CKA_VALUE && attributes->ulValueLen >= secret_len);
	memcpy(attributes->pValue, secret, secret_len);
	attributes->ulValueLen = secret_len;
	return CKR_OK;
}

static CK_RV destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
	return CKR_OK;
}

struct cryptoki *soft_module(void) {
	static CK_FUNCTION_LIST list = {
		.C_DecryptInit = decrypt_init,
		.C_Decrypt = decrypt,
		.C_DeriveKey = derive,
		.C_GetAttributeValue = get_attribute,
		.C_DestroyObject = destroy,
	};
	static struct cryptoki module = { .call = &list };

	return &module;
}

unsigned soft_module_operations(void) {
	return operations;
}

void soft_module_forget(void) {
	operations = 0;
}
