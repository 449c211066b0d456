/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Content encryption: which ciphers there are, reading their AlgorithmIdentifiers, and making them.
 *
 * Reading is an allow-list: what is not in the table here is unsupported, whatever OpenSSL knows.
 */
#include "leaf.h"

#include <openssl/err.h>

#include "smime/error.h"

#define OID_CEK_HKDF_SHA256 "1.2.840.113549.1.9.16.3.31"

static const struct cms_cipher_kind kinds[] = {
	{ "aes128-cbc", "2.16.840.1.101.3.4.1.2", EVP_aes_128_cbc, CMS_MODE_CBC, 16, 16, false },
	{ "aes192-cbc", "2.16.840.1.101.3.4.1.22", EVP_aes_192_cbc, CMS_MODE_CBC, 24, 16, false },
	{ "aes256-cbc", "2.16.840.1.101.3.4.1.42", EVP_aes_256_cbc, CMS_MODE_CBC, 32, 16, false },
	{ "aes128-gcm", "2.16.840.1.101.3.4.1.6", EVP_aes_128_gcm, CMS_MODE_GCM, 16, 12, false },
	{ "aes192-gcm", "2.16.840.1.101.3.4.1.26", EVP_aes_192_gcm, CMS_MODE_GCM, 24, 12, false },
	{ "aes256-gcm", "2.16.840.1.101.3.4.1.46", EVP_aes_256_gcm, CMS_MODE_GCM, 32, 12, false },
	{ "chacha20-poly1305", "1.2.840.113549.1.9.16.3.18", EVP_chacha20_poly1305, CMS_MODE_CHACHA, 32, 12, false },
	{ "des-ede3-cbc", "1.2.840.113549.3.7", EVP_des_ede3_cbc, CMS_MODE_CBC, 24, 8, true },
};

const struct cms_cipher_kind *cms_cipher_named(const char *name) {
	for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static const struct cms_cipher_kind *find(const ASN1_OBJECT *object) {
	for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
		if (cms_object_is(object, kinds[i].oid))
			return &kinds[i];
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

/* CBC, and ChaCha20-Poly1305 (RFC 8103 3): an IV of one length. */
static int read_iv(int type, const void *parameter, size_t iv_len, struct cms_cipher *cipher) {
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
	const struct cms_cipher_kind *kind;
	const ASN1_OBJECT *object;
	const void *parameter;
	int type;

	X509_ALGOR_get0(&object, &type, &parameter, algorithm);
	kind = find(object);
	if (!kind || (kind->mode != CMS_MODE_CBC) != authenticated)
		return -SMIME_E_UNSUPPORTED;
	*ret_cipher = (struct cms_cipher){
		.cipher = kind->cipher(),
		.mode = kind->mode,
		.key_len = kind->key_len,
		.tag_len = kind->mode == CMS_MODE_CHACHA ? CMS_TAG_BYTES : 0,
		.weak = kind->weak,
		.name = kind->name,
	};
	if (kind->mode == CMS_MODE_GCM)
		return read_gcm(type, parameter, ret_cipher);
	return read_iv(type, parameter, kind->iv_len, ret_cipher);
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

int cms_cek_derive(const X509_ALGOR *content_encryption, const uint8_t *key, size_t len, uint8_t *ret_cek) {
	_cleanup_(algorithm_freep) X509_ALGOR *inner = NULL;
	_cleanup_(freep) uint8_t *info = NULL;
	static const char salt[] = "The Cryptographic Message Syntax";
	size_t info_len = 0;
	int r = derived_read(content_encryption, &inner);

	if (r != 0)
		return -SMIME_E_UNSUPPORTED;
	r = cms_der(inner, ASN1_ITEM_rptr(X509_ALGOR), &info, &info_len);
	if (r < 0)
		return r;
	struct cms_kdf_input input = { { key, len }, { (const uint8_t *)salt, sizeof(salt) - 1 }, { info, info_len } };
	return cms_kdf(CMS_KDF_HKDF, EVP_sha256(), &input, ret_cek, len);
}

DEFINE_CLEANUP(ASN1_STRING *, string_freep, ASN1_STRING_free)

/* The IV, or GCMParameters with the length of the tag spelled out. */
static ASN1_STRING *parameter_of(const struct cms_cipher_kind *kind, const uint8_t *iv) {
	_cleanup_(cms_gcm_parameters_freep) struct cms_gcm_parameters *gcm = NULL;
	_cleanup_(string_freep) ASN1_STRING *octets = NULL;

	if (kind->mode != CMS_MODE_GCM) {
		octets = ASN1_OCTET_STRING_new();
		return octets && ASN1_OCTET_STRING_set(octets, iv, (int)kind->iv_len) == 1 ? TAKE(octets) : NULL;
	}
	gcm = cms_gcm_parameters_new();
	if (!gcm || !(gcm->icv_len = ASN1_INTEGER_new()) || ASN1_INTEGER_set(gcm->icv_len, CMS_TAG_BYTES) != 1 ||
		ASN1_OCTET_STRING_set(gcm->nonce, iv, (int)kind->iv_len) != 1)
		return NULL;
	return ASN1_item_pack(gcm, cms_gcm_parameters_it(), NULL);
}

static X509_ALGOR *algorithm_with(const char *oid, int type, ASN1_STRING *parameter) {
	_cleanup_(string_freep) ASN1_STRING *owned = parameter;
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_OBJECT *object = cms_object(oid);

	if (!owned || !algorithm || !object || X509_ALGOR_set0(algorithm, object, type, owned) != 1) {
		ASN1_OBJECT_free(object);
		return NULL;
	}
	owned = NULL; /* handed over */
	return TAKE(algorithm);
}

X509_ALGOR *cms_cipher_algorithm(const struct cms_cipher_kind *kind, const uint8_t *iv, bool derived) {
	int type = kind->mode == CMS_MODE_GCM ? V_ASN1_SEQUENCE : V_ASN1_OCTET_STRING;
	_cleanup_(algorithm_freep) X509_ALGOR *inner = algorithm_with(kind->oid, type, parameter_of(kind, iv));

	if (!inner || !derived)
		return TAKE(inner);
	return algorithm_with(OID_CEK_HKDF_SHA256, V_ASN1_SEQUENCE, ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), NULL));
}
