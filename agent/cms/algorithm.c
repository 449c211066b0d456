/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AlgorithmIdentifiers: making them, and reading those of digests.
 *
 * Reading is an allow-list: what is not here is unsupported, whatever OpenSSL knows.
 */
#include "leaf.h"

static bool is_rsa_v15(int nid) {
	return nid == NID_rsaEncryption || nid == NID_sha256WithRSAEncryption || nid == NID_sha384WithRSAEncryption ||
		nid == NID_sha512WithRSAEncryption || nid == NID_sha1WithRSAEncryption;
}

X509_ALGOR *cms_algorithm(int nid) {
	X509_ALGOR *algorithm = X509_ALGOR_new();

	if (!algorithm || X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), is_rsa_v15(nid) ? V_ASN1_NULL : V_ASN1_UNDEF, NULL) != 1) {
		X509_ALGOR_free(algorithm);
		return NULL;
	}
	return algorithm;
}

DEFINE_CLEANUP(ASN1_STRING *, string_freep, ASN1_STRING_free)
DEFINE_CLEANUP(RSA_PSS_PARAMS *, pss_freep, RSA_PSS_PARAMS_free)

/* id-mgf1 with the digest as its parameter. */
static X509_ALGOR *algorithm_mgf1(X509_ALGOR *digest) {
	_cleanup_(string_freep) ASN1_STRING *packed = ASN1_item_pack(digest, ASN1_ITEM_rptr(X509_ALGOR), NULL);
	X509_ALGOR *mgf = packed ? X509_ALGOR_new() : NULL;

	if (mgf && X509_ALGOR_set0(mgf, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed) == 1) {
		packed = NULL; /* handed over */
		return mgf;
	}
	X509_ALGOR_free(mgf);
	return NULL;
}

X509_ALGOR *cms_algorithm_pss(const EVP_MD *md) {
	_cleanup_(pss_freep) RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
	_cleanup_(string_freep) ASN1_STRING *packed = NULL;
	X509_ALGOR *algorithm;

	if (!pss || !(pss->hashAlgorithm = cms_algorithm(EVP_MD_get_type(md))) ||
		!(pss->maskGenAlgorithm = algorithm_mgf1(pss->hashAlgorithm)) || !(pss->saltLength = ASN1_INTEGER_new()) ||
		ASN1_INTEGER_set(pss->saltLength, EVP_MD_get_size(md)) != 1)
		return NULL;
	packed = ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), NULL);
	algorithm = packed ? X509_ALGOR_new() : NULL;
	if (algorithm && X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed) == 1) {
		packed = NULL; /* handed over */
		return algorithm;
	}
	X509_ALGOR_free(algorithm);
	return NULL;
}

const EVP_MD *cms_digest(const ASN1_OBJECT *algorithm) {
	switch (OBJ_obj2nid(algorithm)) {
	case NID_sha256:
		return EVP_sha256();
	case NID_sha384:
		return EVP_sha384();
	case NID_sha512:
		return EVP_sha512();
	case NID_sha224:
		return EVP_sha224();
	case NID_sha1:
		return EVP_sha1();
	case NID_md5:
		return EVP_md5();
	default:
		return NULL;
	}
}
