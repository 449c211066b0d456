/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypting a content-encryption key to an RSA key: RSAES-PKCS1-v1_5 (RFC 3370 4.2.1) or RSAES-OAEP (RFC 4055 4).
 */
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "content-info.h"
#include "recipient-keys.h"
#include "smime/error.h"

DEFINE_CLEANUP(ASN1_STRING *, asn1_string_freep, ASN1_STRING_free)
DEFINE_CLEANUP(RSA_OAEP_PARAMS *, rsa_oaep_freep, RSA_OAEP_PARAMS_free)

/* An AlgorithmIdentifier whose parameter is a packed structure. */
static X509_ALGOR *algorithm_with(int nid, const void *parameter, const ASN1_ITEM *item) {
	_cleanup_(asn1_string_freep) ASN1_STRING *packed = ASN1_item_pack((void *)(uintptr_t)parameter, item, NULL);
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = X509_ALGOR_new();

	if (!packed || !algorithm || X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_SEQUENCE, packed) != 1)
		return NULL;
	packed = NULL; /* handed over */
	return TAKE(algorithm);
}

/* RFC 4055 2.1: the digests in these parameters have NULL, not nothing. */
static X509_ALGOR *sha256_with_null(void) {
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = X509_ALGOR_new();

	if (!algorithm || X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) != 1)
		return NULL;
	return TAKE(algorithm);
}

X509_ALGOR *key_trans_oaep(void) {
	_cleanup_(rsa_oaep_freep) RSA_OAEP_PARAMS *oaep = RSA_OAEP_PARAMS_new();

	if (!oaep || !(oaep->hashFunc = sha256_with_null()) ||
		!(oaep->maskGenFunc = algorithm_with(NID_mgf1, oaep->hashFunc, ASN1_ITEM_rptr(X509_ALGOR))))
		return NULL;
	return algorithm_with(NID_rsaesOaep, oaep, ASN1_ITEM_rptr(RSA_OAEP_PARAMS));
}

static const EVP_MD *digest_or_sha1(const X509_ALGOR *algorithm) {
	return algorithm ? cms_digest(algorithm->algorithm) : EVP_sha1();
}

/* The digest inside id-mgf1. */
static const EVP_MD *mask_digest(const X509_ALGOR *mask) {
	_cleanup_(algorithm_freep) X509_ALGOR *digest = NULL;
	const ASN1_STRING *packed;
	const ASN1_OBJECT *object;
	const void *parameter;
	int type;

	if (!mask)
		return EVP_sha1();
	X509_ALGOR_get0(&object, &type, &parameter, mask);
	packed = parameter;
	if (OBJ_obj2nid(object) != NID_mgf1 || type != V_ASN1_SEQUENCE ||
		cms_parse((struct bytes){ ASN1_STRING_get0_data(packed), (size_t)ASN1_STRING_length(packed) }, ASN1_ITEM_rptr(X509_ALGOR),
			&digest) < 0)
		return NULL;
	return cms_digest(digest->algorithm);
}

static int set_oaep(EVP_PKEY_CTX *context, const X509_ALGOR *algorithm) {
	_cleanup_(rsa_oaep_freep) RSA_OAEP_PARAMS *oaep = NULL;
	const EVP_MD *digest, *mask;
	const ASN1_STRING *packed;
	const void *parameter;
	int type;

	X509_ALGOR_get0(NULL, &type, &parameter, algorithm);
	packed = parameter;
	if (type != V_ASN1_SEQUENCE ||
		cms_parse((struct bytes){ ASN1_STRING_get0_data(packed), (size_t)ASN1_STRING_length(packed) },
			ASN1_ITEM_rptr(RSA_OAEP_PARAMS), &oaep) < 0)
		return -SMIME_E_UNSUPPORTED;
	digest = digest_or_sha1(oaep->hashFunc);
	mask = mask_digest(oaep->maskGenFunc);
	if (!digest || !mask || oaep->pSourceFunc)
		return -SMIME_E_UNSUPPORTED;
	if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 || EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) != 1 ||
		EVP_PKEY_CTX_set_rsa_mgf1_md(context, mask) != 1)
		return -SMIME_E_UNSUPPORTED;
	return 0;
}

static int encrypt_to(ASN1_OCTET_STRING *encrypted, EVP_PKEY_CTX *context, const struct secret *cek) {
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	if (EVP_PKEY_encrypt(context, NULL, &len, cek->data, cek->len) != 1)
		return -SMIME_E_UNSUPPORTED;
	data = malloc(len);
	if (!data)
		return -SMIME_E_NO_MEMORY;
	/* The modulus may be too small for the padding: then the certificate can't be encrypted to. */
	if (EVP_PKEY_encrypt(context, data, &len, cek->data, cek->len) != 1)
		return -SMIME_E_UNSUPPORTED;
	return ASN1_OCTET_STRING_set(encrypted, data, (int)len) == 1 ? 0 : -SMIME_E_NO_MEMORY;
}

int key_trans_encrypt(struct cms_key_trans *info, EVP_PKEY *key, const X509_ALGOR *oaep, const struct secret *cek) {
	_cleanup_(evp_pkey_ctx_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	X509_ALGOR *algorithm;
	int r = 0;

	if (!context)
		return -SMIME_E_NO_MEMORY;
	if (EVP_PKEY_encrypt_init(context) != 1)
		return -SMIME_E_UNSUPPORTED;
	if (oaep)
		r = set_oaep(context, oaep);
	else if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1)
		r = -SMIME_E_UNSUPPORTED;
	if (r < 0)
		return r;
	algorithm = oaep ? X509_ALGOR_dup(oaep) : cms_algorithm(NID_rsaEncryption);
	if (!algorithm)
		return -SMIME_E_NO_MEMORY;
	X509_ALGOR_free(info->key_encryption);
	info->key_encryption = algorithm;
	return encrypt_to(info->encrypted_key, context, cek);
}
