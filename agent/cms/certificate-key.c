/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See certificate-key.h. Every value that is read here is a sender's or a CA's: what can't be read is an error, never a guess.
 */
#include "certificate-key.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "leaf.h"
#include "smime/error.h"

enum { SALT_DEFAULT_BYTES = 20, SALT_MAX_BYTES = INT16_MAX, TRAILER_DEFAULT = 1 };

DEFINE_CLEANUP(RSA_PSS_PARAMS *, pss_params_freep, RSA_PSS_PARAMS_free)

struct spki {
	ASN1_OBJECT *object;
	X509_ALGOR *algorithm;
	const uint8_t *key;
	int key_len;
};

static bool spki_of(const X509 *certificate, struct spki *ret_spki) {
	return X509_PUBKEY_get0_param(
		       &ret_spki->object, &ret_spki->key, &ret_spki->key_len, &ret_spki->algorithm, X509_get_X509_PUBKEY(certificate)) == 1;
}

int cms_certificate_key_algorithm(const X509 *certificate) {
	struct spki spki;

	return spki_of(certificate, &spki) ? OBJ_obj2nid(spki.object) : NID_undef;
}

EVP_PKEY *cms_certificate_key(const X509 *certificate) {
	struct spki spki = { .object = NULL };
	int algorithm = spki_of(certificate, &spki) ? OBJ_obj2nid(spki.object) : NID_undef;
	EVP_PKEY *key;

	if (algorithm == NID_rsassaPss || algorithm == NID_rsaesOaep)
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &spki.key, spki.key_len);
	else
		key = X509_get_pubkey((X509 *)(uintptr_t)certificate);
	if (!key)
		ERR_clear_error();
	return key;
}

/* ---- RSASSA-PSS ---- */

static const EVP_MD *read_digest(const X509_ALGOR *algorithm) {
	int type;

	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	return type == V_ASN1_UNDEF || type == V_ASN1_NULL ? cms_digest(algorithm->algorithm) : NULL;
}

static int read_sequence(const X509_ALGOR *algorithm, const ASN1_ITEM *item, void *ret_value) {
	const void *value;
	int type;

	X509_ALGOR_get0(NULL, &type, &value, algorithm);
	if (type != V_ASN1_SEQUENCE)
		return -SMIME_E_MALFORMED;
	return cms_parse((struct bytes){ ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value) }, item, ret_value);
}

static const EVP_MD *read_mgf1(const X509_ALGOR *mask) {
	_cleanup_(algorithm_freep) X509_ALGOR *digest = NULL;

	if (OBJ_obj2nid(mask->algorithm) != NID_mgf1 || read_sequence(mask, ASN1_ITEM_rptr(X509_ALGOR), &digest) < 0)
		return NULL;
	return read_digest(digest);
}

static int read_number(const ASN1_INTEGER *integer, int otherwise, int *ret_value) {
	int64_t value = otherwise;

	if (integer && (ASN1_INTEGER_get_int64(&value, integer) != 1 || value < 0 || value > SALT_MAX_BYTES)) {
		ERR_clear_error();
		return -SMIME_E_MALFORMED;
	}
	*ret_value = (int)value;
	return 0;
}

int cms_pss_read(const X509_ALGOR *algorithm, struct cms_pss *ret_pss) {
	_cleanup_(pss_params_freep) RSA_PSS_PARAMS *params = NULL;
	int r = read_sequence(algorithm, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &params);

	if (r < 0)
		return r;
	ret_pss->md = params->hashAlgorithm ? read_digest(params->hashAlgorithm) : EVP_sha1();
	ret_pss->mgf1_md = params->maskGenAlgorithm ? read_mgf1(params->maskGenAlgorithm) : EVP_sha1();
	if (!ret_pss->md || !ret_pss->mgf1_md)
		return -SMIME_E_UNSUPPORTED;
	r = read_number(params->saltLength, SALT_DEFAULT_BYTES, &ret_pss->salt_len);
	return r < 0 ? r : read_number(params->trailerField, TRAILER_DEFAULT, &ret_pss->trailer);
}

int cms_pss_restriction(const X509 *certificate, struct cms_pss *ret_pss) {
	struct spki spki;

	if (!spki_of(certificate, &spki) || OBJ_obj2nid(spki.object) != NID_rsassaPss || !spki.algorithm->parameter)
		return 1;
	return cms_pss_read(spki.algorithm, ret_pss);
}
