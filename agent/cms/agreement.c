/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elliptic-curve key agreement (RFC 5753, RFC 8418): what a KeyAgreeRecipientInfo asks for, and its key derivation.
 *
 * Holds no key of its own: the shared secret comes in, the key-encryption key goes out, both are the caller's to wipe.
 */
#include "leaf.h"

#include <openssl/err.h>

#include "smime/error.h"

enum { AES_128_KEY_BYTES = 16 };

/*
 * The cofactor of the NIST and Brainpool curves is 1, so cofactorDH and stdDH are the same there (SP 800-56A 5.7.1.2). Any derivation may
 * come with any curve (RFC 8418 2); what is sent with which is in cms_agreement_make().
 */
static const struct scheme {
	const char *oid;
	enum cms_kdf_kind kdf;
	const EVP_MD *(*md)(void);
} schemes[] = {
	{ "1.3.132.1.11.1", CMS_KDF_X963, EVP_sha256 },
	{ "1.3.132.1.11.2", CMS_KDF_X963, EVP_sha384 },
	{ "1.3.132.1.11.3", CMS_KDF_X963, EVP_sha512 },
	{ "1.3.132.1.11.0", CMS_KDF_X963, EVP_sha224 },
	{ "1.3.133.16.840.63.0.2", CMS_KDF_X963, EVP_sha1 },
	{ "1.3.132.1.14.1", CMS_KDF_X963, EVP_sha256 },
	{ "1.3.132.1.14.2", CMS_KDF_X963, EVP_sha384 },
	{ "1.3.132.1.14.3", CMS_KDF_X963, EVP_sha512 },
	{ "1.3.132.1.14.0", CMS_KDF_X963, EVP_sha224 },
	{ "1.3.133.16.840.63.0.3", CMS_KDF_X963, EVP_sha1 },
	{ "1.2.840.113549.1.9.16.3.19", CMS_KDF_HKDF, EVP_sha256 },
	{ "1.2.840.113549.1.9.16.3.20", CMS_KDF_HKDF, EVP_sha384 },
	{ "1.2.840.113549.1.9.16.3.21", CMS_KDF_HKDF, EVP_sha512 },
};
enum { SCHEME_STD_X963_SHA256 = 0, SCHEME_HKDF_SHA256 = 10, SCHEME_HKDF_SHA512 = 12 };

static const struct wrap {
	int nid;
	const EVP_CIPHER *(*cipher)(void);
	size_t kek_len;
} wraps[] = {
	{ NID_id_aes128_wrap, EVP_aes_128_wrap, 16 },
	{ NID_id_aes192_wrap, EVP_aes_192_wrap, 24 },
	{ NID_id_aes256_wrap, EVP_aes_256_wrap, 32 },
};
enum { WRAP_AES_128 = 0, WRAP_AES_256 = 2 };

DEFINE_CLEANUP(ASN1_STRING *, asn1_string_freep, ASN1_STRING_free)

static const struct scheme *find_scheme(const ASN1_OBJECT *object) {
	for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
		if (cms_object_is(object, schemes[i].oid))
			return &schemes[i];
	return NULL;
}

static const struct wrap *find_wrap(const X509_ALGOR *algorithm) {
	int nid = OBJ_obj2nid(algorithm->algorithm);

	for (size_t i = 0; i < ELEMENTSOF(wraps); i++)
		if (wraps[i].nid == nid)
			return &wraps[i];
	return NULL;
}

static struct cms_agreement agreement_of(const struct scheme *scheme, const struct wrap *wrap, X509_ALGOR *wrap_algorithm) {
	return (struct cms_agreement){ scheme->kdf, scheme->md(), wrap->cipher(), wrap_algorithm, wrap->kek_len };
}

int cms_agreement_read(const X509_ALGOR *key_encryption, struct cms_agreement *ret_agreement) {
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = NULL;
	const struct scheme *scheme;
	const struct wrap *wrap;
	const ASN1_OBJECT *object;
	const void *parameter;
	int type, r;

	X509_ALGOR_get0(&object, &type, &parameter, key_encryption);
	scheme = find_scheme(object);
	if (!scheme)
		return -SMIME_E_UNSUPPORTED;
	if (type != V_ASN1_SEQUENCE)
		return -SMIME_E_MALFORMED;
	r = cms_parse((struct bytes){ ASN1_STRING_get0_data(parameter), (size_t)ASN1_STRING_length(parameter) }, ASN1_ITEM_rptr(X509_ALGOR),
		&algorithm);
	if (r < 0)
		return r;
	wrap = find_wrap(algorithm);
	if (!wrap)
		return -SMIME_E_UNSUPPORTED;
	*ret_agreement = agreement_of(scheme, wrap, TAKE(algorithm));
	return 0;
}

/* The scheme with the wrap as its parameter. */
static X509_ALGOR *algorithm_of(const struct scheme *scheme, X509_ALGOR *wrap) {
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	_cleanup_(asn1_string_freep) ASN1_STRING *packed = wrap ? ASN1_item_pack(wrap, ASN1_ITEM_rptr(X509_ALGOR), NULL) : NULL;
	ASN1_OBJECT *object = cms_object(scheme->oid);

	if (!algorithm || !packed || !object || X509_ALGOR_set0(algorithm, object, V_ASN1_SEQUENCE, packed) != 1) {
		ASN1_OBJECT_free(object);
		return NULL;
	}
	packed = NULL; /* handed over */
	return TAKE(algorithm);
}

int cms_agreement_make(int key_type, size_t cek_len, struct cms_agreement *ret_agreement, X509_ALGOR **ret_algorithm) {
	const struct wrap *wrap = &wraps[cek_len <= AES_128_KEY_BYTES ? WRAP_AES_128 : WRAP_AES_256];
	const struct scheme *scheme = &schemes[key_type == EVP_PKEY_EC ? SCHEME_STD_X963_SHA256 :
			key_type == EVP_PKEY_X448                      ? SCHEME_HKDF_SHA512 :
									 SCHEME_HKDF_SHA256];
	_cleanup_(algorithm_freep) X509_ALGOR *wrap_algorithm = cms_algorithm(wrap->nid);
	X509_ALGOR *algorithm = algorithm_of(scheme, wrap_algorithm);

	if (!algorithm)
		return -SMIME_E_NO_MEMORY;
	*ret_agreement = agreement_of(scheme, wrap, TAKE(wrap_algorithm));
	*ret_algorithm = algorithm;
	return 0;
}

int cms_agreement_kek(const struct cms_agreement *agreement, struct bytes z, const ASN1_OCTET_STRING *ukm, uint8_t *ret_kek) {
	struct cms_kdf_input input = { .key = z };
	unsigned char *info = NULL;
	int len = CMS_SharedInfo_encode(&info, agreement->wrap_algorithm, (ASN1_OCTET_STRING *)(uintptr_t)ukm, (int)agreement->kek_len), r;

	if (len <= 0) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	input.info = (struct bytes){ info, (size_t)len };
	if (ukm && agreement->kdf == CMS_KDF_HKDF)
		input.salt = (struct bytes){ ASN1_STRING_get0_data(ukm), (size_t)ASN1_STRING_length(ukm) };
	r = cms_kdf(agreement->kdf, agreement->md, &input, ret_kek, agreement->kek_len);
	OPENSSL_free(info);
	return r;
}
