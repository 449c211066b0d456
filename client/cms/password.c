/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A content-encryption key under a password: PBKDF2 (RFC 8018 5.2) makes a key-encryption key of it, and PWRI-KEK (RFC 3211 2.3)
 * wraps with that one, in CBC, twice.
 *
 * What shows that the password is right are 24 bits: what they let through is caught by the content's own integrity.
 */
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "shared-parts.h"
#include "smime/error.h"

#define OID_PWRI_KEK "1.2.840.113549.1.9.16.3.9"

enum {
	SALT_BYTES = 16,
	CHECK_BYTES = 3,
	HEADER_BYTES = 1 + CHECK_BYTES,
	BLOCK_MAX_BYTES = 16,
	WRAPPED_MAX_BYTES = 128,
};

DEFINE_CLEANUP(PBKDF2PARAM *, pbkdf2_freep, PBKDF2PARAM_free)
DEFINE_CLEANUP(ASN1_STRING *, string_freep, ASN1_STRING_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_freep, EVP_CIPHER_CTX_free)

/* ---- The key-encryption key ---- */

/* RFC 8018 A.2: hmacWithSHA1 when it is left out. */
static const EVP_MD *digest_of(const X509_ALGOR *prf) {
	switch (prf ? OBJ_obj2nid(prf->algorithm) : NID_hmacWithSHA1) {
	case NID_hmacWithSHA1:
		return EVP_sha1();
	case NID_hmacWithSHA224:
		return EVP_sha224();
	case NID_hmacWithSHA256:
		return EVP_sha256();
	case NID_hmacWithSHA384:
		return EVP_sha384();
	case NID_hmacWithSHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static int read_parameters(const X509_ALGOR *derivation, PBKDF2PARAM **ret_pbkdf2) {
	const ASN1_OBJECT *object;
	const void *parameter;
	int type;

	if (!derivation)
		return -SMIME_E_UNSUPPORTED;
	X509_ALGOR_get0(&object, &type, &parameter, derivation);
	if (OBJ_obj2nid(object) != NID_id_pbkdf2)
		return -SMIME_E_UNSUPPORTED;
	if (type != V_ASN1_SEQUENCE)
		return -SMIME_E_MALFORMED;
	return cms_parse((struct bytes){ ASN1_STRING_get0_data(parameter), (size_t)ASN1_STRING_length(parameter) },
		ASN1_ITEM_rptr(PBKDF2PARAM), ret_pbkdf2);
}

/* A small INTEGER that must be there and positive. */
static int read_count(const ASN1_INTEGER *integer, int64_t max, int64_t *ret_count) {
	if (ASN1_INTEGER_get_int64(ret_count, integer) != 1) {
		ERR_clear_error();
		return -SMIME_E_MALFORMED;
	}
	if (*ret_count < 1)
		return -SMIME_E_MALFORMED;
	return *ret_count > max ? -SMIME_E_TOO_LARGE : 0;
}

static int derive(const struct secret *password, const PBKDF2PARAM *pbkdf2, size_t key_len, struct secret *ret_kek) {
	const EVP_MD *md = digest_of(pbkdf2->prf);
	const ASN1_OCTET_STRING *salt;
	int64_t iterations, told;
	int r;

	if (!md || pbkdf2->salt->type != V_ASN1_OCTET_STRING)
		return -SMIME_E_UNSUPPORTED;
	salt = pbkdf2->salt->value.octet_string;
	r = read_count(pbkdf2->iter, SHARED_PBKDF2_ITERATIONS_MAX, &iterations);
	if (r < 0)
		return r;
	if (pbkdf2->keylength && (read_count(pbkdf2->keylength, INT64_MAX, &told) < 0 || (uint64_t)told != key_len))
		return -SMIME_E_MALFORMED;
	if (ASN1_STRING_length(salt) > SHARED_PBKDF2_SALT_MAX_BYTES)
		return -SMIME_E_TOO_LARGE;
	r = secret_alloc(ret_kek, key_len);
	if (r < 0)
		return r;
	return PKCS5_PBKDF2_HMAC((const char *)password->data, (int)password->len, ASN1_STRING_get0_data(salt), ASN1_STRING_length(salt),
		       (int)iterations, md, (int)key_len, ret_kek->data) == 1 ?
		0 :
		-SMIME_E_INTERNAL;
}

/* PBKDF2 with HMAC-SHA-256, as it is written. */
static X509_ALGOR *new_derivation(void) {
	_cleanup_(pbkdf2_freep) PBKDF2PARAM *pbkdf2 = PBKDF2PARAM_new();
	_cleanup_(string_freep) ASN1_STRING *salt = ASN1_OCTET_STRING_new(), *packed = NULL;
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t random[SALT_BYTES];

	if (!pbkdf2 || !salt || !algorithm || RAND_bytes(random, sizeof(random)) != 1 ||
		ASN1_OCTET_STRING_set(salt, random, sizeof(random)) != 1 || ASN1_INTEGER_set(pbkdf2->iter, SHARED_PBKDF2_ITERATIONS) != 1 ||
		!(pbkdf2->prf = X509_ALGOR_new()) || X509_ALGOR_set0(pbkdf2->prf, OBJ_nid2obj(NID_hmacWithSHA256), V_ASN1_NULL, NULL) != 1)
		return NULL;
	ASN1_TYPE_set(pbkdf2->salt, V_ASN1_OCTET_STRING, TAKE(salt));
	packed = ASN1_item_pack(pbkdf2, ASN1_ITEM_rptr(PBKDF2PARAM), NULL);
	if (!packed || X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_id_pbkdf2), V_ASN1_SEQUENCE, packed) != 1)
		return NULL;
	packed = NULL; /* handed over */
	return TAKE(algorithm);
}

