/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AES key wrap (RFC 3394) in both directions.
 */
#include <openssl/err.h>

#include "shared-parts.h"
#include "smime/error.h"

enum { WRAP_OVERHEAD_BYTES = 8, CEK_MAX_BYTES = 64 };

DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_freep, EVP_CIPHER_CTX_free)

static EVP_CIPHER_CTX *wrap_context(const EVP_CIPHER *wrap, const struct secret *kek, int encrypt) {
	_cleanup_(cipher_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (!context)
		return NULL;
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	return EVP_CipherInit_ex2(context, wrap, kek->data, NULL, encrypt, NULL) == 1 ? TAKE(context) : NULL;
}

int key_wrap(const EVP_CIPHER *wrap, const struct secret *kek, const struct secret *cek, ASN1_OCTET_STRING *encrypted) {
	_cleanup_(cipher_freep) EVP_CIPHER_CTX *context = wrap_context(wrap, kek, 1);
	uint8_t wrapped[CEK_MAX_BYTES + WRAP_OVERHEAD_BYTES];
	int len, last;

	if (!context)
		return -SMIME_E_NO_MEMORY;
	if (cek->len > CEK_MAX_BYTES)
		return -SMIME_E_INTERNAL;
	if (EVP_EncryptUpdate(context, wrapped, &len, cek->data, (int)cek->len) != 1 ||
		EVP_EncryptFinal_ex(context, wrapped + len, &last) != 1)
		return -SMIME_E_INTERNAL;
	return ASN1_OCTET_STRING_set(encrypted, wrapped, len + last) == 1 ? 0 : -SMIME_E_NO_MEMORY;
}

int key_unwrap(const EVP_CIPHER *wrap, const struct secret *kek, struct bytes encrypted, size_t len, struct secret *ret_cek) {
	_cleanup_(cipher_freep) EVP_CIPHER_CTX *context = wrap_context(wrap, kek, 0);
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	int n, last;

	if (!context)
		return -SMIME_E_NO_MEMORY;
	if (encrypted.len != len + WRAP_OVERHEAD_BYTES)
		return -SMIME_E_INTEGRITY;
	/* OpenSSL takes the room for the wrapped key, although the key is shorter. */
	if (secret_alloc(&cek, encrypted.len) < 0)
		return -SMIME_E_NO_MEMORY;
	if (EVP_DecryptUpdate(context, cek.data, &n, encrypted.data, (int)encrypted.len) != 1 ||
		EVP_DecryptFinal_ex(context, cek.data + n, &last) != 1 || (size_t)(n + last) != len) {
		ERR_clear_error();
		return -SMIME_E_INTEGRITY;
	}
	return secret_set(ret_cek, cek.data, len);
}
