/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signature algorithms of CMS as a table, and their verification with OpenSSL's EVP.
 *
 * Lenient in which of the customary identifiers a sender wrote, strict in what the identifiers say.
 */
#include "signature.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "agent/cms/certificate-key.h"
#include "agent/cms/leaf.h"
#include "agent/cms/suitable.h"
#include "smime/error.h"

enum { EC_MIN_BITS = 256 };

struct scheme_row {
	int nid;
	enum signature_scheme scheme;
	int digest; /* NID of the one that the identifier stands for (RFC 8419 3: SHA-512 for Ed25519); NID_undef: any */
};

static const struct scheme_row schemes[] = {
	{ NID_rsaEncryption, SIGNATURE_RSA_V15, NID_undef },
	{ NID_sha256WithRSAEncryption, SIGNATURE_RSA_V15, NID_sha256 },
	{ NID_sha384WithRSAEncryption, SIGNATURE_RSA_V15, NID_sha384 },
	{ NID_sha512WithRSAEncryption, SIGNATURE_RSA_V15, NID_sha512 },
	{ NID_sha224WithRSAEncryption, SIGNATURE_RSA_V15, NID_sha224 },
	{ NID_sha1WithRSAEncryption, SIGNATURE_RSA_V15, NID_sha1 },
	{ NID_md5WithRSAEncryption, SIGNATURE_RSA_V15, NID_md5 },
	{ NID_rsassaPss, SIGNATURE_RSA_PSS, NID_undef },
	{ NID_X9_62_id_ecPublicKey, SIGNATURE_ECDSA, NID_undef },
	{ NID_ecdsa_with_SHA256, SIGNATURE_ECDSA, NID_sha256 },
	{ NID_ecdsa_with_SHA384, SIGNATURE_ECDSA, NID_sha384 },
	{ NID_ecdsa_with_SHA512, SIGNATURE_ECDSA, NID_sha512 },
	{ NID_ecdsa_with_SHA224, SIGNATURE_ECDSA, NID_sha224 },
	{ NID_ecdsa_with_SHA1, SIGNATURE_ECDSA, NID_sha1 },
	{ NID_ED25519, SIGNATURE_ED25519, NID_sha512 },
	{ NID_dsa, SIGNATURE_DSA, NID_undef },
	{ NID_dsaWithSHA1, SIGNATURE_DSA, NID_sha1 },
	{ NID_dsa_with_SHA224, SIGNATURE_DSA, NID_sha224 },
	{ NID_dsa_with_SHA256, SIGNATURE_DSA, NID_sha256 },
};

static const struct scheme_row *scheme_find(const ASN1_OBJECT *object) {
	int nid = OBJ_obj2nid(object);
	size_t i;

	for (i = 0; i < ELEMENTSOF(schemes); i++)
		if (schemes[i].nid == nid)
			return &schemes[i];
	return NULL;
}

static bool has_no_parameters(const X509_ALGOR *algorithm) {
	int type;

	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	return type == V_ASN1_UNDEF || type == V_ASN1_NULL;
}

static const EVP_MD *digest_read(const X509_ALGOR *algorithm) {
	return has_no_parameters(algorithm) ? cms_digest(algorithm->algorithm) : NULL;
}

static int pss_check(const X509_ALGOR *signature, struct signature_algorithm *algorithm, const char **ret_why) {
	struct cms_pss pss;
	int r = cms_pss_read(signature, &pss);

	if (r < 0) {
		*ret_why = "the parameters of RSASSA-PSS are missing, can't be read or name an unknown digest";
		return r == -SMIME_E_UNSUPPORTED ? r : -SMIME_E_SIGNATURE;
	}
	if (pss.md != algorithm->md || pss.mgf1_md != algorithm->md || pss.trailer != 1) {
		*ret_why = "the parameters of RSASSA-PSS do not fit the digest algorithm";
		return -SMIME_E_SIGNATURE;
	}
	algorithm->salt_len = pss.salt_len;
	return 0;
}

int signature_read(const X509_ALGOR *digest, const X509_ALGOR *signature, struct signature_algorithm *ret_algorithm, const char **ret_why) {
	const struct scheme_row *row = scheme_find(signature->algorithm);
	struct signature_algorithm algorithm = { .md = digest_read(digest) };
	int r = 0;

	if (!algorithm.md || !row) {
		*ret_why = algorithm.md ? "the signature algorithm is not supported" : "the digest algorithm is not supported";
		return -SMIME_E_UNSUPPORTED;
	}
	algorithm.scheme = row->scheme;
	if (row->digest != NID_undef && row->digest != EVP_MD_get_type(algorithm.md)) {
		*ret_why = "the signature algorithm does not go with the digest algorithm";
		return -SMIME_E_SIGNATURE;
	}
	if (row->scheme == SIGNATURE_RSA_PSS)
		r = pss_check(signature, &algorithm, ret_why);
	if (r == 0)
		*ret_algorithm = algorithm;
	return r;
}

static bool key_fits(const struct signature_algorithm *algorithm, const EVP_PKEY *key) {
	int type = EVP_PKEY_get_base_id(key);

	switch (algorithm->scheme) {
	case SIGNATURE_RSA_V15:
		return type == EVP_PKEY_RSA;
	case SIGNATURE_RSA_PSS:
		return type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS;
	case SIGNATURE_ECDSA:
		return type == EVP_PKEY_EC;
	case SIGNATURE_DSA:
		return type == EVP_PKEY_DSA;
	default:
		return type == EVP_PKEY_ED25519;
	}
}

