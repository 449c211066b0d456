/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key derivation with OpenSSL's EVP_KDF. What comes in and what goes out are secrets of the caller, who wipes them.
 */
#include "leaf.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>

#include "smime/error.h"

static OSSL_PARAM octets_param(const char *name, struct bytes octets) {
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)octets.data, octets.len);
}

int cms_kdf(enum cms_kdf_kind kind, const EVP_MD *md, const struct cms_kdf_input *input, uint8_t *ret_out, size_t len) {
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, kind == CMS_KDF_HKDF ? OSSL_KDF_NAME_HKDF : OSSL_KDF_NAME_X963KDF, NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
		octets_param(OSSL_KDF_PARAM_KEY, input->key),
		octets_param(OSSL_KDF_PARAM_INFO, input->info),
		input->salt.data ? octets_param(OSSL_KDF_PARAM_SALT, input->salt) : OSSL_PARAM_construct_end(),
		OSSL_PARAM_construct_end(),
	};
	bool done = context && EVP_KDF_derive(context, ret_out, len, parameters) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	if (!done)
		ERR_clear_error();
	return done ? 0 : -SMIME_E_NO_MEMORY;
}