/* ---- PWRI-KEK ---- */

static EVP_CIPHER_CTX *cbc(const struct cms_cipher *cipher, const struct secret *kek, const uint8_t *iv, int encrypt) {
	_cleanup_(cipher_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (!context || EVP_CipherInit_ex2(context, cipher->cipher, kek->data, iv, encrypt, NULL) != 1)
		return NULL;
	EVP_CIPHER_CTX_set_padding(context, 0);
	return TAKE(context);
}

static bool crypt_in_place(EVP_CIPHER_CTX *context, uint8_t *data, size_t len) {
	int n;

	return context && EVP_CipherUpdate(context, data, &n, data, (int)len) == 1 && (size_t)n == len;
}

/* RFC 3211 2.3.1: count, the first octets' complements, the key, random octets up to two blocks at least. */
static int wrap(const struct cms_cipher *cipher, const struct secret *kek, const struct secret *cek, ASN1_OCTET_STRING *encrypted) {
	size_t block = cipher->iv_len, len = (HEADER_BYTES + cek->len + block - 1) / block * block;
	_cleanup_(cipher_freep) EVP_CIPHER_CTX *context = cbc(cipher, kek, cipher->iv, 1);
	_cleanup_(secret_clear) struct secret data = SECRET_EMPTY;

	len = len < 2 * block ? 2 * block : len;
	if (secret_alloc(&data, len) < 0)
		return -SMIME_E_NO_MEMORY;
	if (!context || RAND_priv_bytes(data.data, (int)len) != 1)
		return -SMIME_E_INTERNAL;
	data.data[0] = (uint8_t)cek->len;
	for (size_t i = 0; i < CHECK_BYTES; i++)
		data.data[1 + i] = (uint8_t)~cek->data[i];
	memcpy(data.data + HEADER_BYTES, cek->data, cek->len);
	/* The second time the vector is what the first one ended with: the same context goes on. */
	if (!crypt_in_place(context, data.data, len) || !crypt_in_place(context, data.data, len))
		return -SMIME_E_INTERNAL;
	return ASN1_OCTET_STRING_set(encrypted, data.data, (int)len) == 1 ? 0 : -SMIME_E_NO_MEMORY;
}

/* RFC 3211 2.3.2: the last block first, since it is the vector of all before it. */
static bool unwrap_twice(const struct cms_cipher *cipher, const struct secret *kek, uint8_t *data, size_t len) {
	size_t block = cipher->iv_len, front = len - block;
	uint8_t last[BLOCK_MAX_BYTES];
	_cleanup_(cipher_freep) EVP_CIPHER_CTX *tail = cbc(cipher, kek, data + front - block, 0), *head = NULL, *whole = NULL;

	memcpy(last, data + front, block);
	if (!crypt_in_place(tail, last, block))
		return false;
	memcpy(data + front, last, block);
	head = cbc(cipher, kek, last, 0);
	whole = cbc(cipher, kek, cipher->iv, 0);
	return crypt_in_place(head, data, front) && crypt_in_place(whole, data, len);
}

static int unwrap(const struct cms_cipher *cipher, const struct secret *kek, struct bytes wrapped, size_t len, struct secret *ret_cek) {
	_cleanup_(secret_clear) struct secret data = SECRET_EMPTY;
	uint8_t wrong;

	if (wrapped.len > WRAPPED_MAX_BYTES || wrapped.len < 2 * cipher->iv_len || wrapped.len % cipher->iv_len != 0 ||
		wrapped.len < HEADER_BYTES + len)
		return -SMIME_E_INTEGRITY;
	if (secret_set(&data, wrapped.data, wrapped.len) < 0)
		return -SMIME_E_NO_MEMORY;
	if (!unwrap_twice(cipher, kek, data.data, data.len))
		return -SMIME_E_INTERNAL;
	wrong = data.data[0] ^ (uint8_t)len;
	for (size_t i = 0; i < CHECK_BYTES; i++)
		wrong |= data.data[1 + i] ^ (uint8_t)~data.data[HEADER_BYTES + i];
	return wrong ? -SMIME_E_INTEGRITY : secret_set(ret_cek, data.data + HEADER_BYTES, len);
}

/* ---- Both ---- */

static int set_algorithm(X509_ALGOR **algorithm, const struct cms_cipher_kind *kind, const uint8_t *iv) {
	_cleanup_(algorithm_freep) X509_ALGOR *inner = cms_cipher_algorithm(kind, iv, false);
	_cleanup_(string_freep) ASN1_STRING *packed = inner ? ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), NULL) : NULL;
	ASN1_OBJECT *object = cms_object(OID_PWRI_KEK);

	if (!packed || !object || X509_ALGOR_set0(*algorithm, object, V_ASN1_SEQUENCE, packed) != 1) {
		ASN1_OBJECT_free(object);
		return -SMIME_E_NO_MEMORY;
	}
	packed = NULL; /* handed over */
	return 0;
}