DEFINE_CLEANUP(EVP_PKEY_CTX *, pkey_ctx_freep, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(EVP_MD_CTX *, md_ctx_freep, EVP_MD_CTX_free)

static bool set_padding(EVP_PKEY_CTX *context, const struct signature_algorithm *algorithm) {
	if (algorithm->scheme == SIGNATURE_RSA_V15)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
	if (algorithm->scheme != SIGNATURE_RSA_PSS)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(context, algorithm->md) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, algorithm->salt_len) == 1;
}

static bool verify_digest(const struct signature_algorithm *algorithm, EVP_PKEY *key, struct bytes digest, struct bytes value) {
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	return context && EVP_PKEY_verify_init(context) == 1 && set_padding(context, algorithm) &&
		EVP_PKEY_CTX_set_signature_md(context, algorithm->md) == 1 &&
		EVP_PKEY_verify(context, value.data, value.len, digest.data, digest.len) == 1;
}

static bool verify_pure(EVP_PKEY *key, struct bytes message, struct bytes value) {
	_cleanup_(md_ctx_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();

	return context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestVerify(context, value.data, value.len, message.data, message.len) == 1;
}

static bool has_modulus(enum signature_scheme scheme) {
	return scheme == SIGNATURE_RSA_V15 || scheme == SIGNATURE_RSA_PSS || scheme == SIGNATURE_DSA;
}

/* Keys that nobody has, made to cost whoever verifies (RFC 8550 4.3); OpenSSL limits the exponent of long moduli only. */
static bool is_expensive(const struct signature_algorithm *algorithm, const EVP_PKEY *key) {
	BIGNUM *exponent = NULL;
	bool expensive = has_modulus(algorithm->scheme) && EVP_PKEY_get_bits(key) > SIGNATURE_KEY_MAX_BITS;

	if (!expensive && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1)
		expensive = BN_num_bits(exponent) > SIGNATURE_EXPONENT_MAX_BITS;
	BN_free(exponent);
	return expensive;
}

int signature_verify(
	const struct signature_algorithm *algorithm, EVP_PKEY *key, struct bytes message, struct bytes digest, struct bytes value) {
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned int len;
	bool match;

	if (!key)
		return -SMIME_E_KEY_UNUSABLE;
	if (!key_fits(algorithm, key))
		return -SMIME_E_SIGNATURE;
	if (is_expensive(algorithm, key))
		return -SMIME_E_UNSUPPORTED;
	if (algorithm->scheme == SIGNATURE_ED25519) {
		if (!message.data)
			return -SMIME_E_UNSUPPORTED;
		match = verify_pure(key, message, value);
	} else {
		if (message.data) {
			if (EVP_Digest(message.data, message.len, hash, &len, algorithm->md, NULL) != 1)
				return -SMIME_E_NO_MEMORY;
			digest = (struct bytes){ hash, len };
		}
		match = verify_digest(algorithm, key, digest, value);
	}
	ERR_clear_error();
	return match ? 0 : -SMIME_E_SIGNATURE;
}

bool signature_algorithm_equal(const X509_ALGOR *a, const X509_ALGOR *b) {
	struct cms_pss first, second;

	if (OBJ_cmp(a->algorithm, b->algorithm) != 0)
		return false;
	if (has_no_parameters(a) && has_no_parameters(b))
		return true;
	if (OBJ_obj2nid(a->algorithm) == NID_rsassaPss)
		return cms_pss_read(a, &first) == 0 && cms_pss_read(b, &second) == 0 && first.md == second.md &&
			first.mgf1_md == second.mgf1_md && first.salt_len == second.salt_len && first.trailer == second.trailer;
	return a->parameter && b->parameter && ASN1_TYPE_cmp(a->parameter, b->parameter) == 0;
}

const char *signature_scheme_name(enum signature_scheme scheme) {
	static const char *const names[] = {
		[SIGNATURE_RSA_V15] = "PKCS#1 v1.5",
		[SIGNATURE_RSA_PSS] = "PSS",
		[SIGNATURE_ECDSA] = "ECDSA",
		[SIGNATURE_ED25519] = "Ed25519",
		[SIGNATURE_DSA] = "DSA",
	};

	return names[scheme];
}

const char *signature_weakness(const struct signature_algorithm *algorithm, const EVP_PKEY *key) {
	int digest = EVP_MD_get_type(algorithm->md);

	if (digest == NID_md5)
		return "MD5";
	if (digest == NID_sha1)
		return "SHA-1";
	if (algorithm->scheme == SIGNATURE_DSA)
		return "DSA";
	if (!key)
		return NULL;
	if (algorithm->scheme == SIGNATURE_ECDSA && EVP_PKEY_get_bits(key) < EC_MIN_BITS)
		return "an EC key of less than 256 bits";
	if (algorithm->scheme <= SIGNATURE_RSA_PSS && EVP_PKEY_get_bits(key) < CMS_RSA_MIN_BITS)
		return "an RSA key of less than 2048 bits";
	return NULL;
}
