/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elliptic-curve key agreement (RFC 5753): what a KeyAgreeRecipientInfo asks for, and its key derivation.
 *
 * Holds no key of its own: the shared secret comes in, the key-encryption key goes out, both are the caller's to wipe.
 */
#include "leaf.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>

#include "smime/error.h"

/* The cofactor of the NIST and Brainpool curves is 1, so cofactorDH and stdDH are the same there (SP 800-56A 5.7.1.2). */
static const struct {
	int nid;
	const EVP_MD *(*kdf)(void);
} schemes[] = {
	{ NID_dhSinglePass_stdDH_sha256kdf_scheme, EVP_sha256 },
	{ NID_dhSinglePass_stdDH_sha384kdf_scheme, EVP_sha384 },
	{ NID_dhSinglePass_stdDH_sha512kdf_scheme, EVP_sha512 },
	{ NID_dhSinglePass_stdDH_sha224kdf_scheme, EVP_sha224 },
	{ NID_dhSinglePass_stdDH_sha1kdf_scheme, EVP_sha1 },
	{ NID_dhSinglePass_cofactorDH_sha256kdf_scheme, EVP_sha256 },
	{ NID_dhSinglePass_cofactorDH_sha384kdf_scheme, EVP_sha384 },
	{ NID_dhSinglePass_cofactorDH_sha512kdf_scheme, EVP_sha512 },
	{ NID_dhSinglePass_cofactorDH_sha224kdf_scheme, EVP_sha224 },
	{ NID_dhSinglePass_cofactorDH_sha1kdf_scheme, EVP_sha1 },
};

static const struct {
	int nid;
	const EVP_CIPHER *(*cipher)(void);
	size_t kek_len;
} wraps[] = {
	{ NID_id_aes128_wrap, EVP_aes_128_wrap, 16 },
	{ NID_id_aes192_wrap, EVP_aes_192_wrap, 24 },
	{ NID_id_aes256_wrap, EVP_aes_256_wrap, 32 },
};

static int read_scheme(const ASN1_OBJECT *object, struct cms_agreement *agreement) {
	int nid = OBJ_obj2nid(object);
	size_t i;

	for (i = 0; i < ELEMENTSOF(schemes); i++)
		if (schemes[i].nid == nid) {
			agreement->kdf = schemes[i].kdf();
			return 0;
		}
	return -SMIME_E_UNSUPPORTED;
}

static int read_wrap(const X509_ALGOR *wrap, struct cms_agreement *agreement) {
	const ASN1_OBJECT *object;
	size_t i;
	int nid;

	X509_ALGOR_get0(&object, NULL, NULL, wrap);
	nid = OBJ_obj2nid(object);
	for (i = 0; i < ELEMENTSOF(wraps); i++)
		if (wraps[i].nid == nid) {
			agreement->wrap = wraps[i].cipher();
			agreement->kek_len = wraps[i].kek_len;
			return 0;
		}
	return -SMIME_E_UNSUPPORTED;
}

int cms_agreement_read(const X509_ALGOR *key_encryption, struct cms_agreement *ret_agreement) {
	struct cms_agreement agreement = { 0 };
	X509_ALGOR *wrap = NULL;
	const ASN1_OBJECT *object;
	const void *parameter;
	int type, r;

	X509_ALGOR_get0(&object, &type, &parameter, key_encryption);
	r = read_scheme(object, &agreement);
	if (r < 0)
		return r;
	if (type != V_ASN1_SEQUENCE)
		return -SMIME_E_MALFORMED;
	r = cms_parse((struct bytes){ ASN1_STRING_get0_data(parameter), (size_t)ASN1_STRING_length(parameter) }, ASN1_ITEM_rptr(X509_ALGOR),
		&wrap);
	if (r < 0)
		return r;
	r = read_wrap(wrap, &agreement);
	if (r < 0) {
		X509_ALGOR_free(wrap);
		return r;
	}
	agreement.wrap_algorithm = wrap;
	*ret_agreement = agreement;
	return 0;
}

static int x963(const EVP_MD *md, struct bytes z, struct bytes info, size_t kek_len, uint8_t *ret_kek) {
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_X963KDF, NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (uint8_t *)(uintptr_t)z.data, z.len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (uint8_t *)(uintptr_t)info.data, info.len),
		OSSL_PARAM_END,
	};
	bool done = context && EVP_KDF_derive(context, ret_kek, kek_len, parameters) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	if (!done)
		ERR_clear_error();
	return done ? 0 : -SMIME_E_INTERNAL;
}

int cms_kdf_x963(
	const EVP_MD *kdf, struct bytes z, const X509_ALGOR *wrap, const ASN1_OCTET_STRING *ukm, size_t kek_len, uint8_t *ret_kek) {
	unsigned char *info = NULL;
	int len = CMS_SharedInfo_encode(&info, (X509_ALGOR *)(uintptr_t)wrap, (ASN1_OCTET_STRING *)(uintptr_t)ukm, (int)kek_len), r;

	if (len <= 0) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	r = x963(kdf, z, (struct bytes){ info, (size_t)len }, kek_len, ret_kek);
	OPENSSL_free(info);
	return r;
}
