/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AlgorithmIdentifiers: making them, and reading those of digests and of content encryption.
 *
 * Reading is an allow-list: what is not in a table here is unsupported, whatever OpenSSL knows.
 */
#include "leaf.h"

#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/core_names.h>

#include "smime/error.h"

#define OID_CEK_HKDF_SHA256 "1.2.840.113549.1.9.16.3.31"

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

struct cipher_row {
	int nid;
	const EVP_CIPHER *(*cipher)(void);
	enum cms_cipher_mode mode;
	size_t key_len, iv_len; /* iv_len 0: any length */
	bool weak;
	const char *name;
};

static const struct cipher_row ciphers[] = {
	{ NID_aes_128_cbc, EVP_aes_128_cbc, CMS_MODE_CBC, 16, 16, false, "aes128-cbc" },
	{ NID_aes_192_cbc, EVP_aes_192_cbc, CMS_MODE_CBC, 24, 16, false, "aes192-cbc" },
	{ NID_aes_256_cbc, EVP_aes_256_cbc, CMS_MODE_CBC, 32, 16, false, "aes256-cbc" },
	{ NID_aes_128_gcm, EVP_aes_128_gcm, CMS_MODE_GCM, 16, 0, false, "aes128-gcm" },
	{ NID_aes_192_gcm, EVP_aes_192_gcm, CMS_MODE_GCM, 24, 0, false, "aes192-gcm" },
	{ NID_aes_256_gcm, EVP_aes_256_gcm, CMS_MODE_GCM, 32, 0, false, "aes256-gcm" },
	{ NID_des_ede3_cbc, EVP_des_ede3_cbc, CMS_MODE_CBC, 24, 8, true, "des-ede3-cbc" },
};

static const struct cipher_row *cipher_find(const ASN1_OBJECT *object) {
	int nid = OBJ_obj2nid(object);
	size_t i;

	for (i = 0; i < ELEMENTSOF(ciphers); i++)
		if (ciphers[i].nid == nid)
			return &ciphers[i];
	return NULL;
}

static int set_iv(const ASN1_OCTET_STRING *iv, struct cms_cipher *cipher) {
	size_t len = (size_t)ASN1_STRING_length(iv);

	if (len == 0 || len > sizeof(cipher->iv))
		return -SMIME_E_MALFORMED;
	memcpy(cipher->iv, ASN1_STRING_get0_data(iv), len);
	cipher->iv_len = len;
	return 0;
}

static int read_cbc(int type, const void *parameter, size_t iv_len, struct cms_cipher *cipher) {
	if (type != V_ASN1_OCTET_STRING || (size_t)ASN1_STRING_length(parameter) != iv_len)
		return -SMIME_E_MALFORMED;
	return set_iv(parameter, cipher);
}

/* RFC 5084 3.2: aes-ICVlen is 12 when left out; less than 12 octets are not accepted here, though RFC 5084 has no such values. */
static int read_gcm(int type, const void *parameter, struct cms_cipher *cipher) {
	enum { ICV_DEFAULT_BYTES = 12, ICV_MIN_BYTES = 12, ICV_MAX_BYTES = 16 };
	_cleanup_(cms_gcm_parameters_freep) struct cms_gcm_parameters *gcm = NULL;
	struct bytes der;
	int64_t icv = ICV_DEFAULT_BYTES;
	int r;

	if (type != V_ASN1_SEQUENCE)
		return -SMIME_E_MALFORMED;
	der = (struct bytes){ ASN1_STRING_get0_data(parameter), (size_t)ASN1_STRING_length(parameter) };
	r = cms_parse(der, cms_gcm_parameters_it(), &gcm);
	if (r < 0)
		return r;
	if (gcm->icv_len && ASN1_INTEGER_get_int64(&icv, gcm->icv_len) != 1) {
		ERR_clear_error();
		return -SMIME_E_MALFORMED;
	}
	if (icv < ICV_MIN_BYTES || icv > ICV_MAX_BYTES)
		return -SMIME_E_UNSUPPORTED;
	cipher->tag_len = (size_t)icv;
	return set_iv(gcm->nonce, cipher);
}

static int cipher_read_plain(const X509_ALGOR *algorithm, bool authenticated, struct cms_cipher *ret_cipher) {
	const struct cipher_row *row;
	const ASN1_OBJECT *object;
	const void *parameter;
	int type, r;

	X509_ALGOR_get0(&object, &type, &parameter, algorithm);
	row = cipher_find(object);
	if (!row || (row->mode == CMS_MODE_GCM) != authenticated)
		return -SMIME_E_UNSUPPORTED;
	*ret_cipher = (struct cms_cipher){
		.cipher = row->cipher(),
		.mode = row->mode,
		.key_len = row->key_len,
		.weak = row->weak,
		.name = row->name,
	};
	if (row->mode == CMS_MODE_GCM)
		r = read_gcm(type, parameter, ret_cipher);
	else
		r = read_cbc(type, parameter, row->iv_len, ret_cipher);
	return r;
}

/* RFC 9709 3: the parameter of id-alg-cek-hkdf-sha256 is the real algorithm. Returns 0; 1 for another algorithm. */
static int derived_read(const X509_ALGOR *algorithm, X509_ALGOR **ret_inner) {
	const ASN1_OBJECT *object;
	const void *parameter;
	int type;

	X509_ALGOR_get0(&object, &type, &parameter, algorithm);
	if (!cms_object_is(object, OID_CEK_HKDF_SHA256))
		return 1;
	if (type != V_ASN1_SEQUENCE)
		return -SMIME_E_MALFORMED;
	return cms_parse((struct bytes){ ASN1_STRING_get0_data(parameter), (size_t)ASN1_STRING_length(parameter) },
		ASN1_ITEM_rptr(X509_ALGOR), ret_inner);
}

int cms_cipher_read(const X509_ALGOR *algorithm, bool authenticated, struct cms_cipher *ret_cipher) {
	_cleanup_(algorithm_freep) X509_ALGOR *inner = NULL;
	struct cms_cipher cipher;
	int derived = derived_read(algorithm, &inner), r;

	if (derived < 0)
		return derived;
	r = cipher_read_plain(inner ? inner : algorithm, authenticated, &cipher);
	if (r < 0)
		return r;
	cipher.derived = inner != NULL;
	*ret_cipher = cipher;
	return 0;
}

static int hkdf_sha256(const uint8_t *key, size_t len, struct bytes info, uint8_t *ret_out) {
	static const char salt[] = "The Cryptographic Message Syntax";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (char *)(uintptr_t)salt, sizeof(salt) - 1),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (uint8_t *)(uintptr_t)key, len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (uint8_t *)(uintptr_t)info.data, info.len),
		OSSL_PARAM_END,
	};
	bool done = context && EVP_KDF_derive(context, ret_out, len, parameters) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	if (!done)
		ERR_clear_error();
	return done ? 0 : -SMIME_E_NO_MEMORY;
}

int cms_cek_derive(const X509_ALGOR *content_encryption, const uint8_t *key, size_t len, uint8_t *ret_cek) {
	_cleanup_(algorithm_freep) X509_ALGOR *inner = NULL;
	_cleanup_(freep) uint8_t *info = NULL;
	size_t info_len = 0;
	int r = derived_read(content_encryption, &inner);

	if (r != 0)
		return -SMIME_E_UNSUPPORTED;
	r = cms_der(inner, ASN1_ITEM_rptr(X509_ALGOR), &info, &info_len);
	return r < 0 ? r : hkdf_sha256(key, len, (struct bytes){ info, info_len }, ret_cek);
}