/* The cipher inside PWRI-KEK, which is one that content could be encrypted with in EnvelopedData. */
static int read_algorithm(const X509_ALGOR *algorithm, struct cms_cipher *ret_cipher) {
	_cleanup_(algorithm_freep) X509_ALGOR *inner = NULL;
	const ASN1_OBJECT *object;
	const void *parameter;
	int type, r;

	X509_ALGOR_get0(&object, &type, &parameter, algorithm);
	if (!cms_object_is(object, OID_PWRI_KEK) || type != V_ASN1_SEQUENCE)
		return -SMIME_E_UNSUPPORTED;
	r = cms_parse((struct bytes){ ASN1_STRING_get0_data(parameter), (size_t)ASN1_STRING_length(parameter) }, ASN1_ITEM_rptr(X509_ALGOR),
		&inner);
	if (r == 0)
		r = cms_cipher_read(inner, false, ret_cipher);
	return r == 0 && ret_cipher->derived ? -SMIME_E_UNSUPPORTED : r;
}

int password_wrap(const struct secret *password, const struct secret *cek, struct cms_password_info *info) {
	const struct cms_cipher_kind *kind = cms_cipher_named("aes256-cbc");
	_cleanup_(secret_clear) struct secret kek = SECRET_EMPTY;
	_cleanup_(pbkdf2_freep) PBKDF2PARAM *pbkdf2 = NULL;
	struct cms_cipher cipher;
	uint8_t iv[BLOCK_MAX_BYTES];
	int r;

	info->key_derivation = new_derivation();
	if (!info->key_derivation)
		return -SMIME_E_NO_MEMORY;
	if (RAND_bytes(iv, sizeof(iv)) != 1)
		return -SMIME_E_INTERNAL;
	r = set_algorithm(&info->key_encryption, kind, iv);
	if (r == 0)
		r = read_algorithm(info->key_encryption, &cipher);
	if (r == 0)
		r = read_parameters(info->key_derivation, &pbkdf2);
	if (r == 0)
		r = derive(password, pbkdf2, kind->key_len, &kek);
	return r < 0 ? r : wrap(&cipher, &kek, cek, info->encrypted_key);
}

int password_unwrap(const struct secret *password, const struct cms_password_info *info, size_t len, struct secret *ret_cek) {
	struct bytes wrapped = { ASN1_STRING_get0_data(info->encrypted_key), (size_t)ASN1_STRING_length(info->encrypted_key) };
	_cleanup_(secret_clear) struct secret kek = SECRET_EMPTY;
	_cleanup_(pbkdf2_freep) PBKDF2PARAM *pbkdf2 = NULL;
	struct cms_cipher cipher;
	int r;

	r = read_algorithm(info->key_encryption, &cipher);
	if (r == 0)
		r = read_parameters(info->key_derivation, &pbkdf2);
	if (r == 0)
		r = derive(password, pbkdf2, cipher.key_len, &kek);
	return r < 0 ? r : unwrap(&cipher, &kek, wrapped, len, ret_cek);
}
